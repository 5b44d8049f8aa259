"""The schema that is made of tables: ovsdb-tool takes it, and versions that differ get along."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.database.tables import TABLES
from tunbridge.database import schema
from tunbridge.model.tables import Column, Table, Type


def tool(*arguments: str | Path) -> str:
    return subprocess.run(["ovsdb-tool", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_ovsdb_tool_makes_a_database_of_it_with_its_version_and_checksum(tmp_path: Path) -> None:
    made = schema.schema_of(TABLES)
    (tmp_path / "schema").write_bytes(schema.text_of(made))
    tool("create", tmp_path / "db", tmp_path / "schema")
    assert tool("db-name", tmp_path / "db") == "Tunbridge"
    assert tool("db-version", tmp_path / "db") == made["version"] == schema.version_of(TABLES)
    assert tool("db-cksum", tmp_path / "db") == made["cksum"]


def test_the_checksum_changes_with_any_column_and_not_with_the_order_of_tables() -> None:
    known = schema.schema_of(TABLES)["cksum"]
    assert schema.schema_of(reversed(TABLES))["cksum"] == known
    more = Table("Network", (*TABLES[0].columns, Column("vlan", Type.INTEGER)))
    assert schema.schema_of((more, *TABLES[1:]))["cksum"] != known


def test_what_ovsdb_server_gives_back_lacks_nothing_and_differs_in_nothing(tmp_path: Path) -> None:
    (tmp_path / "schema").write_bytes(schema.text_of(schema.schema_of(TABLES)))
    tool("create", tmp_path / "db", tmp_path / "schema")
    found = json.loads((tmp_path / "db").read_text().splitlines()[1])
    assert schema.missing(found, TABLES) == []
    assert schema.different(found, TABLES) == []


def test_a_merge_adds_tables_columns_and_indexes_and_keeps_what_a_newer_version_made() -> None:
    newer = Table("Group", (Column("name"), Column("stateful", Type.BOOLEAN)), indexes=(("name",),))
    found = schema.schema_of((newer,))
    assert schema.missing(found, TABLES) == ["Network", "Port", "Address", "Quota"]
    merged = schema.merged(found, TABLES)
    numbers = [int(each["version"].split(".")[1]) for each in (found, schema.schema_of(TABLES), merged)]
    assert numbers[2] > max(numbers[:2]), "what has more has the greater number"
    assert schema.missing(merged, (*TABLES, newer)) == []
    assert merged["tables"]["Group"]["indexes"] == [["name"]]
    assert merged["tables"]["Port"]["indexes"] == [["network_id", "mac_address"]]


def test_a_column_of_another_type_is_named() -> None:
    other = Table("Group", (Column("name", Type.INTEGER),))
    assert schema.different(schema.schema_of((other,)), TABLES) == ["Group.name"]


@pytest.mark.parametrize("root", [True, False])
def test_a_merge_into_what_ovsdb_server_gives_back_keeps_the_roots(tmp_path: Path, root: bool) -> None:
    """It leaves "isRoot" out when all tables are roots; a conversion that overlooks that deletes every row."""
    tables = (*TABLES, Table("Part", (Column("name"),), root=root))
    (tmp_path / "schema").write_bytes(schema.text_of(schema.schema_of(tables)))
    tool("create", tmp_path / "db", tmp_path / "schema")
    found = json.loads((tmp_path / "db").read_text().splitlines()[1])
    merged = schema.merged(found, (Table("New", (Column("name"),)),))
    assert {name for name, table in merged["tables"].items() if not table["isRoot"]} == (set() if root else {"Part"})

"""Declarations fit together, and mistakes in them are found when they are loaded."""

import pytest
from msgspec.structs import replace

from tunbridge.model import catalog
from tunbridge.model.catalog import check
from tunbridge.model.resource import Resource, ref, text
from tunbridge.model.tables import Cardinality, Table, Type

ALIASES = {extension.alias for extension in catalog.EXTENSIONS}
NETWORK = catalog.resource("network")


def test_declarations_fit_together() -> None:
    assert check(catalog.RESOURCES, catalog.tables(), ALIASES) == []


def test_unknown_resource_is_an_error() -> None:
    with pytest.raises(KeyError):
        catalog.resource("trunks")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (Table("Network", ()), "two tables Network"),
        (Table("X", (ref("y", "Nowhere"),)), "X.y refers to Nowhere, which is not there"),
        (Table("X", (text("y"), text("y"))), "X has the column y twice"),
        (Table("X", (text("y"),), indexes=(("y", "z"),)), "X has an index over ('y', 'z'), not all columns"),
        (Table("X", (text("y"),), hosts_only=True), "X is written by hosts and has no column host"),
    ],
)
def test_mistake_in_a_table_is_found(table: Table, complaint: str) -> None:
    assert check(catalog.RESOURCES, (*catalog.tables(), table), ALIASES) == [complaint]


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        (replace(NETWORK, collection="others"), "two of the name network"),
        (replace(NETWORK, name="other"), "two collections networks"),
        (replace(NETWORK, name="x", collection="xs", fields=NETWORK.fields * 2), "x has id twice"),
        (replace(NETWORK, name="x", collection="xs", extension="y"), "x names the extension y, which is not there"),
        (replace(NETWORK, name="x", collection="xs", parent="y"), "x stands below y, which is not there"),
        (replace(NETWORK, name="x", collection="xs", table="Y"), "x is made of Y, which is not there"),
    ],
)
def test_mistake_in_a_resource_is_found(resource: Resource, complaint: str) -> None:
    assert complaint in check((*catalog.RESOURCES, resource), catalog.tables(), ALIASES)


def test_rows_that_go_with_another_are_pointed_at_strongly() -> None:
    strong = {c.table for t in catalog.tables() for c in t.columns if c.type is Type.REF and c.strong}
    assert {table.name for table in catalog.tables() if not table.root} <= strong


def test_no_unique_index_has_an_optional_column() -> None:
    """The database holds two rows without the value to be equal."""
    for table in catalog.tables():
        for index in table.indexes:
            assert all(table.column(name).many is Cardinality.ONE for name in index), table.name


def test_filters_that_people_use_have_an_index() -> None:
    for each in catalog.RESOURCES:
        for field in each.fields:
            if field.name in ("name", "project_id", "network_id", "device_id", "tags") and field.column is not None:
                assert field.column.indexed, f"{each.name}.{field.name}"


def test_defaults_pass_their_own_checks() -> None:
    for each in catalog.RESOURCES:
        for field in each.fields:
            if field.post and not isinstance(field.default, type(NETWORK.field("project_id").default)):
                assert field.clean(field.default) == field.default, f"{each.name}.{field.name}"

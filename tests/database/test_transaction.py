"""The overlay reads what it wrote, and a real OVSDB (ovsdb-tool on a file) does what the operations say."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.database.tables import TABLES
from tests.database.test_store import the, updates
from tunbridge.database import errors, schema
from tunbridge.database.store import Store
from tunbridge.database.transaction import Transaction

N1 = "10000000-0000-4000-8000-000000000000"
G1 = "90000000-0000-4000-8000-000000000000"


class File:
    """A database file and a store that shows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "db"
        (folder / "schema").write_bytes(schema.text_of(schema.schema_of(TABLES)))
        subprocess.run(["ovsdb-tool", "create", self.path, folder / "schema"], check=True)

    def transact(self, *operations: Any) -> list[Any]:
        argv = ["ovsdb-tool", "transact", str(self.path), json.dumps(["Tunbridge", *operations])]
        done = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        results: list[Any] = json.loads(done)
        return results

    def store(self) -> Store:
        made = Store(TABLES)
        for table in TABLES:
            (selected,) = self.transact({"op": "select", "table": table.name, "where": []})
            rows = {row["_uuid"][1]: row for row in selected["rows"]}
            made.apply(updates(**{table.name: {id: {"initial": row} for id, row in rows.items()}}))
        return made

    def commit(self, txn: Transaction) -> None:
        found = errors.from_results(self.transact(*txn.operations()), txn.targets())
        if found is not None:
            raise found


@pytest.fixture
def file(tmp_path: Path) -> File:
    made = File(tmp_path)
    txn = Transaction(made.store())
    txn.insert("Network", {"name": "one", "project_id": "p"}, N1)
    txn.insert("Group", {"name": "default"}, G1)
    made.commit(txn)
    return made


def rows_of(view: Store | Transaction) -> dict[str, list[Any]]:
    return {t.name: sorted(map(msgspec.structs.asdict, view.all(t.name)), key=lambda row: row["id"]) for t in TABLES}


def test_what_the_overlay_shows_is_what_the_database_holds_afterwards(file: File) -> None:
    txn = Transaction(file.store())
    port = txn.insert("Port", {"network_id": N1, "mac_address": "m1", "groups": [G1], "revision": 1})
    gone = txn.insert("Port", {"network_id": N1, "mac_address": "m2"})
    txn.insert("Address", {"port_id": port, "address": "10.0.0.4"})
    txn.update("Port", port, {"device_id": "vm"})
    txn.add("Port", port, "revision", 5)
    txn.update("Port", port, {"name": "web", "revision": 9})
    txn.delete("Port", gone)
    txn.update("Network", N1, {"tags": ["b", "a"], "options": {"k": "v"}, "segmentation_id": 7, "details": '{"a":1}'})
    assert [row.name for row in txn.find("Port", "device_id", "vm")] == ["web"]
    assert the(txn.find_unique("Address", ("address",), ("10.0.0.4",))).port_id == port
    assert txn.count("Port", "network_id", N1) == 1
    assert the(txn.get("Port", port)).revision == 9
    assert the(txn.get("Network", N1)).tags == ("a", "b")
    assert txn.find("Network", "tags", "a") != []
    file.commit(txn)
    assert rows_of(file.store()) == rows_of(txn)


def test_delete_where_sees_what_was_written_before_it_and_not_what_came_after(file: File) -> None:
    txn = Transaction(file.store())
    kept = txn.insert("Group", {"name": "kept"})
    txn.insert("Group", {"name": "x"})
    txn.delete_where("Group", "name", "x")
    txn.update("Group", kept, {"name": "x"})
    file.commit(txn)
    assert rows_of(file.store()) == rows_of(txn)
    assert {row.name for row in file.store().all("Group")} == {"default", "x"}


def test_delete_where_deletes_what_came_meanwhile(file: File) -> None:
    late = Transaction(file.store())
    late.delete_where("Group", "name", "default")
    early = Transaction(file.store())
    early.insert("Group", {"name": "default"})
    file.commit(early)
    file.commit(late)
    assert list(file.store().all("Group")) == []


@pytest.mark.parametrize("act", ["update", "delete", "exists", "verify", "add"])
def test_a_row_that_went_meanwhile_fails_the_transaction(file: File, act: str) -> None:
    start = Transaction(file.store())
    id = start.insert("Quota", {"project_id": "p", "left": 1})
    file.commit(start)
    late, early = Transaction(file.store()), Transaction(file.store())
    extra: dict[str, tuple[Any, ...]] = {"update": ({"left": 2},), "verify": ("left",), "add": ("left", 1)}
    getattr(late, act)("Quota", id, *extra.get(act, ()))
    early.delete("Quota", id)
    file.commit(early)
    with pytest.raises(errors.Changed) as caught:
        file.commit(late)
    assert (caught.value.table, caught.value.id) == ("Quota", id)
    with pytest.raises(errors.RowGone):
        getattr(Transaction(file.store()), act)("Quota", id, *extra.get(act, ()))


def test_verify_fails_only_when_its_columns_changed(file: File) -> None:
    first, second, other = (Transaction(file.store()) for _ in range(3))
    other.update("Network", N1, {"name": "new"})
    for txn, column in ((first, "project_id"), (second, "name")):
        txn.verify("Network", N1, column)
        txn.insert("Group", {"name": column})
    file.commit(other)
    file.commit(first)
    with pytest.raises(errors.Changed):
        file.commit(second)
    assert file.store().find("Group", "name", "name") == []


@pytest.mark.parametrize("change", ["came", "went", "another"])
def test_relying_on_the_rows_with_a_value_fails_only_when_one_came_or_went(file: File, change: str) -> None:
    late, early = Transaction(file.store()), Transaction(file.store())
    late.verify_rows("Group", "name", "default")
    late.insert("Group", {"name": "late"})
    if change == "went":
        early.delete("Group", G1)
    else:
        early.insert("Group", {"name": "default" if change == "came" else "other"})
    file.commit(early)
    if change == "another":
        file.commit(late)
        return
    with pytest.raises(errors.Changed) as caught:
        file.commit(late)
    assert caught.value.table == "Group"
    assert file.store().find("Group", "name", "late") == []


def test_each_conflict_names_what_it_is_about(file: File) -> None:
    def refused(act: Any) -> Any:
        txn = Transaction(file.store())
        act(txn)
        with pytest.raises(errors.WriteConflict) as caught:
            file.commit(txn)
        return caught.value

    port = {"network_id": N1, "mac_address": "m"}

    def two(txn: Transaction) -> None:
        txn.insert("Port", port)
        txn.insert("Port", port)

    unique = refused(two)
    assert isinstance(unique, errors.UniqueConflict)
    assert (unique.table, set(unique.columns)) == ("Port", {"network_id", "mac_address"})

    duplicate = refused(lambda txn: txn.insert("Group", {}, G1))
    assert isinstance(duplicate, errors.DuplicateIdConflict)
    assert duplicate.id == G1

    low = refused(lambda txn: txn.add("Quota", txn.insert("Quota", {"project_id": "p"}), "left", -1))
    assert isinstance(low, errors.MinimumConflict)
    assert (low.table, low.columns) == ("Quota", ("left",))

    missing = refused(lambda txn: txn.insert("Port", {"network_id": G1}))
    assert isinstance(missing, errors.MissingReferenceConflict)
    assert (missing.table, missing.column, missing.target) == ("Port", "network_id", G1)

    start = Transaction(file.store())
    start.insert("Port", port)
    file.commit(start)
    in_use = refused(lambda txn: txn.delete("Network", N1))
    assert isinstance(in_use, errors.ReferencedConflict)
    assert (in_use.table, in_use.id) == ("Network", N1)


def test_values_that_a_column_cannot_hold_are_refused_before_anything_is_sent(file: File) -> None:
    txn = Transaction(file.store())
    wrong: list[dict[str, Any]] = [{"name": 1}, {"name": None}, {"shared": 1}, {"tags": [1]}, {"segmentation_id": "7"}]
    for values in wrong:
        with pytest.raises(TypeError):
            txn.insert("Network", values)
    bad: list[dict[str, Any]] = [{"name": "a\0b"}, {"options": {"k": "\ud800"}}, {"segmentation_id": 1 << 63}]
    for values in bad:
        with pytest.raises(ValueError):
            txn.insert("Network", values)
    with pytest.raises(KeyError, match="colour"):
        txn.insert("Network", {"colour": "red"})
    assert txn.is_empty


def test_what_was_relied_on_first_counts_when_the_store_has_moved_on(file: File) -> None:
    store = file.store()
    late = Transaction(store)
    late.verify("Network", N1, "name")
    early = Transaction(file.store())
    early.update("Network", N1, {"name": "new"})
    file.commit(early)
    store.apply(updates(Network={N1: {"modify": {"name": "new"}}}))
    late.verify("Network", N1, "name")
    late.insert("Group", {"name": "late"})
    with pytest.raises(errors.Changed):
        file.commit(late)


def test_additions_to_one_number_are_one_operation_until_something_comes_between(file: File) -> None:
    txn = Transaction(file.store())
    id = txn.insert("Quota", {"project_id": "p", "left": 10})
    file.commit(txn)
    txn = Transaction(file.store())
    for _ in range(3):
        txn.add("Quota", id, "left", -2)
    assert len(txn.operations()) == 2  # the row is there; 6 less
    txn.update("Quota", id, {"left": 7})
    txn.add("Quota", id, "left", -1)
    file.commit(txn)
    assert rows_of(file.store()) == rows_of(txn)
    assert the(file.store().get("Quota", id)).left == 6

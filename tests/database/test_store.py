"""The store by itself: what it finds after inserts, changes and deletions, as ovsdb-server writes them."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.database.tables import TABLES
from tunbridge.database.store import Store, UnknownRowError

N1, P1, P2 = (f"{n}0000000-0000-4000-8000-000000000000" for n in "123")


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def updates(**tables: dict[str, Any]) -> dict[str, dict[str, msgspec.Raw]]:
    return {table: {id: raw(update) for id, update in rows.items()} for table, rows in tables.items()}


def port(mac: str, **columns: Any) -> dict[str, Any]:
    return {"network_id": ["uuid", N1], "mac_address": mac, **columns}


@pytest.fixture
def store() -> Store:
    made = Store(TABLES)
    made.apply(
        updates(
            Network={N1: {"initial": {"name": "one", "tags": "t", "options": ["map", [["a", "1"], ["b", "2"]]]}}},
            Port={P1: {"insert": port("m1", device_id="vm")}, P2: {"insert": port("m2")}},
        )
    )
    return made


def the(row: Any) -> Any:
    """Give a row that must be there."""
    assert row is not None
    return row


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]


def test_columns_that_were_not_sent_have_their_defaults(store: Store) -> None:
    row = the(store.get("Network", N1))
    assert (row.project_id, row.shared, row.segmentation_id) == ("", False, None)
    assert (row.tags, row.options) == (("t",), {"a": "1", "b": "2"})
    assert the(store.get("Port", P2)).groups == ()


def test_rows_are_found_by_index_by_unique_key_and_without_one(store: Store) -> None:
    assert ids(store.find("Port", "network_id", N1)) == [P1, P2]
    assert store.count("Port", "network_id", N1) == 2
    assert ids(store.find("Port", "device_id", "vm")) == [P1]
    assert ids(store.find("Network", "tags", "t")) == [N1]
    assert ids(store.find("Port", "mac_address", "m2")) == [P2]  # no index: looks at all
    assert the(store.find_unique("Port", ("mac_address", "network_id"), ("m1", N1))).id == P1
    assert store.find_unique("Port", ("network_id", "mac_address"), (N1, "m3")) is None
    with pytest.raises(KeyError):
        store.find_unique("Port", ("name",), ("x",))


def test_a_modification_is_a_difference_and_the_old_row_stays_as_it_was(store: Store) -> None:
    old = the(store.get("Network", N1))
    change = {"tags": ["set", ["t", "u", "v"]], "options": ["map", [["a", "1"], ["b", "3"], ["c", "4"]]]}
    store.apply(updates(Network={N1: {"modify": {**change, "segmentation_id": 7, "unknown": 1}}}))
    row = the(store.get("Network", N1))
    assert (row.tags, row.options, row.segmentation_id) == (("u", "v"), {"b": "3", "c": "4"}, 7)
    assert (old.tags, old.options, old.segmentation_id) == (("t",), {"a": "1", "b": "2"}, None)
    assert ids(store.find("Network", "tags", "v")) == [N1]
    assert store.find("Network", "tags", "t") == []


def test_two_rows_may_swap_their_unique_values_in_one_update(store: Store) -> None:
    store.apply(updates(Port={P1: {"modify": {"mac_address": "m2"}}, P2: {"modify": {"mac_address": "m1"}}}))
    assert the(store.find_unique("Port", ("network_id", "mac_address"), (N1, "m1"))).id == P2
    assert the(store.find_unique("Port", ("network_id", "mac_address"), (N1, "m2"))).id == P1


def test_a_deleted_row_is_found_nowhere(store: Store) -> None:
    store.apply(updates(Port={P1: {"delete": None}}))
    assert store.get("Port", P1) is None
    assert ids(store.all("Port")) == [P2]
    assert ids(store.find("Port", "network_id", N1)) == [P2]
    assert store.find("Port", "device_id", "vm") == []
    assert store.find_unique("Port", ("network_id", "mac_address"), (N1, "m1")) is None


def test_an_update_of_an_unknown_row_changes_nothing(store: Store) -> None:
    before = store.revision
    with pytest.raises(UnknownRowError):
        store.apply(updates(Port={P1: {"delete": None}, N1: {"modify": {"name": "x"}}}))
    assert store.get("Port", P1) is not None
    assert store.revision == before


def test_a_snapshot_takes_effect_at_once_and_tells_what_differs(store: Store) -> None:
    told: list[Any] = []
    store.listen(lambda table, old, new: told.append((table, old and old.id, new and new.id)))
    kept = store.get("Port", P2)
    rows = {f"{n:08x}-0000-4000-8000-00000000000a": {"initial": port(f"x{n}")} for n in range(2000)}
    snapshot = updates(Port={P2: {"initial": port("m2")}, **rows})

    async def watch() -> set[int]:
        loading = asyncio.create_task(store.load({table: raw(rows) for table, rows in snapshot.items()}))
        seen = set()
        while not loading.done():
            seen.add(store.count("Port", "network_id", N1))
            await asyncio.sleep(0)
        return seen

    seen = asyncio.run(watch())
    assert 2 in seen and seen <= {2, 2001}, "the event loop ran while it was loaded, and saw the old or the new rows"
    assert store.get("Port", P2) is kept
    assert ("Network", N1, None) in told and ("Port", P1, None) in told
    assert not any(P2 in change for change in told)
    assert len(told) == 2 + 2000

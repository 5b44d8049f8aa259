"""Random transactions on a real database: the store is what a plain dictionary says, also after a resume."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.members import Member, member
from tests.database.test_connection import database
from tunbridge.database.connection import Database
from tunbridge.database.store import Store
from tunbridge.database.transaction import Transaction

_words = st.sampled_from(["", "a", "b", "c", "é\u4e2d", '{"}', "\\"])
_networks = st.fixed_dictionaries(
    {},
    optional={
        "name": _words,
        "project_id": _words,
        "shared": st.booleans(),
        "segmentation_id": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        "tags": st.lists(_words, max_size=3),
        "options": st.dictionaries(_words, _words, max_size=3),
        "details": _words,
    },
)
_steps = st.one_of(
    st.tuples(st.just("insert"), st.integers(0, 7), _networks),
    st.tuples(st.just("update"), st.integers(0, 7), _networks),
    st.tuples(st.just("delete"), st.integers(0, 7)),
    st.tuples(st.just("delete_where"), st.sampled_from(["name", "project_id", "tags", "shared"]), _words),
)
_transactions = st.lists(st.lists(_steps, min_size=1, max_size=5), min_size=1, max_size=8)
_DEFAULTS: dict[str, Any] = {
    "name": "",
    "project_id": "",
    "shared": False,
    "segmentation_id": None,
    "tags": (),
    "options": {},
    "details": "",
}
Model = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[Member]:
    with member() as made:
        asyncio.run(_ballast(made))
        yield made


async def _ballast(server: Member) -> None:
    """ovsdb-server's history, from which clients resume, holds no more values than the database does."""
    async with database(server.remote) as db:
        await db.commit(lambda txn: [txn.insert("Group", {"name": str(number)}) for number in range(2000)])


def play(txn: Transaction, model: Model, steps: list[Any], ids: list[str]) -> None:
    """Do the steps in a transaction, and the same to the model."""
    deleted: set[str] = set()
    for step, *arguments in steps:
        if step == "delete_where":
            column, value = arguments
            value = bool(value) if column == "shared" else value
            gone = {
                id for id, row in model.items() if (value in row["tags"] if column == "tags" else row[column] == value)
            }
            txn.delete_where("Network", column, value)
            deleted |= gone
            for id in gone:
                del model[id]
            continue
        id = ids[arguments[0]]
        values = dict(arguments[1]) if len(arguments) > 1 else {}
        if "tags" in values:
            values["tags"] = tuple(sorted(set(values["tags"])))
        if step == "insert" and id not in model and id not in deleted:  # OVSDB takes no id twice in a transaction
            txn.insert("Network", values, id)
            model[id] = {**_DEFAULTS, **values}
        elif step == "update" and id in model:
            txn.update("Network", id, values)
            model[id] = {**model[id], **values}
        elif step == "delete" and id in model:
            txn.delete("Network", id)
            deleted.add(id)
            del model[id]


def shown(view: Store | Transaction) -> Model:
    rows = [msgspec.structs.asdict(row) for row in view.all("Network")]
    return {row.pop("id"): row for row in rows}


def agree(store: Store, model: Model) -> None:
    assert shown(store) == model
    for value in ("", "a", "b"):
        assert {r.id for r in store.find("Network", "project_id", value)} == {
            id for id, row in model.items() if row["project_id"] == value
        }
        assert store.count("Network", "tags", value) == sum(value in row["tags"] for row in model.values())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transactions=_transactions, cut=st.integers(0, 7))
def test_any_sequence_of_transactions_gives_the_rows_of_a_dictionary_and_a_resumed_store_those_of_a_new_one(
    server: Member, transactions: list[Any], cut: int
) -> None:
    ids = [f"{n}0000000-0000-4000-8000-000000000000" for n in range(8)]

    async def run() -> None:
        async with database(server.remote) as one, database(server.remote) as two:
            await one.commit(_clear)
            await two.barrier()
            model: Model = {}
            for number, steps in enumerate(transactions):
                if number == cut:
                    _disconnect(two)  # it will have missed some transactions when it comes back

                def build(txn: Transaction, steps: list[Any] = steps, before: Model = model) -> Model:
                    after = dict(before)
                    play(txn, after, steps, ids)
                    assert shown(txn) == after, "the overlay shows what was written"
                    return after

                model = await one.commit(build)
                agree(one.store, model)
            await two.barrier()
            agree(two.store, model)
            async with database(server.remote) as new:
                agree(new.store, model)
            assert cut >= len(transactions) or two.stats.resumes == 1

    asyncio.run(run())


def _clear(txn: Transaction) -> None:
    for row in list(txn.all("Network")):
        txn.delete("Network", row.id)


def _disconnect(database: Database) -> None:
    session = database._link._session
    assert session is not None
    session.close("cut by the test")

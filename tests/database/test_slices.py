"""Transactions that are built in slices: others run meanwhile, and nothing of what they do is missed."""

import asyncio
import gc
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.database.members import Member, member
from tests.database.tables import TABLES
from tests.database.test_connection import database, insert
from tunbridge.database import link, slices
from tunbridge.database.connection import Database
from tunbridge.database.transaction import Transaction

Steps = Generator[None, None, list[str]]


@pytest.fixture(scope="module")
def shared() -> Iterator[Member]:
    with member(TABLES) as made:
        yield made


@pytest.fixture(autouse=True)
def every_step_is_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the event loop its turn after every step, and read every update in slices."""
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    monkeypatch.setattr(link, "_LARGE", 0)


def test_no_cycles_are_looked_for_until_the_last_of_several_has_ended() -> None:
    assert gc.isenabled()
    with slices.uncollected():
        with slices.uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def groups(name: str, count: int) -> Callable[[Transaction], Steps]:
    def build(txn: Transaction) -> Steps:
        ids = []
        for number in range(count):
            ids.append(txn.insert("Group", {"name": f"{name}-{number}"}))
            yield
        return ids

    return build


def test_others_read_and_write_while_a_large_transaction_is_built(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as db:
            large = asyncio.create_task(db.commit_in_slices(groups("large", 2000)))
            await asyncio.sleep(0)
            small = await db.commit(insert("Group", name="small"))
            assert not large.done()
            assert db.store.get("Group", small) is not None
            ids = await large
            assert all(db.store.get("Group", id) is not None for id in ids)

    asyncio.run(run())


def test_a_large_update_takes_effect_at_once(shared: Member) -> None:
    """Whoever looks while it is read sees all rows of the transaction, or none."""

    async def run() -> None:
        async with database(shared.remote) as writer, database(shared.remote) as reader:
            seen: set[int] = set()
            large = asyncio.create_task(writer.commit_in_slices(groups("whole", 1500)))
            while not large.done():
                seen.add(sum(row.name.startswith("whole-") for row in reader.store.all("Group")))
                await asyncio.sleep(0)
            await reader.barrier()
            seen.add(sum(row.name.startswith("whole-") for row in reader.store.all("Group")))
            assert seen <= {0, 1500} and 1500 in seen

    asyncio.run(run())


def test_what_changed_between_two_steps_is_not_relied_on(shared: Member) -> None:
    """It is built again: the first step has seen another value than what is there when it is sent."""

    async def run() -> None:
        async with database(shared.remote) as db, database(shared.remote) as other:
            network = await db.commit(insert("Network", name="one"))
            built: list[str] = []

            def build(txn: Transaction) -> Generator[None, None, None]:
                built.append("began")
                for _ in range(2):
                    row = txn.get("Network", network)
                    assert row is not None
                    txn.verify("Network", network, "name")
                    txn.insert("Group", {"name": f"of {row.name}"})
                    if built == ["began"]:
                        built.append("interrupted")
                        change.set()
                    while not changed.is_set() and built[-1] == "interrupted":
                        yield

            change, changed = asyncio.Event(), asyncio.Event()

            async def meddle() -> None:
                await change.wait()
                await other.commit(lambda txn: txn.update("Network", network, {"name": "two"}))
                await _shown(db, network, "two")
                changed.set()

            await asyncio.gather(db.commit_in_slices(build), meddle())
            assert built.count("began") == 2
            assert [row.name for row in db.store.all("Group") if row.name.startswith("of ")] == ["of two", "of two"]

    asyncio.run(run())


async def _shown(db: Database, network: str, name: str) -> None:
    while True:
        row = db.store.get("Network", network)
        if row is not None and row.name == name:
            return
        await asyncio.sleep(0.001)


def test_what_a_step_raises_comes_out_once_it_was_raised_on_current_rows(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as db:
            tries = []

            def build(txn: Transaction) -> Generator[None, None, None]:
                tries.append(txn)
                yield
                raise KeyError("not there")

            with pytest.raises(KeyError):
                await db.commit_in_slices(build)
            assert len(tries) == 2

    asyncio.run(run())

"""Two `Database`s on one real ovsdb-server: what one wrote, the other reads; what may exist once, exists once."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.database.members import Member, member
from tests.database.tables import TABLES
from tunbridge.database import errors
from tunbridge.database.connection import LARGE, PATIENCE_S, Database
from tunbridge.database.transaction import Transaction
from tunbridge.errors import TunbridgeError
from tunbridge.model.tables import Table


@asynccontextmanager
async def database(*remotes: str, tables: Sequence[Table] = TABLES) -> AsyncIterator[Database]:
    made = Database(tables)
    await made.start(remotes)
    try:
        await made.wait_ready(10)
        yield made
    finally:
        await made.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Member]:
    with member() as made:
        yield made


def insert(table: str, **values: Any) -> Callable[[Transaction], str]:
    return lambda txn: txn.insert(table, values)


def delete(table: str, id: str) -> Callable[[Transaction], None]:
    return lambda txn: txn.delete(table, id)


def test_what_one_acknowledged_the_other_shows_after_a_barrier(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as one, database(shared.remote) as two:

            async def client(number: int) -> None:
                for turn in range(250):
                    writer, reader = (one, two) if (turn + number) % 2 else (two, one)
                    name = f"{number}-{turn}"
                    id = await writer.commit(insert("Group", name=name))
                    assert writer.store.get("Group", id) is not None, "read your own writes"
                    await reader.barrier()
                    row = reader.store.get("Group", id)
                    assert row is not None and row.name == name
                    await reader.commit(delete("Group", id))
                    await writer.barrier()
                    assert writer.store.get("Group", id) is None

            await asyncio.gather(*(client(number) for number in range(8)))
            assert one.stats.barriers < 4000, "concurrent barriers are shared"

    asyncio.run(run())


@pytest.mark.parametrize("things", [LARGE, 1])
def test_who_only_reads_does_not_wait_for_a_large_transaction_of_this_server(shared: Member, things: int) -> None:
    """The database is stopped meanwhile, so that it is at work for as long as the test wants."""
    stopped = shared.process
    assert stopped is not None

    async def run() -> None:
        async with database(shared.remote) as one, database(shared.remote) as two:

            def many(txn: Transaction) -> list[str]:
                return [txn.insert("Group", {"name": f"large-{things}-{number}"}) for number in range(things)]

            before = await two.commit(insert("Group", name="before"))
            await one.barrier()
            stopped.send_signal(signal.SIGSTOP)
            try:
                writing = asyncio.create_task(one.commit(many))
                reading = asyncio.create_task(one.current())
                done, _ = await asyncio.wait((writing, reading), timeout=5 * PATIENCE_S)
            finally:
                stopped.send_signal(signal.SIGCONT)
            assert done == ({reading} if things >= LARGE else set())
            assert one.store.get("Group", before) is not None
            made = await writing
            await reading
            assert all(one.store.get("Group", id) is not None for id in made)
            await one.current()
            await two.current()
            assert all(two.store.get("Group", id) is not None for id in made)

    asyncio.run(run())


def test_concurrent_creators_on_two_servers_never_get_a_value_twice_nor_more_than_the_quota(shared: Member) -> None:
    addresses = [f"10.0.0.{n}" for n in range(40)]

    def build(port: str, quota: str) -> Any:
        def act(txn: Transaction) -> str:
            left = txn.get("Quota", quota)
            if left is None or left.left == 0:
                raise TunbridgeError("over quota")
            free = [a for a in addresses if txn.find_unique("Address", ("address",), (a,)) is None]
            txn.add("Quota", quota, "left", -1)
            txn.insert("Address", {"port_id": port, "address": random.choice(free[:4])})
            return free[0]

        return act

    async def run() -> None:
        async with database(shared.remote) as one, database(shared.remote) as two:

            def setup(txn: Transaction) -> tuple[str, str]:
                network = txn.insert("Network", {"name": "n"})
                quota = txn.insert("Quota", {"project_id": "race", "left": 30})
                return txn.insert("Port", {"network_id": network, "mac_address": "race"}), quota

            port, quota = await one.commit(setup)
            await two.barrier()
            attempts = [(one, two)[n % 2].commit(build(port, quota)) for n in range(64)]
            results = []
            for batch in range(0, 64, 16):
                results += await asyncio.gather(*attempts[batch : batch + 16], return_exceptions=True)
            refused = [r for r in results if isinstance(r, BaseException)]
            assert {str(r) for r in refused} == {"over quota"}, "nobody lost every race, and nothing else went wrong"
            await asyncio.gather(one.barrier(), two.barrier())
            for db in (one, two):
                taken = [row.address for row in db.store.all("Address")]
                assert len(taken) == len(set(taken)) == 30
                left = db.store.get("Quota", quota)
                assert left is not None and left.left == 0
            assert one.stats.conflicts + two.stats.conflicts > 0, "there were races"

    asyncio.run(run())


def test_a_conflict_that_building_anew_does_not_mend_is_let_out(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as db:
            await db.commit(lambda txn: txn.insert("Quota", {"project_id": "same"}))
            built = 0

            def again(txn: Transaction) -> None:
                nonlocal built
                built += 1
                txn.insert("Quota", {"project_id": "same"})

            with pytest.raises(errors.UniqueConflict) as caught:
                await db.commit(again)
            assert caught.value.columns == ("project_id",)
            assert built < 5

    asyncio.run(run())


def test_an_error_of_build_is_let_out_only_when_the_rows_are_current(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as one, database(shared.remote) as two:
            id = await one.commit(lambda txn: txn.insert("Group", {"name": "fresh"}))

            def needs_it(txn: Transaction) -> None:
                if txn.get("Group", id) is None:
                    raise LookupError(id)
                txn.delete("Group", id)

            await two.commit(needs_it)
            with pytest.raises(LookupError):
                await one.commit(needs_it)

    asyncio.run(run())


def test_a_refused_transaction_leaves_nothing(shared: Member) -> None:
    async def run() -> None:
        async with database(shared.remote) as db:

            def act(txn: Transaction) -> None:
                txn.insert("Group", {"name": "half"})
                txn.insert("Quota", {"project_id": "half", "left": -1})

            with pytest.raises(errors.MinimumConflict):
                await db.commit(act)
            await db.barrier()
            assert db.store.find("Group", "name", "half") == []

    asyncio.run(run())

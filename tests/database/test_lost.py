"""What happens when ovsdb-server is killed, stopped or loses its lead in the middle of things."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.database.members import Member, leader_of, member, three_members
from tests.database.test_connection import database, insert
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.database.session import Session
from tunbridge.database.transaction import Transaction


@pytest.fixture
def server() -> Iterator[Member]:
    with member() as made:
        yield made


def test_acknowledged_is_there_and_nothing_happens_twice_when_it_is_killed_again_and_again(server: Member) -> None:
    async def run() -> None:
        async with database(server.remote) as db:
            counter = await db.commit(insert("Quota", project_id="count"))
            acknowledged: list[str] = []
            done = False

            async def client(number: int) -> None:
                turn = 0
                while not done:
                    name = f"{number}-{turn}"
                    turn += 1

                    def act(txn: Transaction, name: str = name) -> None:
                        txn.insert("Group", {"name": name})
                        txn.add("Quota", counter, "left", 1)

                    await db.commit(act)
                    acknowledged.append(name)

            clients = [asyncio.create_task(client(number)) for number in range(8)]
            for turn in range(12):
                enough = len(acknowledged) + 10 + 3 * turn  # each time at another point of what is under way
                while len(acknowledged) < enough:
                    await asyncio.sleep(0)
                server.kill()
                await asyncio.to_thread(server.start)
            done = True
            await asyncio.gather(*clients)
            assert db.stats.reconnects == 12
            assert db.stats.resent > 0, "replies were lost"
            assert db.stats.resumes > 0, "what was there already was not loaded again"
            for view in (db, await _other(server)):
                names = [row.name for row in view.store.all("Group")]
                assert sorted(names) == sorted(acknowledged), "each once"
                left = view.store.get("Quota", counter)
                assert left is not None and left.left == len(acknowledged)
                if view is not db:
                    await view.close()

    asyncio.run(run())


async def _other(server: Member) -> Database:
    from tests.database.tables import TABLES

    made = Database(TABLES)
    await made.start([server.remote])
    await made.wait_ready(10)
    return made


@pytest.mark.parametrize("stage", ["not sent", "sent, not done", "done, reply lost"])
def test_a_commit_happens_once_wherever_the_connection_breaks(
    server: Member, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut at one point of one transaction; all else is real."""
    real = Session.request
    cut = False

    async def request(self: Session, method: str, params: list[Any]) -> Any:
        nonlocal cut
        if method == "transact" and len(params) > 2 and not cut:
            cut = True
            if stage == "done, reply lost":
                await real(self, method, params)
            if stage == "sent, not done":
                assert server.process is not None
                server.process.send_signal(signal.SIGSTOP)  # it is in its socket, and will not be read
                sending = asyncio.create_task(real(self, method, params))
                await asyncio.sleep(0)
                server.kill()
                server.start()
                with contextlib.suppress(Exception):
                    await sending
            self.close("cut by the test")
        return await real(self, method, params)

    async def run() -> None:
        async with database(server.remote) as db:
            group = await db.commit(insert("Group", name="before"))
            monkeypatch.setattr(Session, "request", request)

            def act(txn: Transaction) -> str:
                txn.update("Group", group, {"name": "after"})
                txn.verify("Group", group, "name")
                txn.delete_where("Group", "name", "nothing")
                return "done"

            assert await db.commit(act) == "done"
            assert cut
            row = db.store.get("Group", group)
            assert row is not None and row.name == "after"
            assert db.stats.conflicts == 0, "verify would fail if it had been done twice"

    asyncio.run(run())


def test_without_a_database_a_request_is_refused_in_time_and_works_again_later(
    server: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunbridge.database.connection.CONNECT_S", 0.2)
    monkeypatch.setattr("tunbridge.database.connection.OUTCOME_S", 0.3)

    async def run() -> None:
        async with database(server.remote) as db:
            server.kill()
            with pytest.raises(DatabaseUnavailable) as caught:
                await db.commit(insert("Group", name="sent before it was noticed"))
            assert caught.value.outcome_unknown
            assert not db.ready
            with pytest.raises(DatabaseUnavailable) as caught:
                await db.commit(insert("Group", name="x"))
            assert not caught.value.outcome_unknown
            assert "sock" in str(caught.value)
            with pytest.raises(DatabaseUnavailable):
                await db.barrier()
            server.start()
            await db.wait_ready(10)
            await db.commit(insert("Group", name="y"))
            assert [row.name for row in db.store.all("Group")] == ["y"]

    asyncio.run(run())


def test_a_server_that_stops_answering_is_left(server: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunbridge.database.session.GIVE_UP_S", 0.2)

    async def run() -> None:
        async with database(server.remote) as db:
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            while db.ready or db.problem is None:
                await asyncio.sleep(0.02)
            server.process.send_signal(signal.SIGCONT)
            await db.wait_ready(10)

    asyncio.run(run())


@pytest.fixture
def cluster() -> Iterator[list[Member]]:
    with three_members() as members:
        yield members


def test_three_members_go_on_when_the_leader_is_killed(cluster: list[Member]) -> None:
    remotes = [made.remote for made in cluster]

    async def run() -> None:
        async with database(*remotes) as one, database(*reversed(remotes)) as two:
            acknowledged: list[str] = []
            done = False

            async def client(db: Database, other: Database, number: int) -> None:
                turn = 0
                while not done:
                    name = f"{number}-{turn}"
                    turn += 1
                    id = await db.commit(insert("Group", name=name))
                    acknowledged.append(name)
                    await other.barrier()
                    assert other.store.get("Group", id) is not None

            clients = [asyncio.create_task(client(*((one, two), (two, one))[n % 2], n)) for n in range(6)]
            for _ in range(3):
                enough = len(acknowledged) + 60
                while len(acknowledged) < enough:
                    await asyncio.sleep(0.001)
                leader = await asyncio.to_thread(leader_of, cluster)
                leader.kill()
                enough = len(acknowledged) + 60
                while len(acknowledged) < enough:
                    await asyncio.sleep(0.001)
                await asyncio.to_thread(leader.start)
            done = True
            await asyncio.gather(*clients)
            for db in (one, two):
                await db.barrier()
                assert sorted(row.name for row in db.store.all("Group")) == sorted(acknowledged)

    asyncio.run(run())

"""Many hosts on one `ovsdb-server`: one loads at a time, who waits can write, and nothing that is written is missed."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.database.members import Member, member
from tests.database.test_replica import following, names, network, relay, selected, until
from tunbridge.database.conditions import NO_ROWS, where
from tunbridge.database.link import _NOTHING
from tunbridge.database.replica import Replica
from tunbridge.database.session import Message, Session, connect
from tunbridge.database.turns import LOCK, Turn

_UNKNOWN = "ffffffff-0000-4000-8000-000000000000"
"""A transaction that is not in the history."""


async def locked(session: Session) -> bool:
    """Ask for the turn; give whether it is had at once."""
    reply = await session.request("lock", [LOCK])
    assert reply.error is None
    had: bool = msgspec.json.decode(reply.result)["locked"]
    return had


@contextlib.asynccontextmanager
async def another(remote: str) -> AsyncIterator[Session]:
    """A client that has the turn, as soon as the others have given it back."""
    session = await connect(remote)
    async with asyncio.timeout(20):
        while not await locked(session):
            session.close("again")
            session = await connect(remote)
    try:
        yield session
    finally:
        session.close("done")


async def waits(replica: Replica) -> None:
    await until(lambda: replica.reachable, "found the server")
    await asyncio.sleep(0.1)
    assert replica.reachable and not replica.connected


def test_who_waits_for_its_turn_can_write_and_loads_as_soon_as_another_client_ends() -> None:
    async def run(remote: str) -> None:
        async with following(remote) as replica:
            async with another(remote):
                await waits(replica)
                assert not replica.settled
                await replica.transact([network("early")])
                assert names(replica) == set()
            await until(lambda: replica.connected and replica.settled, "loaded")
            assert names(replica) == {"early"}

    with member() as made:
        asyncio.run(run(made.remote))


def test_who_has_loaded_is_told_of_changes_while_another_waits_and_turns_are_given_back() -> None:
    async def run(remote: str) -> None:
        async with contextlib.AsyncExitStack() as stack:
            replicas = [await stack.enter_async_context(following(remote)) for _ in range(12)]
            for one in replicas:
                await until(lambda one=one: one.connected and one.settled, "loaded")  # type: ignore[misc]
            async with another(remote), following(remote) as late:
                await waits(late)
                replicas[0].want({"Network": where("project_id", "a"), "Port": NO_ROWS})
                await late.transact([network("x", project_id="a"), network("y", project_id="b")])
                await until(lambda: names(replicas[0]) == {"x"}, "rows and changed conditions")
                await until(lambda: all(names(one) == {"x", "y"} for one in replicas[1:]), "all others are told")

    with member() as made:
        asyncio.run(run(made.remote))


def test_who_has_loaded_keeps_the_turn_for_as_long_again() -> None:
    async def run(remote: str) -> None:
        session, next_one = await connect(remote), await connect(remote)
        turn, told = Turn(session), asyncio.Event()
        next_one.notified = lambda method, _: told.set() if method == "locked" else None
        await turn.take()
        assert turn._taken_at is not None
        turn._taken_at -= 5  # it took so long
        turn.give_back()
        assert not await locked(next_one)
        async with asyncio.timeout(30):
            await told.wait()
        turn.give_back()
        assert not await locked(session)  # it has given it back once, and asks as everybody does
        for one in (session, next_one):
            one.close("done")

    with member() as made:
        asyncio.run(run(made.remote))


def test_a_server_that_is_restarted_finds_who_waited_and_gives_turns_anew() -> None:
    async def run(made: Member) -> None:
        async with following(made.remote) as replica:
            async with another(made.remote):
                await waits(replica)
                await asyncio.to_thread(made.kill)
                await until(lambda: not replica.reachable, "lost")
                await asyncio.to_thread(made.start)
                await until(lambda: replica.connected and replica.settled, "loaded")
            async with another(made.remote):
                pass  # it was given back

    with member() as made:
        asyncio.run(run(made))


def test_a_relay_gives_turns_of_its_own() -> None:
    async def run(of: str, remote: str) -> None:
        async with following(of) as direct, following(remote) as first:
            await until(lambda: direct.connected and first.connected, "loaded; the relay has its rows")
            async with another(of), another(remote), following(remote) as replica:
                await waits(replica)
                await replica.transact([network("by the relay")])
                await until(lambda: names(direct) == {"by the relay"}, "written through it")
            async with another(of), following(remote) as replica:
                await until(lambda: replica.connected and replica.settled, "the relay has turns")
                assert names(replica) == {"by the relay"}

    with member() as made, relay(made) as remote:
        asyncio.run(run(made.remote, remote))


def test_what_is_written_while_it_loads_is_there_afterwards(seed: int = 11) -> None:
    """A client that loads anew all the time, with other conditions each time, while another one writes all the time."""

    async def write(writer: Replica, dice: random.Random) -> None:
        while True:
            project, named = dice.choice("abc"), [["name", "==", f"n{dice.randrange(30)}"]]
            changes: list[dict[str, Any]] = [
                network(named[0][2], project_id=project, tags=["set", ["t", project]]),
                {"op": "delete", "table": "Network", "where": named},
                {"op": "update", "table": "Network", "where": named, "row": {"project_id": project}},
                {"op": "mutate", "table": "Network", "where": named, "mutations": [["tags", "delete", project]]},
            ]
            await writer.transact([dice.choice(changes)])

    async def run(remote: str) -> None:
        dice = random.Random(seed)
        async with following(remote) as writer, following(remote) as reader:
            for each in (writer, reader):
                each.want({"Network": NO_ROWS, "Port": NO_ROWS})
                await until(lambda each=each: each.connected and each.settled, "loaded")  # type: ignore[misc]
            for _ in range(80):
                writing = asyncio.create_task(write(writer, dice))
                projects = set(dice.sample("abc", dice.randrange(1, 4)))
                reader.want({"Network": where("project_id", projects), "Port": NO_ROWS})
                session = await reader._link.session(10)
                loads = reader.stats.loads
                reader._link._last_id = dice.choice([_NOTHING, _UNKNOWN])
                session.close("the test cuts it")
                await until(lambda loads=loads: reader.stats.loads > loads and reader.connected, "loaded anew")  # type: ignore[misc]
                await until(lambda: reader.settled, "settled")
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
                await reader.transact([])
                await reader.transact([])
                found = {row.id: row.name for row in reader.store.all("Network")}
                assert found == await selected(remote, projects)

    with member() as made:
        asyncio.run(run(made.remote))


def test_what_a_monitor_tells_that_could_not_resume_is_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(remote: str) -> None:
        async with following(remote) as writer, following(remote) as reader:
            await until(lambda: writer.connected and reader.connected, "loaded")
            await writer.transact([network(name) for name in ("a", "b")])
            await until(lambda: names(reader) == {"a", "b"}, "told")
            plain, changed = Session.request, []

            async def request(session: Session, method: str, params: list[Any]) -> Message:
                if method == "monitor_cancel":
                    change = {"op": "update", "table": "Network", "where": [["name", "==", "a"]], "row": {"name": "c"}}
                    changed.append(await writer.transact([change]))
                return await plain(session, method, params)

            monkeypatch.setattr(Session, "request", request)
            reader._link._last_id = _UNKNOWN
            (await reader._link.session(10)).close("the test cuts it")
            await until(lambda: reader.stats.loads > 1 and reader.connected, "loaded anew")
            assert changed and names(reader) == {"b", "c"}
            assert reader.connection == 2, "at the first try"

    with member() as made:
        asyncio.run(run(made.remote))

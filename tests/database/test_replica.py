"""A host's copy of a database: only the rows that it asks for, of any member or relay, and of a foreign schema."""

import asyncio
import contextlib
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.database.members import Member, leader_of, member, three_members
from tests.database.tables import GROUP, NETWORK, PORT
from tunbridge.database import schema
from tunbridge.database.access import Access
from tunbridge.database.conditions import NO_ROWS, together, where
from tunbridge.database.replica import Replica
from tunbridge.database.session import connect
from tunbridge.model.tables import Cardinality, Column, Table, Type

TABLES = (NETWORK, PORT)
BRIDGE = Table("Bridge", (Column("name"), Column("ports", Type.REF, Cardinality.SET, table="Port")))
OVS_PORT = Table(
    "Port",
    (
        Column("name"),
        Column("tag", Type.INTEGER, Cardinality.OPTIONAL),
        Column("trunks", Type.INTEGER, Cardinality.SET),
        Column("vlan_mode", many=Cardinality.OPTIONAL),
        Column("interfaces", Type.REF, Cardinality.SET, table="Interface"),
        Column("other_config", many=Cardinality.MAP),
    ),
)
INTERFACE = Table(
    "Interface",
    (
        Column("name", indexed=True),
        Column("ofport", Type.INTEGER, Cardinality.OPTIONAL),
        Column("external_ids", many=Cardinality.MAP),
        Column("mac_in_use", many=Cardinality.OPTIONAL),
    ),
)


@contextlib.asynccontextmanager
async def following(*remotes: str, tables: tuple[Table, ...] = TABLES, **access: Any) -> AsyncIterator[Replica]:
    """Give a replica that runs."""
    woken = asyncio.Event()
    made = Replica(tables, woken.set, **access)
    running = asyncio.create_task(made.run(remotes))
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
    assert condition(), what


def names(replica: Replica, table: str = "Network") -> set[str]:
    return {row.name for row in replica.store.all(table)}


def network(name: str, **more: Any) -> dict[str, Any]:
    return {"op": "insert", "table": "Network", "row": {"name": name, **more}}


def test_rows_come_and_go_with_the_conditions_and_are_there_when_it_is_settled() -> None:
    async def run(remote: str) -> None:
        async with following(remote) as replica:
            replica.want({"Network": NO_ROWS, "Port": NO_ROWS})
            await until(lambda: replica.settled, "loaded")
            await replica.transact([network(name, project_id=name[0]) for name in ("a1", "a2", "b1", "c1")])
            assert names(replica) == set()
            replica.want({"Network": where("project_id", "ab"), "Port": NO_ROWS})
            assert not replica.settled
            await until(lambda: replica.settled, "acknowledged")
            assert names(replica) == {"a1", "a2", "b1"}
            replica.want({"Network": together(where("project_id", "c"), where("name", ["a1"])), "Port": NO_ROWS})
            await until(lambda: replica.settled, "acknowledged")
            assert names(replica) == {"a1", "c1"}
            # A changed row leaves the condition, another one comes under it.
            change = {"op": "update", "table": "Network", "where": [["name", "==", "c1"]], "row": {"project_id": "d"}}
            comes = {"op": "update", "table": "Network", "where": [["name", "==", "b1"]], "row": {"project_id": "c"}}
            await replica.transact([change, comes])
            assert names(replica) == {"a1", "b1"}
            replica.want({"Port": NO_ROWS})
            await until(lambda: replica.settled, "acknowledged")
            assert len(names(replica)) == 4

    with member() as made:
        asyncio.run(run(made.remote))


async def selected(remote: str, projects: set[str]) -> dict[str, Any]:
    """Read by a client of its own what a replica that asks for these projects has to hold."""
    session = await connect(remote)
    try:
        reply = await session.request("transact", ["Tunbridge", {"op": "select", "table": "Network", "where": []}])
        rows = msgspec.json.decode(reply.result)[0]["rows"]
        return {row["_uuid"][1]: row["name"] for row in rows if row["project_id"] in projects}
    finally:
        session.close("done")


def test_after_lost_connections_the_rows_are_those_of_the_conditions(seed: int = 7) -> None:
    """Conditions and rows change at random while connections break, also between a condition and its answer."""

    async def run(made: Member) -> None:
        dice = random.Random(seed)
        async with following(made.remote) as writer, following(made.remote) as reader:
            writer.want({"Network": NO_ROWS, "Port": NO_ROWS})
            reader.want({"Network": NO_ROWS, "Port": NO_ROWS})
            projects: set[str] = set()
            for step in range(150):
                await until(lambda: writer.connected, "the writer is connected")
                project, name = dice.choice("abcdef"), f"n{dice.randrange(40)}"
                named = [["name", "==", name]]
                change = dice.choice(
                    [
                        network(name, project_id=project),
                        {"op": "delete", "table": "Network", "where": named},
                        {"op": "update", "table": "Network", "where": named, "row": {"project_id": project}},
                    ]
                )
                await writer.transact([change])
                if dice.random() < 0.5:
                    projects = set(dice.sample("abcdef", dice.randrange(7)))
                    reader.want({"Network": where("project_id", projects) or NO_ROWS, "Port": NO_ROWS})
                if dice.random() < 0.25:
                    session = await reader._link.session(10)
                    if dice.random() < 0.5:
                        await asyncio.sleep(dice.choice([0, 0.0005, 0.002]))
                    session.close("the test cuts it")
                if step % 5 == 0:
                    await until(lambda: reader.settled and reader.connected, "settled")
                    await reader.transact([])
                    found = {row.id: row.name for row in reader.store.all("Network")}
                    assert found == await selected(made.remote, projects), step
            assert reader.stats.resumes > 5, "connections that were resumed were to be tried, too"
            assert reader.stats.loads > 5, "and those that had to load"

    with member() as made:
        asyncio.run(run(made))


def test_a_host_needs_no_leader_and_writes_through_any_member() -> None:
    async def run(members: list[Member]) -> None:
        leading = await asyncio.to_thread(leader_of, members)
        follower = next(one for one in members if one is not leading)
        async with following(follower.remote) as replica:
            await until(lambda: replica.connected, "connected to a follower")
            await replica.transact([network("by-follower")])
            assert names(replica) == {"by-follower"}
            assert replica.cluster is not None
            await asyncio.to_thread(leading.kill)
            await asyncio.sleep(0.1)
            await until(lambda: replica.connected, "goes on with what is left of the cluster")
            async with asyncio.timeout(20):
                while True:
                    try:
                        await replica.transact([network("later")])
                        break
                    except Exception:
                        await asyncio.sleep(0.1)
            await until(lambda: "later" in names(replica), "sees it")

    with three_members() as members:
        asyncio.run(run(members))


@contextlib.contextmanager
def relay(of: Member) -> Iterator[str]:
    """Run a relay of a database; give its remote."""
    with tempfile.TemporaryDirectory(prefix="tbrl") as folder:
        argv = ["ovsdb-server", f"--remote=punix:{folder}/sock", f"--unixctl={folder}/ctl", "-vfile:off"]
        process = subprocess.Popen([*argv, "-vconsole:off", f"relay:{schema.NAME}:{of.remote}"])
        try:
            yield f"unix:{folder}/sock"
        finally:
            process.kill()
            process.wait()


def test_a_relay_will_do_also_while_its_database_is_away() -> None:
    async def run(made: Member, remote: str) -> None:
        async with following(remote) as replica:
            replica.want({"Network": where("project_id", "a"), "Port": NO_ROWS})
            await until(lambda: replica.connected and replica.settled, "connected")
            await replica.transact([network("x", project_id="a"), network("y", project_id="b")])
            await until(lambda: names(replica) == {"x"}, "sees what it asked for")
            await asyncio.to_thread(made.kill)
            await asyncio.sleep(0.2)
            assert names(replica) == {"x"} and replica.settled
            await asyncio.to_thread(made.start)
            async with following(made.remote) as writer:
                await until(lambda: writer.connected, "the database is back")
                await writer.transact([network("z", project_id="a")])
            await until(lambda: names(replica) == {"x", "z"}, "sees what came later")

    with member() as made, relay(made) as remote:
        asyncio.run(run(made, remote))


@pytest.fixture
def open_vswitch() -> Iterator[str]:
    """Run Open vSwitch's database alone; give its remote."""
    with tempfile.TemporaryDirectory(prefix="tbov") as name:
        folder = Path(name)
        subprocess.run(["ovsdb-tool", "create", folder / "db", "/usr/share/openvswitch/vswitch.ovsschema"], check=True)
        argv = ["ovsdb-server", f"{folder}/db", f"--remote=punix:{folder}/sock", f"--unixctl={folder}/ctl"]
        process = subprocess.Popen([*argv, "-vfile:off", "-vconsole:off"])
        while not (folder / "sock").exists():
            assert process.poll() is None
        try:
            yield f"unix:{folder}/sock"
        finally:
            process.kill()
            process.wait()


def vsctl(remote: str, *arguments: str) -> None:
    subprocess.run(["ovs-vsctl", "--no-wait", f"--db={remote}", *arguments], check=True)


def test_the_database_of_open_vswitch_is_followed_by_the_same_means(open_vswitch: str) -> None:
    access = Access("Open_vSwitch", "the database of Open vSwitch", leader_only=False, besides=())

    async def run() -> None:
        async with following(open_vswitch, tables=(BRIDGE, OVS_PORT, INTERFACE), access=access) as replica:
            await until(lambda: replica.connected and replica.settled, "connected")
            get: Callable[[str, str], Any] = replica.store.get
            before = replica.store.revision
            setting = ["add-br", "br-int", "--", "add-port", "br-int", "tap1", "tag=7", "--"]
            setting += ["set", "port", "tap1", "trunks=9,3", "other_config:net_uuid=n1", "other_config:b=c"]
            setting += ["--", "set", "interface", "tap1", "external_ids:iface-id=p1", "external_ids:attached-mac=m"]
            await asyncio.to_thread(vsctl, open_vswitch, *setting)
            await until(lambda: "tap1" in names(replica, "Interface"), "the port came")
            assert replica.store.revision == before + 1
            (interface,) = replica.store.find("Interface", "name", "tap1")
            assert interface.external_ids == {"iface-id": "p1", "attached-mac": "m"}
            assert interface.ofport is None
            port = next(row for row in replica.store.all("Port") if row.name == "tap1")
            assert (port.tag, port.trunks, port.interfaces) == (7, (3, 9), (interface.id,))
            bridge = next(iter(replica.store.all("Bridge")))
            assert port.id in bridge.ports and len(bridge.ports) == 2
            # Written by the replica itself: in the store when the reply is there, and an unchanged row is the same.
            operations: list[dict[str, Any]] = [
                {"op": "update", "table": "Port", "where": [["name", "==", "tap1"]], "row": {"tag": ["set", []]}},
                {
                    "op": "mutate",
                    "table": "Port",
                    "where": [["name", "==", "tap1"]],
                    "mutations": [
                        ["other_config", "delete", ["set", ["b"]]],
                        ["other_config", "insert", ["map", [["tag", "7"]]]],
                    ],
                },
            ]
            await replica.transact(operations)
            port = get("Port", port.id)
            assert (port.other_config, port.tag) == ({"net_uuid": "n1", "tag": "7"}, None)
            assert get("Interface", interface.id) is interface
            await asyncio.to_thread(vsctl, open_vswitch, "set", "interface", "tap1", "ofport_request=4", "ofport=4")
            await until(lambda: get("Interface", interface.id).ofport == 4, "the port's number")
            await asyncio.to_thread(vsctl, open_vswitch, "del-br", "br-int")
            await until(lambda: not replica.store.all("Interface"), "all has gone")

    asyncio.run(run())


def test_a_database_that_lacks_a_column_is_refused_by_name(open_vswitch: str) -> None:
    access = Access("Open_vSwitch", "the database of Open vSwitch", leader_only=False, besides=())
    newer = Table("Bridge", (Column("name"), Column("to_come")))

    async def run() -> None:
        async with following(open_vswitch, tables=(newer,), access=access) as replica:
            await until(lambda: "Bridge.to_come" in (replica.problem or ""), "says what is missing")
            assert not replica.connected

    asyncio.run(run())


def test_tables_of_a_host_need_no_table_of_commits() -> None:
    with member((GROUP,)) as made:

        async def run() -> None:
            async with following(made.remote, tables=(GROUP,)) as replica:
                await until(lambda: replica.connected, "connected")

        asyncio.run(run())

"""A conf.db, standalone and clustered, and listed tables give the host that the running database gives."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from msgspec.structs import replace

from tests.inspect.test_live import SCHEMA, Database, fill, pytestmark  # noqa: F401 - the mark is this module's too
from tunbridge.inspect.check import check
from tunbridge.inspect.content import Reading
from tunbridge.inspect.live import NOT_IN_DATABASE, read_live
from tunbridge.inspect.model import Bridge, Host, Interface, Port
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.openvswitch.database_file import STATE_COLUMNS
from tunbridge.openvswitch.read_ovsdb import COLUMNS


def serve(base: Database) -> None:
    folder = base.folder
    subprocess.run(
        [
            "ovsdb-server", str(folder / "conf.db"), f"--remote=punix:{folder}/db.sock", "--no-chdir", "--detach",
            f"--unixctl={folder}/ovsdb.ctl", f"--pidfile={folder}/ovsdb.pid", f"--log-file={folder}/ovsdb.log",
        ],
        env=base.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=30,
    )  # fmt: skip


@pytest.fixture(params=["create", "create-cluster"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    base = Database(tmp_path)
    address = [f"unix:{tmp_path}/raft.sock"] if request.param == "create-cluster" else []
    base.run("ovsdb-tool", request.param, str(tmp_path / "conf.db"), str(SCHEMA), *address)
    serve(base)
    try:
        base.vsctl("init")
        yield base
    finally:
        subprocess.run(["ovs-appctl", "-t", f"{tmp_path}/ovsdb.ctl", "exit"], check=True, timeout=30)


Told = TypeVar("Told", Port, Interface)


def told(thing: Told) -> Told:
    state = set(thing.__struct_fields__) & STATE_COLUMNS
    return replace(thing, **dict.fromkeys(state))


def stateless(host: Host) -> Host:
    """The host as a file can tell it."""

    def bridge(b: Bridge) -> Bridge:
        ports = [told(replace(p, interfaces=[told(i) for i in p.interfaces])) for p in b.ports]
        return replace(b, ports=ports, controllers=[replace(c, is_connected=None) for c in b.controllers])

    return replace(
        host,
        source=None,
        not_told=[],
        managers=[replace(m, is_connected=None) for m in host.managers],
        bridges=sorted((bridge(b) for b in host.bridges), key=lambda b: b.name),
    )


def ordered(host: Host) -> Host:
    bridges = [
        replace(
            b,
            ports=sorted(
                (replace(p, interfaces=sorted(p.interfaces, key=lambda i: i.name)) for p in b.ports),
                key=lambda p: p.name,
            ),
            controllers=sorted(b.controllers, key=lambda c: c.target),
        )
        for b in host.bridges
    ]
    return replace(host, bridges=bridges, managers=sorted(host.managers, key=lambda m: m.target))


def read_file(path: Path) -> Reading:
    return read_sources([f"h={path}"], lambda _: {})


def assert_file_is_live(base: Database) -> None:
    reading = read_file(base.folder / "conf.db")
    assert not reading.problems
    seen, live = (ordered(stateless(host)) for host in (reading.hosts[0], read_live(base.remote, "h")))
    assert msgspec.to_builtins(seen) == msgspec.to_builtins(live)


def change_everything(base: Database) -> None:
    """Sets, optional values, maps and scalars that come, change and go; rows that are deleted."""
    for arguments in (
        ["set", "port", "tap 1", "tag=7", "trunks=2,9"],
        ["clear", "port", "tap 1", "tag"],
        ["set", "interface", "vxlan-0a00001b", "options:remote_ip=10.0.0.28", "options:new=1"],
        ["remove", "interface", "vxlan-0a00001b", "options", "local_ip"],
        ["set", "interface", "e1", "type=internal"],
        ["set-fail-mode", "br-int", "standalone"],
        ["del-fail-mode", "br-int"],
        ["set", "bridge", "br-int", 'datapath_type=""'],
        ["del-br", "true"],
        ["del-port", "br-int", "bond0", "--", "add-br", "br-new"],
        ["set-manager", "tcp:10.0.0.1:6640"],
        ["set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=10.0.0.3", 'ovs_version="3.1.0"'],
    ):
        base.vsctl(*arguments)


def test_a_file_gives_the_host_of_its_server(database: Database) -> None:
    fill(database)
    assert_file_is_live(database)
    change_everything(database)
    assert_file_is_live(database)
    database.run("ovs-appctl", "-t", f"{database.folder}/ovsdb.ctl", "ovsdb-server/compact")
    deadline = time.monotonic() + 10
    while b"compacting" not in (database.folder / "conf.db").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)  # a cluster of one takes its snapshot a moment later
    assert_file_is_live(database)


def test_what_a_file_cannot_hold_is_null_and_not_checked(database: Database) -> None:
    fill(database)
    (host,) = read_file(database.folder / "conf.db").hosts
    assert {m.is_connected for m in host.managers} == {None}
    interfaces = [i for b in host.bridges for p in b.ports for i in p.interfaces]
    assert {getattr(i, column) for i in interfaces for column in STATE_COLUMNS & {*i.__struct_fields__}} == {None}
    assert {*host.not_told} == STATE_COLUMNS | {*NOT_IN_DATABASE}
    assert [i.bfd for i in interfaces if i.bfd] == [{"enable": "true"}]
    assert (host.chassis_id, host.flow_restore_wait) == ("node-1", True)
    document = check(understand([host]))
    wanted = {"interface-error", "controller-disconnected", "manager-disconnected"}
    assert wanted <= {n.code for n in document.not_checked}
    assert not wanted & {f.code for f in document.findings}


def test_a_tail_that_was_cut_off_is_said_and_the_rest_is_read(database: Database, tmp_path: Path) -> None:
    database.vsctl("add-br", "br-int")
    time.sleep(0.2)
    whole = (database.folder / "conf.db").read_bytes()
    last = whole.rindex(b"OVSDB ")
    damaged = {"cut off": whole[:-5], "does not fit its hash": whole[:-5] + b"x" * 5, "no header": whole + b"junk\n"}
    for said, data in damaged.items():
        path = tmp_path / "damaged.db"
        path.write_bytes(data)
        reading = read_file(path)
        (problem,) = map(str, reading.problems)
        assert said in problem and str(path) in problem
        assert said == "no header" or f"byte {last}" in problem
        assert reading.hosts


def test_listed_tables_are_a_source(database: Database, tmp_path: Path) -> None:
    fill(database)
    texts = [database.vsctl("--format=json", "list", table) for table in COLUMNS]
    path = tmp_path / "tables.json"
    path.write_text("".join(texts))
    reading = read_file(path)
    assert not reading.problems
    live = read_live(database.remote, "h")
    assert ordered(replace(reading.hosts[0], source=None)) == ordered(replace(live, source=None))
    path.write_text("".join(texts[1:]))
    (problem,) = read_file(path).problems
    assert "without table Open_vSwitch" in str(problem) and "ovs-vsctl --format=json list" in str(problem)


def test_a_dump_of_the_whole_database_is_a_source(database: Database, tmp_path: Path) -> None:
    if shutil.which("ovsdb-client") is None:
        pytest.skip("ovsdb-client is not installed")
    fill(database)
    path = tmp_path / "dump.json"
    path.write_text(database.run("ovsdb-client", "dump", "-f", "json", database.remote, "Open_vSwitch"))
    live = read_live(database.remote, "h")
    assert ordered(replace(read_file(path).hosts[0], source=None)) == ordered(replace(live, source=None))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"OVSDB JSON 99 " + b"a" * 40 + b"\n{}", "cut off"),
        (b"OVSDB JSON x", "no header"),
        (b"OVSDB JSON 3 bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f\n{}\n", "hash"),
        (b"OVSDB JSON 2 bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f\n{}", "no schema"),
    ],
)
def test_what_is_no_database_says_so(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "conf.db"
    path.write_bytes(data)
    reading = read_file(path)
    assert not reading.hosts and said in str(reading.problems[0]) and str(path) in str(reading.problems[0])


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.ovsschema"
    other.write_text('{"name": "Other", "version": "1.0.0", "tables": {"T": {"columns": {"c": {"type": "string"}}}}}')
    subprocess.run(["ovsdb-tool", "create", str(tmp_path / "other.db"), str(other)], check=True, timeout=30)
    assert "the database Other" in str(read_file(tmp_path / "other.db").problems[0])


def test_a_file_without_a_host_name_names_its_host(database: Database, tmp_path: Path) -> None:
    copy = tmp_path / "compute7.db"
    copy.write_bytes((database.folder / "conf.db").read_bytes())
    (host,) = read_sources([str(copy)], lambda _: {}).hosts
    assert host.name == "compute7"
    (host,) = read_sources([str(database.folder / "conf.db")], lambda _: {}).hosts
    assert host.name == host.system_id

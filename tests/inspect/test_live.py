"""A live database and the text of a real `ovs-vsctl show` give the same model; no root is needed for it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.inspect.hosts import two
from tests.inspect.showtext import show
from tunbridge.inspect.drafts import NOT_SHOWN
from tunbridge.inspect.live import read_live
from tunbridge.inspect.model import Host, Interface
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.sources import read_sources
from tunbridge.openvswitch.read_ovsdb import OvsdbUnreadableError

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
pytestmark = pytest.mark.skipif(
    not SCHEMA.exists() or shutil.which("ovsdb-server") is None, reason="Open vSwitch is not installed"
)


class Database:
    """An ovsdb-server of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = f"unix:{folder}/db.sock"
        self.environ = {**os.environ, "OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(folder), "OVS_DBDIR": str(folder)}

    def run(self, *argv: str) -> str:
        done = subprocess.run(argv, env=self.environ, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def vsctl(self, *arguments: str) -> str:
        return self.run("ovs-vsctl", f"--db={self.remote}", "--no-wait", *arguments)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with serving(tmp_path, SCHEMA) as base:
        yield base


@contextmanager
def serving(tmp_path: Path, schema: Path) -> Iterator[Database]:
    base = Database(tmp_path)
    base.run("ovsdb-tool", "create", str(tmp_path / "conf.db"), str(schema))
    server = subprocess.Popen(
        [
            "ovsdb-server", str(tmp_path / "conf.db"), f"--remote=punix:{tmp_path}/db.sock",
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options", f"--unixctl={tmp_path}/ovsdb.ctl", "--no-chdir",
            "--detach", f"--pidfile={tmp_path}/ovsdb.pid", f"--log-file={tmp_path}/ovsdb.log",
        ],
        env=base.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert server.wait(30) == 0
    try:
        base.vsctl("init")
        yield base
    finally:
        subprocess.run(["ovs-appctl", "-t", f"{tmp_path}/ovsdb.ctl", "exit"], check=True, timeout=30)


def plain(host: Host) -> Any:
    """What both ways of reading can tell: no lines, no names, nothing that `show` does not print."""

    without = {"lines", "source", "not_told", *NOT_SHOWN}

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: strip(item) for key, item in value.items() if key not in without}
            return {**kept, "bfd_status": kept["bfd_status"] or None} if "bfd_status" in kept else kept
        return [strip(item) for item in value] if isinstance(value, list) else value

    return strip(msgspec.to_builtins(host))


def fill(base: Database) -> None:
    base.vsctl(
        "set-manager", f"punix:{base.folder}/m.sock", "ptcp:0:127.0.0.1",
        "--", "add-br", "br-int", "--", "set-fail-mode", "br-int", "secure",
        "--", "set-controller", "br-int", "tcp:127.0.0.1:6633", "ptcp:",
        "--", "set", "bridge", "br-int", "datapath_type=netdev",
        "--", "add-port", "br-int", "tap 1", "tag=4095", "trunks=1,2,3", "vlan_mode=trunk",
        "--", "add-port", "br-int", "vxlan-0a00001b", "--", "set", "interface", "vxlan-0a00001b", "type=vxlan",
        'options:x="c,}d\\"=e"', 'options:e=""', "options:remote_ip=10.0.0.27", "options:local_ip=10.0.0.25",
        "--", "add-br", 'br"x\\y', "--", "add-br", "한글", "--", "add-br", "true",
        "--", "add-bond", "br-int", "bond0", "e0", "e1", "bond_mode=balance-slb", "trunks=7", "lacp=active",
        "--", "set", "interface", "e0", 'error="could not\\nopen e0 (No such device)\\u001b é 한"',
        "--", "set", "interface", "e1", "type=dpdk", "options:dpdk-devargs=0000:01:00.0",
        "--", "set", "bridge", "br-int", "other_config:mac-table-size=5",
        "--", "set", "bridge", "br-int", "external_ids:tunbridge-origin=adopted",
        "--", "set", "bridge", "br-int", "external_ids:tunbridge-physical-network=physnet1",
        "--", "set", "interface", "vxlan-0a00001b", "bfd:enable=true", "bfd_status:state=down",
        "--", "set", "interface", "e0", "admin_state=up", "link_state=down", "link_speed=10000000000", "duplex=full",
        "mtu=1500", "mtu_request=1500", r"mac_in_use=02\:00\:00\:00\:00\:01", "statistics:rx_dropped=7",
        "lacp_current=false", "external_ids:iface-id=42", "status:driver_name=veth",
        "--", "set", "Open_vSwitch", ".", 'ovs_version="3.1.0"', "external_ids:system-id=node-1",
        "other_config:flow-restore-wait=true",
    )  # fmt: skip


def test_live_and_text_give_the_same_model(database: Database) -> None:
    fill(database)
    text = database.vsctl("show")
    (read,) = read_show(text, source="text", name="h")
    live = read_live(database.remote, "h")
    assert plain(live) == plain(read)
    assert len(live.bridges) == 4 and sum(len(b.ports) for b in live.bridges) == 7
    bond = next(p for b in live.bridges for p in b.ports if p.name == "bond0")
    assert bond.bond_mode == "balance-slb" and len(bond.interfaces) == 2


def test_live_tells_what_the_text_lacks(database: Database) -> None:
    fill(database)
    host = read_live(database.remote, "h")
    assert (host.chassis_id, host.flow_restore_wait) == ("node-1", True)
    bridge = next(b for b in host.bridges if b.name == "br-int")
    assert host.bridge_mappings == {"physnet1": "br-int"}
    assert bridge.mac_table_size == 10, "Open vSwitch takes no smaller one"
    ports = {p.name: p for p in bridge.ports}
    assert (ports["bond0"].lacp, ports["tap 1"].lacp, ports["tap 1"].other_config) == ("active", None, {})
    assert ports["vxlan-0a00001b"].interfaces[0].bfd_status == {"state": "down"}
    e0, e1 = sorted(ports["bond0"].interfaces, key=lambda i: i.name)
    assert replace(e0, error=None) == Interface(
        name="e0", external_ids={"iface-id": "42"}, mtu=1500, mtu_request=1500, mac_in_use="02:00:00:00:00:01",
        admin_state="up", link_state="down", link_speed=10**10, duplex="full", lacp_current=False, bfd={},
        bfd_status={}, statistics={"rx_dropped": 7}, status={"driver_name": "veth"},
    )  # fmt: skip
    assert (e1.link_state, e1.mtu, e1.lacp_current, e1.statistics) == (None, None, None, {})


def test_a_schema_of_long_ago_lacks_columns_and_the_rest_is_read(tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text())
    del schema["cksum"]
    for table, column in [("Interface", "mtu_request"), ("Interface", "bfd_status"), ("Port", "bond_active_slave")]:
        del schema["tables"][table]["columns"][column]
    (tmp_path / "old.ovsschema").write_text(json.dumps(schema))
    with serving(tmp_path, tmp_path / "old.ovsschema") as old:
        old.vsctl("add-br", "br0", "--", "set", "interface", "br0", "mtu=1400", "bfd:enable=true")
        (interface,) = read_live(old.remote).bridges[0].ports[0].interfaces
    assert (interface.mtu, interface.mtu_request, interface.bfd_status) == (1400, None, None)
    assert interface.bfd == {"enable": "true"}


def test_the_tests_own_writer_prints_what_ovs_vsctl_prints(database: Database) -> None:
    fill(database)
    text = database.vsctl("show")
    (read,) = read_show(text, source="text")
    assert show(read, "new") == text


def test_a_host_calls_itself_by_its_hostname_and_ovn_tells_its_addresses(database: Database) -> None:
    assert read_live(database.remote).name == database.vsctl("get", "Open_vSwitch", ".", "_uuid").strip()
    database.vsctl("set", "Open_vSwitch", ".", "external_ids:hostname=node7", "external_ids:ovn-encap-ip=10.0.0.7")
    host = read_live(database.remote)
    assert (host.name, host.addresses) == ("node7", ["10.0.0.7"])


def test_a_socket_and_the_local_one_are_sources(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database.vsctl("add-br", "br-int")
    monkeypatch.setenv("OVS_RUNDIR", str(database.folder))
    for sources in ([], [database.remote], [f"x={database.remote}"]):
        reading = read_sources(sources, lambda _: {})
        assert not reading.problems and reading.hosts[0].bridges[0].name == "br-int"
    lab = read_sources(["lab:"], lambda _: {"a": database.remote, "gone": f"unix:{database.folder}/gone"})
    assert [host.name for host in lab.hosts] == ["a"] and "gone" in str(lab.problems[0])


def test_another_protocol_or_nobody_is_an_error_in_time(database: Database) -> None:
    with pytest.raises(OvsdbUnreadableError, match="no such socket"):
        read_live(f"unix:{database.folder}/nowhere")
    with pytest.raises(OvsdbUnreadableError):
        read_live(f"unix:{database.folder}/ovsdb.ctl")  # speaks another protocol


@pytest.mark.timeout(20)
def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    import socket

    from tunbridge.openvswitch.read_ovsdb import read_tables

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "mute"))
        server.listen()
        with pytest.raises(OvsdbUnreadableError, match="no answer in time"):
            read_tables(f"unix:{tmp_path}/mute", timeout=0.5)


def test_what_is_written_to_a_real_database_is_the_model_again(database: Database) -> None:
    """The healthy cloud of the tests is what a real database would hold, and reads as whole."""
    (compute, _) = two()
    arguments: list[str] = []
    for bridge in compute.bridges:
        arguments += ["--", "add-br", bridge.name, "--", "set-fail-mode", bridge.name, "secure"]
        for port in bridge.ports[1:]:
            interface = port.interfaces[0]
            options = [f"options:{key}={value}" for key, value in interface.options.items()]
            arguments += ["--", "add-port", bridge.name, port.name]
            arguments += ["--", "set", "interface", port.name, f"type={interface.type}", *options]
    database.vsctl(*arguments[1:])
    live = read_live(database.remote, "compute0")
    wanted = {b.name: {p.name: p.interfaces[0].options for p in b.ports} for b in compute.bridges}
    assert {b.name: {p.name: p.interfaces[0].options for p in b.ports} for b in live.bridges} == wanted


def test_a_controller_that_is_back_is_not_said_to_be_away(database: Database) -> None:
    database.vsctl("add-br", "br-int", "--", "set-controller", "br-int", "tcp:127.0.0.1:6633")
    asked = Event()

    def refresh() -> None:
        """As Open vSwitch does every 5 s, after the controller has come back."""
        asked.wait(10)
        database.vsctl("set", "controller", "br-int", "is_connected=true")

    refreshing = Thread(target=refresh)
    refreshing.start()
    stale = read_sources([database.remote], lambda _: {}).hosts[0]
    asked.set()
    fresh = read_sources([database.remote], lambda _: {}, confirm=True).hosts[0]
    refreshing.join()
    assert stale.bridges[0].controllers[0].is_connected is False
    assert fresh.bridges[0].controllers[0].is_connected is True


def test_the_mapping_of_ovn_is_read(database: Database) -> None:
    database.vsctl("set", "Open_vSwitch", ".", 'external_ids:ovn-bridge-mappings="physnet1:br-ex, physnet2:br-vlan,x"')
    assert read_live(database.remote).bridge_mappings == {"physnet1": "br-ex", "physnet2": "br-vlan"}

"""What is changed on a host, tried on a real ovsdb-server (no root, no vswitchd): the operations must converge."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import ovs.poller
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tunbridge.dataplane import diff, host
from tunbridge.dataplane.diff import Difference
from tunbridge.dataplane.host import Collector, Export, HostSpec, ProviderSpec
from tunbridge.dataplane.nics import NicState
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.ovsdb import LocalOvsdb

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
CONTROLLER = "tcp:127.0.0.1:6633"
MANAGER = "ptcp:6640:127.0.0.1"
NICS = {"eno1": NicState(exists=True), "eno2": NicState(exists=True)}
COMPUTE = HostSpec(local_ip="10.0.0.25", remote_ips=("10.0.0.27",), controller=CONTROLLER, manager=MANAGER)
NETWORK = HostSpec(
    local_ip="10.0.0.27",
    remote_ips=("10.0.0.25", "10.0.0.26"),
    providers=(ProviderSpec(physical_network="physnet1", bridge="br-eth1", nics=("eno1",)),),
    controller=CONTROLLER,
    manager=MANAGER,
)


class Database:
    """A real OVSDB of Open vSwitch, and the agent's copy of it."""

    def __init__(self, folder: Path) -> None:
        self.remote = f"unix:{folder}/db.sock"
        subprocess.run(["ovsdb-tool", "create", folder / "conf.db", SCHEMA], check=True)
        self.process = subprocess.Popen(
            ["ovsdb-server", folder / "conf.db", f"--remote=p{self.remote}", f"--unixctl={folder}/ctl", "-voff"]
        )
        self.wait_for_socket(folder / "db.sock")
        self.vsctl("init")
        self.copy = LocalOvsdb(self.remote)
        self.sync()

    def wait_for_socket(self, path: Path) -> None:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline, "ovsdb-server did not start"
            time.sleep(0.01)

    def vsctl(self, *arguments: str) -> str:
        argv = ["ovs-vsctl", f"--db={self.remote}", "--no-wait", *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def sync(self) -> None:
        """Wait until the copy holds what was written by now: a change to wait for is made, then undone."""
        mark = str(time.monotonic_ns())
        self.vsctl("add-br", f"m{mark[-10:]}")
        self._until(lambda: f"m{mark[-10:]}" in self.copy.snapshot().bridges)
        self.vsctl("del-br", f"m{mark[-10:]}")
        self._until(lambda: f"m{mark[-10:]}" not in self.copy.snapshot().bridges)

    def _until(self, condition: object) -> None:
        assert callable(condition)
        deadline = time.monotonic() + 10
        while True:
            self.copy.run()
            if self.copy.connected and condition():
                return
            assert time.monotonic() < deadline
            poller = ovs.poller.Poller()
            self.copy.wait(poller)
            poller.timer_wait(100)
            poller.block()

    def difference(self, spec: HostSpec, nics: Mapping[str, NicState] = NICS) -> Difference:
        self.copy.run()
        return diff.difference(host.wanted(spec), self.copy.snapshot(), nics)

    def apply(self, spec: HostSpec, nics: Mapping[str, NicState] = NICS) -> Difference:
        found = self.difference(spec, nics)
        if found.changes:
            self.copy.transact(found.operations, "test")
        return found

    def settle(self, spec: HostSpec, nics: Mapping[str, NicState] = NICS) -> None:
        self.apply(spec, nics)
        assert self.difference(spec, nics).changes == []

    def bridges(self) -> set[str]:
        return set(self.vsctl("list-br").split())

    def ports(self, bridge: str) -> set[str]:
        return set(self.vsctl("list-ports", bridge).split())

    def get(self, table: str, record: str, column: str) -> str:
        return self.vsctl("--if-exists", "get", table, record, column).strip()

    def close(self) -> None:
        self.copy.close()
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.close()


def test_an_empty_host_is_wired_in_one_transaction_and_then_nothing_is_left(database: Database) -> None:
    database.settle(NETWORK)
    assert database.bridges() == {"br-int", "br-tun", "br-eth1"}
    assert database.ports("br-int") == {"patch-tun", "int-br-eth1"}
    assert database.ports("br-tun") == {"patch-int", "vxlan-0a000019", "vxlan-0a00001a"}
    assert database.ports("br-eth1") == {"phy-br-eth1", "eno1"}
    assert database.get("Bridge", "br-int", "fail_mode") == "secure"
    assert database.vsctl("get-controller", "br-tun").strip() == CONTROLLER
    assert database.vsctl("get-manager").strip() == MANAGER


DAMAGE = {
    "deleted patch port": ["del-port", "patch-tun"],
    "deleted tunnel port": ["del-port", "vxlan-0a000019"],
    "deleted NIC port": ["del-port", "eno1"],
    "deleted integration bridge": ["del-br", "br-int"],
    "deleted provider bridge": ["del-br", "br-eth1"],
    "changed remote address": ["set", "interface", "vxlan-0a000019", "options:remote_ip=10.9.9.9"],
    "removed option": ["remove", "interface", "vxlan-0a000019", "options", "df_default"],
    "added option": ["set", "interface", "vxlan-0a000019", "options:csum=true"],
    "changed patch peer": ["set", "interface", "patch-int", "options:peer=elsewhere"],
    "changed type": ["set", "interface", "patch-int", "type=internal"],
    "tagged patch port": ["set", "port", "patch-tun", "tag=5"],
    "trunked patch port": ["set", "port", "patch-tun", "trunks=5,6"],
    "changed fail mode": ["set-fail-mode", "br-int", "standalone"],
    "removed fail mode": ["del-fail-mode", "br-tun"],
    "removed controller": ["del-controller", "br-int"],
    "other controller": ["set-controller", "br-int", "tcp:10.1.1.1:6653"],
    "changed backoff": ["set", "controller", "br-int", "max_backoff=8000"],
    "removed protocol": ["set", "bridge", "br-int", "protocols=OpenFlow13"],
    "in-band control": ["remove", "bridge", "br-tun", "other_config", "disable-in-band"],
    "removed manager": ["del-manager"],
    "other manager": ["set-manager", "tcp:10.1.1.1:6640"],
    "lost physical network mark": ["remove", "bridge", "br-eth1", "external_ids", "tunbridge-physical-network"],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_mended(database: Database, damage: list[str]) -> None:
    database.settle(NETWORK)
    database.vsctl(*damage)
    database.sync()
    assert database.apply(NETWORK).changes
    assert database.difference(NETWORK).changes == []
    assert database.ports("br-tun") == {"patch-int", "vxlan-0a000019", "vxlan-0a00001a"}


def test_a_port_of_ours_that_was_moved_to_another_bridge_comes_back(database: Database) -> None:
    database.settle(NETWORK)
    uuid = database.get("Port", "patch-tun", "_uuid")
    database.vsctl("remove", "bridge", "br-int", "ports", uuid, "--", "add", "bridge", "br-eth1", "ports", uuid)
    database.sync()
    database.settle(NETWORK)
    assert "patch-tun" in database.ports("br-int")


def test_peers_come_and_go_and_nothing_else_moves(database: Database) -> None:
    database.settle(NETWORK)
    kept = database.get("Interface", "vxlan-0a000019", "_uuid")
    fewer = host.HostSpec(
        local_ip=NETWORK.local_ip, remote_ips=("10.0.0.25", "10.0.0.99"), providers=NETWORK.providers,
        controller=CONTROLLER, manager=MANAGER,
    )  # fmt: skip
    found = database.apply(fewer)
    assert sorted(c.text.split(" (")[0] for c in found.changes) == [
        "add vxlan port vxlan-0a000063 to br-tun",
        "remove port vxlan-0a00001a from br-tun",
    ]
    assert database.get("Interface", "vxlan-0a000019", "_uuid") == kept


def test_what_others_made_stays_as_it_is(database: Database) -> None:
    database.vsctl("add-br", "br-mine", "--", "add-port", "br-mine", "eth7")
    database.vsctl("set-manager", "ptcp:6641:127.0.0.1")
    database.settle(NETWORK)
    database.vsctl("add-port", "br-int", "tap1", "--", "set", "port", "tap1", "tag=7")
    database.vsctl("set", "bridge", "br-int", "external_ids:theirs=1", "other_config:theirs=2")
    before = database.vsctl("list", "bridge", "br-mine")
    database.vsctl("del-port", "patch-tun")
    database.sync()
    database.settle(NETWORK)
    assert database.vsctl("list", "bridge", "br-mine") == before
    assert "tap1" in database.ports("br-int")
    assert database.get("Bridge", "br-int", "external_ids:theirs") == '"1"'
    assert "ptcp:6641:127.0.0.1" in database.vsctl("get-manager")


def test_a_change_made_by_another_client_meanwhile_is_not_lost(database: Database) -> None:
    """The lost update: the copy is stale when the transaction is made from it."""
    database.settle(NETWORK)
    database.vsctl("del-port", "patch-tun")
    database.sync()
    found = database.difference(NETWORK)
    database.vsctl("add-port", "br-int", "tap-new", "--", "set", "bridge", "br-int", "external_ids:new=1")
    database.copy.transact(found.operations, "test")
    assert {"tap-new", "patch-tun"} <= database.ports("br-int")
    assert database.get("Bridge", "br-int", "external_ids:new") == '"1"'


# The operator's bridge


def test_a_bridge_that_is_there_is_used_and_given_back_as_it_was(database: Database) -> None:
    database.vsctl("add-br", "br-eth1", "--", "add-port", "br-eth1", "eno1")
    database.vsctl("set", "bridge", "br-eth1", "protocols=OpenFlow13", "external_ids:theirs=1")
    before = database.vsctl(
        "--columns=fail_mode,controller,protocols,external_ids,other_config", "list", "bridge", "br-eth1"
    )
    found = database.apply(NETWORK)
    assert found.emptied == ["br-eth1"]
    assert database.difference(NETWORK).changes == []
    assert database.get("Port", "eno1", "external_ids") == "{}"
    saved = json.loads(json.loads(database.get("Bridge", "br-eth1", "external_ids:tunbridge-saved")))
    assert saved == {"fail_mode": None, "protocols": ["OpenFlow13"], "disable-in-band": None}

    without = host.HostSpec(local_ip="10.0.0.27", remote_ips=NETWORK.remote_ips, controller=CONTROLLER, manager=MANAGER)
    found = database.apply(without)
    assert found.released == ["br-eth1"]
    after = database.vsctl(
        "--columns=fail_mode,controller,protocols,external_ids,other_config", "list", "bridge", "br-eth1"
    )
    assert after == before
    assert database.ports("br-eth1") == {"eno1"}
    assert database.ports("br-int") == {"patch-tun"}
    assert database.difference(without).changes == []


def test_a_bridge_of_ours_goes_with_its_mapping_but_not_when_somebody_plugged_into_it(database: Database) -> None:
    without = host.HostSpec(local_ip="10.0.0.27", remote_ips=NETWORK.remote_ips, controller=CONTROLLER, manager=MANAGER)
    database.settle(NETWORK)
    database.settle(without)
    assert "br-eth1" not in database.bridges()
    database.settle(NETWORK)
    database.vsctl("add-port", "br-eth1", "eno9")
    database.sync()
    database.settle(without)
    assert database.ports("br-eth1") == {"eno9"}
    assert database.get("Bridge", "br-eth1", "fail_mode") == "[]"


def test_a_bridge_with_somebody_elses_controller_keeps_it(database: Database) -> None:
    database.vsctl("add-br", "br-eth1", "--", "set-controller", "br-eth1", "tcp:10.1.1.1:6653")
    database.vsctl("set-fail-mode", "br-eth1", "secure")
    database.sync()
    found = database.apply(NETWORK)
    assert found.emptied == []
    assert set(database.vsctl("get-controller", "br-eth1").split()) == {CONTROLLER, "tcp:10.1.1.1:6653"}


# What stands in the way


def test_a_foreign_port_of_our_name_that_serves_is_used_and_not_touched(database: Database) -> None:
    database.vsctl("add-br", "br-int")
    database.vsctl(
        "add-port", "br-int", "patch-tun", "--", "set", "interface", "patch-tun", "type=patch", "options:peer=patch-int"
    )
    database.sync()
    before = database.get("Port", "patch-tun", "_uuid")
    found = database.apply(COMPUTE)
    assert found.problems == []
    assert database.get("Port", "patch-tun", "_uuid") == before
    assert database.get("Port", "patch-tun", "external_ids") == "{}"


@pytest.mark.parametrize("bridge", ["br-int", "br-other"])
def test_a_foreign_port_of_our_name_that_does_not_serve_is_a_problem_and_the_rest_is_done(
    database: Database, bridge: str
) -> None:
    database.vsctl("add-br", bridge, "--", "add-port", bridge, "patch-tun")
    database.sync()
    found = database.apply(COMPUTE)
    assert [p.subject for p in found.problems] == ["patch-tun"]
    assert f"ovs-vsctl del-port {bridge} patch-tun" in found.problems[0].message
    assert database.ports("br-tun") == {"patch-int", "vxlan-0a00001b"}
    assert "patch-tun" in database.ports(bridge)


def test_a_nic_that_carries_an_address_is_refused_with_the_change_to_make(database: Database) -> None:
    state = NicState(
        exists=True, addresses=("192.0.2.10/24", "2001:db8::10/64"), gateways=("192.0.2.1",), default_route=True
    )
    found = database.apply(NETWORK, {"eno1": state})
    assert database.ports("br-eth1") == {"phy-br-eth1"}
    message = found.problems[0].message
    assert found.problems[0].subject == "eno1"
    for text in ("netplan", "networkd", "ifupdown", "192.0.2.10/24", "2001:db8::10/64", "192.0.2.1", "default route"):
        assert text in message


def test_a_nic_with_only_a_default_route_is_refused(database: Database) -> None:
    found = database.apply(NETWORK, {"eno1": NicState(exists=True, default_route=True)})
    assert [p.subject for p in found.problems] == ["eno1"]


def test_an_operators_bridge_whose_nic_carries_an_address_is_not_taken(database: Database) -> None:
    database.vsctl("add-br", "br-eth1", "--", "add-port", "br-eth1", "eno1")
    database.sync()
    found = database.apply(NETWORK, {"eno1": NicState(exists=True, addresses=("192.0.2.10/24",))})
    assert [p.subject for p in found.problems] == ["eno1"]
    assert database.get("Bridge", "br-eth1", "fail_mode") == "[]"
    assert database.ports("br-eth1") == {"eno1"}


def test_a_nic_that_is_not_there_is_told_and_added_when_it_comes(database: Database) -> None:
    found = database.apply(NETWORK, {})
    assert "no such network device" in found.problems[0].message
    database.settle(NETWORK)
    assert "eno1" in database.ports("br-eth1")


def test_a_nic_in_another_bridge_stays_there(database: Database) -> None:
    database.vsctl("add-br", "br-mine", "--", "add-bond", "br-mine", "bond0", "eno1", "eno5")
    database.sync()
    found = database.apply(NETWORK)
    assert found.problems[0].message.startswith("is in bridge br-mine")
    assert database.ports("br-mine") == {"bond0"}


def test_a_refused_transaction_changes_nothing_and_says_why(database: Database) -> None:
    bad = {"op": "insert", "table": "Bridge", "row": {"name": ["set", []]}}
    with pytest.raises(OvsdbError, match="transaction not done"):
        database.copy.transact([*host_operations(), bad], "test")
    assert database.bridges() == set()


def host_operations() -> list[dict[str, object]]:
    from tunbridge.openvswitch.rows import Snapshot

    return diff.difference(host.wanted(COMPUTE), Snapshot(uuid=""), NICS).operations


# Any sequence of events ends where a fresh start ends

events = st.lists(
    st.one_of(
        st.sampled_from(list(DAMAGE.values())),
        st.sampled_from([["add-port", "br-int", "tapx"], ["del-port", "tapx"], ["add-br", "br-x"], ["del-br", "br-x"]]),
        st.sampled_from([COMPUTE, NETWORK]),
    ),
    max_size=8,
)  # fmt: skip


def shown(database: Database) -> dict[str, set[str]]:
    return {b: database.ports(b) - {"tapx"} for b in database.bridges() - {"br-x"}}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events)
def test_any_sequence_of_events_ends_as_a_fresh_start(database: Database, sequence: list[object]) -> None:
    for event in sequence:
        if isinstance(event, HostSpec):
            database.apply(event)
        else:
            assert isinstance(event, list)
            subprocess.run(
                ["ovs-vsctl", f"--db={database.remote}", "--no-wait", *event], check=False, capture_output=True
            )  # may fail: what it would damage is not there
            database.sync()
    database.settle(NETWORK)
    assert shown(database) == {
        "br-int": {"patch-tun", "int-br-eth1"},
        "br-tun": {"patch-int", "vxlan-0a000019", "vxlan-0a00001a"},
        "br-eth1": {"phy-br-eth1", "eno1"},
    }


def test_the_dscp_field_of_outer_headers_is_an_option_of_tunnels() -> None:
    def options(dscp: Literal["inherit"] | int) -> Mapping[str, str]:
        tunnels = next(b for b in host.wanted(replace(COMPUTE, tunnel_dscp=dscp)).bridges if b.name == "br-tun")
        return next(port.options for port in tunnels.ports if port.type == "vxlan")

    assert "tos" not in options(0)
    assert options("inherit")["tos"] == "inherit"
    assert options(46)["tos"] == "0xb8"


IPFIX = Export(table="IPFIX", targets=("192.0.2.9:4739", "192.0.2.8:4739"), sampling=64)


def test_records_of_traffic_are_sent_as_wanted_and_no_more_when_they_are_not(database: Database) -> None:
    database.settle(replace(NETWORK, export=IPFIX))
    assert database.get("IPFIX", ".", "sampling") == "64"
    uuid = database.get("Bridge", "br-int", "ipfix")
    database.vsctl("set", "IPFIX", ".", "sampling=1", "targets=192.0.2.1\\:99")
    database.sync()
    database.settle(replace(NETWORK, export=IPFIX))
    assert database.get("IPFIX", ".", "sampling") == "64"
    assert "192.0.2.8:4739" in database.get("IPFIX", ".", "targets")
    assert database.get("Bridge", "br-int", "ipfix") == uuid
    database.settle(replace(NETWORK, export=replace(IPFIX, table="sFlow", sampling=400)))
    assert database.get("Bridge", "br-int", "ipfix") == "[]"
    assert database.get("sFlow", ".", "sampling") == "400"
    database.settle(NETWORK)
    assert database.get("Bridge", "br-int", "sflow") == "[]"


def test_records_that_somebody_else_has_sent_stay(database: Database) -> None:
    database.settle(NETWORK)
    database.vsctl("--id=@i", "create", "IPFIX", 'targets="192.0.2.1:99"', "--", "set", "Bridge", "br-int", "ipfix=@i")
    database.sync()
    assert database.difference(NETWORK).changes == []
    found = database.difference(replace(NETWORK, export=IPFIX))
    assert found.changes == []
    assert [(p.code, p.subject) for p in found.problems] == [("export-taken", "br-int")]
    assert "ovs-vsctl clear bridge br-int ipfix" in found.problems[0].message
    sampled = replace(IPFIX, table="sFlow")
    database.settle(replace(NETWORK, export=sampled))
    database.settle(NETWORK)
    assert database.get("Bridge", "br-int", "ipfix") != "[]"


COLLECTORS = (
    Collector("erspan", "198.51.100.9"), Collector("erspan", "2001:db8::9"), Collector("gre", "198.51.100.9"),
    Collector("gre", "2001:db8::9"),
)  # fmt: skip


def test_ports_to_collectors_tell_a_restarted_agent_of_which_they_are_and_are_no_tunnels_to_hosts(
    database: Database,
) -> None:
    database.settle(replace(NETWORK, collectors=COLLECTORS))
    now = database.copy.snapshot()
    assert diff.collectors(now) == set(COLLECTORS)
    assert diff.tunnel_addresses(now) == set(NETWORK.remote_ips)
    database.vsctl("set", "interface", "tm_ers-c6336409", "options:erspan_idx=7")
    database.sync()
    database.settle(replace(NETWORK, collectors=COLLECTORS))
    assert database.get("interface", "tm_ers-c6336409", "options:erspan_idx") == "flow"
    database.settle(replace(NETWORK, collectors=COLLECTORS[:1]))
    assert diff.collectors(database.copy.snapshot()) == {COLLECTORS[0]}

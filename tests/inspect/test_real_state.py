"""What goes wrong on real Open vSwitch, in namespaces, and how `check` tells it: each damage is made for real."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tunbridge.inspect.check import check
from tunbridge.inspect.counters import with_growth
from tunbridge.inspect.live import read_live
from tunbridge.inspect.model import Document, Finding, Host, Interface, Port
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.lab.host import Host as Machine
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked

OWN = {"a": "10.0.0.25", "b": "10.0.0.27"}
STATE_CODES = {
    "nic-down", "bond-member-down", "lacp-not-negotiated", "bfd-down", "underlay-mtu-too-small", "flow-restore-wait",
    "mac-table-full", "drops-growing", "errors-growing", "system-id-duplicate",
}  # fmt: skip


class Cloud:
    """Two hosts with a VXLAN tunnel and BFD between them, a workload port, and a provider bridge with a bond."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.a, self.b = lab.host("a"), lab.host("b")
        for machine, peer in ((self.a, "b"), (self.b, "a")):
            wire(machine, OWN[machine.name], OWN[peer])

    def read(self) -> list[Host]:
        return [read_live(f"unix:{m.machine.folder}/openvswitch/db.sock", m.name) for m in (self.a, self.b)]

    def document(self) -> Document:
        return check(understand(self.read()))

    def found(self) -> list[Finding]:
        return [finding for finding in self.document().findings if finding.code in STATE_CODES]

    def wait_for(self, *codes: str) -> list[Finding]:
        """Wait until exactly these are found: Open vSwitch tells states a moment after they change."""
        deadline = time.monotonic() + 30
        found = self.found()
        while sorted(finding.code for finding in found) != sorted(codes):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
            found = self.found()
        return found


def wire(machine: Machine, own: str, remote: str) -> None:
    netdev = "datapath_type=netdev"
    for one, other in (("tap1", "vm1"), ("eth5", "sw5"), ("eth6", "sw6")):
        machine.run("ip", "link", "add", one, "mtu", "1450", "type", "veth", "peer", "name", other, "mtu", "1450")
        machine.run("ip", "link", "set", one, "up")
        machine.run("ip", "link", "set", other, "up")
    options = [f"options:local_ip={own}", f"options:remote_ip={remote}", "options:key=flow", "options:df_default=true"]
    bfd = ["bfd:enable=true", "bfd:min_tx=100", "bfd:min_rx=100"]
    machine.vsctl(
        "add-br", "br-int", "--", "set", "bridge", "br-int", netdev, "--", "add-port", "br-int", "tap1", "tag=1",
        "other_config:network_type=vxlan", "--", "add-br", "br-tun", "--", "set", "bridge", "br-tun", netdev,
        "--", "add-port", "br-tun", "vxlan-x", "--", "set", "interface", "vxlan-x", "type=vxlan", *options, *bfd,
        "--", "add-port", "br-int", "patch-tun", "--", "set", "interface", "patch-tun", "type=patch",
        "options:peer=patch-int", "--", "add-port", "br-tun", "patch-int", "--", "set", "interface", "patch-int",
        "type=patch", "options:peer=patch-tun", "--", "add-br", "br-ex", "--", "set", "bridge", "br-ex", netdev,
        "other_config:mac-table-size=10", "--", "add-bond", "br-ex", "bond0", "eth5", "eth6",
        "bond_mode=active-backup", "--", "set", "port", "bond0", "bond_updelay=0",
    )  # fmt: skip


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    lab = Lab(module_lab_name())
    plans = [HostPlan(name=name, local_ip=ip) for name, ip in OWN.items()]
    lab.up(checked(LabPlan(name=lab.name, hosts=plans, prefix_length=24)), lambda _part, _what: None, agents=False)
    cloud = Cloud(lab)
    cloud.wait_for()
    yield cloud


def sosreport(machine: Machine, folder: Path) -> Path:
    """The report of a host, of what sos collects for the plugins openvswitch and networking, under sos's names."""
    top = folder / "sosreport-a"
    for at, command in (
        ("openvswitch/ovs-vsctl_-t_5_show", "ovs-vsctl -t 5 show"),
        ("openvswitch/ovs-vsctl_-t_5_list_interface", "ovs-vsctl -t 5 list interface"),
        ("openvswitch/ovs-vsctl_-t_5_list_bridge", "ovs-vsctl -t 5 list bridge"),
        ("openvswitch/ovs-vsctl_-t_5_list_Open_vSwitch", "ovs-vsctl -t 5 list Open_vSwitch"),
        ("openvswitch/ovs-appctl_fdb.stats-show_br-ex", "ovs-appctl fdb/stats-show br-ex"),
        ("networking/ip_-d_address", "ip -d address"),
    ):
        path = top / "sos_commands" / at
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(machine.run(*command.split()).stdout)
    return top


def test_a_sosreport_of_a_host_tells_its_state_as_the_host_itself_does(cloud: Cloud, tmp_path: Path) -> None:
    cloud.a.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:system-id=node-a")
    (seen,) = read_sources([f"a={sosreport(cloud.a, tmp_path)}"], lambda _: {}).hosts
    live = cloud.read()[0]
    cloud.a.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "system-id")
    assert seen.underlay == live.underlay and seen.underlay
    assert (seen.chassis_id, seen.flow_restore_wait) == (live.chassis_id, live.flow_restore_wait) == ("node-a", False)
    assert next(b.mac_table_size for b in seen.bridges if b.name == "br-ex") == 10
    assert {"bond_mode", "lacp"} <= {*seen.not_told} and not {"mtu", "link_state", "underlay"} & {*seen.not_told}

    def states(host: Host) -> dict[str, Interface]:
        found = [i for b in host.bridges for p in b.ports for i in p.interfaces]
        return {i.name: replace(i, statistics=None, bfd_status=None, error=None, lines={}) for i in found}

    assert states(seen) == states(live)


def port_of(host: Host, name: str) -> Port:
    return next(port for bridge in host.bridges for port in bridge.ports if port.name == name)


def test_a_healthy_cloud_is_told_whole_and_nothing_is_found_or_left_unchecked(cloud: Cloud) -> None:
    cloud.wait_for()
    document = cloud.document()
    assert not {entry.code for entry in document.not_checked} & STATE_CODES
    host = document.hosts[0]
    assert host.not_told == [] and host.flow_restore_wait is False
    (device,) = host.underlay or []
    assert (OWN["a"] in device.addresses, device.mtu, device.link_state) == (True, 1500, "up")
    (tunnel,) = port_of(host, "vxlan-x").interfaces
    assert (tunnel.bfd_status or {})["state"] == "up" and (tunnel.status or {})["tunnel_egress_iface"] == device.name
    bond = port_of(host, "bond0")
    assert bond.bond_active_slave in {member.mac_in_use for member in bond.interfaces}
    assert {(member.link_state, member.mtu) for member in bond.interfaces} == {("up", 1450)}
    assert {bridge.mac_table_size for bridge in host.bridges} == {10, 8192}


def test_a_member_of_a_bond_loses_its_carrier_and_then_the_other_one_too(cloud: Cloud) -> None:
    cloud.a.run("ip", "link", "set", "sw5", "down")
    try:
        (finding,) = cloud.wait_for("bond-member-down")
        assert (finding.severity, finding.host, finding.subject) == ("warning", "a", "bond0")
        assert "1 of 2 members down (eth5: it has no carrier): all goes by eth6" in finding.message
        cloud.a.run("ip", "link", "set", "eth6", "down")
        deadline = time.monotonic() + 30
        while cloud.found()[0].severity != "error":
            assert time.monotonic() < deadline
        (finding,) = cloud.found()
        assert "eth6: it is switched off" in finding.message and "ip link set eth6 up" in finding.fix
    finally:
        cloud.a.run("ip", "link", "set", "sw5", "up")
        cloud.a.run("ip", "link", "set", "eth6", "up")
    cloud.wait_for()


def test_a_bond_that_finds_no_lacp_partner(cloud: Cloud) -> None:
    cloud.a.vsctl("set", "port", "bond0", "lacp=active")
    try:
        (finding,) = cloud.wait_for("lacp-not-negotiated")
        assert finding.severity == "error" and "hears no LACP partner on eth5, eth6" in finding.message
    finally:
        cloud.a.vsctl("clear", "port", "bond0", "lacp")
    cloud.wait_for()


def test_bfd_goes_down_when_the_underlay_is_cut_and_the_side_that_has_it_off_is_named(cloud: Cloud) -> None:
    cloud.b.vsctl("set", "interface", "vxlan-x", "bfd:enable=false")
    try:
        (finding,) = cloud.wait_for("bfd-down")
        assert (finding.host, finding.subject) == ("a", "vxlan-x")
        assert "b's end of the tunnel, vxlan-x, has BFD off" in finding.message
        assert finding.fix == "on b: ovs-vsctl set interface vxlan-x bfd:enable=true"
    finally:
        cloud.b.vsctl("set", "interface", "vxlan-x", "bfd:enable=true")
    cloud.wait_for()
    cloud.b.run("ip", "link", "set", "enunderlay0", "down")
    try:
        found = cloud.wait_for("bfd-down", "bfd-down", "nic-down")
        assert {(f.code, f.host) for f in found} == {("bfd-down", "a"), ("bfd-down", "b"), ("nic-down", "b")}
    finally:
        cloud.b.run("ip", "link", "set", "enunderlay0", "up")
    cloud.wait_for()


def test_an_underlay_that_is_too_small_for_the_workload_and_what_it_needs(cloud: Cloud) -> None:
    cloud.b.run("ip", "link", "set", "br-phy", "mtu", "1499")
    try:
        (finding,) = cloud.wait_for("underlay-mtu-too-small")
        assert (finding.host, finding.subject) == ("b", "br-phy")
        assert "has MTU 1499, but 1500 are needed" in finding.message
        assert "vxlan adds 50 bytes (IPv4 20 + UDP 8 + VXLAN 8 + the frame's Ethernet 14)" in finding.message
    finally:
        cloud.b.run("ip", "link", "set", "br-phy", "mtu", "1500")
    cloud.wait_for()


def test_flow_restore_wait_that_was_left_and_a_system_id_that_two_hosts_have(cloud: Cloud) -> None:
    cloud.a.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true")
    for machine in (cloud.a, cloud.b):
        machine.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:system-id=golden-image")
    try:
        found = {finding.code: finding for finding in cloud.wait_for("flow-restore-wait", "system-id-duplicate")}
        assert found["flow-restore-wait"].host == "a"
        assert "b and a both have external_ids:system-id=golden-image" in found["system-id-duplicate"].message
    finally:
        cloud.a.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait")
        for machine in (cloud.a, cloud.b):
            machine.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "external_ids", "system-id")
    cloud.wait_for()


def frame(source: int, size: int = 60) -> str:
    """An Ethernet frame of a protocol for experiments, to everybody, in hexadecimal."""
    return f"ffffffffffff0200000000{source:02x}88b5".ljust(2 * size, "0")


def packet_out(machine: Machine, bridge: str, in_port: str, actions: str, packet: str) -> None:
    machine.run("ovs-ofctl", "packet-out", bridge, f"in_port={in_port} packet={packet} actions={actions}")


def test_a_small_mac_table_is_filled_by_real_packets(cloud: Cloud) -> None:
    for source in range(12):
        packet_out(cloud.a, "br-ex", "LOCAL", "NORMAL", frame(source))
    try:
        (finding,) = cloud.wait_for("mac-table-full")
        assert (finding.host, finding.subject, finding.severity) == ("a", "br-ex", "warning")
        assert "holds 10 of 10 addresses" in finding.message
    finally:
        cloud.a.run("ovs-appctl", "fdb/flush", "br-ex")
    cloud.wait_for()


def test_drops_that_grow_between_two_readings_are_told_and_old_ones_are_not(cloud: Cloud) -> None:
    """The other end of a veth pair has a smaller MTU, so the kernel drops what Open vSwitch sends there.

    The bridges' own ports are switched off, and drop what is flooded to them: that is no finding.
    """
    before = cloud.read()
    cloud.a.run("ip", "link", "set", "vm1", "mtu", "100")
    try:
        for source in range(5):
            packet_out(cloud.a, "br-int", "LOCAL", "output:tap1", frame(source, 1000))
        deadline = time.monotonic() + 30  # Open vSwitch writes statistics every 5 s
        while True:
            after = cloud.read()
            found = counted(before, after)
            if any("tx_dropped +5" in finding.message for finding in found):
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.3)
    finally:
        cloud.a.run("ip", "link", "set", "vm1", "mtu", "1450")
    (finding,) = found
    assert (finding.code, finding.host, finding.subject) == ("drops-growing", "a", "tap1"), found
    assert "tx_dropped +5 in 7 s" in finding.message
    assert counted(after, after) == []


def counted(before: list[Host], after: list[Host]) -> list[Finding]:
    document = check(understand(with_growth(before, after, 7.0)))
    return [finding for finding in document.findings if finding.code in STATE_CODES]

"""Tap mirrors with real packets: what a collector on the underlay is sent, by GRE and by ERSPAN."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from scapy.contrib.erspan import ERSPAN_II
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.packet import Packet

from tests.packets.cloud import Cloud, Ping, Workload, wait_until
from tests.packets.sockets import PATIENCE_S, Wire, wire
from tests.packets.test_restarts import restart_agent
from tunbridge.lab import namespaces
from tunbridge.lab.lab import UNDERLAY_SWITCH

pytestmark = pytest.mark.ovs
EVERYBODY = "ff:ff:ff:ff:ff:ff"
COLLECTOR, COLLECTOR6 = "10.0.0.200", "2001:db8:66::c8"
HOST6 = "2001:db8:66::b"
GRE_PORT, ERSPAN_PORT = "tm_gre-0a0000c8", "tm_ers-0a0000c8"
SENT, RECEIVED = 0xFFFFFFF0, 7


class Copy(NamedTuple):
    """A mirrored frame, the id of its tunnel, and the host that sent it."""

    id: int
    frame: Packet
    source: str


class Collector:
    """A machine on the underlay that reads GRE and ERSPAN."""

    def __init__(self, cloud: Cloud) -> None:
        lab = cloud.lab
        namespace = namespaces.namespace(lab.name, "collector")
        namespaces.add(namespace)
        namespaces.wire(namespace, "eth0", lab.underlay, UNDERLAY_SWITCH, "collector")
        namespaces.run("ip", "-n", namespace, "addr", "replace", f"{COLLECTOR}/24", "dev", "eth0")
        namespaces.run("ip", "-n", namespace, "addr", "replace", f"{COLLECTOR6}/64", "dev", "eth0", "nodad")
        self._wire = Wire(namespace)

    def until(self, wanted: Callable[[Copy], bool], seconds: float = PATIENCE_S) -> list[Copy]:
        """Copies that came in until one that is wanted, with this one. Fails when it does not come."""
        found = self.during(wanted, seconds)
        assert found and wanted(found[-1]), found
        return found

    def during(self, until: Callable[[Copy], bool], seconds: float) -> list[Copy]:
        """Copies that came in until one that is looked for; all of them if it never came."""
        frames = self._wire.seen(lambda frame: (copy := copy_in(frame)) is not None and until(copy), seconds)
        return [copy for copy in map(copy_in, frames) if copy is not None]

    def empty(self) -> None:
        """Forget what came in so far."""
        self._wire.seen(lambda _: False, 0.3)

    def close(self) -> None:
        self._wire.close()


def copy_in(frame: bytes) -> Copy | None:
    outer = Ether(frame)
    if GRE not in outer or outer.payload.dst not in (COLLECTOR, COLLECTOR6):
        return None
    if ERSPAN_II in outer:
        header = outer[ERSPAN_II]
        assert (header.ver, header.index) == (1, header.session_id)
        return Copy(header.session_id, Ether(bytes(header.payload)), outer.payload.src)
    return Copy(outer[GRE].key, Ether(bytes(outer[GRE].payload)), outer.payload.src)


def is_icmp(copy: Copy, kind: int, sequence: int | None = None) -> bool:
    if ICMP not in copy.frame or copy.frame[ICMP].type != kind:
        return False
    return sequence is None or copy.frame[ICMP].seq == sequence


class Vms(NamedTuple):
    """The mirrored one and another on h0, one on h1; and who collects."""

    mirrored: Workload
    near: Workload
    far: Workload
    collector: Collector


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[Vms]:
    network = cloud.make_network("shop", "10.73.0.0/24")
    made = [cloud.vm(host, network, security_groups=[]) for host in ("h0", "h0", "h1")]
    for vm in made:  # without groups nothing may be received
        cloud.network.update_port(vm.port.id, security_groups=[open_group(cloud)])
    collector = Collector(cloud)
    wait_until(lambda: made[0].reaches(made[1].address) and made[0].reaches(made[2].address), "they reach each other")
    yield Vms(made[0], made[1], made[2], collector)
    collector.close()


def open_group(cloud: Cloud) -> str:
    """A group that allows ICMP and UDP port 7 in."""
    group = cloud.network.find_security_group("mirrored")
    if group is None:
        group = cloud.network.create_security_group(name="mirrored")
        allow = {"security_group_id": group.id, "direction": "ingress", "ether_type": "IPv4"}
        cloud.network.create_security_group_rule(**allow, protocol="icmp")
        cloud.network.create_security_group_rule(**allow, protocol="udp", port_range_min=7, port_range_max=7)
    return str(group.id)


@contextmanager
def mirror(cloud: Cloud, vm: Workload, kind: str, remote_ip: str = COLLECTOR, **directions: int) -> Iterator[str]:
    """A mirror in the API, until the end; the host has its flows when this begins, and none when it ends."""
    body = {"port_id": vm.port.id, "directions": directions, "remote_ip": remote_ip, "mirror_type": kind}
    made = cloud.network.create_tap_mirror(**body)
    try:
        wait_until(lambda: len(copies(vm)) >= len(directions), "the host makes copies")
        yield str(made.id)
    finally:
        cloud.network.delete_tap_mirror(made.id)
        wait_until(lambda: not copies(vm), "the host makes no copies any more")


def copies(vm: Workload) -> list[str]:
    """Flows that make copies of what a workload sends and receives."""
    dumps = (vm.host.ofctl("--names", "dump-flows", "br-int", f"table={table}") for table in (18, 101))
    number = int(vm.host.host.vsctl("get", "interface", vm.tap, "ofport"))
    its = (f'in_port="{vm.tap}"', f"in_port={vm.tap} ", f"reg7={number:#x} ")
    lines = [line for dump in dumps for line in dump.splitlines() if "clone" in line]
    return [line for line in lines if any(name in line for name in its)]


@pytest.mark.parametrize("to", ["near", "far"])
def test_gre_carries_what_a_port_sends_and_receives_with_a_key_for_each(cloud: Cloud, vms: Vms, to: str) -> None:
    other: Workload = getattr(vms, to)
    with mirror(cloud, vms.mirrored, "gre", OUT=SENT, IN=RECEIVED):
        vms.collector.empty()
        vms.mirrored.run("ping", "-c3", "-i0.2", "-s1408", other.address)  # as large as the network takes
        found = vms.collector.until(lambda copy: is_icmp(copy, 0, 3))
    for id, kind, source, target in ((SENT, 8, vms.mirrored, other), (RECEIVED, 0, other, vms.mirrored)):
        pings = [copy for copy in found if is_icmp(copy, kind)]
        assert [(copy.id, copy.frame[ICMP].seq, len(copy.frame)) for copy in pings] == [
            (id, sequence, 1408 + 42) for sequence in (1, 2, 3)
        ]  # fmt: skip
        for copy in pings:
            assert (copy.frame.src, copy.frame.dst) == (source.mac, target.mac)
            assert (copy.frame[IP].src, copy.frame[IP].dst) == (source.address, target.address)
            assert copy.source == vms.mirrored.host.host.underlay.split("/")[0]


def test_erspan_carries_both_directions_with_one_session_id(cloud: Cloud, vms: Vms) -> None:
    with mirror(cloud, vms.mirrored, "erspanv1", BOTH=102):
        vms.collector.empty()
        vms.mirrored.run("ping", "-c2", "-i0.2", vms.far.address)
        found = vms.collector.until(lambda copy: is_icmp(copy, 0, 2))
    pings = [copy for copy in found if ICMP in copy.frame]
    assert [(copy.id, copy.frame[ICMP].type, copy.frame[ICMP].seq) for copy in pings] == [
        (102, 8, 1), (102, 0, 1), (102, 8, 2), (102, 0, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["gre", "erspanv1"])
def test_a_collector_may_have_an_ipv6_address(cloud: Cloud, vms: Vms, kind: str) -> None:
    host = vms.mirrored.host.host
    host.run("ip", "addr", "replace", f"{HOST6}/64", "dev", vms.mirrored.host.underlay_device, "nodad")
    with mirror(cloud, vms.mirrored, kind, COLLECTOR6, BOTH=3):
        vms.collector.empty()
        vms.mirrored.run("ping", "-c2", "-i0.2", vms.far.address)
        found = vms.collector.until(lambda copy: is_icmp(copy, 0, 2))
    assert {(copy.id, copy.frame[ICMP].type, copy.source) for copy in found if ICMP in copy.frame} == {
        (3, 8, HOST6), (3, 0, HOST6),
    }  # fmt: skip


def test_a_broadcast_is_a_copy_for_who_sends_it_and_for_who_receives_it(cloud: Cloud, vms: Vms) -> None:
    with mirror(cloud, vms.mirrored, "gre", OUT=SENT, IN=RECEIVED):
        vms.collector.empty()
        for vm in (vms.mirrored, vms.near, vms.far):
            with wire(vm) as own:
                own.send(announcement(vm))
        found = vms.collector.during(lambda _: False, 1.0)
    announced = [(copy.id, copy.frame.src) for copy in found if ARP in copy.frame and copy.frame.dst == EVERYBODY]
    assert announced == [(SENT, vms.mirrored.mac), (RECEIVED, vms.near.mac), (RECEIVED, vms.far.mac)]


def test_what_the_agent_answers_is_received_too(cloud: Cloud, vms: Vms) -> None:
    mac = bytes.fromhex(vms.mirrored.mac.replace(":", ""))
    asked = (
        Ether(src=vms.mirrored.mac, dst=EVERYBODY) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
    )
    discover = asked / BOOTP(chaddr=mac, xid=0x5EED) / DHCP(options=[("message-type", "discover"), "end"])
    with mirror(cloud, vms.mirrored, "gre", OUT=SENT, IN=RECEIVED), wire(vms.mirrored) as own:
        vms.collector.empty()
        own.send(discover)
        assert own.seen(lambda frame: BOOTP in Ether(frame))
        found = vms.collector.until(lambda copy: BOOTP in copy.frame and copy.id == RECEIVED)
    assert [(copy.id, copy.frame[BOOTP].op) for copy in found if BOOTP in copy.frame] == [(SENT, 1), (RECEIVED, 2)]
    assert found[-1].frame[BOOTP].yiaddr == vms.mirrored.address


def announcement(vm: Workload) -> Packet:
    """A gratuitous ARP request."""
    return Ether(src=vm.mac, dst=EVERYBODY) / ARP(op=1, hwsrc=vm.mac, psrc=vm.address, pdst=vm.address)


def test_what_is_dropped_was_sent_and_not_received(cloud: Cloud, vms: Vms) -> None:
    def datagram(source: Workload, target: Workload, port: int, address: str = "") -> Packet:
        ether = Ether(src=source.mac, dst=target.mac)
        return ether / IP(src=address or source.address, dst=target.address) / UDP(sport=9, dport=port) / b"x"

    def ports(found: list[Copy]) -> list[tuple[int, str, int]]:
        return [(copy.id, copy.frame[IP].src, copy.frame[UDP].dport) for copy in found if UDP in copy.frame]

    with mirror(cloud, vms.mirrored, "gre", OUT=SENT, IN=RECEIVED):
        vms.collector.empty()
        with wire(vms.near) as near, wire(vms.mirrored) as mirrored:
            near.send(datagram(vms.near, vms.mirrored, 8), datagram(vms.near, vms.mirrored, 7))
            mirrored.send(datagram(vms.mirrored, vms.near, 9, address="10.73.0.250"))  # which is not its own
        found = vms.collector.during(lambda _: False, 1.0)
    assert sorted(ports(found)) == [(RECEIVED, vms.near.address, 7), (SENT, "10.73.0.250", 9)]


def test_an_agents_restart_loses_no_copy(cloud: Cloud, vms: Vms) -> None:
    with mirror(cloud, vms.mirrored, "gre", IN=RECEIVED):
        vms.collector.empty()
        port = vms.mirrored.host.host.vsctl("get", "interface", GRE_PORT, "_uuid", "ofport")
        ping = Ping(vms.mirrored, vms.far.address)
        restart_agent(cloud, signal.SIGTERM)
        answered, lost = ping.end()
        found = vms.collector.during(lambda copy: is_icmp(copy, 0, answered + lost), 10.0)
        assert vms.mirrored.host.host.vsctl("get", "interface", GRE_PORT, "_uuid", "ofport") == port
    sequences = {copy.frame[ICMP].seq for copy in found if is_icmp(copy, 0)}
    assert lost == 0
    assert len(sequences) >= answered - 1  # the last answer may have come after ping ended


def test_a_collectors_port_is_repaired_and_goes_with_the_last_mirror(cloud: Cloud, vms: Vms) -> None:
    host = vms.mirrored.host.host
    options = ("type=gre", "options:remote_ip=10.0.0.201", "options:key=5")
    host.vsctl("add-port", "br-int", "foreign", "--", "set", "interface", "foreign", *options)
    with mirror(cloud, vms.mirrored, "gre", OUT=SENT, IN=RECEIVED):
        with mirror(cloud, vms.near, "erspanv1", OUT=1):
            assert {GRE_PORT, ERSPAN_PORT} <= set(host.vsctl("list-ports", "br-int").split())
            host.vsctl("del-port", GRE_PORT)
            wait_until(lambda: GRE_PORT in host.vsctl("list-ports", "br-int").split(), "it is made again")
            wait_until(lambda: mirrors_again(vms), "copies are made again")
        wait_until(lambda: ERSPAN_PORT not in host.vsctl("list-ports", "br-int").split(), "its mirror has gone")
        assert GRE_PORT in host.vsctl("list-ports", "br-int").split()
    wait_until(lambda: GRE_PORT not in host.vsctl("list-ports", "br-int").split(), "its mirror has gone")
    assert "foreign" in host.vsctl("list-ports", "br-int").split()
    host.vsctl("del-port", "foreign")


def mirrors_again(vms: Vms) -> bool:
    vms.collector.empty()
    vms.mirrored.run("ping", "-c1", "-W1", vms.far.address)
    return any(is_icmp(copy, 0) for copy in vms.collector.during(lambda copy: is_icmp(copy, 0), 0.5))

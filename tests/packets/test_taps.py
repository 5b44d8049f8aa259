"""Tap services and tap flows with real packets: what the port of a service is given on either host, nobody else."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from openstack.connection import Connection
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from tests.packets.cloud import Cloud, Ping, Workload, wait_until
from tests.packets.sockets import PATIENCE_S, Wire, wire
from tests.packets.test_live_migration import Move, as_nova
from tests.packets.test_restarts import start_agent
from tests.packets.test_trunks import segment

pytestmark = pytest.mark.ovs
EVERYBODY = "ff:ff:ff:ff:ff:ff"
WHERE = ["here", "there"]


class Vms(NamedTuple):
    """Of one network: the source and another VM on h0, one on h1. Of another one: receivers of copies on each host."""

    source: Workload
    near: Workload
    far: Workload
    here: Workload
    there: Workload


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[Vms]:
    network, watch = cloud.make_network("shop", "10.73.0.0/24"), cloud.make_network("watch", "10.74.0.0/24")
    group = cloud.network.create_security_group(name="tapped")
    for protocol in ("icmp", "udp"):
        allow = {"security_group_id": group.id, "direction": "ingress", "ether_type": "IPv4", "protocol": protocol}
        cloud.network.create_security_group_rule(**allow)
    talking = [cloud.vm(host, network, security_groups=[group.id]) for host in ("h0", "h0", "h1")]
    # Without groups: nothing but copies may come in.
    receiving = [cloud.vm(host, watch, security_groups=[], address=False) for host in ("h0", "h1")]
    made = Vms(*talking, *receiving)
    wait_until(lambda: made.source.reaches(made.near.address) and made.source.reaches(made.far.address), "they talk")
    yield made


@pytest.fixture(scope="module")
def nova(cloud: Cloud) -> Connection:
    return as_nova(cloud)


@contextmanager
def service(cloud: Cloud, receiver: Any) -> Iterator[Any]:
    made = cloud.network.create_tap_service(port_id=receiver.id)
    try:
        yield made
    finally:
        cloud.network.delete_tap_service(made.id)


@contextmanager
def tapped(cloud: Cloud, source: Workload, receiver: Workload, direction: str = "BOTH") -> Iterator[Any]:
    """A service and a flow, until the end; hosts copy when this begins, and have nothing of it when it ends."""
    with service(cloud, receiver.port) as made:
        flow = cloud.network.create_tap_flow(
            tap_service_id=made.id, source_port=source.port.id, direction=direction
        )  # fmt: skip
        wait_until(lambda: status(cloud, flow) == "ACTIVE", "the tap flow is ACTIVE")
        assert cloud.network.get_tap_service(made.id).status == "ACTIVE"
        yield flow
    wait_until(lambda: not any(copying(cloud, host) for host in cloud.hosts), "hosts have nothing of it")


def status(cloud: Cloud, flow: Any) -> str:
    return str(cloud.network.get_tap_flow(flow.id).status)


def copying(cloud: Cloud, host: str) -> list[str]:
    """The flows of a host that make copies, carry them, or hand them to a port; without counters."""
    dumps = [cloud.hosts[host].ofctl("--no-stats", "dump-flows", bridge) for bridge in ("br-int", "br-tun")]
    return sorted(line for dump in dumps for line in dump.splitlines() if "0x7462000e" in line or "0x7462000c" in line)


class Copies:
    """What a receiver is given."""

    def __init__(self, own: Wire) -> None:
        self._wire = own

    def until(self, wanted: Callable[[Packet], bool], seconds: float = PATIENCE_S) -> list[Packet]:
        """Frames that came in until one that is wanted, with this one. Fails when it does not come."""
        frames: list[Packet] = [Ether(f) for f in self._wire.seen(lambda frame: wanted(Ether(frame)), seconds)]
        assert frames and wanted(frames[-1]), frames
        return frames

    def all(self, seconds: float = 1.0) -> list[Packet]:
        """Everything that comes in for a while."""
        return [Ether(frame) for frame in self._wire.seen(lambda _: False, seconds)]


@contextmanager
def copies(receiver: Workload, device: str = "eth0") -> Iterator[Copies]:
    with wire(receiver, device) as own:
        yield Copies(own)


def is_icmp(frame: Packet, kind: int, sequence: int | None = None) -> bool:
    return ICMP in frame and frame[ICMP].type == kind and (sequence is None or frame[ICMP].seq == sequence)


def pings(frames: list[Packet]) -> list[tuple[int, int, str, str]]:
    found = [frame for frame in frames if ICMP in frame]
    return [(frame[ICMP].type, frame[ICMP].seq, frame.src, frame.dst) for frame in found]


@pytest.mark.parametrize("to", ["near", "far"])
@pytest.mark.parametrize("where", WHERE)
def test_a_receiver_is_given_what_a_port_sends_and_receives_once(cloud: Cloud, vms: Vms, where: str, to: str) -> None:
    other, receiver = getattr(vms, to), getattr(vms, where)
    with tapped(cloud, vms.source, receiver), copies(receiver) as given, copies(vms.near) as bystander:
        vms.source.run("ping", "-c3", "-i0.2", "-s1408", other.address)  # as large as the network takes
        found = given.until(lambda frame: is_icmp(frame, 0, 3)) + given.all(0.5)
        beside = bystander.all(0.2)
    sent, received = (vms.source.mac, other.mac), (other.mac, vms.source.mac)
    assert pings(found) == [(kind, n, *ends) for n in (1, 2, 3) for kind, ends in ((8, sent), (0, received))]
    assert {len(frame) for frame in found if ICMP in frame} == {1408 + 42}
    assert {(frame[IP].src, frame[IP].dst) for frame in found if ICMP in frame} == {
        (vms.source.address, other.address), (other.address, vms.source.address),
    }  # fmt: skip
    expected = [(8, n, *sent) for n in (1, 2, 3)] if to == "near" else []
    assert pings(beside) == expected, "copies came to others"


@pytest.mark.parametrize("where", WHERE)
def test_a_flow_of_one_direction_copies_this_one(cloud: Cloud, vms: Vms, where: str) -> None:
    receiver = getattr(vms, where)
    for direction, kind in (("OUT", 8), ("IN", 0)):
        with tapped(cloud, vms.source, receiver, direction), copies(receiver) as given:
            vms.source.run("ping", "-c2", "-i0.2", vms.far.address)
            assert {ping[:2] for ping in pings(given.all())} == {(kind, 1), (kind, 2)}


@pytest.mark.parametrize("where", WHERE)
def test_broadcast_ipv6_and_what_is_dropped_are_copied_as_they_were_sent(cloud: Cloud, vms: Vms, where: str) -> None:
    receiver, source = getattr(vms, where), vms.source
    arp = [
        Ether(src=vm.mac, dst=EVERYBODY) / ARP(op=1, hwsrc=vm.mac, psrc=vm.address, pdst=vm.address) for vm in vms[:3]
    ]
    forged = Ether(src=source.mac, dst=vms.near.mac) / IP(src="10.73.0.250", dst=vms.near.address) / UDP(dport=7) / b"x"
    six = Ether(src=source.mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::1", dst="ff02::1") / UDP(dport=9) / b"six"
    with tapped(cloud, source, receiver), copies(receiver) as given:
        for vm, frame in zip(vms[:3], arp, strict=True):
            with wire(vm) as own:
                own.send(frame)
        with wire(source) as own:
            own.send(forged, six)
        found = given.all()
    assert sorted(frame.src for frame in found if ARP in frame) == sorted(vm.mac for vm in vms[:3])
    assert [bytes(frame) for frame in found if UDP in frame and frame[UDP].dport == 7] == [bytes(forged)]
    assert [bytes(frame) for frame in found if IPv6 in frame and UDP in frame] == [bytes(six)]


@pytest.mark.parametrize("where", WHERE)
def test_what_the_agent_answers_is_received_too(cloud: Cloud, vms: Vms, where: str) -> None:
    receiver, mac = getattr(vms, where), bytes.fromhex(vms.source.mac.replace(":", ""))
    asked = Ether(src=vms.source.mac, dst=EVERYBODY) / IP(src="0.0.0.0", dst="255.255.255.255")
    discover = asked / UDP(sport=68, dport=67) / BOOTP(chaddr=mac, xid=0x5EED)
    with tapped(cloud, vms.source, receiver), copies(receiver) as given, wire(vms.source) as own:
        own.send(discover / DHCP(options=[("message-type", "discover"), "end"]))
        found = given.until(lambda frame: BOOTP in frame and frame[BOOTP].op == 2)
    assert [frame[BOOTP].op for frame in found if BOOTP in frame] == [1, 2]
    assert found[-1][BOOTP].yiaddr == vms.source.address


def test_copies_do_not_go_in_a_circle(cloud: Cloud, vms: Vms) -> None:
    """The port of each of two services, on two hosts, is the source of the other one's flow."""
    with (
        tapped(cloud, vms.source, vms.far),
        service(cloud, vms.source.port) as back,
        copies(vms.far) as far,
        copies(vms.source) as source,
    ):
        flow = cloud.network.create_tap_flow(tap_service_id=back.id, source_port=vms.far.port.id, direction="BOTH")
        wait_until(lambda: status(cloud, flow) == "ACTIVE", "the tap flow is ACTIVE")
        vms.source.run("ping", "-c1", vms.near.address)
        found, returned = pings(far.all()), pings(source.all(0.2))
    there, back_again = (8, 1, vms.source.mac, vms.near.mac), (0, 1, vms.near.mac, vms.source.mac)
    assert found == [there, back_again]
    assert returned == [back_again]


@pytest.mark.parametrize("where", WHERE)
def test_sub_ports_of_trunks_are_sources_and_receivers(cloud: Cloud, where: str) -> None:
    base, red = (cloud.make_network(f"{name}-{where}", f"10.{n}.0.0/24") for name, n in (("base", 75), ("red", 76)))
    hosts = ("h0", "h0" if where == "here" else "h1")
    parents, ports = ([cloud.make_port(network) for _ in hosts] for network in (base, red))
    for parent, port in zip(parents, ports, strict=True):
        cloud.network.create_trunk(port_id=parent.id, sub_ports=[segment(port, 101)])
    sender, receiver = (cloud.plug(host, parent) for host, parent in zip(hosts, parents, strict=True))
    for port in ports:
        wait_until(lambda port=port: cloud.status(port) == "ACTIVE", "the sub-port is ACTIVE")  # type: ignore[misc]
    source, own_port = (Sub(port) for port in ports)
    frame = Ether(src=ports[0].mac_address, dst=EVERYBODY) / Dot1Q(vlan=101) / ARP(psrc="10.76.0.9", pdst="10.76.0.9")
    with tapped(cloud, source, own_port, "OUT"), wire(sender) as own, copies(receiver) as given:  # type: ignore[arg-type]
        own.send(frame)
        found = [one for one in given.all() if ARP in one and one.src == ports[0].mac_address]
    assert [(one[Dot1Q].vlan, one[ARP].psrc) for one in found] == [(101, "10.76.0.9")]


class Sub(NamedTuple):
    """A sub-port, which has no device of its own."""

    port: Any


@pytest.mark.parametrize("restarted", ["h0", "h1"])
def test_an_agents_restart_loses_no_copy_and_changes_no_flow(cloud: Cloud, vms: Vms, restarted: str) -> None:
    with tapped(cloud, vms.source, vms.there) as flow, copies(vms.there) as given:
        before = copying(cloud, restarted)
        ping = Ping(vms.source, vms.near.address)
        cloud.hosts[restarted].host.kill("agent", signal.SIGTERM)
        start_agent(cloud, restarted)
        answered, lost = ping.end()
        found = given.all()
        assert copying(cloud, restarted) == before != []
        assert status(cloud, flow) == "ACTIVE"
    sequences = [frame[ICMP].seq for frame in found if is_icmp(frame, 0)]
    assert lost == 0
    assert len(sequences) == len(set(sequences)) >= answered - 1  # the last answer may have come after ping ended


def test_a_flow_is_active_while_its_receiver_is_there_and_copies_follow_it(
    cloud: Cloud, nova: Connection, vms: Vms
) -> None:
    network = cloud.network.find_network("watch")
    attributes: dict[str, Any] = {"device_owner": "compute:nova", "binding_host_id": "h0", "security_groups": []}
    receiver = cloud.vm("h0", network, **attributes)
    with tapped(cloud, vms.source, receiver) as flow:
        move = Move(cloud, nova, receiver)
        move.prepare()
        assert heard(vms, receiver), "before it has moved"
        move.switch()
        wait_until(lambda: heard(vms, receiver, "eth1"), "copies come to its new place")
        receiver.detach()
        assert status(cloud, flow) == "ACTIVE"
        cloud.hosts["h1"].host.vsctl("del-port", "br-int", move.tap)
        wait_until(lambda: status(cloud, flow) == "DOWN", "nobody receives")


def heard(vms: Vms, receiver: Workload, device: str = "eth0") -> bool:
    """Whether a ping of the source is copied to a receiver, both ways, and nothing twice."""
    with copies(receiver, device) as given:
        vms.source.run("ping", "-c1", "-W1", vms.far.address)
        return [ping[0] for ping in pings(given.all(0.3))] == [8, 0]


def test_copies_follow_their_source_to_another_host(cloud: Cloud, nova: Connection, vms: Vms) -> None:
    group = cloud.network.find_security_group("tapped").id
    attributes: dict[str, Any] = {"device_owner": "compute:nova", "binding_host_id": "h0", "security_groups": [group]}
    source = cloud.vm("h0", cloud.network.find_network("shop"), **attributes)
    moved = vms._replace(source=source)
    with tapped(cloud, source, vms.here) as flow:
        assert heard(moved, vms.here)
        move = Move(cloud, nova, source)
        move.prepare()
        move.switch()
        source.detach()
        wait_until(lambda: heard(moved, vms.here), "it is copied in its new place")
        wait_until(lambda: status(cloud, flow) == "ACTIVE", "the new host says so")
        cloud.network.delete_port(source.port.id)
        assert list(cloud.network.tap_flows(id=flow.id)) == []
    cloud.hosts["h1"].host.vsctl("del-port", "br-int", move.tap)


@pytest.mark.parametrize("where", WHERE)
def test_a_trace_tells_where_a_packet_goes_and_of_its_copies(cloud: Cloud, vms: Vms, where: str) -> None:
    def trace() -> Any:
        ends = (vms.source.port.id, vms.far.port.id)
        command = [sys.executable, "-m", "tunbridge", "trace", *ends, f"lab:{cloud.lab.name}", "-f", "json"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout)

    receiver: Workload = getattr(vms, where)
    before = trace()
    with tapped(cloud, vms.source, receiver):
        now = trace()
    assert now["outcome"] == before["outcome"]
    assert [f'"{receiver.tap}"' in json.dumps(answer["visit"]) for answer in (before, now)] == [False, True]

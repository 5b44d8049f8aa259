"""A router with gateways to several external networks: which of them packets leave by, and as whom. Real conntrack."""

from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import PEER, PEER_MAC, REMOTE, WIRE, inside, introduce, mac, outside, sent, site
from tests.dataplane.world import OUTSIDE, World
from tunbridge.dataplane.view import HostRoute, PortForwarding, router_keys

OTHER, TAG = "192.0.2", 400
OTHER_PEER, OTHER_MAC = f"{OTHER}.1", "02:00:00:00:00:02"
"""The physical router of the second external network, which is a VLAN of the same wire."""


def two(make_world: MakeWorld, *hosts: str, share: bool = False, snat: bool = True) -> World:
    """The site of test_gateways.py, with a second gateway to a VLAN of the wire."""
    world = site(make_world, *hosts, snat=snat)
    world.network("other", "vlan", TAG, external=True)
    world.rows.networks["other"] = replace(world.rows.networks["other"], mtu=1500)
    world.subnet("other4", "other", f"{OTHER}.0/24", OTHER_PEER, enable_dhcp=False)
    world.gateway("r", "other", "other4", f"{OTHER}.10", "a", snat, further="gw2")
    change(world, shares_default=share)
    return world


def settle(world: World) -> None:
    """Compute, and learn both physical routers, which the world forgets then."""
    world.run()
    introduce(world)
    introduce(world, address=OTHER_PEER, hw=OTHER_MAC, tag=TAG)


def change(world: World, **columns: Any) -> None:
    old = world.rows.routers["r"]
    world.rows.routers["r"] = replace(old, **columns)
    world.touch(router_keys(old, world.rows.routers["r"]))
    settle(world)


def silent(world: World, *hops: str) -> None:
    """The agent says which next hops do not answer."""
    world.hosts["a"].silent = frozenset(("other" if hop == OTHER_PEER else "ext", hop) for hop in hops)
    settle(world)


def from_other(world: World, port: str, source: str, target: str) -> Packet:
    """The start of a packet from the second network."""
    return Ether(src=OTHER_MAC, dst=mac(world, port)) / Dot1Q(vlan=TAG) / IP(src=source, dst=target)


def way(packet: Packet) -> str:
    """The network that a packet left into."""
    return "other" if Dot1Q in packet else "ext"


def test_what_is_connected_goes_by_its_network_and_the_rest_by_the_first(make_world: MakeWorld) -> None:
    world = two(make_world)
    for target, network, source, port, peer in (
        (REMOTE, "ext", f"{WIRE}.10", "r-gw", PEER_MAC),
        (OTHER_PEER, "other", f"{OTHER}.10", "r-gw2", OTHER_MAC),
        (PEER, "ext", f"{WIRE}.10", "r-gw", PEER_MAC),
    ):
        got = sent(world.exchange("b1", inside(world, "b1", target) / UDP(sport=1000, dport=53)))
        assert (way(got), got[IP].src, got[IP].ttl) == (network, source, 63), target
        assert (got[Ether].src, got[Ether].dst) == (mac(world, port), peer)


def test_answers_come_in_by_both(make_world: MakeWorld) -> None:
    world = two(make_world)
    asked = sent(world.exchange("b1", inside(world, "b1", OTHER_PEER) / UDP(sport=1000, dport=53)))
    back = from_other(world, "r-gw2", OTHER_PEER, f"{OTHER}.10") / UDP(sport=53, dport=asked[UDP].sport)
    answer = sent(world.exchange_outside("a", back), "b1")
    assert (answer[IP].dst, answer[UDP].dport) == ("10.0.1.1", 1000)
    unasked = from_other(world, "r-gw2", REMOTE, f"{OTHER}.10") / UDP(sport=53, dport=9)
    assert world.exchange_outside("a", unasked) == {}
    through = outside(world, "r-gw", REMOTE, OTHER_PEER) / UDP(sport=53, dport=9)
    assert world.exchange_outside("a", through) == {}, "from outside to outside"


@pytest.mark.parametrize("number", [0, 1])
def test_both_addresses_are_answered_for_where_they_are(make_world: MakeWorld, number: int) -> None:
    world = two(make_world)
    address, port = ((f"{WIRE}.10", "r-gw"), (f"{OTHER}.10", "r-gw2"))[number]
    ask: Packet = ARP(op=1, hwsrc=PEER_MAC, psrc=(PEER, OTHER_PEER)[number], pdst=address)
    ether: Packet = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff")
    reply = sent(world.exchange_outside("a", ether / Dot1Q(vlan=TAG) / ask if number else ether / ask))
    assert (reply[ARP].op, reply[ARP].psrc, reply[ARP].hwsrc) == (2, address, mac(world, port))
    wrong = world.exchange_outside("a", ether / ask if number else ether / Dot1Q(vlan=TAG) / ask)
    assert not any(ARP in packet and packet[ARP].op == 2 for packet in wrong.get(OUTSIDE, [])), "nor on the other wire"
    ping = (from_other if number else outside)(world, port, (PEER, OTHER_PEER)[number], address) / ICMP(id=7, seq=1)
    pong = sent(world.exchange_outside("a", ping))
    assert (pong[ICMP].type, pong[IP].src, way(pong)) == (0, address, "other" if number else "ext")


def ways(world: World, port: int = 53) -> dict[str, str]:
    """Destination -> network and source of a packet to there."""
    found = {}
    for number in range(1, 41):
        target = f"198.51.100.{number}"
        got = sent(world.exchange("b1", inside(world, "b1", target) / UDP(sport=1000, dport=port)))
        assert got[IP].src == (f"{OTHER}.10" if way(got) == "other" else f"{WIRE}.10")
        found[target] = way(got)
    return found


def test_a_shared_default_route_is_by_both_and_a_silent_next_hop_has_no_share(make_world: MakeWorld) -> None:
    """A connection whose way changes has the address of the network that it leaves by now."""
    world = two(make_world, share=True)
    assert world.hosts["a"].desired.alternatives == {("ext", PEER), ("other", OTHER_PEER)}
    before = ways(world)
    assert 8 <= list(before.values()).count("other") <= 32
    silent(world, OTHER_PEER)
    assert {*ways(world).values()} == {"ext"}
    silent(world, PEER)
    assert {*ways(world).values()} == {"other"}
    silent(world, PEER, OTHER_PEER)
    assert ways(world) == before, "none is as good as all"
    silent(world)
    assert ways(world) == before
    change(world, shares_default=False)
    assert {*ways(world).values()} == {"ext"}
    assert not world.hosts["a"].desired.alternatives


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("number", [0, 1])
def test_a_floating_ip_is_answered_by_its_network(make_world: MakeWorld, number: int, share: bool) -> None:
    world = two(make_world, share=share)
    network, prefix = (("ext", WIRE), ("other", OTHER))[number]
    world.floating("f", network, f"{prefix}.101", "r", "b1")
    settle(world)
    start = (outside, from_other)[number]
    for remote in (f"198.51.100.{n}" for n in range(1, 12)):
        ask = start(world, "f", remote, f"{prefix}.101") / TCP(sport=1000, dport=80, flags="S")
        assert sent(world.exchange_outside("a", ask), "b1")[IP].dst == "10.0.1.1"
        reply = sent(world.exchange("b1", inside(world, "b1", remote) / TCP(sport=80, dport=1000, flags="SA", ack=1)))
        assert (way(reply), reply[IP].src, reply[Ether].src) == (network, f"{prefix}.101", mac(world, "f"))
    own = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53)))
    assert (way(own), own[IP].src) == (network, f"{prefix}.101")
    peer, gateway, other = ((OTHER_PEER, f"{OTHER}.10", "other"), (PEER, f"{WIRE}.10", "ext"))[number]
    there = sent(world.exchange("b1", inside(world, "b1", peer) / UDP(sport=1000, dport=53)))
    assert (way(there), there[IP].src) == (other, gateway), "to the other network it is the router"
    beside = sent(world.exchange("b2", inside(world, "b2", peer) / UDP(sport=1000, dport=53)))
    assert (way(beside), beside[IP].src) == (other, gateway)


@pytest.mark.parametrize("snat", [True, False])
def test_ports_of_a_floating_ip_of_the_second_network(make_world: MakeWorld, snat: bool) -> None:
    world = two(make_world, snat=snat)
    one = PortForwarding(id="p", port_id="b1", fixed_ip="10.0.1.1", protocol=6, first=8000, last=8003, inner=80)
    world.forward("f", "other", f"{OTHER}.101", "r", one)
    settle(world)
    ask = from_other(world, "f", REMOTE, f"{OTHER}.101") / TCP(sport=1000, dport=8001, flags="S")
    assert sent(world.exchange_outside("a", ask), "b1")[TCP].dport == 81
    reply = sent(world.exchange("b1", inside(world, "b1", REMOTE) / TCP(sport=81, dport=1000, flags="SA", ack=1)))
    assert (way(reply), reply[IP].src, reply[TCP].sport) == ("other", f"{OTHER}.101", 8001)
    own = sent(world.exchange("b1", inside(world, "b1", REMOTE) / TCP(sport=2000, dport=80, flags="S")))
    assert (way(own), own[IP].src) == ("ext", f"{WIRE}.10" if snat else "10.0.1.1")


def test_extra_routes_lead_by_the_second_network_and_come_before_a_floating_ip(make_world: MakeWorld) -> None:
    world = two(make_world)
    change(world, routes=(HostRoute("198.51.100.0/24", OTHER_PEER),))
    got = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53)))
    assert (way(got), got[IP].src, got[Ether].dst) == ("other", f"{OTHER}.10", OTHER_MAC)
    elsewhere = sent(world.exchange("b1", inside(world, "b1", "8.8.8.8") / UDP(sport=1000, dport=53)))
    assert way(elsewhere) == "ext"


def test_two_gateways_on_one_network_are_both_answered_and_the_first_one_sends(make_world: MakeWorld) -> None:
    world = site(make_world)
    world.gateway("r", "ext", "ext4", f"{WIRE}.20", "a", further="gw2")
    change(world, shares_default=True)
    got = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53)))
    assert (got[IP].src, got[Ether].src) == (f"{WIRE}.10", mac(world, "r-gw"))
    for port, address in (("r-gw", f"{WIRE}.10"), ("r-gw2", f"{WIRE}.20")):
        ask = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=PEER_MAC, psrc=PEER, pdst=address)
        assert sent(world.exchange_outside("a", ask))[ARP].hwsrc == mac(world, port)
        pong = sent(world.exchange_outside("a", outside(world, port, PEER, address) / ICMP(id=7, seq=1)))
        assert (pong[ICMP].type, pong[IP].src) == (0, address)


def test_without_a_next_hop_on_the_first_network_the_default_route_is_by_the_next(make_world: MakeWorld) -> None:
    world = two(make_world)
    world.subnet("ext4", "ext", f"{WIRE}.0/24", None, enable_dhcp=False)
    settle(world)
    got = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53)))
    assert (way(got), got[IP].src) == ("other", f"{OTHER}.10")


def test_a_vm_on_another_host_goes_by_the_gateway_host(make_world: MakeWorld) -> None:
    world = two(make_world, "a", "b", share=True)
    seen = set()
    for number in range(1, 21):
        found = world.send("b3", _ping(world, "b3", f"198.51.100.{number}"))
        seen |= {(one.host, one.device) for one in found}
    assert {host for host, _ in seen} == {"a"}, seen


def _ping(world: World, port: str, target: str) -> str:
    source = world.rows.ports[port].fixed_ips[0].ip_address
    return f"icmp,dl_src={mac(world, port)},dl_dst={mac(world, 'r-blue')},nw_src={source},nw_dst={target},nw_ttl=64"


def test_a_router_with_one_network_has_no_flow_more(make_world: MakeWorld) -> None:
    """The second network costs its own flows, and goes with them."""
    world = site(make_world)
    before = set(world.hosts["a"].desired.flows("br-int"))
    world = two(make_world)
    more = set(world.hosts["a"].desired.flows("br-int"))
    change(world, further_gateways=())
    after = world.hosts["a"].desired
    assert set(after.flows("br-int")) == before
    assert len(more) > len(before)

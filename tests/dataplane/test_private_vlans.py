"""Private VLANs: who reaches whom, by unicast, broadcast, multicast and ARP, on one host and across hosts."""

import itertools
from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.inet import IP, UDP

from tests.dataplane import test_gateways as gateways
from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import BROADCAST, mac, udp
from tests.dataplane.world import OUTSIDE, World
from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.view import AddressPair, LocalIp, Location

COMMUNITIES = {"red": ("r1", "r2"), "green": ("g1", "g2")}
NUMBERS = {
    name: number
    for number, name in enumerate(
        ("p1", "p2", "i1", "i2", *itertools.chain(*COMMUNITIES.values()), "pb", "ib", "rb", "gb"), 11
    )
}
"""Port -> last byte of its address. p: promiscuous, i: isolated, r and g: of a community; those with b: on host b."""
MULTICAST = "01:00:5e:00:00:7b"


def site(make_world: MakeWorld, kind: str = "vxlan", is_private: bool = True) -> World:
    world = make_world("a", "b")
    world.network("n", kind, segment=100, is_private=is_private)
    world.subnet("s", "n", "10.0.0.0/24", "10.0.0.1")
    for name in NUMBERS:
        put(world, name)
    world.run()
    return world


def put(world: World, name: str, kind: str | None = None, **more: Any) -> None:
    """Make or replace a port of the kind that its name begins with."""
    kinds = {
        "p": ("promiscuous", None),
        "i": ("isolated", None),
        "r": ("community", "red"),
        "g": ("community", "green"),
    }
    private_kind, community = kinds[(kind or name)[0]]
    host, number = "b" if name.endswith("b") else "a", NUMBERS[name]
    addresses = (f"10.0.0.{number}", f"2001:db8::{number}")
    world.port(name, "n", host, *addresses, private_kind=private_kind, community=community, **more)


def reaches(one: str, other: str) -> bool:
    return "p" in (one[0], other[0]) or (one[0] == other[0] and one[0] in "rg")


@pytest.fixture(scope="module", params=["vxlan", "vlan"])
def lasting(make_lasting_world: MakeWorld, request: pytest.FixtureRequest) -> World:
    return site(make_lasting_world, request.param)


def heard(world: World, one: str, packet: str) -> set[str]:
    """The workloads that a port's packet comes to, of its host and, by tunnel or wire, of the other."""
    found = world.send(one, packet)
    here, there = ("b", "a") if one.endswith("b") else ("a", "b")
    if any(each.device == OUTSIDE for each in found):
        found |= world.send_outside(there, f"dl_vlan=100,{packet}")
    assert not any(each.device == "agent" for each in found)
    return {each.device for each in found if each.device in NUMBERS and each.host in (here, there)}


def everybody(one: str) -> set[str]:
    return {other for other in NUMBERS if other != one and reaches(one, other)}


def six(one: str, other: str) -> str:
    source, target = NUMBERS[one], NUMBERS[other]
    return f"udp6,dl_src={mac(source)},dl_dst={mac(target)},ipv6_src=2001:db8::{source},ipv6_dst=2001:db8::{target}"


@pytest.mark.parametrize("one", NUMBERS)
def test_unicast_comes_to_those_whom_the_kind_reaches(lasting: World, one: str) -> None:
    for other in NUMBERS.keys() - {one}:
        wanted = {other} if reaches(one, other) else set()
        assert heard(lasting, one, udp(NUMBERS[one], NUMBERS[other])) == wanted, other
        assert heard(lasting, one, six(one, other)) == wanted, other
        if not wanted:
            assert lasting.send(one, udp(NUMBERS[one], NUMBERS[other])) == set(), "it does not even leave the host"


@pytest.mark.parametrize("one", NUMBERS)
def test_what_is_sent_to_all_comes_to_those_whom_the_kind_reaches(lasting: World, one: str) -> None:
    source = f"dl_src={mac(NUMBERS[one])}"
    address = f"nw_src=10.0.0.{NUMBERS[one]}"
    assert heard(lasting, one, f"udp,{source},dl_dst={BROADCAST},{address},nw_dst=10.0.0.255") == everybody(one)
    assert heard(lasting, one, f"udp,{source},dl_dst={MULTICAST},{address},nw_dst=224.0.0.123") == everybody(one)
    six = f"ipv6_src=2001:db8::{NUMBERS[one]},ipv6_dst=ff02::7b"
    assert heard(lasting, one, f"udp6,{source},dl_dst=33:33:00:00:00:7b,{six}") == everybody(one)
    announced = f"arp_op=1,arp_spa=10.0.0.{NUMBERS[one]},arp_tpa=10.0.0.{NUMBERS[one]},arp_sha={mac(NUMBERS[one])}"
    assert heard(lasting, one, f"arp,{source},dl_dst={BROADCAST},{announced}") == everybody(one)


@pytest.mark.parametrize("one", NUMBERS)
def test_nobody_answers_for_a_port_that_is_not_reached(lasting: World, one: str) -> None:
    """Those who are reached hear the question: a firewall that answers for others (local proxy ARP) has to."""
    source = f"dl_src={mac(NUMBERS[one])}"
    for other in NUMBERS.keys() - {one}:
        asked = f"arp_op=1,arp_spa=10.0.0.{NUMBERS[one]},arp_tpa=10.0.0.{NUMBERS[other]},arp_sha={mac(NUMBERS[one])}"
        found = lasting.send(one, f"arp,{source},dl_dst={BROADCAST},{asked}")
        solicited = f"icmp6,{source},dl_dst=33:33:ff:00:00:{NUMBERS[other]:02x},ipv6_src=2001:db8::{NUMBERS[one]}"
        solicited += f",ipv6_dst=ff02::1:ff00:{NUMBERS[other]},icmp_type=135,nd_target=2001:db8::{NUMBERS[other]}"
        solicited += f",nd_sll={mac(NUMBERS[one])}"
        if not reaches(one, other):
            assert heard(lasting, one, f"arp,{source},dl_dst={BROADCAST},{asked}") == everybody(one)
            assert not any(each.device == one for each in found), other
            assert other not in heard(lasting, one, solicited)
        else:
            answered = any(each.device == one and f"tip=10.0.0.{NUMBERS[one]}" in each.changes for each in found)
            assert answered or other in heard(lasting, one, f"arp,{source},dl_dst={BROADCAST},{asked}")
            assert other in heard(lasting, one, solicited)


def test_a_port_that_changes_its_kind(make_world: MakeWorld) -> None:
    world = site(make_world)
    for kind, wanted in (("r", {"r1", "r2", "rb"}), ("p", set(NUMBERS) - {"i1"}), ("i", set())):
        put(world, "i1", kind)
        world.run()
        promiscuous = {"p1", "p2", "pb"}
        for other in NUMBERS.keys() - {"i1"}:
            reached = other in wanted | promiscuous
            assert heard(world, "i1", udp(NUMBERS["i1"], NUMBERS[other])) == ({other} if reached else set()), (
                kind,
                other,
            )
            assert heard(world, other, udp(NUMBERS[other], NUMBERS["i1"])) == ({"i1"} if reached else set()), (
                kind,
                other,
            )


def test_a_network_that_becomes_private_and_is_no_longer(make_world: MakeWorld) -> None:
    world = site(make_world, is_private=False)
    to = udp(NUMBERS["i1"], NUMBERS["ib"])
    assert heard(world, "i1", to) == {"ib"}
    world.network("n", "vxlan", segment=100, is_private=True)
    world.run()
    assert heard(world, "i1", to) == set()
    world.network("n", "vxlan", segment=100)
    world.run()
    assert heard(world, "i1", to) == {"ib"}


def test_an_address_of_two_ports_of_different_kinds_is_reached_by_what_reaches_both(make_world: MakeWorld) -> None:
    """Allowed address pairs with one MAC address, as VRRP has it."""
    world = site(make_world)
    shared = (AddressPair("00:00:5e:00:01:0a", "10.0.0.200"),)
    put(world, "r1", allowed_address_pairs=shared)
    put(world, "gb", allowed_address_pairs=shared)
    world.run()
    to = "dl_dst=00:00:5e:00:01:0a,nw_dst=10.0.0.200"
    for one, is_heard in (("p1", True), ("pb", True), ("i1", False), ("r2", False), ("g1", False), ("rb", False)):
        found = world.send(one, f"udp,dl_src={mac(NUMBERS[one])},nw_src=10.0.0.{NUMBERS[one]},{to}")
        assert bool(found) == is_heard, (one, found)


def test_a_tunnels_packet_from_nobodys_address_reaches_promiscuous_ports_alone(make_world: MakeWorld) -> None:
    world = site(make_world)
    packet = f"udp,dl_src=00:00:5e:00:01:0b,nw_src=10.0.0.210,nw_dst=10.0.0.255,dl_dst={BROADCAST}"
    found = set(world.hosts["a"].trace("br-tun", f"tun_id=0x64,in_port=2,{packet}", ()))
    assert {each.device for each in found} == {"p1", "p2"}


def test_devices_of_the_physical_network_reach_all_and_all_reach_them(make_world: MakeWorld) -> None:
    world = site(make_world, "vlan")
    outside = "00:00:5e:00:02:01"
    for name in ("p1", "i1", "r1"):
        to = f"udp,dl_src={outside},nw_src=10.0.0.1,dl_dst={mac(NUMBERS[name])},nw_dst=10.0.0.{NUMBERS[name]}"
        found = {each.device for each in world.send_outside("a", f"dl_vlan=100,{to}")}
        assert found & NUMBERS.keys() == {name}
        back = f"udp,dl_src={mac(NUMBERS[name])},nw_src=10.0.0.{NUMBERS[name]},dl_dst={outside},nw_dst=10.0.0.1"
        assert OUTSIDE in {each.device for each in world.send(name, back)}


def test_a_router_carries_to_other_networks_and_does_not_lead_round_the_private_vlan(make_world: MakeWorld) -> None:
    world = site(make_world)
    world.network("m", segment=200)
    world.subnet("sm", "m", "10.1.0.0/24", "10.1.0.1")
    world.subnet("s6", "n", "2001:db8::/64", "2001:db8::1", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    world.port("m1", "m", "a", "10.1.0.66")
    world.router("r", ("n", "s", "10.0.0.1"), ("n", "s6", "2001:db8::1"), ("m", "sm", "10.1.0.1"))
    world.run()
    router = world.rows.ports["r-n"].mac_address
    for one in ("i1", "r1", "p1"):
        start = f"dl_src={mac(NUMBERS[one])},dl_dst={router},nw_ttl=64"
        out = world.send(one, f"udp,{start},nw_src=10.0.0.{NUMBERS[one]},nw_dst=10.1.0.66")
        assert {each.device for each in out} == {"m1"}
        for other in NUMBERS.keys() - {one}:
            wanted = {other} if reaches(one, other) else set()
            again = f"udp,{start},nw_src=10.0.0.{NUMBERS[one]},nw_dst=10.0.0.{NUMBERS[other]}"
            assert {each.device for each in world.send(one, again)} == wanted, (one, other)
            for gateway in (router, service_mac("n")):
                source = f"dl_src={mac(NUMBERS[one])},dl_dst={gateway},nw_ttl=64,ipv6_src=2001:db8::{NUMBERS[one]}"
                again = f"udp6,{source},ipv6_dst=2001:db8::{NUMBERS[other]}"
                assert {each.device for each in world.send(one, again)} == wanted, (one, other)
    back = world.rows.ports["r-m"].mac_address
    for other in ("i1", "rb", "p1"):
        inwards = f"udp,dl_src={mac(66)},dl_dst={back},nw_ttl=64,nw_src=10.1.0.66,nw_dst=10.0.0.{NUMBERS[other]}"
        assert {each.device for each in world.send("m1", inwards)} == {other}, "from another network"


def test_an_address_pair_is_not_reached_by_a_router_either(make_world: MakeWorld) -> None:
    world = site(make_world)
    world.router("r", ("n", "s", "10.0.0.1"))
    put(world, "i2", allowed_address_pairs=(AddressPair(mac(NUMBERS["i2"]), "10.0.0.200"),))
    world.rows.locations = (
        Location(network_id="n", address="10.0.0.200", host="a", port_id="i2", mac_address=mac(NUMBERS["i2"]), claim=1),
    )
    world.touch({("network-locations", "n")})
    world.run()
    router = world.rows.ports["r-n"].mac_address
    for one, wanted in (("p1", {"i2"}), ("i1", set()), ("r1", set())):
        to = f"udp,dl_src={mac(NUMBERS[one])},dl_dst={router},nw_ttl=64,nw_src=10.0.0.{NUMBERS[one]},nw_dst=10.0.0.200"
        assert {each.device for each in world.send(one, to)} == wanted, one


def test_a_local_ip_leads_nobody_to_a_port_that_is_not_reached(make_world: MakeWorld) -> None:
    world = site(make_world)
    world.rows.local_addresses = {"r1": (LocalIp(id="local", address="10.0.0.100", fixed_ip="10.0.0.15"),)}
    world.touch({("local-ips", id) for id in world.rows.ports})
    world.run()
    for one in ("p1", "i1", "r2", "g1"):
        source = f"dl_src={mac(NUMBERS[one])}"
        asked = f"arp_op=1,arp_spa=10.0.0.{NUMBERS[one]},arp_tpa=10.0.0.100,arp_sha={mac(NUMBERS[one])}"
        answered = any(each.device == one for each in world.send(one, f"arp,{source},dl_dst={BROADCAST},{asked}"))
        assert answered == reaches(one, "r1"), one
        to = f"udp,{source},dl_dst={mac(NUMBERS['r1'])},nw_src=10.0.0.{NUMBERS[one]},nw_dst=10.0.0.100"
        assert bool(world.send(one, to, "trk,new", "trk,new")) == reaches(one, "r1"), one


@pytest.mark.parametrize("gateway", ["a", "b"])
def test_isolated_ports_go_outside_and_are_reached_by_floating_ips(make_world: MakeWorld, gateway: str) -> None:
    """b1 and b2 are isolated; outside they meet as anybody else does, whichever host has the gateway."""
    world = gateways.with_floating(make_world, "a", "b", gateway=gateway)
    blue = world.rows.networks["blue"]
    world.rows.networks["blue"] = replace(blue, is_private=True)
    world.touch({("network", "blue")})
    for name in ("b1", "b2"):
        world.put_port(replace(world.rows.ports[name], private_kind="isolated"))
    world.run()
    for host in ("a", "b"):
        gateways.introduce(world, host)
    direct = gateways.inside(world, "b2", "10.0.1.1") / UDP(sport=1000, dport=53)
    assert world.exchange("b2", direct) == {}, "not by the router"
    start = gateways.outside(world, "f1", gateways.REMOTE, f"{gateways.WIRE}.101")
    assert list(world.exchange_outside("a", start / UDP(sport=53, dport=1000))) == ["b1"]
    out = world.exchange("b1", gateways.inside(world, "b1", gateways.REMOTE) / UDP(sport=1000, dport=53))
    assert out[OUTSIDE][-1][IP].src == f"{gateways.WIRE}.101"
    if gateway == "a":
        again = gateways.inside(world, "b2", f"{gateways.WIRE}.101") / UDP(sport=1001, dport=53)
        assert list(world.exchange("b2", again)) == ["b1"], "to a floating IP, as from outside"

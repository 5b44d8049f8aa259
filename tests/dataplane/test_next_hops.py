"""Routes with several next hops, and addresses that several ports may have, where they are now."""

from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import introduce, site
from tests.dataplane.test_routing import BLUE, RED, interfaces, mac, one, routed, udp
from tests.dataplane.world import World
from tunbridge.dataplane.features import extra_routes
from tunbridge.dataplane.view import AddressPair, HostRoute, Location

VIP = f"{RED}.100"


def test_shares_are_equal_and_those_of_others_stay_when_one_goes() -> None:
    hops = [f"10.0.0.{n}" for n in range(1, 6)]
    for count in range(1, 6):
        table = extra_routes.shares(hops[:count])
        sizes = Counter(table).values()
        assert len(table) == extra_routes.SHARES
        assert max(sizes) - min(sizes) <= 1
        for gone in hops[:count] if count > 1 else ():
            after = extra_routes.shares([hop for hop in hops[:count] if hop != gone])
            moved = sum(was not in (now, gone) for was, now in zip(table, after, strict=True))
            assert moved <= extra_routes.SHARES // 4, (count, gone, moved)
    assert extra_routes.shares(hops[::-1]) == extra_routes.shares(hops)


def several(make_world: MakeWorld) -> World:
    world = routed(make_world)
    for name, number, host in (("h5", 5, "a"), ("h6", 6, "a"), ("h7", 7, "b")):
        world.port(name, "red", host, f"{RED}.{number}", port_security_enabled=False)
    world.rows.statuses.update({"h5": "ACTIVE", "h6": "ACTIVE", "h7": "ACTIVE"})
    routes = tuple(HostRoute("192.0.2.0/24", f"{RED}.{number}") for number in (5, 6, 7))
    world.router("r", *interfaces(), routes=routes)
    world.run()
    return world


def ways(world: World) -> dict[int, str]:
    """Last byte of the destination -> the workload that gets the packet."""
    return {n: one(world.send("b1", udp(world, "b1", "r-blue", f"192.0.2.{n}"))).device for n in range(1, 25)}


def test_packets_part_over_next_hops_by_their_addresses_and_leave_one_that_is_down(make_world: MakeWorld) -> None:
    world = several(make_world)
    first = ways(world)
    assert set(first.values()) == {"h5", "h6", "h7"}
    world.rows.statuses["h6"] = "DOWN"
    world.touch({("port-status", "h6")})
    world.run()
    second = ways(world)
    assert set(second.values()) == {"h5", "h7"}
    assert sum(first[n] not in ("h6", second[n]) for n in first) <= 6
    del world.rows.statuses["h5"], world.rows.statuses["h7"]  # nobody is up: as good as all
    world.touch({("port-status", "h5"), ("port-status", "h7")})
    world.run()
    assert ways(world) == first


def test_a_route_is_left_with_the_one_next_hop_whose_port_is_there(make_world: MakeWorld) -> None:
    world = several(make_world)
    for name in ("h5", "h7"):
        world.delete_port(name)
    world.hosts["a"].unplug("h5")
    world.hosts["b"].unplug("h7")
    world.run()
    assert set(ways(world).values()) == {"h6"}
    assert not [f for f in world.hosts["a"].desired.flows("br-int").values() if f.table == 83 and f.priority]


def test_several_next_hops_outside(make_world: MakeWorld) -> None:
    world = site(make_world)
    macs = {"203.0.113.21": "02:00:00:00:00:21", "203.0.113.22": "02:00:00:00:00:22"}
    world.router("r", ("blue", "blue4", f"{BLUE}.254"), routes=tuple(HostRoute("192.0.2.0/24", hop) for hop in macs))
    world.gateway("r", "ext", "ext4", "203.0.113.10", "a")
    world.run()
    for hop, hw in macs.items():
        introduce(world, address=hop, hw=hw)
    start = Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
    packets = [start / IP(src=f"{BLUE}.1", dst=f"192.0.2.{n}") / UDP(sport=1000, dport=n) for n in range(1, 17)]
    got = world.exchange("b1", *packets)["eth0"]
    assert len(got) == len(packets)
    assert {packet[Ether].dst for packet in got} == set(macs.values())
    world.hosts["a"].silent = frozenset({("ext", "203.0.113.21")})
    world.run()
    introduce(world, address="203.0.113.22", hw=macs["203.0.113.22"])
    got = world.exchange("b1", *packets)["eth0"]
    assert {packet[Ether].dst for packet in got} == {macs["203.0.113.22"]}


# Addresses that several ports may have


def shared(make_world: MakeWorld, mac_address: str | None = None) -> World:
    """r2 on host a and r3 on host b may both have the VIP, by their own MAC address or by another one."""
    world = routed(make_world)
    for name, host, number in (("r2", "a", 2), ("r3", "b", 3)):
        hw = mac_address or mac(world, name)
        world.port(name, "red", host, f"{RED}.{number}", allowed_address_pairs=(AddressPair(hw, VIP),))
    world.run()
    return world


def locate(world: World, *places: tuple[str, str, int], mac_address: str | None = None, address: str = VIP) -> None:
    """Hosts say that a port of theirs has the address (host, port, claim)."""
    world.rows.locations = tuple(
        Location(
            network_id="red", address=address, host=host, port_id=port, claim=claim,
            mac_address=mac_address or mac(world, port),
        )
        for host, port, claim in places
    )  # fmt: skip
    world.touch({("network-locations", "red")})
    world.run()


def test_an_address_is_where_the_highest_claim_says(make_world: MakeWorld) -> None:
    world = shared(make_world)
    packet = udp(world, "b1", "r-blue", VIP)
    assert {got.device for got in world.send("b1", packet)} == {"meter", "agent"}
    locate(world, ("a", "r2", 1))
    assert one(world.send("b1", packet))[:2] == ("a", "r2")
    locate(world, ("a", "r2", 1), ("b", "r3", 2))
    assert one(world.send("b1", packet))[:2] == ("b", "r3")
    locate(world, ("a", "r2", 3), ("b", "r3", 2))
    assert one(world.send("b1", packet))[:2] == ("a", "r2")


def test_a_mac_address_of_its_own_is_led_to_the_host_of_its_port(make_world: MakeWorld) -> None:
    world = shared(make_world, "00:00:5e:00:01:07")
    locate(world, ("b", "r3", 1), mac_address="00:00:5e:00:01:07")
    tunnelled = [f for f in world.hosts["a"].desired.flows("br-tun").values() if "00:00:5e:00:01:07" in f.match]
    assert len(tunnelled) == 1
    found = {(got.host, got.device) for got in world.send("b1", udp(world, "b1", "r-blue", VIP))}
    assert found == {("b", "r3")}


@pytest.mark.parametrize("spoilt", ["pair", "host", "port"])
def test_what_a_port_may_not_have_is_not_believed(make_world: MakeWorld, spoilt: str) -> None:
    world = shared(make_world)
    locate(world, ("a" if spoilt == "host" else "b", "r3", 1))
    if spoilt == "pair":
        world.port("r3", "red", "b", f"{RED}.3")
    elif spoilt == "port":
        world.hosts["b"].unplug("r3")
        world.delete_port("r3")
    world.run()
    assert {got.device for got in world.send("b1", udp(world, "b1", "r-blue", VIP))} == {"meter", "agent"}


def test_one_of_a_prefix_takes_no_address_from_a_port_that_has_it(make_world: MakeWorld) -> None:
    world = routed(make_world)
    world.port("r3", "red", "b", f"{RED}.3", allowed_address_pairs=(AddressPair(mac(world, "r3"), f"{RED}.0/24"),))
    locate(world, ("b", "r3", 1), address=f"{RED}.2")
    assert one(world.send("b1", udp(world, "b1", "r-blue", f"{RED}.2")))[:2] == ("a", "r2")
    locate(world, ("b", "r3", 1), address=f"{RED}.77")
    assert one(world.send("b1", udp(world, "b1", "r-blue", f"{RED}.77")))[:2] == ("b", "r3")


def test_a_next_hop_that_several_ports_may_have(make_world: MakeWorld) -> None:
    world = shared(make_world)
    for name, host, number in (("r2", "a", 2), ("r3", "b", 3)):
        pairs = (AddressPair(mac(world, name), VIP), AddressPair(mac(world, name), "192.0.2.0/24"))
        world.port(name, "red", host, f"{RED}.{number}", allowed_address_pairs=pairs)
    world.router("r", *interfaces(), routes=(HostRoute("192.0.2.0/24", VIP),))
    world.run()
    for host, port, claim in (("a", "r2", 1), ("b", "r3", 2)):
        locate(world, (host, port, claim))
        assert {got[:2] for got in world.send("b1", udp(world, "b1", "r-blue", "192.0.2.9"))} == {(host, port)}


def test_a_floating_ip_is_where_its_address_is(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b")
    vip = f"{BLUE}.100"
    world.port("vip", "blue", None, vip, plugged=False)
    for name, host, number in (("b1", "a", 1), ("b3", "b", 3)):
        pairs = (AddressPair(mac(world, name), vip),)
        world.port(name, "blue", host, f"{BLUE}.{number}", allowed_address_pairs=pairs)
    world.floating("f", "ext", "203.0.113.50", "r", "vip")
    world.run()
    asked = Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="203.0.113.1", pdst="203.0.113.50")
    packet = (
        Ether(src="02:00:00:00:00:01", dst=mac(world, "f"))
        / IP(src="198.51.100.7", dst="203.0.113.50")
        / UDP(sport=1, dport=2)
    )
    for host in world.hosts:
        assert world.exchange_outside(host, asked) == {}
    for host, port, claim in (("a", "b1", 1), ("b", "b3", 2)):
        location = Location(
            network_id="blue", address=vip, host=host, port_id=port, mac_address=mac(world, port), claim=claim
        )
        world.rows.locations = (location,)
        world.touch({("network-locations", "blue")})
        world.run()
        for where in world.hosts:
            assert ("eth0" in world.exchange_outside(where, asked)) == (where == host)
        (got,) = world.exchange_outside(host, packet)[port]
        assert (got[IP].dst, got[Ether].dst) == (vip, mac(world, port))


def test_the_agent_hears_what_is_announced_and_what_a_router_is_answered(make_world: MakeWorld) -> None:
    """And the network hears the announcement as before; others' answers to each other are not for the agent."""
    world = shared(make_world)
    hw, everybody = mac(world, "r2"), "ff:ff:ff:ff:ff:ff"
    told = f"arp,dl_src={hw},arp_sha={hw},arp_spa={VIP},arp_tpa={VIP}"
    assert "agent" in {got.device for got in world.send("r2", f"{told},arp_op=1,dl_dst={everybody}")}
    assert ("b", "r3") in {got[:2] for got in world.send("r2", f"{told},arp_op=1,dl_dst={everybody}")}
    answer = f"{told},arp_op=2,dl_dst={mac(world, 'r-red')}"
    assert {got.device for got in world.send("r2", answer)} == {"meter", "agent"}
    assert {got.device for got in world.send("r2", f"{told},arp_op=2,dl_dst={mac(world, 'r3')}")} == {"r3"}
    own = told.replace(VIP, f"{RED}.2")
    assert "agent" not in {got.device for got in world.send("r2", f"{own},arp_op=1,dl_dst={everybody}")}


def test_an_ipv6_address_is_announced_by_an_advertisement(make_world: MakeWorld) -> None:
    world = routed(make_world)
    vip, hw = "2001:db8:2::100", mac(world, "r2")
    addresses = (f"{RED}.2", "2001:db8:2::2")
    world.port("r2", "red", "a", *addresses, allowed_address_pairs=(AddressPair(hw, vip),))
    world.run()
    told = f"icmp6,dl_src={hw},dl_dst=33:33:00:00:00:01,ipv6_src={vip},icmp_type=136,nd_target={vip},nd_tll={hw}"
    assert "agent" in {got.device for got in world.send("r2", told)}
    locate(world, ("a", "r2", 1), address=vip)
    assert one(world.send("b1", udp(world, "b1", "r-blue", vip)))[:2] == ("a", "r2")

"""Where packets come out that a router forwards, on the host that they come from."""

import pytest
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import Delivery, World
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.view import HostRoute, Rule

BLUE, RED = "10.0.1", "10.0.2"


def mac(world: World, port: str) -> str:
    return world.rows.ports[port].mac_address


def routed(make_world: MakeWorld, blue: str = "vxlan", red: str = "vxlan") -> World:
    """Networks blue and red, with a router between them; b1 and r2 on host a, r3 on host b."""
    world = make_world("a", "b")
    world.network("blue", blue, 100 if blue != "flat" else None)
    world.network("red", red, 200 if red != "flat" else None)
    world.subnet("blue4", "blue", "10.0.1.0/24", f"{BLUE}.254")
    world.subnet("red4", "red", "10.0.2.0/24", f"{RED}.254")
    world.subnet("blue6", "blue", "2001:db8:1::/64", "2001:db8:1::fe", ipv6_ra_mode="slaac")
    world.subnet("red6", "red", "2001:db8:2::/64", "2001:db8:2::fe", ipv6_ra_mode="slaac")
    world.port("b1", "blue", "a", f"{BLUE}.1", "2001:db8:1::1")
    world.port("r2", "red", "a", f"{RED}.2", "2001:db8:2::2")
    world.port("r3", "red", "b", f"{RED}.3", "2001:db8:2::3")
    world.router("r", *interfaces())
    world.run()
    return world


def interfaces() -> list[tuple[str, str, str]]:
    return [
        ("blue", "blue4", f"{BLUE}.254"), ("red", "red4", f"{RED}.254"),
        ("blue", "blue6", "2001:db8:1::fe"), ("red", "red6", "2001:db8:2::fe"),
    ]  # fmt: skip


def udp(world: World, source: str, gateway: str, target: str, ttl: int = 64) -> str:
    """A packet from a port to an address by way of the router's interface."""
    address = world.rows.ports[source].fixed_ips[1 if ":" in target else 0].ip_address
    src, dst = ("ipv6_src", "ipv6_dst") if ":" in target else ("nw_src", "nw_dst")
    word = "udp6" if ":" in target else "udp"
    macs = f"dl_src={mac(world, source)},dl_dst={mac(world, gateway)}"
    return f"{word},{macs},{src}={address},{dst}={target},nw_ttl={ttl},tp_src=1,tp_dst=2"


def one(found: set[Delivery]) -> Delivery:
    found = {got for got in found if got.device != "ex"}  # the operator's side of a provider bridge
    assert len(found) == 1, found
    return found.pop()


def test_a_port_on_the_same_host_gets_the_packet_from_the_router_with_one_hop_less(make_world: MakeWorld) -> None:
    world = routed(make_world)
    got = one(world.send("b1", udp(world, "b1", "r-blue", f"{RED}.2")))
    assert (got.host, got.device) == ("a", "r2")
    assert f"eth(src={mac(world, 'r-red')},dst={mac(world, 'r2')}" in got.changes
    assert "ttl=63" in got.changes


def test_ipv6_is_forwarded_as_well(make_world: MakeWorld) -> None:
    world = routed(make_world)
    got = one(world.send("b1", udp(world, "b1", "r-blue", "2001:db8:2::2")))
    assert (got.host, got.device) == ("a", "r2")
    assert "hlimit=63" in got.changes


def test_a_port_on_another_host_is_reached_in_its_own_network(make_world: MakeWorld) -> None:
    world = routed(make_world)
    assert one(world.send("b1", udp(world, "b1", "r-blue", f"{RED}.3")))[:2] == ("b", "r3")
    assert one(world.send("b1", udp(world, "b1", "r-blue", "2001:db8:2::3")))[:2] == ("b", "r3")
    # The answer is routed on the other host, which has nothing of blue but this.
    assert one(world.send("r3", udp(world, "r3", "r-red", f"{BLUE}.1")))[:2] == ("a", "b1")


@pytest.mark.parametrize(("kind", "tag"), [("vlan", 200), ("flat", None)])
def test_into_a_physical_network_packets_go_from_the_hosts_own_address(
    make_world: MakeWorld, kind: str, tag: int | None
) -> None:
    world = routed(make_world, red=kind)
    got = one(world.send("b1", udp(world, "b1", "r-blue", f"{RED}.3")))
    assert (got.host, got.device, got.vlan) == ("a", "eth0", tag)
    assert f"eth(src={host_mac('a')},dst={mac(world, 'r3')}" in got.changes


def test_from_a_physical_network_into_a_tunnelled_one(make_world: MakeWorld) -> None:
    world = routed(make_world, red="vlan")
    assert one(world.send("r3", udp(world, "r3", "r-red", f"{BLUE}.1")))[:2] == ("a", "b1")


def test_the_last_hop_and_unknown_destinations_go_to_the_agent(make_world: MakeWorld) -> None:
    world = routed(make_world)
    for packet in (
        udp(world, "b1", "r-blue", f"{RED}.2", ttl=1),
        udp(world, "b1", "r-blue", f"{RED}.77"),
        udp(world, "b1", "r-blue", "192.0.2.1"),
        udp(world, "b1", "r-blue", f"{RED}.254"),
        udp(world, "b1", "r-blue", "2001:db8:2::77"),
    ):
        assert {got.device for got in world.send("b1", packet)} == {"meter", "agent"}


def test_a_router_that_is_down_forwards_nothing_and_answers_nobody(make_world: MakeWorld) -> None:
    world = routed(make_world)
    world.router("r", *interfaces(), up=False)
    world.run()
    assert all(got.device != "r2" for got in world.send("b1", udp(world, "b1", "r-blue", f"{RED}.2")))
    assert "r" not in {id for feature, id in world.hosts["a"].desired._records if feature == "router"}


def test_networks_that_only_a_router_led_to_are_given_back_with_the_last_workload(make_world: MakeWorld) -> None:
    world = routed(make_world)
    assert set(world.hosts["b"].desired.vlans) == {"red", "blue"}
    world.hosts["b"].unplug("r3")
    world.run()
    assert world.hosts["b"].desired.vlans == {}
    alone = make_world("c")
    alone.run()
    assert len(world.hosts["b"].desired.flows("br-int")) == len(alone.hosts["c"].desired.flows("br-int"))


def test_a_restart_finds_the_local_vlan_of_a_network_that_only_a_router_leads_to(make_world: MakeWorld) -> None:
    world = routed(make_world)
    host = world.hosts["b"]
    before = dict(host.desired.vlans)
    host.vlans = {"red": before["red"]}  # what the workload's port says
    host.desired = Desired(world.rows)
    world.run()
    assert host.desired.vlans == before


def test_an_extra_route_leads_to_the_port_that_has_its_next_hop(make_world: MakeWorld) -> None:
    world = routed(make_world)
    world.port("r3", "red", "b", f"{RED}.3", "2001:db8:2::3", port_security_enabled=False)
    routes = (HostRoute("192.0.2.0/24", f"{RED}.3"), HostRoute("2001:db8:99::/48", "2001:db8:2::3"))
    world.router("r", *interfaces(), routes=routes)
    world.run()
    got = one(world.send("b1", udp(world, "b1", "r-blue", "192.0.2.9")))
    assert got[:2] == ("b", "r3")
    assert one(world.send("b1", udp(world, "b1", "r-blue", "2001:db8:99::9")))[:2] == ("b", "r3")
    world.router("r", *interfaces(), routes=(HostRoute("192.0.2.0/24", f"{RED}.99"),))
    world.run()
    assert {got.device for got in world.send("b1", udp(world, "b1", "r-blue", "192.0.2.9"))} == {"meter", "agent"}


def test_what_the_receivers_rules_refuse_does_not_come_through_a_router(make_world: MakeWorld) -> None:
    world = routed(make_world)
    world.group("closed", Rule(id="out", direction="egress", ip_version=4))
    world.port("r2", "red", "a", f"{RED}.2", security_groups=("closed",))
    world.run()
    assert world.send("b1", udp(world, "b1", "r-blue", f"{RED}.2")) == set()


def test_connections_through_a_router_with_real_packets(make_world: MakeWorld) -> None:
    """Both directions of a connection in a real conntrack: the reply needs no rule of its own."""
    world = routed(make_world)
    world.group("out", Rule(id="out", direction="egress", ip_version=4))
    world.port("b1", "blue", "a", f"{BLUE}.1", security_groups=("out",))
    world.run()
    there = (
        Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
        / IP(src=f"{BLUE}.1", dst=f"{RED}.2")
        / UDP(sport=1000, dport=53)
        / b"ask"
    )
    back = (
        Ether(src=mac(world, "r2"), dst=mac(world, "r-red"))
        / IP(src=f"{RED}.2", dst=f"{BLUE}.1")
        / UDP(sport=53, dport=1000)
        / b"answer"
    )
    other = (
        Ether(src=mac(world, "r2"), dst=mac(world, "r-red"))
        / IP(src=f"{RED}.2", dst=f"{BLUE}.1")
        / UDP(sport=53, dport=1001)
        / b"unasked"
    )
    assert world.exchange("r2", other) == {}
    got = world.exchange("b1", there)
    assert [bytes(p[UDP].payload)[:3] for p in got["r2"]] == [b"ask"]
    assert got["r2"][0][IP].ttl == 63
    got = world.exchange("r2", back)
    assert [bytes(p[UDP].payload)[:6] for p in got["b1"]] == [b"answer"]
    assert world.exchange("r2", other) == {}


@pytest.mark.parametrize("kind", ["vxlan", "vlan"])
def test_two_subnets_of_one_network_have_an_interface_each(make_world: MakeWorld, kind: str) -> None:
    """Packets between them stay in the network, and leave with the MAC address of the interface of their subnet."""
    world = routed(make_world, red=kind)
    world.subnet("more4", "red", "10.0.3.0/24", "10.0.3.254")
    world.router("r", *interfaces(), apart=(("red", "more4", "10.0.3.254"),))
    world.port("m1", "red", "a", "10.0.3.11")
    world.port("m2", "red", "b", "10.0.3.12")
    world.run()
    for sender, gateway, address in (
        ("b1", "r-blue", "10.0.3.11"), ("r2", "r-red", "10.0.3.11"), ("m1", "r-more4", f"{RED}.2"),
        ("m1", "r-more4", f"{BLUE}.1"),
    ):  # fmt: skip
        source = world.rows.ports[sender].fixed_ips[0].ip_address
        packet = Ether(src=mac(world, sender), dst=mac(world, gateway)) / IP(src=source, dst=address) / UDP(dport=53)
        got = world.exchange(sender, packet)
        [receiver] = [port for port in ("b1", "r2", "m1") if world.rows.ports[port].fixed_ips[0].ip_address == address]
        assert [came[IP].ttl for came in got[receiver]] == [63]
        if kind == "vxlan" or receiver == "b1":
            way = {"b1": "r-blue", "r2": "r-red", "m1": "r-more4"}[receiver]
            assert got[receiver][0].src == mac(world, way)
    if kind == "vxlan":
        assert one(world.send("b1", udp(world, "b1", "r-blue", "10.0.3.12")))[:2] == ("b", "m2")
        assert one(world.send("r3", udp(world, "r3", "r-red", "10.0.3.11")))[:2] == ("a", "m1")


def test_the_router_answers_arp_and_ping_at_each_of_its_addresses(make_world: MakeWorld) -> None:
    world = routed(make_world)
    asked = Ether(src=mac(world, "b1"), dst="ff:ff:ff:ff:ff:ff") / ARP(
        hwsrc=mac(world, "b1"), psrc=f"{BLUE}.1", pdst=f"{BLUE}.254"
    )
    answer = world.exchange("b1", asked)["b1"][0][ARP]
    assert (answer.op, answer.hwsrc, answer.psrc) == (2, mac(world, "r-blue"), f"{BLUE}.254")
    again = Ether(src=mac(world, "b1"), dst=mac(world, "r-blue")) / asked[ARP]
    assert world.exchange("b1", again)["b1"][0][ARP].op == 2
    for address in (f"{BLUE}.254", f"{RED}.254"):
        ping = (
            Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
            / IP(src=f"{BLUE}.1", dst=address, ttl=1)
            / ICMP(id=7, seq=3)
            / b"data"
        )
        got = world.exchange("b1", ping)["b1"][0]
        assert (got[Ether].dst, got[Ether].src) == (mac(world, "b1"), mac(world, "r-blue"))
        assert (got[IP].src, got[IP].dst, got[IP].ttl) == (address, f"{BLUE}.1", 64)
        assert (got[ICMP].type, got[ICMP].id, got[ICMP].seq) == (0, 7, 3)
        assert _checksums_are_right(got, IP, ICMP)


def test_ping6_of_the_router(make_world: MakeWorld) -> None:
    world = routed(make_world)
    for address in ("2001:db8:1::fe", "2001:db8:2::fe"):
        ping = (
            Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
            / IPv6(src="2001:db8:1::1", dst=address)
            / ICMPv6EchoRequest(id=7, seq=3)
        )
        got = world.exchange("b1", ping)["b1"][0]
        assert (got[IPv6].src, got[IPv6].dst) == (address, "2001:db8:1::1")
        assert (got[ICMPv6EchoReply].id, got[ICMPv6EchoReply].seq) == (7, 3)
        assert _checksums_are_right(got, ICMPv6EchoReply)


def _checksums_are_right(packet: Packet, *layers: type) -> bool:
    """Whether scapy computes the checksums that are there."""
    made = packet.copy()
    for layer in layers:
        del made[layer].fields["cksum" if layer is ICMPv6EchoReply else "chksum"]
    return bytes(Ether(bytes(made))) == bytes(packet)


def test_what_is_too_big_for_the_next_network_goes_to_the_agent(make_world: MakeWorld) -> None:
    """By real packets: a trace knows no sizes."""
    world = routed(make_world)
    blue = world.rows.networks["blue"]
    world.rows.networks["blue"] = replace(blue, mtu=1500)
    world.touch({("network", "blue")})
    world.run()

    def sized(size: int) -> Packet:
        ether = Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
        return ether / IP(src=f"{BLUE}.1", dst=f"{RED}.2") / UDP(sport=1, dport=2) / bytes(size - 28)

    assert [len(got[IP]) for got in world.exchange("b1", sized(1450))["r2"]] == [1450]
    assert world.exchange("b1", sized(1451)) == {}
    back = (
        Ether(src=mac(world, "r2"), dst=mac(world, "r-red")) / IP(src=f"{RED}.2", dst=f"{BLUE}.1") / UDP() / bytes(1440)
    )
    assert [len(got[IP]) for got in world.exchange("r2", back)["b1"]] == [1468]


def chained(make_world: MakeWorld) -> World:
    """A second router from red on to green, each with a route to what is behind the other; g5 on host b."""
    world = routed(make_world)
    world.network("green", "vxlan", 300)
    world.subnet("green4", "green", "10.0.3.0/24", "10.0.3.254")
    world.port("g5", "green", "b", "10.0.3.5")
    world.router(
        "s", ("red", "red4", f"{RED}.253"), ("green", "green4", "10.0.3.254"),
        routes=(HostRoute("10.0.1.0/24", f"{RED}.254"),),
    )  # fmt: skip
    world.router("r", *interfaces(), routes=(HostRoute("10.0.3.0/24", f"{RED}.253"),))
    world.run()
    return world


def test_routers_in_a_row_are_passed_on_the_senders_host(make_world: MakeWorld) -> None:
    world = chained(make_world)
    assert one(world.send("b1", udp(world, "b1", "r-blue", "10.0.3.5")))[:2] == ("b", "g5")
    assert one(world.send("g5", udp(world, "g5", "s-green", f"{BLUE}.1")))[:2] == ("a", "b1")
    world.port("g6", "green", "a", "10.0.3.6")
    world.run()
    got = one(world.send("b1", udp(world, "b1", "r-blue", "10.0.3.6")))
    assert got[:2] == ("a", "g6")
    assert "ttl=62" in got.changes


def test_the_second_router_in_a_row_answers_ping_and_the_agent_the_rest(make_world: MakeWorld) -> None:
    """From behind the first one, to the address that faces it and to the one behind."""
    world = chained(make_world)
    for address in (f"{RED}.253", "10.0.3.254"):
        ether = Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
        got = world.exchange("b1", ether / IP(src=f"{BLUE}.1", dst=address, ttl=3) / ICMP(id=7, seq=3) / b"data")
        assert list(got) == ["b1"], address
        (reply,) = got["b1"]
        assert (reply[Ether].src, reply[IP].src, reply[IP].dst) == (mac(world, "r-blue"), address, f"{BLUE}.1")
        assert (reply[ICMP].type, reply[ICMP].id) == (0, 7)
    for packet in (
        udp(world, "b1", "r-blue", "10.0.3.5", ttl=2),
        udp(world, "b1", "r-blue", f"{RED}.253"),
        udp(world, "b1", "r-blue", "10.0.3.77"),
    ):
        assert {got.device for got in world.send("b1", packet)} == {"meter", "agent"}


def test_a_gateway_behind_another_router(make_world: MakeWorld) -> None:
    """The way out leads by both, on the sender's host and on the gateway host."""
    world = chained(make_world)
    world.network("ext", "flat", None, external=True)
    world.subnet("ext4", "ext", "203.0.113.0/24", "203.0.113.1", enable_dhcp=False)
    world.router("r", *interfaces(), routes=(HostRoute("0.0.0.0/0", f"{RED}.253"),))
    world.gateway("s", "ext", "ext4", "203.0.113.10", "b", snat=False)
    world.run()
    known = ARP(op=2, hwsrc="02:00:00:00:00:01", psrc="203.0.113.1", hwdst=host_mac("b"))
    world.exchange_outside("b", Ether(src="02:00:00:00:00:01", dst=host_mac("b")) / known)
    found = world.send("b1", udp(world, "b1", "r-blue", "198.51.100.7"))
    assert {got[:2] for got in found} == {("b", "eth0")}
    inwards = f"udp,dl_src=02:00:00:00:00:01,dl_dst={mac(world, 's-gw')},nw_src=198.51.100.7,nw_dst={BLUE}.1,nw_ttl=64"
    assert ("a", "b1") in {got[:2] for got in world.send_outside("b", inwards, "trk,new")}

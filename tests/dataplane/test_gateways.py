"""Routers and the outside: translated addresses, floating IPs, neighbours on the wire. Real packets, real conntrack."""

import re

import pytest
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.dummy import Dummy
from tests.dataplane.world import OUTSIDE, FixedIp, World
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.addresses import host_mac, link_local, service_mac
from tunbridge.dataplane.conntrack import Connection
from tunbridge.dataplane.contribution import PortState
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.features import services
from tunbridge.dataplane.flow import Match, match_text
from tunbridge.dataplane.pipeline import Table
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Rule
from tunbridge.openvswitch import ofctl

BLUE, WIRE = "10.0.1", "203.0.113"
PEER, PEER_MAC = f"{WIRE}.1", "02:00:00:00:00:01"
"""The physical router, which is every external subnet's gateway."""
REMOTE = "198.51.100.7"
TAG = 300


def site(make_world: MakeWorld, *hosts: str, gateway: str | None = "a", kind: str = "flat", snat: bool = True) -> World:
    """A router between blue (VXLAN) and the external network ext; b1, b2 are VMs on host a, b3 on the last host."""
    world = make_world(*(hosts or ("a",)))
    world.network("blue", "vxlan", 100)
    world.network("ext", kind, TAG if kind == "vlan" else None, external=True)
    world.rows.networks["ext"] = replace(world.rows.networks["ext"], mtu=1500)
    world.subnet("blue4", "blue", f"{BLUE}.0/24", f"{BLUE}.254")
    world.subnet("ext4", "ext", f"{WIRE}.0/24", PEER, enable_dhcp=False)
    for number in (1, 2):
        world.port(f"b{number}", "blue", "a", f"{BLUE}.{number}")
    world.port("b3", "blue", list(world.hosts)[-1], f"{BLUE}.3")
    world.router("r", ("blue", "blue4", f"{BLUE}.254"))
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", gateway, snat)
    world.run()
    return world


def mac(world: World, port: str) -> str:
    return world.rows.ports[port].mac_address


def inside(world: World, port: str, target: str) -> Packet:
    """The start of a packet from a VM to the outside."""
    source = world.rows.ports[port].fixed_ips[0].ip_address
    return Ether(src=mac(world, port), dst=mac(world, "r-blue")) / IP(src=source, dst=target)


def outside(world: World, port: str, source: str, target: str) -> Packet:
    """The start of a packet from the physical router to a router's port."""
    return Ether(src=PEER_MAC, dst=mac(world, port)) / IP(src=source, dst=target)


def introduce(world: World, host: str = "a", address: str = PEER, hw: str = PEER_MAC, tag: int | None = None) -> None:
    """A neighbour answers the host's question."""
    reply = ARP(op=2, hwsrc=hw, psrc=address, hwdst=host_mac(host), pdst="0.0.0.0")
    ether = Ether(src=hw, dst=host_mac(host))
    world.exchange_outside(host, (ether / reply) if tag is None else (ether / Dot1Q(vlan=tag) / reply))


def sent(found: dict[str, list[Packet]], where: str = OUTSIDE) -> Packet:
    """The one packet that came out somewhere."""
    assert list(found) == [where], found
    assert len(found[where]) == 1, found
    return found[where][0]


def counted(world: World, host: str, table: Table, match: Match) -> int:
    """Packets that a flow has met."""
    where = f"table={table.number},{match_text(match)}"
    bridge = world.hosts[host].bridges["br-int"]
    text = ofctl.command(str(world.dummy.directory), bridge, "dump-flows", where)
    return sum(int(packets) for packets in re.findall(r"n_packets=(\d+)", text))


@pytest.mark.parametrize("kind", ["flat", "vlan"])
def test_a_vm_reaches_the_outside_as_its_router(make_world: MakeWorld, kind: str) -> None:
    world = site(make_world, kind=kind)
    tag = TAG if kind == "vlan" else None
    introduce(world, tag=tag)
    got = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53) / b"ask"))
    assert (got[Ether].src, got[Ether].dst) == (mac(world, "r-gw"), PEER_MAC)
    assert (got[IP].src, got[IP].dst, got[IP].ttl) == (f"{WIRE}.10", REMOTE, 63)
    assert (got[Dot1Q].vlan if Dot1Q in got else None) == tag
    back = outside(world, "r-gw", REMOTE, f"{WIRE}.10") / UDP(sport=53, dport=got[UDP].sport) / b"answer"
    if tag is not None:
        back = Ether(src=PEER_MAC, dst=mac(world, "r-gw")) / Dot1Q(vlan=tag) / back[IP]
    answer = sent(world.exchange_outside("a", back), "b1")
    assert (answer[Ether].src, answer[IP].dst, answer[UDP].dport) == (mac(world, "r-blue"), f"{BLUE}.1", 1000)
    assert bytes(answer[UDP].payload).startswith(b"answer")


def test_two_vms_with_the_same_port_get_different_ones(make_world: MakeWorld) -> None:
    world = site(make_world)
    introduce(world)
    ports = [
        sent(world.exchange(vm, inside(world, vm, REMOTE) / UDP(sport=1000, dport=53)))[UDP].sport
        for vm in ("b1", "b2")
    ]
    assert len(set(ports)) == 2
    for vm, port in zip(("b1", "b2"), ports, strict=True):
        back = outside(world, "r-gw", REMOTE, f"{WIRE}.10") / UDP(sport=53, dport=port)
        assert sent(world.exchange_outside("a", back), vm)[UDP].dport == 1000


def test_what_conntrack_has_nothing_left_to_translate_to_does_not_go_outside_and_is_told(make_world: MakeWorld) -> None:
    """Pings of two VMs to one destination with one id: conntrack in userspace has no other id to give the second."""
    world = site(make_world)
    introduce(world)
    first, second = (inside(world, vm, REMOTE) / ICMP(id=7, seq=1) for vm in ("b1", "b2"))
    asked = sent(world.exchange("b1", first))
    assert asked[IP].src == f"{WIRE}.10"
    told = services.NUMBERS[Kind.no_port]
    assert counted(world, "a", pipeline.TO_AGENT, pipeline.SERVICE(told)) == 0
    assert world.exchange("b2", second) == {}, "it would leave with the address inside"
    assert counted(world, "a", pipeline.TO_AGENT, pipeline.SERVICE(told)) == 1
    pong = outside(world, "r-gw", REMOTE, f"{WIRE}.10") / ICMP(type=0, id=7, seq=1)
    assert sent(world.exchange_outside("a", pong), "b1")[IP].dst == f"{BLUE}.1"
    other = inside(world, "b2", REMOTE) / ICMP(id=8, seq=1)
    assert sent(world.exchange("b2", other))[IP].src == f"{WIRE}.10"


def test_from_outside_come_only_answers(make_world: MakeWorld) -> None:
    world = site(make_world)
    introduce(world)
    for target in (f"{WIRE}.10", f"{BLUE}.1", "198.51.100.99"):
        assert world.exchange_outside("a", outside(world, "r-gw", REMOTE, target) / UDP(sport=53, dport=1000)) == {}


def test_an_icmp_error_about_a_translated_packet_reaches_its_sender(make_world: MakeWorld) -> None:
    world = site(make_world)
    introduce(world)
    there = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53) / b"ask"))
    error = outside(world, "r-gw", PEER, f"{WIRE}.10") / ICMP(type=11, code=0) / bytes(there[IP])
    got = sent(world.exchange_outside("a", error), "b1")
    assert (got[IP].src, got[IP].dst) == (PEER, f"{BLUE}.1")
    assert (got[IPerror].src, got[IPerror].dst, got[UDPerror].sport) == (f"{BLUE}.1", REMOTE, 1000)


def test_without_snat_addresses_stay_as_they_are_both_ways(make_world: MakeWorld) -> None:
    world = site(make_world, snat=False)
    introduce(world)
    got = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=1000, dport=53)))
    assert (got[IP].src, got[UDP].sport) == (f"{BLUE}.1", 1000)
    begun = outside(world, "r-gw", REMOTE, f"{BLUE}.1") / UDP(sport=1, dport=2)
    assert sent(world.exchange_outside("a", begun), "b1")[IP].dst == f"{BLUE}.1"
    assert world.exchange_outside("a", outside(world, "r-gw", REMOTE, "198.51.100.99") / UDP()) == {}


def test_what_conntrack_knows_nothing_of_on_the_gateway_host_goes_out_without_snat(make_world: MakeWorld) -> None:
    """An answer from a VM elsewhere: its request came in another way, and a VM here has the network looked up."""
    world = site(make_world, "a", "b", gateway="b", snat=False)
    introduce(world, "b")
    packet = f"icmp,dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')},nw_src={BLUE}.1,nw_dst={REMOTE},nw_ttl=64"
    came = world.hosts["b"].trace("br-tun", f"tun_id=0x64,in_port=2,{packet},icmp_type=0", ("trk,inv",))
    assert {got.device for got in came} == {OUTSIDE}


def test_the_gateway_answers_arp_and_ping_on_its_host_only(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b")
    asked = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=f"{WIRE}.10")
    got = sent(world.exchange_outside("a", asked))
    assert (got[ARP].op, got[ARP].hwsrc, got[ARP].psrc, got[Ether].dst) == (
        2,
        mac(world, "r-gw"),
        f"{WIRE}.10",
        PEER_MAC,
    )
    ping = outside(world, "r-gw", PEER, f"{WIRE}.10") / ICMP(id=7, seq=3) / b"data"
    got = sent(world.exchange_outside("a", ping))
    assert (got[IP].src, got[IP].dst, got[ICMP].type, got[ICMP].id) == (f"{WIRE}.10", PEER, 0, 7)
    assert (got[Ether].src, got[Ether].dst) == (mac(world, "r-gw"), PEER_MAC)
    assert world.exchange_outside("b", asked, ping) == {}
    # And to a VM, on its own host.
    got = sent(world.exchange("b1", inside(world, "b1", f"{WIRE}.10") / ICMP(id=8)), "b1")
    assert (got[IP].src, got[ICMP].type, got[ICMP].id) == (f"{WIRE}.10", 0, 8)


def test_from_another_host_packets_go_to_the_gateway_host_in_their_own_network(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    introduce(world, "b")
    packet = f"udp,dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')},nw_src={BLUE}.1,nw_dst={REMOTE},nw_ttl=64"
    came = world.send("b1", packet)
    assert {(got.host, got.device) for got in came} == {("b", OUTSIDE)}
    assert "ttl=63" in next(iter(came)).changes


def test_without_a_gateway_host_the_sender_is_told(make_world: MakeWorld) -> None:
    world = site(make_world, gateway=None)
    packet = f"udp,dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')},nw_src={BLUE}.1,nw_dst={REMOTE},nw_ttl=64"
    assert {got.device for got in world.send("b1", packet)} == {"meter", "agent"}


def test_an_unknown_neighbour_is_asked_for_by_the_agent_and_a_known_one_is_remembered(
    make_world: MakeWorld, vswitch: Dummy
) -> None:
    world = site(make_world)
    packet = f"udp,dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')},nw_src={BLUE}.1,nw_ttl=64"
    for target in (REMOTE, f"{WIRE}.77"):
        assert {got.device for got in world.send("b1", f"{packet},nw_dst={target}")} == {"meter", "agent"}
    introduce(world)
    introduce(world, address=f"{WIRE}.77", hw="02:00:00:00:00:77")
    for target, expected in ((REMOTE, PEER_MAC), (f"{WIRE}.77", "02:00:00:00:00:77")):
        got = sent(world.exchange("b1", inside(world, "b1", target) / UDP()))
        assert got[Ether].dst == expected
    # It is a MAC address of one network, and there until it ages.
    learned = [f for f in vswitch.dump(world.hosts["a"].bridges["br-int"]) if f.table == 68 and f.priority == 1]
    assert len(learned) == 3
    assert all("hard_timeout=60" in f.extra for f in learned)


def test_a_next_hop_that_announces_another_mac_address_is_followed_at_once(make_world: MakeWorld) -> None:
    world = site(make_world)
    introduce(world)
    other = "02:00:00:00:00:02"
    told = Ether(src=other, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=other, psrc=PEER, pdst=PEER)
    world.exchange_outside("a", told)
    assert sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP()))[Ether].dst == other


@pytest.mark.parametrize("kind", ["flat", "vlan"])
def test_a_machine_that_is_no_port_has_the_router_on_the_gateway_host(make_world: MakeWorld, kind: str) -> None:
    world = site(make_world, "a", "b", kind="vlan")
    machine, hw = "10.0.5.77", "02:00:00:00:00:77"
    world.network("shop", kind, 500 if kind == "vlan" else None)
    world.subnet("shop4", "shop", "10.0.5.0/24", "10.0.5.254")
    world.router("r", ("blue", "blue4", f"{BLUE}.254"), ("shop", "shop4", "10.0.5.254"))
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", "a")
    world.port("b1", "blue", "a", f"{BLUE}.1")
    world.run()
    tag = Dot1Q(vlan=500) if kind == "vlan" else None

    def wired(dst: str, payload: Packet) -> Packet:
        return (Ether(src=hw, dst=dst) / tag / payload) if tag else (Ether(src=hw, dst=dst) / payload)

    asked = wired("ff:ff:ff:ff:ff:ff", ARP(hwsrc=hw, psrc=machine, pdst="10.0.5.254"))
    got = sent(world.exchange_outside("a", asked))
    assert got[ARP].hwsrc == mac(world, "r-shop")
    assert (Dot1Q in got) == (kind == "vlan")
    ping = wired(mac(world, "r-shop"), IP(src=machine, dst="10.0.5.254") / ICMP(id=7))
    assert sent(world.exchange_outside("a", ping))[ICMP].type == 0
    begun = wired(mac(world, "r-shop"), IP(src=machine, dst=f"{BLUE}.1") / UDP(sport=1, dport=2))
    assert sent(world.exchange_outside("a", begun), "b1")[IP].src == machine
    world.exchange_outside("a", wired(host_mac("a"), ARP(op=2, hwsrc=hw, psrc=machine, hwdst=host_mac("a"))))
    back = sent(world.exchange("b1", inside(world, "b1", machine) / UDP(sport=2, dport=1)))
    assert (back[IP].src, back[Ether].dst, back[Ether].src) == (f"{BLUE}.1", hw, mac(world, "r-shop"))
    # To the outside it goes by one wire and comes from the other.
    introduce(world, tag=TAG)
    out = wired(mac(world, "r-shop"), IP(src=machine, dst=REMOTE) / UDP(sport=5, dport=6))
    got = sent(world.exchange_outside("a", out))
    assert (got[IP].src, got[Dot1Q].vlan) == (f"{WIRE}.10", TAG)
    assert world.exchange_outside("b", asked, ping, begun, out) == {}


# IPv6

BLUE6, WIRE6, REMOTE6 = "2001:db8:1", "2001:db8:f", "2001:db8:99::7"
PEER6 = f"{WIRE6}::1"


def with_ipv6(make_world: MakeWorld, *hosts: str, kind: str = "vlan") -> World:
    world = site(make_world, *hosts, kind=kind)
    world.subnet("blue6", "blue", f"{BLUE6}::/64", f"{BLUE6}::fe")
    world.subnet("ext6", "ext", f"{WIRE6}::/64", PEER6, enable_dhcp=False)
    world.port("b1", "blue", "a", f"{BLUE}.1", f"{BLUE6}::1")
    world.router("r", ("blue", "blue6", f"{BLUE6}::fe"))
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", "a", more=(FixedIp("ext6", f"{WIRE6}::10"),))
    world.run()
    return world


def tagged(dst: str, payload: Packet) -> Packet:
    return Ether(src=PEER_MAC, dst=dst) / Dot1Q(vlan=TAG) / payload


def test_ipv6_goes_out_and_comes_in_as_it_is(make_world: MakeWorld) -> None:
    world = with_ipv6(make_world)
    advertised = IPv6(src=PEER6, dst=link_local(host_mac("a")), hlim=255) / ICMPv6ND_NA(tgt=PEER6, R=1, S=1)
    assert world.exchange_outside("a", tagged(host_mac("a"), advertised)) == {}
    start = Ether(src=mac(world, "b1"), dst=mac(world, "r-blue"))
    got = sent(world.exchange("b1", start / IPv6(src=f"{BLUE6}::1", dst=REMOTE6) / UDP(sport=1, dport=2)))
    assert (got[Ether].src, got[Ether].dst, got[Dot1Q].vlan) == (mac(world, "r-gw"), PEER_MAC, TAG)
    assert (got[IPv6].src, got[IPv6].dst, got[IPv6].hlim) == (f"{BLUE6}::1", REMOTE6, 63)
    begun = tagged(mac(world, "r-gw"), IPv6(src=REMOTE6, dst=f"{BLUE6}::1") / UDP(sport=1, dport=2))
    assert sent(world.exchange_outside("a", begun), "b1")[IPv6].src == REMOTE6
    through = tagged(mac(world, "r-gw"), IPv6(src=REMOTE6, dst="2001:db8:98::1") / UDP(sport=1, dport=2))
    assert world.exchange_outside("a", through) == {}


def test_what_goes_by_an_advertised_router_goes_to_the_gateway_host_alone(make_world: MakeWorld) -> None:
    """Not to all hosts of the network: the one that is to take over would send it on as well."""
    world = with_ipv6(make_world, "a", "b", "c")
    world.rows.routers["r"] = replace(world.rows.routers["r"], gateway_standbys=("b",))
    world.touch({("router", "r")})
    world.subnet("blue6", "blue", f"{BLUE6}::/64", f"{BLUE6}::fe", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    for host, number in (("b", 2), ("c", 3)):
        world.port(f"b{number}", "blue", host, f"{BLUE}.{number}", f"{BLUE6}::{number}")
    world.run()
    advertised = IPv6(src=PEER6, dst=link_local(host_mac("a")), hlim=255) / ICMPv6ND_NA(tgt=PEER6, R=1, S=1)
    for host in ("a", "b"):
        world.exchange_outside(host, tagged(host_mac(host), advertised))
    packet = f"udp6,dl_src={mac(world, 'b3')},ipv6_src={BLUE6}::3,ipv6_dst={REMOTE6},nw_ttl=64"
    for router in (mac(world, "r-blue"), service_mac("blue")):
        came = world.send("b3", f"{packet},dl_dst={router}")
        assert {(got.host, got.device) for got in came} == {("a", OUTSIDE)}


def test_a_router_with_ndp_proxies_answers_for_these_addresses_and_lets_in_no_others(make_world: MakeWorld) -> None:
    world = with_ipv6(make_world)
    gateway, proxied, other = mac(world, "r-gw"), f"{BLUE6}::1", f"{BLUE6}::2"
    world.port("b2", "blue", "a", f"{BLUE}.2", other)

    def let_in(target: str) -> list[str]:
        begun = tagged(gateway, IPv6(src=REMOTE6, dst=target) / UDP(sport=1, dport=2))
        return list(world.exchange_outside("a", begun))

    def answered() -> set[str]:
        return {address for network, address, owner in world.hosts["a"].desired.claims if owner == gateway}

    world.run()
    before = answered()
    assert (let_in(proxied), let_in(other)) == (["b1"], ["b2"])
    for addresses in ((proxied,), ()):
        world.rows.routers["r"] = replace(world.rows.routers["r"], ndp_addresses=addresses)
        world.touch({("router", "r")})
        world.run()
        assert answered() == before | {*addresses}
        assert (let_in(proxied), let_in(other)) == (["b1"] if addresses else [], [])
    ping = IPv6(src=PEER6, dst=f"{WIRE6}::10") / ICMPv6EchoRequest(id=7, seq=3)
    assert ICMPv6EchoReply in sent(world.exchange_outside("a", tagged(gateway, ping)))


def test_ping_of_the_gateways_ipv6_address_from_outside(make_world: MakeWorld) -> None:
    world = with_ipv6(make_world)
    ping = IPv6(src=PEER6, dst=f"{WIRE6}::10") / ICMPv6EchoRequest(id=7, seq=3)
    got = sent(world.exchange_outside("a", tagged(mac(world, "r-gw"), ping)))
    assert (got[IPv6].src, got[IPv6].dst, got[ICMPv6EchoReply].id) == (f"{WIRE6}::10", PEER6, 7)


def test_the_agent_is_asked_for_the_gateways_ipv6_address_and_for_neighbours(make_world: MakeWorld) -> None:
    world = with_ipv6(make_world)
    packet = f"udp6,dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')},ipv6_src={BLUE6}::1,nw_ttl=64"
    for target in (REMOTE6, f"{WIRE6}::77"):
        assert {got.device for got in world.send("b1", f"{packet},ipv6_dst={target}")} == {"meter", "agent"}
    asked = f"icmp6,dl_vlan={TAG},dl_src={PEER_MAC},dl_dst=33:33:ff:00:00:10,ipv6_src={PEER6},icmp_type=135"
    found = world.send_outside("a", f"{asked},nd_target={WIRE6}::10")
    assert {"meter", "agent"} <= {got.device for got in found}
    assert (("ext", f"{WIRE6}::10", mac(world, "r-gw"))) in world.hosts["a"].desired.claims


# Floating IPs


def with_floating(make_world: MakeWorld, *hosts: str, gateway: str = "a") -> World:
    world = site(make_world, *hosts, gateway=gateway)
    world.floating("f1", "ext", f"{WIRE}.101", "r", "b1")
    world.run()
    introduce(world)
    return world


def test_a_floating_ip_reaches_its_vm_and_the_vm_goes_out_by_it(make_world: MakeWorld) -> None:
    world = with_floating(make_world)
    begun = outside(world, "f1", REMOTE, f"{WIRE}.101") / UDP(sport=1, dport=2) / b"hello"
    got = sent(world.exchange_outside("a", begun), "b1")
    assert (got[IP].src, got[IP].dst, got[Ether].src, got[IP].ttl) == (REMOTE, f"{BLUE}.1", mac(world, "r-blue"), 63)
    back = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=2, dport=1)))
    assert (back[IP].src, back[UDP].sport, back[Ether].src) == (f"{WIRE}.101", 2, mac(world, "f1"))
    own = sent(world.exchange("b1", inside(world, "b1", REMOTE) / UDP(sport=5, dport=6)))
    assert (own[IP].src, own[UDP].sport) == (f"{WIRE}.101", 5)
    # The other VM has none.
    assert sent(world.exchange("b2", inside(world, "b2", REMOTE) / UDP(sport=5, dport=6)))[IP].src == f"{WIRE}.10"


def test_arp_for_a_floating_ip_is_answered_where_it_is(make_world: MakeWorld) -> None:
    world = with_floating(make_world, "a", "b", gateway="b")
    asked = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=f"{WIRE}.101")
    assert sent(world.exchange_outside("a", asked))[ARP].hwsrc == mac(world, "f1")
    assert world.exchange_outside("b", asked) == {}


def test_the_receivers_rules_hold_for_a_floating_ip(make_world: MakeWorld) -> None:
    world = with_floating(make_world)
    world.group("web", Rule(id="web", direction="ingress", ip_version=4, protocol=17, port_min=80, port_max=80))
    world.port("b1", "blue", "a", f"{BLUE}.1", security_groups=("web",))
    world.run()
    for port, passes in ((80, True), (81, False)):
        found = world.exchange_outside("a", outside(world, "f1", REMOTE, f"{WIRE}.101") / UDP(sport=1, dport=port))
        assert bool(found) == passes


@pytest.mark.parametrize("target", [f"{WIRE}.101", f"{WIRE}.102"])
def test_a_vm_reaches_its_own_floating_ip_and_anothers_of_its_router(make_world: MakeWorld, target: str) -> None:
    world = with_floating(make_world)
    world.floating("f2", "ext", f"{WIRE}.102", "r", "b2")
    world.run()
    receiver = "b1" if target.endswith("101") else "b2"
    got = sent(world.exchange("b1", inside(world, "b1", target) / UDP(sport=1, dport=2)), receiver)
    own = world.rows.ports[receiver].fixed_ips[0].ip_address
    assert (got[IP].src, got[IP].dst) == (f"{WIRE}.101", own)
    back = sent(world.exchange(receiver, inside(world, receiver, f"{WIRE}.101") / UDP(sport=2, dport=1)), "b1")
    assert (back[IP].src, back[IP].dst, back[UDP].dport) == (target, f"{BLUE}.1", 1)


def test_a_vm_without_one_reaches_a_floating_ip_of_its_router(make_world: MakeWorld) -> None:
    world = with_floating(make_world)
    got = sent(world.exchange("b2", inside(world, "b2", f"{WIRE}.101") / UDP(sport=1, dport=2)), "b1")
    assert got[IP].src == f"{WIRE}.10"
    answer = inside(world, "b1", f"{WIRE}.10") / UDP(sport=2, dport=got[UDP].sport)
    assert sent(world.exchange("b1", answer), "b2")[IP].src == f"{WIRE}.101"


def test_an_external_network_of_tunnels_is_not_carried_out_nor_said_to_be(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", kind="vxlan")
    world.floating("f1", "ext", f"{WIRE}.101", "r", "b1")
    world.run()
    for host in world.hosts.values():
        assert "f1" not in host.desired.states
        assert host.desired.states.get("r-gw", PortState("down")).status != "wired"
        assert not host.desired.claims


def test_a_subnet_outside_with_the_prefix_of_one_inside(make_world: MakeWorld) -> None:
    """It may come when the router is there already: what is inside stays inside, and the router goes on."""
    world = site(make_world)
    world.subnet("more4", "ext", f"{BLUE}.0/24", None, enable_dhcp=False)
    world.run()
    packet = inside(world, "b1", f"{BLUE}.2") / UDP(dport=53)
    assert [came[IP].src for came in world.exchange("b1", packet)["b2"]] == [f"{BLUE}.1"]


def test_a_floating_ip_of_another_router_on_the_same_external_network(make_world: MakeWorld) -> None:
    world = with_floating(make_world)
    world.network("red", "vxlan", 200)
    world.subnet("red4", "red", "10.0.2.0/24", "10.0.2.254")
    world.port("r5", "red", "a", "10.0.2.5")
    world.router("s", ("red", "red4", "10.0.2.254"))
    world.gateway("s", "ext", "ext4", f"{WIRE}.11", "a")
    world.floating("f5", "ext", f"{WIRE}.105", "s", "r5")
    world.run()
    got = sent(world.exchange("b1", inside(world, "b1", f"{WIRE}.105") / UDP(sport=1, dport=2)), "r5")
    assert (got[IP].src, got[IP].dst, got[IP].ttl) == (f"{WIRE}.101", "10.0.2.5", 62)
    answer = Ether(src=mac(world, "r5"), dst=mac(world, "s-red")) / IP(src="10.0.2.5", dst=f"{WIRE}.101")
    back = sent(world.exchange("r5", answer / UDP(sport=2, dport=1)), "b1")
    assert (back[IP].src, back[IP].dst) == (f"{WIRE}.105", f"{BLUE}.1")


def test_a_vm_on_the_external_network_itself_and_a_floating_ip(make_world: MakeWorld) -> None:
    """On one host, both filtered: there is no wire between them."""
    world = with_floating(make_world)
    world.group("in", Rule(id="in", direction="ingress", ip_version=4, protocol=17))
    world.group("out", Rule(id="out", direction="egress", ip_version=4))
    world.port("b1", "blue", "a", f"{BLUE}.1", security_groups=("in",))
    world.port("e9", "ext", "a", f"{WIRE}.9", security_groups=("out",))
    world.run()
    asked = Ether(src=mac(world, "e9"), dst="ff:ff:ff:ff:ff:ff") / ARP(
        hwsrc=mac(world, "e9"), psrc=f"{WIRE}.9", pdst=f"{WIRE}.101"
    )
    assert world.exchange("e9", asked)["e9"][0][ARP].hwsrc == mac(world, "f1")
    begun = Ether(src=mac(world, "e9"), dst=mac(world, "f1")) / IP(src=f"{WIRE}.9", dst=f"{WIRE}.101")
    got = sent(world.exchange("e9", begun / UDP(sport=1, dport=2)), "b1")
    assert (got[IP].src, got[IP].dst) == (f"{WIRE}.9", f"{BLUE}.1")
    back = sent(world.exchange("b1", inside(world, "b1", f"{WIRE}.9") / UDP(sport=2, dport=1)), "e9")
    assert (back[IP].src, back[UDP].dport) == (f"{WIRE}.101", 1)
    unasked = inside(world, "b1", f"{WIRE}.9") / UDP(sport=2, dport=3)
    assert world.exchange("b1", unasked) == {}


def test_a_floating_ip_is_with_its_vm_or_on_the_gateway_host_if_the_vms_has_no_bridge(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    world.floating("f1", "ext", f"{WIRE}.101", "r", "b1")
    world.run()

    def there() -> list[str]:
        return [name for name, host in world.hosts.items() if "f1" in host.desired.states]

    assert there() == ["a"]
    world.hosts["a"].physnet = None
    known = world.rows.known_hosts["a"]
    world.rows.known_hosts["a"] = replace(known, physical_networks=())
    world.touch({("host", "a")})
    world.run()
    assert there() == ["b"]
    came = world.send_outside(
        "b", f"udp,dl_src={PEER_MAC},dl_dst={mac(world, 'f1')},nw_src={REMOTE},nw_dst={WIRE}.101,nw_ttl=64", "trk,new"
    )
    assert {got.device for got in came if got.device != OUTSIDE}  # a trace translates nothing: on its way in the router
    world.floating("f1", "ext", f"{WIRE}.101", "r", None)
    world.run()
    assert there() == []


def test_floating_ips_of_a_router_that_is_not_distributed_are_on_the_gateway_host(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    world.floating("f1", "ext", f"{WIRE}.101", "r", "b1")
    world.rows.routers["r"] = replace(world.rows.routers["r"], is_distributed=False)
    world.touch({("router", "r")})
    world.run()
    assert [name for name, host in world.hosts.items() if "f1" in host.desired.states] == ["b"]
    asked = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=f"{WIRE}.101")
    assert world.exchange_outside("a", asked) == {}
    assert sent(world.exchange_outside("b", asked))[ARP].hwsrc == mac(world, "f1")


def test_what_a_floating_ip_allowed_is_judged_when_it_goes(make_world: MakeWorld) -> None:
    world = with_floating(make_world)
    desired = world.hosts["a"].desired
    zone = desired._identifiers.nat_zone("r")

    def connection(src: str, dst: str, reply_src: str, reply_dst: str) -> Connection:
        return Connection(zone=zone, protocol=17, src=src, dst=dst, reply_src=reply_src, reply_dst=reply_dst)

    inwards = connection(REMOTE, f"{WIRE}.101", f"{BLUE}.1", REMOTE)
    outwards = connection(f"{BLUE}.1", REMOTE, REMOTE, f"{WIRE}.101")
    masked = connection(f"{BLUE}.2", REMOTE, REMOTE, f"{WIRE}.10")
    assert all(desired.judge().allowed(one) for one in (inwards, outwards, masked))
    world.floating("f1", "ext", f"{WIRE}.101", "r", None)
    cuts = world.run()["a"].cuts
    for one, allowed in ((inwards, False), (outwards, False), (masked, True)):
        assert desired.judge().allowed(one) == allowed
        assert any(cut.concerns(one) for cut in cuts) != allowed
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", None)
    assert any(cut.concerns(masked) for cut in world.run()["a"].cuts)
    assert not desired.judge().allowed(masked)


def test_a_restart_computes_the_same_and_other_hosts_have_nothing_of_it(make_world: MakeWorld) -> None:
    world = with_floating(make_world, "a", "b")
    host = world.hosts["a"]
    before = dict(host.desired.flows("br-int"))
    host.vlans = {"blue": host.desired.vlans["blue"]}
    host.desired = Desired(world.rows)
    world.run()
    assert host.desired.flows("br-int") == before
    assert "ext" not in world.hosts["b"].desired.vlans
    assert world.hosts["b"].desired.claims == set()


def test_flows_of_a_floating_ip_are_few(make_world: MakeWorld) -> None:
    world = site(make_world)
    before = len(world.hosts["a"].desired.flows("br-int"))
    world.floating("f1", "ext", f"{WIRE}.101", "r", "b1")
    world.run()
    assert len(world.hosts["a"].desired.flows("br-int")) - before == 9

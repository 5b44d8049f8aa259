"""What a router tells senders, read by scapy; and who answers for its addresses."""

from ipaddress import ip_address
from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPerror6,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.dataplane.responders.subjects import MAC, NETWORK, PORT, SETTINGS, SLAAC, V4, V6
from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import Kind, MalformedError, announce_routers, answer, read_arrival, read_subject
from tunbridge.dataplane.responders.subject import Subject
from tunbridge.dataplane.view import FixedIp, FloatingIp, HostRoute, Network, Port, Router, Subnet

GATEWAY = "fa:16:3e:ff:00:01"
INTERFACE = Port(
    id="r-blue", network_id=NETWORK.id, mac_address=GATEWAY, device_owner="network:router_interface",
    fixed_ips=(FixedIp("4", "10.0.0.1"), FixedIp("6", "2001:db8::1")), port_security_enabled=False,
)  # fmt: skip


def routed(up: bool = True) -> Subject:
    """The port, on a network with a router that has the gateway's address of V4 and V6, not of SLAAC."""
    rows = Rows(
        networks={NETWORK.id: NETWORK}, subnets={s.id: s for s in (V4, V6, SLAAC)},
        ports={"p": PORT, "r-blue": INTERFACE},
        routers={"r": Router(id="r", admin_state_up=up, interfaces=("r-blue",), networks=(NETWORK.id,))},
    )  # fmt: skip
    found = read_subject(rows, "p")
    assert found is not None
    return found


def ask(kind: Kind, packet: Packet, who: Subject | None = None) -> Packet | None:
    found = answer(kind, bytes(packet), who or routed(), SETTINGS)
    if not found:
        return None
    (frame,) = found
    assert isinstance(frame, bytes)
    read = Ether(frame)
    made = read.copy()
    for layer in (IP, ICMP):
        if layer in made:
            del made[layer].chksum
    if IPv6 in made:
        del made[IPv6].payload.cksum
    assert bytes(Ether(bytes(made))) == frame, "checksums"
    return read


def test_an_answer_to_elsewhere_comes_from_the_interface_with_an_address_of_the_version() -> None:
    """A router has a port for each subnet; an advertised default route leads to the network's service address."""
    four, six = (
        Port(
            id=f"r{v}", network_id=NETWORK.id, mac_address=f"fa:16:3e:ff:00:0{v}", fixed_ips=(FixedIp(str(v), address),)
        )
        for v, address in ((4, "10.0.0.1"), (6, "2001:db8::1"))
    )
    rows = Rows(
        networks={NETWORK.id: NETWORK}, subnets={s.id: s for s in (V4, V6)}, ports={"r4": four, "r6": six},
        routers={"r": Router(id="r", interfaces=("r4", "r6"), networks=(NETWORK.id,))},
    )  # fmt: skip
    for mac, address in (
        (four.mac_address, "10.0.0.1"),
        (six.mac_address, "2001:db8::1"),
        (service_mac(NETWORK.id), "2001:db8::1"),
    ):
        found = read_arrival(rows, "r", mac)
        assert found is not None
        assert (found.network_id, found.addresses) == (NETWORK.id, (address,))
    assert read_arrival(rows, "r", "02:00:00:00:00:01") is None


def test_a_floating_ip_tells_in_the_name_of_its_fixed_ip_and_knows_all_mtus() -> None:
    outside = Network(id="ext", mtu=1400, network_type="flat", external=True)
    ext = Subnet(id="ext4", network_id="ext", ip_version=4, cidr="203.0.113.0/24")
    gateway = Port(
        id="gw", network_id="ext", mac_address="fa:16:3e:ff:01:01", fixed_ips=(FixedIp("ext4", "203.0.113.2"),)
    )
    own = Port(id="f", network_id="ext", mac_address="fa:16:3e:ff:02:01", fixed_ips=(FixedIp("ext4", "203.0.113.9"),))
    floating = FloatingIp(id="f", address="203.0.113.9", router_id="r", port_id="p", fixed_ip="10.0.0.5")
    router = Router(id="r", interfaces=("r-blue",), networks=(NETWORK.id,), gateway_port="gw")
    rows = Rows(
        networks={NETWORK.id: NETWORK, "ext": outside}, subnets={s.id: s for s in (V4, V6, ext)},
        ports={"p": PORT, "r-blue": INTERFACE, "gw": gateway, "f": own}, routers={"r": router},
        floating_ips={"f": floating},
    )  # fmt: skip
    found = read_arrival(rows, "r", own.mac_address)
    assert found is not None
    assert (found.network_id, found.router_address(b"", 4)) == ("ext", "10.0.0.5")
    assert found.mtu_towards(b"", ip_address("10.0.0.7")) == NETWORK.mtu
    assert found.mtu_towards(b"", ip_address("198.51.100.7")) == 1400
    assert found.mtu_towards(b"", ip_address("2001:db8:99::1")) == 1400


def udp(dst: str = "192.0.2.9", **ip: Any) -> Packet:
    return Ether(src=MAC, dst=GATEWAY) / IP(src="10.0.0.5", dst=dst, **ip) / UDP(sport=33, dport=44) / (b"x" * 900)


@pytest.mark.parametrize(
    ("kind", "told"),
    [(Kind.expired, (11, 0)), (Kind.no_route, (3, 0)), (Kind.no_host, (3, 1))],
)
def test_an_error_comes_from_the_interface_with_the_packet_in_it(kind: Kind, told: tuple[int, int]) -> None:
    reply = ask(kind, udp(ttl=1))
    assert reply is not None
    assert (reply.src, reply.dst) == (GATEWAY, MAC)
    assert (reply[IP].src, reply[IP].dst) == ("10.0.0.1", "10.0.0.5")
    assert (reply[ICMP].type, reply[ICMP].code) == told
    assert (reply[IPerror].dst, reply[UDPerror].dport) == ("192.0.2.9", 44)
    assert len(reply[IP]) == 576


def test_a_closed_port_is_told_from_the_address_that_was_asked() -> None:
    """Which may be of another interface of the router: who asked knows no other."""
    reply = ask(Kind.closed, udp("192.0.2.1"))
    assert reply is not None
    assert (reply[IP].src, reply[IP].dst) == ("192.0.2.1", "10.0.0.5")
    assert (reply[ICMP].type, reply[ICMP].code) == (3, 3)
    asked = Ether(src=MAC, dst=GATEWAY) / IPv6(src="2001:db8::5", dst="2001:db8:9::1") / UDP(dport=44)
    reply = ask(Kind.closed, asked)
    assert reply is not None
    assert (reply[IPv6].src, reply[IPv6].dst) == ("2001:db8:9::1", "2001:db8::5")
    assert (reply[ICMPv6DestUnreach].type, reply[ICMPv6DestUnreach].code) == (1, 4)


def test_the_mtu_of_the_next_network_is_told() -> None:
    thin = Network(id="thin", mtu=1280, network_type="vxlan")
    far = Subnet(id="far", network_id="thin", ip_version=4, cidr="192.0.2.0/24", gateway_ip="192.0.2.1")
    far6 = Subnet(id="far6", network_id="thin", ip_version=6, cidr="2001:db8:9::/64", gateway_ip="2001:db8:9::1")
    there = (FixedIp("far", "192.0.2.1"), FixedIp("far6", "2001:db8:9::1"))
    other = replace(INTERFACE, id="r-thin", network_id="thin", fixed_ips=there)
    route = HostRoute("198.51.100.0/24", "192.0.2.7")
    both = Router(id="r", interfaces=("r-blue", "r-thin"), networks=(NETWORK.id, "thin"), routes=(route,))
    rows = Rows(
        networks={NETWORK.id: NETWORK, "thin": thin}, subnets={s.id: s for s in (V4, V6, far, far6)},
        ports={"p": PORT, "r-blue": INTERFACE, "r-thin": other}, routers={"r": both},
    )  # fmt: skip
    who = read_subject(rows, "p")
    for target in ("192.0.2.9", "198.51.100.9"):
        reply = ask(Kind.too_big, udp(target), who)
        assert reply is not None
        assert (reply[ICMP].type, reply[ICMP].code, reply[ICMP].nexthopmtu) == (3, 4, 1280)
    big = (
        Ether(src=MAC, dst=GATEWAY) / IPv6(src="2001:db8::5", dst="2001:db8:9::9") / ICMPv6EchoRequest(data=b"x" * 1300)
    )
    reply = ask(Kind.too_big, big, who)
    assert reply is not None and reply[ICMPv6PacketTooBig].mtu == 1280


@pytest.mark.parametrize("mac", [GATEWAY, service_mac(NETWORK.id)])
def test_an_error_about_ipv6(mac: str) -> None:
    packet = Ether(src=MAC, dst=mac) / IPv6(src="2001:db8::5", dst="2001:db8:9::9", hlim=1) / ICMPv6EchoRequest(id=4)
    reply = ask(Kind.expired, packet)
    assert reply is not None
    assert (reply[IPv6].src, reply[IPv6].dst, reply.src) == ("2001:db8::1", "2001:db8::5", mac)
    assert ICMPv6TimeExceeded in reply and reply[IPerror6].dst == "2001:db8:9::9"
    reply = ask(Kind.no_route, packet / (b"x" * 1400))
    assert reply is not None
    assert reply[ICMPv6DestUnreach].code == 0 and len(reply[IPv6]) == 1280


@pytest.mark.parametrize(
    "packet",
    [
        Ether(src=MAC, dst=GATEWAY) / IP(src="10.0.0.5", dst="192.0.2.9") / ICMP(type=3, code=1) / IP() / UDP(),
        udp(frag=10),
        Ether(src=MAC, dst=GATEWAY) / IP(src="224.0.0.1", dst="192.0.2.9") / UDP(),
        Ether(src=MAC, dst="fa:16:3e:00:00:99") / IP(src="10.0.0.5", dst="192.0.2.9") / UDP(),
        Ether(src=MAC, dst=GATEWAY) / IPv6(src="::", dst="2001:db8:9::9") / ICMPv6EchoRequest(),
        Ether(src=MAC, dst=GATEWAY) / IPv6(src="2001:db8::5", dst="2001:db8:9::9") / ICMPv6DestUnreach() / IPv6(),
    ],
    ids=["an error", "a later fragment", "from many", "to no router", "from nobody", "an IPv6 error"],
)
def test_there_is_no_error_about_some_packets(packet: Packet) -> None:
    assert ask(Kind.expired, packet) is None


def test_what_is_no_ip_is_malformed() -> None:
    for packet in (b"", bytes(12), bytes(Ether(src=MAC, dst=GATEWAY, type=0x0806)) + bytes(28), bytes(udp())[:20]):
        with pytest.raises(MalformedError):
            answer(Kind.expired, packet, routed(), SETTINGS)


def solicited(target: str, who: Subject) -> Packet | None:
    packet = Ether(src=MAC) / IPv6(src="2001:db8::5", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=target)
    return ask(Kind.neighbour, packet, who)


def test_a_routers_address_is_advertised_with_the_interfaces_mac() -> None:
    reply = solicited("2001:db8::1", routed())
    assert reply is not None
    assert (reply.src, reply[ICMPv6ND_NA].tgt, reply[ICMPv6ND_NA].R) == (GATEWAY, "2001:db8::1", 1)
    assert solicited("2001:db8::77", routed()) is None


def test_a_new_interface_is_announced() -> None:
    arp, advertisement = (Ether(frame) for frame in announce_routers(routed()))
    assert (arp.dst, arp.src, arp[ARP].psrc, arp[ARP].pdst) == ("ff:ff:ff:ff:ff:ff", GATEWAY, "10.0.0.1", "10.0.0.1")
    assert arp[ARP].hwsrc == GATEWAY
    assert (advertisement[IPv6].dst, advertisement[ICMPv6ND_NA].tgt) == ("ff02::1", "2001:db8::1")
    assert (advertisement[ICMPv6ND_NA].R, advertisement[ICMPv6ND_NA].S, advertisement[ICMPv6ND_NA].O) == (1, 0, 1)
    assert advertisement[ICMPv6NDOptDstLLAddr].lladdr == GATEWAY


def test_the_cloud_is_the_default_router_only_while_its_router_is_up() -> None:
    asked = Ether(src=MAC) / IPv6(src="fe80::f816:3eff:fe00:5", dst="ff02::2", hlim=255) / ICMPv6ND_RS()
    up, down = ask(Kind.router, asked, routed()), ask(Kind.router, asked, routed(up=False))
    assert up is not None and up[ICMPv6ND_RA].routerlifetime > 0
    assert down is not None and down[ICMPv6ND_RA].routerlifetime == 0
    assert ip_address(up[IPv6].src).is_link_local

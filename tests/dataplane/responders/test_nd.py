"""Router and neighbour advertisements, read by scapy."""

import pytest
from msgspec.structs import replace
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDNSSL,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.dataplane.responders.subjects import MAC, NETWORK, SETTINGS, SLAAC, V4, V6, subject
from tunbridge.dataplane.addresses import METADATA_ADDRESSES6, METADATA_MAC, service_link_local, service_mac
from tunbridge.dataplane.responders import Kind, MalformedError, Subject, advertise, answer
from tunbridge.dataplane.view import FixedIp

ROUTER = service_link_local(NETWORK.id)
CLIENT = "fe80::f816:3eff:fe00:5"
BOTH = subject(V4, V6, SLAAC, fixed_ips=(FixedIp("6", "2001:db8::5"), FixedIp("s", "2001:db8:1::5")))


def ask(kind: Kind, packet: Packet, who: Subject) -> Packet | None:
    found = answer(kind, bytes(packet), who, SETTINGS)
    if not found:
        return None
    (frame,) = found
    assert isinstance(frame, bytes)
    return checked(frame)


def checked(frame: bytes) -> Packet:
    whole = Ether(frame)
    layer = whole[IPv6].payload
    sent = layer.cksum
    del layer.cksum
    assert Ether(bytes(whole))[IPv6].payload.cksum == sent
    assert whole[IPv6].hlim == 255
    return Ether(frame)


def solicitation(src: str = CLIENT) -> Packet:
    return Ether(src=MAC) / IPv6(src=src, dst="ff02::2", hlim=255) / ICMPv6ND_RS()


def prefixes(reply: Packet) -> dict[str, tuple[int, int, int]]:
    found = {}
    layer = reply[ICMPv6ND_RA]
    number = 1
    while (prefix := layer.getlayer(ICMPv6NDOptPrefixInfo, number)) is not None:
        found[f"{prefix.prefix}/{prefix.prefixlen}"] = (prefix.L, prefix.A, prefix.validlifetime)
        number += 1
    return found


def test_a_solicitation_is_answered_with_all_prefixes_to_who_asked() -> None:
    reply = ask(Kind.router, solicitation(), BOTH)
    assert reply is not None
    assert (reply.src, reply.dst) == (service_mac(NETWORK.id), MAC)
    assert (reply[IPv6].src, reply[IPv6].dst) == (ROUTER, CLIENT)
    assert (reply[ICMPv6ND_RA].M, reply[ICMPv6ND_RA].O, reply[ICMPv6ND_RA].routerlifetime) == (1, 0, 0)
    assert prefixes(reply) == {"2001:db8::/64": (1, 0, 86400), "2001:db8:1::/64": (1, 1, 86400)}
    assert reply[ICMPv6NDOptMTU].mtu == 1442 and reply[ICMPv6NDOptSrcLLAddr].lladdr == service_mac(NETWORK.id)
    assert reply[ICMPv6NDOptRDNSS].dns == ["2001:db8::53"] and reply[ICMPv6NDOptRDNSS].lifetime == 1800
    assert reply[ICMPv6NDOptDNSSL].searchlist == ["openstacklocal."]


@pytest.mark.parametrize(
    ("mode", "flags"), [("slaac", (0, 0, 1)), ("dhcpv6-stateless", (0, 1, 1)), ("dhcpv6-stateful", (1, 0, 0))]
)
def test_the_mode_of_the_subnet_is_in_the_flags(mode: str, flags: tuple[int, int, int]) -> None:
    reply = ask(Kind.router, solicitation(), subject(replace(V6, ipv6_ra_mode=mode)))
    assert reply is not None
    assert flags == (reply[ICMPv6ND_RA].M, reply[ICMPv6ND_RA].O, reply[ICMPv6NDOptPrefixInfo].A)


def test_a_default_route_only_where_the_cloud_has_the_router() -> None:
    reply = ask(Kind.router, solicitation(), replace(BOTH, routed=frozenset({"s"})))
    assert reply is not None and reply[ICMPv6ND_RA].routerlifetime == 1800


def test_a_port_makes_no_address_of_a_subnet_that_it_is_not_in() -> None:
    elsewhere = (FixedIp("6", "2001:db8::5"),)
    reply = ask(Kind.router, solicitation(), subject(V6, SLAAC, fixed_ips=elsewhere))
    assert reply is not None and prefixes(reply)["2001:db8:1::/64"] == (1, 0, 86400)
    reply = ask(Kind.router, solicitation(), subject(V6, SLAAC, fixed_ips=elsewhere, port_security_enabled=False))
    assert reply is not None and prefixes(reply)["2001:db8:1::/64"] == (1, 1, 86400)


def test_who_has_no_address_yet_and_who_did_not_ask_hear_it_as_all_nodes() -> None:
    reply = ask(Kind.router, solicitation("::"), BOTH)
    assert reply is not None and (reply.dst, reply[IPv6].dst) == ("33:33:00:00:00:01", "ff02::1")
    frame = advertise(BOTH, SETTINGS)
    assert frame is not None and bytes(checked(frame)) == bytes(reply)


def test_the_lifetimes_of_prefixes_that_are_gone_end() -> None:
    """As those of the default route do, where no subnet is left."""
    frame = advertise(replace(BOTH, subnets=(SLAAC,), routed=frozenset({"s"})), SETTINGS, {"2001:db8::/64"})
    assert frame is not None
    reply = checked(frame)
    assert prefixes(reply) == {"2001:db8:1::/64": (1, 1, 86400), "2001:db8::/64": (1, 1, 0)}
    assert reply[ICMPv6ND_RA].routerlifetime == 1800
    assert reply[ICMPv6ND_RA].getlayer(ICMPv6NDOptPrefixInfo, 2).preferredlifetime == 0
    frame = advertise(replace(BOTH, subnets=(V4,)), SETTINGS, {"2001:db8::/64"})
    assert frame is not None and prefixes(checked(frame)) == {"2001:db8::/64": (1, 1, 0)}
    assert checked(frame)[ICMPv6ND_RA].routerlifetime == 0


def test_without_a_mode_somebody_else_advertises() -> None:
    silent = subject(V4, replace(V6, ipv6_ra_mode=None))
    assert ask(Kind.router, solicitation(), silent) is None and advertise(silent, SETTINGS) is None


def neighbour(target: str, src: str = CLIENT, hops: int = 255) -> Packet:
    return Ether(src=MAC) / IPv6(src=src, dst="ff02::1:ff00:1", hlim=hops) / ICMPv6ND_NS(tgt=target)


@pytest.mark.parametrize("target", ["2001:db8::1", "2001:db8:1::1", ROUTER])
def test_tunbridges_own_addresses_are_found(target: str) -> None:
    reply = ask(Kind.neighbour, neighbour(target), BOTH)
    assert reply is not None and (reply.dst, reply[IPv6].src, reply[IPv6].dst) == (MAC, target, CLIENT)
    found = reply[ICMPv6ND_NA]
    assert (found.tgt, found.R, found.S, found.O) == (target, 0, 1, 1)
    assert reply[ICMPv6NDOptDstLLAddr].lladdr == service_mac(NETWORK.id)


@pytest.mark.parametrize("target", METADATA_ADDRESSES6)
def test_the_metadata_service_is_on_every_link_and_no_router(target: str) -> None:
    for who in (BOTH, subject(V4), replace(BOTH, routed=frozenset({V6.id}))):
        reply = ask(Kind.neighbour, neighbour(target), who)
        assert reply is not None and reply[ICMPv6NDOptDstLLAddr].lladdr == METADATA_MAC
        assert (reply[ICMPv6ND_NA].tgt, reply[ICMPv6ND_NA].R) == (target, 0)


def test_who_tries_to_take_such_an_address_is_told_that_it_is_taken() -> None:
    reply = ask(Kind.neighbour, neighbour("2001:db8::1", src="::"), BOTH)
    assert reply is not None and (reply[IPv6].dst, reply[ICMPv6ND_NA].S) == ("ff02::1", 0)


def test_other_addresses_are_not_answered_for() -> None:
    assert ask(Kind.neighbour, neighbour("2001:db8::77"), BOTH) is None


def test_what_came_through_a_router_is_not_valid() -> None:
    with pytest.raises(MalformedError):
        ask(Kind.neighbour, neighbour("2001:db8::1", hops=64), BOTH)

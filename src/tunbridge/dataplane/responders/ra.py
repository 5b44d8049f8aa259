"""Router advertisements (RFC 4861, RFC 8106) for the subnets whose `ipv6_ra_mode` says that the cloud sends them.

    ipv6_ra_mode        M (addresses by DHCPv6)   O (options by DHCPv6)   A (hosts make addresses of the prefix)
    slaac               -                         -                       yes
    dhcpv6-stateless    -                         yes                     yes
    dhcpv6-stateful     yes                       -                       -

A link has one advertisement with the prefixes of all its subnets. A port makes no addresses (A) of a subnet in which
it has none: port security would drop its packets. There is a default route only to a router that the cloud has.
"""

import struct
from collections.abc import Collection
from ipaddress import IPv6Address, IPv6Network

from tunbridge.dataplane.addresses import service_link_local, service_mac
from tunbridge.dataplane.responders import names
from tunbridge.dataplane.responders.dhcp4 import dns_servers
from tunbridge.dataplane.responders.dhcp6 import STATEFUL, STATELESS
from tunbridge.dataplane.responders.frames import (
    ALL_NODES,
    ND_HOP_LIMIT,
    UNSPECIFIED,
    Icmp6,
    MalformedError,
    mac_bytes,
    multicast_mac,
    read_icmp6,
)
from tunbridge.dataplane.responders.options import domain_names
from tunbridge.dataplane.responders.subject import Settings, Subject
from tunbridge.dataplane.view import Subnet

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
_SOURCE_LINK_LAYER, _PREFIX, _MTU, _RDNSS, _DNSSL = 1, 3, 5, 25, 31
_MANAGED, _OTHER = 0x80, 0x40
_ON_LINK, _AUTONOMOUS = 0x80, 0x40
_MOST_LIFETIME = 9000
"""Seconds: the longest that a router may be a default router (RFC 4861, 6.2.1)."""


def answer(packet: bytes, subject: Subject, settings: Settings) -> bytes | None:
    """The frame that answers a router solicitation, if any. Raises MalformedError."""
    asked = read_icmp6(packet)
    if (asked.type, asked.code, asked.hop_limit) != (ROUTER_SOLICITATION, 0, ND_HOP_LIMIT) or len(asked.body) < 4:
        raise MalformedError("not a router solicitation")
    if asked.src == UNSPECIFIED:
        return advertise(subject, settings)
    return _advertisement(subject, settings, asked.eth_src, asked.src)


def advertise(subject: Subject, settings: Settings, gone: Collection[str] = ()) -> bytes | None:
    """The frame that a port gets unasked every `ra_interval` seconds, and at once when its subnets have changed.

    `gone`: prefixes that it was told and that are no longer there. Their lifetimes end, and so does that of the default
    route, if there is none any more: else a VM would go on sending from an address that port security drops.
    """
    return _advertisement(subject, settings, multicast_mac(ALL_NODES), ALL_NODES, gone)


def prefixes(subject: Subject) -> frozenset[str]:
    """The prefixes that a port is told."""
    return frozenset(subnet.cidr for subnet in subject.subnets if is_advertised(subnet))


def is_advertised(subnet: Subnet) -> bool:
    """Whether the cloud sends router advertisements for a subnet."""
    return subnet.ip_version == 6 and subnet.enable_dhcp and subnet.ipv6_ra_mode is not None


def _advertisement(
    subject: Subject, settings: Settings, eth_dst: bytes, dst: IPv6Address, gone: Collection[str] = ()
) -> bytes | None:
    subnets = [s for s in subject.subnets if is_advertised(s)]
    if not subnets and not gone:
        return None
    modes = {s.ipv6_ra_mode for s in subnets}
    flags = (_MANAGED if STATEFUL in modes else 0) | (_OTHER if STATELESS in modes else 0)
    routed = any(s.id in subject.routed for s in subnets)
    lifetime = min(3 * settings.ra_interval, _MOST_LIFETIME) if routed else 0
    mac = mac_bytes(service_mac(subject.network.id))
    body = struct.pack("!BBHII", 64, flags, lifetime, 0, 0) + bytes([_SOURCE_LINK_LAYER, 1]) + mac
    body += struct.pack("!BBHI", _MTU, 1, 0, subject.network.mtu)
    own = {fixed.subnet_id for fixed in subject.port.fixed_ips}
    for subnet in subnets:
        makes = subnet.ipv6_ra_mode != STATEFUL and (subnet.id in own or not subject.port.port_security_enabled)
        body += _prefix(subnet.cidr, makes, settings.prefix_valid, settings.prefix_preferred)
    for cidr in sorted(gone):
        body += _prefix(cidr, True, 0, 0)
    body += _names(subject, subnets, settings)
    source = IPv6Address(service_link_local(subject.network.id))
    return Icmp6(eth_dst, mac, source, dst, ROUTER_ADVERTISEMENT, 0, body).encode()


def _prefix(cidr: str, makes: bool, valid: int, preferred: int) -> bytes:
    network = IPv6Network(cidr)
    flags = _ON_LINK | (_AUTONOMOUS if makes else 0)
    head = struct.pack("!BBBBIII", _PREFIX, 4, network.prefixlen, flags, valid, preferred, 0)
    return head + network.network_address.packed


def _names(subject: Subject, subnets: list[Subnet], settings: Settings) -> bytes:
    """DNS servers and search domains, for hosts that do not ask DHCPv6; they last as long as a default route would."""
    lifetime = 3 * settings.ra_interval
    servers = dict.fromkeys(server for s in subnets if s.ipv6_ra_mode != STATEFUL for server in dns_servers(s))
    if not servers:
        return b""
    packed = b"".join(IPv6Address(server).packed for server in servers)
    found = struct.pack("!BBHI", _RDNSS, 1 + 2 * len(servers), 0, lifetime) + packed
    domains = [d for d in (names.network_domain(subject.network), settings.dns_domain.strip(".")) if d]
    encoded = domain_names(dict.fromkeys(domains))
    encoded += bytes(-len(encoded) % 8)
    return found + struct.pack("!BBHI", _DNSSL, 1 + len(encoded) // 8, 0, lifetime) + encoded

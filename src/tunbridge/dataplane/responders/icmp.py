"""What a router tells the sender of a packet that it cannot forward (RFC 792, RFC 1812 section 4.3.2, RFC 4443).

The answer comes from the interface that the packet was sent to; about a closed port, from the address that it was sent
to (RFC 1122, 3.2.2), which may be that of another interface. There is none about an ICMP error, about a fragment that
is not the first, or to a sender that is no single host.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from tunbridge.dataplane.responders.frames import (
    DEFAULT_TTL,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ICMP,
    ICMPV6,
    Icmp6,
    MalformedError,
    icmp4_frame,
)

EXPIRED, NO_ROUTE, NO_HOST, CLOSED, TOO_BIG = "expired", "no-route", "no-host", "closed", "too-big"
_CODES4 = {EXPIRED: (11, 0), NO_ROUTE: (3, 0), NO_HOST: (3, 1), CLOSED: (3, 3), TOO_BIG: (3, 4)}
_CODES6 = {EXPIRED: (3, 0), NO_ROUTE: (1, 0), NO_HOST: (1, 3), CLOSED: (1, 4), TOO_BIG: (2, 0)}
"""What happened -> type and code, in ICMP and in ICMPv6."""
_ERRORS4 = (3, 4, 5, 11, 12)
_MOST4, _MOST6 = 576, 1280
"""Bytes of the whole error: RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)."""


class Router(Protocol):
    """Who tells it: the router that a packet to this MAC address is for."""

    def router_address(self, mac: bytes, version: int) -> str | None: ...
    def mtu_towards(self, mac: bytes, target: IPv4Address | IPv6Address) -> int | None: ...


def answer(packet: bytes, router: Router, what: str) -> bytes | None:
    """The frame that goes back to the sender, if any. Raises MalformedError."""
    if len(packet) < 14:
        raise MalformedError(f"{len(packet)} bytes are no Ethernet frame")
    (ethertype,) = struct.unpack_from("!H", packet, 12)
    ip = packet[14:]
    if ethertype == ETHERTYPE_IPV4:
        return _ipv4(packet, ip, router, what)
    if ethertype == ETHERTYPE_IPV6:
        return _ipv6(packet, ip, router, what)
    raise MalformedError(f"Ethernet type 0x{ethertype:04x} is not IP")


def _ipv4(packet: bytes, ip: bytes, router: Router, what: str) -> bytes | None:
    header = (ip[0] & 15) * 4 if len(ip) >= 20 and ip[0] >> 4 == 4 else 0
    if header < 20 or len(ip) < header:
        raise MalformedError("no IPv4 header")
    (fragment,) = struct.unpack_from("!H", ip, 6)
    sender, own = IPv4Address(ip[12:16]), router.router_address(packet[:6], 4)
    is_error = ip[9] == ICMP and len(ip) > header and ip[header] in _ERRORS4
    if own is None or is_error or fragment & 0x1FFF or not _is_host(sender):
        return None
    kind, code = _CODES4[what]
    (total,) = struct.unpack_from("!H", ip, 2)
    told = ip[: min(max(total, header), _MOST4 - 28)]
    target = IPv4Address(ip[16:20])
    body = _mtu(packet, target, router, what).to_bytes(4) + told
    source = target if what == CLOSED else IPv4Address(own)
    return icmp4_frame(packet[6:12], packet[:6], source, sender, kind, code, body, DEFAULT_TTL)


def _ipv6(packet: bytes, ip: bytes, router: Router, what: str) -> bytes | None:
    if len(ip) < 40 or ip[0] >> 4 != 6:
        raise MalformedError("no IPv6 header")
    sender, own = IPv6Address(ip[8:24]), router.router_address(packet[:6], 6)
    is_error = ip[6] == ICMPV6 and len(ip) > 40 and ip[40] < 128
    if own is None or is_error or not _is_host(sender):
        return None
    kind, code = _CODES6[what]
    (length,) = struct.unpack_from("!H", ip, 4)
    told = ip[: min(40 + length, _MOST6 - 48)]
    target = IPv6Address(ip[24:40])
    body = _mtu(packet, target, router, what).to_bytes(4) + told
    source = target if what == CLOSED else IPv6Address(own)
    return Icmp6(packet[6:12], packet[:6], source, sender, kind, code, body, DEFAULT_TTL).encode()


def _mtu(packet: bytes, target: IPv4Address | IPv6Address, router: Router, what: str) -> int:
    """The MTU that is told of a packet that is too big (RFC 1191, 4; RFC 4443, 3.2); 0 for all else."""
    return (router.mtu_towards(packet[:6], target) or 0) if what == TOO_BIG else 0


def _is_host(sender: IPv4Address | IPv6Address) -> bool:
    return not (sender.is_multicast or sender.is_unspecified or sender.is_loopback or sender == _BROADCAST)


_BROADCAST = IPv4Address("255.255.255.255")

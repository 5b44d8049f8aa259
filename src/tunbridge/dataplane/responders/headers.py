"""Headers of any packet of a workload, as far as its first bytes tell: what a log line says of it, and rules match."""

import ipaddress
import struct
from collections.abc import Mapping

from msgspec import Struct

from tunbridge.dataplane.responders.frames import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ICMP,
    ICMPV6,
    UDP,
    Address,
    MalformedError,
)
from tunbridge.dataplane.view import Rule

_TCP, _SCTP = 6, 132
_NAMES = {ICMP: "icmp", 2: "igmp", _TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6", _SCTP: "sctp"}
_ETHERTYPES = {ETHERTYPE_ARP: "arp", ETHERTYPE_IPV4: "ip", ETHERTYPE_IPV6: "ipv6"}
_WITH_PORTS = (_TCP, UDP, _SCTP)
_FRAGMENT = 44
_EXTENSIONS = (0, 43, 60)
"""IPv6 headers that another one follows: hop by hop, routing, destination options (RFC 8200, 4)."""


class Headers(Struct, frozen=True, kw_only=True):
    """What was found; None: not there. `first` and `second` are ports, or for ICMP its type and code."""

    eth_src: str
    eth_dst: str
    ethertype: int
    src: Address | None = None
    dst: Address | None = None
    protocol: int | None = None
    first: int | None = None
    second: int | None = None

    def told(self) -> Mapping[str, object]:
        """The fields of a log line."""
        line: dict[str, object] = {"eth_src": self.eth_src, "eth_dst": self.eth_dst}
        line["protocol"] = _ETHERTYPES.get(self.ethertype, f"{self.ethertype:#06x}")
        if self.protocol is not None:
            line |= {"protocol": _NAMES.get(self.protocol, self.protocol), "src": str(self.src), "dst": str(self.dst)}
        if self.first is not None:
            names = ("icmp_type", "icmp_code") if self.protocol in (ICMP, ICMPV6) else ("src_port", "dst_port")
            line |= zip(names, (self.first, self.second), strict=True)
        return line

    def matches(self, rule: Rule) -> bool:
        """Whether a rule's IP version, protocol and ports fit; of its remote end nothing is said."""
        protocol = ICMPV6 if rule.ip_version == 6 and rule.protocol == ICMP else rule.protocol
        if self.src is None or self.src.version != rule.ip_version or protocol not in (None, self.protocol):
            return False
        if protocol is None or rule.port_min is None:
            return True
        if protocol in (ICMP, ICMPV6):
            return self.first == rule.port_min and rule.port_max in (None, self.second)
        last = rule.port_min if rule.port_max is None else rule.port_max
        return self.second is not None and rule.port_min <= self.second <= last


def read_headers(frame: bytes) -> Headers:
    """Read as much as there is of an untagged frame. Raises MalformedError: no Ethernet frame, or no IP header."""
    if len(frame) < 14:
        raise MalformedError(f"{len(frame)} bytes are no Ethernet frame")
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    eth_dst, eth_src = (frame[i : i + 6].hex(":") for i in (0, 6))
    ip = frame[14:]
    if ethertype == ETHERTYPE_IPV4:
        src, dst, protocol, rest = _ipv4(ip)
    elif ethertype == ETHERTYPE_IPV6:
        src, dst, protocol, rest = _ipv6(ip)
    else:
        return Headers(eth_src=eth_src, eth_dst=eth_dst, ethertype=ethertype)
    first, second = _ports(protocol, rest)
    return Headers(
        eth_src=eth_src, eth_dst=eth_dst, ethertype=ethertype, src=src, dst=dst, protocol=protocol,
        first=first, second=second,
    )  # fmt: skip


def _ipv4(ip: bytes) -> tuple[Address, Address, int, bytes]:
    header = (ip[0] & 15) * 4 if ip else 0
    if header < 20 or len(ip) < header or ip[0] >> 4 != 4:
        raise MalformedError("no IPv4 header")
    offset = struct.unpack_from("!H", ip, 6)[0] & 0x1FFF
    rest = b"" if offset else ip[header:]
    return ipaddress.IPv4Address(ip[12:16]), ipaddress.IPv4Address(ip[16:20]), ip[9], rest


def _ipv6(ip: bytes) -> tuple[Address, Address, int, bytes]:
    if len(ip) < 40 or ip[0] >> 4 != 6:
        raise MalformedError("no IPv6 header")
    protocol, rest = ip[6], ip[40:]
    while protocol in (*_EXTENSIONS, _FRAGMENT) and len(rest) >= 8:
        if protocol == _FRAGMENT:
            is_later, length = struct.unpack_from("!H", rest, 2)[0] >> 3, 8
        else:
            is_later, length = 0, 8 + 8 * rest[1]
        protocol, rest = rest[0], b"" if is_later else rest[length:]
    return ipaddress.IPv6Address(ip[8:24]), ipaddress.IPv6Address(ip[24:40]), protocol, rest


def _ports(protocol: int, rest: bytes) -> tuple[int | None, int | None]:
    if protocol in _WITH_PORTS and len(rest) >= 4:
        first, second = struct.unpack_from("!HH", rest)
        return first, second
    if protocol in (ICMP, ICMPV6) and len(rest) >= 2:
        return rest[0], rest[1]
    return None, None

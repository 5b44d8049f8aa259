"""Ethernet frames with UDP or ICMPv6 in them, read and written.

What a VM sends is not trusted: whatever cannot be read raises MalformedError, and nothing else. Checksums of what is
read are not verified (a device with checksum offload leaves them to its peer); what is written has correct ones.
"""

import ipaddress
import struct
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct
from msgspec.structs import replace

Address = IPv4Address | IPv6Address

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD
ICMP = 1
UDP = 17
ICMPV6 = 58
BROADCAST_MAC = b"\xff" * 6
BROADCAST = IPv4Address("255.255.255.255")
ALL_NODES = IPv6Address("ff02::1")
UNSPECIFIED = IPv6Address("::")
DEFAULT_TTL = 64
ND_HOP_LIMIT = 255
"""Neighbour discovery packets that came through a router are not valid (RFC 4861, 6.1)."""


class MalformedError(Exception):
    """A packet cannot be read; the text says what is wrong with it."""


class Datagram(Struct, frozen=True):
    """A UDP datagram in an Ethernet frame. MAC addresses are 6 bytes."""

    eth_dst: bytes
    eth_src: bytes
    src: Address
    dst: Address
    sport: int
    dport: int
    payload: bytes

    def reply(self, payload: bytes) -> "Datagram":
        """What goes back to the sender, from the address that it was sent to."""
        return Datagram(self.eth_src, self.eth_dst, self.dst, self.src, self.dport, self.sport, payload)

    def encode(self) -> bytes:
        """The frame, with checksums."""
        length = 8 + len(self.payload)
        header = struct.pack("!HHHH", self.sport, self.dport, length, 0)
        found = checksum(pseudo_header(self.src, self.dst, UDP, length) + header + self.payload)
        udp = header[:6] + struct.pack("!H", found or 0xFFFF) + self.payload
        return write_ip(self.eth_dst, self.eth_src, self.src, self.dst, UDP, DEFAULT_TTL, udp)


class Icmp6(Struct, frozen=True):
    """An ICMPv6 message in an Ethernet frame. MAC addresses are 6 bytes; `body` is what follows the checksum."""

    eth_dst: bytes
    eth_src: bytes
    src: IPv6Address
    dst: IPv6Address
    type: int
    code: int
    body: bytes
    hop_limit: int = ND_HOP_LIMIT

    def encode(self) -> bytes:
        """The frame, with its checksum."""
        message = struct.pack("!BBH", self.type, self.code, 0) + self.body
        found = checksum(pseudo_header(self.src, self.dst, ICMPV6, len(message)) + message)
        message = message[:2] + struct.pack("!H", found) + self.body
        return write_ip(self.eth_dst, self.eth_src, self.src, self.dst, ICMPV6, self.hop_limit, message)


class Packet(Struct, frozen=True):
    """What an Ethernet frame carries in IP."""

    eth_dst: bytes
    eth_src: bytes
    src: Address
    dst: Address
    protocol: int
    hop_limit: int
    payload: bytes


def read_udp(frame: bytes) -> Datagram:
    """Read a frame with a whole UDP datagram, untagged. Raises MalformedError."""
    packet = read_ip(frame)
    if packet.protocol != UDP or len(packet.payload) < 8:
        raise MalformedError("not a UDP datagram")
    sport, dport, length, _ = struct.unpack_from("!HHHH", packet.payload)
    if not 8 <= length <= len(packet.payload):
        raise MalformedError(f"UDP length {length} in {len(packet.payload)} bytes")
    return Datagram(
        packet.eth_dst, packet.eth_src, packet.src, packet.dst, sport, dport, packet.payload[8:length]
    )  # fmt: skip


def read_icmp6(frame: bytes) -> Icmp6:
    """Read a frame with an ICMPv6 message, untagged. Raises MalformedError."""
    packet = read_ip(frame)
    if packet.protocol != ICMPV6 or len(packet.payload) < 4 or not isinstance(packet.src, IPv6Address):
        raise MalformedError("not an ICMPv6 message")
    assert isinstance(packet.dst, IPv6Address)
    kind, code = packet.payload[0], packet.payload[1]
    return Icmp6(
        packet.eth_dst, packet.eth_src, packet.src, packet.dst, kind, code, packet.payload[4:], packet.hop_limit
    )


def icmp4_frame(
    eth_dst: bytes, eth_src: bytes, src: IPv4Address, dst: IPv4Address, type: int, code: int, body: bytes, ttl: int
) -> bytes:
    """A frame with an ICMP message; `body` is what follows the checksum."""
    message = struct.pack("!BBH", type, code, 0) + body
    message = message[:2] + struct.pack("!H", checksum(message)) + body
    return write_ip(eth_dst, eth_src, src, dst, ICMP, ttl, message)


def mac_bytes(text: str) -> bytes:
    """The six bytes of `fa:16:3e:00:00:01`."""
    return bytes.fromhex(text.replace(":", ""))


def multicast_mac(group: IPv6Address) -> bytes:
    """The Ethernet address of an IPv6 multicast group (RFC 2464, 7)."""
    return b"\x33\x33" + group.packed[12:]


def to_broadcast(datagram: Datagram) -> Datagram:
    """The datagram, to every host on the link."""
    return replace(datagram, eth_dst=BROADCAST_MAC, dst=BROADCAST)


def read_ip(frame: bytes) -> Packet:
    """Read a frame with a whole IP packet, untagged. Raises MalformedError."""
    if len(frame) < 14:
        raise MalformedError(f"{len(frame)} bytes are no Ethernet frame")
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    if ethertype == ETHERTYPE_IPV4:
        return _read_ipv4(frame)
    if ethertype == ETHERTYPE_IPV6:
        return _read_ipv6(frame)
    raise MalformedError(f"Ethernet type 0x{ethertype:04x} is not IP")


def _read_ipv4(frame: bytes) -> Packet:
    ip = frame[14:]
    if len(ip) < 20 or ip[0] >> 4 != 4:
        raise MalformedError("no IPv4 header")
    header = (ip[0] & 15) * 4
    (total,) = struct.unpack_from("!H", ip, 2)
    (fragment,) = struct.unpack_from("!H", ip, 6)
    if header < 20 or not header <= total <= len(ip):
        raise MalformedError(f"IPv4 header of {header} and packet of {total} in {len(ip)} bytes")
    if fragment & 0x3FFF:  # more fragments, or an offset
        raise MalformedError("a fragment")
    src, dst = IPv4Address(ip[12:16]), IPv4Address(ip[16:20])
    return Packet(frame[:6], frame[6:12], src, dst, ip[9], ip[8], ip[header:total])


def _read_ipv6(frame: bytes) -> Packet:
    ip = frame[14:]
    if len(ip) < 40 or ip[0] >> 4 != 6:
        raise MalformedError("no IPv6 header")
    (length,) = struct.unpack_from("!H", ip, 4)
    if length > len(ip) - 40:
        raise MalformedError(f"IPv6 payload of {length} in {len(ip) - 40} bytes")
    src, dst = IPv6Address(ip[8:24]), IPv6Address(ip[24:40])
    return Packet(frame[:6], frame[6:12], src, dst, ip[6], ip[7], ip[40 : 40 + length])


def write_ip(eth_dst: bytes, eth_src: bytes, src: Address, dst: Address, protocol: int, ttl: int, data: bytes) -> bytes:
    if src.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, ttl, protocol, 0) + src.packed + dst.packed
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return eth_dst + eth_src + struct.pack("!H", ETHERTYPE_IPV4) + head + data
    head = struct.pack("!IHBB", 6 << 28, len(data), protocol, ttl) + src.packed + dst.packed
    return eth_dst + eth_src + struct.pack("!H", ETHERTYPE_IPV6) + head + data


def pseudo_header(src: Address, dst: Address, protocol: int, length: int) -> bytes:
    """What a checksum covers of the IP header: RFC 768 and RFC 8200, 8.1 add up to the same."""
    return src.packed + dst.packed + struct.pack("!IBBBB", length, 0, 0, 0, protocol)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def address(text: str) -> Address:
    """An address of the database, which holds only valid ones."""
    return ipaddress.ip_address(text)

"""A packet as bytes, for what the words of ovs-fields(7) cannot give to a trace: a VLAN tag below another one.

Fields that the words do not name are 0, and so are the checksums of what is in IP: no flow matches them.
"""

import struct
from ipaddress import IPv4Address, ip_address

from tunbridge.inspect.trace.packet import INNER_VLAN, Packet

_VLAN, _ARP, _IPV4, _IPV6 = 0x8100, 0x0806, 0x0800, 0x86DD
_PROTOCOLS = {"icmp": 1, "tcp": 6, "tcp6": 6, "udp": 17, "udp6": 17, "icmp6": 58, "sctp": 132, "sctp6": 132}
_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
_SOLICITATION, _ADVERTISEMENT = 135, 136


def frame(packet: Packet) -> str:
    """Write it as hexadecimal digits, with its VLAN tags (802.1Q), the outermost first."""
    kind, payload = _payload(packet)
    vlans = [int(packet[name], 0) for name in ("dl_vlan", INNER_VLAN) if name in packet]
    tags = b"".join(struct.pack(">HH", _VLAN, vlan) for vlan in vlans)
    return (_mac(packet["dl_dst"]) + _mac(packet["dl_src"]) + tags + struct.pack(">H", kind) + payload).hex()


def _payload(packet: Packet) -> tuple[int, bytes]:
    """The Ethernet type, and what is behind it."""
    if "arp" in packet:
        return _ARP, _arp(packet)
    protocol = next((number for name, number in _PROTOCOLS.items() if name in packet), _number(packet, "nw_proto"))
    inside = _inside(packet, protocol)
    ttl = int(packet.get("nw_ttl", "64"))
    if "nw_src" in packet:
        ends = _address(packet["nw_src"]) + _address(packet["nw_dst"])
        start = struct.pack(">BBHHHBBH", 0x45, _number(packet, "nw_tos"), 20 + len(inside), 0, 0, ttl, protocol, 0)
        return _IPV4, start[:10] + _checksum(start + ends) + ends + inside
    if "ipv6_src" in packet:
        ends = _address(packet["ipv6_src"]) + _address(packet["ipv6_dst"])
        first = 6 << 28 | _number(packet, "nw_tos") << 20
        return _IPV6, struct.pack(">IHBB", first, len(inside), protocol, ttl) + ends + inside
    return _number(packet, "dl_type"), bytes(46)


def _inside(packet: Packet, protocol: int) -> bytes:
    ports = struct.pack(">HH", _number(packet, "tp_src"), _number(packet, "tp_dst"))
    if protocol == _PROTOCOLS["tcp"]:
        return ports + struct.pack(">IIHHHH", 0, 0, 5 << 12 | _flags(packet.get("tcp_flags", "0")), 0xFFFF, 0, 0)
    if protocol == _PROTOCOLS["udp"]:
        return ports + struct.pack(">HH", 8, 0)
    if protocol in (_PROTOCOLS["icmp"], _PROTOCOLS["icmp6"]):
        kind = _number(packet, "icmp_type")
        start = struct.pack(">BBHI", kind, _number(packet, "icmp_code"), 0, 0)
        return start + (_neighbour(packet, kind) if protocol == _PROTOCOLS["icmp6"] else b"")
    return ports + bytes(8) if protocol == _PROTOCOLS["sctp"] else b""


def _neighbour(packet: Packet, kind: int) -> bytes:
    """What a neighbour solicitation or advertisement is about, with the option for a link-layer address."""
    if kind not in (_SOLICITATION, _ADVERTISEMENT):
        return b""
    number, name = (1, "nd_sll") if kind == _SOLICITATION else (2, "nd_tll")
    option = bytes((number, 1)) + _mac(packet[name]) if name in packet else b""
    return _address(packet.get("nd_target", "::")) + option


def _arp(packet: Packet) -> bytes:
    nobody, nowhere = "00:00:00:00:00:00", str(IPv4Address(0))
    sender = _mac(packet.get("arp_sha", nobody)) + _address(packet.get("arp_spa", nowhere))
    target = _mac(packet.get("arp_tha", nobody)) + _address(packet.get("arp_tpa", nowhere))
    return struct.pack(">HHBBH", 1, _IPV4, 6, 4, _number(packet, "arp_op")) + sender + target


def _flags(text: str) -> int:
    """Read `syn|ack`, or a number."""
    if text[:1].isdigit():
        return int(text, 0)
    return sum(1 << bit for bit, name in enumerate(_FLAGS) if name in text.split("|"))


def _number(packet: Packet, field: str) -> int:
    return int(packet.get(field) or "0", 0)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _address(text: str) -> bytes:
    return ip_address(text).packed


def _checksum(header: bytes) -> bytes:
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)

"""ARP of the host itself on a physical network (RFC 826, RFC 5227): questions, answers to them, announcements."""

import struct
from ipaddress import IPv4Address

from tunbridge.dataplane.responders.frames import BROADCAST_MAC, ETHERTYPE_ARP, MalformedError

_ETHERTYPE_VLAN = 0x8100
_ETHERNET_IPV4 = struct.pack("!HHBB", 1, 0x0800, 6, 4)
_REQUEST, _REPLY = 1, 2
_NOBODY = IPv4Address(0)


def question(target: IPv4Address, mac: bytes, eth_dst: bytes = BROADCAST_MAC, sender: IPv4Address = _NOBODY) -> bytes:
    """Who has an address? From no address of one's own, if nobody shall learn one (RFC 5227, 2.1.1)."""
    return _frame(eth_dst, mac, _REQUEST, sender, bytes(6), target)


def announcement(address: IPv4Address, mac: bytes) -> bytes:
    """Tell everybody who has an address (gratuitous ARP; RFC 5227, 3)."""
    return _frame(BROADCAST_MAC, mac, _REQUEST, address, bytes(6), address)


def read_reply(packet: bytes) -> tuple[IPv4Address, bytes]:
    """The address and the MAC address that a reply tells. Raises MalformedError."""
    told = read_sender(packet)
    if int.from_bytes(packet[20:22]) != _REPLY:
        raise MalformedError("not an ARP reply")
    return told


def read_sender(packet: bytes) -> tuple[IPv4Address, bytes]:
    """The address and the MAC address of who sends a message. Raises MalformedError."""
    if len(packet) < 42 or packet[12:14] != ETHERTYPE_ARP.to_bytes(2) or packet[14:20] != _ETHERNET_IPV4:
        raise MalformedError("not an ARP message for IPv4 on Ethernet")
    return IPv4Address(packet[28:32]), packet[22:28]


def tagged(frame: bytes, vlan: int) -> bytes:
    """A frame with an IEEE 802.1Q tag."""
    return frame[:12] + struct.pack("!HH", _ETHERTYPE_VLAN, vlan) + frame[12:]


def _frame(eth_dst: bytes, mac: bytes, kind: int, sender: IPv4Address, sought: bytes, target: IPv4Address) -> bytes:
    head = eth_dst + mac + ETHERTYPE_ARP.to_bytes(2) + _ETHERNET_IPV4 + kind.to_bytes(2)
    return head + mac + sender.packed + sought + target.packed

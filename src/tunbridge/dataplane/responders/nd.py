"""Neighbour solicitations (RFC 4861, 7.2) for the addresses that Tunbridge itself answers at.

These are its link-local address in a network, those of its routers, those where subnets have their DNS, and those of
the metadata service. Flows cannot write an advertisement (IPv4 has flows that answer ARP), and there is no VM that it
could be left to.
"""

from ipaddress import IPv6Address

from tunbridge.dataplane.addresses import (
    METADATA_ADDRESSES6,
    METADATA_MAC,
    dhcp_address,
    service_link_local,
    service_mac,
)
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
from tunbridge.dataplane.responders.subject import Subject

SOLICITATION, ADVERTISEMENT = 135, 136
_ROUTER, _SOLICITED, _OVERRIDE = 0x80, 0x40, 0x20
_SOURCE_LINK_LAYER, _TARGET_LINK_LAYER = 1, 2
_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")
"""Prefix of the multicast group of an address (RFC 4291, 2.7.1)."""


def answer(packet: bytes, subject: Subject) -> bytes | None:
    """The frame that answers a solicitation, None when its target is not Tunbridge's. Raises MalformedError."""
    asked, target = solicited(packet)
    network = subject.network.id
    if str(target) in METADATA_ADDRESSES6:
        return advertisement(asked, target, mac_bytes(METADATA_MAC), 0)
    owner = next((r.mac for r in subject.routers if str(target) in r.addresses), None)
    if owner is None and str(target) not in targets(subject):
        return None
    mac = mac_bytes(owner or service_mac(network))
    return advertisement(asked, target, mac, _ROUTER if owner is not None or subject.routed else 0)


def advertisement(asked: Icmp6, target: IPv6Address, mac: bytes, flags: int = _ROUTER) -> bytes:
    """The frame that answers a solicitation for an address with a MAC address."""
    probes = asked.src == UNSPECIFIED  # duplicate address detection: everybody is told that the address is taken
    flags |= _OVERRIDE if probes else _OVERRIDE | _SOLICITED
    body = bytes([flags, 0, 0, 0]) + target.packed + link_layer_option(mac)
    eth_dst, dst = (multicast_mac(ALL_NODES), ALL_NODES) if probes else (asked.eth_src, asked.src)
    return Icmp6(eth_dst, mac, target, dst, ADVERTISEMENT, 0, body).encode()


def solicited(packet: bytes) -> tuple[Icmp6, IPv6Address]:
    """A neighbour solicitation, and the address that it asks for. Raises MalformedError."""
    asked = read_icmp6(packet)
    if (asked.type, asked.code, asked.hop_limit) != (SOLICITATION, 0, ND_HOP_LIMIT) or len(asked.body) < 20:
        raise MalformedError("not a neighbour solicitation")
    return asked, IPv6Address(asked.body[4:20])


def solicitation(target: IPv6Address, mac: bytes, source: IPv6Address, eth_dst: bytes | None = None) -> bytes:
    """Ask for an address, all that may have it (RFC 4861, 7.2.2) or whoever had it last."""
    group = IPv6Address(_SOLICITED_NODE + target.packed[13:])
    dst, to = (group, multicast_mac(group)) if eth_dst is None else (target, eth_dst)
    body = bytes(4) + target.packed + bytes([_SOURCE_LINK_LAYER, 1]) + mac
    return Icmp6(to, mac, source, dst, SOLICITATION, 0, body).encode()


def read_advertisement(packet: bytes) -> tuple[IPv6Address, bytes]:
    """The address of an advertisement, and the MAC address that it comes from. Raises MalformedError."""
    told = read_icmp6(packet)
    if (told.type, told.code, told.hop_limit) != (ADVERTISEMENT, 0, ND_HOP_LIMIT) or len(told.body) < 20:
        raise MalformedError("not a neighbour advertisement")
    return IPv6Address(told.body[4:20]), told.eth_src


def link_layer_option(mac: bytes) -> bytes:
    """The option of an advertisement that tells the MAC address (RFC 4861, 4.6.1)."""
    return bytes([_TARGET_LINK_LAYER, 1]) + mac


def targets(subject: Subject) -> set[str]:
    """The addresses answered for. The caller sees to it that no port owns one: its owner answers then."""
    own = {dhcp_address(s) for s in subject.subnets if s.ip_version == 6 and s.enable_dhcp}
    return own | {service_link_local(subject.network.id)}

"""Neighbour solicitations (RFC 4861, 7.2) for the addresses that Tunbridge itself answers at.

These are its link-local address in a network, those of its routers, and those where subnets have their DNS. Flows
cannot write an advertisement (IPv4 has flows that answer ARP), and there is no VM that it could be left to.
"""

from ipaddress import IPv6Address

from tunbridge.dataplane.addresses import dhcp_address, service_link_local, service_mac
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
_TARGET_LINK_LAYER = 2


def answer(packet: bytes, subject: Subject) -> bytes | None:
    """The frame that answers a solicitation, None when its target is not Tunbridge's. Raises MalformedError."""
    asked = read_icmp6(packet)
    if (asked.type, asked.code, asked.hop_limit) != (SOLICITATION, 0, ND_HOP_LIMIT) or len(asked.body) < 20:
        raise MalformedError("not a neighbour solicitation")
    target = IPv6Address(asked.body[4:20])
    network = subject.network.id
    owner = next((r.mac for r in subject.routers if str(target) in r.addresses), None)
    if owner is None and str(target) not in targets(subject):
        return None
    mac = mac_bytes(owner or service_mac(network))
    probes = asked.src == UNSPECIFIED  # duplicate address detection: everybody is told that the address is taken
    flags = _OVERRIDE if probes else _OVERRIDE | _SOLICITED
    flags |= _ROUTER if owner is not None or subject.routed else 0
    body = bytes([flags, 0, 0, 0]) + target.packed + link_layer_option(mac)
    eth_dst, dst = (multicast_mac(ALL_NODES), ALL_NODES) if probes else (asked.eth_src, asked.src)
    return Icmp6(eth_dst, mac, target, dst, ADVERTISEMENT, 0, body).encode()


def link_layer_option(mac: bytes) -> bytes:
    """The option of an advertisement that tells the MAC address (RFC 4861, 4.6.1)."""
    return bytes([_TARGET_LINK_LAYER, 1]) + mac


def targets(subject: Subject) -> set[str]:
    """The addresses answered for. The caller sees to it that no port owns one: its owner answers then."""
    own = {dhcp_address(s) for s in subject.subnets if s.ip_version == 6 and s.enable_dhcp}
    return own | {service_link_local(subject.network.id)}

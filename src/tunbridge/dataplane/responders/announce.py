"""Tells a VM which MAC addresses the routers of its network have, unasked: it may know others from before.

An interface that is made anew has the address of the gateway and another MAC address. Gratuitous ARP (RFC 5227, 3) and
unsolicited neighbour advertisements (RFC 4861, 7.2.6) change what the VM's neighbour cache has, and add nothing to it.
"""

from ipaddress import IPv4Address, IPv6Address

from tunbridge.dataplane.responders import arp
from tunbridge.dataplane.responders.frames import ALL_NODES, Icmp6, mac_bytes, multicast_mac
from tunbridge.dataplane.responders.nd import ADVERTISEMENT, link_layer_option
from tunbridge.dataplane.responders.subject import Subject

_ROUTER_OVERRIDE = 0xA0


def frames(subject: Subject) -> list[bytes]:
    """The frames for a port of the network."""
    return [announcement(address, router.mac) for router in subject.routers for address in router.addresses]


def announcement(address: str, mac: str) -> bytes:
    """Tell everybody that an address is a router's, and has this MAC address."""
    if ":" not in address:
        return arp.announcement(IPv4Address(address), mac_bytes(mac))
    return _ipv6(IPv6Address(address), mac_bytes(mac))


def _ipv6(address: IPv6Address, mac: bytes) -> bytes:
    body = bytes([_ROUTER_OVERRIDE, 0, 0, 0]) + address.packed + link_layer_option(mac)
    return Icmp6(multicast_mac(ALL_NODES), mac, address, ALL_NODES, ADVERTISEMENT, 0, body).encode()

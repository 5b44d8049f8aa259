"""Addresses that Tunbridge itself answers for in a subnet: its DHCP server, its DNS, its router advertisements.

A subnet's DHCP server has no port of its own. It has the gateway's address if the subnet has one, so that clients
can renew by unicast and ask it for names. Where no port owns that address, ARP for it is answered with the subnet's
service MAC (flows), and the answers made by the agent come from it (responders): the same on every host.
"""

import ipaddress
from functools import lru_cache
from hashlib import blake2b

from tunbridge.dataplane.view import Subnet

METADATA_ADDRESS = "169.254.169.254"
"""Where the metadata service is; and the DHCP server identifier in a subnet without a gateway, as in Neutron."""

METADATA_ADDRESSES6 = ("fd00:ec2::254", "fe80::a9fe:a9fe")
"""Where the metadata service is by IPv6: EC2's address, and OpenStack's, which is on every link."""

SERVICE_MAC_PREFIX = "fa:16:3f:"
"""Not `fa:16:3e:`, Neutron's default `base_mac`, so that no port of a network has such an address."""


@lru_cache(maxsize=4096)
def service_mac(id: str) -> str:
    """MAC address of what Tunbridge answers for in a subnet (IPv4) or a network (IPv6), by its id.

    The same on every host and after every start.
    """
    return SERVICE_MAC_PREFIX + blake2b(id.encode(), digest_size=3).digest().hex(":")


METADATA_MAC = service_mac("metadata")
"""MAC address of the metadata service, in all networks."""


@lru_cache(maxsize=16)
def host_mac(host: str) -> str:
    """MAC address from which a host's routers send into physical networks: one place for each address there."""
    return SERVICE_MAC_PREFIX + blake2b(b"host " + host.encode(), digest_size=3).digest().hex(":")


@lru_cache(maxsize=4096)
def service_link_local(network_id: str) -> str:
    """IPv6 link-local address of Tunbridge in a network: EUI-64 of `service_mac(network_id)` (RFC 4291, appendix A).

    One for a network and not for each subnet: hosts take the flags of router advertisements from the latest one, so all
    prefixes of a link belong into the advertisement of one router.
    """
    return link_local(service_mac(network_id))


def link_local(mac: str) -> str:
    """The IPv6 link-local address of a MAC address (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]])
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + interface))


def dhcp_address(subnet: Subnet) -> str:
    """Address of a subnet's DHCP server and DNS: the gateway's, else IPv4 metadata's, else the IPv6 link-local one."""
    if subnet.gateway_ip is not None:
        return subnet.gateway_ip
    return METADATA_ADDRESS if subnet.ip_version == 4 else service_link_local(subnet.network_id)

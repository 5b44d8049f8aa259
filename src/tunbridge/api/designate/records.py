"""The recordsets of one port or floating IP, from its name: pure."""

import ipaddress
from collections.abc import Iterable

from msgspec import Struct

from tunbridge.api.designate.config import DesignateConfig
from tunbridge.rules.publication import Name

_BITS = {4: 8, 6: 4}
"""That one label of a reverse name stands for."""


class Wanted(Struct, frozen=True):
    """A recordset that there should be."""

    zone: str
    name: str
    type: str
    records: tuple[str, ...]
    project_id: str | None
    """Whose zone it is in; None: the service user's, a reverse zone."""
    email: str = ""
    """Of a reverse zone, should it have to be made."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.zone, self.name, self.type


def of_name(name: Name, config: DesignateConfig) -> list[Wanted]:
    """Give the recordsets of a name: A, AAAA, and PTR ones if these are wanted."""
    addresses = sorted(map(ipaddress.ip_address, name.addresses), key=lambda ip: (ip.version, int(ip)))
    found = [
        Wanted(name.zone, name.name, kind, records, name.project_id)
        for kind, version in (("A", 4), ("AAAA", 6))
        if (records := tuple(str(ip) for ip in addresses if ip.version == version))
    ]
    if config.allow_reverse_dns_lookup:
        email = config.ptr_zone_email or f"admin@{name.zone.rstrip('.')}"
        found += _reverse(addresses, name.name, email, config)
    return found


def _reverse(
    addresses: Iterable[ipaddress.IPv4Address | ipaddress.IPv6Address], name: str, email: str, config: DesignateConfig
) -> list[Wanted]:
    sizes = {4: config.ipv4_ptr_zone_prefix_size, 6: config.ipv6_ptr_zone_prefix_size}
    found = []
    for ip in addresses:
        pointer = f"{ip.reverse_pointer}."
        left = (ip.max_prefixlen - sizes[ip.version]) // _BITS[ip.version]
        found.append(Wanted(pointer.split(".", left)[left], pointer, "PTR", (name,), None, email))
    return found

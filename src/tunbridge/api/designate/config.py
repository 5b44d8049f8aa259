"""How the server is told about Designate: the settings under `designate`. Names and defaults are Neutron's."""

from typing import Annotated, Literal

from msgspec import Meta

from tunbridge.api.keystone_service import ServiceConfig


class DesignateConfig(ServiceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Designate that names are published in."""

    allow_reverse_dns_lookup: bool = True
    """Publish PTR records, in zones of the service user's project."""
    ipv4_ptr_zone_prefix_size: Literal[8, 16, 24] = 24
    """Bits of the network that a reverse zone of IPv4 is for."""
    ipv6_ptr_zone_prefix_size: Annotated[int, Meta(ge=4, le=124, multiple_of=4)] = 120
    ptr_zone_email: str = ""
    """Of reverse zones that are made; "": admin@ the zone of the first name."""

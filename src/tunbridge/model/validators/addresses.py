"""Checks of addresses: IP, subnets, MAC, and lists of them, as subnets and ports have. The reasons are Neutron's."""

import ipaddress
import re
from typing import Any

from tunbridge.model.validators.base import Check, Schema, or_none
from tunbridge.model.validators.containers import list_of, refuse_keys
from tunbridge.model.validators.plain import UUID_SCHEMA, is_uuid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
IP_SCHEMA: Schema = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
CIDR_SCHEMA: Schema = {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"}
ROUTE_SCHEMA: Schema = {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+/[0-9A-Fa-f:.]+$"}
_V4_BITS, _V6_BITS = 32, 128
_SPACE = re.compile(r"\s")


def address(value: Any) -> Address | None:
    """Give the address that a string is; None for another value, one with white space or a zone index."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def _without_zeros(value: str) -> Address | None:
    """Give the IPv4 address that octets with leading zeros could mean."""
    try:
        return address(".".join(str(int(octet)) for octet in value.split(".")))
    except ValueError:
        return None


def refuse_ip(value: Any) -> str | None:
    """Refuse what is no IP address, and an IPv4 one whose octets could be read as octal."""
    if address(value) is not None:
        return None
    if isinstance(value, str) and not _SPACE.search(value) and value.count(".") == 3:
        meant = _without_zeros(value)
        if meant is not None:
            return f"'{value}' is not an accepted IP address, '{meant}' is recommended"
    return f"'{value}' is not a valid IP address"


ip_address = Check("type:ip_address", refuse_ip, IP_SCHEMA)
ip_address_or_none = or_none("type:ip_address_or_none", ip_address)


def network_parts(value: Any) -> tuple[Address, int] | None:
    """Give the address and the prefix length of `address/length` or `address/netmask`; None for another value."""
    if not isinstance(value, str):
        return None
    text, slash, length = value.partition("/")
    found = address(text)
    if found is None:
        return None
    bits = _V4_BITS if found.version == 4 else _V6_BITS
    if not slash:
        return found, bits
    number = _prefix_length(length, bits)
    return None if number is None else (found, number)


def _prefix_length(text: str, bits: int) -> int | None:
    """Give a prefix length from its digits, a netmask or a host mask."""
    if text.isascii() and text.isdigit():
        length = int(text[:6])
        return length if length <= bits and len(text) <= 6 else None
    mask = address(text)
    if mask is None or mask.max_prefixlen != bits:
        return None
    full = (1 << bits) - 1
    for number in (int(mask), full ^ int(mask)):
        inverse = full ^ number
        if inverse & (inverse + 1) == 0:
            return bits - inverse.bit_length()
    return None


def _plain_length(value: str, parts: tuple[Address, int]) -> bool:
    """Say whether an IPv4 prefix is in its only spelling, and the length of an IPv6 one in digits."""
    if parts[0].version == 4:
        return f"{parts[0]}/{parts[1]}" == value
    return value.endswith(f"/{parts[1]}")


def refuse_subnet(value: Any) -> str | None:
    """Refuse what is no `address/length`."""
    parts = network_parts(value)
    if parts is None or "/" not in value or not _plain_length(value, parts):
        return f"'{value}' is not a valid IP subnet"
    return None


subnet = Check("type:subnet", refuse_subnet, CIDR_SCHEMA)
subnet_or_none = or_none("type:subnet_or_none", subnet)
subnet_list = list_of("type:subnet_list", subnet)


def refuse_route(value: Any) -> str | None:
    """Refuse what is no network's own address with its length, or a loopback one."""
    parts = network_parts(value)
    if parts is None or "/" not in value or (parts[0].version == 6 and not _plain_length(value, parts)):
        return f"'{value}' is not a valid CIDR"
    network = ipaddress.ip_network(f"{parts[0]}/{parts[1]}", strict=False)
    if network.network_address != parts[0]:
        return f"'{value}' is not a valid CIDR"
    if network.network_address.is_loopback and network.broadcast_address.is_loopback:
        return f"'{value}' is not a routable CIDR"
    return None


_MAC = "|".join(
    (
        "[0-9A-F]{1,2}(?::[0-9A-F]{1,2}){5}",
        "[0-9A-F]{1,2}(?:-[0-9A-F]{1,2}){5}",
        "[0-9A-F]{1,4}(?::[0-9A-F]{1,4}){2}",
        "[0-9A-F]{1,4}(?:-[0-9A-F]{1,4}){2}",
        r"[0-9A-F]{1,4}(?:\.[0-9A-F]{1,4}){2}",
        "[0-9A-F]{5,6}[-:][0-9A-F]{5,6}",
        "[0-9A-F]{11,12}",
    )
)
_IS_MAC = re.compile(_MAC, re.IGNORECASE)
MAC_SCHEMA: Schema = {"type": "string", "pattern": "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"}


def mac_number(value: Any) -> int | None:
    """Give a MAC address as a number from any of its usual spellings (Unix, Windows, Cisco, PostgreSQL, bare)."""
    if not isinstance(value, str) or not _IS_MAC.fullmatch(value):
        return None
    words = re.split("[-:.]", value)
    digits = 12 // len(words)
    return int("".join(word.rjust(digits, "0") for word in words), 16)


def refuse_mac(value: Any) -> str | None:
    """Refuse what is no MAC address, the one of all zeros and the broadcast one."""
    return f"'{value}' is not a valid MAC address" if mac_number(value) in (None, 0, 2**48 - 1) else None


mac_address = Check("type:mac_address", refuse_mac, MAC_SCHEMA)
mac_address_or_none = or_none("type:mac_address_or_none", mac_address)


def _refuse_ip_pools(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"Invalid data format for IP pool: '{value}'"
    for pool in value:
        reason = refuse_keys(("start", "end"), pool)
        for key in ("start", "end"):
            reason = reason or refuse_ip(pool[key])
        if reason:
            return reason
    return None


ip_pools = Check(
    "type:ip_pools",
    _refuse_ip_pools,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"start": IP_SCHEMA, "end": IP_SCHEMA},
            "required": ["start", "end"],
            "additionalProperties": False,
        },
    },
)


def _refuse_fixed_ips(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"Invalid data format for fixed IP: '{value}'"
    seen: set[str] = set()
    for fixed in value:
        if not isinstance(fixed, dict):
            return f"Invalid data format for fixed IP: '{fixed}'"
        if "ip_address" in fixed:
            reason = refuse_ip(fixed["ip_address"])
            if reason:
                return reason
            if fixed["ip_address"] in seen:
                return f"Duplicate IP address '{fixed['ip_address']}'"
            seen.add(fixed["ip_address"])
        if "subnet_id" in fixed and not is_uuid(fixed["subnet_id"]):
            return f"'{fixed['subnet_id']}' is not a valid UUID"
    return None


fixed_ips = Check(
    "type:fixed_ips",
    _refuse_fixed_ips,
    {
        "type": "array",
        "items": {"type": "object", "properties": {"ip_address": IP_SCHEMA, "subnet_id": UUID_SCHEMA}},
    },
)


def _refuse_nameservers(value: Any) -> str | None:
    if not hasattr(value, "__iter__"):
        return f"Invalid data format for nameserver: '{value}'"
    seen: set[str] = set()
    for server in value:
        reason = refuse_ip(server)
        if reason:
            return f"'{server}' is not a valid nameserver. {reason}"
        if server in seen:
            return f"Duplicate nameserver '{server}'"
        seen.add(server)
    if not isinstance(value, list):
        return f"Invalid data format for nameserver: '{value}'"
    return None


nameservers = Check("type:nameservers", _refuse_nameservers, {"type": "array", "items": IP_SCHEMA, "uniqueItems": True})


def _refuse_host_routes(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"Invalid data format for hostroute: '{value}'"
    seen: set[tuple[str, str]] = set()
    for route in value:
        reason = refuse_keys(("destination", "nexthop"), route)
        reason = reason or refuse_route(route["destination"]) or refuse_ip(route["nexthop"])
        if reason:
            return reason
        both = (route["destination"], route["nexthop"])
        if both in seen:
            return f"Duplicate hostroute '{route}'"
        seen.add(both)
    return None


host_routes = Check(
    "type:hostroutes",
    _refuse_host_routes,
    {
        "type": "array",
        "uniqueItems": True,
        "items": {
            "type": "object",
            "properties": {"destination": ROUTE_SCHEMA, "nexthop": IP_SCHEMA},
            "required": ["destination", "nexthop"],
            "additionalProperties": False,
        },
    },
)

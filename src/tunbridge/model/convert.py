"""Conversions: what is kept of a value that a client sent. Applied before the check, as in Neutron."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec

from tunbridge.model.validators.addresses import Address, address, mac_number, network_parts
from tunbridge.model.validators.base import NULL, InvalidError, Schema, invalid_input
from tunbridge.model.validators.plain import FALSE, TRUE, as_boolean, as_integer


class Convert(msgspec.Struct, frozen=True):
    """A named conversion. Raises InvalidError for what cannot be converted."""

    name: str
    """Neutron's name of it: `convert_to_boolean`."""
    change: Callable[[Any], Any]
    gives: Schema = {}
    """JSON Schema of its results, where they are of one kind."""
    takes: tuple[Schema, ...] = ()
    """JSON Schemas of what it takes besides."""

    def __call__(self, value: Any) -> Any:
        """Convert a value."""
        return self.change(value)


_WORDS = "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in (*TRUE, *FALSE))


def _to_boolean(value: Any) -> bool:
    found = as_boolean(value)
    if found is None:
        raise invalid_input(f"'{value}' cannot be converted to boolean")
    return found


to_boolean = Convert(
    "convert_to_boolean",
    _to_boolean,
    {"type": "boolean"},
    ({"type": "integer", "enum": [0, 1]}, {"type": "string", "pattern": f"^({_WORDS})$"}),
)
to_boolean_if_not_none = Convert(
    "convert_to_boolean_if_not_none",
    lambda value: None if value is None else _to_boolean(value),
    {"type": ["boolean", "null"]},
    to_boolean.takes,
)


def _to_gateway(value: Any) -> Any:
    """Nothing in any form is null; `enable_snat` becomes a boolean where it can, else the check refuses it."""
    snat = as_boolean(value["enable_snat"]) if isinstance(value, dict) and "enable_snat" in value else None
    return (value if snat is None else {**value, "enable_snat": snat}) or None


to_gateway = Convert("", _to_gateway)
"""Ours: Neutron's check makes `enable_snat` a boolean by the way."""


def _to_int(value: Any) -> int:
    number = as_integer(value)
    if number is None:
        raise invalid_input(f"'{value}' is not an integer")
    return number


to_int = Convert("convert_to_int", _to_int, {"type": "integer"}, ({"type": "string", "pattern": "^-?[0-9]{1,10}$"},))
to_int_if_not_none = Convert(
    "convert_to_int_if_not_none",
    lambda value: None if value is None else _to_int(value),
    {"type": ["integer", "null"]},
    to_int.takes,
)


def _none_to(empty: Callable[[], Any]) -> Callable[[Any], Any]:
    return lambda value: empty() if value is None else value


none_to_empty_list = Convert("convert_none_to_empty_list", _none_to(list), takes=(NULL,))
none_to_empty_dict = Convert("convert_none_to_empty_dict", _none_to(dict), takes=(NULL,))


def canonical_ip(value: Any) -> Any:
    """Give an IPv6 address in its shortest spelling, anything else as it is."""
    found = address(value)
    return value if found is None or found.version == 4 else compact(found)


def compact(found: Address) -> str:
    """Give an address in its usual spelling: an IPv4 one inside an IPv6 one with dots, as inet_ntop does (RFC 5952)."""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    high, low = divmod(int(found), 1 << 32)
    if high == 0xFFFF or (high == 0 and low >> 16):
        return ("::ffff:" if high else "::") + str(ipaddress.IPv4Address(low))
    return str(found)


to_canonical_ip = Convert("convert_ip_to_canonical_format", canonical_ip)


def _trimmed(value: Any) -> Any:
    """Give text without white space at its end, which Neutron does not see in a CIDR either."""
    return value.rstrip() if isinstance(value, str) else value


def _to_canonical_cidr(value: Any) -> str:
    parts = network_parts(_trimmed(value))
    if parts is None:
        raise invalid_input(f"{value} is not in a CIDR format")
    return f"{compact(parts[0])}/{parts[1]}"


to_canonical_cidr = Convert("convert_cidr_to_canonical_format", _to_canonical_cidr)


def _to_canonical_pools(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(pool, dict) for pool in value):
        raise invalid_input("Invalid data format for allocation pools")
    return [{key: canonical_ip(ip) for key, ip in pool.items()} for pool in value]


to_canonical_pools = Convert("convert_allocation_pools_to_canonical_format", _to_canonical_pools, takes=(NULL,))


def _to_lower(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_input(f"Input value {value} must be string type")
    return value.lower()


to_lower = Convert("convert_string_to_case_insensitive", _to_lower)
to_string = Convert("convert_to_string", lambda value: None if value is None else str(value))


def canonical_mac(value: Any) -> Any:
    """Give a MAC address as `fa:16:3e:01:02:03`, anything else as it is."""
    number = mac_number(value)
    return value if number is None else number.to_bytes(6, "big").hex(":")


to_mac = Convert("convert_to_sanitized_mac_address", canonical_mac)


def _to_dhcp_opts(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [_with_number(option) for option in value]


def _with_number(option: Any) -> Any:
    """Give a DHCP option with its IP version as a number; what cannot be one is left for the check."""
    number = as_integer(option["ip_version"]) if isinstance(option, dict) and "ip_version" in option else None
    return option if number is None else {**option, "ip_version": number}


to_dhcp_opts = Convert("", _to_dhcp_opts)
"""What Neutron's check of DHCP options does by the way."""

_PAIR = re.compile(r"\s*([^=]*[^=\s])\s*=\s*(.*?)\s*", re.DOTALL)


def key_values(items: list[str]) -> dict[str, list[str]]:
    """Give the dictionary of a query's `key=value` strings: `fixed_ips=ip_address=10.0.0.1`. Raises InvalidError."""
    if items == ["True"]:
        return {}
    found: dict[str, list[str]] = {}
    for item in items:
        match = _PAIR.fullmatch(item)
        if match is None:
            raise invalid_input(f"'{item}' is not of the form <key>=[value]")
        values = found.setdefault(match[1], [])
        if match[2] not in values:
            values.append(match[2])
    return found


# Security group rules

PROTOCOLS = (
    *("ah", "dccp", "egp", "esp", "gre", "hopopt", "icmp", "igmp", "ip", "ipip", "ipv6-encap", "ipv6-frag"),
    *("ipv6-icmp", "icmpv6", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "sctp", "tcp", "udp"),
    *("udplite", "vrrp"),
)
"""Names of IP protocols that a rule may have, in the order of Neutron's message."""
ANY_PROTOCOL = (None, "any")
"""What stands for all protocols."""


def _to_protocol(value: Any) -> str | None:
    if (value.lower() if isinstance(value, str) else value) in ANY_PROTOCOL:
        return None
    number = None if isinstance(value, bool | float) else as_integer(value)
    if number is not None and 0 <= number <= 255:
        return str(number)
    if number is None and isinstance(value, str) and value.lower() in PROTOCOLS:
        return value.lower()
    raise InvalidError(
        f"Security group rule protocol {value} not supported. Only protocol values "
        f"{(*ANY_PROTOCOL, *PROTOCOLS)} and integer representations [0 to 255] are supported.",
        "SecurityGroupRuleInvalidProtocol",
    )


to_protocol = Convert("convert_protocol", _to_protocol)

IP_PROTOCOLS = ("dccp", "icmp", "ipv6-icmp", "sctp", "tcp", "udp")
"""Names that port forwardings have for protocols."""


def _to_ip_protocol(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid_input(f"Input value {value} must be string type")
    if value.lower() in IP_PROTOCOLS:
        return value
    number = as_integer(value)
    if number is not None and 0 <= number <= 255:
        return value
    raise InvalidError(
        f"Invalid input for operation: IP protocol '{value}' is not supported. Only protocol names and their integer"
        " representation (0 to 255) are supported.",
        "InvalidInput",
    )


to_ip_protocol = Convert("convert_to_protocol", _to_ip_protocol)

ETHERTYPES = ["IPv4", "IPv6"]


def _to_ethertype(value: Any) -> str:
    for ethertype in ETHERTYPES:
        if isinstance(value, str) and ethertype.lower() == value.lower():
            return ethertype
    raise InvalidError(
        f"Security group rule for ethertype '{value}' not supported. Allowed values are {ETHERTYPES}.",
        "SecurityGroupRuleInvalidEtherType",
    )


to_ethertype = Convert("convert_ethertype_to_case_insensitive", _to_ethertype)


def _to_port_number(value: Any) -> int | None:
    if value is None:
        return None
    number = as_integer(value)
    if number is None or not 0 <= number <= 65535:
        raise InvalidError(f"Invalid value for port {value}", "SecurityGroupInvalidPortValue")
    return number


to_port_number = Convert("convert_validate_port_value", _to_port_number)


def _to_prefix(value: Any) -> str | None:
    if not value:
        return None
    parts = network_parts(_trimmed(value))
    if parts is None:
        raise InvalidError(f"Invalid CIDR {value} given as IP prefix.", "InvalidCIDR")
    return f"{compact(parts[0])}/{parts[1]}"


to_prefix = Convert("convert_ip_prefix_to_cidr", _to_prefix)

# RBAC policies

SHAREABLE = ("address_group", "address_scope", "network", "qos_policy", "security_group", "subnetpool")
"""What RBAC policies can be about."""


def _to_object_type(value: Any) -> str:
    kind = value.strip().lower() if isinstance(value, str) else None
    if kind not in SHAREABLE:
        raise invalid_input(f"'{value}' is not a valid RBAC object type")
    return kind


to_object_type = Convert("convert_valid_object_type", _to_object_type)

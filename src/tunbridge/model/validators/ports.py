"""Checks of what only ports and subnets have: address pairs, DHCP options, service types. The reasons are Neutron's."""

import ipaddress
from typing import Any

from tunbridge.model.validators.addresses import (
    CIDR_SCHEMA,
    IP_SCHEMA,
    mac_number,
    network_parts,
    refuse_ip,
    refuse_mac,
    refuse_subnet,
)
from tunbridge.model.validators.base import Check, InvalidError, invalid_input
from tunbridge.model.validators.containers import Key, dict_or_none, dictionary, list_of_any_or_none
from tunbridge.model.validators.plain import (
    UUID_SCHEMA,
    is_uuid,
    oneline_not_empty_string,
    oneline_not_empty_string_or_none,
    string_or_none,
    values,
)

_PAIR_KEYS = ("mac_address", "ip_address")
_MULTICAST = {4: ipaddress.ip_network("224.0.0.0/4"), 6: ipaddress.ip_network("ff00::/8")}


def _bad_request(reason: str) -> InvalidError:
    return InvalidError(reason, "HTTPBadRequest")


def _refuse_address_pairs(value: Any) -> str | None:
    if not isinstance(value, list):
        raise _bad_request("Allowed address pairs must be a list.")
    seen: set[tuple[Any, Any]] = set()
    for pair in value:
        if not isinstance(pair, dict):
            return f"'{pair}' is not a dictionary"
        reason = refuse_mac(pair["mac_address"]) if "mac_address" in pair else None
        if reason:
            raise _bad_request(reason)
        if "ip_address" not in pair:
            raise InvalidError("AllowedAddressPair must contain ip_address", "AllowedAddressPairsMissingIP")
        _refuse_pair(pair, seen)
    return None


def _refuse_pair(pair: dict[str, Any], seen: set[tuple[Any, Any]]) -> None:
    """Refuse a pair that was there before, one with other keys, and addresses that are none or multicast."""
    mac, ip = pair.get("mac_address"), pair["ip_address"]
    key = (mac, ip if isinstance(ip, str) else repr(ip))
    if key in seen:
        message = f"Request contains duplicate address pair: mac_address {mac} ip_address {ip}."
        raise InvalidError(message, "DuplicateAddressPairInRequest")
    seen.add(key)
    others = [name for name in pair if name not in _PAIR_KEYS]
    if others:
        raise _bad_request("Unrecognized attribute(s) '{}'".format(", ".join(others)))
    is_subnet = isinstance(ip, str) and "/" in ip
    reason = refuse_subnet(ip) if is_subnet else refuse_ip(ip)
    reason = reason or _refuse_multicast(ip) or _refuse_multicast_mac(mac)
    if reason:
        raise _bad_request(reason)


def _refuse_multicast(text: str) -> str | None:
    parts = network_parts(text)
    assert parts is not None  # checked before
    group = _MULTICAST[parts[0].version]
    if "/" not in text:
        return f"IP {text} is a multicast address, which is not supported." if parts[0] in group else None
    if text == "0.0.0.0/0":
        return None
    net = ipaddress.ip_network(f"{parts[0]}/{parts[1]}", strict=False)
    shorter = min(net.prefixlen, group.prefixlen)
    # Networks are alike in the bits of the shorter prefix: Neutron compares the given address with the group's.
    same = ipaddress.ip_interface(f"{parts[0]}/{shorter}").network.network_address
    if same == ipaddress.ip_interface(f"{group.network_address}/{shorter}").network.network_address:
        return f"Subnet {parts[0]}/{parts[1]} overlaps with multicast range {group}, which is not supported."
    return None


def _refuse_multicast_mac(mac: Any) -> str | None:
    number = mac_number(mac)
    if number is not None and number >> 40 & 1:
        return f"MAC address {mac} is a multicast address, which is not supported."
    return None


allowed_address_pairs = Check(
    "type:allowed_address_pairs",
    _refuse_address_pairs,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "mac_address": {"type": "string"},  # in any spelling; rules keep it in one
                "ip_address": {"anyOf": [*IP_SCHEMA["anyOf"], CIDR_SCHEMA]},
            },
            "required": ["ip_address"],
            "additionalProperties": False,
        },
    },
)

_IP_VERSION = Key(values([4, 6]), to_integer=True)
extra_dhcp_opts = list_of_any_or_none(
    (
        {
            "opt_name": Key(values(("router", "classless-static-route")), required=True),
            "opt_value": Key(string_or_none(255), required=True),
            "ip_version": _IP_VERSION,
        },
        {
            "opt_name": Key(oneline_not_empty_string(64), required=True),
            "opt_value": Key(oneline_not_empty_string_or_none(255), required=True),
            "ip_version": _IP_VERSION,
        },
    )
)

_OTHER_CONFIG = dictionary({"tx-steering": Key(values(("thread", "hash")))})
hints = dict_or_none({"openvswitch": Key(dictionary({"other_config": Key(_OTHER_CONFIG)}))})
"""What a backend may do better if it knows: the only hint that Neutron takes is Open vSwitch's transmit steering."""

_OWNER_PREFIXES = ("network:", "neutron:", *"compute:")
"""As Neutron has them: it adds the letters of `compute:` one by one, so that any owner beginning with one will do."""


def _refuse_service_types(value: Any) -> str | None:
    if not value:
        return None
    if not isinstance(value, list):
        raise _bad_request("Subnet service types must be a list.")
    for owner in value:
        if not isinstance(owner, str):
            raise InvalidError(f"Subnet service type {owner} is not a string.", "InvalidInputSubnetServiceType")
        if not owner.startswith(_OWNER_PREFIXES):
            raise InvalidError(
                f"Subnet service type {owner} does not correspond to a valid device owner.", "InvalidSubnetServiceType"
            )
    return None


service_types = Check(
    "type:list_of_subnet_service_types", _refuse_service_types, {"type": "array", "items": {"type": "string"}}
)


def _refuse_target_project(value: Any) -> str | None:
    if value != "*" and not is_uuid(value):
        raise invalid_input(f"'{value}' is not a valid target project ID; expected a UUID or '*'")
    return None


target_project = Check("type:valid_target_project", _refuse_target_project, {"anyOf": [{"const": "*"}, UUID_SCHEMA]})
"""Whom an RBAC policy is for: one project, or all."""


def _refuse_sub_ports(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"Invalid data format for subports: '{value}' is not a list"
    ids: set[Any] = set()
    taken: set[tuple[Any, Any]] = set()
    for one in value:
        if not isinstance(one, dict):
            return f"Invalid data format for subport: '{one}' is not a dict"
        reason = _refuse_sub_port(one, ids, taken)
        if reason is not None:
            return reason
    return None


def _refuse_sub_port(one: dict[str, Any], ids: set[Any], taken: set[tuple[Any, Any]]) -> str | None:
    """Refuse one that names no port, or that has a port or a VLAN which one before it has."""
    if "port_id" not in one:
        return "A valid port UUID must be specified"
    id = one["port_id"]
    if not is_uuid(id):
        return f"Invalid UUID for subport: '{id}'"
    if id in ids:
        return f"Non unique UUID for subport: '{id}'"
    ids.add(id)
    kind, number = one.get("segmentation_type"), one.get("segmentation_id")
    if kind == INHERIT:
        return None
    if (not kind or number is None) and len(one) > 1:
        return (
            f"Invalid subport details '{one}': missing segmentation information. Must specify both segmentation_id and"
            " segmentation_type"
        )
    key = (repr(kind), repr(number))
    if number is not None and key in taken:
        return f"Segmentation ID '{number}' for '{id}' is not unique"
    taken.add(key)
    return None


INHERIT = "inherit"
"""The `segmentation_type` of a sub-port that has the VLAN of its own network."""
sub_ports = Check(
    "type:subports",
    _refuse_sub_ports,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "port_id": UUID_SCHEMA,
                "segmentation_type": {"type": "string"},
                "segmentation_id": {"type": ["integer", "string"]},
            },
            "required": ["port_id"],
        },
    },
)
"""The sub-ports of a trunk, as a request names them."""

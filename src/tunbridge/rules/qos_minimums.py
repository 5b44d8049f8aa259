"""Minimum bandwidth and packet rate of QoS policies: what they exclude, and what a port asks of Placement for them.

Nova asks Placement for a host with what `resource_request` of a port says, and writes into `binding:profile` of the
port which resource provider gives it (`allocation`: request group -> provider). So what is asked for may not change
while a server has the port.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

import msgspec

from tunbridge.model.resources.qos import ANY_DIRECTION, MINIMUM_BANDWIDTH_RULE, MINIMUM_PACKET_RATE_RULE, MINIMUMS
from tunbridge.rules import bindings
from tunbridge.rules.errors import Conflict, NotImplementedHere
from tunbridge.rules.request import Reader, Row, Txn, Values

SERVER_PORT = "compute:"
"""How owners of ports begin that Nova's servers have."""
TUNNELLED = "CUSTOM_NETWORK_TUNNEL_PROVIDER"
"""Trait of a provider of bandwidth in tunnels, as in Neutron."""
BANDWIDTHS = {"egress": "NET_BW_EGR_KILOBIT_PER_SEC", "ingress": "NET_BW_IGR_KILOBIT_PER_SEC"}
PACKET_RATES = {
    "egress": "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "ingress": "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
    ANY_DIRECTION: "NET_PACKET_RATE_KILOPACKET_PER_SEC",
}
"""Direction -> Placement's class of resources (os-resource-classes)."""
_LIMITS = {"minimum_bandwidth": ("min_kbps", "max_kbps"), "bandwidth_limit": ("max_kbps", "min_kbps")}
"""Kind of rule -> its value, and the one of the other kind, that a minimum may not exceed."""
_OPPOSITE = {"minimum_bandwidth": "bandwidth_limit", "bandwidth_limit": "minimum_bandwidth"}
KINDS = ("minimum_bandwidth", "minimum_packet_rate")


def check_fits(policy: Row, kind: str, wanted: Values, others: Iterable[tuple[str, Row]]) -> None:
    """Refuse a rule that another of its policy rules out. `others`: the policy's other rules, each with its kind.

    A minimum is at most the limit of its direction; packet rates are of both directions together, or of each alone.
    Raises Neutron's QoSRuleParameterConflict.
    """
    for other_kind, other in others:
        if other_kind == _OPPOSITE.get(kind) and other.direction == wanted["direction"]:
            mine, its = _LIMITS[kind]
            value, found = wanted[mine], getattr(other, its)
            if (value > found) if kind == "minimum_bandwidth" else (value < found):
                raise _excluded(policy, value, other_kind, found)
        elif kind == other_kind == "minimum_packet_rate":
            direction, there = wanted["direction"], other.direction
            if (direction == ANY_DIRECTION) != (there == ANY_DIRECTION):
                raise _excluded(policy, direction, other_kind, there)


def _excluded(policy: Row, value: object, kind: str, found: object) -> Conflict:
    message = (
        f"Unable to add the rule with value {value} to the policy {policy.id} as the existing rule of type {kind} has"
        f" value {found}."
    )
    return Conflict("QoSRuleParameterConflict", message)


def check_unused(txn: Txn, policy: str) -> None:
    """Refuse to change a minimum of a policy that a server's port has: nobody would tell Placement. Raises 501."""
    ports = list(txn.find("Port", "qos_policy_id", policy))
    for network in txn.find("Network", "qos_policy_id", policy):
        ports += [port for port in txn.find("Port", "network_id", network.id) if port.qos_policy_id is None]
    if any(port.device_owner.startswith(SERVER_PORT) for port in ports):
        raise NotImplementedHere(
            "NotImplementedError", "Cannot update QoS policies/rules backed by resources tracked in Placement"
        )


def check_allocated(txn: Txn, ports: Iterable[Row], before: str | None, after: str | None) -> None:
    """Refuse another policy for ports with an allocation in Placement, if it asks for something else. Raises 501.

    Neutron changes the allocation, too.
    """
    if before == after or _rules(txn, before) == _rules(txn, after):
        return
    for port in ports:
        bound = bindings.active(txn, port)
        profile = None if bound is None else msgspec.json.decode(bound.profile or "{}")
        if port.device_owner.startswith(SERVER_PORT) and profile and profile.get("allocation"):
            message = f"The allocation in Placement of port {port.id} cannot be changed: unplug it first"
            raise NotImplementedHere("NotImplementedError", message)


def _rules(reader: Reader, policy: str | None) -> set[str]:
    """The ids of a policy's minimums."""
    found = () if policy is None else (reader.find(rule.table, "qos_policy_id", policy) for rule in MINIMUMS)
    return {row.id for rows in found for row in rows}


def resource_request(reader: Reader, port: Row, network: Row | None, vnic_type: str) -> Values | None:
    """Give what Nova is to ask Placement for on behalf of a port; None: nothing."""
    policy = port.qos_policy_id or (None if network is None else network.qos_policy_id)
    if policy is None or network is None:
        return None
    vnic = trait(f"VNIC_TYPE_{vnic_type}")
    groups = [
        {"id": group_id(port.id, [row.id for row in rows]), "required": traits, "resources": resources}
        for rows, resources, traits in (
            _asked(
                reader, policy, MINIMUM_BANDWIDTH_RULE.table, "min_kbps", BANDWIDTHS, [network_trait(network), vnic]
            ),
            _asked(reader, policy, MINIMUM_PACKET_RATE_RULE.table, "min_kpps", PACKET_RATES, [vnic]),
        )
        if rows
    ]
    return {"request_groups": groups, "same_subtree": [group["id"] for group in groups]} if groups else None


def _asked(
    reader: Reader, policy: str, table: str, value: str, classes: dict[str, str], traits: list[str]
) -> tuple[Sequence[Row], dict[str, Any], list[str]]:
    rows = sorted(reader.find(table, "qos_policy_id", policy), key=lambda row: row.id)
    return rows, {classes[row.direction]: getattr(row, value) for row in rows}, traits


def group_id(port: str, rules: Sequence[str]) -> str:
    """The id of a request group of a port: Neutron's, so that either can read the other's allocations."""
    return str(uuid5(UUID(port), ":".join(rules)))


def network_trait(network: Row) -> str:
    """The trait of a provider that has bandwidth for a network."""
    name = network.provider_physical_network
    return physical_network_trait(name) if name else TUNNELLED


def physical_network_trait(name: str) -> str:
    """The trait of a provider that is connected to a physical network."""
    return trait(f"PHYSNET_{name}")


def trait(name: str) -> str:
    """A custom trait of Placement (os_traits.normalize_name): capitals, digits and underscores."""
    return f"CUSTOM_{re.sub('[^0-9A-Za-z]+', '_', name).upper()}"

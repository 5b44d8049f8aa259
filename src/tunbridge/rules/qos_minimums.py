"""Minimum bandwidth and packet rate of QoS policies: what they exclude, and what a port asks of Placement for them.

Nova asks Placement for a host with what `resource_request` of a port says, and writes into `binding:profile` of the
port which resource provider gives it (`allocation`: request group -> provider). What is asked for changes only
together with that: allocations.py.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

from tunbridge.model.resources.qos import ANY_DIRECTION, MINIMUM_BANDWIDTH_RULE, MINIMUM_PACKET_RATE_RULE
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
_COUNTED = {
    "minimum_bandwidth": (MINIMUM_BANDWIDTH_RULE.table, "min_kbps", BANDWIDTHS),
    "minimum_packet_rate": (MINIMUM_PACKET_RATE_RULE.table, "min_kpps", PACKET_RATES),
}
KINDS = tuple(_COUNTED)


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


def minimums(reader: Reader, policy: str | None) -> dict[str, dict[str, tuple[str, int]]]:
    """Give a policy's minimums by kind: id of the rule -> Placement's class of resources, and how much of it."""
    found: dict[str, dict[str, tuple[str, int]]] = {kind: {} for kind in KINDS}
    for kind, (table, value, classes) in _COUNTED.items() if policy is not None else ():
        for row in reader.find(table, "qos_policy_id", policy):
            found[kind][row.id] = (classes[row.direction], getattr(row, value))
    return found


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

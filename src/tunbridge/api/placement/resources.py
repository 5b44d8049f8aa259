"""What an agent says of its host's resources, as resource providers of Placement: pure.

    compute0                                    Nova's, of the compute host
      compute0:Open vSwitch agent               packets per second; traits of VNIC types
        compute0:Open vSwitch agent:br-eth1     kbit/s; traits of its physical network and of VNIC types

Names, UUIDs and traits are Neutron's (`PlacementState`), so that a cloud that comes from there keeps its allocations.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct

from tunbridge.rules import hosts, qos_minimums
from tunbridge.rules.request import Row

NAMESPACE = UUID("87ee7d5c-73bb-11e8-9008-c4d987b2a692")
"""Of the Open vSwitch mechanism driver."""
TUNNELS = "rp_tunnelled"
VNIC_TYPES = ("normal",)
"""What Open vSwitch carries here."""
BANDWIDTHS = "resource_provider_bandwidths"
_RATES = tuple(f"resource_provider_packet_processing_{way}_direction" for way in ("without", "with"))

Inventories = dict[str, dict[str, Any]]
"""Class of resources -> what there is of it."""


class Provider(Struct, frozen=True):
    """One resource provider below that of a compute host, whose name is `root`. `parent` None: the root itself."""

    root: str
    name: str
    uuid: str
    parent: str | None
    traits: frozenset[str]
    inventories: Inventories


def is_told(agent: Row) -> bool:
    """Whether an agent says anything that Placement is to know."""
    told = hosts.configurations(agent)
    return any(told.get(key) for key in (BANDWIDTHS, *_RATES))


def providers(agent: Row) -> list[Provider]:
    """Give the providers of an agent's host, parents first. What makes no sense is left out: hosts write it."""
    told = hosts.configurations(agent)
    bandwidths, rates = _table(told, BANDWIDTHS), {**_table(told, _RATES[1]), **_table(told, _RATES[0])}
    roots = {device: _root(told, agent, device) for device in bandwidths}
    vnics = frozenset(qos_minimums.trait(f"VNIC_TYPE_{kind}") for kind in VNIC_TYPES)
    found = []
    for root in sorted({*roots.values(), *rates}):
        inventories = _inventories(
            rates.get(root), qos_minimums.PACKET_RATES, told, "packet_processing_inventory_defaults"
        )
        name = f"{root}:{agent.agent_type}"
        found.append(Provider(root, name, _uuid(root), None, vnics, inventories))
    networks = {bridge: name for name, bridge in _table(told, "bridge_mappings").items() if isinstance(bridge, str)}
    for device, root in sorted(roots.items()):
        traits = {qos_minimums.physical_network_trait(networks[device])} if device in networks else set()
        traits |= {qos_minimums.TUNNELLED} if device == TUNNELS else set()
        inventories = _inventories(bandwidths[device], qos_minimums.BANDWIDTHS, told, "inventory_defaults")
        name = f"{root}:{agent.agent_type}:{device}"
        found.append(Provider(root, name, _uuid(f"{root}:{device}"), _uuid(root), vnics | traits, inventories))
    return found


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE, name))


def _table(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = told.get(key)
    return found if isinstance(found, dict) else {}


def _root(told: Mapping[str, Any], agent: Row, device: str) -> str:
    named = _table(told, "resource_provider_hypervisors").get(device)
    return named if isinstance(named, str) and named else str(agent.host)


def _inventories(rates: Any, classes: Mapping[str, str], told: Mapping[str, Any], defaults: str) -> Inventories:
    """Inventories of classes by direction. `rates`: direction -> total."""
    rates = rates if isinstance(rates, dict) else {}
    more = _table(told, f"resource_provider_{defaults}")
    return {
        name: {**more, "total": total}
        for direction, name in classes.items()
        if isinstance(total := rates.get(direction), int) and total > 0
    }

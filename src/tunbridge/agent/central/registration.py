"""What a host says of itself in the central database: who it is and what it can do, and that it is alive.

Rows are written without being watched: an update of the host's own row that finds none is followed by an insertion, and
one that changes nothing costs nobody anything. A heartbeat wakes only servers.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from tunbridge.agent.config import AgentConfig
from tunbridge.database.transaction import Operation
from tunbridge.dataplane import names

AGENT_TYPE = "Open vSwitch agent"
BINARY = "tunbridge-agent"
TOPIC = "N/A"
"""Neutron has the name of a message queue here."""


def registration(config: AgentConfig) -> dict[str, Any]:
    """Give the columns of the host's row, but for when: what Neutron's Open vSwitch agent reports of itself."""
    configurations = {
        "bridge_mappings": {network: provider.bridge for network, provider in sorted(config.providers.items())},
        "datapath_type": config.datapath_type or "system",
        "extensions": [],
        "integration_bridge": names.INTEGRATION_BRIDGE,
        "l2_population": True,
        "ovs_hybrid_plug": False,
        "port_filter": True,
        "tunnel_types": list(config.tunnel_types),
        "tunneling_ip": config.local_ip,
        **_resources(config),
    }
    return {
        "host": config.host,
        "agent_type": AGENT_TYPE,
        "binary": BINARY,
        "topic": TOPIC,
        "availability_zone": config.availability_zone,
        "configurations": msgspec.json.encode(configurations, order="sorted").decode(),
    }


def _resources(config: AgentConfig) -> dict[str, Any]:
    """Give what Placement is to know, under Neutron's names; nothing where nothing is configured."""
    root = config.resource_provider_default_hypervisor or config.host
    bandwidths, rates = config.resource_provider_bandwidths, config.resource_provider_packet_processing_with_direction
    total, key = config.resource_provider_packet_processing_without_direction, "resource_provider_packet_processing"
    if not bandwidths and rates is None and total is None:
        return {}
    return {
        "resource_provider_bandwidths": bandwidths,
        "resource_provider_hypervisors": {
            name: config.resource_provider_hypervisors.get(name, root) for name in bandwidths
        },
        "resource_provider_inventory_defaults": config.resource_provider_inventory_defaults,
        f"{key}_with_direction": {} if rates is None else {root: rates},
        f"{key}_without_direction": {} if total is None else {root: {"any": total}},
        f"{key}_inventory_defaults": config.resource_provider_packet_processing_inventory_defaults,
    }


def updates(config: AgentConfig, started_at: str) -> list[Operation]:
    """Operations that set the host's row and its heartbeat, where there are such rows."""
    return [
        {"op": "update", "table": table, "where": _own(config), "row": row} for table, row in _rows(config, started_at)
    ]


def insertions(config: AgentConfig, started_at: str, results: list[Any]) -> list[Operation]:
    """Operations that insert the rows that `updates` did not find, by its results."""
    missing = [row for row, result in zip(_rows(config, started_at), results, strict=True) if result["count"] == 0]
    return [
        {"op": "insert", "table": table, "row": row if table != "Host" else {**row, "created_at": timestamp()}}
        for table, row in missing
    ]


def _own(config: AgentConfig) -> list[Any]:
    return [["host", "==", config.host], ["agent_type", "==", AGENT_TYPE]]


def _rows(config: AgentConfig, started_at: str) -> list[tuple[str, dict[str, Any]]]:
    entry = registration(config)
    zone = ["set", []] if entry["availability_zone"] is None else entry["availability_zone"]
    beat = {"host": config.host, "agent_type": AGENT_TYPE, "heartbeat_at": timestamp()}
    return [("Host", {**entry, "availability_zone": zone, "started_at": started_at}), ("Host_Heartbeat", beat)]


def timestamp() -> str:
    """Now, in ISO 8601, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

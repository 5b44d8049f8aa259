"""Hosts: which agents are there, alive, and what ports they can have."""

from collections.abc import Container
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tunbridge.rules import segments
from tunbridge.rules.errors import NotFound
from tunbridge.rules.request import Reader, Row
from tunbridge.rules.segments import Placed
from tunbridge.rules.settings import NetworkingSettings

AGENT_TYPE = "Open vSwitch agent"
L3_AGENT_TYPE = "L3 agent"
"""Of what clients see of a host that has to do with routers: l3_agents.py."""


def agent(reader: Reader, host: str) -> Row | None:
    """Give the row of a host's Open vSwitch agent."""
    return reader.find_unique("Host", ("host", "agent_type"), (host, AGENT_TYPE))


def heartbeat(reader: Reader, row: Row) -> datetime | None:
    """Give the time of an agent's last heartbeat."""
    beat = reader.find_unique("Host_Heartbeat", ("host", "agent_type"), (row.host, row.agent_type))
    text = row.started_at if beat is None else beat.heartbeat_at
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_alive(reader: Reader, row: Row, settings: NetworkingSettings, now: datetime) -> bool:
    """Say whether an agent was heard of in time."""
    last = heartbeat(reader, row)
    if last is None:
        return False
    return now.astimezone(UTC) - last < timedelta(seconds=settings.agent_down_time)


def is_enabled(reader: Reader, row: Row, agent_type: str | None = None) -> bool:
    """Say whether no admin has disabled an agent, or the one of another type on its host."""
    key = (row.host, agent_type or row.agent_type)
    setting = reader.find_unique("Agent_Setting", ("host", "agent_type"), key)
    return setting is None or bool(setting.admin_state_up)


def configurations(row: Row) -> dict[str, Any]:
    """Give what an agent says of its host: `bridge_mappings`, `tunnel_types`, `datapath_type` …

    Hosts write it themselves: what makes no sense counts as nothing, and hides no other host.
    """
    try:
        found = msgspec.json.decode(row.configurations or "{}")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def reached(row: Row, network: Row) -> Placed | None:
    """Give the segment by which a host has a network: the first that it has tunnels for, or a bridge to."""
    told = configurations(row)
    return next((one for one in segments.all_of(network) if _reaches(told, one)), None)


def segment_of(reader: Reader, network: Row, host: str) -> Placed | None:
    """Give the segment by which a host has a network; None for a host that is unknown or reaches none."""
    row = agent(reader, host)
    return None if row is None else reached(row, network)


def _reaches(told: dict[str, Any], segment: Placed) -> bool:
    kind = segment.network_type
    if kind in segments.TUNNEL_OVERHEAD:
        return kind in _container(told.get("tunnel_types"))
    if kind in ("flat", "vlan"):
        return segment.physical_network in _container(told.get("bridge_mappings"))
    return bool(kind == "local")


def _container(value: Any) -> Container[Any]:
    return value if isinstance(value, list | dict) else ()


def zone(reader: Reader, host: str) -> str | None:
    """Give the availability zone that a host says it is in."""
    row = agent(reader, host)
    return None if row is None else row.availability_zone


def check_zones(reader: Reader, wanted: list[str]) -> None:
    """Refuse availability zones that no host is in. Raises Neutron's AvailabilityZoneNotFound."""
    known = {row.availability_zone for row in reader.all("Host")}
    for name in wanted:
        if name not in known:
            raise NotFound("AvailabilityZoneNotFound", f"AvailabilityZone {name} could not be found.")

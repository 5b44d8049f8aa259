"""L3 agents, as clients know them: what of a host's one agent has to do with routers.

Nothing registers them. Each host that has an Open vSwitch agent routes for its own workloads; one with a bridge to a
physical network may have gateways of routers as well, and its L3 agent is in the mode `dvr_snat`. To disable it moves
the gateways away, and leaves the host's ports alone. To give it a router makes its host the router's gateway host.
"""

import uuid
from collections.abc import Collection
from typing import Any

import msgspec

from tunbridge.rules import gateway_hosts, hosts
from tunbridge.rules.errors import Conflict, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn

_IDS = uuid.UUID("0f3f2f2c-7f0e-4c8e-9a37-3a2f6b0a7c11")
"""Namespace of the ids: a host's L3 agent has the same one whenever the host registers itself anew."""
SNAT, ROUTES_ONLY = "dvr_snat", "dvr_no_external"
ACTIVE, STANDBY = "active", "standby"


class L3Agent(msgspec.Struct, frozen=True):
    """A row like one of `Host`; `told_by` is the row of the agent that is really there."""

    id: str
    host: str
    binary: str
    availability_zone: str | None
    created_at: str
    started_at: str
    configurations: str
    told_by: Any
    agent_type: str = hosts.L3_AGENT_TYPE
    topic: str = "l3_agent"


def all_of(reader: Reader) -> Collection[Row]:
    """The L3 agents of all hosts."""
    return [_of(row) for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE)]


def find(reader: Reader, id: str) -> Row | None:
    """An L3 agent by its id."""
    return next((agent for agent in all_of(reader) if agent.id == id), None)


def _of(row: Row) -> L3Agent:
    mode = SNAT if _has_outside(row) else ROUTES_ONLY
    return L3Agent(
        id=str(uuid.uuid5(_IDS, row.host)),
        host=row.host,
        binary=row.binary,
        availability_zone=row.availability_zone,
        created_at=row.created_at,
        started_at=row.started_at,
        configurations=msgspec.json.encode({"agent_mode": mode, "log_agent_heartbeats": False}).decode(),
        told_by=row,
    )


def _has_outside(row: Row) -> bool:
    return bool(hosts.configurations(row).get("bridge_mappings"))


def routers_of(reader: Reader, agent: Row) -> list[Row]:
    """The routers whose gateway the host of an L3 agent has, or takes over."""
    if not isinstance(agent, L3Agent):
        return []
    found = {
        row.id: row
        for column in ("gateway_host", "gateway_standbys")
        for row in reader.find("Router", column, agent.host)
        if agent.host in _states(row)
    }
    return list(found.values())


def agents_of(reader: Reader, router: Row) -> list[tuple[Row, str | None]]:
    """The L3 agents of the hosts that have a router's gateway or take over, with which of both if it has several."""
    states = _states(router)
    return [(agent, states[agent.host]) for agent in all_of(reader) if agent.host in states]


def _states(router: Row) -> dict[str, str | None]:
    if router.gateway_host is None:
        return {}
    if router.ha is False:
        return {router.gateway_host: None}
    taking_over = {host: STANDBY for host in router.gateway_standbys if host not in router.gateway_avoid}
    return {**taking_over, router.gateway_host: ACTIVE}


def add(txn: Txn, request: Request, agent: Row, router: Row) -> None:
    """Make a host the gateway host of a router. Raises NetworkingError."""
    _check_mode(agent, "assign a router to")
    external = _externals(txn, router)
    avoided = tuple(host for host in router.gateway_avoid if host != agent.host)
    wanted = msgspec.structs.replace(router, gateway_host=agent.host, gateway_avoid=avoided)
    columns = gateway_hosts.choose(txn, request, wanted, external)
    if columns["gateway_host"] != agent.host:
        raise _invalid(agent)
    _write(txn, router, {**columns, "gateway_avoid": avoided})


def remove(txn: Txn, request: Request, agent: Row, router: Row) -> None:
    """Take a router's gateway away from a host, until it is added again. Raises NetworkingError."""
    if not isinstance(agent, L3Agent):
        return  # as Neutron, which says nothing
    _check_mode(agent, "remove a router from")
    if agent.host not in _states(router):
        return
    avoided = (*router.gateway_avoid, agent.host)
    left = msgspec.structs.replace(router, gateway_avoid=avoided)
    columns = gateway_hosts.choose(txn, request, left, _externals(txn, router))
    if columns["gateway_host"] in (None, agent.host):
        raise Conflict(
            "RouterReschedulingFailed", f"Failed rescheduling router {router.id}: no eligible l3 agent found."
        )
    _write(txn, router, {**columns, "gateway_avoid": avoided})


def _write(txn: Txn, router: Row, columns: dict[str, Any]) -> None:
    columns_seen = ("gateway_port", "further_gateways", "gateway_host", "gateway_standbys", "gateway_avoid")
    txn.verify("Router", router.id, *columns_seen)
    txn.update("Router", router.id, gateway_hosts.lingering(router, columns))


def _check_mode(agent: Row, what: str) -> None:
    """Refuse what is no L3 agent, or has no bridge to any physical network. Raises NetworkingError."""
    if not isinstance(agent, L3Agent):
        raise _invalid(agent)
    if not _has_outside(agent.told_by):
        name = "DVRL3CannotAssignToDvrAgent" if "assign" in what else "DVRL3CannotRemoveFromDvrAgent"
        told = what.replace("a router to", "a router to an").replace("a router from", "a router from an")
        raise Conflict(name, f"Not allowed to manually {told} agent in 'dvr' mode.")


def _externals(reader: Reader, router: Row) -> list[Row]:
    external = gateway_hosts.externals(reader, router)
    if not external:
        # Only a gateway is on certain hosts: what else a router does, each host does for its own workloads.
        raise Conflict("RouterDoesntSupportScheduling", f"Router {router.id} does not support agent scheduling.")
    return external


def _invalid(agent: Row) -> NotFound:
    return NotFound("InvalidL3Agent", f"Agent {agent.id} is not a L3 Agent or has been disabled")

"""On which host a router meets its external network: chosen when it gets a gateway, and anew when that host is dead.

A candidate is alive, not disabled by an admin (neither as a whole nor as an L3 agent), and has a bridge to each
external network of the router; where none has, to that of the first gateway. Of several the one that reaches most of
the router's own networks is taken, then the one whose hash with the router's id is highest: so routers spread over
hosts, whoever chooses chooses the same, and a new host takes over no router that has a living one.

The choice is in the database, in the same transaction as the gateway, and hosts do what stands there: so at most one
host is told to have a router's address at any time. A host that has lost its connection to the database goes on with
what it knew; it ends when it is reached again, or is fenced by the operator.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tunbridge.model.gateway_order import candidates, score
from tunbridge.rules import hosts
from tunbridge.rules.request import Reader, Request, Row, Txn
from tunbridge.rules.router_parts import gateways_of

STANDBYS = 2
"""So many hosts are ready to take over."""
NONE: dict[str, Any] = {"gateway_host": None, "gateway_standbys": (), "gateway_avoid": ()}
"""The columns of a router without a gateway."""


def externals(reader: Reader, router: Row) -> list[Row]:
    """The external networks of a router, that of its first gateway first."""
    ports = (reader.get("Port", id) for id in gateways_of(router))
    ids = dict.fromkeys(port.network_id for port in ports if port is not None)
    return [network for id in ids if (network := reader.get("Network", id)) is not None]


def choose(reader: Reader, request: Request, router: Row, external: Sequence[Row]) -> dict[str, Any]:
    """The columns that say which host has a router's gateways, and which take over from it.

    `external`: the networks that they are on, that of the first gateway first.

    The host that has it keeps it as long as it can. One that takes over is next, since it has all flows already. Only
    hosts in the availability zones that the router was made for come into question, if it names any. None takes over
    for a router that an admin has made without `ha`: it gets another host when the server finds its host dead. Hosts
    that an admin took the router away from come into question only when there is no other.
    """
    zones = msgspec.json.decode(router.availability_zone_hints or "[]", type=list[str])
    serving = {
        row.host: row
        for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE)
        if (not zones or row.availability_zone in zones) and _serves(reader, request, row)
    }
    able = _reaching(serving, external) or _reaching(serving, external[:1])
    if kept := {host: row for host, row in able.items() if host not in router.gateway_avoid}:
        able = kept
    networks = [row for id in router.networks if (row := reader.get("Network", id)) is not None]
    order = sorted(able, key=lambda host: (_reached(able[host], networks), score(router.id, host)), reverse=True)
    prepared = candidates(router.id, router.gateway_host, router.gateway_standbys)
    first = next((host for host in (*prepared, *order) if host in able), None)
    most = 0 if router.ha is False else STANDBYS
    return {"gateway_host": first, "gateway_standbys": tuple([host for host in order if host != first][:most])}


def living(reader: Reader, request: Request) -> set[str]:
    """The hosts whose agents are alive and not disabled."""
    return {row.host for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE) if _serves(reader, request, row)}


def misplaced(reader: Reader, living: set[str], dead_too: bool, news: bool) -> list[str]:
    """Ids of routers with a gateway but no host for it, and of those with a host that is not among the living.

    Without `dead_too`, only hosts that an admin has disabled count. With `news`, also those that lack standbys.
    """
    silent = {row.host for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE) if _is_enabled(reader, row)}
    kept = living if dead_too else living | silent
    return [
        row.id
        for row in reader.all("Router")
        if row.gateway_port
        and (
            row.gateway_host is None
            or not kept.issuperset((row.gateway_host, *row.gateway_standbys))
            or not set(row.gateway_avoid).isdisjoint((row.gateway_host, *row.gateway_standbys))
            or (news and row.ha is not False and len(row.gateway_standbys) < STANDBYS)
            or (news and _is_partial(reader, row))
        )
    ]


def move(txn: Txn, request: Request, id: str) -> bool:
    """Choose a router's gateway host anew; gives whether it is another one.

    Where no host can have it, it stays where it was: that one may come back. One that had it is ready for a while to
    have it still, so that what is on its way arrives: until `misplaced` names the router again.
    """
    router = txn.get("Router", id)
    port = None if router is None or router.gateway_port is None else txn.get("Port", router.gateway_port)
    external = [] if router is None else externals(txn, router)
    if port is None or router is None or not external:
        return False
    wanted, former = choose(txn, request, router, external), router.gateway_host
    is_moved = wanted["gateway_host"] not in (None, former)
    if wanted["gateway_host"] is None:
        return False
    wanted = lingering(router, wanted)
    if is_moved or set(wanted["gateway_standbys"]) != set(router.gateway_standbys):
        txn.verify("Router", id, "gateway_port", "further_gateways", "gateway_host", "gateway_standbys")
        txn.update("Router", id, wanted)
    return is_moved


def lingering(router: Row, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of a choice, where the host that had the gateway is ready for a while to have it still."""
    former, standbys = router.gateway_host, columns["gateway_standbys"]
    if former is None or former in (columns["gateway_host"], *standbys):
        return columns
    return {**columns, "gateway_standbys": (*standbys, former)}


def _is_enabled(reader: Reader, row: Row) -> bool:
    return hosts.is_enabled(reader, row) and hosts.is_enabled(reader, row, hosts.L3_AGENT_TYPE)


def _serves(reader: Reader, request: Request, row: Row) -> bool:
    return _is_enabled(reader, row) and hosts.is_alive(reader, row, request.settings, request.now)


def _reaching(rows: dict[str, Row], external: Sequence[Row]) -> dict[str, Row]:
    return {host: row for host, row in rows.items() if _reached(row, external) == len(external)}


def _is_partial(reader: Reader, router: Row) -> bool:
    """Whether the host that has the gateways of a router does not reach each of their networks."""
    if len(gateways_of(router)) < 2:
        return False
    found = [row for row in reader.find("Host", "host", router.gateway_host) if row.agent_type == hosts.AGENT_TYPE]
    external = externals(reader, router)
    return not any(_reached(row, external) == len(external) for row in found)


def _reached(row: Row, networks: Sequence[Row]) -> int:
    return sum(hosts.reached(row, network) is not None for network in networks)

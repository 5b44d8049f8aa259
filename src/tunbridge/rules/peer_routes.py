"""Host routes of subnets on segments: what leads to the subnets on the other segments, by the subnet's own gateway.

A port with several networks has its default route by one of them; by these it reaches its peers in a routed network all
the same. They are in `host_routes`, as if a user had named them: a route that somebody has named to the same addresses,
or to more of them, stands.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tunbridge.model.resource import UNSET
from tunbridge.rules import ipam
from tunbridge.rules.base import Rules
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

Route = dict[str, str]


def complete(reader: Reader, network_id: str, values: Values, row: Row | None = None) -> None:
    """Add to the host routes of a new subnet, or of one that changes, those to its peers."""
    segment = values.get("segment_id", None if row is None else row.segment_id)
    if segment is None or (row is not None and not {"host_routes", "gateway_ip", "segment_id"} & values.keys()):
        return
    gateway = values.get("gateway_ip", None if row is None else row.gateway_ip)
    routes = values.get("host_routes", UNSET)
    if not isinstance(routes, list):
        routes = [] if row is None else routes_of(row)
    peers = _peers(reader, network_id, None if row is None else row.id, segment, ipam.network(_cidr(values, row)))
    if row is not None and row.gateway_ip != gateway:
        routes = _without(routes, peers, row.gateway_ip)
    values["host_routes"] = _with(routes, peers, gateway)


def spread(rules: Rules, txn: Txn, request: Request, network_id: str, gone: str | None = None) -> None:
    """Put right the host routes of all subnets of a routed network, when one has come or `gone`."""
    for row in txn.find("Subnet", "network_id", network_id):
        if row.segment_id is None:
            continue
        routes = there = routes_of(row)
        if gone is not None:
            routes = _without(routes, [gone], row.gateway_ip)
        peers = _peers(txn, network_id, row.id, row.segment_id, ipam.network(row.cidr))
        routes = _with(routes, peers, row.gateway_ip)
        if routes != there:
            text = msgspec.json.encode(routes).decode()
            rules.touch(txn, request.unconditional, row, {"host_routes": text})


def routes_of(row: Row) -> list[Route]:
    """Give the host routes of a subnet."""
    found: Any = msgspec.json.decode(row.host_routes or "[]")
    return found or []


def _cidr(values: Values, row: Row | None) -> str:
    return str(values["cidr"] if row is None else row.cidr)


def _peers(reader: Reader, network_id: str, own: str | None, segment: str, net: ipam.Network) -> list[str]:
    """The subnets of the same IP version on other segments, and on none: those are behind every segment's gateway."""
    rows = sorted(reader.find("Subnet", "network_id", network_id), key=lambda row: (row.created_at, row.id))
    return [row.cidr for row in rows if row.id != own and row.segment_id != segment and row.ip_version == net.version]


def _without(routes: Iterable[Route], cidrs: Iterable[str], gateway: str | None) -> list[Route]:
    ours = [{"destination": cidr, "nexthop": gateway} for cidr in cidrs]
    return [route for route in routes if route not in ours]


def _with(routes: Iterable[Route], cidrs: Iterable[str], gateway: str | None) -> list[Route]:
    found = list(routes)
    named = [ipam.network(route["destination"]) for route in found]
    for cidr in cidrs if gateway is not None else ():
        if not any(_holds(net, ipam.network(cidr)) for net in named):
            found.append({"destination": cidr, "nexthop": gateway or ""})
    return found


def _holds(net: ipam.Network, other: ipam.Network) -> bool:
    return net.version == other.version and other.subnet_of(net)  # type: ignore[arg-type]

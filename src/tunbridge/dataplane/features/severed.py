"""Keeps the other end of a TCP connection that was cut from making it anew.

conntrack picks up a connection in its middle: so it goes on after Open vSwitch was restarted, or its VM has moved. When
a connection is cut because its receiver may no longer be reached, the receiver's own next segment would be taken for a
new connection, which its egress rules mostly allow, and all else for the replies to that. So segments of the reply
direction that are in the middle of an unknown connection are dropped, for as long as anybody may still send some. A
connection that is opened anew with the same ports is none of these.

ICMPv6 connections are not deleted at all: `dpctl/flush-conntrack` of one ends ovs-vswitchd (`reverse_icmp_type()` of
Open vSwitch 3.1, lib/conntrack.c, knows the types of IPv4 alone). Their requests are judged by rules instead.
"""

import functools
import operator
from collections.abc import Sequence

from msgspec import structs

from tunbridge.dataplane import flow, pipeline
from tunbridge.dataplane.conntrack import Connection
from tunbridge.dataplane.flow import Match
from tunbridge.dataplane.flows import COOKIE_MASK, Flow
from tunbridge.dataplane.pipeline import EGRESS_CHECKED, INGRESS_CHECKED

IDLE_S = 7500
"""Longer than the two hours after which an idle end asks whether the other is still there."""
AGING = f"idle_timeout={IDLE_S}"
CLIENTS = 1000
"""Of more clients of a service that are cut at once, one flow stands for all."""
_PRIORITY = 65
_TABLES = (pipeline.EGRESS_STATE.number, pipeline.INGRESS_STATE.number)
_TCP, _ICMPV6 = 6, 58


def can_be_deleted(connection: Connection) -> bool:
    """Whether Open vSwitch survives it."""
    return connection.protocol != _ICMPV6


def is_one(flow: Flow) -> bool:
    """Whether a flow of a dump is one of these."""
    mine = (flow.cookie & COOKIE_MASK) == pipeline.LEARNED_COOKIE
    return mine and flow.priority == _PRIORITY and flow.table in _TABLES


def compute(connection: Connection) -> list[Flow]:
    """Flows that age, for one connection that is cut; none for protocols that know no middle."""
    if connection.protocol == _ICMPV6:
        return _judged(connection)
    return _severed(connection) if connection.protocol == _TCP else []


def compute_service(connections: Sequence[Connection]) -> list[Flow]:
    """Likewise for all connections to one service, which are cut together: they need no flow each.

    One for each client where they are few: it concerns nobody else's connections.
    """
    clients: dict[str, list[Connection]] = {}
    for connection in connections:
        clients.setdefault(connection.src, []).append(connection)
    if len(clients) > CLIENTS:
        clients = {"": [*connections]}
    return [flow for client, those in clients.items() for flow in _together(client, those)]


def _together(client: str, connections: Sequence[Connection]) -> list[Flow]:
    mark = functools.reduce(operator.or_, (connection.mark for connection in connections))
    return compute(structs.replace(connections[0], src=client, src_port=None, mark=mark))


def _judged(connection: Connection) -> list[Flow]:
    match: Match = {
        **pipeline.NETWORK(connection.zone), "proto": "icmp6", "ct_state": "+est+trk",
        "ipv6_src": connection.src, "ipv6_dst": connection.dst,
    }  # fmt: skip
    found = []
    if connection.mark & EGRESS_CHECKED:
        found.append((pipeline.EGRESS_STATE, pipeline.EGRESS_RULES))
    if connection.mark & INGRESS_CHECKED:
        found.append((pipeline.INGRESS_STATE, pipeline.INGRESS_RULES))
    return [_aging(connection, flow.make(table, _PRIORITY, match, [flow.goto(rules)])) for table, rules in found]


def _aging(connection: Connection, made: Flow) -> Flow:
    cookie = pipeline.LEARNED_COOKIE | connection.zone
    return structs.replace(made, cookie=cookie, extra=AGING)


def _severed(connection: Connection) -> list[Flow]:
    suffix, ip = ("6", "ipv6") if ":" in connection.dst else ("", "nw")
    reply: Match = {
        **pipeline.NETWORK(connection.zone), "proto": f"tcp{suffix}", "ct_state": "+new+trk", "tcp_flags": "-syn",
        f"{ip}_src": connection.dst, "tp_src": connection.dst_port,
        **({f"{ip}_dst": connection.src} if connection.src else {}),
        **({"tp_dst": connection.src_port} if connection.src_port is not None else {}),
    }  # fmt: skip
    tables = []
    if connection.mark & INGRESS_CHECKED:
        tables.append(pipeline.EGRESS_STATE)
    if connection.mark & EGRESS_CHECKED:
        tables.append(pipeline.INGRESS_STATE)
    return [_aging(connection, flow.make(table, _PRIORITY, reply, [])) for table in tables]

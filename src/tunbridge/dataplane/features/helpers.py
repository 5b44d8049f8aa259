"""Conntrack helpers of a router: connections that FTP and TFTP announce are translated as they themselves are.

conntrack reads what the protocol says on its port, writes the translated address into it, and expects the connection
that it announces. The first packet of that one comes to the router as the start of an unknown connection that is
related to a known one: in table 74, where such packets from outside are dropped else.
"""

from collections.abc import Iterator

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features.external import Outside
from tunbridge.dataplane.flow import Match
from tunbridge.dataplane.pipeline import ARRIVED, NETWORK, ROUTER_NUMBER
from tunbridge.dataplane.view import Router
from tunbridge.model.resources.conntrack_helper import CARRIED

_ANNOUNCED = 310
"""Priority in the table of routes: before the router's own addresses, which such packets are sent to."""


def of(router: Router) -> Iterator[tuple[str, str, Match]]:
    """The helpers of a router: name, protocol, and the match of its connections."""
    for helper in sorted(router.helpers):
        if (carried := CARRIED.get(helper)) is not None:
            yield helper, carried.protocol, {"tp_dst": carried.port}


def expect(context: Context, router: Router, place: Outside) -> None:
    """Let in what a connection from inside has announced; it goes on as one of a floating IP does."""
    for _, protocol, _ in of(router):
        where: Match = {**ROUTER_NUMBER(place.router), **ARRIVED(1), "proto": protocol, "ct_state": "+new+rel+trk"}
        if place.exit is not None:  # each of several networks has its zone
            where = {**where, **NETWORK(place.vlan)}
        actions = [flow.load(ARRIVED, 2), flow.expect(place.zone, pipeline.ROUTES)]
        context.flow(names.INTEGRATION_BRIDGE, pipeline.ROUTES, _ANNOUNCED, where, *actions)

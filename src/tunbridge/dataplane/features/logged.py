"""Packets of a workload that the agent logs: what its security groups allow, and what they drop.

Of a connection it is the first packet: those of a known one need no rule. A packet is copied to the agent by a meter of
the port, so neither the agent nor other ports' logs suffer from a flood; what is above is not logged, and goes its way
all the same. What a port receives by broadcast or multicast is not logged: one copy is judged for many receivers.

Owner: a filtered local port that a log is about.
"""

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, Meter
from tunbridge.dataplane.features import filtering, services
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import OUT, Table
from tunbridge.dataplane.responders import Kind

_BRIDGE = names.INTEGRATION_BRIDGE
_INVALID: Match = {"ct_state": "+inv+trk"}
_EITHER = 0xFE
"""Mask of the service: what is allowed and what is dropped of one direction have numbers that differ in one bit."""


class _Side(Struct, frozen=True):
    """One direction: where packets are judged, where those go that a rule allowed, and what the agent is told."""

    state: Table
    rules: Table
    allowed: Table
    onwards: Table
    told_allowed: Kind
    told_dropped: Kind


_SENT = _Side(
    pipeline.EGRESS_STATE, pipeline.EGRESS_RULES, pipeline.EGRESS_ALLOWED, pipeline.ROUTER,
    Kind.egress_allowed, Kind.egress_dropped,
)  # fmt: skip
_RECEIVED = _Side(
    pipeline.INGRESS_STATE, pipeline.INGRESS_RULES, pipeline.INGRESS_ALLOWED, pipeline.COMMIT,
    Kind.ingress_allowed, Kind.ingress_dropped,
)  # fmt: skip


def compute(context: Context, port_id: str) -> None:
    """The copies of one port's packets."""
    workload, port = context.local.workload(port_id), context.view.port(port_id)
    if workload is None or port is None:
        return
    logs = [one for one in context.view.logs() if one.concerns(port)]
    number = pipeline.LOG_METERS + workload.ofport % pipeline.LOG_METER_COUNT
    context.meter(_BRIDGE, Meter(number, *context.local.log_rate))
    sides: tuple[tuple[_Side, Match], ...] = ((_SENT, {"in_port": workload.ofport}), (_RECEIVED, OUT(workload.ofport)))
    for side, match in sides:
        service = pipeline.SERVICE(services.NUMBERS[side.told_allowed], _EITHER)
        context.flow(_BRIDGE, pipeline.LOG_METER, 10, {**service, **match}, flow.meter(number), goto(pipeline.TO_AGENT))
        if any(one.wants("ACCEPT") for one in logs):
            copied = _copy(side.told_allowed)
            context.flow(_BRIDGE, side.allowed, 10, match, copied, goto(side.onwards))
        if any(one.wants("DROP") for one in logs):
            copied = _copy(side.told_dropped)
            context.flow(_BRIDGE, side.state, filtering.INVALID_PRIORITY + 1, {**match, **_INVALID}, copied)
            context.flow(_BRIDGE, side.rules, 1, match, copied)


def _copy(kind: Kind) -> Action:
    return flow.apart([flow.load(pipeline.SERVICE, services.NUMBERS[kind]), goto(pipeline.LOG_METER)], pipeline.TOO_BIG)

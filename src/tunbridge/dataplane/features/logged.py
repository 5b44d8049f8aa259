"""Packets of a workload that the agent logs: what its security groups allow, and what they drop.

Of a connection it is the first packet: those of a known one need no rule. A packet is copied to the agent by a meter of
the port, so neither the agent nor other ports' logs suffer from a flood; what is above is not logged, and goes its way
all the same. What a port receives by broadcast or multicast is not logged: one copy is judged for many receivers.

Owner: a filtered local port that a log is about.
"""

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, Meter
from tunbridge.dataplane.features import services
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import OUT, Table
from tunbridge.dataplane.responders import Kind

_BRIDGE = names.INTEGRATION_BRIDGE
_EITHER = 0xFE
"""Mask of the service: what is allowed and what is dropped of one direction have numbers that differ in one bit."""


def compute(context: Context, port_id: str) -> None:
    """The copies of one port's packets."""
    workload, port = context.local.workload(port_id), context.view.port(port_id)
    if workload is None or port is None:
        return
    logs = [one for one in context.view.logs() if one.concerns(port)]
    number = pipeline.LOG_METERS + workload.ofport % pipeline.LOG_METER_COUNT
    context.meter(_BRIDGE, Meter(number, *context.local.log_rate))
    for kind, match in (
        (Kind.egress_allowed, {"in_port": workload.ofport}),
        (Kind.ingress_allowed, OUT(workload.ofport)),
    ):
        service = pipeline.SERVICE(services.NUMBERS[kind], _EITHER)
        context.flow(_BRIDGE, pipeline.LOG_METER, 10, {**service, **match}, flow.meter(number), goto(pipeline.TO_AGENT))
    # Before the receiver is known, `out` is 0; so what is dropped there is the sender's.
    sent: Match = {"in_port": workload.ofport}
    received: Match = OUT(workload.ofport)
    if any(one.wants("ACCEPT") for one in logs):
        _copy(context, pipeline.EGRESS_ALLOWED, sent, Kind.egress_allowed, goto(pipeline.ROUTER))
        _copy(context, pipeline.INGRESS_ALLOWED, received, Kind.ingress_allowed, goto(pipeline.COMMIT))
    if any(one.wants("DROP") for one in logs):
        _copy(context, pipeline.DROPPED, {**sent, **OUT(0)}, Kind.egress_dropped)
        _copy(context, pipeline.DROPPED, received, Kind.ingress_dropped)


def _copy(context: Context, table: Table, match: Match, kind: Kind, *onwards: Action) -> None:
    service = flow.load(pipeline.SERVICE, services.NUMBERS[kind])
    copied = flow.apart([service, goto(pipeline.LOG_METER)], pipeline.TOO_BIG)
    context.flow(_BRIDGE, table, 10, match, copied, *onwards)

"""Metering labels: what of a router's traffic with the outside is counted, where it passes. Tables 62, 63 and 76.

A packet is counted on the host on which it becomes one of the external network, or stops being one: on the gateway
host, or with a floating IP on its VM's. There it has the address inside, before it is translated and after it was. For
each label it is looked up in table 63, which has no actions: the counters of its flows are the result, and the packet
goes on where it was. What is excluded comes before what is counted, as in Neutron. Routers without labels have none
of these flows.

Owner: a router whose outside is on this host, with labels.
"""

import re

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import FlowKey
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.pipeline import ARRIVED, LABEL, NETWORK, ROUTER_NUMBER
from tunbridge.dataplane.view import MeteringRule, Router

_BRIDGE = names.INTEGRATION_BRIDGE
EXCLUDED, COUNTED = 20, 10
"""Priorities in the table of counters."""
_REGISTER = re.compile(r"\b(reg[01])=(0x[0-9a-f]+)")


class Counted(Struct, frozen=True):
    """What a flow of table 63 counts for."""

    label: str
    direction: str
    router: str


def outside(context: Context, router_id: str, network_id: str) -> tuple[Action, ...]:
    """Count what leaves into an external network that the router has here: actions before it is translated."""
    router = context.view.router(router_id)
    if router is None or not context.view.is_metered(router.project_id):
        return ()
    context.child("metering", router_id)
    context.state("metered", router_id, network_id)
    return (goto(pipeline.METERED),)


def inside(context: Context, router: Router) -> tuple[Action, ...]:
    """Count what has come from outside, where the router has its outside here."""
    return (goto(pipeline.METERED),) if context.facts("metered", router.id) else ()


def compute(context: Context, router_id: str) -> None:
    """The counters of one router."""
    router = context.view.router(router_id)
    if router is None:
        return
    number = ROUTER_NUMBER(context.identifiers.router(router_id))
    labels = sorted(context.view.metering_labels(router.project_id), key=lambda label: label.id)
    vlans = [context.vlan(str(id), unwritten=True) for id in context.facts("metered", router_id)]
    passing: dict[str, list[Match]] = {
        "egress": [NETWORK(vlan) for vlan in vlans],
        "ingress": [ARRIVED(how) for how in (1, 2)],
    }
    for direction, places in passing.items():
        looked_up: list[Action] = []
        for label in labels:
            rules = [rule for rule in label.rules if rule.direction == direction]
            counted = context.identifiers.label(label.id, direction)
            for rule in rules:
                where = {**LABEL(counted), **number, **_match(rule)}
                context.flow(_BRIDGE, pipeline.COUNTED, EXCLUDED if rule.excluded else COUNTED, where)
            looked_up += [flow.load(LABEL, counted), goto(pipeline.COUNTED)] if rules else []
        for place in places if looked_up else ():
            context.flow(_BRIDGE, pipeline.METERED, 10, {**number, **place}, *looked_up)


def _match(rule: MeteringRule) -> Match:
    version, ends = ("ip", "nw") if rule.ip_version == 4 else ("ipv6", "ipv6")
    sides = {f"{ends}_src": rule.source, f"{ends}_dst": rule.destination}
    return {"proto": version, **{field: prefix for field, prefix in sides.items() if prefix is not None}}


def counted_by(identifiers: Identifiers, key: FlowKey) -> Counted | None:
    """What a flow counts for; None: it is no counter, or of what is excluded."""
    table, priority, match = key
    if table != pipeline.COUNTED.number or priority != COUNTED:
        return None
    registers = {name: int(value, 16) for name, value in _REGISTER.findall(match)}
    label = identifiers.label_of(registers["reg0"])
    router = identifiers.router_of(registers["reg1"])
    return None if label is None or router is None else Counted(*label, router)

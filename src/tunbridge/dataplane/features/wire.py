"""Neighbours in a physical network that are no ports: where routers' packets to them go. Tables 68, 69, 73 and 75.

Whoever answers this host's ARP question is learned in table 68 for a minute (`learn()`), so it is known to a restarted
agent as well. A packet to one that is not known goes to the agent, which keeps it, asks, and sends it on
(agent/neighbours.py); before a minute is over it asks again, as long as the neighbour is of use.

The questions come from the host's own MAC address and from no IP address (an ARP probe, RFC 5227, 2.1.1): a router has
its addresses on one host only, and other hosts must not teach them to anybody.
"""

from collections.abc import Iterable
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import services, uplink
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.responders import Kind

_BRIDGE = names.INTEGRATION_BRIDGE
_BROADCAST = "ff:ff:ff:ff:ff:ff"


def common() -> list[Flow]:
    """What all physical networks share."""
    known = pipeline.KNOWN_NEIGHBOUR
    return [
        flow.make(known, 10, pipeline.RESOLVED(1), [goto(pipeline.ROUTED)]),
        flow.make(known, 1, {}, services.ask(Kind.resolve)),
    ]


def compute(context: Context, network_id: str) -> None:
    """Everything of one network; nothing for one without a wire."""
    network = context.view.network(network_id)
    if network is None or network.physical_network is None or uplink.obstacle(context, network) is not None:
        return
    vlan = context.vlan(network_id, unwritten=True)
    where = pipeline.NETWORK(vlan)
    look = [goto(pipeline.NEIGHBOURS), goto(pipeline.KNOWN_NEIGHBOUR)]
    context.flow(_BRIDGE, pipeline.NEXT_HOP, 5, {**where, "proto": "ip"}, *look)
    if (onwards := into(context, network_id)) != goto(pipeline.DESTINATION):
        context.flow(_BRIDGE, pipeline.TRANSLATED, 10, {**where, "proto": "ip"}, onwards)
    answers: Match = {**where, "proto": "arp", "arp_op": 2, "dl_dst": host_mac(context.local.host)}
    tell = services.ask(Kind.resolved)
    context.flow(_BRIDGE, pipeline.ROUTER, 20, answers, flow.learn_neighbour(vlan), *tell)
    for hop in sorted(cast(Iterable[str], context.facts("next-hop", network_id))):
        via = context.identifiers.next_hop(f"{hop} {network_id}")
        both = [flow.learn_neighbour(vlan), flow.learn_neighbour(vlan, via)]
        context.flow(_BRIDGE, pipeline.ROUTER, 21, {**answers, "arp_spa": hop}, *both, *tell)
        # It tells everybody that it has another MAC address, as when one router takes over from another.
        announced = {**where, "proto": "arp", "arp_spa": hop, "dl_dst": _BROADCAST}
        context.flow(_BRIDGE, pipeline.ROUTER, 15, announced, *both, goto(pipeline.DESTINATION))


def into(context: Context, network_id: str) -> Action:
    """How a packet that is forwarded into a network goes on: looked up in its zone, where ports here are filtered."""
    tracked = "stateful" in context.facts("filtering", network_id)
    return flow.track(pipeline.DESTINATION) if tracked else goto(pipeline.DESTINATION)


def want(context: Context, network_id: str) -> None:
    """Have a network that a router of this host sends into, and its neighbours."""
    context.vlan(network_id, unwritten=True)
    context.child("network", network_id)
    context.child("wire", network_id)
    context.state("routed", network_id)

"""Neighbours in a physical network that are no ports: where routers' packets to them go. Tables 68, 69, 73 and 75.

Who answers this host's question (ARP, neighbour discovery) is learned in table 68 for a minute (`learn()`), so it is
known to a restarted agent as well. A packet to one that is not known goes to the agent, which keeps it, asks, and
sends it on (agent/neighbours.py); before a minute is over it asks again, as long as the neighbour is of use.

The questions come from the host's own MAC address and from no IPv4 address (an ARP probe, RFC 5227, 2.1.1), or from its
own link-local one: a router has its addresses on one host only, and other hosts must not teach them to anybody.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import services, uplink
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.responders import Kind

_BRIDGE = names.INTEGRATION_BRIDGE
_ANNOUNCED: Mapping[int, Match] = MappingProxyType(
    {
        4: {"proto": "arp", "dl_dst": "ff:ff:ff:ff:ff:ff"},
        6: {"proto": "icmp6", "icmp_type": 136, "dl_dst": "33:33:00:00:00:01"},
    }
)


def common() -> list[Flow]:
    """What all physical networks share."""
    known = pipeline.KNOWN_NEIGHBOUR
    return [
        flow.make(known, 10, pipeline.RESOLVED(1), [goto(pipeline.ROUTED)]),
        flow.make(known, 1, {}, services.ask(Kind.resolve)),
    ]


def compute(context: Context, network_id: str) -> None:
    """Everything of one network; nothing for one without a wire."""
    network = context.network(network_id)
    if network is None or network.physical_network is None or uplink.obstacle(context, network) is not None:
        return
    vlan = context.vlan(network_id, unwritten=True)
    where = pipeline.NETWORK(vlan)
    look = [goto(pipeline.NEIGHBOURS), goto(pipeline.KNOWN_NEIGHBOUR)]
    for proto in ("ip", "ipv6"):
        context.flow(_BRIDGE, pipeline.NEXT_HOP, 5, {**where, "proto": proto}, *look)
    if (onwards := into(context, network_id)) != goto(pipeline.DESTINATION):
        context.flow(_BRIDGE, pipeline.TRANSLATED, 10, {**where, "proto": "ip"}, onwards)
    tell = services.ask(Kind.resolved)
    for version in (4, 6):
        learned = flow.learn_neighbour(vlan, version)
        context.flow(_BRIDGE, pipeline.ROUTER, 20, _answers(context, where, version), learned, *tell)
    for hop in sorted(cast(Iterable[str], context.facts("next-hop", network_id))):
        version = 6 if ":" in hop else 4
        via = context.identifiers.next_hop(f"{hop} {network_id}")
        both = [flow.learn_neighbour(vlan, version), flow.learn_neighbour(vlan, version, via)]
        sender = {"nd_target" if version == 6 else "arp_spa": hop}
        context.flow(_BRIDGE, pipeline.ROUTER, 21, {**_answers(context, where, version), **sender}, *both, *tell)
        # It tells everybody that it has another MAC address, as when one router takes over from another.
        announced = {**where, **_ANNOUNCED[version], **sender}
        context.flow(_BRIDGE, pipeline.ROUTER, 15, announced, *both, goto(pipeline.DESTINATION))


def _answers(context: Context, where: Match, version: int) -> Match:
    """ARP replies, or neighbour advertisements, to questions of this host."""
    to = {**where, "dl_dst": host_mac(context.local.host)}
    return {**to, "proto": "arp", "arp_op": 2} if version == 4 else {**to, "proto": "icmp6", "icmp_type": 136}


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

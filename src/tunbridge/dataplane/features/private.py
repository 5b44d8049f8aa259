"""Private VLANs: which ports of a network reach each other. Tables 59, 60, 64, 78, 80 and 94.

A promiscuous port reaches all, and all reach it. Others reach promiscuous ports, and those of a community each other.
A packet has the group of its sender: a workload's port gives it in table 0; what comes from another host has it by its
MAC address. So each host decides for what it sends, and again for what it receives.

    from a workload ──(group of the port)──> 60 ─┐
    from elsewhere ──> 59 (group of the MAC) ────┴─> 64: to a port that it does not reach? ──> the rest, as ever

A MAC address of several ports (by allowed address pairs) whose groups differ counts as isolated. One that no port has
is of the physical network's own devices, which are as if behind a promiscuous port; in tunnels it counts as isolated.
"""

from collections.abc import Collection, Iterable
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import interface, port_security
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.pipeline import GROUP, NETWORK, RESTRICTED
from tunbridge.dataplane.view import Network, Port

_BRIDGE = names.INTEGRATION_BRIDGE
_BY_MAC, _BY_ROUTER = 30, 20
"""Priorities of what is dropped; what a community may is one above."""
_FACT = "private-mac"


def group_of(context: Context, network: Network, port: Port) -> int:
    """The group of what a port sends; 0: it reaches all."""
    if not network.is_private or port.private_kind in (None, "promiscuous"):
        return 0
    return context.identifiers.group(network.id, port.community if port.private_kind == "community" else None)


def askers(context: Context, network: Network, port: Port) -> list[Match]:
    """Which senders of the network reach a port: what they match, all of them by nothing."""
    group = group_of(context, network, port)
    if not group:
        return [{}]
    isolated = context.identifiers.group(network.id, None)
    return [GROUP(0)] if group == isolated else [GROUP(0), GROUP(group)]


def audiences(
    context: Context, network: Network, receivers: Iterable[tuple[int, int, int]]
) -> list[tuple[int, Match, list[tuple[int, int]]]]:
    """Who of the receivers (policy, port, group) hears what is sent to all, by the group of the sender.

    With how far the flow for it stands before others.
    """
    everyone = sorted(receivers)
    all_of = [(policy, ofport) for policy, ofport, _ in everyone]
    if not network.is_private:
        return [(0, {}, all_of)]
    isolated = context.identifiers.group(network.id, None)
    found: list[tuple[int, Match, list[tuple[int, int]]]] = [
        (0, GROUP(0), all_of),
        (0, GROUP(RESTRICTED, RESTRICTED), _heard(everyone, {0})),
    ]
    communities = {group for _, _, group in everyone} - {0, isolated}
    return found + [(1, GROUP(group), _heard(everyone, {0, group})) for group in sorted(communities)]


def _heard(receivers: Iterable[tuple[int, int, int]], groups: Collection[int]) -> list[tuple[int, int]]:
    return [(policy, ofport) for policy, ofport, group in receivers if group in groups]


def arrive(context: Context, network: Network, vlan: int) -> None:
    """What comes from another host with a MAC address that no port has."""
    if network.is_tunnelled:
        load = flow.load(GROUP, context.identifiers.group(network.id, None))
        context.flow(_BRIDGE, pipeline.PRIVATE_SENDER, 1, NETWORK(vlan), load, goto(pipeline.PRIVATE))


def state(context: Context, network: Network, port: Port) -> None:
    """Say of which group the MAC addresses of a port are, wherever it is."""
    if not network.is_private:
        return
    group = group_of(context, network, port)
    for mac in port_security.macs(port):
        subject = f"{mac} {network.id}"
        context.state(_FACT, subject, group)
        context.child("private", subject)
    for ip in port.fixed_ips:
        by_routers(context, network, port, ip.ip_address)


def compute(context: Context, subject: str) -> None:
    """The flows of a MAC address in a private VLAN."""
    mac, network_id = subject.split(" ")
    network = context.network(network_id)
    groups = cast(Collection[int], context.facts(_FACT, subject))
    if network is None or not network.is_private or not groups:
        return
    where = NETWORK(context.vlan(network_id))
    group = next(iter(groups)) if len(groups) == 1 else context.identifiers.group(network_id, None)
    sender: Match = {**where, "dl_src": mac}
    context.flow(_BRIDGE, pipeline.PRIVATE_SENDER, 10, sender, flow.load(GROUP, group), goto(pipeline.PRIVATE))
    _keep(context, network, group, _BY_MAC, {**where, "dl_dst": mac})


def by_routers(context: Context, network: Network, port: Port, address: str) -> None:
    """An address of a port is not reached by way of a router either, which would send it back into the network."""
    group = group_of(context, network, port)
    is_ipv6 = ":" in address
    macs = {one.mac_address for one in interface.on_network(context.view, network.id)}
    to: Match = {"proto": "ipv6", "ipv6_dst": address} if is_ipv6 else {"proto": "ip", "nw_dst": address}
    for mac in sorted(macs | ({service_mac(network.id)} if macs and is_ipv6 else set())):
        where: Match = {**NETWORK(context.vlan(network.id)), "dl_dst": mac, **to}
        _keep(context, network, group, _BY_ROUTER, where)


def _keep(context: Context, network: Network, group: int, priority: int, to: Match) -> None:
    """Drop what is sent to a port of a group by those who do not reach it."""
    if not group:
        return
    context.flow(_BRIDGE, pipeline.PRIVATE, priority, {**to, **GROUP(RESTRICTED, RESTRICTED)})
    if group != context.identifiers.group(network.id, None):
        context.flow(_BRIDGE, pipeline.PRIVATE, priority + 1, {**to, **GROUP(group)}, goto(pipeline.LEARN))

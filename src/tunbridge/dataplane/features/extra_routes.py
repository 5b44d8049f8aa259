"""Extra routes of a router, by one next hop or by several. Tables 74, 75 and 83.

A next hop is a port, a neighbour in a physical network, or one outside. Of several next hops to one destination each
gets a share of the packets, by their addresses as Linux does it (so fragments go together). The shares are a table of
fixed size, as Maglev fills it (Eisenbud et al., NSDI 2016, section 3.4): they are equal, and where a next hop goes or
comes, hardly more than its own packets change their way.
"""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import gateway, located, services
from tunbridge.dataplane.features.interface import Interface, into
from tunbridge.dataplane.flow import Action, goto
from tunbridge.dataplane.pipeline import NETWORK, SHARE, VIA
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Port, Router

_BRIDGE = names.INTEGRATION_BRIDGE
SHARES = 31
"""A prime, so that each next hop's steps through the table meet all of it; SHARE holds it."""


def compute(
    context: Context, router: Router, found: Sequence[Interface], outside: Sequence[gateway.Gateway], widest: int
) -> Mapping[str, Sequence[Action]]:
    """Destination -> the actions of its route; `widest`: the MTU of what may come from elsewhere."""
    hops: dict[str, list[str]] = {}
    for route in sorted(router.routes, key=lambda r: (r.destination, r.nexthop)):
        hops.setdefault(route.destination, []).append(route.nexthop)
    return {to: _route(context, router, to, by, found, outside, widest) for to, by in hops.items()}


def _route(
    context: Context, router: Router, destination: str, nexthops: Sequence[str], found: Sequence[Interface],
    outside: Sequence[gateway.Gateway], widest: int,
) -> Sequence[Action]:  # fmt: skip
    ways = {hop: actions for hop in nexthops if (actions := _by(context, hop, found, outside, widest)) is not None}
    if not ways:
        context.note(f"route to {destination}: no port has its next hop {', '.join(nexthops)}")
        return services.ask(Kind.no_host)
    if len(nexthops) > 1:
        up = [hop for hop in ways if _is_up(context, hop, found, outside)]
        ways = {hop: ways[hop] for hop in up or ways}  # none is as good as all
        for hop in nexthops:
            if _towards(hop, found) is None and (beyond := _beyond(hop, outside)) is not None:
                _watch(context, beyond, hop)
    return _shared(context, router, destination, ways)


def by_default(context: Context, router: Router, gateways: Sequence[gateway.Gateway]) -> Mapping[str, Sequence[Action]]:
    """Prefix of all addresses -> the actions of the route by the gateways: by the first one, or shared by all."""
    found = {}
    for version, prefix in gateway.DEFAULT.items():
        hops: dict[tuple[str, str], gateway.Gateway] = {}
        for one in gateways:
            if (hop := one.next_hop(version)) is not None:
                hops.setdefault((hop, one.network.id), one)
        names = list(hops) if router.shares_default else list(hops)[:1]
        ways = {(hop, id): gateway.via(context, hops[hop, id], hop) for hop, id in names}
        if len(names) > 1:
            for hop, id in names:
                _watch(context, hops[hop, id], hop)
            up = [(hop, id) for hop, id in names if not context.local.is_silent(id, hop)]
            ways = {name: ways[name] for name in up or names}
        if ways:
            found[prefix] = _shared(context, router, prefix, {" ".join(name): way for name, way in ways.items()})
    return found


def _watch(context: Context, beyond: gateway.Gateway, hop: str) -> None:
    """Have the agent ask whether a next hop outside answers, on the host that sends to it."""
    if beyond.is_here:
        context.state("alternatives", "", (beyond.network.id, hop))


def _shared(
    context: Context, router: Router, destination: str, ways: Mapping[str, Sequence[Action]]
) -> Sequence[Action]:
    """The actions of a route by several next hops: a share of the packets by each."""
    if len(ways) == 1:
        return next(iter(ways.values()))
    number = context.identifiers.next_hop(f"route {destination} {router.id}")
    for share, hop in enumerate(shares(ways)):
        where = {**VIA(number), **SHARE(share)}
        context.flow(_BRIDGE, pipeline.SEVERAL_HOPS, 10, where, *ways[hop])
    return [flow.load(VIA, number), flow.share(SHARES, number & 0xFFFF, SHARE), goto(pipeline.SEVERAL_HOPS)]


def shares(hops: Collection[str]) -> list[str]:
    """Which of the next hops has each share."""
    order = {hop: _preferences(hop) for hop in sorted(hops)}
    table: list[str | None] = [None] * SHARES
    while None in table:
        for hop, wishes in order.items():
            wish = next((w for w in wishes if table[w] is None), None)
            if wish is not None:
                table[wish] = hop
    return cast(list[str], table)


def _preferences(hop: str) -> list[int]:
    digest = hashlib.blake2b(hop.encode(), digest_size=8).digest()
    offset, skip = int.from_bytes(digest[:4]) % SHARES, int.from_bytes(digest[4:]) % (SHARES - 1) + 1
    return [(offset + step * skip) % SHARES for step in range(SHARES)]


def _by(
    context: Context, nexthop: str, found: Iterable[Interface], outside: Sequence[gateway.Gateway], widest: int
) -> list[Action] | None:
    """The actions that lead to a next hop; None when nobody has it."""
    way = _towards(nexthop, found)
    if way is None:
        beyond = _beyond(nexthop, outside)
        return None if beyond is None else gateway.via(context, beyond, nexthop)
    network = way.network
    moved = located.mac(context, nexthop, network.id)
    macs = [moved] if moved else sorted(cast(Iterable[str], context.facts("mac", f"{nexthop} {network.id}")))
    via = context.identifiers.next_hop(f"{nexthop} {network.id}")
    if macs:
        where = {**VIA(via), **NETWORK(way.vlan)}
        to = [flow.set_field("eth_dst", macs[0]), goto(pipeline.ROUTED)]
        context.flow(_BRIDGE, pipeline.NEXT_HOP, 20, where, *to)
    elif network.physical_network is not None:
        context.state("next-hop", network.id, nexthop)
    else:
        return None
    return [flow.load(VIA, via), *into(way, widest)]


def _towards(nexthop: str, found: Iterable[Interface]) -> Interface | None:
    """The interface on whose network a next hop is."""
    return next((one for one in found if any(_holds(s.cidr, nexthop) for _, s in one.addresses)), None)


def _beyond(nexthop: str, outside: Iterable[gateway.Gateway]) -> gateway.Gateway | None:
    """The gateway on whose network a next hop is."""
    return next((one for one in outside if any(_holds(s.cidr, nexthop) for s in one.subnets)), None)


def _is_up(context: Context, nexthop: str, found: Iterable[Interface], outside: Sequence[gateway.Gateway]) -> bool:
    """Whether a next hop is of use: a port that its host says is ACTIVE, or somebody who answers."""
    way = _towards(nexthop, found)
    if way is None:
        beyond = _beyond(nexthop, outside)
        return beyond is None or not context.local.is_silent(beyond.network.id, nexthop)
    if located.mac(context, nexthop, way.network.id):
        return True
    port = _port(context, way, nexthop)
    if port is None or port.host is None:
        return not context.local.is_silent(way.network.id, nexthop)
    return context.view.port_status(port.id) == "ACTIVE"


def _port(context: Context, way: Interface, address: str) -> Port | None:
    ports = (context.view.port(id) for id in context.view.network_ports(way.network.id))
    return next((p for p in ports if p is not None and any(ip.ip_address == address for ip in p.fixed_ips)), None)


def _holds(cidr: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)

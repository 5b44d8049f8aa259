"""An address of a router on its external network that is on this host: it answers there, and packets to it are taken.

Shared by gateways (gateway.py) and floating IPs (floating.py). Each such address belongs to one MAC address, and both
to one host.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import metering, neighbour, port_security, services, uplink, wire
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import ARRIVED, CHECKED, EGRESS_CHECKED, EXIT, NETWORK, RESOLVED, ROUTER_NUMBER, VIA
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Network, Port, Router

_BRIDGE = names.INTEGRATION_BRIDGE
ETHERNET = 14
"""Bytes of an Ethernet header."""
ECHO = {4: ("icmp", 8, 0), 6: ("icmp6", 128, 129)}
"""IP version -> protocol, type of an echo request, and of its reply."""


class Outside(Struct, frozen=True):
    """The external network of a router on this host, and a port of it that is the router's."""

    router: int
    zone: int
    network: Network
    vlan: int
    mac: str
    metered: tuple[Action, ...]
    """Counts for metering labels what leaves."""
    exit: int | None = None
    """Which of the router's external networks it is; None: the only one."""

    @property
    def where(self) -> Match:
        """What is in the network, and for the port."""
        return {**NETWORK(self.vlan), "dl_dst": self.mac}

    @property
    def led(self) -> Match:
        """What the router leads to the network."""
        return {**ROUTER_NUMBER(self.router), **({} if self.exit is None else EXIT(self.exit))}


def exits(context: Context, router: Router) -> list[str]:
    """The external networks of a router, that of its first gateway first."""
    ports = (context.view.port(id) for id in router.gateways)
    return list(dict.fromkeys(port.network_id for port in ports if port is not None))


def outside(context: Context, router_id: str, port: Port) -> Outside | None:
    """Have the external network on this host; None, and a note, where it cannot be had."""
    network = context.network(port.network_id)
    if network is None or not network.admin_state_up:
        return None
    obstacle = uplink.obstacle(context, network)
    if network.physical_network is None:
        obstacle = f"it is of type {network.network_type}, and gateways are on physical networks only"
    if obstacle is not None:
        context.note(f"external network {network.id} cannot be reached from here: {obstacle}")
        return None
    wire.want(context, network.id)
    ids = context.identifiers
    vlan = context.vlan(network.id, unwritten=True)
    router = context.view.router(router_id)
    among = [] if router is None else exits(context, router)
    is_first = network.id in among[:1] or network.id not in among
    # In one zone a connection that changes its way would keep the address that it has in the other network.
    zone = ids.nat_zone(router_id) if is_first else ids.nat_zone(router_id, network.id)
    exit = among.index(network.id) if len(among) > 1 and network.id in among else None
    context.state("from-outside", router_id)
    context.permit("zone", str(zone), router_id)
    metered = metering.outside(context, router_id, network.id)
    return Outside(ids.router(router_id), zone, network, vlan, port.mac_address, metered, exit)


def take(
    context: Context,
    place: Outside,
    match: Match,
    arrived: int,
    onwards: Action,
    protocol: str = "ip",
    before: int = 0,
    limits: Sequence[Action] = (),
) -> None:
    """Packets to the port, from outside or from a workload of the external network, go on in the router.

    `before`: how far it stands before what else is taken of the port. `limits`: meters that they pass first.
    """
    proto: Match = {**place.where, "proto": protocol, **match}
    start = [flow.load(ROUTER_NUMBER, place.router), flow.load(ARRIVED, arrived), onwards]
    allowed: Match = {**proto, "ct_state": "-rpl+trk", **CHECKED(EGRESS_CHECKED)}
    context.flow(_BRIDGE, pipeline.ROUTER, 20 + before, allowed, *limits, flow.commit(EGRESS_CHECKED), *start)
    context.flow(_BRIDGE, pipeline.ROUTER, 10 + before, proto, *limits, *start)
    context.flow(_BRIDGE, pipeline.ROUTER, 5, place.where)


def answer(context: Context, place: Outside, address: str) -> None:
    """Answer for an address, and let routers of this host reach it, which a question on the wire would not."""
    if ":" in address:
        context.flow(_BRIDGE, pipeline.ROUTER, 30, _asked(place.vlan, address), *services.ask(Kind.solicited))
    else:
        answers = neighbour.answer_arp(address, place.mac)
        context.flow(_BRIDGE, pipeline.ROUTER, 30, _asked(place.vlan, address), *answers)
    answer_wire(context, place.network, place.vlan, address, place.mac)
    go_around(context, place.vlan, place.mac, [address])


def go_around(context: Context, vlan: int, mac: str, addresses: Iterable[str]) -> None:
    """What a router here sends to a router's addresses begins again in that router: it has them on this host."""
    for address in addresses:
        to: Match = {**NETWORK(vlan), **_towards(address)}
        context.flow(_BRIDGE, pipeline.NEXT_HOP, 10, to, flow.set_field("eth_dst", mac), goto(pipeline.ROUTED))
    clear = [flow.load(field, 0) for field in (VIA, RESOLVED, ARRIVED)]
    # conntrack would take the packet for one of the connection that the other router, or this one, has just looked up.
    where: Match = {**NETWORK(vlan), "dl_dst": mac}
    context.flow(_BRIDGE, pipeline.DESTINATION, 12, where, flow.CT_CLEAR, *clear, goto(pipeline.ROUTER))


def answer_wire(context: Context, network: Network, vlan: int, address: str, mac: str) -> None:
    """Answer a physical network that asks who has an address, and tell it that the address is here."""
    patch = uplink.patch(context, network)
    if patch is None:
        return
    is_arp = ":" not in address
    actions = _outwards(neighbour.arp_reply(address, mac)) if is_arp else services.ask(Kind.solicited)
    context.flow(_BRIDGE, pipeline.ROUTER, 31, {**_asked(vlan, address), "in_port": patch}, *actions)
    context.claim(network.id, address, mac)


def _asked(vlan: int, address: str) -> Match:
    """The question who has an address."""
    if ":" in address:
        return {**NETWORK(vlan), "proto": "icmp6", "icmp_type": port_security.NS, "nd_target": address}
    return {**NETWORK(vlan), "proto": "arp", "arp_op": 1, "arp_tpa": address}


def _towards(address: str) -> Match:
    return {"proto": "ipv6", "ipv6_dst": address} if ":" in address else {"proto": "ip", "nw_dst": address}


def answer_ping(context: Context, router: int, network: Network, address: str) -> None:
    """Answer ping that comes in from a physical network."""
    patch = uplink.patch(context, network)
    if patch is not None:
        proto, request, reply = ECHO[6 if ":" in address else 4]
        asked: Match = {**_towards(address), "proto": proto, "icmp_type": request, "in_port": patch}
        where = {**ROUTER_NUMBER(router), **asked}
        context.flow(_BRIDGE, pipeline.ROUTES, 302, where, *_outwards(flow.answer_echo(address, reply)))


def _outwards(actions: Sequence[Action]) -> list[Action]:
    """Send an answer back to the wire that the question came from."""
    return [*actions, *flow.push_network(), flow.TO_IN_PORT]


def enter(place: Outside, widest: int) -> list[Action]:
    """The actions that lead a router's packet into the external network; `widest`: MTU of what it may come from."""
    mtu = place.network.mtu
    check = [flow.check_larger(mtu + ETHERNET, pipeline.TOO_BIG)] if widest > mtu else []
    clear = [flow.load(EXIT, 0)] if place.exit else []
    return [flow.load(NETWORK, place.vlan), *clear, *check, goto(pipeline.NEXT_HOP)]


def leave(
    context: Context, place: Outside, match: Match, source: str | None, protocol: str = "ip", helper: str = "",
    limits: Sequence[Action] = (), before: int = 0,
) -> None:  # fmt: skip
    """Out of the router into the external network, from the port, with a translated source.

    `source` "": with the one that its connection is known to have, None: as it is. `helper`: what it speaks.
    `limits`: meters that it passes first. `before`: how far it stands before what else leaves.
    """
    where: Match = {**ROUTER_NUMBER(place.router), **NETWORK(place.vlan), "proto": protocol, **match}
    onwards = (
        wire.into(context, place.network.id)
        if source is None
        else flow.translate(place.zone, pipeline.TRANSLATED, source=source or None, helper=helper)
    )
    actions = [
        *limits,
        *place.metered,
        flow.dec_ttl(),
        flow.set_field("eth_src", place.mac),
        flow.FROM_NOWHERE,
        *(flow.load(field, 0) for field in (CHECKED, ARRIVED, pipeline.SENDER)),
        *([] if source is None else [flow.load(pipeline.TO_TRANSLATE, int(source != ""))]),
        onwards,
    ]
    priority = 20 if match.keys() - {"tp_dst"} else 10
    context.flow(_BRIDGE, pipeline.ROUTED, priority + before + (5 if helper else 0), where, *actions)


def limit(context: Context, place: Outside, source: str, limits: Sequence[Action]) -> None:
    """What leaves with an address that it was given in `leave` passes meters."""
    if limits:
        where: Match = {**NETWORK(place.vlan), "proto": "ip", "nw_src": source}
        context.flow(_BRIDGE, pipeline.TRANSLATED, 15, where, *limits, wire.into(context, place.network.id))

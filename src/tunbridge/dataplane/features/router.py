"""A router: what is sent to its MAC addresses is forwarded to another of its networks. Tables 73 to 76.

A packet to the MAC address of an interface has passed the sender's egress rules. It is committed in the zone of the
network that it came from, gets its route, its next hop's MAC address and one hop less, and is looked up in the zone of
the network that it goes on in, where the ingress rules of a local receiver judge it: as if it had come from another
host. So a connection through a router is known in two zones, each with the two ends that it has there.

Each host routes what its own workloads send, so that the MAC address of an interface is that of a port which is on
every host. It is told to workloads only: what leaves into a physical network has the host's own address
(`addresses.host_mac`), or the switches there would see one address in many places.

The agent answers where flows cannot: time exceeded, no route, no such host, closed ports of the router, packets that
are larger than the MTU of the network that they would be forwarded to.
"""

import ipaddress
from collections.abc import Sequence
from types import MappingProxyType

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import host_mac, service_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import external, extra_routes, gateway, metering, neighbour, services, uplink, wire
from tunbridge.dataplane.features.interface import Interface, find, into
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import CHECKED, EGRESS_CHECKED, NETWORK, ROUTER_NUMBER, TOO_BIG
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Router

_BRIDGE = names.INTEGRATION_BRIDGE
_OWN, _EXPIRED, _LINK_LOCAL, _ROUTE = 300, 290, 280, 10
"""Priorities in the table of routes; a route has _ROUTE and twice the length of its prefix, and its rank more."""
_BY_DEFAULT, _EXTRA, _CONNECTED = -1, 0, 1
"""Ranks of routes with one prefix: to the outside by default, extra ones, those to subnets that are there."""


def common() -> list[Flow]:
    """Flows that all routers share."""
    flows = []
    for proto in ("ip", "ipv6"):
        # Traceroute and loops: the last hop is told. A router's own address is no hop more.
        flows += [
            flow.make(pipeline.ROUTES, _EXPIRED, {"proto": proto, "nw_ttl": ttl}, services.ask(Kind.expired))
            for ttl in (0, 1)
        ]
        flows.append(flow.make(pipeline.ROUTES, 1, {"proto": proto}, services.ask(Kind.no_route)))
        flows.append(flow.make(pipeline.NEXT_HOP, 1, {"proto": proto}, services.ask(Kind.no_host)))
        flows.append(flow.make(pipeline.NEXT_HOP, 30, {"proto": proto, **TOO_BIG(1)}, services.ask(Kind.too_big)))
    flows.append(flow.make(pipeline.ROUTES, _LINK_LOCAL, {"proto": "ipv6", "ipv6_dst": "fe80::/10"}, []))
    return [*flows, *gateway.common(), *wire.common()]


def compute(context: Context, router_id: str) -> None:
    """Everything of one router that workloads here may send to."""
    router = context.view.router(router_id)
    if router is None or not router.admin_state_up:
        return
    number = context.identifiers.router(router_id)
    is_here = gateway.host_of(context, router) == context.local.host
    found = [one for id in router.interfaces if (one := find(context, id)) is not None]
    outside = gateway.find(context, router)
    gateway.watch(context, router)
    widest = max((one.network.mtu for one in found), default=0)
    if outside and context.facts("from-outside", router_id):
        widest = max(widest, *(one.network.mtu for one in outside))
    metered = metering.inside(context, router)
    led: set[str] = set()
    for interface in found:
        wire.want(context, interface.network.id)
        _arrive(context, number, interface, is_here)
        _own_addresses(context, number, interface, is_here)
        _leave(context, number, interface, is_here, metered, led)
        _chain(context, interface)
        gateway.tunnel(context, router, interface.network, interface.vlan, interface.port.mac_address)
        for _, subnet in interface.addresses:
            _route(context, number, subnet.cidr, _CONNECTED, into(interface, widest))
    if outside:
        _outside(context, number, router, outside, found)
    if outside or any(len(context.view.network_routers(one.network.id)) > 1 for one in found):
        own = [address for one in found for address, _ in one.addresses]
        for address in (*own, *(address for one in outside for address in one.addresses)):
            _answer_ping_around(context, number, address)
    for prefix, actions in extra_routes.compute(context, router, found, outside, widest).items():
        _route(context, number, prefix, _EXTRA, actions)
    for id in context.view.router_floating_ips(router_id):
        context.child("floating", id)


def _outside(
    context: Context, number: int, router: Router, outside: Sequence[gateway.Gateway], found: Sequence[Interface]
) -> None:
    for address in (address for one in outside for address in one.addresses):
        is_six = ":" in address
        # An answer to what was translated to an IPv4 address may come from inside: it goes on, to the gateway. From
        # outside only answers come in, and the rest is dropped silently.
        rest: Match = pipeline.ARRIVED(0) if is_six else {**pipeline.ARRIVED(0), "nw_ttl": 1}
        _answer(context, number, address, 6 if is_six else 4, rest)
    # A new subnet outside is not refused where a router has its prefix inside: there it stays inside.
    inside = {subnet.cidr for one in found for _, subnet in one.addresses}
    for cidr, to in gateway.connected(outside).items():
        if cidr not in inside:
            _route(context, number, cidr, _CONNECTED, to)
    # Of several networks what answers by a certain one comes between: gateway.answer_by.
    rank = _BY_DEFAULT if all(one.exit is None for one in outside) else _BY_DEFAULT - 1
    for prefix, actions in extra_routes.by_default(context, router, outside).items():
        _route(context, number, prefix, rank, actions)
    gateway.lead(context, outside, [(one.network, one.vlan) for one in found])


def _chain(context: Context, interface: Interface) -> None:
    """Other routers on the network reach this one by its address: as a next hop, on this host."""
    network, mac = interface.network, interface.port.mac_address
    for address, _ in interface.addresses:
        context.state("mac", f"{address} {network.id}", mac)
    if len(context.view.network_routers(network.id)) > 1:
        external.go_around(context, interface.vlan, mac, [address for address, _ in interface.addresses])


def _arrive(context: Context, number: int, interface: Interface, is_here: bool) -> None:
    """What is sent to the interface's MAC address: by workloads here, and where the gateway host is here by all."""
    patch = None if interface.network.physical_network is None else uplink.patch(context, interface.network)
    if patch is not None and not is_here:
        # A frame that the switches send everywhere, since they do not know the address yet.
        flooded: Match = {**NETWORK(interface.vlan), "in_port": patch, "dl_dst": interface.port.mac_address}
        context.flow(_BRIDGE, pipeline.ROUTER, 30, flooded)
    macs = {interface.port.mac_address: interface.versions}
    if _is_advertised(context, interface):
        # The default route of router advertisements leads to the network's service address.
        macs[service_mac(interface.network.id)] = {6}
    route = [flow.load(ROUTER_NUMBER, number), goto(pipeline.ROUTES)]
    # The way to the gateway host is known by the interface's own address only: what else goes there is flooded.
    renamed = [flow.set_field("eth_dst", interface.port.mac_address), *route]
    for mac, versions in macs.items():
        where: Match = {**NETWORK(interface.vlan), "dl_dst": mac}
        start = route if mac == interface.port.mac_address else renamed
        for version in versions:
            proto: Match = {**where, "proto": "ip" if version == 4 else "ipv6"}
            allowed: Match = {**proto, "ct_state": "-rpl+trk", **CHECKED(EGRESS_CHECKED)}
            context.flow(_BRIDGE, pipeline.ROUTER, 20, allowed, flow.commit(EGRESS_CHECKED), *start)
            context.flow(_BRIDGE, pipeline.ROUTER, 10, proto, *start)
        if mac == interface.port.mac_address:
            context.flow(_BRIDGE, pipeline.ROUTER, 5, where)


def _is_advertised(context: Context, interface: Interface) -> bool:
    """Whether this router is the default one that the cloud advertises in the network: of several, the first."""
    gateways = services.gateways(context.view, interface.network.id)
    return bool(gateways) and min(gateways) == interface.port.id


def _own_addresses(context: Context, number: int, interface: Interface, is_here: bool) -> None:
    network = interface.network
    for address, subnet in interface.addresses:
        _answer(context, number, address, subnet.ip_version)
        _resolve(context, interface, address, subnet.ip_version)
        if is_here and network.physical_network is not None:
            # Machines there that are no ports have this router.
            external.answer_wire(context, network, interface.vlan, address, interface.port.mac_address)
            external.answer_ping(context, number, network, address)


def _answer(context: Context, number: int, address: str, version: int, where: Match = MappingProxyType({})) -> None:
    """Packets to an address of the router itself: it has nothing but ping. `where`: of whom it refuses the rest."""
    to = _answer_ping(context, number, address, version)
    rest = {**to, **where, "proto": "ip" if version == 4 else "ipv6"}
    context.flow(_BRIDGE, pipeline.ROUTES, _OWN, rest, *services.ask(Kind.closed))


def _answer_ping(context: Context, number: int, address: str, version: int) -> Match:
    target = {"nw_dst" if version == 4 else "ipv6_dst": address}
    to: Match = {**ROUTER_NUMBER(number), **target}
    proto, request, reply = external.ECHO[version]
    echo = {**to, "proto": proto, "icmp_type": request}
    context.flow(
        _BRIDGE, pipeline.ROUTES, _OWN + 1, echo, *flow.answer_echo(address, reply), *flow.back(pipeline.OUTPUT)
    )
    return to


def _answer_ping_around(context: Context, number: int, address: str) -> None:
    """Ping that comes from another router here: the reply goes back by that one, which may have to translate it."""
    proto, request, reply = external.ECHO[6 if ":" in address else 4]
    target = {"ipv6_dst" if ":" in address else "nw_dst": address}
    echo: Match = {**ROUTER_NUMBER(number), **target, "proto": proto, "icmp_type": request, "in_port": "ANY"}
    # In userspace each lookup is a step, of which a packet that came by a tunnel has none to spare (six in all).
    on = goto(pipeline.DESTINATION) if context.local.userspace else flow.anew(pipeline.DESTINATION)
    back = [*flow.answer_echo(address, reply), on]
    context.flow(_BRIDGE, pipeline.ROUTES, _OWN + 2, echo, *back)


def _resolve(context: Context, interface: Interface, address: str, version: int) -> None:
    """Answer for the router's address, to local workloads only; also when they ask by unicast whether it is there."""
    where = NETWORK(interface.vlan)
    table = pipeline.SERVICE_TABLE
    if version == 6:
        asked: Match = {**where, "proto": "icmp6", "icmp_type": 135, "nd_target": address}
        context.flow(_BRIDGE, table, 20, asked, *services.ask(Kind.neighbour))
        return
    asked = {**where, "proto": "arp", "arp_op": 1, "arp_tpa": address}
    context.flow(_BRIDGE, table, 12, asked, *neighbour.answer_arp(address, interface.port.mac_address))


def _route(context: Context, number: int, prefix: str, rank: int, actions: Sequence[Action]) -> None:
    net = ipaddress.ip_network(prefix)
    where: Match = {**ROUTER_NUMBER(number), "proto": "ip" if net.version == 4 else "ipv6"}
    text = flow.prefix(prefix)
    if text is not None:
        where = {**where, "nw_dst" if net.version == 4 else "ipv6_dst": text}
    context.flow(_BRIDGE, pipeline.ROUTES, _ROUTE + 2 * net.prefixlen + rank, where, *actions)


def _leave(
    context: Context, number: int, interface: Interface, is_here: bool, metered: Sequence[Action], led: set[str]
) -> None:
    """Into the interface's network: from the router, unfiltered, and known or not in the zone of that network.

    `metered`: counts for metering labels what came from outside. `led`: networks, each with an IP version, that an
    interface leads into already. Of several in one network, as of one with several IPv4 subnets, each leads into its
    own subnets, and the first to all else, by next hops.
    """
    network, mac = interface.network, interface.port.mac_address
    if network.physical_network is not None and not is_here:
        mac = host_mac(context.local.host)
    actions = [
        *metered,
        flow.dec_ttl(),
        flow.set_field("eth_src", mac),
        flow.load(CHECKED, 0),
        flow.load(pipeline.SENDER, 0),
        flow.FROM_NOWHERE,
        wire.into(context, network.id),
    ]
    for version in interface.versions:
        where = {**ROUTER_NUMBER(number), **NETWORK(interface.vlan), "proto": "ip" if version == 4 else "ipv6"}
        if f"{network.id} {version}" not in led:
            led.add(f"{network.id} {version}")
            context.flow(_BRIDGE, pipeline.ROUTED, 10, where, *actions)
            continue
        prefixes = (flow.prefix(subnet.cidr) for _, subnet in interface.addresses if subnet.ip_version == version)
        for prefix in filter(None, prefixes):
            to = {"nw_dst" if version == 4 else "ipv6_dst": prefix}
            context.flow(_BRIDGE, pipeline.ROUTED, 11, {**where, **to}, *actions)

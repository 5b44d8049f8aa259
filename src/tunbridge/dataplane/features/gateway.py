"""A router's gateway to its external network: routes to there, and who translates. Tables 67, 73, 74, 75 and 76.

What goes outside and is from no floating IP leaves on the router's gateway host. On the sender's host table 67 sends it
there as it is, in its own network, to the MAC address of the router's interface; so no other network is between. The
gateway host gives it the router's own address in the router's conntrack zone (or leaves it as it is, without
`enable_snat`). From outside only answers come in that way, and pings of the router. IPv6 is not translated, and
comes in as it is: who may be reached is for security groups to say.

A router may have gateways to several external networks, all on one host. Then table 74 says to which of them a packet
is routed (register field EXIT), and each network has a conntrack zone of the router's. What several gateways on one
network send leaves by the first of them.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, PortState
from tunbridge.dataplane.features import external, helpers, qos, services, uplink
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import ARRIVED, EXIT, NETWORK, OUT, ROUTER_NUMBER, TOO_BIG, VIA
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Network, Port, Router, Subnet
from tunbridge.model.gateway_order import candidates

_BRIDGE = names.INTEGRATION_BRIDGE
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
"""IP version -> the prefix of all addresses."""
_UNASKED = 295
"""Priority in the table of routes: after the router's own addresses."""
_ANSWERS = 9
"""Likewise of those by the source: before the default route, of a router with several external networks."""


class Gateway(Struct, frozen=True):
    """A router's port on its external network."""

    router: Router
    port: Port
    network: Network
    subnets: tuple[Subnet, ...]
    """All of the network."""
    host: str | None
    """The host that has it now, as this one sees it."""
    is_here: bool
    is_ready: bool
    """Whether this host has it, or is to take over."""
    exit: int | None
    """Which of the router's external networks it is on; None: on the only one."""
    leads: bool
    """Whether it is the first on its network."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses."""
        return tuple(ip.ip_address for ip in self.port.fixed_ips)

    @property
    def source(self) -> str | None:
        """The IPv4 address to which others are translated."""
        return next((address for address in self.addresses if ":" not in address), None)

    def next_hop(self, version: int) -> str | None:
        """The default gateway: that of the subnet of its first address."""
        used = [ip.subnet_id for ip in self.port.fixed_ips]
        subnets = [s for id in used for s in self.subnets if s.id == id and s.ip_version == version]
        return next((s.gateway_ip for s in subnets if s.gateway_ip is not None), None)


def common() -> list[Flow]:
    """What all gateways share."""
    table, routes = pipeline.OUTSIDE, pipeline.ROUTES
    unasked: Match = {"proto": "ip", **ARRIVED(1)}
    untranslated: Match = {"ct_state": "+trk-snat", **pipeline.TO_TRANSLATE(1)}
    return [
        # From outside to outside: a router of tenants' networks is no router of others'.
        *(flow.make(table, 30, ARRIVED(how), []) for how in (1, 2)),
        *(flow.make(table, 1, {"proto": proto}, services.ask(Kind.no_route)) for proto in ("ip", "ipv6")),
        # What no connection from inside has asked for, and is not for the router itself.
        flow.make(routes, _UNASKED, {**unasked, "ct_state": "+new+trk"}, []),
        flow.make(routes, _UNASKED, {**unasked, "ct_state": "+inv+trk"}, []),
        # It would go outside with an address of a tenant's: it is no part of a known connection; or it begins one, and
        # conntrack has no port left for it. The datapath in userspace hands that on as new, the kernel's drops it.
        flow.make(pipeline.TRANSLATED, 20, {"ct_state": "+inv+trk"}, []),
        flow.make(pipeline.TRANSLATED, 19, untranslated, services.note(Kind.no_port)),
    ]


def find(context: Context, router: Router) -> list[Gateway]:
    """A router's gateways, the first one first, as far as this host knows of them."""
    among = external.exits(context, router)
    found: list[Gateway] = []
    for port in (context.view.port(id) for id in router.gateways):
        network = None if port is None else context.network(port.network_id)
        if port is None or network is None:
            continue
        subnets = [context.view.subnet(id) for id in sorted(context.view.network_subnets(network.id))]
        host, here = host_of(context, router), context.local.host
        ready = here in (router.gateway_host, *router.gateway_standbys)
        exit = among.index(network.id) if len(among) > 1 else None
        leads = all(one.network.id != network.id for one in found)
        known = tuple(s for s in subnets if s is not None)
        found.append(Gateway(router, port, network, known, host, host == here, ready, exit, leads))
    return found


def host_of(context: Context, router: Router) -> str | None:
    """The host that has a router's gateway now: of those that may have it the first that is not known to be dead.

    Where all seem to be dead, that is the first; but for a host that is cut off itself, another one.
    """
    order = candidates(router.id, router.gateway_host, router.gateway_standbys)
    if (alive := next((host for host in order if not _is_dead(context, host)), None)) is not None:
        return alive
    others = (host for host in order if host != context.local.host)
    return next(others, router.gateway_host) if router.gateway_host == context.local.host else router.gateway_host


def watch(context: Context, router: Router) -> None:
    """Where hosts take over from each other, know which of them are alive."""
    for host in (router.gateway_host, *router.gateway_standbys) if router.gateway_standbys else ():
        context.state("gateway-hosts", "", host)


def _is_dead(context: Context, name: str) -> bool:
    if name == context.local.host:
        return context.local.is_cut_off
    host = context.view.host(name)
    return host is not None and host.tunnel_ip is not None and context.local.is_dead(host.tunnel_ip)


def connected(gateways: Iterable[Gateway]) -> dict[str, list[Action]]:
    """Prefix -> the actions of a route to a subnet outside."""
    return {subnet.cidr: _to(one) for one in gateways for subnet in one.subnets}


def _to(gateway: Gateway) -> list[Action]:
    return [*([flow.load(EXIT, gateway.exit)] if gateway.exit else []), goto(pipeline.OUTSIDE)]


def via(context: Context, gateway: Gateway, hop: str) -> list[Action]:
    """The actions of a route by a next hop outside."""
    context.state("next-hop", gateway.network.id, hop)
    if gateway.is_ready:
        context.state("next-hop-outside", "", (gateway.network.id, hop))
    number = context.identifiers.next_hop(f"{hop} {gateway.network.id}")
    return [flow.load(VIA, number), *_to(gateway)]


def answer_by(context: Context, router: Router, place: external.Outside, match: Match) -> None:
    """What answers by an address of one of several external networks leaves by that network, whatever the default."""
    if place.exit is None:
        return
    there = (one for one in find(context, router) if one.exit == place.exit)
    hops = ((one, hop) for one in there if (hop := one.next_hop(4)) is not None)
    for one, hop in hops:
        where: Match = {**ROUTER_NUMBER(place.router), **match}
        context.flow(_BRIDGE, pipeline.ROUTES, _ANSWERS, where, *via(context, one, hop))
        return


def lead(context: Context, gateways: Sequence[Gateway], inside: Iterable[tuple[Network, int]]) -> None:
    """The way to gateways of a router; `inside`: the networks of its interfaces, with their local VLANs."""
    for gateway in gateways:
        if gateway.is_ready:
            context.child("gateway", gateway.port.id)
    first, mtu = gateways[0], max(one.network.mtu for one in gateways)
    if not first.is_here and first.host is not None:
        for network, vlan in inside:
            _elsewhere(context, first.router, mtu, network, vlan)


def compute(context: Context, port_id: str) -> None:
    """Everything of a gateway that is on this host; `port_id`: of its port."""
    port = context.view.port(port_id)
    router = None if port is None else context.view.router(port.device_id)
    gateway = None if router is None else next((g for g in find(context, router) if g.port.id == port_id), None)
    if router is None or gateway is None or not gateway.is_ready:
        return
    place = external.outside(context, router.id, gateway.port)
    if place is None:
        if gateway.is_here:
            context.port_state(port_id, PortState("error", "its network cannot be reached from its host"))
        return
    networks = (context.network(id) for id in router.networks)
    _here(context, gateway, place, max((network.mtu for network in networks if network is not None), default=0))
    if gateway.is_here:
        context.port_state(port_id, PortState("wired", bridge=uplink.bridge(context, gateway.network)))


def _here(context: Context, gateway: Gateway, place: external.Outside, widest: int) -> None:
    """All that translates is there before the gateway is, and after it was: so a planned move loses no packet."""
    router = gateway.router
    is_first = gateway.port.id == router.gateway_port
    sent, received = qos.outside(context, gateway.port.id, router.gateway_qos_policy_id if is_first else None)
    proxied = (router.ndp_addresses or ()) if is_first else ()
    for address in (*gateway.addresses, *proxied) if gateway.is_here else ():
        external.answer(context, place, address)
    for address in gateway.addresses:
        external.answer_ping(context, place.router, place.network, address)
    if router.ndp_addresses is None:
        external.take(context, place, {}, 2, goto(pipeline.ROUTES), "ipv6", limits=received)
    for address in () if router.ndp_addresses is None else (*gateway.addresses, *proxied):
        if ":" in address:
            external.take(context, place, {"ipv6_dst": address}, 2, goto(pipeline.ROUTES), "ipv6", limits=received)
    if router.enable_snat and gateway.source is not None:
        external.take(context, place, {}, 1, flow.translate(place.zone, pipeline.ROUTES), limits=received)
    else:
        external.take(context, place, {}, 2, goto(pipeline.ROUTES), limits=received)
    if gateway.leads:
        _leave(context, gateway, place, sent)
        _lead_out(context, gateway, place, widest)


def _leave(context: Context, gateway: Gateway, place: external.Outside, sent: list[Action]) -> None:
    """What goes to the network leaves from the gateway's port."""
    router = gateway.router
    external.leave(context, place, {}, None, "ipv6", limits=sent)
    if not router.enable_snat or gateway.source is None:
        external.leave(context, place, {}, None, limits=sent)
        return
    external.leave(context, place, {}, gateway.source)
    for helper, protocol, match in helpers.of(router):
        external.leave(context, place, match, gateway.source, protocol, helper)
    # Answers from forwarded ports leave by the same flows, with the address of their floating IP.
    external.limit(context, place, gateway.source, sent)
    helpers.expect(context, router, place)
    context.permit("masquerade", str(place.zone), gateway.source)


def _lead_out(context: Context, gateway: Gateway, place: external.Outside, widest: int) -> None:
    router = gateway.router
    if gateway.is_here:
        context.flow(_BRIDGE, pipeline.OUTSIDE, 10, place.led, *external.enter(place, widest))
        return
    host = None if gateway.host is None else context.view.host(gateway.host)
    if host is not None and host.tunnel_ip is not None and context.local.is_vouched(host.tunnel_ip):
        return  # whoever sends it here is cut off from the gateway, as this host is
    # Who sends it here knows already, or knows still, that the gateway is here.
    inside = [network for id in router.networks if (network := context.network(id)) is not None]
    for patch in {uplink.patch(context, network) for network in inside} - {None}:
        where: Match = {**place.led, "in_port": patch}
        context.flow(_BRIDGE, pipeline.OUTSIDE, 12, where, *external.enter(place, widest))


def _elsewhere(context: Context, router: Router, mtu: int, network: Network, vlan: int) -> None:
    """To the gateway host, in the network that the packet is in; `mtu`: of the widest external network."""
    out = uplink.patch(context, network)
    if out is None:
        return
    number = context.identifiers.router(router.id)
    remote = context.identifiers.next_hop(f"gateway {router.id}")
    check = [flow.check_larger(mtu + external.ETHERNET, TOO_BIG)] if network.mtu > mtu else []
    where = {**ROUTER_NUMBER(number), **NETWORK(vlan)}
    context.flow(_BRIDGE, pipeline.OUTSIDE, 10, where, flow.load(VIA, remote), *check, goto(pipeline.NEXT_HOP))
    there = {**VIA(remote), **NETWORK(vlan)}
    context.flow(_BRIDGE, pipeline.NEXT_HOP, 20, there, flow.load(OUT, out), goto(pipeline.OUTPUT))


def tunnel(context: Context, router: Router, network: Network, vlan: int, mac: str) -> None:
    """In br-tun, packets to the MAC address of a router's interface go to its gateway host."""
    name = host_of(context, router)
    if name is None or name == context.local.host or not network.is_tunnelled or network.segmentation_id is None:
        return
    host, type = context.view.host(name), network.network_type
    port = None if host is None or host.tunnel_ip is None else context.local.tunnel(host.tunnel_ip, type)
    if port is not None:
        actions = [flow.pop_vlan(), flow.set_tunnel(network.segmentation_id), flow.output(port)]
        where = {"dl_vlan": vlan, "dl_dst": mac}
        context.flow(names.TUNNEL_BRIDGE, pipeline.UCAST_TO_TUN, 2, where, *actions)

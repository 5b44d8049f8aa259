"""A floating IP: an address outside that is a port's behind a router. Tables 67, 73, 75, 76 and 77.

It is on the host of its port where that has a bridge to the external network and the router is distributed, and on the
router's gateway host otherwise. There it answers with the MAC address of its own port, and a packet to it gets the
fixed IP in the router's conntrack zone and is routed; a packet from the fixed IP to the outside gets the floating IP.
Where several ports may have the fixed IP, its port is the one that has it now (located.py). One that has port
forwardings instead leads to no port as a whole: forwarding.py.
"""

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, PortState
from tunbridge.dataplane.features import external, forwarding, gateway, helpers, located, qos, uplink
from tunbridge.dataplane.flow import Match
from tunbridge.dataplane.view import Network, Port, Router


def compute(context: Context, id: str) -> None:
    """Everything of one floating IP; nothing where it is another host's. `id`: of its own port."""
    floating = context.view.floating_ip(id)
    router = None if floating is None else context.view.router(floating.router_id)
    own = None if floating is None else context.view.port(id)
    if floating is None or router is None or own is None or not router.admin_state_up:
        return
    if floating.port_id is None or floating.fixed_ip is None:
        forwarding.compute(context, floating, router, own)
        return
    port = context.view.port(floating.port_id)
    if port is not None:
        port = located.owner(context, floating.fixed_ip, port.network_id) or port
    network = context.network(own.network_id)
    if port is None or network is None or port.host is None or not port.admin_state_up:
        return
    here, near = context.local.host, router.is_distributed and _is_near(context, port.host, network)
    active = port.host if near else gateway.host_of(context, router)
    ready = {active} if near else {router.gateway_host, *router.gateway_standbys}
    place = external.outside(context, router.id, own) if here in ready else None
    if place is not None:
        limits = qos.outside(context, id, floating.qos_policy_id or network.qos_policy_id)
        _translate(context, router, floating.address, floating.fixed_ip, port, place, active == here, limits)
        _help(context, router, floating.address, floating.fixed_ip, place, limits)
        if active == here:
            context.port_state(id, PortState("wired", bridge=uplink.bridge(context, network)))


def _is_near(context: Context, host: str, network: Network) -> bool:
    """Whether a host has a bridge to an external network."""
    if network.physical_network is None:
        return False
    if host == context.local.host:
        return uplink.obstacle(context, network) is None
    known = context.view.host(host)
    return known is not None and network.physical_network in known.physical_networks


def _translate(
    context: Context, router: Router, address: str, fixed: str, port: Port, place: external.Outside, is_here: bool,
    limits: qos.Passed,
) -> None:  # fmt: skip
    sent, received = limits
    if is_here:
        external.answer(context, place, address)
    inwards = flow.translate(place.zone, pipeline.ROUTES, target=fixed)
    external.take(context, place, {"nw_dst": address}, 2, inwards, limits=received)
    source: Match = {"nw_src": fixed}
    external.leave(context, place, source, address, limits=sent)
    gateway.answer_by(context, router, place, {"proto": "ip", **source})
    where = {**place.led, "proto": "ip", **source}
    network = context.network(port.network_id)
    widest = 0 if network is None else network.mtu
    context.flow(names.INTEGRATION_BRIDGE, pipeline.OUTSIDE, 20, where, *external.enter(place, widest))
    context.permit("translate", str(place.zone), fixed, address)


def _help(
    context: Context, router: Router, address: str, fixed: str, place: external.Outside, limits: qos.Passed
) -> None:
    sent, received = limits
    for helper, protocol, match in helpers.of(router):
        inwards = flow.translate(place.zone, pipeline.ROUTES, target=fixed, helper=helper)
        external.take(context, place, {"nw_dst": address, **match}, 2, inwards, protocol, 1, received)
        external.leave(context, place, {"nw_src": fixed, **match}, address, protocol, helper, sent)

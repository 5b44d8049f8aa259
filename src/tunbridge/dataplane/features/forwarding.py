"""Port forwardings: TCP and UDP ports of a floating IP that lead to ports behind its router. Tables 73 and 76.

The address is on the router's gateway host: ports of several VMs, on any hosts, share it, and their answers come by
there anyway. What is sent to one of its ports gets the address and the port that it leads to in the router's conntrack
zone; everything else to the address is looked up there, which finds ICMP errors of connections that are known, and the
rest is refused as what nobody asked for is. Later fragments of a datagram name no port, and are refused.

A range of ports that lead to the same numbers, or all to one, is a few flows with masks; one that is shifted needs a
flow for each port, since conntrack chooses any port of a range.

A host that takes the gateway over does not know the connections. Whoever sends next makes them known again, the client
as at the beginning; the VM by flows of its own, which give its answers the floating IP and the port that they had. That
is for TCP, where a VM's answers are no beginnings of its own connections, for ports of which each leads to another, and
with SNAT: without it, what is not known may be a connection to the VM's own address.
"""

from collections.abc import Iterator, Sequence

from tunbridge.dataplane import flow, pipeline
from tunbridge.dataplane.contribution import Context, PortState
from tunbridge.dataplane.features import external, gateway, qos, uplink
from tunbridge.dataplane.features.policy import masked
from tunbridge.dataplane.flow import Action, Match
from tunbridge.dataplane.view import FloatingIp, Port, PortForwarding, Router

_WHOLE = 0xFFFF
_PROTOCOLS = {6: "tcp", 17: "udp"}


def compute(context: Context, floating: FloatingIp, router: Router, own: Port) -> None:
    """Everything of a floating IP with port forwardings, where its router's gateway is or may be.

    Only where it is, the address is answered for.
    """
    forwardings = sorted(context.view.forwardings(floating.api_id), key=lambda one: one.id)
    if not forwardings or context.local.host not in (router.gateway_host, *router.gateway_standbys):
        return
    place = external.outside(context, router.id, own)
    if place is None:
        return
    is_here = gateway.host_of(context, router) == context.local.host
    if is_here:
        external.answer(context, place, floating.address)
    external.answer_ping(context, place.router, place.network, floating.address)
    sent, received = qos.outside(context, floating.id, floating.qos_policy_id or place.network.qos_policy_id)
    unasked = flow.translate(place.zone, pipeline.ROUTES)
    external.take(context, place, {"nw_dst": floating.address}, 1, unasked, before=1, limits=received)
    external.limit(context, place, floating.address, sent)
    for one in forwardings:
        port = context.view.port(one.port_id)
        if one.protocol in _PROTOCOLS and port is not None and port.admin_state_up:
            _forward(context, router, place, floating.address, one, received)
            if not router.enable_snat:
                _answers(context, place, one)
            elif _PROTOCOLS[one.protocol] == "tcp" and (one.one_to_one or one.first == one.last):
                _resume(context, place, floating.address, one)
    if is_here:
        context.port_state(floating.id, PortState("wired", bridge=uplink.bridge(context, place.network)))


def _forward(
    context: Context, router: Router, place: external.Outside, address: str, one: PortForwarding,
    received: Sequence[Action],
) -> None:  # fmt: skip
    proto = _PROTOCOLS[one.protocol]
    for ports, inner in _pieces(one):
        target = one.fixed_ip if inner is None else f"{one.fixed_ip}:{inner}"
        to = flow.translate(place.zone, pipeline.ROUTES, target=target)
        external.take(context, place, {"nw_dst": address, "tp_dst": ports}, 2, to, proto, 2, received)
    for value, mask in masked(one.inner, one.inner_last):
        gateway.answer_by(
            context, router, place, {"proto": proto, "nw_src": one.fixed_ip, "tp_src": _ports(value, mask)}
        )
    numbers = (one.protocol, one.first, one.last, one.inner, int(one.one_to_one))
    context.permit("forward", str(place.zone), one.fixed_ip, address, *map(str, numbers))


def _answers(context: Context, place: external.Outside, one: PortForwarding) -> None:
    """Without SNAT nothing else brings a VM's answers to the router's zone, where they get the floating IP again."""
    for value, mask in masked(one.inner, one.inner_last):
        match: Match = {"nw_src": one.fixed_ip, "tp_src": _ports(value, mask)}
        external.leave(context, place, match, "", _PROTOCOLS[one.protocol])


def _resume(context: Context, place: external.Outside, address: str, one: PortForwarding) -> None:
    """What a VM sends within connections, as opposed to what begins one: an unknown one came by this forwarding."""
    for ports, inner in _pieces(one):
        source = address if inner is None else f"{address}:{ports}"
        match: Match = {"nw_src": one.fixed_ip, "tp_src": ports if inner is None else inner, "tcp_flags": "+ack"}
        external.leave(context, place, match, source, "tcp", before=2)


def _pieces(one: PortForwarding) -> Iterator[tuple[int | str, int | None]]:
    """Ports as a match has them, and the one that these lead to; None: each to the same number."""
    if one.one_to_one and one.first != one.inner:
        for number in range(one.first, one.last + 1):
            yield number, one.inner + number - one.first
        return
    for value, mask in masked(one.first, one.last):
        yield _ports(value, mask), None if one.one_to_one else one.inner


def _ports(value: int, mask: int) -> int | str:
    return value if mask == _WHOLE else f"{value:#x}/{mask:#x}"

"""Copies of what a workload sends and receives, for another port of any host (API: tap services and tap flows).

Where a copy is made (mirror.py) it goes straight to the port of the service, if that is here. Else it goes through
br-tun to the port's host alone, with the tunnel id of the service, which no network has; there it is handed from br-tun
to the port. Between br-int and br-tun the packet mark names the service, since patch ports keep it: a copy has no VLAN
tag, so that no flow for a network's packets can ever be about it.

    here      18 or 101 ─> out                           (to a trunk's sub-port: ─> 100 with its tag)
    elsewhere 18 or 101 ─> patch-tun, br-tun 0 ─> tunnel ─> br-tun 0, 3 4 or 6 ─> patch-int, br-int 0 ─> out

A copy of a frame with a VLAN tag of a VM's own goes to a service on this host only: between bridges, the tag would be
taken for a network.

A copy is in no table where copies are made: none is copied again. It passes no rules, limits or port security.

Owners: a tap service that has its port here, or is the service of a local port's tap flow; and a tap flow.
"""

from collections.abc import Iterator
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, PortState
from tunbridge.dataplane.features import tags
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import OUT
from tunbridge.dataplane.view import Tap, TapService

_UNTAGGED: Match = {"vlan_tci": "0x0000/0x1000"}
"""A copy, and no network's packet, whatever mark that has: a firewall of the host may set it for tunnels."""
_INTEGRATION, _TUNNEL = names.INTEGRATION_BRIDGE, names.TUNNEL_BRIDGE


def receive(context: Context, port_id: str, ofport: int) -> None:
    """What a wired local port has to do with tap services and flows."""
    for id in context.view.tap_services(port_id):
        context.state("tapped", id, ofport)
        context.child("tap", id)
    for tap in context.view.taps(port_id):
        context.child("tap", tap.service_id)
        context.child("tap flow", tap.id)


def compute(context: Context, service_id: str) -> None:
    """How copies for one service leave this host, or come to its port here."""
    service = context.view.tap_service(service_id)
    if service is None:
        return
    ofport = _receiver(context, service)
    if ofport is not None:
        context.port_state(service.id, PortState("wired", bridge=_TUNNEL))
        _arrive(context, service, ofport)
    if service.host != context.local.host:
        _leave(context, service)


def compute_flow(context: Context, id: str) -> None:
    """Whether what a tap flow asks for is done here."""
    tap = context.view.tap(id)
    if tap is not None:
        done, nowhere = _copy(context, tap) is not None, PortState("down", "its copies have nowhere to go")
        context.port_state(id, PortState("wired", bridge=_TUNNEL) if done else nowhere)


def copies(context: Context, port_id: str, received: bool, tagged: bool = False) -> Iterator[Action]:
    """The copies of what a port sends, or of what it receives; of frames with a tag only those for services here."""
    for tap in context.view.taps(port_id):
        if tagged and not _is_here(context, tap):
            continue
        if (tap.received if received else tap.sent) and (copy := _copy(context, tap)) is not None:
            yield copy


def _is_here(context: Context, tap: Tap) -> bool:
    service = context.view.tap_service(tap.service_id)
    return service is not None and service.host == context.local.host


def _copy(context: Context, tap: Tap) -> Action | None:
    """A copy for a service; None while there is no way to its port. It may leave by the port that it came from."""
    service = context.view.tap_service(tap.service_id)
    if service is None or service.port_id == tap.port_id:
        return None
    if service.host == context.local.host:
        ofport = _receiver(context, service)
        return None if ofport is None else flow.clone([flow.FROM_NOWHERE, *_deliver(ofport)])
    patch = context.local.ofport(_INTEGRATION, names.PATCH_TO_TUNNEL)
    if patch is None or _tunnel(context, service) is None:
        return None
    return flow.clone([flow.FROM_NOWHERE, flow.set_mark(service.tunnel_id), flow.output(patch)])


def _receiver(context: Context, service: TapService) -> int | None:
    """The OpenFlow port of a service's port, if it is wired here; while it moves, it is on two hosts."""
    found = cast(Iterator[int], iter(context.facts("tapped", service.id)))
    return next(found, None)


def _deliver(ofport: int) -> list[Action]:
    if ofport >= pipeline.FIRST_SUB_PORT:
        return [flow.load(OUT, ofport), goto(pipeline.SUB_PORT)]
    return [flow.output(ofport)]


def _tunnel(context: Context, service: TapService) -> int | None:
    """The OpenFlow port in br-tun of the tunnel to the host of a service's port: of the first type, as taps go by."""
    host, type = None if service.host is None else context.view.host(service.host), context.local.tunnel_types[0]
    if host is None or host.tunnel_ip is None or type not in host.tunnel_types:
        return None
    return context.local.tunnel(host.tunnel_ip, type)


def _leave(context: Context, service: TapService) -> None:
    patch, tunnel = context.local.ofport(_TUNNEL, names.PATCH_TO_INTEGRATION), _tunnel(context, service)
    if patch is None or tunnel is None:
        return
    where = {"pkt_mark": f"{service.tunnel_id:#x}", "in_port": patch, **_UNTAGGED}
    actions = (flow.set_mark(0), flow.set_tunnel(service.tunnel_id), flow.output(tunnel))
    context.flow(_TUNNEL, pipeline.CLASSIFY, 2, where, *actions)


def _arrive(context: Context, service: TapService, ofport: int) -> None:
    inner = context.local.ofport(_INTEGRATION, names.PATCH_TO_TUNNEL)
    outer = context.local.ofport(_TUNNEL, names.PATCH_TO_INTEGRATION)
    if inner is None or outer is None:
        return
    key, table = f"{service.tunnel_id:#x}", pipeline.FROM_TUNNEL[context.local.tunnel_types[0]]
    context.flow(_TUNNEL, table, 2, {"tun_id": key}, flow.set_mark(service.tunnel_id), flow.output(outer))
    context.flow(_TUNNEL, table, 3, {"tun_id": key, **tags.TAGGED})
    where = {"pkt_mark": key, "in_port": inner, **_UNTAGGED}
    context.flow(_INTEGRATION, pipeline.LOCAL_SWITCHING, 30, where, flow.set_mark(0), *_deliver(ofport))

"""Copies of what a workload sends and receives, in GRE or ERSPAN tunnels to collectors (API: tap mirrors).

What it sends is copied as it comes in, before port security and limits; what it receives as it goes out, after them,
and so is what the agent itself answers. Copies leave by ports of br-int that only these flows name, one for each
collector and kind of tunnel (host.py); what comes in by them is dropped in table 0. Flows, and not Open vSwitch's own
mirrors: of those a bridge has 32 at most, and they know nothing of the sub-ports of a trunk. Copies for tap services
are made in the same place (tap.py).

Owner: a local port that has mirrors or tap flows.
"""

from collections.abc import Container, Iterable

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import qos, tags, tap
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import FlowKey
from tunbridge.dataplane.pipeline import FIRST_SUB_PORT, OUT
from tunbridge.dataplane.view import Mirror

_BRIDGE = names.INTEGRATION_BRIDGE


def copies_sent(context: Context, port_id: str) -> bool:
    """Whether what a port sends is copied."""
    is_mirrored = any(one.sent is not None for one in context.view.mirrors(port_id))
    return is_mirrored or any(one.sent for one in context.view.taps(port_id))


def compute(context: Context, port_id: str) -> None:
    """The copies of one port's packets."""
    workload, port = context.local.workload(port_id), context.view.port(port_id)
    network = None if port is None else context.network(port.network_id)
    if workload is None or port is None or network is None:
        return
    mirrors, number = context.view.mirrors(port_id), workload.ofport
    if copies_sent(context, port_id):
        sent = _made(_copy(context, one, one.sent) for one in mirrors if one.sent is not None)
        for tagged in (False, True) if network.is_transparent else (False,):
            copies = *sent, *tap.copies(context, port_id, received=False, tagged=tagged)
            what: Match = {"in_port": number, **(tags.TAGGED if tagged else {})}
            context.flow(_BRIDGE, pipeline.SENT_MIRROR, 1 + tagged, what, *copies, goto(pipeline.SENT_PACKETS))
    if qos.copies_received(context, port_id):
        received = _made(_copy(context, one, one.received) for one in mirrors if one.received is not None)
        out = goto(pipeline.SUB_PORT) if number >= FIRST_SUB_PORT else flow.output_field(OUT)
        where = OUT(number)
        # Its own broadcast, which it does not receive, is no copy.
        context.flow(_BRIDGE, pipeline.RECEIVED_MIRROR, 3, {"in_port": number, **where})
        for tagged in (False, True) if network.is_transparent else (False,):
            copies = *received, *tap.copies(context, port_id, received=True, tagged=tagged)
            what = {**where, **(tags.TAGGED if tagged else {})}
            context.flow(_BRIDGE, pipeline.RECEIVED_MIRROR, 1 + tagged, what, *copies, out)
        context.state("mirrored", network.id, number)
        if not qos.limits_received(context, port, network):
            context.flow(_BRIDGE, pipeline.OUTPUT, 3, where, goto(pipeline.RECEIVED_MIRROR))


def by_copies(flows: Container[FlowKey], ofport: int) -> str | None:
    """Actions for a packet of the agent's own to a port of br-int with these flows; None where it is not copied."""
    if (pipeline.RECEIVED_MIRROR.number, 1, flow.match_text(OUT(ofport))) not in flows:
        return None
    return f"{flow.load(OUT, ofport).text},{goto(pipeline.RECEIVED_MIRROR).text}"


def _copy(context: Context, mirror: Mirror, id: int) -> Action | None:
    """A copy for a collector; None while the port to it is not there, and where none may be sent.

    A host that has a GRE tunnel to this one would take a copy in GRE for a packet of the network with that id.
    """
    if mirror.kind == "gre" and context.local.tunnel(mirror.remote_ip, "gre") is not None:
        context.note(f"mirror {mirror.id}: {mirror.remote_ip} is a host with a GRE tunnel to this one: use ERSPAN")
        return None
    ofport = context.local.ofport(_BRIDGE, names.mirror_port(mirror.kind, mirror.remote_ip))
    if ofport is None or ofport <= 0:
        return None
    name = flow.set_session(id) if mirror.kind == "erspan" else flow.set_tunnel(id)
    return flow.clone([name, flow.output(ofport)])


def _made(copies: Iterable[Action | None]) -> list[Action]:
    return [copy for copy in copies if copy is not None]

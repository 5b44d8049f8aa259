"""Where a network's broadcasts, multicasts and unknown addresses go.

Receivers with the same policy are judged together: one copy of the packet per policy passes the ingress tables, and is
then sent to every port that has it. So the work follows the number of policies, not of ports. Open vSwitch never sends
a packet back to the port that it came from.
"""

from collections.abc import Collection, Hashable, Iterable
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import private, uplink
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import NETWORK, OUT, RECEIVER
from tunbridge.dataplane.view import Network

_PROMISCUOUS = pipeline.FLOOD + 1
"""Value of `out`: those local receivers whose MAC addresses the database does not know."""

METERED_COPIES = 256
"""Receivers with limits, or with mirrors, to which a broadcast goes as copies of their own. With more of them in a
network it is neither counted nor copied to collectors: each is 52 bytes of actions, of which the kernel takes 32 KiB
(MAX_ACTIONS_BUFSIZE) and needs 4 resubmits, of which Open vSwitch allows 4,096; beyond that the packet would come to
nobody."""


def compute(context: Context, network_id: str) -> None:
    """Flood flows of one network, in br-int and br-tun."""
    network = context.network(network_id)
    if network is None:
        return
    vlan = context.vlan(network_id)
    patch = uplink.patch(context, network)
    bridge = names.INTEGRATION_BRIDGE
    for before, sender, receivers in _audiences(context, "receivers", network):
        where = {**NETWORK(vlan), **sender}
        everyone = _copies(context, network_id, where, 2 + before, receivers, pipeline.FLOOD, patch)
        context.flow(bridge, pipeline.FLOOD_LOCAL, 1 + before, where, *everyone)
    for before, sender, receivers in (
        _audiences(context, "promiscuous", network) if context.facts("learning", network_id) else ()
    ):
        where = {**NETWORK(vlan), **sender}
        some = _copies(context, network_id, where, 2 + before, receivers, _PROMISCUOUS, patch)
        context.flow(bridge, pipeline.UNKNOWN, 2 + before, {**where, **OUT(0)}, *some)
    if network.is_tunnelled and network.segmentation_id is not None:
        _tunnels(context, network, vlan, network.segmentation_id)


def _audiences(context: Context, kind: str, network: Network) -> list[tuple[int, Match, list[tuple[int, int]]]]:
    found = cast(Iterable[tuple[int, int, int]], context.facts(kind, network.id))
    return private.audiences(context, network, found)


def _copies(
    context: Context, network_id: str, where: Match, priority: int, receivers: Iterable[tuple[int, int]], out: int,
    patch: int | None,
) -> list[Action]:  # fmt: skip
    """A copy per policy of the local receivers, and the way out; flows that send a copy to the ports of its policy."""
    ports: dict[int, list[int]] = {}
    for policy, ofport in receivers:
        ports.setdefault(policy, []).append(ofport)
    actions = []
    limited, mirrored = _few(context, "limited", network_id), _few(context, "mirrored", network_id)
    for policy, ofports in ports.items():
        loads = [flow.load(OUT, out), goto(pipeline.INGRESS_STATE)]
        actions.append(flow.clone([flow.load(RECEIVER, policy), *loads] if policy else loads))
        copy = {**where, **RECEIVER(policy), **OUT(out)}
        outputs = (_output(n, n in limited, n in mirrored) for n in ofports)
        context.flow(names.INTEGRATION_BRIDGE, pipeline.OUTPUT, priority, copy, *outputs)
    if patch is not None:
        actions += [flow.load(OUT, patch), goto(pipeline.COMMIT)]
    return actions


def _few(context: Context, kind: str, network_id: str) -> Collection[Hashable]:
    found = context.facts(kind, network_id)
    return found if len(found) <= METERED_COPIES else ()


def _output(ofport: int, is_limited: bool, is_mirrored: bool) -> Action:
    if not is_limited:
        if is_mirrored:
            return flow.clone([flow.load(OUT, ofport), goto(pipeline.RECEIVED_MIRROR)])
        if ofport >= pipeline.FIRST_SUB_PORT:
            return flow.clone([flow.load(OUT, ofport), goto(pipeline.SUB_PORT)])
        return flow.output(ofport)
    return flow.apart([flow.load(OUT, ofport), goto(pipeline.RECEIVED_PACKETS)], pipeline.TOO_BIG)


def _tunnels(context: Context, network: Network, vlan: int, key: int) -> None:
    outputs: set[int] = set()
    for name in cast(Iterable[str], context.facts("network-hosts", network.id)):
        host, type = context.view.host(name), network.network_type
        number = None if host is None or host.tunnel_ip is None else context.local.tunnel(host.tunnel_ip, type)
        if number is not None:
            outputs.add(number)
    if outputs:
        actions = [flow.pop_vlan(), flow.set_tunnel(key), *(flow.output(n) for n in sorted(outputs))]
        context.flow(names.TUNNEL_BRIDGE, pipeline.FLOOD_TO_TUN, 1, {"dl_vlan": vlan}, *actions)

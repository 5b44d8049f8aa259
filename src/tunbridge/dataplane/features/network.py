"""A network that has a workload here: its local VLAN in br-int, its segment outside."""

from collections.abc import Sequence

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import private, tags, uplink
from tunbridge.dataplane.flow import Action, goto
from tunbridge.dataplane.pipeline import NETWORK
from tunbridge.dataplane.view import Network


def compute(context: Context, network_id: str) -> None:
    """Everything of one network but where its broadcasts go."""
    network = context.network(network_id)
    if network is None or uplink.obstacle(context, network) is not None:
        return
    vlan = context.vlan(network_id)
    context.permit("zone", str(vlan), network_id)
    context.child("flood", network_id)
    context.child("located", network_id)
    for port_id in context.view.network_ports(network_id):
        context.child("neighbour", port_id)
    for subnet_id in context.view.network_subnets(network_id):
        context.child("subnet", subnet_id)
    learning = bool(context.facts("learning", network_id))
    _filter(context, network_id, vlan)
    _integration(context, network, vlan, learning)
    if network.is_tunnelled:
        _tunnel(context, network, vlan, learning)
    elif network.physical_network is not None:
        _provider(context, network, vlan)


def _filter(context: Context, network_id: str, vlan: int) -> None:
    """Which packets are looked up in conntrack, or judged by rules alone."""
    kinds = context.facts("filtering", network_id)
    if not kinds:
        return
    state = pipeline.EGRESS_STATE
    action = flow.track(state) if "stateful" in kinds else goto(state)
    for proto in ("ip", "ipv6"):
        context.flow(names.INTEGRATION_BRIDGE, pipeline.CONNTRACK, 10, {"proto": proto, **NETWORK(vlan)}, action)


def _integration(context: Context, network: Network, vlan: int, learning: bool) -> None:
    bridge, where = names.INTEGRATION_BRIDGE, NETWORK(vlan)
    seen = [*([flow.learn_local(vlan)] if learning else []), goto(pipeline.CONNTRACK)]
    if network.is_transparent:
        context.flow(bridge, pipeline.LEARN, 11, {**where, **tags.TAGGED}, *seen)
    if learning:
        context.flow(bridge, pipeline.LEARN, 1, where, *seen)
        unknown = [goto(pipeline.LEARNED), goto(pipeline.UNKNOWN)]
        context.flow(bridge, pipeline.DESTINATION, 1, where, *unknown)
    patch = uplink.patch(context, network)
    if patch is None:
        return
    if not learning:
        # No port of the network here has the address: it is elsewhere.
        context.flow(bridge, pipeline.DESTINATION, 1, where, flow.load(pipeline.OUT, patch), goto(pipeline.COMMIT))
    context.flow(bridge, pipeline.OUTPUT, 2, pipeline.OUT(patch), *flow.push_network(), flow.output(patch))
    outside = vlan if network.is_tunnelled else network.segmentation_id
    if network.is_private:
        private.arrive(context, network, vlan)
    start = [flow.load(NETWORK, vlan), goto(pipeline.PRIVATE_SENDER if network.is_private else pipeline.LEARN)]
    if outside is None:
        untagged = {"in_port": patch, "vlan_tci": "0x0000/0x1000"}
        context.flow(bridge, pipeline.LOCAL_SWITCHING, 10, untagged, *start)
    else:
        tagged = {"in_port": patch, "dl_vlan": outside}
        context.flow(bridge, pipeline.LOCAL_SWITCHING, 10, tagged, flow.pop_vlan(), *start)


def _tunnel(context: Context, network: Network, vlan: int, learning: bool) -> None:
    bridge, key = names.TUNNEL_BRIDGE, network.segmentation_id
    patch = context.local.ofport(bridge, names.PATCH_TO_INTEGRATION)
    if patch is None or key is None:
        return
    table, inside = pipeline.FROM_TUNNEL[network.network_type], flow.output(patch)
    # What is learned there takes the tag off by writing 0 to it: nothing to rely on with a VM's own tag below.
    learning = learning and not network.is_transparent
    onwards = goto(pipeline.LEARN_FROM_TUN) if learning else inside
    context.flow(bridge, table, 1, {"tun_id": f"{key:#x}"}, *flow.push_vlan(vlan), onwards)
    if learning:
        context.flow(bridge, pipeline.LEARN_FROM_TUN, 1, {"dl_vlan": vlan}, flow.learn_tunnel(vlan), inside)


def _provider(context: Context, network: Network, vlan: int) -> None:
    bridge = context.local.provider(network.physical_network or "")
    patch = None if bridge is None else context.local.ofport(bridge, names.provider_patch(bridge))
    if bridge is None or patch is None:
        return
    where = {"in_port": patch, "dl_vlan": vlan}
    context.flow(bridge, pipeline.PROVIDER_SWITCHING, 4, where, *_outside_tag(network), flow.NORMAL)


def _outside_tag(network: Network) -> Sequence[Action]:
    """In place of the local VLAN, which a frame has on its way to the provider bridge."""
    if network.segmentation_id is None:
        return [flow.pop_vlan()]
    if network.is_qinq:
        return [flow.pop_vlan(), *flow.push_vlan(network.segmentation_id, flow.SERVICE_TAG)]
    return [flow.set_vlan(network.segmentation_id)]

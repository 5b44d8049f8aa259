"""The flows that a host has before any network exists, and those that concern all networks alike.

A packet of a workload that belongs to no network is dropped in br-int; one from a tunnel or from a physical network is
dropped where it comes in. Only a provider bridge goes on switching what does not concern us (`NORMAL`): the operator
may have the host's own address on it.
"""

from collections.abc import Iterable, Mapping

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, Meter
from tunbridge.dataplane.features import filtering, port_security, router, services, tags
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.responders import TOLD, Kind


def compute(context: Context, _id: str) -> None:
    """The owner of the base flows is the root: it wants every workload, and routers whose gateway is here."""
    local = context.local
    providers = sorted(set(local.providers.values()))
    patches = [names.integration_patch(b) for b in providers]
    _want(
        context, names.INTEGRATION_BRIDGE, integration(_numbers(context, names.INTEGRATION_BRIDGE, patches), providers)
    )
    types = {port: type for type, ports in local.tunnels.items() for port in sorted(ports.values())}
    ofports = _numbers(context, names.TUNNEL_BRIDGE, [names.PATCH_TO_INTEGRATION, *types])
    _want(context, names.TUNNEL_BRIDGE, tunnel(ofports, types))
    for bridge in providers:
        _want(context, bridge, provider(_numbers(context, bridge, [names.provider_patch(bridge)]), bridge))
    if local.metadata:
        context.child("metadata", "")
    for id in local.workload_ids:
        context.child("port", id)
    for id in context.view.gateways(local.host):
        context.child("router", id)
        router = context.view.router(id)
        for network_id in router.networks if router is not None else ():
            context.child("reach", network_id)  # other routers may be behind it
    _meter(context, [names.PATCH_TO_TUNNEL, *patches])


def _meter(context: Context, patches: Iterable[str]) -> None:
    """What comes from elsewhere and needs the agent; questions about neighbours, and their answers, apart."""
    bridge = names.INTEGRATION_BRIDGE
    for number, ofport in enumerate(_numbers(context, bridge, patches).values(), pipeline.PATCH_METERS):
        context.meter(bridge, Meter(number, pipeline.WORKLOAD_PPS, pipeline.WORKLOAD_BURST))
        for kind in (Kind.resolve, Kind.resolved, Kind.solicited):
            where: Match = {"in_port": ofport, **pipeline.SERVICE(services.NUMBERS[kind])}
            context.flow(bridge, pipeline.AGENT_METER, 10, where, flow.meter(number), goto(pipeline.TO_AGENT))
    # What routers here cannot forward of others' packets: from elsewhere, and from other routers here, whose in_port is
    # nowhere, and so has no meter of its own.
    context.meter(bridge, Meter(pipeline.HOST_LOG_METER, pipeline.HOST_LOG_PPS, pipeline.HOST_LOG_PPS))
    context.meter(bridge, Meter(pipeline.UNTRANSLATED_METER, pipeline.UNTRANSLATED_PPS, pipeline.UNTRANSLATED_PPS))
    context.meter(bridge, Meter(pipeline.TOLD_METER, pipeline.WORKLOAD_PPS, pipeline.WORKLOAD_BURST))
    for kind in (*TOLD, Kind.resolve):
        told = pipeline.SERVICE(services.NUMBERS[kind])
        context.flow(bridge, pipeline.AGENT_METER, 5, told, flow.meter(pipeline.TOLD_METER), goto(pipeline.TO_AGENT))


def _want(context: Context, bridge: str, flows: Iterable[Flow]) -> None:
    for wanted in flows:
        context.want(bridge, wanted)


def _numbers(context: Context, bridge: str, interfaces: Iterable[str]) -> dict[str, int]:
    found = {name: context.local.ofport(bridge, name) for name in interfaces}
    return {name: number for name, number in found.items() if number is not None}


def integration(ofports: Mapping[str, int], provider_bridges: Iterable[str]) -> list[Flow]:
    """Flows of br-int."""
    start = pipeline.LOCAL_SWITCHING
    flows = [flow.miss(t) for t in pipeline.INTEGRATION]
    # Ports that are not bound to a network carry VLAN 4095; it never leaves.
    flows.append(flow.make(start, 65535, {"dl_vlan": 4095}, []))
    # A second tag below that of a sub-port, or of VLAN 0, which came off: it could name another network.
    second: Match = {"vlan_tci": "0x0000/0x1000"}
    flows += [flow.make(start, 20, {**second, **below}, []) for below in tags.BELOW]
    for bridge in provider_bridges:
        # From the physical network, a segment that no network here uses; counted apart from what workloads send.
        if (number := ofports.get(names.integration_patch(bridge))) is not None:
            flows.append(flow.make(start, 2, {"in_port": number}, []))
    return [
        *flows,
        *_destination(),
        *port_security.common(),
        *services.common(),
        *filtering.common(),
        *router.common(),
        *tags.common(),
    ]


def _destination() -> list[Flow]:
    return [
        # Broadcast and multicast.
        flow.make(pipeline.DESTINATION, 20, {"dl_dst": pipeline.MULTICAST}, [goto(pipeline.FLOOD_LOCAL)]),
        # A MAC address that was learned: table 79 has set the port and its policy.
        flow.make(pipeline.UNKNOWN, 1, {}, [goto(pipeline.INGRESS_STATE)]),
        # To a workload: without a tag.
        flow.make(pipeline.OUTPUT, 1, {}, [flow.output_field(pipeline.OUT)]),
    ]


def tunnel(ofports: Mapping[str, int], types: Mapping[str, str]) -> list[Flow]:
    """Flows of br-tun; `types`: of the tunnel ports."""
    flows = [flow.miss(t) for t in pipeline.TUNNEL]
    split, start = pipeline.PATCH_TO_TUN, pipeline.CLASSIFY
    flows.append(flow.make(split, 1, {"dl_dst": pipeline.UNICAST}, [goto(pipeline.UCAST_TO_TUN)]))
    flows.append(flow.make(split, 1, {"dl_dst": pipeline.MULTICAST}, [goto(pipeline.FLOOD_TO_TUN)]))
    if (number := ofports.get(names.PATCH_TO_INTEGRATION)) is not None:
        flows.append(flow.make(start, 1, {"in_port": number}, [goto(split)]))
    for name, type in types.items():
        if (number := ofports.get(name)) is not None:
            flows.append(flow.make(start, 1, {"in_port": number}, [goto(pipeline.FROM_TUNNEL[type])]))
    return flows


def provider(ofports: Mapping[str, int], bridge: str) -> list[Flow]:
    """Flows of a provider bridge."""
    flows = [flow.miss(t) for t in pipeline.PROVIDER]
    # From br-int, a local VLAN that belongs to no network of this bridge.
    if (number := ofports.get(names.provider_patch(bridge))) is not None:
        flows.append(flow.make(pipeline.PROVIDER_SWITCHING, 2, {"in_port": number}, []))
    return flows

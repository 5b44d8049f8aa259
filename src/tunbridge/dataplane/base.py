"""The flows that a host has before any network exists: the frame of the pipeline, and nothing leaks.

A packet of a workload that belongs to no network is dropped in br-int; one from a tunnel or from a physical network is
dropped where it comes in. Only a provider bridge goes on switching what does not concern us (`NORMAL`): the operator
may have the host's own address on it.
"""

from collections.abc import Iterable, Mapping

from tunbridge.dataplane import names, pipeline
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import DROP, goto


def integration(ofports: Mapping[str, int], provider_bridges: Iterable[str]) -> list[Flow]:
    """Flows of br-int."""
    flows = [t.miss_flow() for t in pipeline.INTEGRATION]
    # Ports that are not bound to a network carry VLAN 4095; it never leaves.
    flows.append(Flow(priority=65535, match="dl_vlan=4095", actions=DROP))
    for bridge in provider_bridges:
        # From the physical network, a segment that no network here uses; counted apart from what workloads send.
        if (number := ofports.get(names.integration_patch(bridge))) is not None:
            flows.append(Flow(priority=2, match=f"in_port={number}", actions=DROP))
    return flows


def tunnel(ofports: Mapping[str, int], tunnel_type: str, tunnel_ports: Iterable[str]) -> list[Flow]:
    """Flows of br-tun."""
    flows = [t.miss_flow() for t in pipeline.TUNNEL]
    split = pipeline.PATCH_TO_TUN.number
    flows.append(Flow(table=split, priority=1, match=pipeline.UNICAST, actions=goto(pipeline.UCAST_TO_TUN.number)))
    flows.append(Flow(table=split, priority=1, match=pipeline.MULTICAST, actions=goto(pipeline.FLOOD_TO_TUN.number)))
    if (number := ofports.get(names.PATCH_TO_INTEGRATION)) is not None:
        flows.append(Flow(priority=1, match=f"in_port={number}", actions=goto(split)))
    for port in tunnel_ports:
        if (number := ofports.get(port)) is not None:
            table = pipeline.FROM_TUNNEL[tunnel_type].number
            flows.append(Flow(priority=1, match=f"in_port={number}", actions=goto(table)))
    return flows


def provider(ofports: Mapping[str, int], bridge: str) -> list[Flow]:
    """Flows of a provider bridge."""
    flows = [t.miss_flow() for t in pipeline.PROVIDER]
    # From br-int, a local VLAN that belongs to no network of this bridge.
    if (number := ofports.get(names.provider_patch(bridge))) is not None:
        flows.append(Flow(priority=2, match=f"in_port={number}", actions=DROP))
    return flows

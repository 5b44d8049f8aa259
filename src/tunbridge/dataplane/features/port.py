"""A workload's port: where its packets belong, what it may send, how packets reach it, and what OVSDB says of it.

    no row ──> down          bound elsewhere, down by its administrator ──> down          not bound ──> unbound
    no mapping, no tunnels of its type ──> error          all else ──> wired

An INACTIVE binding prepares the port for a live migration: it can send, it receives what is flooded and what comes from
other hosts for it, but workloads here still reach its address on the host of its active binding.
"""

from collections.abc import Iterable
from typing import cast

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.conntrack import UNFILTERED
from tunbridge.dataplane.contribution import STEERING, UNBOUND, Context, Meter, PortSettings, PortState
from tunbridge.dataplane.features import (
    local_ip,
    located,
    metadata,
    mirror,
    port_security,
    private,
    qos,
    tags,
    tap,
    uplink,
)
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.local import Trunked, Workload
from tunbridge.dataplane.responders import options
from tunbridge.dataplane.view import Network, Port
from tunbridge.openvswitch import sub_ports, vm_tags

NORMAL_VNIC = "normal"


class Place(Struct, frozen=True):
    """Where a workload belongs. `is_active`: its binding here is the active one."""

    port: Port
    network: Network
    workload: Workload
    is_active: bool


def compute(context: Context, port_id: str) -> None:
    """Everything of one local port."""
    workload = context.local.workload(port_id)
    if workload is None:
        return
    place = _place(context, workload)
    if isinstance(place, PortState):
        if (
            place.status != "unbound" and workload.trunk is None
        ):  # for the moment until it is bound, the tag is not worth a transaction
            context.port(workload.name, UNBOUND)
        context.port_state(port_id, place)
        return
    for problem in options.problems(place.port.extra_dhcp_opts):
        context.note(problem)
    vlan = context.vlan(place.network.id)
    context.child("network", place.network.id)
    context.child("reach", place.network.id)
    if workload.trunk is None:
        context.port(workload.name, _settings(context, place, vlan))
    policy = _policy(context, place.port)
    if policy is None:
        return  # computed again when the policy is
    limited = qos.policy_of(place.port, place.network) is not None
    if limited:
        context.child("qos", port_id)
    if context.view.mirrors(port_id) or context.view.taps(port_id):
        context.child("mirror", port_id)
    tap.receive(context, port_id, workload.ofport)
    if policy and any(one.concerns(place.port) for one in context.view.logs()):
        context.child("log", port_id)
    _grant(context, place, vlan)
    _send(context, place, vlan, policy, limited)
    _receive(context, place, vlan, policy)
    if place.is_active:
        local_ip.has(context, place.port)
    context.port_state(port_id, PortState("wired", bridge=uplink.bridge(context, place.network)))


def _place(context: Context, workload: Workload) -> Place | PortState:
    port = context.view.port(workload.port_id)
    if port is None:
        return PortState("down", "no such port")
    binding = port.binding(context.local.host)
    if not port.bindings:
        return PortState("unbound", "not bound to any host")
    if binding is None:
        return PortState("down", f"bound to {port.host}" if port.host else "not bound to this host")
    if binding.vnic_type != NORMAL_VNIC:
        return PortState("down", f"vnic_type {binding.vnic_type} is not carried by Open vSwitch")
    network = context.network(port.network_id)
    if network is None:
        return PortState("down", "its network is not known")
    if not port.admin_state_up or not network.admin_state_up:
        return PortState("down", "admin_state_up of the port or its network is false")
    if (obstacle := uplink.obstacle(context, network)) is not None:
        return PortState("error", obstacle)
    if workload.ofport <= 0:
        return PortState("error", f"Open vSwitch has no OpenFlow port for {workload.name}")
    return Place(port, network, workload, binding.status == "ACTIVE")


def _settings(context: Context, place: Place, vlan: int) -> PortSettings:
    """What Neutron's agent writes: operators, `draw` and a restarted agent read the network from it.

    And, of a trunk's parent port, its sub-ports.
    """
    network = place.network
    config = {"net_uuid": network.id, "network_type": network.network_type, "tag": str(vlan)}
    if network.physical_network is not None:
        config["physical_network"] = network.physical_network
    if network.segmentation_id is not None:
        config["segmentation_id"] = str(network.segmentation_id)
    if network.is_transparent:
        config[vm_tags.KEY] = vm_tags.QINQ if network.is_qinq else vm_tags.TRANSPARENT
    if place.port.tx_steering is not None:
        config[STEERING] = place.port.tx_steering
    if records := context.facts("sub-port", place.port.id):
        config[sub_ports.KEY] = sub_ports.text_of(cast(Iterable[sub_ports.Record], records))
    return PortSettings(vlan, config)


def _policy(context: Context, port: Port) -> int | None:
    """The number of the port's set of groups; 0 when it is not filtered, None while the number is not stated."""
    if port_security.trusted(port):
        return 0
    groups = ",".join(port.security_groups)
    context.child("policy", groups)
    numbers = context.facts("policy", groups)
    return next((n for n in numbers if isinstance(n, int)), None)


def _grant(context: Context, place: Place, vlan: int) -> None:
    """Say for conntrack whose addresses these are."""
    port = place.port
    policy = UNFILTERED if port_security.trusted(port) else ",".join(port.security_groups)
    for _, address in port_security.sources(port):
        context.permit("address", str(vlan), address, policy, port.id)


def _send(context: Context, place: Place, vlan: int, policy: int, limited: bool) -> None:
    bridge, ofport = names.INTEGRATION_BRIDGE, place.workload.ofport
    registers = [flow.load(pipeline.SENDER, policy)] if policy else []
    if group := private.group_of(context, place.network, place.port):
        registers.append(flow.load(pipeline.GROUP, group))
    # Untagged packets only: a tag of the workload's own could name another network once ours is taken off.
    where = {"in_port": ofport, "vlan_tci": "0x0000/0x1000"}
    first = pipeline.SENT_PACKETS if limited else pipeline.PORT_SECURITY
    if mirror.copies_sent(context, place.port.id):
        first = pipeline.SENT_MIRROR
    start = [*registers, flow.load(pipeline.NETWORK, vlan), goto(first)]
    context.flow(bridge, pipeline.LOCAL_SWITCHING, 10, where, *start)
    if place.workload.trunk is not None:
        _trunk(context, place, place.workload.trunk, vlan)
    elif place.network.is_transparent:
        tags.send(context, ofport, start)
    else:
        tags.take_priority(context, ofport)
    port_security.compute(context, place.port, ofport)
    located.watch(context, place.port, place.network, vlan, ofport)
    # Requests to the agent, limited so that one workload's flood delays no other.
    number = pipeline.WORKLOAD_METERS + ofport
    context.meter(bridge, Meter(number, pipeline.WORKLOAD_PPS, pipeline.WORKLOAD_BURST))
    context.flow(bridge, pipeline.AGENT_METER, 10, {"in_port": ofport}, flow.meter(number), goto(pipeline.TO_AGENT))
    if context.local.metadata:
        metadata.send(context, ofport)
    if policy:
        context.state("filtering", place.network.id, "stateless" if policy & pipeline.STATELESS else "stateful")


def _trunk(context: Context, place: Place, trunk: Trunked, vlan: int) -> None:
    """Between a trunk's interface and a sub-port: the tag comes off, or on; its own broadcast does not come back."""
    bridge, number = names.INTEGRATION_BRIDGE, place.workload.ofport
    tagged: Match = {"in_port": trunk.ofport, "dl_vlan": trunk.vlan}
    start = [flow.pop_vlan(), flow.come_from(number), goto(pipeline.LOCAL_SWITCHING)]
    context.flow(bridge, pipeline.LOCAL_SWITCHING, 10, tagged, *start)
    out = pipeline.OUT(number)
    context.flow(bridge, pipeline.OUTPUT, 2, out, goto(pipeline.SUB_PORT))
    context.flow(bridge, pipeline.SUB_PORT, 2, {"in_port": number, **out})
    leave = [*flow.push_vlan(trunk.vlan), flow.FROM_NOWHERE, flow.output(trunk.ofport)]
    context.flow(bridge, pipeline.SUB_PORT, 1, out, *leave)
    record = sub_ports.Record(trunk.vlan, place.port.id, place.network.id, vlan, number)
    context.state("sub-port", trunk.parent, record)


def _receive(context: Context, place: Place, vlan: int, policy: int) -> None:
    port, ofport = place.port, place.workload.ofport
    receiver = (policy, ofport, private.group_of(context, place.network, port))
    context.state("receivers", place.network.id, receiver)
    if port_security.has_unknown_macs(port):
        context.state("promiscuous", place.network.id, receiver)
    where = {**pipeline.NETWORK(vlan), "dl_dst": port.mac_address}
    actions = _deliver(policy, ofport)
    if place.is_active:
        context.flow(names.INTEGRATION_BRIDGE, pipeline.DESTINATION, 10, where, *actions)
    elif (patch := uplink.patch(context, place.network)) is not None:
        context.flow(names.INTEGRATION_BRIDGE, pipeline.DESTINATION, 11, {**where, "in_port": patch}, *actions)


def _deliver(policy: int, ofport: int) -> list[Action]:
    out = flow.load(pipeline.OUT, ofport)
    if not policy:
        return [out, goto(pipeline.COMMIT)]
    return [flow.load(pipeline.RECEIVER, policy), out, goto(pipeline.INGRESS_STATE)]

"""What a QoS policy makes of packets: limits in both directions, and the DSCP field of what a workload sends.

Limits are meters: exact for TCP and UDP, the same in both datapaths and for every kind of interface, and changed with
one message (docs/qos.md has the measurements against policing and queues of the interface). A port's own policy counts,
else that of its network, which is for what is plugged in by users: not for routers and DHCP (`network:` and `neutron:`
owners). A floating IP's own policy counts likewise, else that of its external network; of that, and of the policy of
a router's gateway, there are the bandwidth limits (floating.py, gateway.py). Owner: a local port. Should its meters be
refused, the port goes on without limits, and a problem says so.

A minimum bandwidth is a queue of the NICs of the port's physical network, which queues.py makes in OVSDB.
"""

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context, Meter, Queue
from tunbridge.dataplane.flow import goto
from tunbridge.dataplane.pipeline import OUT
from tunbridge.dataplane.view import Limits, Network, Port, QosPolicy, Rate

DEVICE_OWNERS = ("network:", "neutron:")
LIMITS = SENT_PACKETS, SENT_BANDWIDTH, RECEIVED_PACKETS, RECEIVED_BANDWIDTH = (
    "sent packets", "sent bandwidth", "received packets", "received bandwidth",
)  # fmt: skip
"""What is limited: each has a meter."""
_BRIDGE = names.INTEGRATION_BRIDGE


def policy_of(port: Port, network: Network) -> str | None:
    """The id of the policy that counts for a port."""
    if port.qos_policy_id is not None or port.device_owner.startswith(DEVICE_OWNERS):
        return port.qos_policy_id
    return network.qos_policy_id


def limits_received(context: Context, port: Port, network: Network) -> bool:
    """Whether what a port receives is limited."""
    id = policy_of(port, network)
    return id is not None and context.view.qos_policy(id).received != Limits()


def copies_received(context: Context, port_id: str) -> bool:
    """Whether what a port receives is copied once it has passed its limits (mirror.py)."""
    is_mirrored = any(one.received is not None for one in context.view.mirrors(port_id))
    return is_mirrored or any(one.received for one in context.view.taps(port_id))


def compute(context: Context, port_id: str) -> None:
    """Limits and marks of one local port, apart from all else of it: a changed rule is a change of this only."""
    workload, port = context.local.workload(port_id), context.view.port(port_id)
    network = None if port is None else context.network(port.network_id)
    if workload is None or port is None or network is None:
        return
    id = policy_of(port, network)
    if id is None:
        return
    policy = context.view.qos_policy(id)
    _send(context, policy, port_id, workload.ofport)
    if policy.minimum is not None and network.physical_network is not None:
        _keep(context, policy.minimum, network.physical_network, port_id, workload.ofport)
    if limits_received(context, port, network):
        context.state("limited", network.id, workload.ofport)
        _receive(context, policy.received, port_id, workload.ofport)


def _send(context: Context, policy: QosPolicy, port_id: str, ofport: int) -> None:
    where, limits = {"in_port": ofport}, policy.sent
    if limits.packets is not None:
        meter = _meter(context, port_id, SENT_PACKETS, limits.packets)
        context.flow(_BRIDGE, pipeline.SENT_PACKETS, 1, where, meter, goto(pipeline.SENT_BANDWIDTH))
    if limits.bandwidth is not None:
        meter = _meter(context, port_id, SENT_BANDWIDTH, limits.bandwidth)
        context.flow(_BRIDGE, pipeline.SENT_BANDWIDTH, 1, where, meter, goto(pipeline.MARK))
    if policy.dscp is not None:
        for proto in ("ip", "ipv6"):
            match = {"proto": proto, **where}
            context.flow(_BRIDGE, pipeline.MARK, 1, match, flow.set_dscp(policy.dscp), goto(pipeline.QUEUE))


def _keep(context: Context, kbps: int, physical_network: str, port_id: str, ofport: int) -> None:
    """A queue for what the port sends: of NICs of its own physical network, as in Neutron."""
    bridge = context.local.provider(physical_network)
    if bridge is None:
        return
    number = context.identifiers.queue(port_id)
    context.queue(Queue(bridge, number, kbps))
    actions = (flow.set_queue(number), goto(pipeline.PORT_SECURITY))
    context.flow(_BRIDGE, pipeline.QUEUE, 1, {"in_port": ofport}, *actions)


def _receive(context: Context, limits: Limits, port_id: str, ofport: int) -> None:
    here = OUT(ofport)
    context.flow(_BRIDGE, pipeline.OUTPUT, 3, here, goto(pipeline.RECEIVED_PACKETS))
    # Its own broadcast, which it does not receive, must not use up its limit.
    context.flow(_BRIDGE, pipeline.RECEIVED_PACKETS, 2, {"in_port": ofport, **here})
    if limits.packets is not None:
        meter = _meter(context, port_id, RECEIVED_PACKETS, limits.packets)
        context.flow(_BRIDGE, pipeline.RECEIVED_PACKETS, 1, here, meter, goto(pipeline.RECEIVED_BANDWIDTH))
    is_sub_port, is_copied = ofport >= pipeline.FIRST_SUB_PORT, copies_received(context, port_id)
    out = goto(pipeline.SUB_PORT) if is_sub_port else flow.output_field(OUT)
    if is_copied:
        out = goto(pipeline.RECEIVED_MIRROR)
    if limits.bandwidth is not None:
        meter = _meter(context, port_id, RECEIVED_BANDWIDTH, limits.bandwidth)
        context.flow(_BRIDGE, pipeline.RECEIVED_BANDWIDTH, 1, here, meter, out)
    elif is_sub_port or is_copied:
        context.flow(_BRIDGE, pipeline.RECEIVED_BANDWIDTH, 1, here, out)


Passed = tuple[list[flow.Action], list[flow.Action]]
"""Meters that packets pass before they leave by a router's address, and before they come in by it."""


def outside(context: Context, id: str, policy_id: str | None) -> Passed:
    """The bandwidth limits of a floating IP, or of a router's gateway, as in Neutron; `id`: of its port outside.

    A flow passes one meter at most: so a packet rate limit is for ports only, which have a table for each.
    """
    if policy_id is None:
        return [], []
    policy = context.view.qos_policy(policy_id)
    sent, received = (
        [] if limit is None else [_meter(context, id, kind, limit)]
        for kind, limit in ((SENT_BANDWIDTH, policy.sent.bandwidth), (RECEIVED_BANDWIDTH, policy.received.bandwidth))
    )
    return sent, received


def _meter(context: Context, id: str, kind: str, limit: Rate) -> flow.Action:
    number = context.identifiers.meter(id, kind)
    is_bandwidth = kind in (SENT_BANDWIDTH, RECEIVED_BANDWIDTH)
    context.meter(_BRIDGE, Meter(number, limit.rate, limit.burst, "kbps" if is_bandwidth else "pktps"))
    return flow.meter(number)

"""The metadata service: its addresses in every network of this host, and the way of a workload's packets to the agent.

The flows are the same for all networks: who asks is told by the port. They come before security groups, as those of
DHCP do, and before any router; what is sent to these addresses never leaves the host.
"""

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import METADATA_ADDRESS, METADATA_ADDRESSES6, METADATA_MAC
from tunbridge.dataplane.contribution import Context, Meter
from tunbridge.dataplane.features import neighbour, port_security, services
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.responders import Kind

_ECHO, _ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}


def compute(context: Context, _id: str) -> None:
    """What is the same for all workloads."""
    asked: Match = {"proto": "arp", "arp_op": 1, "arp_tpa": METADATA_ADDRESS}
    _service(context, 25, asked, *neighbour.answer_arp(METADATA_ADDRESS, METADATA_MAC))
    _address(context, METADATA_ADDRESS, 4)
    for address in METADATA_ADDRESSES6:
        solicited: Match = {"proto": "icmp6", "icmp_type": port_security.NS, "nd_target": address}
        _service(context, 25, solicited, *services.ask(Kind.neighbour))
        _address(context, address, 6)
    # What is neither for the service nor from it, and was sent to its MAC address, ends here.
    context.flow(names.INTEGRATION_BRIDGE, pipeline.DESTINATION, 31, {"dl_dst": METADATA_MAC})


def _address(context: Context, address: str, version: int) -> None:
    to = {"nw_dst" if version == 4 else "ipv6_dst": address}
    ip, tcp, icmp = ("ip", "tcp", "icmp") if version == 4 else ("ipv6", "tcp6", "icmp6")
    _service(context, 25, {"proto": tcp, **to}, goto(pipeline.METADATA))
    echo: Match = {"proto": icmp, **to, "icmp_type": _ECHO[version]}
    _service(context, 25, echo, *flow.answer_echo(address, _ECHO_REPLY[version]), *flow.back(pipeline.OUTPUT))
    _service(context, 5, {"proto": ip, **to})


def _service(context: Context, priority: int, match: Match, *actions: Action) -> None:
    context.flow(names.INTEGRATION_BRIDGE, pipeline.SERVICE_TABLE, priority, match, *actions)


def send(context: Context, ofport: int) -> None:
    """What a workload's port has of its own."""
    number = pipeline.METADATA_METERS + ofport % pipeline.METADATA_METER_COUNT
    bridge = names.INTEGRATION_BRIDGE
    context.meter(bridge, Meter(number, pipeline.METADATA_PPS, pipeline.METADATA_BURST))
    service = flow.load(pipeline.SERVICE, services.NUMBERS[Kind.metadata])
    actions = [flow.meter(number), service, goto(pipeline.TO_AGENT)]
    context.flow(bridge, pipeline.METADATA, 10, {"in_port": ofport}, *actions)

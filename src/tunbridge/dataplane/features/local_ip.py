"""A Local IP: an address of a network that is on each host another port's, of those that are there. Tables 60 and 94.

What a workload sends to the address goes to the port on its own host: with the port's fixed IP as its destination, in a
conntrack zone of the Local IP's own, or (`passthrough`) as it is, to a VM that has the address itself. ARP for it is
answered with the port's MAC address. What the port sends to workloads here is looked up in that zone as it goes out,
and comes from the Local IP where it answers what was sent there; so security groups see the fixed IP in both
directions, and only packets to the Local IP and from such a port to its own host pass conntrack once more.

Of several ports here the one with the lowest id has the address. It sends to the address itself as if there were no
Local IP, as do workloads of hosts without such a port: to whom the network knows for it.

Owner: a Local IP's address in a network, which ports here have by `has`.
"""

from typing import cast

from msgspec import Struct

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import neighbour, private, uplink
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.pipeline import LOOKED_UP, NETWORK
from tunbridge.dataplane.view import LocalIp, Network, Port

_BRIDGE = names.INTEGRATION_BRIDGE
_FACT = "local-ip"


class _Having(Struct, frozen=True, order=True):
    """A port here that has a Local IP."""

    port_id: str
    mac: str
    fixed_ip: str
    is_translated: bool


def has(context: Context, port: Port) -> None:
    """State the Local IPs of a port that is wired here."""
    for one in context.view.local_ips(port.id):
        if _is_usable(port, one):
            subject = f"{one.address} {port.network_id}"
            context.state(_FACT, subject, _Having(port.id, port.mac_address, one.fixed_ip, one.is_translated))
            context.child("local-ip", subject)


def _is_usable(port: Port, one: LocalIp) -> bool:
    """Whether a Local IP leads to an address that the port has; IPv6 has none, as in Neutron."""
    return ":" not in one.address and any(ip.ip_address == one.fixed_ip for ip in port.fixed_ips)


def compute(context: Context, subject: str) -> None:
    """The flows of one Local IP on this host."""
    address, network_id = subject.split(" ")
    network = context.view.network(network_id)
    everyone = cast("set[_Having]", context.facts(_FACT, subject))
    if network is None or not everyone:
        return
    one, where = min(everyone), NETWORK(context.vlan(network_id))
    port = context.view.port(one.port_id)
    askers = [{}] if port is None else private.askers(context, network, port)
    for asker in askers:
        _resolve(context, {**where, **asker}, address, one)
    to: Match = {**where, "proto": "ip", "nw_dst": address}
    context.flow(_BRIDGE, pipeline.SERVICE_TABLE, 23, {**to, "nw_src": one.fixed_ip}, goto(pipeline.PRIVATE))
    towards = flow.set_field("eth_dst", one.mac)
    if not one.is_translated:
        context.flow(_BRIDGE, pipeline.SERVICE_TABLE, 22, to, towards, goto(pipeline.PRIVATE))
        return
    zone = context.identifiers.nat_zone(subject)
    context.permit("zone", str(zone), subject)
    context.permit("translate", str(zone), one.fixed_ip, address)
    onwards = flow.translate(zone, pipeline.PRIVATE, target=one.fixed_ip)
    context.flow(_BRIDGE, pipeline.SERVICE_TABLE, 22, to, towards, onwards)
    _answers(context, where, network, one, zone)


def _resolve(context: Context, where: Match, address: str, one: _Having) -> None:
    asked: Match = {**where, "proto": "arp", "arp_op": 1, "arp_tpa": address}
    table = pipeline.SERVICE_TABLE
    for itself in {one.fixed_ip, address}:
        context.flow(_BRIDGE, table, 23, {**asked, "arp_spa": itself}, goto(pipeline.PRIVATE))
    context.flow(_BRIDGE, table, 22, asked, *neighbour.answer_arp(address, one.mac))


def _answers(context: Context, where: Match, network: Network, one: _Having, zone: int) -> None:
    """What the port sends to workloads here; nothing that leaves the host was sent to the Local IP."""
    sent: Match = {**where, "proto": "ip", "nw_src": one.fixed_ip}
    back = [flow.load(LOOKED_UP, 1), flow.translate(zone, pipeline.OUTPUT)]
    context.flow(_BRIDGE, pipeline.OUTPUT, 4, {**sent, **LOOKED_UP(0)}, *back)
    patch = uplink.patch(context, network)
    if patch is not None:
        outwards = [*flow.push_network(), flow.output(patch)]
        context.flow(_BRIDGE, pipeline.OUTPUT, 5, {**sent, **pipeline.OUT(patch)}, *outwards)

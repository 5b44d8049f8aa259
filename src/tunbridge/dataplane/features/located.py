"""Addresses that several ports may have by allowed address pairs: where they are now, for routers and floating IPs.

Inside their network the ports settle that among themselves by ARP. A router is on every host, and on most of them it
hears no ARP of the network; so the host of the port that announces such an address writes into the database that it is
there (agent/locations.py), and all others follow. That is what a router's ARP cache is elsewhere. Table 73 hands the
announcements to the agent, tables 75 and br-tun's 20 lead to the address.
"""

import contextlib
import ipaddress
from collections.abc import Iterable
from typing import cast

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import interface, neighbour, port_security, private, services
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.pipeline import NETWORK
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Location, Network, Port

_BRIDGE = names.INTEGRATION_BRIDGE
_ADVERTISED: Match = {"proto": "icmp6", "icmp_type": port_security.NA}


def best(locations: Iterable[Location]) -> dict[str, Location]:
    """Address -> whom to believe."""
    found: dict[str, Location] = {}
    for one in sorted(locations, key=lambda one: (one.claim, one.host)):
        found[one.address] = one
    return found


def named(port: Port) -> set[str | None]:
    """The addresses and prefixes of a port's address pairs; None: all addresses.

    What is no address is left out: it concerns that port alone, whose own flows fail for it.
    """
    found = set()
    for pair in port.allowed_address_pairs:
        with contextlib.suppress(ValueError):
            found.add(flow.prefix(pair.ip_address))
    return found


def may_have(port: Port, address: str) -> bool | None:
    """Whether a port may have an address: True by name, None as one of a prefix or of all, False not at all."""
    if any(ip.ip_address == address for ip in port.fixed_ips):
        return True
    pairs = named(port)
    if address in pairs:
        return True
    if port_security.trusted(port) or None in pairs:
        return None
    one = ipaddress.ip_address(address)
    return None if any(one in ipaddress.ip_network(text) for text in pairs if text is not None) else False


def compute(context: Context, network_id: str) -> None:
    """Everything of the addresses of one network."""
    network = context.network(network_id)
    if network is None:
        return
    for one in best(context.view.network_locations(network_id)).values():
        port = context.view.port(one.port_id)
        if port is None or port.network_id != network_id or port.host != one.host or not port.admin_state_up:
            continue
        is_named = may_have(port, one.address)
        if is_named or (is_named is None and not context.facts("owner", f"{one.address} {network_id}")):
            _lead(context, network, port, one)


def _lead(context: Context, network: Network, port: Port, one: Location) -> None:
    context.state("located", f"{one.address} {network.id}", (one.mac_address, port.id))
    vlan = context.vlan(network.id)
    if one.mac_address != port.mac_address and port.host != context.local.host:
        neighbour.unicast(context, port, one.mac_address, network, vlan)
    if network.is_private:
        private.by_routers(context, network, port, one.address)
    if context.facts("routed", network.id):
        to = {"ipv6_dst": one.address} if ":" in one.address else {"nw_dst": one.address}
        where: Match = {**NETWORK(vlan), "proto": "ipv6" if ":" in one.address else "ip", **to}
        actions = [flow.set_field("eth_dst", one.mac_address), goto(pipeline.ROUTED)]
        context.flow(_BRIDGE, pipeline.NEXT_HOP, 11, where, *actions)


def _located(context: Context, address: str, network_id: str) -> tuple[str, str] | None:
    found = cast(Iterable[tuple[str, str]], context.facts("located", f"{address} {network_id}"))
    return next(iter(sorted(found)), None)


def mac(context: Context, address: str, network_id: str) -> str | None:
    """The MAC address where an address is that several ports may have."""
    found = _located(context, address, network_id)
    return None if found is None else found[0]


def owner(context: Context, address: str, network_id: str) -> Port | None:
    """The port that has such an address now."""
    found = _located(context, address, network_id)
    return None if found is None else context.view.port(found[1])


def watch(context: Context, port: Port, network: Network, vlan: int, ofport: int) -> None:
    """The agent hears what a workload announces, and what it answers the agent in a router's name."""
    routers = interface.on_network(context.view, network.id)
    if not routers or port.device_owner.startswith("network:"):
        return
    for text in _texts(context, port, network.id):
        is_ipv6 = ":" in text
        told: Match = {"nd_target": text} if is_ipv6 else {"arp_spa": text}
        said: Match = {**NETWORK(vlan), "in_port": ofport, **(_ADVERTISED if is_ipv6 else {"proto": "arp"}), **told}
        aside = flow.apart(services.ask(Kind.claimed), pipeline.TOO_BIG)
        everybody: Match = {**said, "dl_dst": pipeline.MULTICAST}
        context.flow(_BRIDGE, pipeline.ROUTER, 25, everybody, aside, goto(pipeline.DESTINATION))
        for to in {host_mac(context.local.host)} if is_ipv6 else {one.mac_address for one in routers}:
            context.flow(_BRIDGE, pipeline.ROUTER, 25, {**said, "dl_dst": to}, *services.ask(Kind.claimed))


def _texts(context: Context, port: Port, network_id: str) -> set[str]:
    """What the port may have that others may have as well: addresses and prefixes."""
    found = named(port)
    own = [ip.ip_address for ip in port.fixed_ips]
    found |= {address for address in own if context.facts("moving", f"{address} {network_id}")}
    if port_security.trusted(port) or None in found:
        subnets = (context.view.subnet(id) for id in context.view.network_subnets(network_id))
        found |= {flow.prefix(subnet.cidr) for subnet in subnets if subnet is not None}
    return {text for text in found if text is not None}

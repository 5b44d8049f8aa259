"""What network a workload's port is in, as far as is known: Neutron's agents and ours write its id beside the tag.

Names, floating IPs and where routers' gateways are only the Networking API knows: `Names` is what it told.
"""

from collections.abc import Mapping, Sequence
from operator import is_

from msgspec import Struct, field
from msgspec.structs import replace

from tunbridge.inspect.model import Answer, Bridge, Gateway, Host, NextHop, Port, RouterAddress

_SHORT = 8
"""Digits of an id that tell networks apart for people."""


class Names(Struct, frozen=True, kw_only=True):
    """What an API told: names by id, floating IPs by port id, gateways by host.

    `floating_ips_down`: of ports that are ACTIVE themselves. `gateways_missing`: those that no host has, by the id of a
    network of their router. `host_addresses`, `network_addresses`, `port_addresses`: what routers have, by the name of
    the host that is to answer, by the id of a network whose running workloads are to be answered, and by the id of the
    port that a floating IP leads to. `answers`: by the name of the host.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, str] = field(default_factory=dict)
    floating_ips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    floating_ips_down: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gateways: Mapping[str, Sequence[Gateway]] = field(default_factory=dict)
    gateways_missing: Mapping[str, Sequence[Gateway]] = field(default_factory=dict)
    host_addresses: Mapping[str, Sequence[RouterAddress]] = field(default_factory=dict)
    network_addresses: Mapping[str, Sequence[RouterAddress]] = field(default_factory=dict)
    port_addresses: Mapping[str, Sequence[RouterAddress]] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    """Ids of ports that are ACTIVE."""
    answers: Mapping[str, Sequence[Answer] | None] = field(default_factory=dict)


def network_id(port: Port) -> str | None:
    """The id of its network, None when that is not known."""
    return (port.other_config or {}).get("net_uuid") or None


def label(port: Port) -> str | None:
    """The network's name, else the beginning of its id, None when neither is known."""
    return port.network or (network_id(port) or "")[:_SHORT] or None


def full(port: Port) -> str:
    """The network's name and id, as far as they are known."""
    return " ".join(filter(None, (port.network, network_id(port))))


def physical(host: Host, bridge: Bridge) -> str:
    """The physical network that a bridge stands for, as far as that is known; several are joined by commas."""
    return ", ".join(network for network, name in (host.bridge_mappings or {}).items() if name == bridge.name)


def has_networks(hosts: Sequence[Host]) -> bool:
    """Whether any port names the id of its network."""
    return any(network_id(port) for host in hosts for bridge in host.bridges for port in bridge.ports)


def named(hosts: Sequence[Host], names: Names) -> list[Host]:
    """Give the hosts with what the API told of their networks, ports and routers."""
    return [
        replace(
            host,
            bridges=[_named(bridge, names) for bridge in host.bridges],
            gateways=list(names.gateways.get(host.name, host.gateways)),
            gateways_missing=_missing(host, names) or host.gateways_missing,
            router_addresses=_addresses(host, names) or host.router_addresses,
            answers=list(told) if (told := names.answers.get(host.name)) is not None else host.answers,
            silent_next_hops=_silent(host, names),
        )
        for host in hosts
    ]


def _silent(host: Host, names: Names) -> list[NextHop] | None:
    if host.silent_next_hops is None:
        return None
    return [replace(hop, network=names.networks.get(hop.network, hop.network)) for hop in host.silent_next_hops]


def _missing(host: Host, names: Names) -> list[Gateway]:
    ids = dict.fromkeys(network_id(port) or "" for bridge in host.bridges for port in bridge.ports)
    found = {gateway.router: gateway for id in ids for gateway in names.gateways_missing.get(id, ())}
    return list(found.values())


def _addresses(host: Host, names: Names) -> list[RouterAddress]:
    """Addresses of routers that matter to a host."""
    found = list(names.host_addresses.get(host.name, ()))
    running = [
        (network_id(port) or "", id)
        for bridge in host.bridges
        for port in bridge.ports
        if (id := _port_id(port)) in names.active
    ]
    for id in dict.fromkeys(id for id, _ in running):
        found += names.network_addresses.get(id, ())
    for _, id in running:
        found += names.port_addresses.get(id, ())
    return found


def _named(bridge: Bridge, names: Names) -> Bridge:
    ports = [_port(port, names) for port in bridge.ports]
    return bridge if all(map(is_, ports, bridge.ports)) else replace(bridge, ports=ports)


def _port_id(port: Port) -> str:
    """The id of the API's port that a workload's port is, "" where it is none."""
    ids = [(interface.external_ids or {}).get("iface-id") for interface in port.interfaces]
    return next((id for id in ids if id), "")


def _port(port: Port, names: Names) -> Port:
    id = _port_id(port)
    if network_id(port) not in names.networks and id not in names.ports and id not in names.floating_ips:
        return port
    return replace(
        port,
        network=names.networks.get(network_id(port) or ""),
        workload=names.ports.get(id),
        floating_ips=list(names.floating_ips.get(id, ())),
        floating_ips_down=list(names.floating_ips_down.get(id, ())),
    )

"""What network a workload's port is in, as far as is known: Neutron's agents and ours write its id beside the tag.

Names, floating IPs and where routers' gateways are only the Networking API knows: `Names` is what it told.
"""

from collections.abc import Mapping, Sequence
from operator import is_

from msgspec import Struct, field
from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Gateway, Host, Port

_SHORT = 8
"""Digits of an id that tell networks apart for people."""


class Names(Struct, frozen=True, kw_only=True):
    """What an API told: names by id, floating IPs by port id, gateways by host.

    `floating_ips_down`: of ports that are ACTIVE themselves. `gateways_missing`: those that no host has, by the id of a
    network of their router.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, str] = field(default_factory=dict)
    floating_ips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    floating_ips_down: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gateways: Mapping[str, Sequence[Gateway]] = field(default_factory=dict)
    gateways_missing: Mapping[str, Sequence[Gateway]] = field(default_factory=dict)


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
        )
        for host in hosts
    ]


def _missing(host: Host, names: Names) -> list[Gateway]:
    ids = dict.fromkeys(network_id(port) or "" for bridge in host.bridges for port in bridge.ports)
    found = {gateway.router: gateway for id in ids for gateway in names.gateways_missing.get(id, ())}
    return list(found.values())


def _named(bridge: Bridge, names: Names) -> Bridge:
    ports = [_port(port, names) for port in bridge.ports]
    return bridge if all(map(is_, ports, bridge.ports)) else replace(bridge, ports=ports)


def _port(port: Port, names: Names) -> Port:
    ids = [(interface.external_ids or {}).get("iface-id") for interface in port.interfaces]
    id = next((id for id in ids if id), "")
    if network_id(port) not in names.networks and id not in names.ports and id not in names.floating_ips:
        return port
    return replace(
        port,
        network=names.networks.get(network_id(port) or ""),
        workload=names.ports.get(id),
        floating_ips=list(names.floating_ips.get(id, ())),
        floating_ips_down=list(names.floating_ips_down.get(id, ())),
    )

"""What network a workload's port is in, as far as is known: Neutron's agents and ours write its id beside the tag."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Host, Port

_SHORT = 8
"""Digits of an id that tell networks apart for people."""


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


def named(hosts: Sequence[Host], names: Mapping[str, str]) -> list[Host]:
    """Give the hosts with the names of networks (id -> name) at their ports."""
    return [replace(host, bridges=[_named(bridge, names) for bridge in host.bridges]) for host in hosts]


def _named(bridge: Bridge, names: Mapping[str, str]) -> Bridge:
    if not any(network_id(port) in names for port in bridge.ports):
        return bridge
    return replace(bridge, ports=[replace(port, network=names.get(network_id(port) or "")) for port in bridge.ports])

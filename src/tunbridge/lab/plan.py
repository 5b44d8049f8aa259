"""What a lab shall hold, worked out before anything is made: hosts, addresses, provider bridges, NICs. Pure.

A lab is planned from numbers (so many compute and network nodes), or from pasted `ovs-vsctl show` outputs: the hosts of
the paste are then built with their names, tunnel addresses, provider bridges and NICs.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from tunbridge.agent.config import AgentConfig, Peer, Provider, TunnelType
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.model import Bridge, Document, Interface
from tunbridge.inspect.model import Host as SeenHost

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LAB_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}")
DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
UNDERLAY = ipaddress.ip_network("10.0.0.0/24")
FIRST_ADDRESS = 21
"""Hosts planned from numbers get 10.0.0.21, .22 …"""


class PlanError(TunbridgeError):
    """The lab that was asked for cannot be built; the text names what and why."""


class HostPlan(Struct, frozen=True, kw_only=True):
    """One host. `providers`: physical network -> bridge and NICs."""

    name: str
    local_ip: str
    tunnel_type: TunnelType = "vxlan"
    providers: dict[str, Provider] = field(default_factory=dict)


class LabPlan(Struct, frozen=True, kw_only=True):
    """A whole lab. `prefix_length` is that of the underlay, which all tunnel addresses share."""

    name: str
    hosts: list[HostPlan]
    prefix_length: int
    notes: list[str] = field(default_factory=list)
    """What of the dumps could not be built, in words."""

    @property
    def physical_networks(self) -> list[str]:
        """Names of all physical networks, in a stable order."""
        return sorted({network for host in self.hosts for network in host.providers})


def from_numbers(name: str, compute: int, network: int) -> LabPlan:
    """Plan `compute` compute nodes and `network` network nodes with a provider bridge each. Raises PlanError."""
    if compute < 0 or network < 0 or not 1 <= compute + network <= 200:
        raise PlanError(f"a lab has 1 to 200 hosts; {compute} compute and {network} network nodes were asked for")
    provider = {"physnet1": Provider(bridge="br-ex", nics=["eth1"])}
    names = [f"compute{i}" for i in range(compute)] + [f"network{i}" for i in range(network)]
    hosts = [
        HostPlan(
            name=host,
            local_ip=str(UNDERLAY.network_address + FIRST_ADDRESS + number),
            providers=provider if host.startswith("network") else {},
        )
        for number, host in enumerate(names)
    ]
    return checked(LabPlan(name=name, hosts=hosts, prefix_length=UNDERLAY.prefixlen))


def from_document(name: str, document: Document) -> LabPlan:
    """Plan the hosts of pasted dumps. Raises PlanError when one cannot be built."""
    known = [h for h in document.hosts if h.known]
    if not known:
        raise PlanError("no host in what was given")
    notes = [
        f"{h.name}: {h.addresses[0] if h.addresses else 'a host'} has tunnels in the dumps, but was not given: left out"
        for h in document.hosts
        if not h.known
    ]
    hosts = [_host(h) for h in known]
    return checked(LabPlan(name=name, hosts=hosts, prefix_length=_common_prefix(hosts), notes=notes))


def _host(seen: SeenHost) -> HostPlan:
    tunnels = [i for i in _interfaces(seen) if i.type in ("vxlan", "geneve", "gre") and "local_ip" in i.options]
    addresses = {i.options["local_ip"] for i in tunnels}
    if len(addresses) != 1:
        found = "several: " + ", ".join(sorted(addresses)) if addresses else "none"
        raise PlanError(f"{seen.name}: needs one tunnel address (local_ip of its tunnel ports), found {found}")
    kinds = {i.type for i in tunnels}
    if len(kinds) != 1:
        raise PlanError(f"{seen.name}: tunnels of one type can be built, found {', '.join(sorted(kinds))}")
    providers = {_network(b): _provider(seen.name, b) for b in seen.bridges if b.role == "provider"}
    kind: TunnelType = kinds.pop()  # type: ignore[assignment] # one of the three that were looked for
    return HostPlan(name=seen.name, local_ip=addresses.pop(), tunnel_type=kind, providers=providers)


def _interfaces(host: SeenHost) -> list[Interface]:
    return [i for b in host.bridges for p in b.ports for i in p.interfaces]


def _network(bridge: Bridge) -> str:
    """Name the physical network by its bridge, as operators do: br-eth1 -> eth1."""
    return bridge.name.removeprefix("br-") or bridge.name


def _provider(host: str, bridge: Bridge) -> Provider:
    nics = [i.name for p in bridge.ports for i in p.interfaces if i.type == "system" and "error" not in i.lines]
    nics = [n for n in nics if not n.startswith(("phy-", "int-"))]
    for device in (bridge.name, *nics):
        if DEVICE_NAME.fullmatch(device) is None:
            raise PlanError(f"{host}: {device!r} cannot be the name of a network device here")
    return Provider(bridge=bridge.name, nics=nics)


def _common_prefix(hosts: Sequence[HostPlan]) -> int:
    """Length of the longest usual prefix (at most /24, /64) that all tunnel addresses share."""
    addresses = [ipaddress.ip_address(h.local_ip) for h in hosts]
    if len({a.version for a in addresses}) > 1:
        raise PlanError("the tunnel addresses are of both IPv4 and IPv6; one underlay carries one of them")
    length = 24 if addresses[0].version == 4 else 64
    while length and len({_network_of(a, length) for a in addresses}) > 1:
        length -= 8
    return length


def _network_of(address: Address, length: int) -> str:
    return str(ipaddress.ip_interface(f"{address}/{length}").network)


def checked(plan: LabPlan) -> LabPlan:
    """Give the plan back when names and addresses can be built. Raises PlanError."""
    if LAB_NAME.fullmatch(plan.name) is None:
        raise PlanError(f"{plan.name!r}: a lab's name is 1 to 16 small letters, digits and dashes")
    names: set[str] = set()
    addresses: dict[str, str] = {}
    for host in plan.hosts:
        if HOST_NAME.fullmatch(host.name) is None:
            raise PlanError(f"{host.name!r} cannot be a host's name here; name it yourself: NAME=FILE")
        if host.name in names:
            raise PlanError(f"two hosts are named {host.name}; name them yourself: NAME=FILE")
        other = addresses.get(host.local_ip)
        if other is not None:
            raise PlanError(f"{host.name} and {other} have the same tunnel address, {host.local_ip}")
        names.add(host.name)
        addresses[host.local_ip] = host.name
    return plan


def agent_config(plan: LabPlan, host: HostPlan, paths: Mapping[str, str], datapath_type: str | None) -> AgentConfig:
    """Give the agent's configuration for one host: what it would be on a real one with these paths."""
    values = {
        "host": host.name,
        "local_ip": host.local_ip,
        "tunnel_type": host.tunnel_type,
        "peers": [Peer(host=h.name, ip=h.local_ip) for h in plan.hosts if h.name != host.name],
        "providers": host.providers,
        "datapath_type": datapath_type,
    }
    return AgentConfig(**values, **paths)  # type: ignore[arg-type] # each value is of its field's type

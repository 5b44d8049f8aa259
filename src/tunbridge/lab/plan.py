"""What a lab shall hold, worked out before anything is made: hosts, addresses, provider bridges, NICs. Pure.

A lab is planned from numbers (so many compute and network nodes), or from pasted `ovs-vsctl show` outputs: the hosts of
the paste are then built with their names, tunnel addresses, peers, provider bridges and NICs. Names in a paste are
hostile input, and become names of folders, namespaces and devices here: `checked` lets pass what is harmless.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from tunbridge.agent.config import AgentConfig, Peer, Provider, TunnelType
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.interfaces import is_nic_of
from tunbridge.inspect.model import Bridge, Document, Interface
from tunbridge.inspect.model import Host as SeenHost
from tunbridge.inspect.understand import GIVEN_TWICE

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNDERLAY_DEVICE = "enunderlay0"
"""Each host's NIC to the underlay."""
UNDERLAY_BRIDGE = "br-phy"
"""Holds that NIC where the datapath is the userspace one."""
LAB_NAME_FORM = "1 to 16 small letters, digits and dashes, of which the first is no dash"
_LAB_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}")
_DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_TAKEN_HOSTS = frozenset({"underlay", "outside", "server", "lab.json", "lab.json.new", "localhost"})
"""Names of what else a lab is made of."""
_TAKEN_DEVICES = frozenset({"lo", "all", "default", "br-int", "br-tun", UNDERLAY_BRIDGE, UNDERLAY_DEVICE})
"""Devices that each host has or gets; `all` and `default` are the kernel's (/proc/sys/net/ipv4/conf)."""
CENTRAL_DATABASE = "unix:/run/central/db.sock"
"""The server's database, as hosts see it."""
_UNDERLAY = ipaddress.ip_network("10.0.0.0/24")
_FIRST_ADDRESS = 21
"""Hosts planned from numbers get 10.0.0.21, .22 …"""
_OUTSIDE = ("203.0.113.1/24", "198.51.100.1/24", "192.0.2.1/24")
_TUNNEL_TYPES: dict[str, TunnelType] = {"vxlan": "vxlan", "geneve": "geneve", "gre": "gre"}


class PlanError(TunbridgeError):
    """The lab that was asked for cannot be built; the text names what and why."""


class HostPlan(Struct, frozen=True, kw_only=True):
    """One host. `providers`: physical network -> bridge and NICs. `peers` None: all other hosts.

    `bfd_interval`: the agent's setting, in milliseconds.
    """

    name: str
    local_ip: str
    tunnel_types: tuple[TunnelType, ...] = ("vxlan",)
    providers: dict[str, Provider] = field(default_factory=dict)
    peers: list[Peer] | None = None
    bfd_interval: int | None = None


class LabPlan(Struct, frozen=True, kw_only=True):
    """A whole lab. `prefix_length` is that of the underlay, which all tunnel addresses share."""

    name: str
    hosts: list[HostPlan]
    prefix_length: int
    server: str | None = None
    """HOST:PORT of the Networking API on this machine; None: the lab has no server."""
    preview: bool = False
    """The server also offers what hosts do not carry out in whole yet."""
    notes: list[str] = field(default_factory=list)
    """What of the dumps is built in another way, in words."""

    @property
    def physical_networks(self) -> list[str]:
        """Names of all physical networks, in a stable order."""
        return sorted({network for host in self.hosts for network in host.providers})


def is_lab_name(name: str) -> bool:
    """Say whether a lab can have this name (`LAB_NAME_FORM`)."""
    return _LAB_NAME.fullmatch(name) is not None


def outside_address(number: int) -> str | None:
    """Give the outside's address on the physical network of this number (RFC 5737); there are three."""
    return _OUTSIDE[number] if number < len(_OUTSIDE) else None


# From numbers


def from_numbers(name: str, compute: int, network: int) -> LabPlan:
    """Plan `compute` compute nodes and `network` network nodes with a provider bridge each. Raises PlanError."""
    if compute < 0 or network < 0 or not 1 <= compute + network <= 200:
        raise PlanError(f"a lab has 1 to 200 hosts; {compute} compute and {network} network nodes were asked for")
    provider = {"physnet1": Provider(bridge="br-ex", nics=["eth1"])}
    names = [f"compute{i}" for i in range(compute)] + [f"network{i}" for i in range(network)]
    hosts = [
        HostPlan(
            name=host,
            local_ip=str(_UNDERLAY.network_address + _FIRST_ADDRESS + number),
            providers=provider if host.startswith("network") else {},
        )
        for number, host in enumerate(names)
    ]
    return checked(LabPlan(name=name, hosts=hosts, prefix_length=_UNDERLAY.prefixlen))


# From dumps


def from_document(name: str, document: Document) -> LabPlan:
    """Plan the hosts of pasted dumps. Raises PlanError when one cannot be built."""
    known = [h for h in document.hosts if h.known]
    if not known:
        raise PlanError("no host in what was given; --like takes outputs of `ovs-vsctl show`")
    names = {address: h.name for h in known for address in _local_ips(h)}
    hosts = [_host(h, names) for h in known]
    notes = [f.message for f in document.findings if f.code == GIVEN_TWICE]
    notes += [note for h in known for note in _notes(h, names)]
    return checked(LabPlan(name=name, hosts=hosts, prefix_length=_common_prefix(hosts), notes=notes))


def _host(seen: SeenHost, names: Mapping[str, str]) -> HostPlan:
    addresses = sorted(set(_local_ips(seen)))
    if len(addresses) != 1:
        found = "several: " + ", ".join(addresses) if addresses else "none"
        raise PlanError(
            f"{seen.name}: a host of a lab needs one tunnel address, the local_ip of its tunnel ports; there is {found}"
        )
    types = {i.type for i in _tunnels(seen)}
    return HostPlan(
        name=seen.name,
        local_ip=addresses[0],
        tunnel_types=tuple(known for type, known in _TUNNEL_TYPES.items() if type in types),
        providers=_providers(seen),
        peers=[Peer(host=names.get(ip, ip), ip=ip) for ip in _remote_ips(seen)],
    )


def _tunnels(host: SeenHost) -> list[Interface]:
    """Give the tunnels that the agent can make again: point to point, from an address that is stated."""
    interfaces = [i for b in host.bridges for p in b.ports for i in p.interfaces]
    return [
        i
        for i in interfaces
        if i.type in _TUNNEL_TYPES and not {"flow", None} & {i.options.get("local_ip"), i.options.get("remote_ip")}
    ]


def _local_ips(host: SeenHost) -> list[str]:
    return [_address(host.name, i.options["local_ip"]) for i in _tunnels(host)]


def _remote_ips(host: SeenHost) -> list[str]:
    """Give the addresses of its peers, each once, in order."""
    return list(dict.fromkeys(_address(host.name, i.options["remote_ip"]) for i in _tunnels(host)))


def _address(host: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise PlanError(f"{host}: {text!r}, an end of a tunnel, is no IP address") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local:
        raise PlanError(f"{host}: {address}, an end of a tunnel, cannot be the address of one host on an underlay")
    return str(address)


def _providers(seen: SeenHost) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for bridge in seen.bridges:
        if bridge.role == "provider":
            network = _network(bridge)
            if network in providers:
                raise PlanError(f"{seen.name}: {providers[network].bridge} and {bridge.name} would both be {network!r}")
            providers[network] = Provider(bridge=bridge.name, nics=_nics(bridge))
    return providers


def _network(bridge: Bridge) -> str:
    """Name the physical network by its bridge, as operators do: br-eth1 -> eth1."""
    return bridge.name.removeprefix("br-") or bridge.name


def _nics(bridge: Bridge) -> list[str]:
    """Name the NICs of a provider bridge that were there when the dump was made."""
    ports = [p for p in bridge.ports if p.name != bridge.name and is_nic_of(bridge, p)]
    return [i.name for p in ports for i in p.interfaces if i.type == "system" and i.error is None]


def _notes(seen: SeenHost, names: Mapping[str, str]) -> Iterable[str]:
    for ip in _remote_ips(seen):
        if ip not in names:
            yield f"{seen.name}: the dump of its peer {ip} was not given; the tunnel to it leads nowhere in this lab"
    for bridge in seen.bridges:
        nics = _nics(bridge) if bridge.role == "provider" else []
        if len(nics) > 1:
            yield (
                f"{seen.name}: {bridge.name} has {', '.join(nics)}, each a port of its own here; only {nics[0]} leads"
                " to the physical network, since two would be a loop"
            )


def _common_prefix(hosts: Sequence[HostPlan]) -> int:
    """Length of the longest usual prefix (at most /24, /64) that makes all tunnel addresses neighbours."""
    addresses = [ipaddress.ip_address(h.local_ip) for h in hosts]
    if len({a.version for a in addresses}) > 1:
        raise PlanError("the tunnel addresses are of both IPv4 and IPv6; one underlay carries one of them")
    length = 24 if addresses[0].version == 4 else 64
    while not _are_neighbours(addresses, length):
        length -= 8
        if length < 0:
            raise PlanError(f"{max(addresses)} cannot be the address of a host")
    return length


def _are_neighbours(addresses: Sequence[Address], length: int) -> bool:
    """Say whether these are addresses of hosts in one network of this prefix length."""
    networks = {ipaddress.ip_network((a, length), strict=False) for a in addresses}
    network = networks.pop()
    return not networks and network.network_address not in addresses and network.broadcast_address not in addresses


# What holds for every plan


def checked(plan: LabPlan) -> LabPlan:
    """Give the plan back when names and addresses can be built. Raises PlanError."""
    if not is_lab_name(plan.name):
        raise PlanError(f"{plan.name!r} is not a lab's name: {LAB_NAME_FORM}")
    names: set[str] = set()
    addresses: dict[Address, str] = {}
    for host in plan.hosts:
        if _HOST_NAME.fullmatch(host.name) is None or host.name in _TAKEN_HOSTS:
            raise PlanError(f"{host.name!r} cannot be a host's name here; name it yourself: NAME=FILE")
        if host.name in names:
            raise PlanError(f"two hosts are named {host.name}; name them yourself: NAME=FILE")
        address = ipaddress.ip_address(host.local_ip)
        other = addresses.get(address)
        if other is not None:
            raise PlanError(f"{host.name} and {other} have the same tunnel address, {host.local_ip}")
        _check_devices(host.name, [d for p in host.providers.values() for d in (p.bridge, *p.nics)])
        names.add(host.name)
        addresses[address] = host.name
    return plan


def _check_devices(where: str, devices: Sequence[str]) -> None:
    """Raise PlanError unless each can be the name of a device of a host, and of one only."""
    for number, device in enumerate(devices):
        if _DEVICE_NAME.fullmatch(device) is None:
            raise PlanError(f"{where}: {device!r} cannot be the name of a network device here")
        if device in _TAKEN_DEVICES:
            raise PlanError(f"{where}: {device} is the name of another device that each host of a lab has")
        if device in devices[:number]:
            raise PlanError(f"{where}: {device} is there twice")


def agent_config(plan: LabPlan, host: HostPlan, paths: Mapping[str, str], datapath_type: str | None) -> AgentConfig:
    """Give the agent's configuration for one host: what it would be on a real one with these paths."""
    others = [Peer(host=h.name, ip=h.local_ip) for h in plan.hosts if h.name != host.name]
    values = {
        "host": host.name,
        "local_ip": host.local_ip,
        "tunnel_types": host.tunnel_types,
        "peers": others if host.peers is None else host.peers,
        "providers": host.providers,
        "datapath_type": datapath_type,
        "bfd_interval": host.bfd_interval,
        "database": [CENTRAL_DATABASE] if plan.server else [],
    }
    return AgentConfig(**values, **paths)  # type: ignore[arg-type] # each value is of its field's type

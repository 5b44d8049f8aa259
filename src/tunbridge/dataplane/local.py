"""What the host has now: its interfaces and tunnels, and the workloads plugged into br-int."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from tunbridge.dataplane import names
from tunbridge.dataplane.view import Key


class Trunked(Struct, frozen=True):
    """How a sub-port's packets come and go: by the interface of its trunk's parent port, with a VLAN tag."""

    parent: str
    """Port id."""
    ofport: int
    vlan: int


class Workload(Struct, frozen=True):
    """An interface of br-int with `external_ids:iface-id`, whoever plugged it; `mac` is its attached-mac.

    Or a sub-port of one (`trunk`): `name` is that interface's, `ofport` a number that no interface has (trunks.py).
    """

    port_id: str
    name: str
    ofport: int
    mac: str | None = None
    trunk: Trunked | None = None


class Local(Struct, frozen=True):
    """What the host has now, from its OVSDB and its configuration."""

    host: str
    tunnel_ip: str
    ofports: Mapping[str, Mapping[str, int]] = {}
    """Bridge -> interface -> OpenFlow port."""
    providers: Mapping[str, str] = {}
    """Physical network -> bridge."""
    tunnels: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"vxlan": {}})
    """Type -> remote IP -> tunnel port in br-tun; the first type is the one of BFD and taps."""
    workloads: Mapping[str, Workload] = {}
    """Port id -> the workload that counts."""
    dead: frozenset[str] = frozenset()
    """Tunnel addresses of hosts that were reached by their tunnels, and are not any more."""
    vouched: frozenset[str] = frozenset()
    """Likewise, but their routers' addresses are answered for outside: others may reach them still."""
    silent: frozenset[tuple[str, str]] = frozenset()
    """Next hops (network, address) that are no ports and did not answer when they were asked last."""
    is_cut_off: bool = False
    """Whether this host itself is not to have gateways: it reaches no other host, or not its physical networks."""
    vlans: Mapping[str, int] = {}
    """Network id -> local VLAN as recovered from ports; read once, at the start."""
    userspace: bool = False
    """Whether br-int is in Open vSwitch's datapath in userspace; else it is in the kernel's."""
    metadata: bool = True
    """Whether this host has the metadata service."""
    vlan_limit: int = 1
    """How many VLAN tags Open vSwitch looks behind: fields of what is behind more of them cannot be matched."""
    log_rate: tuple[int, int] = (100, 25)
    """How many packets of a port may be logged each second, and at once."""


class LocalView:
    """The local state, and the keys that were read since `take_reads`."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._reads: set[Key] = set()

    def replace(self, local: Local) -> set[Key]:
        """Take a new state; gives the keys that differ."""
        former, self._local = self._local, local
        return _differing(former, local)

    @property
    def now(self) -> Local:
        """All of it, unnoted: for those who compute no flows."""
        return self._local

    def take_reads(self) -> set[Key]:
        """The keys that were read since the last call."""
        reads, self._reads = self._reads, set()
        return reads

    @property
    def host(self) -> str:
        self._reads.add(("self", "host"))
        return self._local.host

    @property
    def tunnel_types(self) -> tuple[str, ...]:
        """The types of which this host has tunnels."""
        self._reads.add(("self", "tunnel_types"))
        return tuple(self._local.tunnels)

    @property
    def userspace(self) -> bool:
        self._reads.add(("self", "userspace"))
        return self._local.userspace

    @property
    def vlan_limit(self) -> int:
        self._reads.add(("self", "vlan_limit"))
        return self._local.vlan_limit

    @property
    def metadata(self) -> bool:
        self._reads.add(("self", "metadata"))
        return self._local.metadata

    @property
    def log_rate(self) -> tuple[int, int]:
        self._reads.add(("self", "log_rate"))
        return self._local.log_rate

    def ofport(self, bridge: str, name: str) -> int | None:
        """The OpenFlow port of an interface; None while it has none."""
        self._reads.add(("ofport", f"{bridge}/{name}"))
        return self._local.ofports.get(bridge, {}).get(name)

    @property
    def tunnels(self) -> Mapping[str, Mapping[str, str]]:
        """All tunnels, by type."""
        self._reads.add(("self", "tunnels"))
        return self._local.tunnels

    def tunnel(self, remote_ip: str, type: str) -> int | None:
        """The OpenFlow port in br-tun of the tunnel of this type to a host."""
        self._reads.add(("tunnel", f"{type} {remote_ip}"))
        name = self._local.tunnels.get(type, {}).get(remote_ip)
        return None if name is None else self.ofport(names.TUNNEL_BRIDGE, name)

    def is_dead(self, remote_ip: str) -> bool:
        """Whether a host was reached by its tunnel, and is not any more."""
        self._reads.add(("dead", remote_ip))
        return remote_ip in self._local.dead

    def is_silent(self, network_id: str, address: str) -> bool:
        """Whether a next hop did not answer when it was asked last."""
        self._reads.add(("silent", f"{address} {network_id}"))
        return (network_id, address) in self._local.silent

    def is_vouched(self, remote_ip: str) -> bool:
        """Whether a host is not reached by its tunnel, and well nevertheless."""
        self._reads.add(("vouched", remote_ip))
        return remote_ip in self._local.vouched

    @property
    def is_cut_off(self) -> bool:
        self._reads.add(("self", "is_cut_off"))
        return self._local.is_cut_off

    @property
    def providers(self) -> Mapping[str, str]:
        """All mappings of physical networks."""
        self._reads.add(("self", "providers"))
        return self._local.providers

    def provider(self, physical_network: str) -> str | None:
        """The bridge of a physical network."""
        self._reads.add(("provider", physical_network))
        return self._local.providers.get(physical_network)

    @property
    def workload_ids(self) -> Iterable[str]:
        self._reads.add(("self", "workloads"))
        return self._local.workloads

    def workload(self, port_id: str) -> Workload | None:
        self._reads.add(("workload", port_id))
        return self._local.workloads.get(port_id)


_SINGLE = (
    "host", "tunnels", "providers", "is_cut_off", "userspace", "vlan_limit", "metadata", "log_rate",
)  # fmt: skip


def _differing(old: Local, new: Local) -> set[Key]:
    keys: set[Key] = set()
    for attribute in _SINGLE:
        if getattr(old, attribute) != getattr(new, attribute):
            keys.add(("self", attribute))
    if old.workloads is not new.workloads and old.workloads.keys() != new.workloads.keys():
        keys.add(("self", "workloads"))
    keys |= {("workload", id) for id in _changed(old.workloads, new.workloads)}
    if tuple(old.tunnels) != tuple(new.tunnels):
        keys.add(("self", "tunnel_types"))
    for type in old.tunnels.keys() | new.tunnels.keys():
        keys |= {("tunnel", f"{type} {ip}") for ip in _changed(old.tunnels.get(type, {}), new.tunnels.get(type, {}))}
    keys |= {("provider", n) for n in _changed(old.providers, new.providers)}
    keys |= {("silent", f"{address} {network}") for network, address in old.silent ^ new.silent}
    keys |= {("vouched", ip) for ip in old.vouched ^ new.vouched}
    keys |= {("dead", ip) for ip in old.dead ^ new.dead}
    for bridge in old.ofports.keys() | new.ofports.keys():
        before, after = old.ofports.get(bridge, {}), new.ofports.get(bridge, {})
        keys |= {("ofport", f"{bridge}/{name}") for name in _changed(before, after)}
    return keys


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    """Keys whose values differ."""
    if old is new or old == new:
        return set()
    return {key for key, value in new.items() if old.get(key) != value} | (old.keys() - new.keys())

"""What the central database says to this host: typed rows, and a view that notes what each owner of flows reads.

`Source` is where the rows come from: the central database's store on a host, dictionaries in tests. Whoever computes
flows reads through a `View`, which notes the keys that were read. A changed row touches keys; the owners that read one
of them are computed anew. So what is computed incrementally cannot differ from what a fresh start computes.
"""

from collections.abc import Callable, Collection, Container, Mapping
from typing import Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Segment(Struct, frozen=True):
    """One of several segments of a network."""

    network_type: str
    physical_network: str | None = None
    segmentation_id: int | None = None


class Network(Struct, frozen=True, kw_only=True):
    """A network. `segmentation_id` is the VNI, GRE key or VLAN; None where the type has none (flat, local).

    Of one with several `segments` these say the first; what a host has it by: `by`.
    """

    id: str
    name: str = ""
    mtu: int
    network_type: str
    physical_network: str | None = None
    segmentation_id: int | None = None
    admin_state_up: bool = True
    dns_domain: str = ""
    external: bool = False
    qos_policy_id: str | None = None
    segments: tuple[Segment, ...] = ()
    """In the order in which hosts try them; nothing of a network of one."""
    is_private: bool = False
    """A private VLAN: ports reach each other by their kinds."""
    is_transparent: bool = False
    """VMs send and receive frames with VLAN tags of their own."""
    is_qinq: bool = False
    """In a physical network its VLAN tag is one of IEEE 802.1ad (0x88a8)."""

    def by(self, tunnel_types: Collection[str], physical_networks: Container[str]) -> "Network":
        """The network by the segment of a host: the first that it has tunnels for or a bridge to, as servers decide."""
        for one in self.segments:
            if one.network_type in TUNNELLED:
                reaches = one.network_type in tunnel_types
            else:
                reaches = one.network_type == "local" or one.physical_network in physical_networks
            if reaches:
                return msgspec.structs.replace(self, **msgspec.structs.asdict(one))
        return self

    @property
    def segment(self) -> Segment:
        """The segment that its fields describe."""
        return Segment(self.network_type, self.physical_network, self.segmentation_id)

    @property
    def is_tunnelled(self) -> bool:
        """Whether its packets travel in tunnels between hosts."""
        return self.network_type in TUNNELLED


TUNNELLED = ("vxlan", "geneve", "gre")


class HostRoute(Struct, frozen=True):
    """A route that DHCP hands out."""

    destination: str
    nexthop: str


class Subnet(Struct, frozen=True, kw_only=True):
    """A subnet; addresses and prefixes in canonical text."""

    id: str
    network_id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    segment_id: str | None = None
    """The segment that it is on; None: on all segments of the network."""


class FixedIp(Struct, frozen=True):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class AddressPair(Struct, frozen=True):
    """An allowed address pair; `ip_address` is an address or a prefix, `mac_address` is always given (lower case)."""

    mac_address: str
    ip_address: str


class DhcpOption(Struct, frozen=True):
    """One of a port's `extra_dhcp_opts`; no value takes the option out of answers."""

    name: str
    value: str | None
    ip_version: int


class Binding(Struct, frozen=True):
    """Where a port is plugged in: `status` ACTIVE, or INACTIVE for the other host of a live migration."""

    host: str
    status: str
    vif_type: str
    vnic_type: str = "normal"


class Port(Struct, frozen=True, kw_only=True):
    """A port. `mac_address` in lower case with colons."""

    id: str
    network_id: str
    name: str = ""
    mac_address: str
    fixed_ips: tuple[FixedIp, ...] = ()
    admin_state_up: bool = True
    port_security_enabled: bool = True
    security_groups: tuple[str, ...] = ()
    """Sorted ids."""
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    device_owner: str = ""
    device_id: str = ""
    project_id: str = ""
    dns_name: str = ""
    dns_domain: str = ""
    extra_dhcp_opts: tuple[DhcpOption, ...] = ()
    qos_policy_id: str | None = None
    bindings: tuple[Binding, ...] = ()
    trunk_parent: str | None = None
    """Of a trunk's sub-port: the trunk's port, and the VLAN tag that its packets have there."""
    trunk_vlan: int | None = None
    tx_steering: str | None = None
    """Which queue of its interface a packet is sent by, of a port that the userspace datapath polls: thread or hash."""

    private_kind: str | None = None
    """In a private VLAN: isolated, community, or promiscuous (None as well)."""
    community: str | None = None

    @property
    def host(self) -> str | None:
        """The host that has the port: that of its active binding."""
        return next((b.host for b in self.bindings if b.status == "ACTIVE" and b.vif_type == "ovs"), None)

    def binding(self, host: str) -> Binding | None:
        """The binding to a host that its agent can carry out."""
        return next((b for b in self.bindings if b.host == host and b.vif_type == "ovs"), None)


class Rule(Struct, frozen=True, kw_only=True):
    """A security group rule. `protocol` is a number, None for any; `ip_version` 4 or 6.

    `port_min`, `port_max`: ports, or for ICMP its type and code; None is any.
    """

    id: str
    direction: str
    ip_version: int
    protocol: int | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | None = None


class SecurityGroup(Struct, frozen=True, kw_only=True):
    """A security group with its rules, sorted by id."""

    id: str
    stateful: bool = True
    rules: tuple[Rule, ...] = ()


class Host(Struct, frozen=True, kw_only=True):
    """Another host, as its agent registered it."""

    host: str
    tunnel_ip: str | None = None
    tunnel_types: tuple[str, ...] = ()
    physical_networks: tuple[str, ...] = ()
    """Those that it has a bridge for."""


class Rate(Struct, frozen=True):
    """A limit: so many per second, and `burst` at once."""

    rate: int
    burst: int


class Limits(Struct, frozen=True):
    """What one direction of a port is held to; None: not at all."""

    bandwidth: Rate | None = None
    """kbit/s of Ethernet frames, and kbit."""
    packets: Rate | None = None


class QosPolicy(Struct, frozen=True, kw_only=True):
    """What the rules of a QoS policy come to for a port."""

    id: str
    sent: Limits = Limits()
    received: Limits = Limits()
    dscp: int | None = None
    """Value of the DSCP field of what the port sends."""
    minimum: int | None = None
    """kbit/s that are kept for what the port sends on the NICs of its physical network."""


class Router(Struct, frozen=True, kw_only=True):
    """A router: the ports that are its interfaces, the networks that these are on, and its extra routes.

    `gateway_port` is on its external network, and `further_gateways` are on others or on the same one. `gateway_host`
    is the host that shall have their addresses, and `gateway_standbys` are those that take over when it is dead.
    `shares_default`: the default route leads by all gateways, and else by the first one that has a next hop. Floating
    IPs of one that is not `is_distributed` are all on the gateway host. `helpers`: names of protocols whose words are
    translated, "ftp" and "tftp". `ndp_addresses`: IPv6 addresses behind it that it answers for outside, and no others
    come in; None: all come in.
    """

    id: str
    project_id: str = ""
    admin_state_up: bool = True
    interfaces: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    routes: tuple[HostRoute, ...] = ()
    gateway_port: str | None = None
    further_gateways: tuple[str, ...] = ()
    shares_default: bool = False
    gateway_host: str | None = None
    gateway_standbys: tuple[str, ...] = ()
    gateway_qos_policy_id: str | None = None
    enable_snat: bool = True
    is_distributed: bool = True
    helpers: tuple[str, ...] = ()
    ndp_addresses: tuple[str, ...] | None = None

    @property
    def gateways(self) -> tuple[str, ...]:
        """The ports of its gateways, the first one first."""
        return () if self.gateway_port is None else (self.gateway_port, *self.further_gateways)


class FloatingIp(Struct, frozen=True, kw_only=True):
    """A floating IP that leads to a port by a router. `id` is that of its own port on the external network.

    `port_id` None: only some of its TCP or UDP ports lead somewhere (`forwardings` of `api_id`, its id in the API).
    """

    id: str
    api_id: str = ""
    address: str
    router_id: str
    port_id: str | None
    fixed_ip: str | None
    qos_policy_id: str | None = None


class PortForwarding(Struct, frozen=True, kw_only=True):
    """Ports of a floating IP, `first` to `last`, that lead to a port: each to its own from `inner` on, or all to that.

    `protocol` is a number. `one_to_one` False: all lead to `inner`.
    """

    id: str
    port_id: str
    fixed_ip: str
    protocol: int
    first: int
    last: int
    inner: int
    one_to_one: bool = True

    @property
    def inner_last(self) -> int:
        return self.inner + self.last - self.first if self.one_to_one else self.inner


class Location(Struct, frozen=True, kw_only=True):
    """A host says that a port of its own has an address which several may have. The highest claim is believed."""

    network_id: str
    address: str
    host: str
    port_id: str
    mac_address: str
    claim: int


class LoggedTraffic(Struct, frozen=True, kw_only=True):
    """An enabled log of the API: which ports it is about, and whether it wants what is allowed, dropped, or both.

    With `target_id` it is that port; else all ports of the group `resource_id`; else all of the project.
    """

    id: str
    project_id: str
    resource_id: str | None = None
    target_id: str | None = None
    event: Literal["ACCEPT", "DROP", "ALL"] = "ALL"

    def concerns(self, port: Port) -> bool:
        """Whether it is about a port."""
        if self.target_id is not None:
            return self.target_id == port.id
        if self.resource_id is not None:
            return self.resource_id in port.security_groups
        return self.project_id == port.project_id

    def wants(self, event: str) -> bool:
        """Whether it is about `ACCEPT` or `DROP`."""
        return self.event in ("ALL", event)


class Mirror(Struct, frozen=True, kw_only=True):
    """Copies of a port's packets for a collector: `sent` and `received` are tunnel ids, None where it wants none."""

    id: str
    port_id: str
    kind: Literal["erspan", "gre"]
    remote_ip: str
    sent: int | None = None
    received: int | None = None


class TapService(Struct, frozen=True, kw_only=True):
    """A port, on `host`, that is given copies of other ports' packets; between hosts `tunnel_id` marks them."""

    id: str
    port_id: str
    tunnel_id: int
    host: str | None = None


class Tap(Struct, frozen=True, kw_only=True):
    """Copies of what a port sends, or receives, or both, for the port of a tap service."""

    id: str
    port_id: str
    service_id: str
    sent: bool = False
    received: bool = False


class LocalIp(Struct, frozen=True, kw_only=True):
    """An address that a port has for the workloads on its host, besides its own `fixed_ip`.

    `is_translated`: what is sent there gets the fixed IP; else the VM has the address itself.
    """

    id: str
    address: str
    fixed_ip: str
    is_translated: bool = True


class MeteringRule(Struct, frozen=True, kw_only=True):
    """What a label counts, or (`excluded`) does not: prefixes in canonical text, None for any address.

    Addresses are those inside: `source` of what leaves is the fixed IP, as is `destination` of what comes in.
    """

    id: str
    direction: Literal["egress", "ingress"]
    ip_version: int
    source: str | None = None
    destination: str | None = None
    excluded: bool = False


class MeteringLabel(Struct, frozen=True, kw_only=True):
    """What of the traffic of routers with the outside is counted together."""

    id: str
    name: str = ""
    rules: tuple[MeteringRule, ...] = ()


Key = tuple[str, str]
"""What a read depends on: what was read, as `View` names it, and the id that it was read by ("" where there is none).
Of ("metering", project id) the id is "" for shared labels. ("sub-ports", id of a trunk's port) is for
agent/sub_ports.py, which reads all of them."""


class Source(Protocol):
    """Where rows come from; each method gives what is there now, None or nothing for what is not."""

    def network(self, id: str, /) -> Network | None: ...
    def network_ports(self, network_id: str, /) -> Collection[str]: ...
    def network_subnets(self, network_id: str, /) -> Collection[str]: ...
    def network_routers(self, network_id: str, /) -> Collection[str]: ...
    def network_locations(self, network_id: str, /) -> Collection[Location]: ...
    def host_locations(self, host: str, /) -> Collection[Location]: ...
    def subnet(self, id: str, /) -> Subnet | None: ...
    def port(self, id: str, /) -> Port | None: ...
    def port_status(self, id: str, /) -> str | None: ...
    def sub_ports(self) -> Collection[str]: ...
    def group(self, id: str, /) -> SecurityGroup | None: ...
    def group_members(self, group_id: str, /) -> Collection[str]: ...
    def address_group(self, id: str, /) -> Collection[str]: ...
    def host(self, name: str, /) -> Host | None: ...
    def hosts(self) -> Collection[str]: ...
    def router(self, id: str, /) -> Router | None: ...
    def router_floating_ips(self, router_id: str, /) -> Collection[str]: ...
    def gateways(self, host: str, /) -> Collection[str]: ...
    def floating_ip(self, id: str, /) -> FloatingIp | None: ...
    def forwardings(self, floating_ip_id: str, /) -> Collection[PortForwarding]: ...
    def qos_policy(self, id: str, /) -> QosPolicy: ...
    def logs(self) -> Collection[LoggedTraffic]: ...
    def mirrors(self, port_id: str, /) -> Collection[Mirror]: ...
    def all_mirrors(self) -> Collection[Mirror]: ...
    def taps(self, port_id: str, /) -> Collection[Tap]: ...
    def tap(self, id: str, /) -> Tap | None: ...
    def tap_services(self, port_id: str, /) -> Collection[str]: ...
    def tap_service(self, id: str, /) -> TapService | None: ...
    def local_ips(self, port_id: str, /) -> Collection[LocalIp]: ...
    def metering_labels(self, project_id: str, /) -> Collection[MeteringLabel]: ...


def _noted(kind: str, read: Callable[[Source, str], T]) -> Callable[["View", str], T]:
    """A method of the view: it reads from the source, and notes ("kind", id)."""
    name = read.__name__

    def noted(view: "View", id: str) -> T:
        view.reads.add((kind, id))
        found: T = getattr(view.source, name)(id)
        return found

    return noted


class View:
    """A source, and the keys that were read since `take_reads`."""

    network = _noted("network", Source.network)
    network_ports = _noted("network-ports", Source.network_ports)
    network_subnets = _noted("network-subnets", Source.network_subnets)
    network_routers = _noted("network-routers", Source.network_routers)
    """The routers that have an interface on a network."""
    network_locations = _noted("network-locations", Source.network_locations)
    """What hosts say of addresses that several ports of a network may have."""
    subnet = _noted("subnet", Source.subnet)
    port = _noted("port", Source.port)
    port_status = _noted("port-status", Source.port_status)
    """What a host says of a port that is a next hop beside others; None when none has it plugged in."""
    group = _noted("group", Source.group)
    group_members = _noted("group-members", Source.group_members)
    address_group = _noted("address-group", Source.address_group)
    host = _noted("host", Source.host)
    router = _noted("router", Source.router)
    router_floating_ips = _noted("router-floating", Source.router_floating_ips)
    """Those of a router's floating IPs that lead somewhere."""
    gateways = _noted("gateways", Source.gateways)
    """The routers whose gateway a host is, or may become."""
    floating_ip = _noted("floating", Source.floating_ip)
    forwardings = _noted("forwardings", Source.forwardings)
    """The port forwardings of a floating IP, by its id in the API."""
    qos_policy = _noted("qos-policy", Source.qos_policy)
    """What a policy's rules come to; nothing for one that is not there."""
    mirrors = _noted("mirrors", Source.mirrors)
    """The mirrors of a port."""
    taps = _noted("taps", Source.taps)
    """The tap flows of which a port is the source."""
    tap = _noted("tap", Source.tap)
    tap_services = _noted("tap-services", Source.tap_services)
    """The tap services whose copies a port is given."""
    local_ips = _noted("local-ips", Source.local_ips)
    """The Local IPs that lead to a port."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.reads: set[Key] = set()

    def take_reads(self) -> set[Key]:
        """The keys that were read since the last call."""
        reads, self.reads = self.reads, set()
        return reads

    def hosts(self) -> Collection[str]:
        self.reads.add(("hosts", ""))
        return self.source.hosts()

    def logs(self) -> Collection[LoggedTraffic]:
        """All enabled logs of the cloud."""
        self.reads.add(("logs", ""))
        return self.source.logs()

    def tap_service(self, id: str) -> TapService | None:
        """A tap service; it changes with its port, too."""
        found = self.source.tap_service(id)
        self.reads |= {("tap-service", id), *((("port", found.port_id),) if found is not None else ())}
        return found

    def metering_labels(self, project_id: str) -> Collection[MeteringLabel]:
        """The labels that count for the routers of a project."""
        found = self._metering_labels(project_id)
        self.reads |= {("metering-label", label.id) for label in found}
        return found

    def is_metered(self, project_id: str) -> bool:
        """Whether any label counts for the routers of a project."""
        return bool(self._metering_labels(project_id))

    def _metering_labels(self, project_id: str) -> Collection[MeteringLabel]:
        self.reads |= {("metering", project_id), ("metering", "")}
        return self.source.metering_labels(project_id)


def _touched(old: object, new: object, keys: Mapping[str, str]) -> set[Key]:
    """Keys with the value before and the value after."""
    found: set[Key] = set()
    for row in (old, new):
        if row is not None:
            found |= {(kind, getattr(row, attribute)) for kind, attribute in keys.items()}
    return found


def port_keys(old: Port | None, new: Port | None) -> set[Key]:
    """The keys that a changed port touches. What lists a network's ports sees only that they come and go."""
    keys = _touched(old, new, {"port": "id"})
    before = set() if old is None else {("network-ports", old.network_id)}
    after = set() if new is None else {("network-ports", new.network_id)}
    groups_before = set() if old is None else {("group-members", g) for g in old.security_groups}
    groups_after = set() if new is None else {("group-members", g) for g in new.security_groups}
    trunked_before, trunked_after = _trunked(old), _trunked(new)
    trunks: set[Key] = set()
    if trunked_before != trunked_after:
        trunks = {("sub-ports", parent) for parent, _ in (trunked_before, trunked_after) if parent is not None}
    return keys | (before ^ after) | (groups_before ^ groups_after) | trunks


def _trunked(port: Port | None) -> tuple[str | None, int | None]:
    return (None, None) if port is None else (port.trunk_parent, port.trunk_vlan)


def subnet_keys(old: Subnet | None, new: Subnet | None) -> set[Key]:
    """The keys that a changed subnet touches."""
    before = set() if old is None else {("network-subnets", old.network_id)}
    after = set() if new is None else {("network-subnets", new.network_id)}
    return _touched(old, new, {"subnet": "id"}) | (before ^ after)


def router_keys(old: Router | None, new: Router | None) -> set[Key]:
    """The keys that a changed router touches."""
    before = set() if old is None else {("network-routers", n) for n in old.networks} | _gateway(old)
    after = set() if new is None else {("network-routers", n) for n in new.networks} | _gateway(new)
    return _touched(old, new, {"router": "id"}) | (before ^ after)


def _gateway(router: Router) -> set[Key]:
    return {("gateways", host) for host in (router.gateway_host, *router.gateway_standbys) if host is not None}

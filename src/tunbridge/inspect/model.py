"""The one model of what is seen: hosts, bridges, ports, interfaces, the links between them, and what was found.

A `Document` is what `draw`, `explain` and `check` share, and it is also their JSON output: the field names here are
the JSON keys, and the JSON Schema is derived from these classes. It is additive within a major version: fields are
added, never renamed or removed. Unknown is null (None); an empty list means "known to be none".
"""

from typing import Literal

from msgspec import Struct, field

VERSION = "1.6"
"""Version of the document format: major.minor."""

HostRole = Literal["compute", "network", "gateway", "all-in-one", "unknown"]
BridgeRole = Literal["integration", "tunnel", "provider", "other"]
LinkKind = Literal["patch", "tunnel", "physical"]
LinkState = Literal["ok", "one-way", "broken", "unknown"]
Severity = Literal["error", "warning", "info"]

UpDown = Literal["up", "down"]
Part = Literal["beginning", "middle", "end"]

Lines = dict[str, int]
"""Attribute name -> 1-based line of the source that states it; "name" is the line that begins the object.

`extra` beside it holds the lines `key: value` of a text that Open vSwitch does not print but a vendor's does (`role`).
"""


class Manager(Struct, frozen=True, kw_only=True):
    """An OVSDB remote of the host (`Manager` in `ovs-vsctl show`)."""

    target: str
    is_connected: bool | None = None
    extra: dict[str, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


class Controller(Struct, frozen=True, kw_only=True):
    """An OpenFlow controller of one bridge."""

    target: str
    is_connected: bool | None = None
    extra: dict[str, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


class Interface(Struct, frozen=True, kw_only=True):
    """One interface of a port. `type` is OVS's, with "system" for the empty one (a NIC, a tap, a veth).

    What follows `error` is as in ovs-vswitchd.conf.db(5), null where the source does not tell it: `mtu` in bytes,
    `link_speed` in bit/s, `bfd` what is configured and `bfd_status` what is so, `statistics` counters since the device
    was made. `growth` is by how much they grew between two readings, `Host.counted_over` seconds apart. `master` is the
    device of the host's own IP stack that it is enslaved to (a Linux bridge, say).
    """

    name: str
    type: str = "system"
    options: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    external_ids: dict[str, str] | None = None
    mtu: int | None = None
    mtu_request: int | None = None
    mac_in_use: str | None = None
    admin_state: UpDown | None = None
    link_state: UpDown | None = None
    link_speed: int | None = None
    duplex: Literal["half", "full"] | None = None
    lacp_current: bool | None = None
    bfd: dict[str, str] | None = None
    bfd_status: dict[str, str] | None = None
    statistics: dict[str, int] | None = None
    growth: dict[str, int] | None = None
    status: dict[str, str] | None = None
    master: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


class Port(Struct, frozen=True, kw_only=True):
    """A port of a bridge: one interface, or several when it is a bond. `tag` is the local VLAN, 4095 the dead one.

    `lacp` is what the bond is to negotiate, `bond_active_slave` the MAC of the member in use, of `active-backup`.
    Neutron writes into `other_config` which network the port is in; `network` is that network's name, `workload`
    the port's own name in the API, null when no cloud could be asked; `floating_ips` are the addresses by which it
    is reached from outside, `floating_ips_down` those of them that the API says are not ACTIVE, although the port
    is. `fake_bridge`: it is a bridge in name only, that is one VLAN of its parent (`ovs-vsctl add-br NAME PARENT
    VLAN`); null where the source does not tell it.
    """

    name: str
    tag: int | None = None
    trunks: list[int] = field(default_factory=list)
    bond_mode: str | None = None
    lacp: str | None = None
    bond_active_slave: str | None = None
    other_config: dict[str, str] | None = None
    network: str | None = None
    workload: str | None = None
    floating_ips: list[str] = field(default_factory=list)
    floating_ips_down: list[str] = field(default_factory=list)
    fake_bridge: bool | None = None
    interfaces: list[Interface] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


class Bridge(Struct, frozen=True, kw_only=True):
    """A bridge and what it is for, as far as its ports tell.

    `mac_table_size` is how many MAC addresses it may learn, `mac_table_used` how many it has; null is not known.
    `external_ids`: Tunbridge's agent marks its bridges there.
    """

    name: str
    role: BridgeRole = "other"
    fail_mode: str | None = None
    datapath_type: str | None = None
    external_ids: dict[str, str] | None = None
    mac_table_size: int | None = None
    mac_table_used: int | None = None
    controllers: list[Controller] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)


class Device(Struct, frozen=True, kw_only=True):
    """A network device of the host's own IP stack. `mtu` is in bytes, `link_speed` in bit/s; null is not known."""

    name: str
    addresses: list[str] = field(default_factory=list)
    mac: str | None = None
    master: str | None = None
    mtu: int | None = None
    admin_state: UpDown | None = None
    link_state: UpDown | None = None
    link_speed: int | None = None


class Gateway(Struct, frozen=True, kw_only=True):
    """A router's way out, on the host that has its address: from `networks` to the external network."""

    router: str
    networks: list[str] = field(default_factory=list)
    external: str
    addresses: list[str] = field(default_factory=list)
    snat: bool = True
    """Whether it translates the addresses of who has no floating IP to its own."""


class RouterAddress(Struct, frozen=True, kw_only=True):
    """An address that a router has in the API, and the MAC address that it is to be answered for with.

    Of its gateway, or a floating IP: one host answers a physical network for it. Of an interface: each host answers its
    own workloads.
    """

    kind: Literal["gateway", "floating-ip", "interface"]
    router: str
    address: str
    mac: str


class Answer(Struct, frozen=True, kw_only=True):
    """An address of a router for which the flows of a host answer ARP, or have neighbour solicitations answered.

    `mac`: with which MAC address; null for IPv6, where the agent answers, and the flows do not tell.
    """

    address: str
    mac: str | None
    outside: bool = False
    """Whether a physical network gets the answer; else workloads on the host do."""


class NextHop(Struct, frozen=True, kw_only=True):
    """A physical router that routers send to, in an external network (by its name, else its id)."""

    address: str
    network: str


class Host(Struct, frozen=True, kw_only=True):
    """A host. `known` is False for one that others have tunnels to, but that was not given.

    `source` is the file or connection it was read from; `addresses` are its own underlay (tunnel) addresses;
    `system_id` is the UUID of its Open_vSwitch row (what `ovs-vsctl show` prints first). `not_told` names the
    attributes that the source cannot hold, at whatever object: where they are null, that means unknown.

    `chassis_id` is `external_ids:system-id`, by which OVN and controllers know the host. `flow_restore_wait`: Open
    vSwitch waits at its start for somebody to restore flows. `underlay` are the devices that hold the host's tunnel
    addresses, null where the source tells no devices. `counted_over` is the time in seconds between two readings of
    the statistics, null when they were read once.

    `role_guessed`: neither workloads nor routers or DHCP servers are there to tell the role; it is the likelier of two.

    `missing_parts`: parts of the text that were cut off or left out, so that what is absent here may exist on the
    host. `bridge_mappings`: physical network -> bridge, of OVN or of the agent; null where the source does not tell
    it. `gateways` are those of routers that are on this host, `gateways_missing` those that no host has, of
    routers of networks that workloads here are in. `router_addresses` are those that somebody is to answer for: of
    gateways and interfaces this host, of floating IPs of workloads here whichever host has them; `answers` are those
    that its flows do answer for, null where they were not read. `silent_next_hops` are those that the host's agent says
    do not answer, of routes that have several; null where it was not asked.
    """

    name: str
    known: bool = True
    role: HostRole = "unknown"
    role_guessed: bool = False
    source: str | None = None
    system_id: str | None = None
    ovs_version: str | None = None
    addresses: list[str] = field(default_factory=list)
    managers: list[Manager] = field(default_factory=list)
    bridges: list[Bridge] = field(default_factory=list)
    not_told: list[str] = field(default_factory=list)
    chassis_id: str | None = None
    flow_restore_wait: bool | None = None
    underlay: list[Device] | None = None
    counted_over: float | None = None
    missing_parts: list[Part] = field(default_factory=list)
    bridge_mappings: dict[str, str] | None = None
    gateways: list[Gateway] = field(default_factory=list)
    gateways_missing: list[Gateway] = field(default_factory=list)
    router_addresses: list[RouterAddress] = field(default_factory=list)
    answers: list[Answer] | None = None
    silent_next_hops: list[NextHop] | None = None
    lines: Lines = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether the source shows all of the host, so that what is absent from it does not exist."""
        return self.system_id is not None and not self.missing_parts


class End(Struct, frozen=True, kw_only=True):
    """One end of a link. On a host that was not given, bridge and port are null."""

    host: str
    bridge: str | None = None
    port: str | None = None


class Link(Struct, frozen=True, kw_only=True):
    """A wire: a patch pair inside a host, a tunnel between hosts, or a NIC to a physical network (`b` is null).

    `type` is the tunnel's type (vxlan, geneve, gre ...), null otherwise. `key` is its key ("flow", a number), null if
    none is stated. `local_address`, `remote_address`: as seen from `a`. A multi-peer overlay port (`remote_ip=flow`)
    has `remote_address` "flow" and `b` null.
    `state`: ok, both ends agree; one-way, only one end is configured although the other host was given; broken, an
    end is missing, points elsewhere or has an error; unknown, the other end was not given.
    """

    kind: LinkKind
    type: str | None = None
    key: str | None = None
    local_address: str | None = None
    remote_address: str | None = None
    state: LinkState = "unknown"
    a: End
    b: End | None = None


class Hop(Struct, frozen=True, kw_only=True):
    """A port that a packet passes, and the line of the source that states it."""

    host: str
    bridge: str
    port: str
    line: int | None = None


class Path(Struct, frozen=True, kw_only=True):
    """The way a workload's packet takes: to a workload on another host ("overlay"), or to the outside ("outside").

    `complete` is False when something that is missing or broken stops it; the hops then end there.
    """

    kind: Literal["overlay", "outside"]
    source: str
    destination: str | None = None
    hops: list[Hop] = field(default_factory=list)
    complete: bool = True


class Finding(Struct, frozen=True, kw_only=True):
    """Something found wrong: a stable code, where, what it means and how to fix it."""

    severity: Severity
    code: str
    host: str
    subject: str
    message: str
    fix: str
    line: int | None = None


class NotChecked(Struct, frozen=True, kw_only=True):
    """A check that had no input: which, on which host, and why."""

    code: str
    host: str
    reason: str


class Document(Struct, frozen=True, kw_only=True):
    """Everything that was seen and found; the JSON output of draw, explain and check, and itself a SOURCE."""

    version: str = VERSION
    hosts: list[Host] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)

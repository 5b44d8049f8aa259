"""The one model of what is seen: hosts, bridges, ports, interfaces, the links between them, and what was found.

A `Document` is what `draw`, `explain` and `check` share, and it is also their JSON output: the field names here are
the JSON keys, and the JSON Schema is derived from these classes. It is additive within a major version: fields are
added, never renamed or removed. Unknown is null (None); an empty list means "known to be none".
"""

from typing import Literal

from msgspec import Struct, field

VERSION = "1.1"
"""Version of the document format: major.minor."""

HostRole = Literal["compute", "network", "gateway", "all-in-one", "unknown"]
BridgeRole = Literal["integration", "tunnel", "provider", "other"]
LinkKind = Literal["patch", "tunnel", "physical"]
LinkState = Literal["ok", "one-way", "broken", "unknown"]
Severity = Literal["error", "warning", "info"]

Lines = dict[str, int]
"""Attribute name -> 1-based line of the source that states it; "name" is the line that begins the object."""


class Manager(Struct, frozen=True, kw_only=True):
    """An OVSDB remote of the host (`Manager` in `ovs-vsctl show`)."""

    target: str
    is_connected: bool | None = None
    lines: Lines = field(default_factory=dict)


class Controller(Struct, frozen=True, kw_only=True):
    """An OpenFlow controller of one bridge."""

    target: str
    is_connected: bool | None = None
    lines: Lines = field(default_factory=dict)


class Interface(Struct, frozen=True, kw_only=True):
    """One interface of a port. `type` is OVS's, with "system" for the empty one (a NIC, a tap, a veth)."""

    name: str
    type: str = "system"
    options: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    lines: Lines = field(default_factory=dict)


class Port(Struct, frozen=True, kw_only=True):
    """A port of a bridge: one interface, or several when it is a bond. `tag` is the local VLAN, 4095 the dead one."""

    name: str
    tag: int | None = None
    trunks: list[int] = field(default_factory=list)
    bond_mode: str | None = None
    interfaces: list[Interface] = field(default_factory=list)
    lines: Lines = field(default_factory=dict)


class Bridge(Struct, frozen=True, kw_only=True):
    """A bridge and what it is for, as far as its ports tell."""

    name: str
    role: BridgeRole = "other"
    fail_mode: str | None = None
    datapath_type: str | None = None
    controllers: list[Controller] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    lines: Lines = field(default_factory=dict)


class Host(Struct, frozen=True, kw_only=True):
    """A host. `known` is False for one that others have tunnels to, but that was not given.

    `source` is the file or connection it was read from; `addresses` are its own underlay (tunnel) addresses;
    `system_id` is the UUID of its Open_vSwitch row (what `ovs-vsctl show` prints first). `not_told` names the
    attributes that the source cannot hold, at whatever object: where they are null, that means unknown.
    """

    name: str
    known: bool = True
    role: HostRole = "unknown"
    source: str | None = None
    system_id: str | None = None
    ovs_version: str | None = None
    addresses: list[str] = field(default_factory=list)
    managers: list[Manager] = field(default_factory=list)
    bridges: list[Bridge] = field(default_factory=list)
    not_told: list[str] = field(default_factory=list)
    lines: Lines = field(default_factory=dict)


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
    """Something found wrong: a stable code, where, what it means and how to mend it."""

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

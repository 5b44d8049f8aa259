"""What a bridge tells the agent on its own, and what is asked of it."""

from collections.abc import Hashable, Mapping
from typing import Literal, Protocol

from msgspec import Struct


class FlowText(Protocol):
    """A flow as text, in the canonical form of `ovs-ofctl -O OpenFlow14 --no-names dump-flows`."""

    @property
    def table(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def match(self) -> str: ...
    @property
    def actions(self) -> str: ...
    @property
    def cookie(self) -> int: ...
    @property
    def extra(self) -> str: ...


class Add(Struct, frozen=True):
    """Add a flow, or replace the one with this table, priority and match; its counters stay."""

    flow: FlowText
    owner: Hashable = None
    """Changes of one owner are applied together or not at all; None stands alone."""


class Delete(Struct, frozen=True):
    """Delete one flow, if it has this cookie (None: whatever cookie it has)."""

    table: int
    priority: int
    match: str
    cookie: int | None = None
    owner: Hashable = None


FlowEdit = Add | Delete


class Meter(Struct, frozen=True):
    """A meter that drops what is above `rate` (in `unit` a second); `burst` in the same unit, without the second."""

    rate: int
    burst: int | None = None
    unit: Literal["pktps", "kbps"] = "pktps"


class Refused(Struct, frozen=True):
    """A change that the bridge refused; `left_out` are the others of its owner, which were left out with it."""

    change: FlowEdit | tuple[str, int]
    """The flow, or ("meter" or "group", number)."""
    error: str
    """OpenFlow's name of the error, as OFPBMC_BAD_FIELD, or what ovs-ofctl says."""
    left_out: tuple[FlowEdit, ...] = ()


class Tables(Struct, frozen=True):
    """Everything that OpenFlow put into a bridge."""

    flows: str
    """`dump-flows --no-stats --no-names`, for `dataplane.flows.parse_dump`."""
    groups: Mapping[int, str]
    """Number -> the rest of its line, as `type=all,bucket=actions=output:1`."""
    meters: Mapping[int, Meter | str]
    """Number -> meter; text where it is none of the kind that the agent makes."""


class FlowChanged(Struct, frozen=True):
    """Another program changed a flow, or it expired. Our own changes are not reported."""

    bridge: str
    kind: Literal["added", "removed", "modified"]
    table: int
    priority: int
    match: str
    """Canonical text."""
    cookie: int


class Suspect(Struct, frozen=True):
    """Flows of the bridge may have changed in a way that was not reported: read them all."""

    bridge: str
    reason: str


class PacketIn(Struct, frozen=True):
    """A packet that a flow sent to the controller."""

    bridge: str
    in_port: int
    table: int
    cookie: int
    reason: str
    userdata: bytes
    data: bytes
    total_len: int
    """Bytes; more than `data` when the flow has a `max_len`."""
    fields: Mapping[str, int]
    """Registers, tunnel key, connection tracking state … by the names of ovs-fields(7); without zeros."""


class Disconnected(Struct, frozen=True):
    """The connection is lost; `connect()` makes it anew."""

    bridge: str
    reason: str


Event = FlowChanged | Suspect | PacketIn | Disconnected

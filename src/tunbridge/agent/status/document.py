"""What the agent tells of itself: one immutable value, for `tunbridge host status`, /healthz and the metrics alike.

The loop makes it after a step, so all of it is of one moment. Times are seconds; moments are UTC, as ISO 8601.
"""

import datetime

import msgspec
from msgspec import Struct

from tunbridge.dataplane.problems import Problem


def utc_now() -> str:
    """Give this moment."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BridgeStatus(Struct, frozen=True, kw_only=True):
    """A bridge that the agent works with. `flows`: how many of the agent's are in it, as last verified."""

    name: str
    connected: bool
    flows: int


class PeerStatus(Struct, frozen=True, kw_only=True):
    """Another host. `problem` is what Open vSwitch reports of the tunnel to it, or that there is none yet."""

    host: str
    ip: str
    port: str
    problem: str | None


class WorkloadStatus(Struct, frozen=True, kw_only=True):
    """A workload that is plugged into br-int. `status` is what the API shows; `reason` why it is not ACTIVE."""

    port_id: str
    device: str
    network_id: str | None
    status: str
    reason: str


class NextHopStatus(Struct, frozen=True, kw_only=True):
    """An address in an external network (by its id) that routers of this host send to, among others."""

    address: str
    network_id: str


class MeteredStatus(Struct, frozen=True, kw_only=True):
    """What was counted on this host for a metering label, of one router in one direction, since it was first counted.

    `bytes`: of IP packets, without what is around them.
    """

    label: str
    name: str
    project: str
    """The router's."""
    router: str
    direction: str
    packets: int
    bytes: int


class Repair(Struct, frozen=True, kw_only=True):
    """Something that was brought in order: a change of the database, or the flows of a bridge."""

    at: str
    what: str


class Histogram(Struct, frozen=True, kw_only=True):
    """Observations of a duration. `counts[i]`: those of at most `bounds[i]` seconds and above the bound before it."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    """One more than there are bounds: the last is of those above all bounds."""
    sum: float


class Counts(Struct, frozen=True, kw_only=True):
    """What happened since the agent started."""

    passes: int
    failed_passes: int
    repairs: dict[str, int]
    """Kind -> how many things were brought in order, for whatever reason: also a new host's, or a new peer's."""
    drift: int
    """How often the host, once in sync, was found to differ although neither configuration nor peers had changed."""
    ovsdb_reconnects: int
    openflow_reconnects: int
    central_reconnects: int = 0
    packets: dict[str, dict[str, int]] = {}
    """Packets of workloads that came to the agent: kind (`dhcp4`, `router`, …) -> what became of it -> how many."""
    connections_cut: int = 0
    converged: Histogram
    """From the event until the host was in sync again, of those events that something had to be done for."""


class Status(Struct, frozen=True, kw_only=True):
    """The agent at one moment."""

    version: str
    host: str
    local_ip: str
    tunnel_types: tuple[str, ...]
    pid: int
    started: str
    in_sync: bool
    since: str
    """When `in_sync` became what it is."""
    waits_for: list[Problem]
    """What keeps the host from being in sync, and what to do about it; nothing when it is."""
    problems: list[Problem]
    """What the agent cannot do, and leaves as it is."""
    ovsdb: str | None
    """The remote on which the OVSDB is connected, null when it is not."""
    bridges: list[BridgeStatus]
    peers: list[PeerStatus]
    workloads: list[WorkloadStatus]
    silent: list[NextHopStatus] = []
    """Of several next hops outside, those that do not answer: the others are used."""
    metered: list[MeteredStatus] = []
    central: str | None
    """Why the central database is not connected, null when it is or there is to be none."""
    repairs: list[Repair]
    """The last ones, the newest last."""
    later: list[str]
    """Settings of a configuration that was read again which wait for a restart of the agent."""
    refused: str | None
    """Why the configuration was refused when it was last read again, null when it was not."""
    counts: Counts


class Answer(Struct, frozen=True, kw_only=True):
    """What an agent answers when it is asked. `busy_s`: the step that is going on began so long ago."""

    status: Status
    busy_s: float


def encode(answer: Answer) -> bytes:
    """Give an answer as JSON."""
    return msgspec.json.encode(answer)


def decode(text: bytes) -> Answer:
    """Read it back. Raises msgspec.MsgspecError: not an answer, or one of another version of the agent."""
    return msgspec.json.decode(text, type=Answer)

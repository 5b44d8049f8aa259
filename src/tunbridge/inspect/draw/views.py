"""What a picture is made of, before anybody knows where: hosts, their bridges as trees, ports, wires, remarks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tunbridge.inspect.draw.marks import LegendLine, Mark, Place
from tunbridge.inspect.model import BridgeRole, HostRole, LinkState

PortKind = Literal["workload", "patch", "tunnel", "nic"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs that a picture uses beside names."""

    is_ascii: bool = False
    ellipsis: str = "…"
    arrow: str = "→"
    back: str = "←"
    times: str = "×"
    yes: str = "✓"
    no: str = "✗"
    dot: str = "·"


UNICODE = Glyphs()
ASCII = Glyphs(True, "..", "->", "<-", "x", "ok", "down", ",")


@dataclass(frozen=True, slots=True)
class Words:
    """A few words beside a name; `is_bad` ones say that something is down."""

    text: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class PortView:
    """One chip: a port, or several folded into one (`count`). `note` stands beside the name, `tip` tells everything."""

    name: str
    kind: PortKind
    note: str = ""
    tip: str = ""
    mark: Mark | None = None
    count: int = 1
    places: tuple[Place, ...] = ()
    """What of the document it shows, by the names there: several places when it is folded."""
    network: str = ""
    """The physical network that a NIC is plugged into, where that is known."""
    is_unseen: bool = False
    """A patch port whose other end may be in the part of the dump that is missing."""
    shorter: tuple[str, ...] = ()
    """Forms of `note` for less room, the longest first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A patch pair that is a line of the tree: the port above, the port below."""

    upper: PortView
    lower: PortView
    state: LinkState


@dataclass(slots=True)
class BridgeView:
    """One bridge and what hangs on it."""

    name: str
    role: BridgeRole
    words: list[Words]
    tip: str
    mark: Mark | None
    workloads: list[PortView] = field(default_factory=list)
    stubs: list[PortView] = field(default_factory=list)
    """Patch ports that are drawn without a line: those that would close a loop."""
    loose: list[PortView] = field(default_factory=list)
    """Patch ports whose other end is not there."""
    tunnels: list[PortView] = field(default_factory=list)
    nics: list[PortView] = field(default_factory=list)
    children: list["BridgeView"] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    """The lines up to the bridge above; none when it only stands below it."""
    places: tuple[Place, ...] = ()
    label: str = ""
    """What it is for, in a word, where that is known."""


@dataclass(slots=True)
class HostView:
    """One host, or `count` that are alike; `members` are the names when it stands for several that were not given."""

    name: str
    known: bool
    role: HostRole
    words: list[Words]
    tip: str
    mark: Mark | None
    roots: list[BridgeView] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    count: int = 1
    places: tuple[Place, ...] = ()

    @property
    def has_overlay(self) -> bool:
        """Tell whether a wire goes from here to the overlay."""
        return not self.known or any(bridge.tunnels for bridge in walk(self.roots))


@dataclass(slots=True)
class Scene:
    """Everything that is shown."""

    hosts: list[HostView]
    overlay: str
    """What the overlay band is called; empty when there is no tunnel."""
    legend: list[LegendLine]
    glyphs: Glyphs
    exceptions: list["Exceptional"] = field(default_factory=list)
    """Tunnels that the mesh lacks, or that are wrong in it, when it is told as one."""


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One line about tunnels that are not as those of the mesh: what is so ("one-way"), and between whom."""

    what: str
    who: str
    severity: str


def walk(bridges: Iterable[BridgeView]) -> Iterable[BridgeView]:
    """Give these bridges and all below them."""
    for bridge in bridges:
        yield bridge
        yield from walk(bridge.children)

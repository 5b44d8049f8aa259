"""What a layout consists of: boxes, texts, badges and wires with their places. Pure geometry, in the pen's unit.

A box covers x..x+w, y..y+h (in cells: the cells from x to x+w-1). A wire is a line along the axes from the edge of one
box to the edge of another.
"""

from dataclasses import dataclass, field
from typing import Literal

from tunbridge.inspect.draw.marks import Mark, Place
from tunbridge.inspect.draw.metrics import Style
from tunbridge.inspect.model import BridgeRole

BoxKind = Literal["host", "ghost", "bridge", "port", "workload", "physical", "band", "spine"]
WireKind = Literal["workload", "patch", "tunnel", "physical"]


@dataclass(slots=True, eq=False)
class Box:
    """A rectangle that is drawn. `parent` is the box that it lies in."""

    kind: BoxKind
    x: int
    y: int
    w: int
    h: int
    parent: "Box | None" = None
    role: BridgeRole = "other"
    tip: str = ""
    mark: Mark | None = None
    places: tuple[Place, ...] = ()
    network: str = ""
    """The name of a physical network."""

    @property
    def right(self) -> int:
        """The first place to the right of it."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """The first place below it."""
        return self.y + self.h

    @property
    def middle(self) -> int:
        """The x of its middle."""
        return self.x + self.w // 2


@dataclass(slots=True, eq=False)
class Label:
    """A line of text inside `parent`; `w` is what it takes at most.

    `is_right`: it ends at x+w; `is_centred`: its middle is that of x..x+w.
    """

    text: str
    style: Style
    x: int
    y: int
    w: int
    h: int
    parent: Box | None
    is_right: bool = False
    is_centred: bool = False
    is_bad: bool = False
    severity: str = ""
    code: str = ""
    """What stands before the text, in the colour of the severity."""


@dataclass(slots=True, eq=False)
class Badge:
    """The sign of a mark."""

    mark: Mark
    x: int
    y: int
    w: int
    h: int
    parent: Box | None


@dataclass(slots=True, eq=False)
class Wire:
    """A line. `ends` are the boxes that it joins; `severity`: how bad it is; `cross`: where that is shown."""

    kind: WireKind
    points: list[tuple[int, int]]
    ends: tuple[Box, ...]
    severity: str = ""
    is_dim: bool = False
    count: int = 1
    role: BridgeRole = "other"
    cross: tuple[int, int] | None = None


@dataclass(slots=True)
class Picture:
    """Everything that is drawn, in drawing order."""

    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    def take(self, other: "Picture") -> None:
        """Add all that is in another one."""
        self.boxes += other.boxes
        self.labels += other.labels
        self.badges += other.badges
        self.wires += other.wires

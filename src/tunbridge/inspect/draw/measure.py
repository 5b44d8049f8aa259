"""How wide things must be, and how a given width is shared out: chips, columns, bridges, hosts.

A bridge is cut into columns, from left to right: its tunnels, the bridges below it, its NICs, its loose patch ports.
What leads down from a bridge has its column to itself all the way to the foot of the host: that is why no wire crosses
another.
"""

from dataclasses import dataclass, field
from typing import Literal

from tunbridge.inspect.draw.folding import fold
from tunbridge.inspect.draw.metrics import Metrics, Style
from tunbridge.inspect.draw.safe import cells, clip, shorten
from tunbridge.inspect.draw.views import BridgeView, HostView, Pair, PortView, Words
from tunbridge.inspect.translation import say

ColumnKind = Literal["tunnels", "child", "nic", "loose"]
PHYSICAL = ("physical network", "physical", "net")
"""What a physical network is called, as far as there is room."""


@dataclass(slots=True)
class Chip:
    """A port's text, cut to the limit, and the width of its box."""

    view: PortView
    name: str
    note: str
    w: int


@dataclass(slots=True)
class Joint:
    """A patch pair, or (without `upper`) a loose patch port that looks up."""

    pair: Pair | None
    upper: Chip | None
    lower: Chip
    w: int


@dataclass(slots=True)
class Column:
    """What leads down from a bridge, side by side with the other columns."""

    kind: ColumnKind
    natural: int
    chips: list[Chip] = field(default_factory=list)
    child: "Node | None" = None
    x: int = 0
    w: int = 0


@dataclass(slots=True)
class Node:
    """A bridge with its measures."""

    view: BridgeView
    depth: int
    columns: list[Column]
    joints: list[Joint]
    local: list[Chip]
    natural: int
    x: int = 0
    w: int = 0
    grid: int = 1
    """How many chips of `local` stand side by side."""
    reach: int = 0
    """The width that is free above it, and above the bridges to its right that have no workloads."""


@dataclass(slots=True)
class Frame:
    """A host with its measures."""

    view: HostView
    natural: int
    roots: list[Node]
    x: int = 0
    w: int = 0


class Measure:
    """Measures one scene with one pen."""

    def __init__(self, metrics: Metrics) -> None:
        self.m = metrics

    def chip(self, view: PortView, limit: int = 0) -> Chip:
        """Cut a port's text to the limit (0: that of all names) and measure it."""
        m = self.m
        limit = max(1, limit or m.limit)
        name = shorten(view.name, limit, m.ellipsis)
        has_note = m.has_notes or view.kind != "tunnel" or view.count > 1
        note = self._note(view, 2 * limit) if has_note else ""
        w = 2 * m.chip_pad + m.width(name, "port") + self.badge(view.mark is not None)
        return Chip(view, name, note, w + (m.note_gap + m.width(note, "note") if note else 0))

    def _note(self, view: PortView, limit: int) -> str:
        """Give the longest form of a port's note that fits, else the shortest one without its middle."""
        forms = (view.note, *view.shorter)
        return next((form for form in forms if cells(form) <= limit), shorten(forms[-1], limit, self.m.ellipsis))

    def badge(self, is_there: bool) -> int:
        """Give the width that a mark's sign takes, with the gap after it."""
        return self.m.badge + self.m.badge_gap if is_there else 0

    def ribbon(self, rows: int) -> int:
        """Give the width of the wires that run down beside so many chips."""
        return self.m.lead + rows * self.m.pitch if rows > 1 else 0

    def host(self, view: HostView) -> Frame:
        """Measure a host: the narrowest frame that shows all of it."""
        m = self.m
        limit = m.limit + 8 if view.count > 1 else m.limit
        name = m.width(shorten(view.name, limit, m.ellipsis), "host") + self.badge(view.mark is not None)
        role = m.width(say(view.role), "role") + m.note_gap * 4 if view.role != "unknown" and view.count == 1 else 0
        words = max((m.width(clip(word.text, m.limit + 8, m.ellipsis), "meta") for word in view.words), default=0)
        head = max(name + role, words, m.width(say("not given"), "meta") if not view.known else 0)
        roots = [self.node(root, 0) for root in view.roots]
        inner = sum(root.natural for root in roots) + m.column_gap * max(0, len(roots) - 1)
        if not view.known:
            head += m.chip_pad * 2
        if not roots and view.known:
            head = max(head, m.width(say("no bridges"), "meta"))
        return Frame(view, 2 * m.host_pad + max(head, inner), roots)

    def node(self, view: BridgeView, depth: int) -> Node:
        """Measure a bridge `depth` layers down, and all below it."""
        m = self.m
        columns = self._columns(view, depth)
        joints = [self._joint(pair) for pair in view.pairs]
        if depth > 0:
            joints += [Joint(None, None, chip, chip.w) for chip in map(self.chip, view.loose)]
        local = [self.chip(port) for port in (*view.stubs, *(view.workloads if depth > 0 else []))]
        wanted = [
            self._head(view),
            sum(column.natural for column in columns) + m.column_gap * max(0, len(columns) - 1),
            _side_by_side([joint.w for joint in joints], m.chip_gap) + 2 * m.pad,
            max((chip.w for chip in local), default=0) + 2 * m.pad,
        ]
        if depth == 0 and view.workloads:
            ribbon = self.ribbon(min(len(view.workloads), m.workload_rows))
            wanted.append(max(self.chip(port).w for port in view.workloads) + ribbon + m.lead)
        return Node(view, depth, columns, joints, local, max(wanted))

    def name_width(self, view: BridgeView) -> int:
        """Give the width of a bridge's name, cut to the limit, with its mark."""
        m = self.m
        return m.width(shorten(view.name, m.limit, m.ellipsis), "bridge") + self.badge(view.mark is not None)

    def _head(self, view: BridgeView) -> int:
        m = self.m
        words = [m.width(clip(word.text, m.limit, m.ellipsis), "bridge-meta") for word in view.words]
        wanted = max(words, default=0) if m.is_head_inline else _side_by_side(words[:2], m.word_gap)
        return 2 * m.pad + max(self.name_width(view), wanted, m.width(view.label, "bridge-meta"))

    def _columns(self, view: BridgeView, depth: int) -> list[Column]:
        m = self.m
        columns = []
        if view.tunnels:
            chips = [self.chip(port) for port in view.tunnels]
            natural = max(chip.w for chip in chips) + self.ribbon(len(chips)) + 2 * m.pad
            columns.append(Column("tunnels", natural, chips))
        for child in view.children:
            node = self.node(child, depth + 1)
            columns.append(Column("child", node.natural, child=node))
        for port in view.nics:
            chip = self.chip(port)
            name = m.width(self.physical(port) or say(PHYSICAL[1]), "physical") + 2 * m.chip_pad
            columns.append(Column("nic", max(chip.w, name) + 2 * m.pad, [chip]))
        if depth == 0:
            for port in view.loose:
                chip = self.chip(port)
                columns.append(Column("loose", chip.w + 2 * m.pad, [chip]))
        return columns

    def physical(self, nic: PortView) -> str:
        """Give the name of the network that a NIC is plugged into, cut to the limit; "" where it is not known."""
        return shorten(nic.network, self.m.limit, self.m.ellipsis)

    def _joint(self, pair: Pair) -> Joint:
        upper, lower = self.chip(pair.upper), self.chip(pair.lower)
        return Joint(pair, upper, lower, max(upper.w, lower.w))

    def spread_host(self, frame: Frame, x: int, w: int) -> None:
        """Give the host its place from left to right, and everything in it."""
        m = self.m
        frame.x, frame.w = x, w
        inner = w - 2 * m.host_pad
        widths = _share([root.natural for root in frame.roots], inner, m.column_gap)
        at = x + m.host_pad
        for root, width in zip(frame.roots, widths, strict=True):
            self._spread(root, at, width)
            at += width + m.column_gap
        free = x + w - m.host_pad
        for root in reversed(frame.roots):
            root.reach = free - root.x
            free = root.x - m.column_gap if root.view.workloads else free

    def _spread(self, node: Node, x: int, w: int) -> None:
        m = self.m
        node.x, node.w = x, w
        if node.local:
            chip = max(chip.w for chip in node.local)
            node.grid = max(1, (w - 2 * m.pad + m.chip_gap) // (chip + m.chip_gap))
            shown = fold([chip.view for chip in node.local], node.grid * m.workload_rows, "workload")
            node.local = [self.chip(view) for view in shown]
        widths = _share([column.natural for column in node.columns], w, m.column_gap)
        at = x
        for column, width in zip(node.columns, widths, strict=True):
            column.x, column.w = at, width
            if column.child:
                self._spread(column.child, at, width)
            at += width + m.column_gap

    def workloads(self, root: Node) -> tuple[list[Chip], int]:
        """Give the workloads' chips above a bridge that has its width, and how many stand side by side."""
        m, ports = self.m, root.view.workloads
        if not ports:
            return [], 1
        chips = [self.chip(port) for port in ports]
        across, rows = self._across(root, chips)
        if len(ports) > across * rows:
            ports = fold(ports, across * rows, "workload")
            chips = [self.chip(port) for port in ports]
        low, high = m.limit, max(max(cells(chip.view.name), -(-cells(chip.view.note) // 2)) for chip in chips)
        while low < high:  # as much of their text as there is room for
            limit = (low + high + 1) // 2
            longer = [self.chip(port, limit) for port in ports]
            columns, rows = self._across(root, longer)
            if len(ports) <= columns * rows and max(chip.w for chip in longer) <= self._chip_room(root, rows):
                low, chips, across = limit, longer, columns
            else:
                high = limit - 1
        return chips, across

    def _chip_room(self, root: Node, rows: int) -> int:
        """Give how wide a workload's chip may be for its wire to come down onto the bridge."""
        m = self.m
        if len(root.view.workloads) == 1:  # from the middle of the chip
            return min(root.reach, 2 * root.w - 2 * m.pad)
        return root.w - m.lead - self.ribbon(rows) if rows > 1 else root.w

    def _across(self, root: Node, chips: list[Chip]) -> tuple[int, int]:
        """Give how many chips stand side by side above a bridge, and in how many rows: all, or as many as there may."""
        m = self.m
        chip = max(chip.w for chip in chips)
        plain = max(1, (root.w + m.chip_gap) // (chip + m.chip_gap))
        if len(chips) <= plain:
            return plain, 1
        rows = min(2, m.workload_rows)
        while True:  # the more rows, the more room their wires take
            across = max(1, (root.w - m.lead + m.chip_gap) // (chip + m.chip_gap + self.ribbon(rows)))
            if len(chips) <= across * rows or rows >= m.workload_rows:
                return across, rows
            rows += 1

    def word_lines(self, words: list[Words], width: int, style: Style) -> list[list[Words]]:
        """Break words into lines of `width`: none is left out, and one that is wider than a line is cut."""
        m = self.m
        lines: list[list[Words]] = []
        left = 0
        for word in words:
            text = clip(word.text, m.room(width, style), m.ellipsis)
            need = m.width(text, style)
            if not lines or need > left:
                lines.append([])
                left = width
            lines[-1].append(Words(text, word.is_bad))
            left -= need + m.word_gap
        return lines


def _side_by_side(widths: list[int], gap: int) -> int:
    return sum(widths) + gap * max(0, len(widths) - 1)


def _share(naturals: list[int], width: int, gap: int) -> list[int]:
    """Share `width` out to columns: what is left over goes to all alike; the first columns take the odd units."""
    if not naturals:
        return []
    left = max(0, width - sum(naturals) - gap * (len(naturals) - 1))
    each, odd = divmod(left, len(naturals))
    return [natural + each + (index < odd) for index, natural in enumerate(naturals)]

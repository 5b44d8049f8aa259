"""One host, placed: its frame, title, workloads, bridges, and the wires that leave it at its foot."""

from dataclasses import dataclass, field

from tunbridge.inspect.draw.marks import Mark
from tunbridge.inspect.draw.measure import PHYSICAL, Chip, Column, Frame, Joint, Measure, Node
from tunbridge.inspect.draw.metrics import Metrics, Style
from tunbridge.inspect.draw.safe import cells, shorten
from tunbridge.inspect.draw.shapes import Badge, Box, BoxKind, Label, Picture, Wire, WireKind
from tunbridge.inspect.draw.views import BridgeView, Glyphs, PortView, Words
from tunbridge.inspect.translation import say


@dataclass(slots=True)
class Levels:
    """The heights that all hosts of a row share."""

    head: int = 0
    """Height of the hosts' names and of the words below them."""
    workloads: int = 0
    """Height of the workloads with the gap below them."""
    layers: list[int] = field(default_factory=list)
    inner: int = 0
    """Height of what stands in a host that has no bridges."""
    has_physical: bool = False
    top: int = 0
    tops: list[int] = field(default_factory=list)
    foot: int = 0
    physical: int = 0

    def stand(self, m: Metrics, top: int) -> None:
        """Give everything its y, from the top of the row downwards."""
        self.top = top
        y = top + self.head + self.workloads
        self.tops = []
        for height in self.layers:
            self.tops.append(y)
            y += height + m.layer_gap
        y -= m.layer_gap if self.layers else 0
        self.foot = max(y, top + self.head + self.inner) + m.host_foot
        self.physical = self.foot + m.drop


def heights(measure: Measure, frames: list[Frame]) -> Levels:
    """Find the heights of a row's layers: each is as high as the highest bridge in it."""
    m = measure.m
    levels = Levels(head=m.host_head)
    for frame in frames:
        lines = len(measure.word_lines(frame.view.words, frame.w - 2 * m.host_pad, "meta"))
        levels.head = max(levels.head, m.host_head + (lines - 1) * m.host_line)
        for root in frame.roots:
            chips, across = measure.workloads(root)
            if chips:
                rows = -(-len(chips) // across)
                levels.workloads = max(levels.workloads, rows * (m.row + m.row_gap) - m.row_gap + m.workload_gap)
            _layers(measure, root, levels)
        if frame.view.members:
            lines = len(members(measure, frame))
            levels.inner = max(levels.inner, lines * m.host_line)
        elif not frame.roots:
            levels.inner = max(levels.inner, m.host_line)
    return levels


def _layers(measure: Measure, node: Node, levels: Levels) -> None:
    if len(levels.layers) <= node.depth:
        levels.layers.append(0)
    levels.layers[node.depth] = max(levels.layers[node.depth], _height(measure, node))
    for column in node.columns:
        levels.has_physical = levels.has_physical or column.kind == "nic"
        if column.child:
            _layers(measure, column.child, levels)


def _height(measure: Measure, node: Node) -> int:
    m = measure.m
    rows = -(-len(node.local) // node.grid)
    local = rows * (m.row + m.row_gap) + m.edge_gap if rows else 0
    return _up(m, node) + m.edge_gap + _head_lines(measure, node) * m.head_line + local + m.edge_gap + _foot(m, node)


def _up(m: Metrics, node: Node) -> int:
    return m.row if node.joints else m.edge


def _foot(m: Metrics, node: Node) -> int:
    """Give the height of the lower edge: chips that sit on it, or a list of tunnels above it."""
    rows = max((len(column.chips) for column in node.columns if column.kind == "tunnels"), default=0)
    if rows > 1:
        return rows * (m.row + m.row_gap) + m.edge
    has_chips = any(column.chips or (column.child and column.child.view.pairs) for column in node.columns)
    return m.row if has_chips else m.edge


def _words_room(m: Metrics, node: Node) -> int:
    return node.w - 2 * m.pad


def _is_inline(measure: Measure, node: Node) -> bool:
    """Whether the words, and what the bridge is for, fit beside the name."""
    m = measure.m
    taken = measure.name_width(node.view) + _role_width(m, node.view)
    taken += sum(m.width(word.text, "bridge-meta") + m.word_gap for word in node.view.words)
    return m.is_head_inline and taken <= _words_room(m, node)


def _role_width(m: Metrics, view: BridgeView) -> int:
    return m.width(view.label, "bridge-role") + 2 * m.note_gap if view.label else 0


def _has_role_beside(measure: Measure, node: Node) -> bool:
    m = measure.m
    return measure.name_width(node.view) + _role_width(m, node.view) <= _words_room(m, node)


def _words_below(measure: Measure, node: Node) -> list[Words]:
    """Give the words that stand below the name: all that do not fit beside it."""
    if _is_inline(measure, node):
        return []
    role = [Words(node.view.label)] if node.view.label and not _has_role_beside(measure, node) else []
    return role + node.view.words


def _head_lines(measure: Measure, node: Node) -> int:
    words = _words_below(measure, node)
    return 1 + len(measure.word_lines(words, _words_room(measure.m, node), "bridge-meta"))


def members(measure: Measure, frame: Frame) -> list[str]:
    """Write the names of several hosts that share one frame into lines, six at most."""
    m = measure.m
    room = m.room(frame.w - 2 * m.host_pad, "ghost")
    lines: list[str] = []
    for index, name in enumerate(frame.view.members):
        word = shorten(name, min(m.limit, room), m.ellipsis)
        if lines and cells(lines[-1]) + cells(word) + 3 <= room:
            lines[-1] += f", {word}"
            continue
        if len(lines) == 6:
            more = say("+{count} more", count=len(frame.view.members) - index)
            lines[-1] = shorten(f"{lines[-1]} {more}", room, m.ellipsis)
            break
        lines.append(word)
    return lines


def _severity(mark: Mark | None) -> str:
    return mark.severity if mark is not None and mark.is_wrong else ""


class HostPlacer:
    """Places one host after the other into the picture; `band` is the overlay at the foot of the row."""

    def __init__(self, measure: Measure, picture: Picture, glyphs: Glyphs, levels: Levels, band: Box | None) -> None:
        self.measure, self.m = measure, measure.m
        self.picture, self.glyphs, self.levels, self.band = picture, glyphs, levels, band

    def place(self, frame: Frame) -> None:
        """Place the host and everything in it."""
        view, m = frame.view, self.m
        kind: BoxKind = "host" if view.known else "ghost"
        box = self._box(Box(kind, frame.x, self.levels.top, frame.w, self.levels.foot - self.levels.top, tip=view.tip))
        box.mark, box.places = view.mark, view.places
        self._title(frame, box)
        y = self.levels.top + self.levels.head
        if view.members:
            for line in members(self.measure, frame):
                self._label(line, "ghost", box.x + m.host_pad, y, m.host_line, box)
                y += m.host_line
        elif not view.known or not frame.roots:
            y = y if view.known or view.words else box.y + m.host_lines[1]
            text = say("no bridges" if view.known else "not given")
            self._label(text, "ghost", box.x + m.host_pad, y, m.host_line, box)
        if not view.known and self.band:
            wire = [(box.middle, box.bottom), (box.middle, self.band.y)]
            self.picture.wires.append(
                Wire("tunnel", wire, (box, self.band), is_dim=True, count=max(1, len(view.members)))
            )
        for root in frame.roots:
            self._workloads(root, self._bridge(root, box), box)

    def _title(self, frame: Frame, box: Box) -> None:
        view, m = frame.view, self.m
        x, right = box.x + m.host_pad, box.right - m.host_pad
        y = box.y + m.host_lines[0]
        x = self._badge(view.mark, x, y, m.host_line, box)
        name = shorten(view.name, m.room(right - x, "host"), m.ellipsis)
        w = self._label(name, "host", x, y, m.host_line, box)
        role = m.width(say(view.role), "role")
        if view.role != "unknown" and view.count == 1 and x + w + 2 * m.note_gap + role + m.chip_pad <= right:
            label = Label(say(view.role), "role", right - role, y, role, m.host_line, box, is_right=True)
            self.picture.labels.append(label)
        y = box.y + m.host_lines[1]
        self._words(view.words, "meta", box.x + m.host_pad, right, y, m.host_line, box)

    def _words(self, words: list[Words], style: Style, x: int, right: int, y: int, h: int, box: Box) -> int:
        """Write words into as many lines as they take; give the y below them."""
        for line in self.measure.word_lines(words, right - x, style):
            at = x
            for word in line:
                w = self.m.width(word.text, style)
                self.picture.labels.append(Label(word.text, style, at, y, w, h, box, is_bad=word.is_bad))
                at += w + self.m.word_gap
            y += h
        return y

    def _workloads(self, root: Node, bridge: Box, host: Box) -> None:
        """Stack the workloads above their bridge; the wires of a stack run down beside it like a ribbon cable."""
        m = self.m
        chips, across = self.measure.workloads(root)
        if not chips:
            return
        rows = -(-len(chips) // across)
        columns = min(across, len(chips))
        bottom = self.levels.tops[0] - m.workload_gap
        w = max(chip.w for chip in chips)
        ribbon = self.measure.ribbon(rows)
        each = w + ribbon + m.chip_gap
        x0 = root.x + max(0, (root.w - (m.lead if ribbon else 0) - columns * each + m.chip_gap) // 2)
        for column in range(columns):
            stack = chips[column::columns]
            for row, chip in enumerate(stack):
                x = x0 + column * each
                y = bottom - (rows - row) * (m.row + m.row_gap) + m.row_gap
                box = self._chip(chip, "workload", x, y, host, min(w, root.w))
                self._ribbon(box, rows - row, rows, x + w, bridge, "workload")

    def _ribbon(self, box: Box, rank: int, rows: int, right: int, end: Box, kind: WireKind) -> None:
        """Lead a wire from a chip down to `end`: the higher the chip, the further out its wire."""
        bad = _severity(box.mark)
        if rows == 1:
            points = [(box.middle, box.bottom), (box.middle, end.y)]
        else:
            x = right + self.m.lead + (rank - 1) * self.m.pitch
            y = box.y + box.h // 2
            points = [(box.right, y), (x, y), (x, end.y)]
        self.picture.wires.append(Wire(kind, points, (box, end), severity=bad))

    def _bridge(self, node: Node, host: Box) -> Box:
        m, view = self.m, node.view
        y = self.levels.tops[node.depth]
        box = self._box(Box("bridge", node.x, y, node.w, self.levels.layers[node.depth], host, view.role, view.tip))
        box.mark, box.places = view.mark, view.places
        y = self._head(node, box, y + _up(m, node) + m.edge_gap)
        self._local(node, box, y)
        for column in node.columns:
            self._column(column, box, host)
        return box

    def _head(self, node: Node, box: Box, y: int) -> int:
        """Write the bridge's name, role and words; give the y below them."""
        m, view = self.m, node.view
        x, right = box.x + m.pad, box.right - m.pad
        at = self._badge(view.mark, x, y, m.head_line, box)
        if _is_inline(self.measure, node) and view.words:
            taken = sum(m.width(word.text, "bridge-meta") + m.word_gap for word in view.words) - m.word_gap
            self._words(view.words, "bridge-meta", right - taken, right, y, m.head_line, box)
            right -= taken + m.word_gap
        name = shorten(view.name, min(m.limit, m.room(right - at, "bridge")), m.ellipsis)
        at += self._label(name, "bridge", at, y, m.head_line, box) + m.note_gap
        if view.label and _has_role_beside(self.measure, node):
            role = m.width(view.label, "bridge-role")
            where = at if m.is_head_inline else right - role
            self.picture.labels.append(
                Label(view.label, "bridge-role", where, y, role, m.head_line, box, is_right=not m.is_head_inline)
            )
        below = _words_below(self.measure, node)
        return self._words(below, "bridge-meta", x, box.right - m.pad, y + m.head_line, m.head_line, box)

    def _local(self, node: Node, box: Box, y: int) -> None:
        """Place the ports that stay inside: workloads of a lower bridge, patch ports that would close a loop."""
        m = self.m
        if not node.local:
            return
        w = max(chip.w for chip in node.local)
        for index, chip in enumerate(node.local):
            row, column = divmod(index, node.grid)
            x = box.x + m.pad + column * (w + m.chip_gap)
            self._chip(chip, "port", x, y + m.edge_gap + row * (m.row + m.row_gap), box, w)

    def _column(self, column: Column, bridge: Box, host: Box) -> None:
        if column.kind == "tunnels":
            self._tunnels(column, bridge)
        elif column.kind == "nic":
            self._nic(column, bridge)
        elif column.kind == "loose":
            box = self._foot_chip(column.chips[0], column.x + column.w // 2, bridge)
            self._loose(column.chips[0].view, box, box.bottom, 1)
        elif column.child:
            below = self._bridge(column.child, host)
            self._joints(column.child, bridge, below)

    def _foot_chip(self, chip: Chip, middle: int, bridge: Box) -> Box:
        return self._chip(chip, "port", middle - chip.w // 2, bridge.bottom - self.m.row, bridge)

    def _tunnels(self, column: Column, bridge: Box) -> None:
        m = self.m
        rows = len(column.chips)
        w = max(chip.w for chip in column.chips)
        ribbon = self.measure.ribbon(rows)
        x = column.x + max(m.pad, (column.w - w - ribbon) // 2)
        if self.band is None:
            return
        for row, chip in enumerate(column.chips):
            if rows == 1:
                box = self._foot_chip(chip, column.x + column.w // 2, bridge)
            else:
                y = bridge.bottom - m.edge - (rows - row) * (m.row + m.row_gap)
                box = self._chip(chip, "port", x, y, bridge, w)
            self._ribbon(box, rows - row, rows, x + w, self.band, "tunnel")
            self.picture.wires[-1].count = chip.view.count

    def _nic(self, column: Column, bridge: Box) -> None:
        m = self.m
        chip = column.chips[0]
        box = self._foot_chip(chip, column.x + column.w // 2, bridge)
        room = column.w - 2 * m.chip_pad
        known = self.measure.physical(chip.view)
        names = [known] if known else [say(name) for name in PHYSICAL]
        name = next((n for n in names if m.width(n, "physical") + 2 * m.chip_pad <= room), names[-1])
        w = min(m.width(name, "physical") + 2 * m.chip_pad, column.w)
        tip = say("the physical network at {port}", port=chip.view.name)
        tip = f"{say('physical network')} {chip.view.network}" if known else tip
        physical = self._box(Box("physical", box.middle - w // 2, self.levels.physical, w, m.physical, tip=tip))
        physical.network = chip.view.network
        bad = _severity(box.mark)
        points = [(box.middle, box.bottom), (box.middle, physical.y)]
        self.picture.wires.append(Wire("physical", points, (box, physical), severity=bad))
        self._label(
            name, "physical", physical.x + (w - m.width(name, "physical")) // 2, physical.y, m.physical, physical
        )
        self.picture.labels[-1].is_centred = True

    def _joints(self, node: Node, above: Box, below: Box) -> None:
        m = self.m
        total = sum(joint.w for joint in node.joints) + m.chip_gap * (len(node.joints) - 1)
        x = below.x + (below.w - total) // 2
        for joint in node.joints:
            self._joint(joint, x + joint.w // 2, above, below)
            x += joint.w + m.chip_gap

    def _joint(self, joint: Joint, middle: int, above: Box, below: Box) -> None:
        lower = self._chip(joint.lower, "port", middle - joint.lower.w // 2, below.y, below)
        if joint.upper is None or joint.pair is None:
            self._loose(joint.lower.view, lower, lower.y, -1)
            return
        upper = self._foot_chip(joint.upper, middle, above)
        bad = "error" if joint.pair.state in ("broken", "one-way") else ""
        cross = (middle, (upper.bottom + lower.y) // 2) if bad else None
        points = [(middle, upper.bottom), (middle, lower.y)]
        self.picture.wires.append(Wire("patch", points, (upper, lower), bad, role=below.role, cross=cross))

    def _loose(self, view: PortView, box: Box, y: int, direction: int) -> None:
        """Draw the wire of a patch port whose other end is not there: half of it, and a cross if it is missing."""
        end = y + direction * max(1, self.m.layer_gap // 2)
        at = end if direction > 0 or self.m.layer_gap > 1 else y - 1
        points = [(box.middle, min(y, end)), (box.middle, max(y, end))]
        if view.is_unseen:
            self.picture.wires.append(Wire("patch", points, (box,), is_dim=True))
        else:
            self.picture.wires.append(Wire("patch", points, (box,), severity="error", cross=(box.middle, at)))

    def _chip(self, chip: Chip, kind: BoxKind, x: int, y: int, parent: Box, w: int = 0) -> Box:
        m = self.m
        w = max(w, chip.w) if w else chip.w
        box = self._box(Box(kind, x, y, w, m.row, parent, parent.role, chip.view.tip, chip.view.mark))
        box.places = chip.view.places
        at = self._badge(chip.view.mark, x + m.chip_pad, y, m.row, box)
        at += self._label(chip.name, "port", at, y, m.row, box) + m.note_gap
        if chip.note:
            self._label(chip.note, "note", at, y, m.row, box)
        return box

    def _box(self, box: Box) -> Box:
        self.picture.boxes.append(box)
        return box

    def _badge(self, mark: Mark | None, x: int, y: int, h: int, box: Box) -> int:
        """Put a mark's sign at x, if there is a mark; give the x after it."""
        m = self.m
        if mark is None:
            return x
        self.picture.badges.append(Badge(mark, x, y + (h - m.badge) // 2, m.badge, m.badge, box))
        return x + m.badge + m.badge_gap

    def _label(self, text: str, style: Style, x: int, y: int, h: int, box: Box) -> int:
        w = self.m.width(text, style)
        if text:
            self.picture.labels.append(Label(text, style, x, y, w, h, box))
        return w

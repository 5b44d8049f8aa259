"""Where everything stands: a scene and a pen's measures in, a `Picture` out. Pure: same scene, same picture.

hosts side by side, wrapped into rows; in a row, the layers of all hosts stand at the same height:
    title
    workloads
    bridges, layer by layer        (what leads down keeps its column to itself, see `measure`)
    physical networks
    the overlay band, over the whole width; with several rows a spine on the left makes it one
below all rows the legend
"""

from dataclasses import dataclass, field
from itertools import groupby, pairwise

from tunbridge.inspect.draw.inside import HostPlacer, Levels, heights
from tunbridge.inspect.draw.marks import LegendLine, Mark
from tunbridge.inspect.draw.measure import Frame, Measure
from tunbridge.inspect.draw.metrics import Metrics
from tunbridge.inspect.draw.physical import join_networks
from tunbridge.inspect.draw.safe import cells, clip, visible, wrap
from tunbridge.inspect.draw.shapes import Badge, Box, Label, Picture
from tunbridge.inspect.draw.views import Scene
from tunbridge.inspect.translation import say

SENTENCE_LINES = 3
"""Lines that a finding's sentence takes at most below the picture."""


@dataclass(slots=True)
class _Row:
    frames: list[Frame]
    levels: Levels = field(default_factory=Levels)


def lay_out(scene: Scene, metrics: Metrics, width: int) -> Picture:
    """Lay `scene` out in `width`. What cannot be made narrow enough makes the picture wider than that."""
    return _Layout(scene, metrics, width).picture


class _Layout:
    def __init__(self, scene: Scene, metrics: Metrics, width: int) -> None:
        self.scene, self.m = scene, metrics
        self.measure = Measure(metrics)
        self.picture = Picture()
        frames = [self.measure.host(host) for host in scene.hosts]
        self.rows = self._wrap(frames, width - 2 * metrics.margin)
        self.left = metrics.margin + (metrics.spine if self.has_spine else 0)
        self._spread(width - metrics.margin - self.left)
        y = metrics.margin
        bands: list[Box] = []
        for index, row in enumerate(self.rows):
            if index:
                y += metrics.rows_gap
            y = self._place(row, y, bands)
        self._spine(bands)
        self.picture.height = self._exceptions(self._legend(y)) + metrics.margin

    @property
    def has_spine(self) -> bool:
        """Several rows share the overlay: the spine joins their bands."""
        return sum(any(f.view.has_overlay for f in row.frames) for row in self.rows) > 1

    def _wrap(self, frames: list[Frame], width: int) -> list[_Row]:
        """Break the hosts into as few rows as possible, evenly; ghosts in number keep to themselves."""
        known = [frame for frame in frames if frame.view.known]
        ghosts = [frame for frame in frames if not frame.view.known]
        groups = [known + ghosts] if len(ghosts) <= 2 else [known, ghosts]
        if len(_break(known + ghosts, width, self.m.host_gap)) == 1 and not any(g.view.members for g in ghosts):
            groups = [known + ghosts]
        elif sum(len(_break(group, width, self.m.host_gap)) for group in groups) > 1:
            width -= self.m.spine
        return [_Row(row) for group in groups for row in _by_role(group, width, self.m.host_gap)]

    def _spread(self, available: int) -> None:
        """Share the width out to the hosts: those that need the same get the same, in whatever row they stand."""
        m = self.m
        widths: dict[int, int] = {}
        for row in self.rows:
            left = available - sum(f.natural for f in row.frames) - m.host_gap * (len(row.frames) - 1)
            for frame in row.frames:
                most = available if frame.view.members else int(frame.natural * m.stretch)
                w = min(frame.natural + max(0, left) // len(row.frames), max(most, frame.natural))
                widths[frame.natural] = min(w, widths.get(frame.natural, w))
        widest = 0
        for row in self.rows:
            x = self.left
            for frame in row.frames:
                self.measure.spread_host(frame, x, widths[frame.natural])
                x += frame.w + m.host_gap
            widest = max(widest, x - m.host_gap)
            row.levels = heights(self.measure, row.frames)
        self.picture.width = widest + m.margin

    def _place(self, row: _Row, top: int, bands: list[Box]) -> int:
        """Place one row of hosts and the wires at its foot; give the y below it."""
        m = self.m
        levels = row.levels
        levels.stand(m, top)
        bottom = levels.foot
        if levels.has_physical:
            bottom = levels.physical + m.physical
        band: Box | None = None
        if any(frame.view.has_overlay for frame in row.frames):
            y = bottom + m.physical_gap if levels.has_physical else levels.foot + m.drop
            x = m.margin
            band = Box("band", x, y, self.picture.width - m.margin - x, m.band, tip=self.scene.overlay)
            bottom = band.bottom
        placed = Picture()
        for frame in row.frames:
            HostPlacer(self.measure, placed, self.scene.glyphs, levels, band).place(frame)
        join_networks(placed)
        self.picture.take(placed)
        if band is not None:
            self.picture.boxes.append(band)
            bands.append(band)
            self._name(band)
        return bottom

    def _name(self, band: Box) -> None:
        m = self.m
        room = band.w - 2 * m.chip_pad - (m.spine if self.has_spine else 0)
        text = clip(self.scene.overlay, m.room(room, "band"), m.ellipsis)
        x = band.x + m.chip_pad + (m.spine if self.has_spine else m.chip_pad)
        self.picture.labels.append(Label(text, "band", x, band.y, m.width(text, "band"), band.h, band))

    def _spine(self, bands: list[Box]) -> None:
        """Join the bands of all rows at the left: they are one overlay."""
        thickness = max(1, self.m.spine * 2 // 5)
        for upper, lower in pairwise(bands):
            self.picture.boxes.append(
                Box("spine", self.m.margin, upper.bottom, thickness, lower.y - upper.bottom, tip=self.scene.overlay)
            )

    def _legend(self, y: int) -> int:
        """List what the marks mean, one line for each code; give the y below it."""
        m = self.m
        if not self.scene.legend:
            return y
        y += m.rows_gap
        x = m.margin + m.badge + 2 * m.badge_gap
        room = self.picture.width - m.margin - x
        for line in self.scene.legend:
            self.picture.badges.append(
                Badge(
                    Mark(line.severity, line.number),
                    m.margin,
                    _centre(y, m.legend_line, m.badge),
                    m.badge,
                    m.badge,
                    None,
                )
            )
            code = clip(f"{visible(line.code, self.scene.glyphs.is_ascii)}:", m.room(room, "legend"), m.ellipsis)
            text = _list(line, m.room(room, "legend") - cells(code) - 1, m.ellipsis, self.scene.glyphs.is_ascii)
            w = m.width(f"{code} {text}".rstrip(), "legend")
            self.picture.labels.append(
                Label(text, "legend", x, y, w, m.legend_line, None, severity=line.severity, code=code)
            )
            y = self._sentence(line, x, y + m.legend_line, m.room(room, "legend"))
        return y

    def _sentence(self, line: LegendLine, x: int, y: int, room: int) -> int:
        """Write what was found, of several the first; give the y below it."""
        m = self.m
        for text in wrap(line.sentence(self.scene.glyphs.is_ascii), room, SENTENCE_LINES, m.ellipsis):
            self.picture.labels.append(Label(text, "legend", x, y, m.width(text, "legend"), m.legend_line, None))
            y += m.legend_line
        return y

    def _exceptions(self, y: int) -> int:
        """List tunnels that are not as those of the mesh; give the y below them."""
        m = self.m
        y += m.rows_gap if self.scene.exceptions and not self.scene.legend else 0
        x = m.margin + m.badge + 2 * m.badge_gap
        room = m.room(self.picture.width - m.margin - x, "legend")
        for line in self.scene.exceptions:
            code = clip(f"{line.what}:", room, m.ellipsis)
            text = clip(line.who, max(0, room - cells(code) - 1), m.ellipsis)
            w = m.width(f"{code} {text}".rstrip(), "legend")
            self.picture.labels.append(
                Label(text, "legend", x, y, w, m.legend_line, None, severity=line.severity, code=code)
            )
            y += m.legend_line
        return y


def _centre(y: int, height: int, inner: int) -> int:
    return y + (height - inner) // 2


def _list(line: LegendLine, room: int, ellipsis: str, is_ascii: bool) -> str:
    """Name as many of the line's subjects as there is room for, and count the others."""
    items = line.items(is_ascii)
    text = "; ".join(items)
    if cells(text) <= room:
        return text
    for count in range(len(items) - 1, 0, -1) if len(items) < 40 else range(8, 0, -1):
        text = f"{'; '.join(items[:count])} {say('+{count} more', count=len(items) - count)}"
        if cells(text) <= room:
            return text
    return clip(items[0], room, ellipsis)


def _break(frames: list[Frame], width: int, gap: int) -> list[list[Frame]]:
    rows: list[list[Frame]] = []
    used = 0
    for frame in frames:
        if rows and used + gap + frame.natural <= width:
            rows[-1].append(frame)
            used += gap + frame.natural
        else:
            rows.append([frame])
            used = frame.natural
    return rows


def _by_role(frames: list[Frame], width: int, gap: int) -> list[list[Frame]]:
    """Begin a row where the role changes (the network nodes below the compute nodes), if that takes no more rows."""
    rows = _even(frames, width, gap)
    runs = [list(run) for _, run in groupby(frames, key=lambda frame: frame.view.role)]
    apart = [row for run in runs for row in _even(run, width, gap)]
    return apart if len(apart) <= len(rows) else rows


def _even(frames: list[Frame], width: int, gap: int) -> list[list[Frame]]:
    """Break into as few rows as `width` allows, and among those ways take the one whose widest row is narrowest."""
    rows = _break(frames, width, gap)
    low, high = max((frame.natural for frame in frames), default=0), width
    while low < high:
        middle = (low + high) // 2
        tried = _break(frames, middle, gap)
        if len(tried) <= len(rows):
            rows, high = tried, middle
        else:
            low = middle + 1
    return rows

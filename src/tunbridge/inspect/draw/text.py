"""The text pen: the same layout in terminal cells, never wider than what it is given.

Names are cut shorter, then the remarks beside them left out, until the widest host fits; where even that does not help,
the picture becomes an outline.
"""

from dataclasses import replace

from rich.text import Text

from tunbridge.inspect.draw import canvas, outline
from tunbridge.inspect.draw.canvas import Canvas
from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.layout import lay_out
from tunbridge.inspect.draw.metrics import CELLS, Metrics
from tunbridge.inspect.draw.safe import cells
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.shapes import Badge, Box, Label, Picture, Wire
from tunbridge.inspect.draw.views import ASCII, UNICODE, Glyphs, Scene
from tunbridge.inspect.model import Document

_LIMITS = (40, 24, 18, 15)
"""Cells that a name may take: tried until the picture fits. A wider terminal never shows less than a narrow one."""
_WITHOUT_NOTES = (15, 12, 9, 6)
"""The same, tried after these, with the remarks beside names left out."""
FEW = 2
"""Hosts of which names are shown at full length where one host fits; with more, so that several stand side by side."""

_HUES = {"integration": "blue", "tunnel": "magenta", "provider": "green", "other": ""}
_TROUBLE = {"error": "bold red", "warning": "yellow", "info": "cyan", "": ""}
_STYLES = {"host": "bold", "note": "dim", "meta": "dim", "role": "dim", "bridge-role": "dim", "ghost": "dim"}


def render(document: Document, *, width: int, ascii: bool = False, group: Grouping = "auto") -> str:
    """Draw `document` in lines of at most `width` cells; with `ascii`, in 7-bit characters only."""
    return render_rich(document, width=width, ascii=ascii, group=group).plain


def render_rich(document: Document, *, width: int, ascii: bool = False, group: Grouping = "auto") -> Text:
    """Draw the same with colours: a hue for each kind of bridge, and red or yellow for what is down or wrong."""
    scene = build(document, ASCII if ascii else UNICODE, group)
    picture = _fit(scene, width)
    lines = _Pen(picture, scene.glyphs).lines() if picture else outline.lines(scene, width)
    return Text("\n", end="", no_wrap=True).join(lines).append("\n" if lines else "")


def _fit(scene: Scene, width: int) -> Picture | None:
    """Find the richest layout in which the widest host fits."""
    limits = _LIMITS if len(scene.hosts) <= FEW else _LIMITS[1:]
    attempts = [(limit, True) for limit in limits] + [(limit, False) for limit in _WITHOUT_NOTES]
    for limit, has_notes in attempts:
        picture = lay_out(scene, _metrics(limit, has_notes, scene.glyphs), width)
        if picture.width <= width:
            return picture
    return None


def _metrics(limit: int, has_notes: bool, glyphs: Glyphs) -> Metrics:
    return replace(CELLS, limit=limit, has_notes=has_notes, ellipsis=glyphs.ellipsis)


class _Pen:
    def __init__(self, picture: Picture, glyphs: Glyphs) -> None:
        self.picture, self.glyphs = picture, glyphs
        self.canvas = Canvas(picture.width, picture.height, glyphs.is_ascii)

    def lines(self) -> list[Text]:
        for box in self.picture.boxes:
            self._box(box)
        for wire in self.picture.wires:
            self._wire(wire)
        for box in self.picture.boxes:
            if box.kind in ("port", "workload"):
                self.canvas.write(box.x, box.y, " " * box.w)
        for label in self.picture.labels:
            self._label(label)
        for badge in self.picture.badges:
            self._badge(badge)
        self._leads()
        return self.canvas.lines()

    def _leads(self) -> None:
        """Draw the wires of a stack on to where the names that they belong to end."""
        ends: dict[int, int] = {}
        for label in self.picture.labels:
            if label.parent is not None and not label.is_right:
                code = len(label.code) + 1 if label.code else 0
                ends[id(label.parent)] = max(ends.get(id(label.parent), 0), label.x + code + cells(label.text))
        for wire in self.picture.wires:
            end = ends.get(id(wire.ends[0]))
            if end is not None and len(wire.points) == 3 and not wire.is_dim:
                x, y = wire.points[0]
                self.canvas.write(end + 1, y, ("-" if self.glyphs.is_ascii else "─") * (x - end - 1), self._style(wire))

    def _box(self, box: Box) -> None:
        on = self.canvas
        trouble = _TROUBLE[box.mark.severity] if box.mark and box.mark.is_wrong else ""
        if box.kind == "host":
            on.frame(box.x, box.y, box.w, box.h, canvas.ROUND)
        elif box.kind == "ghost":
            on.frame(box.x, box.y, box.w, box.h, canvas.DASHED, "dim")
        elif box.kind == "bridge":
            on.frame(box.x, box.y, box.w, box.h, canvas.LIGHT, trouble or _HUES[box.role])
        elif box.kind == "physical":
            on.across(box.x, box.right - 1, box.y, canvas.HEAVY, "green")
        elif box.kind == "band":
            on.across(box.x, box.right - 1, box.y, canvas.DOUBLE, "magenta")
        elif box.kind == "spine":
            on.down(box.x, box.y - 1, box.bottom, canvas.DOUBLE, "magenta")

    def _style(self, wire: Wire) -> str:
        hue = "green" if wire.kind == "physical" else "magenta" if wire.kind == "tunnel" else _HUES[wire.role]
        return _TROUBLE[wire.severity] or hue

    def _wire(self, wire: Wire) -> None:
        on = self.canvas
        style = self._style(wire)
        (x, top), (_, bottom) = wire.points[-2:]
        stroke = canvas.DASHED if wire.is_dim else canvas.LIGHT
        if len(wire.points) == 3:
            on.across(wire.points[0][0] - 1, x, top, stroke, style)
            on.side(x, top, canvas.S, stroke, style)
            top += 1
        for y in range(top, bottom):
            on.side(x, y, canvas.N | canvas.S, stroke, style)
        if wire.is_dim:
            on.side(x, top - 1, canvas.S, stroke)
        if wire.ends[-1].kind not in ("port", "workload"):
            on.side(x, bottom, canvas.N, stroke)
        if wire.cross:
            on.write(*wire.cross, outline.sign_of("error", self.glyphs.is_ascii), _TROUBLE["error"])

    def _label(self, label: Label) -> None:
        x, y = label.x, label.y
        style = _STYLES.get(label.style, "")
        if label.parent is not None:
            mark = label.parent.mark
            if label.style in ("port", "note", "bridge") and mark is not None and mark.is_wrong:
                style = _TROUBLE[mark.severity]
            elif label.style == "bridge":
                style = f"bold {_HUES[label.parent.role]}".strip()
        if label.is_bad:
            mark = label.parent.mark if label.parent else None
            style = _TROUBLE[mark.severity if mark and mark.is_wrong else "error"]
        text = label.text
        if label.style == "band" or (label.style in ("host", "role") and label.parent):
            text = f" {text} "
            x -= 1
        if label.style == "band":
            x, style = self._free(label, len(text)), "bold magenta"
        if label.style == "physical":
            y, style = y + 1, "green"
        if label.code:
            self.canvas.write(x, y, label.code, _TROUBLE[label.severity])
            x += len(label.code) + 1
        self.canvas.write(x, y, text, style)

    def _free(self, label: Label, width: int) -> int:
        """Find a place on the band where the name hides no wire's end; the right end if there is none."""
        band = label.parent
        if band is None:
            return label.x
        taken = sorted(wire.points[-1][0] for wire in self.picture.wires if wire.ends[-1] is band)
        at = label.x
        for x in [*taken, band.right]:
            if at + width < x:
                return at
            at = max(at, x + 2)
        return max(band.x, band.right - width)

    def _badge(self, badge: Badge) -> None:
        style = _TROUBLE[badge.mark.severity]
        before = badge.x - 1 if badge.y == (badge.parent.y if badge.parent else -1) else badge.x
        if before < badge.x and badge.parent and badge.parent.kind in ("host", "ghost"):
            self.canvas.write(before, badge.y, " ")
        self.canvas.write(badge.x, badge.y, outline.sign_of(badge.mark.severity, self.glyphs.is_ascii), style)

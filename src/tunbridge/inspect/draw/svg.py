"""The SVG pen: one self-contained file, no script, no font or picture from elsewhere, valid XML whatever the names."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape

from tunbridge.inspect.draw import style
from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.layout import lay_out
from tunbridge.inspect.draw.marks import Marks, Place
from tunbridge.inspect.draw.metrics import PIXELS
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.shapes import Badge, Box, Label, Picture, Wire
from tunbridge.inspect.draw.views import Scene
from tunbridge.inspect.model import Document

WIDTH = 1000
"""What a README has room for, in pixels. Many hosts, or a host with many bridges, make the picture wider."""

_SQUARE = 5
"""So many hosts make a picture of WIDTH about as high as wide."""

_RADIUS = {"host": 10, "ghost": 10, "bridge": 7, "port": 4, "workload": 4, "physical": 12, "band": 8, "spine": 0}
_MONO = {"bridge", "port", "note", "meta", "ghost"}
_SIZE = {"host": 15, "bridge": 13, "band": 12.5, "legend": 12, "code": 12, "note": 10.5, "bridge-role": 10.5}


def render(
    document: Document,
    numbers: Mapping[Place, int] | None = None,
    group: Grouping = "auto",
    marks: Marks | None = None,
    *,
    width: int | None = None,
) -> str:
    """Draw `document` as SVG.

    With `numbers`, each shape tells in `data-at` the numbers of the places that it stands for: it is then a group of
    things to point at, no longer one image. `marks` are those of the document, if they are known already.
    `width` is in pixels; without it, many hosts make the picture wider, so that it is about as wide as high.
    """
    scene = build(document, group=group, marks=marks)
    square = round(WIDTH * max(1, len(scene.hosts) / _SQUARE) ** 0.5)
    picture = lay_out(scene, PIXELS, width or square)
    w, h = picture.width, picture.height
    title, description = _describe(scene)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="{"group" if numbers else "img"}" aria-labelledby="title desc" '
        f'width="{w}" height="{h}" viewBox="0 0 {w} {h}">',
        f'<title id="title">{_text(title)}</title>',
        f'<desc id="desc">{_text(description)}</desc>',
        f"<style>\n{style.sheet()}\n</style>",
        f'<rect class="canvas" width="{w}" height="{h}" rx="12"/>',
        *_body(picture, numbers or {}),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _describe(scene: Scene) -> tuple[str, str]:
    """Say in words what is drawn, for who cannot see it."""
    names = [host.name for host in scene.hosts]
    title = f"Open vSwitch on {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
    found = [f"{line.severity} {line.code}: {'; '.join(line.items()[:40])}" for line in scene.legend]
    found += [f"{line.what}: {line.who}" for line in scene.exceptions]
    overlay = f"Joined by the {scene.overlay}. " if scene.overlay else ""
    return (
        title if names else "No hosts",
        f"{sum(host.count for host in scene.hosts)} hosts. {overlay}{'. '.join(found)}".strip(),
    )


def _body(picture: Picture, numbers: Mapping[Place, int]) -> list[str]:
    below = [box for box in picture.boxes if box.kind in ("spine", "band", "host", "ghost", "bridge", "physical")]
    above = [box for box in picture.boxes if box.kind in ("port", "workload")]
    below.sort(key=lambda box: ("spine", "band", "host", "ghost", "bridge", "physical").index(box.kind))
    return [
        *(_box(box, numbers) for box in below),
        *(_wire(wire, numbers) for wire in picture.wires),
        *(_box(box, numbers) for box in above),
        *map(_label, picture.labels),
        *map(_badge, picture.badges),
    ]


def _box(box: Box, numbers: Mapping[Place, int]) -> str:
    names = {"physical": "net", "spine": "band", "bridge": box.role}
    classes = names.get(box.kind, box.kind)
    if box.kind == "port":
        classes = f"port {box.role}"
    if box.mark is not None and box.mark.is_wrong:
        if box.kind in ("port", "workload"):
            classes = f"{box.mark.severity}-box"
        elif box.kind == "bridge":
            classes += f" {box.mark.severity}-line"
    title = f"<title>{_text(box.tip)}</title>" if box.tip else ""
    if box.kind == "spine":  # reaches into the round corners of the bands that it joins
        box = replace(box, y=box.y - 10, h=box.h + 20)
    edge = 0.5 if box.kind not in ("band", "spine", "physical") else 0
    place = f'x="{box.x + edge:g}" y="{box.y + edge:g}" width="{box.w - 2 * edge:g}" height="{box.h - 2 * edge:g}"'
    rect = f'<rect class="{classes}" {place} rx="{_RADIUS[box.kind]}"'
    if at := _at(box, numbers):
        rect += f' data-at="{at}"'
    return f"{rect}>{title}</rect>" if title else f"{rect}/>"


def _at(box: Box, numbers: Mapping[Place, int]) -> str:
    return " ".join(str(numbers[place]) for place in box.places if place in numbers)


def _wire(wire: Wire, numbers: Mapping[Place, int]) -> str:
    hue = wire.severity or (wire.role if wire.kind == "patch" else wire.kind)
    classes = f"wire w-{wire.kind if wire.kind != 'patch' else wire.role}"
    classes += (f" w-{wire.severity}" if wire.severity else "") + " many" * (wire.count > 1) + " dim" * wire.is_dim
    start, *rest = wire.points
    path = f"M{start[0]} {start[1]}" + "".join(f"L{x} {y}" for x, y in rest)
    path = _rounded(wire.points) if rest[1:] else path
    parts = [f'<path class="{classes}" d="{path}"/>']
    ports = [box for box in wire.ends if box.kind in ("port", "workload")]
    if at := " ".join(filter(None, (_at(port, numbers) for port in ports))):  # what a pointer can hit
        parts.append(f'<path class="hit" d="{path}" data-at="{at}"/>')
    if wire.cross:
        x, y = wire.cross
        cross = f"M{x - 5} {y - 5}l10 10m0 -10l-10 10"
        parts += [f'<path class="cross-back" d="{cross}"/>', f'<path class="cross" d="{cross}"/>']
    elif not wire.is_dim:
        x, y = wire.points[-1]
        radius = 2 if wire.kind == "workload" else 2.75 if rest[1:] else 3.5
        parts.append(f'<circle class="d-{hue}" cx="{x}" cy="{y}" r="{radius}"/>')
    return "".join(parts)


def _rounded(points: list[tuple[int, int]], radius: int = 4) -> str:
    """Draw a wire that runs right and then down, with its corner rounded."""
    (x0, y0), (x1, y1), (x2, y2) = points
    return f"M{x0} {y0}L{x1 - radius} {y1}Q{x1} {y1} {x1} {y1 + radius}L{x2} {y2}"


def _label(label: Label) -> str:
    classes = (
        f"t-{label.style}" + " mono" * (label.style in _MONO) + " end" * label.is_right + " mid" * label.is_centred
    )
    if label.style.startswith("bridge") and label.parent:
        classes += f" t-{label.parent.role}"
    if label.is_bad:
        mark = label.parent.mark if label.parent else None
        classes += f" t-{mark.severity if mark and mark.is_wrong else 'error'}"
    x = label.x + label.w if label.is_right else label.x
    x = label.x + label.w // 2 if label.is_centred else x
    y = label.y + label.h / 2 + _SIZE.get(label.style, 11) * 0.35
    code = f'<tspan class="t-code t-{label.severity}">{_text(label.code)}</tspan> ' if label.code else ""
    return f'<text class="{classes}" x="{x}" y="{y:.1f}">{code}{_text(label.text)}</text>'


def _badge(badge: Badge) -> str:
    x, y, r = badge.x + badge.w / 2, badge.y + badge.h / 2, badge.w / 2
    notes = f"<title>{_text(chr(10).join(badge.mark.notes))}</title>" if badge.mark.notes else ""
    circle = f'<circle class="b-{badge.mark.severity}" cx="{x:g}" cy="{y:g}" r="{r - 1:g}">{notes}</circle>'
    number = badge.mark.number if badge.mark.number < 100 else "…"
    return f'{circle}<text class="b-text" x="{x:g}" y="{y + 3.6:g}">{number}</text>'


def _text(text: str) -> str:
    """Make text safe for XML; characters that XML does not allow come out as visible escapes."""
    return escape("\n".join(visible(line) for line in text.split("\n")))

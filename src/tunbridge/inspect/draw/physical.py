"""Physical networks of one name that stand side by side, made one: NICs whose wires nothing else comes between."""

from bisect import bisect_left
from itertools import pairwise

from tunbridge.inspect.draw.shapes import Box, Picture, Wire


def join_networks(row: Picture) -> None:
    """Join those of one row of hosts where no wire passes between them: a wire must not cross a network."""
    found = sorted((box for box in row.boxes if box.kind == "physical"), key=lambda box: box.x)
    passing = sorted(wire.points[-1][0] for wire in row.wires if found and _passes(wire, found[0].y))
    gone: dict[int, Box] = {}
    for before, after in pairwise(found):
        is_free = bisect_left(passing, before.right) == bisect_left(passing, after.x)
        if before.network and before.network == after.network and is_free:
            after.x, after.w = before.x, after.right - before.x
            gone[id(before)] = after
    if gone:
        _leave_out(row, gone)


def _passes(wire: Wire, y: int) -> bool:
    return wire.ends[-1].kind != "physical" and wire.points[0][1] < y < wire.points[-1][1]


def _leave_out(row: Picture, gone: dict[int, Box]) -> None:
    """Take out the boxes that others reach over now, and lead their wires to those."""

    def left(box: Box) -> Box:
        while id(box) in gone:
            box = gone[id(box)]
        return box

    row.boxes = [box for box in row.boxes if id(box) not in gone]
    row.labels = [label for label in row.labels if id(label.parent) not in gone]
    for wire in row.wires:
        wire.ends = tuple(map(left, wire.ends))
    for label in row.labels:
        if label.style == "physical" and label.parent is not None:
            label.x = label.parent.x + (label.parent.w - label.w) // 2

"""Whatever the document: boxes stand apart, wires cross nothing, texts stay in their boxes, all within the picture."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from tests.inspect.draw_documents import cloud, documents
from tunbridge.inspect.draw.layout import lay_out
from tunbridge.inspect.draw.metrics import CELLS, PIXELS, Metrics
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.shapes import Badge, Box, Label, Picture, Wire
from tunbridge.inspect.model import Document

PENS = pytest.mark.parametrize(
    ("metrics", "width"), [(PIXELS, 1000), (replace(CELLS, limit=15), 120)], ids=["px", "cells"]
)
ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

Segment = tuple[int, int, int, int]


def overlap(a: Box | Label | Badge, b: Box | Label | Badge) -> bool:
    return a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.y + b.h and b.y < a.y + a.h


def is_inside(a: Box | Label | Badge, b: Box) -> bool:
    return a.x >= b.x and a.y >= b.y and a.x + a.w <= b.right and a.y + a.h <= b.bottom


def ancestors(box: Box | None) -> list[Box]:
    return [] if box is None else [box, *ancestors(box.parent)]


def segments(wire: Wire) -> list[Segment]:
    return [(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in pairwise(wire.points)]


def cuts(segment: Segment, box: Box | Label) -> bool:
    """The segment runs through the inside of the box (touching its edge is how wires end)."""
    x0, y0, x1, y1 = segment
    return x0 < box.x + box.w and x1 > box.x and y0 < box.y + box.h and y1 > box.y


def meet(a: Segment, b: Segment) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def check(picture: Picture) -> None:
    check_boxes(picture)
    check_wires(picture)
    for box in picture.boxes:
        assert box.x >= 0 and box.y >= 0 and box.right <= picture.width and box.bottom <= picture.height
    for label in picture.labels:
        if label.parent is not None:
            assert is_inside(label, label.parent), label
    for badge in picture.badges:
        assert badge.parent is None or is_inside(badge, badge.parent)
    texts: list[Label | Badge] = [*picture.labels, *picture.badges]
    for index, one in enumerate(texts):
        for other in texts[index + 1 :]:
            assert not overlap(one, other), (one, other)


def check_boxes(picture: Picture) -> None:
    for index, one in enumerate(picture.boxes):
        if one.parent is not None:
            assert is_inside(one, one.parent), (one, one.parent)
        for other in picture.boxes[index + 1 :]:
            if one not in ancestors(other) and other not in ancestors(one):
                assert not overlap(one, other), (one, other)


def check_wires(picture: Picture) -> None:
    laid = [(wire, segment) for wire in picture.wires for segment in segments(wire)]
    for wire, segment in laid:
        own = {box for end in wire.ends for box in ancestors(end)}
        for box in picture.boxes:
            if box not in own:
                assert not cuts(segment, box), (wire, box)
        for label in picture.labels:
            if label.parent is None or label.parent.kind in ("port", "workload", "physical"):
                assert not cuts(segment, label), (wire, label)
        for box in own:
            if box.kind in ("host", "ghost", "bridge"):
                assert box.x < segment[0] or segment[2] < box.x, (wire, "runs down the left edge", box)
                assert segment[2] < box.right - 1 or segment[0] > box.right - 1, (wire, "down the right edge", box)
    for index, (wire, segment) in enumerate(laid):
        for other, another in laid[index + 1 :]:
            assert wire is other or not meet(segment, another), (wire, other)


def draw(document: Document, metrics: Metrics, width: int) -> Picture:
    return lay_out(build(document), metrics, width)


@PENS
@given(document=documents())
@ANY
def test_boxes_stand_apart_and_wires_cross_nothing(metrics: Metrics, width: int, document: Document) -> None:
    check(draw(document, metrics, width))


@PENS
@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_a_cloud_stays_within_its_width(metrics: Metrics, width: int, count: int) -> None:
    picture = draw(cloud(count), metrics, width)
    check(picture)
    assert picture.width <= width


@given(document=documents(max_hosts=6))
@ANY
def test_the_same_document_gives_the_same_picture(document: Document) -> None:
    def shape(picture: Picture) -> list[object]:
        places = [(box.kind, box.x, box.y, box.w, box.h) for box in picture.boxes]
        return [places, [(wire.kind, wire.points) for wire in picture.wires], [label.text for label in picture.labels]]

    assert shape(draw(document, PIXELS, 1000)) == shape(draw(document, PIXELS, 1000))


def test_two_hosts_stand_side_by_side_above_one_overlay_band() -> None:
    picture = draw(cloud(2), PIXELS, 1000)
    first, second = (box for box in picture.boxes if box.kind == "host")
    (band,) = (box for box in picture.boxes if box.kind == "band")
    assert first.y == second.y and first.right < second.x and first.bottom == second.bottom < band.y
    assert sum(wire.kind == "tunnel" for wire in picture.wires) == 2
    assert [box.kind for box in picture.boxes].count("physical") == 1


def inside(picture: Picture, host: Box) -> list[tuple[str, int, int]]:
    """What is written in a host's frame but for names, with its place in it."""
    own = [label for label in picture.labels if host in ancestors(label.parent)]
    return [(label.style, label.x - host.x, label.y - host.y) for label in own]


@pytest.mark.parametrize(
    ("metrics", "width"), [(PIXELS, 1000), *((replace(CELLS, limit=24), width) for width in (60, 80, 100, 120, 200))]
)
def test_equal_hosts_look_equal_in_whatever_row_they_stand(metrics: Metrics, width: int) -> None:
    picture = draw(cloud(11, 2, 7), metrics, width)
    hosts = [box for box in picture.boxes if box.kind == "host" and "compute" in box.tip]
    assert len(hosts) == 9 and len({host.y for host in hosts}) > 1
    assert len({host.w for host in hosts}) == 1
    first = inside(picture, hosts[0])
    for host in hosts[1:]:
        assert [style for style, _, _ in inside(picture, host)] == [style for style, _, _ in first]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_no_status_is_left_out_however_narrow(width: int) -> None:
    document = cloud(5, 2)
    picture = draw(document, replace(CELLS, limit=15), width)
    words = [label.text for label in picture.labels]
    assert words.count("manager ✓") == 5
    assert words.count("controller ✓") == words.count("secure") == 12


def test_the_bands_of_several_rows_are_joined_by_a_spine() -> None:
    picture = draw(cloud(20), PIXELS, 1000)
    assert picture.width <= 1000
    bands = [box for box in picture.boxes if box.kind == "band"]
    spines = [box for box in picture.boxes if box.kind == "spine"]
    assert len(bands) > 1
    assert [(box.y, box.bottom) for box in spines] == [(a.bottom, b.y) for a, b in pairwise(bands)]

"""Many hosts: those alike are drawn once, those with something of their own alone, and a mesh is told in words."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.inspect.draw_documents import cloud, documents, tunnel_name
from tests.inspect.test_draw_layout import check as check_picture
from tunbridge.inspect.check import check
from tunbridge.inspect.draw import svg, text
from tunbridge.inspect.draw.layout import lay_out
from tunbridge.inspect.draw.marks import Place
from tunbridge.inspect.draw.metrics import CELLS, PIXELS, Metrics
from tunbridge.inspect.draw.names import ranges
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.views import ASCII, walk
from tunbridge.inspect.formats import dot, mermaid
from tunbridge.inspect.model import Document, Host
from tunbridge.inspect.understand import understand

SIZE = 40


def without(host: Host, *ports: str) -> Host:
    bridges = [replace(b, ports=[port for port in b.ports if port.name not in ports]) for b in host.bridges]
    return replace(host, bridges=bridges)


def fleet(damage: dict[int, list[str]], size: int = SIZE) -> Document:
    """A cloud of which some hosts lack some ports, understood and checked anew."""
    hosts = [
        replace(without(host, *damage.get(i, [])), system_id=f"00000000-0000-0000-0000-{i:012x}")
        for i, host in enumerate(cloud(size, 4).hosts)
    ]
    return check(understand(hosts))


def to(index: int) -> str:
    return tunnel_name(f"10.0.0.{25 + index}")


def test_hosts_alike_are_drawn_once_and_named_as_ranges() -> None:
    scene = build(fleet({}))
    assert [(view.name, view.words[0].text) for view in scene.hosts] == [
        ("36 compute hosts, alike", "compute[0-35]"),
        ("4 network hosts, alike", "network[0-3]"),
    ]
    assert scene.overlay == "VXLAN overlay: full mesh of 40 hosts, 780 tunnels"
    assert scene.exceptions == []


def test_a_host_with_a_fault_of_its_own_stands_alone() -> None:
    scene = build(fleet({3: ["patch-tun"]}))
    assert [view.name for view in scene.hosts] == ["35 compute hosts, alike", "compute3", "4 network hosts, alike"]
    assert scene.hosts[0].words[0].text == "compute[0-2,4-35]"


def test_the_tunnels_that_do_not_fit_a_mesh_are_named() -> None:
    scene = build(fleet({7: [to(9)], 11: [to(13)], 13: [to(11)]}))
    assert [(line.what, line.who) for line in scene.exceptions] == [
        ("one-way tunnel", "compute7 ← compute9"),
        ("missing tunnel", "compute11 - compute13"),
    ]
    assert scene.overlay.endswith("780 tunnels, all but 2 in order")


def test_a_host_that_lost_all_its_tunnels_is_one_line_and_not_one_for_each_other_host() -> None:
    document = fleet({5: [to(i) for i in range(SIZE)]})
    assert [(finding.host, finding.code) for finding in document.findings] == [("compute5", "tunnel-one-way")]
    scene = build(document)
    assert [line.who for line in scene.exceptions] == ["compute5 ← compute[0-4,6-35],network[0-3]"]
    assert [view.count for view in scene.hosts] == [35, 1, 4]
    assert [bridge.name for view in scene.hosts for bridge in walk(view.roots) if bridge.mark] == ["br-tun"]
    assert not any(port.mark for view in scene.hosts for bridge in walk(view.roots) for port in bridge.tunnels)


def test_what_is_no_mesh_is_only_counted() -> None:
    ring = fleet({i: [to(j) for j in range(SIZE) if (i - j) % SIZE not in (1, SIZE - 1)] for i in range(SIZE)})
    scene = build(ring)
    assert scene.overlay == "VXLAN overlay: 40 tunnels"
    assert scene.exceptions == []


@pytest.mark.parametrize(("size", "group", "frames"), [(20, "auto", 20), (20, "always", 2), (40, "never", 40)])
def test_few_hosts_are_grouped_only_when_asked(size: int, group: str, frames: int) -> None:
    assert len(build(fleet({}, size), group=group).hosts) == frames  # type: ignore[arg-type]


def test_every_form_is_grouped_and_stays_small() -> None:
    document = fleet({7: [to(9)]})
    forms = (svg.render(document), text.render(document, width=120), mermaid.render(document), dot.render(document))
    for form in forms:
        assert "35 compute hosts" in form and "compute12" not in form
        assert "one-way tunnel" in form and "compute7 ← compute9" in form
    assert "compute7 <- compute9" in text.render(document, width=120, ascii=True)


def test_the_numbers_of_workloads_and_tunnels_are_ranges() -> None:
    picture = text.render(fleet({2: ["tap02c0ffee-00"], 7: [to(9)], 9: [to(7)]}), width=140)
    assert "107 workloads 2-3 each" in picture
    assert "vxlan ×1,402 38-39 each" in picture


def test_what_a_shape_stands_for_is_each_host_of_the_group() -> None:
    document = fleet({})
    numbers: dict[Place, int] = {(host.name, "br-int", "patch-tun"): i for i, host in enumerate(document.hosts)}
    assert f'data-at="{" ".join(map(str, range(36)))}"' in svg.render(document, numbers)


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["a1", "a2", "a3", "b"], "a[1-3],b"),
        (["a10", "a2", "a1", "a4"], "a[1-2,4,10]"),
        (["n001.x", "n002.x", "n010.x", "n100.x"], "n[001-002,010,100].x"),
        (["a1", "a01"], "a[1,01]"),
        (["a", "a", "7"], "a,7"),
        ([], ""),
    ],
)
def test_names_are_folded_as_cluster_tools_do(names: list[str], folded: str) -> None:
    assert ranges(names) == folded


@given(document=documents(max_hosts=8), copies=st.integers(1, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize(("metrics", "width"), [(PIXELS, 1000), (CELLS, 160)], ids=["px", "cells"])
def test_any_document_can_be_grouped(metrics: Metrics, width: int, document: Document, copies: int) -> None:
    hosts = [replace(host, name=f"{host.name}{i}") for host in document.hosts for i in range(copies)]
    grouped = replace(document, hosts=hosts)
    check_picture(lay_out(build(grouped, ASCII, "always"), metrics, width))
    assert sum(view.count for view in build(grouped, group="always").hosts if view.known) == sum(h.known for h in hosts)

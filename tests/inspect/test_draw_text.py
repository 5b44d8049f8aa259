"""The text picture: within its width, 7-bit if asked, nothing that a terminal would obey, every name and mark in it."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from tests.inspect.draw_documents import HOSTILE, cloud, documents
from tests.inspect.hosts import change, port, two
from tunbridge.inspect.draw import text
from tunbridge.inspect.draw.safe import cells, clip, shorten, visible
from tunbridge.inspect.model import Bridge, Controller, Document, Finding, Host, Interface, Port
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SEED = ("compute0", "examples/compute0.txt"), ("network0", "examples/network.txt")


def seed() -> Document:
    root = Path(__file__).parents[2]
    texts = [(name, path, (root / path).read_text()) for name, path in SEED]
    return understand([host for name, path, shown in texts for host in read_show(shown, source=path, name=name)])


@given(document=documents(max_hosts=8), width=st.integers(8, 200), is_ascii=st.booleans())
@ANY
def test_no_line_is_wider_than_the_terminal(document: Document, width: int, is_ascii: bool) -> None:
    picture = text.render(document, width=width, ascii=is_ascii)
    for line in picture.splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()
        assert line.isprintable()
    if is_ascii:
        assert picture.isascii()


@given(document=documents(max_hosts=6), width=st.integers(20, 160))
@ANY
def test_colours_change_no_character(document: Document, width: int) -> None:
    assert text.render_rich(document, width=width).plain == text.render(document, width=width)


@given(document=documents(max_hosts=6))
@ANY
def test_every_host_and_bridge_is_named(document: Document) -> None:
    picture = text.render(document, width=220)
    hosts = [host for host in document.hosts if host.known]
    for name in [host.name for host in hosts] + [bridge.name for host in hosts for bridge in host.bridges]:
        shown = visible(name)
        lengths = range(cells(shown), min(cells(shown), 12) - 1, -1)
        assert any(shorten(shown, length).strip() in picture for length in lengths), name


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_ascii", [False, True])
def test_no_name_reaches_the_controls_of_the_terminal(name: str, is_ascii: bool) -> None:
    bad = Port(name=name, interfaces=[Interface(name=name, error=name)])
    document = Document(hosts=[Host(name=name, ovs_version=name, bridges=[Bridge(name=name, ports=[bad])])])
    for width in (100, 12):
        picture = text.render(document, width=width, ascii=is_ascii)
        assert all(line.isprintable() for line in picture.splitlines())
        assert not set(picture) & set("\x1b\u202e\u200b\x00\u0301")


@given(name=st.text())
@ANY
def test_what_is_visible_has_a_width_that_adds_up(name: str) -> None:
    shown = visible(name)
    assert cell_len(shown) == cells(shown)
    assert cells(shorten(shown, 9)) <= 9
    assert cells(clip(shown, 9)) <= 9


def test_a_name_is_cut_in_its_middle() -> None:
    assert shorten("patch-br-int-to-provnet-355c0afa", 15) == "patch-b…55c0afa"


WORDS = re.compile(r"(?<![…\w])[\w.:×✓✗→]{2,}(?![…\w])")


@pytest.mark.parametrize("document", [seed(), cloud(5, 2), cloud(20, 2, 12)], ids=["2", "5", "20"])
def test_a_wider_terminal_shows_all_that_a_narrow_one_does(document: Document) -> None:
    """But for what a physical network is called at length, and how many workloads there is room for."""
    rows = {width: set(WORDS.findall(text.render(document, width=width))) for width in range(60, 180, 10)}
    for width, words in rows.items():
        for wider in range(width + 10, 180, 10):
            lost = {word for word in words - rows[wider] if not word.startswith("tap")}
            assert lost <= {"network", "more"} | {str(n) for n in range(40)}, (width, wider)


@pytest.mark.parametrize("width", [100, 120, 160])
def test_the_two_hosts_stand_side_by_side(width: int) -> None:
    lines = text.render(seed(), width=width).splitlines()
    assert " compute0 " in lines[0] and " network0 " in lines[0]
    picture = "\n".join(lines)
    names = (
        "br-int br-tun br-eth1 patch-tun patch-int int-br-eth1 phy-br-eth1 eno16777736 vxlan-0a00001b vxlan-0a000019"
    )
    for name in [*names.split(), "10.0.0.25", "10.0.0.27", "VXLAN overlay", "physical"]:
        assert name in picture
    assert not set(picture) & set("✗!")


def test_a_wire_leads_from_the_tunnel_port_down_to_the_overlay() -> None:
    lines = text.render(seed(), width=100).splitlines()
    start = next(i for i, line in enumerate(lines) if "vxlan-0a00001b" in line)
    chip = "vxlan-0a00001b → 10.0.0.27"
    column = lines[start].index(chip) + len(chip) // 2
    below = [line[column] for line in lines[start + 1 :]]
    assert "".join(below) == "┼" + "│" * (len(below) - 2) + "╧"


def test_what_is_wrong_is_marked_where_it_is_and_listed_below() -> None:
    def found(severity: str, code: str, host: str, subject: str) -> Finding:
        return Finding(severity=severity, code=code, host=host, subject=subject, message="m", fix="f")  # type: ignore[arg-type]

    document = cloud(2)
    findings = [
        found("error", "tunnel-one-way", "compute0", "vxlan-0a00001a"),
        found("warning", "provider-without-nic", "network0", "br-eth1"),
        found("info", "manager-disconnected", "compute0", "ptcp:6640:127.0.0.1"),
    ]
    picture = text.render(replace(document, findings=findings), width=120)
    assert "✗ vxlan-0a00001a" in picture and "! br-eth1" in picture and "i compute0" in picture
    assert "✗  tunnel-one-way: vxlan-0a00001a (compute0)" in picture
    assert "X vxlan-0a00001a" in text.render(replace(document, findings=findings), width=120, ascii=True)


def test_a_loose_patch_port_ends_in_a_cross() -> None:
    hosts = seed().hosts
    integration = next(bridge for bridge in hosts[0].bridges if bridge.name == "br-int")
    kept = [port for port in integration.ports if port.name != "patch-tun"]
    bridges = [replace(b, ports=kept) if b is integration else b for b in hosts[0].bridges]
    lines = text.render(understand([replace(hosts[0], bridges=bridges), hosts[1]]), width=120).splitlines()
    row = next(i for i, line in enumerate(lines) if "patch-int" in line)
    assert "✗" in lines[row - 1]
    assert "patch port: patch-int (compute0)" in lines[-1]


def test_a_controller_that_is_not_connected_is_shown_however_narrow() -> None:
    host = Host(name="h", bridges=[Bridge(name="br0", controllers=[Controller(target="t", is_connected=False)])])
    assert "controller ✗" in text.render(Document(hosts=[host]), width=30)


def test_many_tunnels_and_workloads_are_folded_and_counted() -> None:
    picture = text.render(cloud(20, taps=40), width=100)
    assert "vxlan ×19 → all others" in picture
    assert "more" in picture


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_wire_of_a_stack_begins_at_its_name(ascii_only: bool) -> None:
    hosts = two()
    for number in range(40):
        hosts[0] = change(hosts[0], "br-int", f"tap{number}", port(f"tap{number}", tag=1))
    drawn = text.render(understand(hosts), width=120, ascii=ascii_only)
    dash, corner = ("-", r"\+") if ascii_only else ("─", "┐")
    assert re.search(rf"\+\d+ more {dash}+{corner}", drawn)
    assert not re.search(rf"\w {{2,}}{dash}+{corner}", drawn)


def test_where_no_frame_fits_it_becomes_a_list() -> None:
    picture = text.render(seed(), width=12)
    assert picture.splitlines()[0] == "compute0"
    assert "  br-int" in picture.splitlines()


def test_an_empty_document_is_an_empty_picture() -> None:
    assert text.render(Document(), width=80) == ""


def five_vms() -> Document:
    hosts = two()
    for number in range(5):
        name = f"tap0a0f91d1-e{number}"
        vm = replace(
            port(name, tag=1), workload=f"web-server-{number}", network="demo",
            floating_ips=["203.0.113.168"] if number == 0 else [],
        )  # fmt: skip
        hosts[0] = change(hosts[0], "br-int", name, vm)
    return understand(hosts[:1])


@pytest.mark.parametrize(
    ("width", "note", "first"),
    [
        (120, "VM · tag 1 · net demo", "web-server-0 · VM · tag 1 · net demo · 203.0.113.168"),
        (80, "VM · tag 1 · net demo", "web-server-0 · VM · net demo · 203.0.113.168"),
        (60, "VM · net demo", "web-server-0 · 203.0.113.168"),
    ],
)
def test_five_vms_of_a_host_have_a_line_each_and_their_names_in_full(width: int, note: str, first: str) -> None:
    """Where there is less room, the local VLAN goes first and the network last, instead of the middle of the text."""
    drawn = text.render(five_vms(), width=width)
    for number in range(1, 5):
        assert f"web-server-{number} · {note} ─" in drawn
    assert f" {first} ─" in drawn
    assert "more" not in drawn

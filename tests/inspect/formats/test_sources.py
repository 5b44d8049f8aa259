"""The forms that other programs draw: names are only ever text in them, and a mesh stays small."""

import csv as reader
import io
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from tests.inspect.draw_documents import HOSTILE, cloud, port
from tunbridge.inspect.formats import csv, dot, mermaid
from tunbridge.inspect.model import Bridge, Document, Finding, Host

NAMES = [
    *HOSTILE,
    '"]; n1 -- n2; x["',
    '"];',
    "`backticks` ```",
    "\\N \\G \\",
    "&lt;b&gt; &quot;",
    "=cmd|' /C calc'!A0",
    "+1",
    "-2",
    "@SUM(A1)",
    " =1",
    "end",
    "a\r\nb",
    "%%{init: {}}%%",
    'click n1 "javascript:alert(1)"',
    "#quot;#35;",
    "style x fill:#fff;",
]


def hostile() -> Document:
    """Every bad name as that of a host, a bridge, a workload and a finding's subject."""
    hosts = [
        Host(name=name, bridges=[Bridge(name=name, role="integration", ports=[port(name, tag=1, peer=name)])])
        for name in NAMES
    ]
    found = [
        Finding(severity="error", code=name or "code", host=name, subject=name, message=name, fix=name)
        for name in NAMES
    ]
    return Document(hosts=hosts, findings=found)


def rows(document: Document) -> list[dict[str, str]]:
    return list(reader.DictReader(io.StringIO(csv.render(document), newline=""), strict=True))


def test_csv_has_one_row_for_each_interface_with_both_ends_of_its_link() -> None:
    table = rows(cloud(2))
    tunnel = next(row for row in table if row["host"] == "network0" and row["type"] == "vxlan")
    assert tunnel == {
        "host": "network0",
        "bridge": "br-tun",
        "bridge_role": "tunnel",
        "port": "vxlan-0a000019",
        "tag": "",
        "trunks": "",
        "interface": "vxlan-0a000019",
        "type": "vxlan",
        "options": "local_ip=10.0.0.26 remote_ip=10.0.0.25",
        "peer_host": "compute0",
        "peer_bridge": "br-tun",
        "peer_port": "vxlan-0a00001a",
        "remote_ip": "10.0.0.25",
        "local_ip": "10.0.0.26",
        "state": "ok",
        "error": "",
    }
    assert len(table) == sum(len(p.interfaces) for h in cloud(2).hosts for b in h.bridges for p in b.ports)


def test_csv_cells_are_no_formulas_and_hold_no_control_characters() -> None:
    text = csv.render(hostile())
    assert len(rows(hostile())) == len(NAMES)
    for row in rows(hostile()):
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@")), cell
            assert cell.isprintable(), cell
    assert text.count("\r\n") == len(NAMES) + 1 == text.count("\n")


def test_dot_takes_hostile_names_as_text() -> None:
    if shutil.which("dot") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("graphviz is not installed")
    drawn = subprocess.run(["dot", "-Tsvg"], input=dot.render(hostile()).encode(), capture_output=True, check=True)
    assert drawn.stderr == b""
    root = ElementTree.fromstring(drawn.stdout)
    svg = "{http://www.w3.org/2000/svg}"
    assert root.findall(f".//{svg}script") == []
    texts = [text.text or "" for text in root.iter(f"{svg}text")]
    for name in ("<script>alert(1)</script>", '"]; n1 -- n2; x["', "\\N \\G \\", "&lt;b&gt; &quot;"):
        assert name in texts
    assert len([g for g in root.iter(f"{svg}g") if g.get("class") == "cluster"]) == len(NAMES)
    assert not [g for g in root.iter(f"{svg}g") if g.get("class") == "edge" and g.find(f"{svg}title") is None]


_TEXT = r'"(?:[A-Za-z0-9 \-_.,/\u00a1-\U0010ffff]|\#[0-9]+;|<br/>)+"'
_LINES = re.compile(
    rf"""  flowchart\ (?:TB|LR)
    | \ \ subgraph\ h\d+\[{_TEXT}\] | \ \ end
    | \ +n\d+(?:\[{_TEXT}\]|\[\[{_TEXT}\]\]|\(\[{_TEXT}\]\)|\({_TEXT}\)):::[a-z]+
    | \ \ n\d+\ (?:---|===|-\.-)(?:\|{_TEXT}\|)?\ n\d+
    | \ \ classDef\ [a-z]+\ [a-z0-9:\#,\- ]+ | \ \ linkStyle\ [\d,]+\ stroke:\#[0-9a-f]+,stroke-width:3px""",
    re.VERBOSE,
)


def test_mermaid_is_of_the_few_kinds_of_lines_whatever_the_names() -> None:
    for document in (hostile(), cloud(2), cloud(20)):
        for line in mermaid.render(document).splitlines():
            assert _LINES.fullmatch(line), line


def test_mermaid_writes_signs_as_character_codes() -> None:
    assert "#60;script#62;alert#40;1#41;#60;/script#62;" in mermaid.render(hostile())


@pytest.mark.parametrize("pen", [dot.render, mermaid.render])
def test_a_mesh_is_one_overlay_and_an_edge_for_each_host(pen) -> None:  # type: ignore[no-untyped-def]
    text = pen(cloud(100), "never")
    assert text.count("VXLAN overlay") == 1
    assert len(re.findall(r"×99", text)) + len(re.findall("#215;99", text)) == 100

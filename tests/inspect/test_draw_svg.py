"""The SVG picture: valid XML whatever the names, self-contained, light and dark; those in the docs are current."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings

from tests.inspect.draw_documents import HOSTILE, cloud, documents
from tests.inspect.test_draw_fleet import fleet, to
from tests.inspect.test_draw_text import seed
from tunbridge.inspect.draw import svg
from tunbridge.inspect.model import Bridge, Document, Host, Interface, Port

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {SVG + name for name in ("svg", "title", "desc", "style", "rect", "path", "circle", "text", "tspan")}


def damaged_fleet() -> Document:
    """Of 120 hosts one has lost its patch port, one its tunnels, and one the way back to another."""
    return fleet({3: ["patch-tun"], 7: [to(9)], 20: [to(i) for i in range(120)]}, 120)


def parse(document: Document) -> ElementTree.Element:
    return ElementTree.fromstring(svg.render(document))


@given(document=documents(max_hosts=8))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_document_gives_valid_xml_of_known_elements(document: Document) -> None:
    root = parse(document)
    assert {element.tag for element in root.iter()} <= ALLOWED
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_ever_text(name: str) -> None:
    port = Port(name=name, interfaces=[Interface(name=name, error=name, options={name: name})])
    root = parse(Document(hosts=[Host(name=name, addresses=[name], bridges=[Bridge(name=name, ports=[port])])]))
    assert {element.tag for element in root.iter()} <= ALLOWED
    assert not set("".join(root.itertext())) & set("\x1b\u202e\u200b\x00\u0301")


def test_nothing_is_fetched_and_nothing_runs() -> None:
    picture = svg.render(cloud(5))
    for word in ("<script", "href", "url(", "@import", "@font-face", "<image", "<foreignObject"):
        assert word not in picture
    assert picture.count("http") == 1  # the namespace


def test_it_is_told_in_words_too() -> None:
    root = parse(seed())
    assert root.attrib["role"] == "img"
    assert root.findtext(SVG + "title") == "Open vSwitch on compute0, network0"
    assert "VXLAN overlay" in (root.findtext(SVG + "desc") or "")


def test_there_are_light_and_dark_colours_for_every_class() -> None:
    picture = svg.render(seed())
    light, dark = picture.split("@media (prefers-color-scheme:dark)")
    for name in (".canvas{", ".integration{", ".tunnel{", ".provider{", ".t-port{", ".b-error{"):
        assert name in light.replace(",", "{") and name in dark.replace(",", "{")


def test_a_cut_name_is_whole_in_its_tooltip() -> None:
    name = "patch-br-int-to-provnet-355c0afa-9deb-481b-80f3-bec71cd73238"
    port = Port(name=name, interfaces=[Interface(name=name)])
    root = parse(Document(hosts=[Host(name="h", bridges=[Bridge(name="br-int", role="integration", ports=[port])])]))
    assert name not in [text.text for text in root.iter(SVG + "text")]
    assert any(name in (title.text or "") for title in root.iter(SVG + "title"))


@pytest.mark.parametrize(
    ("file", "document"),
    [
        ("two-hosts.svg", seed),
        ("five-hosts.svg", lambda: cloud(5, 2)),
        ("twenty-hosts.svg", lambda: cloud(20, 2, 12)),
        ("fleet.svg", damaged_fleet),
    ],
)
def test_the_pictures_of_the_documentation_are_current(file: str, document: object) -> None:
    assert callable(document)
    assert (PICTURES / file).read_text() == svg.render(document())


def test_a_thousand_hosts_are_still_drawn() -> None:
    hosts = [Host(name=f"h{i}", bridges=[Bridge(name="br-int", role="integration")]) for i in range(1000)]
    assert (
        len(
            ElementTree.fromstring(svg.render(Document(hosts=hosts), group="never")).findall(
                f"{SVG}rect[@class='host']"
            )
        )
        == 1000
    )

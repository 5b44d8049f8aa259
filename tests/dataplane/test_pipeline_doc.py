"""docs/pipeline.md is made from the declaration, and its flows are what Open vSwitch dumps."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataplane.dummy import Dummy
from tunbridge.dataplane import document
from tunbridge.dataplane.explained import EXPLAINED

PAGE = Path(__file__).parents[2] / "docs" / "pipeline.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == document.page(), "run: make docs"


@pytest.mark.parametrize("bridge", document.BRIDGES)
def test_each_kind_of_flow_is_explained_and_each_explanation_is_of_a_flow(bridge: str) -> None:
    flows = document.example().flows(bridge).values()
    assert {document.signature(f) for f in flows} == EXPLAINED[bridge].keys()


@pytest.fixture(scope="module")
def host(vswitch: Dummy) -> Iterator[Dummy]:
    """The example host, with the names of its bridges and interfaces."""
    patches = {"patch-tun": "patch-int", "int-br-ex": "phy-br-ex"}
    patches |= {peer: name for name, peer in patches.items()}
    vswitch.add_bridges(
        {
            bridge: {
                name: (number, "patch", {"peer": patches[name]}) if name in patches else (number, "dummy", {})
                for name, number in ports.items()
            }
            for bridge, ports in document.PORTS.items()
        }
    )
    desired = document.example()
    for bridge in document.BRIDGES:
        vswitch.install(bridge, desired.flows(bridge).values(), desired.meters(bridge).values())
    yield vswitch
    vswitch.vsctl(*(word for bridge in document.BRIDGES for word in ("--", "del-br", bridge)))


@pytest.mark.parametrize("bridge", document.BRIDGES)
def test_the_dumps_are_those_of_a_real_open_vswitch(host: Dummy, bridge: str) -> None:
    title = "A provider bridge" if bridge == "br-ex" else bridge
    section = next(part for part in document.page().split("\n## ") if part.startswith(f"{title}\n"))
    shown = {line for line in section.splitlines() if line.startswith(" cookie=")}
    assert shown == set(host.named_dump(bridge))

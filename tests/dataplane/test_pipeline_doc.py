"""docs/pipeline.md holds every declared table, and the dumps of a real host."""

from pathlib import Path

import pytest

from tests.agent.hosts import PHYSNET, Wired
from tests.conftest import MakeLab
from tunbridge.agent.config import Peer
from tunbridge.dataplane import pipeline

PAGE = (Path(__file__).parents[2] / "docs" / "pipeline.md").read_text()


@pytest.mark.parametrize("table", [*pipeline.INTEGRATION, *pipeline.TUNNEL, *pipeline.PROVIDER])
def test_every_table_is_told(table: pipeline.Table) -> None:
    assert f"| {table.number} | {table.name} | {table.purpose} |" in PAGE


@pytest.mark.ovs
def test_the_dumps_are_those_of_a_real_host(make_lab: MakeLab) -> None:
    host = Wired(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"), "network0")
    host.configure(peers=[Peer(host="compute0", ip="10.0.0.25")])
    host.start()
    told = {line.strip() for line in PAGE.splitlines() if line.startswith(" cookie=")}
    assert told == {line for bridge in ("br-int", "br-tun", "br-eth1") for line in host.flows(bridge)}

"""The flows of the example host through the agent's own OpenFlow connection."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.dataplane.dummy import Dummy
from tests.dataplane.test_pipeline_doc import example_host
from tunbridge.dataplane import document, pipeline
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.openflow import NX_MATCH, Add, Meter, Switch


@pytest.fixture(scope="module")
def host(vswitch: Dummy) -> Iterator[Dummy]:
    with example_host(vswitch):
        yield vswitch


@pytest.mark.parametrize("bridge", document.BRIDGES)
def test_what_the_switch_writes_is_what_was_wanted(host: Dummy, bridge: str) -> None:
    desired = document.example()
    wanted = desired.flows(bridge)
    logged: list[str] = []

    async def write() -> None:
        fragments = NX_MATCH if bridge == "br-int" else None
        switch = Switch(str(host.directory), bridge, lambda _: None, logged.append, fragments=fragments)
        await switch.connect()
        meters = {id: Meter(m.rate, m.burst) for id, m in desired.meters(bridge).items()}
        refused = await switch.apply([Add(f, ("test", "")) for f in wanted.values()], meters=meters)
        assert refused == []
        tables = await switch.dump()
        assert tables.meters == meters
        switch.close()

    asyncio.run(write())
    assert {f.key: f for f in host.dump(bridge)} == wanted
    assert logged == []
    handling = ofctl.command(str(host.directory), bridge, "get-frags").strip()
    assert handling == (pipeline.FRAGMENTS if bridge == "br-int" else "normal")

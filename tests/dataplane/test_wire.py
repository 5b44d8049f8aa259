"""The flows of the example host through the agent's own OpenFlow connection."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.dummy import Dummy
from tests.dataplane.test_pipeline_doc import example_host
from tunbridge.dataplane import document, pipeline
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.view import Rule
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.openflow import NX_MATCH, Add, Meter, Switch


def every_kind_of_rule() -> list[Rule]:
    """Rules of each protocol, ranges of ports of each length, ICMP types and codes, prefixes."""
    shapes: list[tuple[int | None, int | None, int | None]] = [(p, None, None) for p in (None, *range(256))]
    shapes += [(p, first, last) for p in (6, 17, 132) for first, last in RANGES]
    shapes += [(p, kind, code) for p in (1, 58) for kind, code in ((0, None), (8, 0), (255, 255), (3, 4))]
    rules: list[Rule] = []
    for direction, version, (protocol, first, last) in itertools.product(("ingress", "egress"), (4, 6), shapes):
        prefixes = ("192.0.2.128/25", "0.0.0.0/0") if version == 4 else ("2001:db8:1::/48", "::/0")
        for remote in (None, *prefixes):
            made = Rule(
                id=str(len(rules)), direction=direction, ip_version=version, protocol=protocol, port_min=first,
                port_max=last, remote_ip_prefix=remote,
            )  # fmt: skip
            rules.append(made)
        named = {"remote_group_id": "open"} if len(rules) % 2 else {"remote_address_group_id": "x"}
        rules.append(
            Rule(
                id=str(len(rules)),
                direction=direction,
                ip_version=version,
                protocol=protocol,
                port_min=first,
                port_max=last,
                **named,
            )
        )
    return rules


RANGES = [(0, 0), (0, 15), (1, 65535), (0, 65535), (80, 80), (1024, 65535), (5, 77), (32768, 32768)]


@pytest.mark.parametrize("stateful", [True, False])
def test_every_kind_of_rule_is_read_back_as_it_was_written(make_world: MakeWorld, stateful: bool) -> None:
    world = make_world("a")
    world.network("n")
    world.group("every", *every_kind_of_rule(), stateful=stateful)
    world.address_group("x", "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "2001:db8::7/128", "::/0")
    world.port("p1", "n", "a", "10.0.0.1", "2001:db8::1", security_groups=("every",))
    world.port("p2", "n", "a", "10.0.0.2")
    world.run()  # compares each flow with what Open vSwitch dumps
    host = world.hosts["a"]
    wanted = host.desired.flows("br-int")
    assert len(wanted) > 2000
    asyncio.run(_write(str(world.dummy.directory), host.bridges["br-int"], wanted.values()))
    assert {f.key: f for f in world.dummy.dump(host.bridges["br-int"])} == wanted


async def _write(directory: str, bridge: str, flows: Iterable[Flow]) -> None:
    ofctl.command(directory, bridge, "del-flows")
    switch = Switch(directory, bridge, lambda _: None, print)
    await switch.connect()
    assert await switch.apply([Add(f, ("test", "")) for f in flows]) == []
    switch.close()


@pytest.fixture(scope="module")
def host(vswitch: Dummy) -> Iterator[Dummy]:
    with example_host(vswitch):
        yield vswitch


@pytest.mark.parametrize("bridge", document.BRIDGES)
def test_what_the_switch_writes_is_what_was_wanted(host: Dummy, bridge: str) -> None:
    desired = document.example()
    wanted = desired.flows(bridge)
    logged: list[str] = []
    ofctl.command(str(host.directory), bridge, "set-frags", "normal")

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

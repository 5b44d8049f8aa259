"""The flows of one bridge on a real Open vSwitch (dummy datapath): a restart touches nothing that is right."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.openvswitch.dummy import Dummy, running
from tunbridge import log
from tunbridge.agent.bridges import BridgeFlows, Hooks
from tunbridge.agent.saved import SavedFlows
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.contribution import Meter
from tunbridge.dataplane.flows import Flow, FlowKey

BRIDGE = "br-int"
METER = Meter(pipeline.WORKLOAD_METERS + 1, pipeline.WORKLOAD_PPS, pipeline.WORKLOAD_BURST)
FLOWS = [Flow(table=5, priority=n, match="in_port=1", actions="drop") for n in range(1, 4)]
METERED = Flow(table=6, priority=1, actions=f"meter:{METER.id},resubmit(,7)")


class Wanted:
    """What a bridge is to have, and what it was told to change."""

    def __init__(self, knows_all: bool) -> None:
        self.flows: dict[FlowKey, Flow] = {}
        self.meters: dict[int, Meter] = {}
        self.knows_all = knows_all
        self.changes: list[tuple[int, int]] = []
        self.settled = asyncio.Event()

    def hooks(self) -> Hooks:
        return Hooks(
            wanted=lambda _bridge: self.flows,
            meters=lambda _bridge: self.meters,
            owner=lambda _bridge, _key: None,
            may_sweep=lambda: self.knows_all,
            may_restore=lambda _bridge: True,
            slow_s=lambda: 0.0,
            drifted=lambda: None,
            changed=lambda _bridge, added, deleted, _repair: self.changes.append((added, deleted)),
            refused=lambda _bridge, refused: pytest.fail(str(refused)),
            settled=lambda _bridge: self.settled.set(),
            lost=lambda bridge: pytest.fail(f"{bridge} cannot be reached"),
            packet_in=lambda _event: None,
            dumped=lambda _bridge, _there: (),
        )


class Running:
    """The bridge's task, as the engine runs it."""

    def __init__(self, bridge: BridgeFlows, wanted: Wanted) -> None:
        self.bridge = bridge
        self.wanted = wanted
        self._generation = 0

    async def want(self, *flows: Flow, meters: tuple[Meter, ...] = ()) -> None:
        """Want these and nothing else, and wait until the bridge has them."""
        before, before_meters = self.wanted.flows, self.wanted.meters
        self.wanted.flows = {flow.key: flow for flow in flows}
        self.wanted.meters = {meter.id: meter for meter in meters}
        self._generation += 1
        self.wanted.settled.clear()
        keys, numbers = before.keys() | self.wanted.flows.keys(), before_meters.keys() | self.wanted.meters.keys()
        self.bridge.update(self._generation, keys, numbers)
        await self.until_settled()

    async def until_settled(self) -> None:
        async with asyncio.timeout(30):
            while self.bridge.done < self._generation or not self.bridge.idle:
                self.wanted.settled.clear()
                await self.wanted.settled.wait()


@pytest.fixture(scope="module")
def ovs() -> Iterator[Dummy]:
    with running(Dummy) as made:
        made.add_bridge(BRIDGE)
        yield made


@asynccontextmanager
async def agent(ovs: Dummy, folder: Path, knows_all: bool = True) -> AsyncIterator[Running]:
    """A run of the agent."""
    wanted = Wanted(knows_all)
    bridge = BridgeFlows(BRIDGE, ovs.rundir, SavedFlows(folder), log.get(), wanted.hooks())
    task = asyncio.create_task(bridge.run())
    try:
        yield Running(bridge, wanted)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def dump(ovs: Dummy) -> str:
    lines = ovs.ofctl("dump-flows", BRIDGE, "--no-stats").splitlines()
    return "\n".join(sorted(line for line in lines if "reply" not in line))


def test_flows_that_become_wanted_after_the_bridge_was_read_are_not_written_again(ovs: Dummy, tmp_path: Path) -> None:
    async def run() -> None:
        async with agent(ovs, tmp_path) as first:
            await first.want(*FLOWS, METERED, meters=(METER,))
        async with agent(ovs, tmp_path, knows_all=False) as second:
            await second.want()  # it knows of nothing yet, and the bridge was compared with that
            assert second.wanted.changes == []
            await second.want(*FLOWS, METERED, meters=(METER,))
            second.wanted.knows_all = True
            await second.want(*FLOWS, METERED, meters=(METER,))
            assert second.wanted.changes == []

    asyncio.run(run())


def test_what_nobody_wants_any_more_goes_once_all_is_known(ovs: Dummy, tmp_path: Path) -> None:
    async def run() -> None:
        async with agent(ovs, tmp_path) as first:
            await first.want(*FLOWS, METERED, meters=(METER,))
        async with agent(ovs, tmp_path, knows_all=False) as second:
            await second.want(FLOWS[0])
            assert second.wanted.changes == []
            second.wanted.knows_all = True
            await second.want(FLOWS[0])
            assert second.wanted.changes == [(0, 3)]
        assert "meter=" not in ovs.ofctl("dump-meters", BRIDGE)
        assert dump(ovs).count("in_port=1") == 1

    asyncio.run(run())


def test_a_limit_of_a_former_run_goes_and_another_s_meter_of_such_a_number_stays(ovs: Dummy, tmp_path: Path) -> None:
    limit = Meter(pipeline.QOS_METERS + 45, 5_000, 4_000, "kbps")
    limited = Flow(table=6, priority=2, actions=f"meter:{limit.id},resubmit(,7)")
    foreign = pipeline.QOS_METERS + 46
    ovs.ofctl("add-meter", BRIDGE, f"meter={foreign},kbps,burst,band=type=drop,rate=7,burst_size=7")

    async def run() -> None:
        async with agent(ovs, tmp_path) as first:
            await first.want(limited, meters=(limit,))
            assert f"meter={limit.id} kbps" in ovs.ofctl("dump-meters", BRIDGE)
        async with agent(ovs, tmp_path) as second:
            await second.want(METERED, meters=(METER,))
        meters = ovs.ofctl("dump-meters", BRIDGE)
        assert f"meter={limit.id} " not in meters and f"meter={foreign} " in meters

    asyncio.run(run())
    ovs.ofctl("del-meter", BRIDGE, f"meter={foreign}")


def test_a_meter_that_went_unseen_is_made_again_for_the_flows_that_need_it(ovs: Dummy, tmp_path: Path) -> None:
    async def run() -> None:
        async with agent(ovs, tmp_path) as one:
            await one.want(*FLOWS, meters=(METER,))
            ovs.ofctl("del-meters", BRIDGE)  # of a meter that no flow uses nobody is told
            await one.want(*FLOWS, METERED, meters=(METER,))
            assert f"meter={METER.id}" in ovs.ofctl("dump-meters", BRIDGE)
            assert METERED.actions in dump(ovs)

    asyncio.run(run())


def test_a_flow_that_becomes_unwanted_before_all_is_known_goes_later(ovs: Dummy, tmp_path: Path) -> None:
    async def run() -> None:
        async with agent(ovs, tmp_path, knows_all=False) as only:
            await only.want(*FLOWS)
            await only.want(FLOWS[0])
            assert dump(ovs).count("in_port=1") == 3
            only.wanted.knows_all = True
            await only.want(FLOWS[0])
            assert dump(ovs).count("in_port=1") == 1

    asyncio.run(run())


def test_a_flow_that_others_delete_or_change_is_written_again(ovs: Dummy, tmp_path: Path) -> None:
    async def run() -> None:
        async with agent(ovs, tmp_path) as only:
            await only.want(*FLOWS)
            before = dump(ovs)
            for command, flow in (("del-flows", ""), ("mod-flows", ",actions=output:2")):
                ovs.ofctl(command, BRIDGE, f"table=5{flow}")
                async with asyncio.timeout(30):
                    while dump(ovs) != before:
                        await asyncio.sleep(0.02)

    asyncio.run(run())

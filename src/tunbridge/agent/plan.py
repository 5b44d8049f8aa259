"""`tunbridge agent --plan`: what the agent would do on this host now, without doing it."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec
from msgspec import Struct

from tunbridge import log
from tunbridge.agent import netlink
from tunbridge.agent.cloud import Cloud, cloud_of
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.local import LocalOvsdb
from tunbridge.agent.sub_ports import SubPorts
from tunbridge.agent.wanted import LocalOf, relevant_devices, wanted_host
from tunbridge.dataplane import diff, flows
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.host import WantedHost
from tunbridge.dataplane.local import Local
from tunbridge.dataplane.problems import Problem
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.rows import Snapshot

CONNECT_TIMEOUT_S = 5.0


class FlowPlan(Struct, frozen=True, kw_only=True):
    """Flows of one bridge that would be added and deleted, as `ovs-ofctl dump-flows` prints them."""

    bridge: str
    add: list[str]
    delete: list[str]


class Plan(Struct, frozen=True, kw_only=True):
    """What would change. `notes`: what to know before; `problems`: what cannot be done, and why."""

    changes: list[str]
    flows: list[FlowPlan]
    notes: list[str]
    problems: list[Problem]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes and not self.flows


def make(config: AgentConfig) -> Plan:
    """Compute the plan; nothing is written anywhere. Raises OvsdbError, OfctlError."""
    log.silence()
    return asyncio.run(_make(config))


async def _make(config: AgentConfig) -> Plan:
    moved = asyncio.Event()
    database = LocalOvsdb(config.ovsdb, None, moved.set)
    cloud = cloud_of(config, log.get(), moved.set, watch_only=True)
    tasks = [asyncio.create_task(database.run()), asyncio.create_task(cloud.run())]
    try:
        if not await _until(moved, lambda: database.connected):
            raise OvsdbError(f"{config.ovsdb}: no OVSDB answers there; is ovsdb-server running?")
        now = database.snapshot()
        wired = _wanted(config, now, cloud)
        desired = Desired(cloud.source)
        cloud.plugged(set(LocalOf()(config, wired, now).workloads))
        complete = await _until(moved, lambda: cloud.complete)
        wired = _wanted(config, now, cloud)
        desired.set_local(_local(config, wired, now, cloud))
        delta = desired.run()
        nics = await asyncio.to_thread(netlink.read, relevant_devices(wired, now))
        found = diff.difference(wired, now, nics)
        made = await _plan(config, wired, now, found, desired, complete)
        return msgspec.structs.replace(made, problems=[*made.problems, *delta.problems])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _local(config: AgentConfig, wired: WantedHost, now: Snapshot, cloud: Cloud) -> Local:
    local_of, sub_ports = LocalOf(), SubPorts(cloud.source)
    local = local_of(config, wired, now)
    sub_ports.recover(local_of.numbers)
    return sub_ports(local, complete=True)


async def _until(moved: asyncio.Event, condition: Callable[[], bool]) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            while not condition():
                moved.clear()
                await moved.wait()
    return condition()


def _wanted(config: AgentConfig, now: Snapshot, cloud: Cloud) -> WantedHost:
    peers = {p.ip for p in config.peers} | set(cloud.tunnel_ips().values())
    return wanted_host(config, peers, cloud, now)


async def _plan(
    config: AgentConfig, wired: WantedHost, now: Snapshot, found: diff.Difference, desired: Desired, complete: bool
) -> Plan:
    flow_plans = []
    ready = {row.name for row in diff.usable(wired, now)}
    for name in sorted(ready):
        with contextlib.suppress(ofctl.UnreachableError):
            present = flows.parse_dump(await asyncio.to_thread(ofctl.dump_flows, config.ovs_rundir, name))
            d = flows.difference(desired.flows(name), present)
            delete = [f.dump_line() for f in d.delete] if complete else []
            if d.add or delete:
                flow_plans.append(FlowPlan(bridge=name, add=[f.dump_line() for f in d.add], delete=delete))
    notes = [_emptied(config.ovs_rundir, bridge) for bridge in found.emptied]
    notes += [f"bridge {b.name} gets its base flows after that" for b in wired.bridges if b.name not in ready]
    if not complete:
        notes.append("the central database does not answer: flows of networks are not compared, and would stay")
    return Plan(changes=[c.text for c in found.changes], flows=flow_plans, notes=notes, problems=found.problems)


def _emptied(rundir: str, bridge: str) -> str:
    try:
        count = len(flows.foreign_flows(flows.parse_dump(ofctl.dump_flows(rundir, bridge))))
    except ofctl.UnreachableError:
        return f"Open vSwitch empties the flows of {bridge} for this"
    return (
        f"Open vSwitch empties the flows of {bridge} for this; the {count} that are not ours are saved before and"
        " restored in the same step"
    )

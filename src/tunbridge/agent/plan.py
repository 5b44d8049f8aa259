"""`tunbridge agent --plan`: what the agent would do on this host now, without doing it."""

import time

import ovs.poller
from msgspec import Struct

from tunbridge.agent import devices
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.flowkeeper import preview
from tunbridge.agent.loop import host_spec, relevant_devices
from tunbridge.dataplane import changes, flows, host
from tunbridge.dataplane.changes import Problem
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.ovsdb import LocalOvsdb, OvsdbError
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
    now = _read(config.ovsdb)
    wanted = host.wanted(host_spec(config, [p.ip for p in config.peers]))
    found = changes.difference(wanted, now, devices.read(relevant_devices(wanted, now)))
    flow_plans = [
        FlowPlan(bridge=name, add=[f.dump_line() for f in d.add], delete=[f.dump_line() for f in d.delete])
        for name, d in preview(config.ovs_rundir, wanted, now).items()
        if d
    ]
    notes = [_emptied(config.ovs_rundir, bridge) for bridge in found.emptied]
    ready = {row.name for row in changes.usable(wanted, now)}
    notes += [f"bridge {b.name} gets its base flows after that" for b in wanted.bridges if b.name not in ready]
    return Plan(changes=[c.text for c in found.changes], flows=flow_plans, notes=notes, problems=found.problems)


def _read(remote: str) -> Snapshot:
    """Read the local OVSDB once."""
    database = LocalOvsdb(remote)
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            database.run()
            if database.connected:
                return database.snapshot()
            poller = ovs.poller.Poller()
            database.wait(poller)
            poller.timer_wait_until(int(deadline * 1000))
            poller.block()
    finally:
        database.close()
    raise OvsdbError(f"{remote}: no OVSDB answers there; is ovsdb-server running?")


def _emptied(rundir: str, bridge: str) -> str:
    try:
        count = len(flows.foreign_flows(flows.parse_dump(ofctl.dump_flows(rundir, bridge))))
    except ofctl.UnreachableError:
        return f"Open vSwitch empties the flows of {bridge} for this"
    return (
        f"Open vSwitch empties the flows of {bridge} for this; the {count} that are not ours are saved before and"
        " restored in the same step"
    )

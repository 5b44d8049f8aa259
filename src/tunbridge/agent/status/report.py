"""From the agent's state to its `Status`: what it does, what it waits for, and what to do about that."""

import os
from collections.abc import Iterator, Mapping
from enum import Enum
from operator import is_
from typing import TYPE_CHECKING

import msgspec

import tunbridge
from tunbridge.agent.status.document import BridgeStatus, NextHopStatus, PeerStatus, Status, WorkloadStatus, utc_now
from tunbridge.dataplane import names
from tunbridge.dataplane.desired import PortState, Workload
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.openvswitch.rows import InterfaceRow, Snapshot

if TYPE_CHECKING:
    from tunbridge.agent.engine import Agent


def _problem(name: str, interface: InterfaceRow | None) -> str | None:
    """What is wrong with a tunnel port."""
    if interface is None:
        return f"no port {name} yet"
    if interface.error is None and (interface.ofport or 0) <= 0:
        return "Open vSwitch has not made its port yet"
    return interface.error


def _by_kind(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (kind, result), number in sorted(counts.items()):
        found.setdefault(str(kind), {})[result] = number
    return found


class News(Enum):
    """What others may want to know."""

    NOTHING = 0
    COUNTERS = 1
    STATE = 2


class Reporter:
    """Tells how an agent stands. Only the loop may call it, between two steps."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._started = self._since = utc_now()
        self._in_sync = False
        self._state: object = None
        self._counters: object = None
        self._told: tuple[tuple[object, ...], tuple[WorkloadStatus, ...]] | None = None
        """What the workloads' statuses were made of, and these."""
        self._told_of: dict[str, tuple[Workload, PortState | None, str | None, WorkloadStatus]] = {}
        self._now: Snapshot | None = None
        """The last copy of the OVSDB that there was, also while there is none."""

    def news(self) -> "News":
        """What has changed since the last call."""
        agent, record = self._agent, self._agent.record
        if agent.in_sync != self._in_sync:
            self._in_sync = agent.in_sync
            self._since = utc_now()
        state = (
            agent.in_sync, agent.ovsdb.connected, agent.ovsdb.on_manager, agent.config, record.failed_passes,
            record.openflow_reconnects, frozenset(agent.listener.datapath_ids), agent.error, agent.refused,
            agent.restarting, frozenset(agent.lost), agent.cloud.complete, agent.cloud.problem, tuple(agent.problems),
            id(agent.port_status.reported), agent.packet_ins.neighbours.silent, len(record.last) and record.last[-1],
        )  # fmt: skip
        counters = (
            agent.ovsdb.seqno, record.passes, agent.packet_ins.counts.total(), agent.cutter.cut_so_far,
            agent.metering.readings,
        )  # fmt: skip
        found = News.COUNTERS if counters != self._counters else News.NOTHING
        found = News.STATE if state != self._state else found
        self._state, self._counters = state, counters
        return found

    def status(self) -> Status:
        """Give all that there is to tell."""
        agent, record = self._agent, self._agent.record
        if agent.ovsdb.connected:
            self._now = agent.ovsdb.snapshot()
        return Status(
            version=tunbridge.__version__,
            host=agent.config.host,
            local_ip=agent.config.local_ip,
            tunnel_types=agent.config.tunnel_types,
            pid=os.getpid(),
            started=self._started,
            in_sync=agent.in_sync,
            since=self._since,
            waits_for=[] if agent.in_sync else list(self._waits_for()),
            problems=list(agent.problems),
            ovsdb=self._remote(),
            bridges=list(self._bridges()),
            peers=list(self._peers()),
            workloads=list(self._workloads()),
            silent=[NextHopStatus(address=address, network_id=network) for network, address in self._silent()],
            metered=agent.metering.status(),
            central=agent.cloud.problem,
            repairs=list(record.last),
            later=list(agent.later),
            refused=agent.refused,
            counts=msgspec.structs.replace(
                record.counts(agent.ovsdb.reconnects),
                central_reconnects=agent.cloud.reconnects,
                packets=_by_kind(agent.packet_ins.counts),
                connections_cut=agent.cutter.cut_so_far,
            ),
        )

    def _silent(self) -> list[tuple[str, str]]:
        """Next hops that do not answer, of those of which a route has several."""
        return sorted(self._agent.packet_ins.neighbours.silent & frozenset(self._agent.desired.alternatives))

    def _remote(self) -> str | None:
        ovsdb = self._agent.ovsdb
        if not ovsdb.connected:
            return None
        return ovsdb.manager_remote if ovsdb.on_manager else ovsdb.remote

    def _bridges(self) -> Iterator[BridgeStatus]:
        agent = self._agent
        for bridge in agent.wanted().bridges:
            yield BridgeStatus(
                name=bridge.name,
                connected=self._is_connected(bridge.name),
                flows=agent.bridges[bridge.name].count if bridge.name in agent.bridges else 0,
            )

    def _is_connected(self, bridge: str) -> bool:
        row = self._now.bridges.get(bridge) if self._now is not None else None
        return row is not None and row.datapath_id in self._agent.listener.datapath_ids

    def _peers(self) -> Iterator[PeerStatus]:
        bridge = self._now.bridges.get(names.TUNNEL_BRIDGE) if self._now is not None else None
        ports = {p.name: p.interfaces[0] for p in bridge.ports if p.interfaces} if bridge is not None else {}
        for peer in self._agent.peers():
            tunnels = [names.tunnel_port(type, peer.ip) for type in self._agent.config.tunnel_types]
            problems = [problem for name in tunnels if (problem := _problem(name, ports.get(name))) is not None]
            yield PeerStatus(host=peer.host, ip=peer.ip, port=tunnels[0], problem=next(iter(problems), None))

    def _workloads(self) -> tuple[WorkloadStatus, ...]:
        """Made anew only when the workloads, their states or what was reported are other objects than before."""
        desired = self._agent.desired
        workloads = {} if desired.local is None else desired.local.workloads
        made_of = (workloads, desired.states, self._agent.port_status.reported)
        if self._told is None or not all(map(is_, self._told[0], made_of)):
            self._told_of = {id: told for id, told in self._told_of.items() if id in workloads}
            self._told = (made_of, tuple(self._each_workload(*made_of)))
        return self._told[1]

    def _each_workload(
        self, workloads: Mapping[str, Workload], states: Mapping[str, PortState], reported: Mapping[str, str]
    ) -> Iterator[WorkloadStatus]:
        for id in sorted(workloads):
            workload, state, status = workloads[id], states.get(id), reported.get(id)
            told = self._told_of.get(id)
            if told is None or told[0] is not workload or told[1] is not state or told[2] is not status:
                self._told_of[id] = told = (workload, state, status, self._workload(workload, state, status))
            yield told[3]

    def _workload(self, workload: Workload, state: PortState | None, reported: str | None) -> WorkloadStatus:
        port = self._agent.cloud.source.port(workload.port_id)
        return WorkloadStatus(
            port_id=workload.port_id,
            device=workload.name,
            network_id=port.network_id if port is not None else None,
            status=reported or "DOWN",
            reason=self._agent.port_status.waits_for(workload.port_id) or state.reason
            if state is not None
            else "not known to the central database",
        )

    def _waits_for(self) -> Iterator[Problem]:
        """Name what is missing, from the bottom up: what depends on the first thing is told only when that is there."""
        agent = self._agent
        if not agent.ovsdb.connected:
            message = "does not answer; is ovsdb-server running? (systemctl status ovsdb-server)"
            yield Problem(code=Code.OVSDB_SILENT, subject=f"OVSDB {agent.config.ovsdb}", message=message)
            return
        if not agent.cloud.complete:
            message = (
                f"is not loaded yet ({agent.cloud.problem or 'rows are on their way'}): nothing is deleted before it is"
            )
            yield Problem(code=Code.CENTRAL_LOADING, subject="the central database", message=message)
        if agent.restarting:
            message = "is under way, or was killed and is finished by the agent as soon as ovs-vswitchd answers"
            yield Problem(code=Code.OVS_RESTARTING, subject="a planned restart of Open vSwitch", message=message)
        if agent.repairs.slowed:
            message = (
                "keeps undoing what the agent does, so the agent makes one repair a second; the last repairs say what;"
                " look for a second agent"
            )
            yield Problem(code=Code.FOUGHT, subject="another process", message=message)
        if agent.error is not None:
            yield Problem(
                code=Code.APPLY_FAILED,
                subject="the last pass",
                message=f"failed and is tried again every second: {agent.error}",
            )
        for bridge in agent.bridges.values():
            if bridge.error is not None:
                message = f"were not written and are tried again every second: {bridge.error}"
                yield Problem(code=Code.FLOWS_REFUSED, subject=f"flows of {bridge.name}", message=message)
        wanted = [b.name for b in agent.wanted().bridges]
        down = [name for name in wanted if name in agent.bridges and agent.bridges[name].down]
        now = agent.ovsdb.snapshot()
        for name in sorted(agent.lost) if len(agent.lost) < len(agent.bridges) else ():
            message = (
                f"does not take its flows: {agent.bridges[name].why_lost(now.bridges.get(name))}. Ports that need it"
                " are DOWN, other ones forward"
            )
            yield Problem(code=Code.BRIDGE_SILENT, subject=f"bridge {name}", message=message)
            down = [other for other in down if other != name]
        if down:
            message = f"takes no OpenFlow for {', '.join(down)}; is it running? (systemctl status ovs-vswitchd)"
            yield Problem(code=Code.VSWITCHD_SILENT, subject="ovs-vswitchd", message=message)
            return
        if now.cur_cfg < now.next_cfg:
            message = (
                f"has not yet done what the database says (it did {now.cur_cfg} of {now.next_cfg}); if it stays so:"
                " systemctl status ovs-vswitchd"
            )
            yield Problem(code=Code.VSWITCHD_BEHIND, subject="ovs-vswitchd", message=message)
        there = [name for name in wanted if name in now.bridges and name not in agent.lost]
        missing = [name for name in there if not self._is_connected(name)]
        if missing:
            message = f"not yet connected to the agent at {agent.config.controller}; Open vSwitch calls every 1 to 3 s"
            yield Problem(code=Code.CONTROLLER_UNCONNECTED, subject=", ".join(missing), message=message)
        if agent.ovsdb.manager_remote is not None and not agent.ovsdb.on_manager:
            message = "does not answer yet; if it stays so, another process has that port (ss -ltnp), or set manager"
            yield Problem(code=Code.MANAGER_SILENT, subject=f"manager {agent.config.manager}", message=message)

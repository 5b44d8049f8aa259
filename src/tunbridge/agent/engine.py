"""The agent of one host: sources tell what happened, one pass at a time brings the host in order, nothing blocks.

    local OVSDB --+                       +--> one transaction for bridges, ports, tags (local OVSDB)
    central DB  --+--> kick --> pass ---->+--> what changed of each bridge's flows --> its own task, one bundle
    devices     --+                       +--> port status, when its bridges have acknowledged (central DB)
    SIGHUP      --+
Stopping changes nothing on the host: traffic goes on as it is.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tunbridge.agent import netlink
from tunbridge.agent.announcements import Announcements
from tunbridge.agent.bridges import PATIENCE_S, BridgeFlows, Hooks
from tunbridge.agent.cloud import Cloud, cloud_of
from tunbridge.agent.config import AgentConfig, Peer, manager_remote, metrics_address, reloaded
from tunbridge.agent.conntrack import Cutter
from tunbridge.agent.flow_restore_wait import Rescue
from tunbridge.agent.liveness import Liveness
from tunbridge.agent.local import LocalOvsdb
from tunbridge.agent.metering import Metering
from tunbridge.agent.packet_in import PacketIns
from tunbridge.agent.port_status import PortStatus
from tunbridge.agent.repairs import Repairs
from tunbridge.agent.saved import SavedFlows
from tunbridge.agent.status.answer import Answering
from tunbridge.agent.status.bulletin import BEAT_S, Bulletin
from tunbridge.agent.status.record import Record
from tunbridge.agent.status.report import News, Reporter
from tunbridge.agent.sub_ports import SubPorts
from tunbridge.agent.traffic_log import TrafficLog
from tunbridge.agent.wanted import LocalOf, relevant_devices, responder_settings, uplinks
from tunbridge.agent.wiring import InOrder, Wanted, same_wiring
from tunbridge.configuration import ConfigurationError
from tunbridge.dataplane import diff, names, queues
from tunbridge.dataplane.conntrack import Cut
from tunbridge.dataplane.desired import ROOT, Desired, Owner
from tunbridge.dataplane.features import mirror
from tunbridge.dataplane.flows import Flow, FlowError, FlowKey
from tunbridge.dataplane.host import WantedHost
from tunbridge.dataplane.local import Local
from tunbridge.dataplane.nics import NicState
from tunbridge.dataplane.port_settings import Checked
from tunbridge.dataplane.problems import Problem
from tunbridge.dataplane.responders import Kind, arp
from tunbridge.log import Log
from tunbridge.notify import Notifier
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.ofctl import OfctlError
from tunbridge.openvswitch.openflow import Add, Delete, Refused
from tunbridge.openvswitch.openflow.listener import Listener
from tunbridge.openvswitch.rows import Snapshot

if TYPE_CHECKING:
    from tunbridge.agent.metadata.proxy import MetadataProxy
    from tunbridge.agent.metrics import MetricsServer

ERROR_RETRY_S = 1.0
PUBLISH_S = 0.25
APPLY_S = 10.0
"""How long vswitchd may take to do what the database says, where flows are emptied on the way."""


class Agent:
    """The agent of one host. `reload` reads the configuration anew on SIGHUP."""

    def __init__(self, config: AgentConfig, log: Log, reload: Callable[[], AgentConfig] | None = None) -> None:
        self.config = config
        self.log = log
        self.listener = Listener(config.controller, self._suspect_nothing)
        remote = None if config.manager is False else manager_remote(config.manager)
        self.ovsdb = LocalOvsdb(config.ovsdb, remote, self.kick)
        self.record = Record()
        self.saved = SavedFlows(Path(config.state_dir))
        self.cloud: Cloud = cloud_of(config, log, self.kick)
        self.desired = Desired(self.cloud.source)
        self.sub_ports = SubPorts(self.cloud.source)
        self.bridges: dict[str, BridgeFlows] = {}
        self.lost: set[str] = set()
        """Bridges whose flows are missing and cannot be put back."""
        self.port_status = PortStatus(self.cloud.report)
        self.packet_ins = PacketIns(
            self.desired,
            self.cloud.source,
            self._packet_out,
            log,
            responder_settings(config),
            config.resolvers,
            self.cloud.locate,
            self._look_again,
            TrafficLog(self.desired, self.cloud.source, config.network_log, log),
        )
        self.metadata = self._make_metadata()
        self.liveness = Liveness(self._look_again, config.bfd_interval, config.tunnel_types[0])
        self.announcements = Announcements(self.desired, self.packet_ins.wires)
        self.cutter = Cutter(config.ovs_rundir, log)
        self.metering = Metering(self.desired, self.cloud.source, config, self._has_all, log)
        self.notifier = Notifier()
        self.in_sync = False
        self.problems: list[Problem] = []
        self._wanted = Wanted()
        self.error: str | None = None
        """Why the last pass could not be finished."""
        self.repairs = Repairs(log)
        self.later: list[str] = []
        self.refused: str | None = None
        self.restarting = False
        """Whether a planned restart of Open vSwitch is under way, or was killed and has to be finished."""
        self._rescue = Rescue(config, log)
        self.reporter = Reporter(self)
        self.bulletin = Bulletin(self.reporter.status())
        self._publishing: asyncio.TimerHandle | None = None
        self._reload = reload
        self._kicked = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._nics: dict[str, NicState] | None = None
        self._dirty_since: float | None = time.monotonic()
        self._finished = False
        """Whether the last pass left nothing to do in the database."""
        self._generation = 0
        self._plugged: Local | None = None
        """What the host has, with all workloads; those that the central database knows are in `desired.local`."""
        self._local_of = LocalOf()
        self._looked_at: tuple[WantedHost, Snapshot] | None = None
        """What `_plugged` was made of."""
        self._usable: set[str] = set()
        """Bridges that we made or have taken over."""
        self._checked_ports = Checked()
        self._knows_all = False
        """Whether the flows were worked out of everything that this host needs of the central database."""
        self._judged = False
        self._in_order = InOrder()
        self._passing = False
        self._ovsdb_since: float | None = None
        """Since when the local OVSDB is connected, as the passes have seen it."""
        self._ready = False
        self._started = time.monotonic()

    def _make_metadata(self) -> "MetadataProxy | None":
        """The metadata service, where it is wanted and the database tells of VMs."""
        if not (self.config.metadata.enabled and self.config.database):
            return None
        from tunbridge.agent.metadata.proxy import MetadataProxy  # late: a host that stands alone does without

        def send(frame: bytes, ofport: int) -> None:
            self._packet_out(names.INTEGRATION_BRIDGE, frame, ofport)

        made = MetadataProxy(self.config, self.desired, self.cloud, send, self.log)
        self.packet_ins.connections[Kind.metadata] = made.take
        return made

    # Sources

    def kick(self) -> None:
        """Have a pass made soon: something may have changed."""
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()
        self._kicked.set()

    def _suspect_nothing(self) -> None:
        """A bridge called, or went: only whether all are connected has changed."""
        self.record.channels(self.listener.datapath_ids)
        self.kick()

    def _devices_changed(self) -> None:
        self._nics = None
        self.kick()

    # The loop

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises OpenFlowError, MetricsError: an address of ours is taken."""
        await self.listener.start()  # first: without it nothing may be changed
        metrics = _metrics(self.config, self.bulletin)
        answering = Answering(self.config.run_dir, self.bulletin, self.log)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._take_config)
        monitor = netlink.DeviceMonitor(self._devices_changed)
        self.log.info("started", host=self.config.host, local_ip=self.config.local_ip, ovsdb=self.config.ovsdb)
        try:
            for source in (
                self.ovsdb.run,
                self.cloud.run,
                self._passes,
                self._beat,
                self.packet_ins.run,
                self.packet_ins.neighbours.run,
                self.packet_ins.locations.run,
                self.metering.run,
            ):
                self._spawn(source())
            await self._stop.wait()
        finally:
            self.notifier.send("STOPPING=1")
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks, timeout=1.0)
            monitor.close()
            if self.metadata is not None:
                await self.metadata.close()
            self.packet_ins.name_server.close()
            self.listener.close()
            answering.close()
            if metrics is not None:
                metrics.close()
            self.log.info("stopped", host=self.config.host)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task for as long as the agent runs; one that ends by a mistake of ours ends the agent."""
        task: asyncio.Task[None] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("a task of the agent failed; the agent ends and is started again", exc_info=error)
            self._stop.set()

    async def _beat(self) -> None:
        """Feed systemd's watchdog, and note that the loop runs."""
        while True:
            self.bulletin.beat()
            self.notifier.run()
            if not self._passing:  # counters of packets, which cause no pass; half a pass is no state to tell
                self._publish()
            await asyncio.sleep(self.notifier.interval_s or BEAT_S)

    async def _finish_restart(self) -> None:
        """Finish a planned restart of Open vSwitch whose caller was killed: in a thread, since it blocks."""
        while await asyncio.to_thread(self._rescue.run):
            await asyncio.sleep(Rescue.PAUSE_S)
        self.restarting = False
        for bridge in self.bridges.values():
            bridge.suspect()
        self.kick()

    async def _passes(self) -> None:
        while True:
            await self._kicked.wait()
            self._kicked.clear()
            self._passing = True
            await self._pass()
            self._passing = False
            self._publish()

    def _publish(self) -> None:
        """Let others know how it stands: at once when that changed, a little later when only counters did."""
        news = self.reporter.news()
        if news is News.STATE:
            self._publish_now()
        elif news is News.COUNTERS and self._publishing is None:
            self._publishing = asyncio.get_running_loop().call_later(PUBLISH_S, self._publish_now)

    def _publish_now(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        self.bulletin.publish(self.reporter.status())

    # A pass

    async def _pass(self) -> None:
        if not self.ovsdb.connected:
            self.in_sync = False
            self._finished = False
            self._ovsdb_since = None
            return
        self._ovsdb_since = self._ovsdb_since or time.monotonic()
        self.record.passes += 1
        if not self.restarting and self._rescue.is_needed(self.ovsdb.snapshot()):
            self.restarting = True
            self._spawn(self._finish_restart())
        try:
            self._finished = await self._order()
        except (OvsdbError, OfctlError, FlowError, OSError) as e:  # OSError: flows cannot be saved, the disk is full
            if str(e) != self.error:
                self.log.error("not done, tried again", error=str(e))
            self.error = str(e)
            self.record.failed_passes += 1
            self._finished = False
            for bridge in self.bridges.values() if isinstance(e, FlowError) else ():
                bridge.suspect()  # its task puts saved flows aside that cannot be read
            asyncio.get_running_loop().call_later(ERROR_RETRY_S, self.kick)
            return
        self.error = None
        self._settled()

    async def _order(self) -> bool:
        """Bring the database in order, then work out the flows. True when nothing is left to do in the database."""
        now = self.ovsdb.snapshot()
        wanted = self.wanted(now)
        difference = await self._difference(wanted, now)
        if difference.changes and self.repairs.pause_s() == 0:
            await self._change(difference)
            self.kick()
        elif difference.changes:
            asyncio.get_running_loop().call_later(ERROR_RETRY_S, self.kick)
        now = self.ovsdb.snapshot()
        self._keep_bridges(wanted, now)
        problems = [*difference.problems, *self._flows(wanted, now)]
        problems += await self._write_queues(now)
        self._report_problems(problems)
        await self._write_ports(now)
        return not difference.changes

    async def _difference(self, wanted: WantedHost, now: Snapshot) -> diff.Difference:
        """What differs in the wiring. Most events do not concern it: then the last comparison still holds."""
        if self._nics is not None and (problems := self._in_order.problems(wanted, now)) is not None:
            return diff.Difference(changes=[], problems=problems)
        found = diff.difference(wanted, now, await self._nic_states(wanted, now))
        if found.changes:
            self._in_order.forget()
        else:
            self._in_order.note(wanted, now, found.problems)
        return found

    def wanted(self, now: Snapshot | None = None) -> WantedHost:
        """What the host shall look like."""
        peers = {peer.ip for peer in self.config.peers}.union(self.cloud.tunnel_ips().values())
        return self._wanted(self.config, peers, self.cloud, now)

    def peers(self) -> list[Peer]:
        """The other hosts: those of the configuration, and those of the central database."""
        static = {peer.ip: peer for peer in self.config.peers}
        known = {ip: Peer(host=name, ip=ip) for name, ip in self.cloud.tunnel_ips().items()}
        return [peer for ip, peer in sorted((static | known).items()) if ip != self.config.local_ip]

    async def _nic_states(self, wanted: WantedHost, now: Snapshot) -> dict[str, NicState]:
        names = relevant_devices(wanted, now)
        if self._nics is None or self._nics.keys() != names:
            self._nics = await asyncio.to_thread(netlink.read, names) if names else {}
        return self._nics

    async def _change(self, difference: diff.Difference) -> None:
        """Commit all changes as one transaction; wait for it only where flows are emptied on the way."""
        for bridge in sorted({*difference.emptied, *difference.released}):
            count = await asyncio.to_thread(self.saved.save_from, self.config.ovs_rundir, bridge)
            self.log.info("flows saved, Open vSwitch is going to empty the bridge", bridge=bridge, flows=count)
        next_cfg = await self.ovsdb.transact(difference.operations, comment="tunbridge agent")
        self.repairs.note()
        self.record.changed(difference.changes)
        took = _ms_since(self._dirty_since)
        for change in difference.changes:
            self.log.info("changed", what=change.text, took_ms=took)
        if difference.emptied or difference.released:
            await self.ovsdb.applied(next_cfg, APPLY_S)
        for bridge in {*difference.emptied, *difference.released} & self.bridges.keys():
            self.bridges[bridge].suspect()

    # Flows

    def _keep_bridges(self, wanted: WantedHost, now: Snapshot) -> None:
        """Have a task for each bridge that we work with, and for each that waits for its saved flows."""
        self._usable = {row.name for row in diff.usable(wanted, now)}
        names = set(self._usable)
        for name in self.saved.bridges():
            if name in now.bridges:
                names.add(name)
            else:
                self.saved.done(name)  # the bridge was deleted meanwhile, with its flows
        for name in self.bridges.keys() - names:
            self.lost.discard(name)
            if (task := self.bridges.pop(name).task) is not None:
                task.cancel()
        for name in names - self.bridges.keys():
            made = BridgeFlows(name, self.config.ovs_rundir, self.saved, self.log, self._hooks())
            made.task = self._spawn(made.run())
            self.bridges[name] = made

    def _hooks(self) -> Hooks:
        return Hooks(
            wanted=self._wanted_flows,
            meters=self.desired.meters,
            owner=self._owner,
            may_sweep=self._has_all,
            may_restore=self._is_applied,
            slow_s=self.repairs.pause_s,
            drifted=self._drifted,
            changed=self._flows_changed,
            refused=self._flows_refused,
            settled=self._bridge_settled,
            lost=self._bridge_lost,
            dumped=self._bridge_dumped,
            packet_in=self.packet_ins.take,
        )

    def _packet_out(self, bridge: str, data: bytes, out: int | str, in_port: int | None = None) -> None:
        if isinstance(out, int) and bridge == names.INTEGRATION_BRIDGE:
            out = mirror.by_copies(self.desired.flows(bridge), out) or out
        if isinstance(out, int) and (trunk := self.sub_ports.by_number(out)) is not None:
            data, out = arp.tagged(data, trunk.vlan), trunk.ofport
        if (there := self.bridges.get(bridge)) is not None:
            there.packet_out(data, out, in_port)

    def _wanted_flows(self, bridge: str) -> Mapping[FlowKey, Flow]:
        """What is wanted in a bridge: nothing of ours in one that only waits to be given back."""
        return self.desired.flows(bridge) if bridge in self._usable else {}

    def _is_applied(self, _bridge: str) -> bool:
        now = self.ovsdb.snapshot() if self.ovsdb.connected else None
        return now is not None and now.cur_cfg >= now.next_cfg

    def _flows(self, wanted: WantedHost, now: Snapshot) -> list[Problem]:
        """Work out what flows are wanted now, and hand each bridge what changed."""
        seen = self._looked_at
        if seen is None or seen[0] != wanted or not same_wiring(seen[1], now):
            self._plugged = self._local_of(self.config, wanted, now)
            self._looked_at = (wanted, now)
        found, problems = self._plugged, self._local_of.problems
        assert found is not None
        touched = self.cloud.take_touched()
        self.sub_ports.recover(self._local_of.numbers)
        self.sub_ports.touch(touched)
        found = self.sub_ports(found, self.cloud.complete)
        self.cloud.plugged(found.workloads.keys() | self._local_of.coming)
        # One that the central database has not answered for yet keeps the flows and the tag that it has.
        local = found
        if unknown := self.cloud.unknown(found.workloads.keys()):
            known = {id: workload for id, workload in found.workloads.items() if id not in unknown}
            local = msgspec.structs.replace(found, workloads=known)
        complete = self.cloud.complete
        more = self.cloud.take_touched()
        if self.sub_ports.touch(more):
            self.kick()
        touched |= more
        self.desired.touch(touched)
        self.packet_ins.touch(touched)
        nics = {bridge.name: bridge.nics for bridge in wanted.bridges if bridge.nics}
        self.liveness.look(now, nics, not self.lost.isdisjoint(wanted.provider_bridges))
        vouching = self.packet_ins.vouching
        dead, is_cut_off = vouching.judge(self.liveness.dead, local.host), self.liveness.is_cut_off
        told = msgspec.structs.replace(
            local, dead=dead, vouched=vouching.vouched, is_cut_off=is_cut_off, silent=self.packet_ins.neighbours.silent
        )
        self.desired.set_local(told)
        delta = self.desired.run()
        self._knows_all = complete
        self._generation += 1
        for name, bridge in self.bridges.items():
            bridge.update(self._generation, delta.flows.get(name, ()), delta.meters.get(name, ()))
        self.port_status.expect(self._generation, self.desired.states)
        self.announcements.expect(self._generation)
        self.cutter.expect(self._generation, [*delta.cuts, *self._revoked_meanwhile()])
        return [*problems, *delta.problems]

    def _revoked_meanwhile(self) -> list[Cut]:
        """Once, when all rows are there: every connection is judged, for what was revoked while no agent ran."""
        if self._judged or not self.cloud.complete or not self.desired.vlans:
            return []
        self._judged = True
        return self.desired.zones()

    def _look_again(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self.kick)

    def _has_all(self) -> bool:
        return self._knows_all and self.cloud.complete

    def _watched(self) -> set[str]:
        """Tunnel addresses of the hosts that this one has BFD sessions with."""
        names, ips = set(self.desired.watched), self.cloud.tunnel_ips()
        return set(ips.values()) if self.config.host in names else {ip for name, ip in ips.items() if name in names}

    async def _write_queues(self, now: Snapshot) -> Sequence[Problem]:
        """Give NICs the queues of ports with a minimum bandwidth."""
        found = queues.difference(self.desired.queues, uplinks(self.config), now, self._knows_all)
        if found.changes and self.repairs.pause_s() == 0:
            await self._change(found)
            self.kick()
        return found.problems

    async def _write_ports(self, now: Snapshot) -> None:
        """Write tag and other_config of the workloads' ports, as Neutron's agent does."""
        operations = self._checked_ports.difference(now, self.desired.ports)
        operations += self.liveness.changes(now, self._watched()) if self.cloud.complete else []
        if operations:
            await self.ovsdb.transact(operations, comment="tunbridge agent: ports", raise_cfg=False)

    def _drifted(self) -> None:
        """Another process changed flows of ours."""
        self.in_sync = False
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()

    def _flows_changed(self, bridge: str, added: int, deleted: int, repair: bool) -> None:
        if repair:
            self.repairs.note()
        self.record.flows(bridge, added, deleted, repair)
        self.log.info("flows", bridge=bridge, added=added, deleted=deleted)

    def _owner(self, bridge: str, key: FlowKey) -> Owner | None:
        """Whose flow it is, where a refusal of one of them is to leave out the others."""
        owners = self.desired.owners_of(bridge, key)
        return owners[0] if len(owners) == 1 and owners[0] != ROOT else None

    def _flows_refused(self, bridge: str, refused: Sequence[Refused]) -> None:
        """Take out what caused it: one bad port must not keep the others from their flows."""
        for each in refused:
            change = each.change
            if isinstance(change, Add):
                told = change.flow.add_line() if isinstance(change.flow, Flow) else str(change.flow)
                self.log.error("flow refused", bridge=bridge, flow=told, error=each.error)
                for owner in self.desired.owners_of(
                    bridge, (change.flow.table, change.flow.priority, change.flow.match)
                ):
                    self.desired.refuse(owner, f"Open vSwitch refuses {told}: {each.error}")
            elif not isinstance(change, Delete):
                self.log.error("refused", bridge=bridge, what=" ".join(map(str, change)), error=each.error)
        self.kick()

    # Reporting

    def _bridge_settled(self, bridge: str) -> None:
        """A bridge has acknowledged what was wanted of it."""
        if bridge in self.lost:
            self.lost.discard(bridge)
            self.kick()
            self.log.info("the bridge has its flows again", bridge=bridge)
        done = self._done()
        self.port_status.acknowledged(done, self.lost)
        self.announcements.acknowledged(done)
        # While rows are missing, or not believed, their permits are missing too: connections are judged later.
        if self._knows_all and (cuts := self.cutter.acknowledged(done)):
            self._spawn(self.cutter.cut(cuts, self.desired))
        self.packet_ins.settled()
        self._settled()
        self._publish()

    def _done(self) -> dict[str, int]:
        """Bridge -> the generation of flows that it has."""
        return {name: bridge.done for name, bridge in self.bridges.items()}

    def _bridge_dumped(self, bridge: str, there: Sequence[Flow]) -> Sequence[Flow]:
        return self.cutter.severed.seen(there) if bridge == names.INTEGRATION_BRIDGE else ()

    def _bridge_lost(self, bridge: str) -> None:
        """A bridge's flows are missing, and cannot be put back.

        Without its database, and for a second afterwards, vswitchd does not answer either, but forwards.
        """
        since = self._ovsdb_since
        if bridge in self.lost or since is None or time.monotonic() - since < PATIENCE_S:
            return
        self.lost.add(bridge)
        reason = self.bridges[bridge].why_lost(self.ovsdb.snapshot().bridges.get(bridge))
        self.log.error("flows are missing, ports that need the bridge are DOWN", bridge=bridge, reason=reason)
        self.port_status.acknowledged(self._done(), self.lost)
        self.kick()
        self._publish()

    def _settled(self) -> None:
        """Note whether the host is in order."""
        if not (self._finished and all(b.idle and not b.down for b in self.bridges.values()) and self._connected()):
            self.in_sync = False
            return
        took = _ms_since(self._dirty_since)
        self._dirty_since = None
        self.record.in_sync(took / 1000)
        if self.in_sync:
            return
        self.in_sync = True
        if not self._ready:
            self._ready = True
            self.notifier.send("READY=1")
            self.log.info("in sync", took_ms=_ms_since(self._started), problems=len(self.problems))
        else:
            self.log.debug("in sync", took_ms=took)
        self.notifier.send(f"STATUS=in sync, {len(self.problems)} problems" if self.problems else "STATUS=in sync")

    def _connected(self) -> bool:
        """Whether every bridge has called, and the OVSDB connection is where it belongs."""
        if not self.ovsdb.connected:
            return False
        now = self.ovsdb.snapshot()
        ids = {row.datapath_id for row in diff.usable(self.wanted(now), now)}
        on_manager = self.ovsdb.manager_remote is None or self.ovsdb.on_manager
        return on_manager and None not in ids and ids <= self.listener.datapath_ids

    def _report_problems(self, problems: list[Problem]) -> None:
        """Log each problem once while it lasts."""
        for problem in problems:
            if problem not in self.problems:
                self.log.error("problem", code=problem.code, subject=problem.subject, message=problem.message)
        for problem in self.problems:
            if problem not in problems:
                self.log.info("problem solved", subject=problem.subject)
        self.problems = problems

    # Configuration

    def _take_config(self) -> None:
        """Read the configuration again; a wrong one changes nothing."""
        if self._reload is None:
            return
        try:
            new = self._reload()
        except ConfigurationError as e:
            self.log.error("configuration not taken, the old one stays", error=str(e))
            self.refused = str(e)
            self._publish()
            return
        self.config, later = reloaded(self.config, new)
        if later:
            self.log.warning("these settings wait for a restart", settings=",".join(later))
        self.cloud.configure(self.config)
        self.packet_ins.configure(responder_settings(self.config), self.config.resolvers)
        self.later, self.refused = later, None
        self.record.expect()
        self.log.info("configuration taken")
        self.kick()


async def serve(config: AgentConfig, log: Log, reload: Callable[[], AgentConfig]) -> None:
    """Run the agent of this host until it is told to end. Raises OpenFlowError, MetricsError."""
    await Agent(config, log, reload).run()


def _metrics(config: AgentConfig, bulletin: Bulletin) -> "MetricsServer | None":
    if config.metrics is False:
        return None
    from tunbridge.agent.metrics import MetricsServer  # late: most hosts do without, and it takes memory

    return MetricsServer(metrics_address(config.metrics), bulletin)


def _ms_since(moment: float | None) -> int:
    return 0 if moment is None else round((time.monotonic() - moment) * 1000)

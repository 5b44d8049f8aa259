"""The loop on a host: observe, compute, apply, report. One thread, woken by events; at rest it does nothing.

What wakes it: a change in the local OVSDB, a message of a bridge on the OpenFlow channel (its flow monitor, or that it
came or went), a change of a network device, of the peers or of the configuration, and a signal.

    started --OVSDB copy complete--> reconcile --+--changes--> one transaction --> reconcile
                                        ^        +--flows differ--> one bundle a bridge
                                        |        +--nothing left, every bridge connected--> in sync (READY=1)
                                        +---------------------any event---------------------------+
Stopping changes nothing on the host: traffic goes on as it is.
"""

import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec
import ovs.poller

from tunbridge.agent import devices
from tunbridge.agent.answer import Answering
from tunbridge.agent.armed import Rescuer, RestartError
from tunbridge.agent.bulletin import Bulletin
from tunbridge.agent.config import AgentConfig, manager_remote, metrics_address
from tunbridge.agent.flowkeeper import FlowKeeper
from tunbridge.agent.log import Log
from tunbridge.agent.notify import Notifier
from tunbridge.agent.peers import PeerSource, StaticPeers
from tunbridge.agent.record import Record
from tunbridge.agent.report import Reporter
from tunbridge.configuration import ConfigurationError
from tunbridge.dataplane import changes, host
from tunbridge.dataplane.flows import FlowError
from tunbridge.dataplane.host import HostSpec, ProviderSpec, WantedHost
from tunbridge.dataplane.nics import NicState
from tunbridge.dataplane.operations import ORIGIN
from tunbridge.openvswitch.ofctl import OfctlError
from tunbridge.openvswitch.openflow import Listener
from tunbridge.openvswitch.ovsdb import LocalOvsdb, OvsdbError
from tunbridge.openvswitch.rows import Snapshot

if TYPE_CHECKING:
    from tunbridge.agent.metrics import MetricsServer
    from tunbridge.agent.registrar import Registrar

RETRY_MS = 50
"""While vswitchd does not answer: between two looks at a bridge's socket."""
SLOW_RETRY_MS, PATIENCE_MS = 250, 5000
"""The same, after it has not answered for that long."""
ERROR_RETRY_MS = 1000
BURST, BURST_S = 50, 10.0
"""More repairs than this in this time mean that somebody keeps undoing them: then at most one pass a second."""
APPLY_TIMEOUT_MS = 10_000
PORTS_WAIT_S = 0.5
"""After a transaction of ours: how long flows may wait for vswitchd to have done it."""
FIXED = (
    "ovsdb", "ovs_rundir", "controller", "state_dir", "log_format", "log_level", "manager", "run_dir", "metrics",
    "metrics_anywhere", "host", "database", "database_tls",
)  # fmt: skip
"""Settings that only a restart changes."""


def host_spec(config: AgentConfig, remote_ips: list[str]) -> HostSpec:
    """Give what the operator wants, in the terms of the data plane."""
    return HostSpec(
        local_ip=config.local_ip,
        tunnel_type=config.tunnel_type,
        remote_ips=tuple(sorted(set(remote_ips))),
        providers=tuple(
            ProviderSpec(physical_network=network, bridge=p.bridge, nics=tuple(p.nics))
            for network, p in sorted(config.providers.items())
        ),
        datapath_type=config.datapath_type,
        manager=None if config.manager is False else config.manager,
        controller=config.controller,
    )


def relevant_devices(wanted: WantedHost, now: Snapshot) -> set[str]:
    """Name the NICs whose addresses decide: those that are configured, and those in a bridge yet to be taken over."""
    names = {nic for b in wanted.bridges for nic in b.nics}
    for bridge in wanted.bridges:
        row = now.bridges.get(bridge.name)
        if row is not None and ORIGIN not in row.external_ids:
            names |= {i.name for p in row.ports for i in p.interfaces if i.type in ("", "system")}
    return names


class Agent:
    """The agent of one host. `reload` gives the configuration anew on SIGHUP."""

    def __init__(
        self, config: AgentConfig, log: Log, peers: PeerSource | None = None,
        reload: Callable[[], AgentConfig] | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.log = log
        self.peers: PeerSource = peers or StaticPeers(config.peers)
        self.listener = Listener(config.controller)  # first: without it nothing may be changed
        remote = None if config.manager is False else manager_remote(config.manager)
        self.ovsdb = LocalOvsdb(config.ovsdb, remote)
        self.record = Record()
        self.flows = FlowKeeper(config.ovs_rundir, Path(config.state_dir), log, self.record)
        self.monitor = devices.DeviceMonitor()
        self.registrar = _registrar(config, log)
        self.notifier = Notifier()
        self.in_sync = False
        self.problems: list[changes.Problem] = []
        self.error: str | None = None
        """Why the last pass could not be finished."""
        self.slowed = False
        """Whether somebody keeps undoing what the agent does."""
        self.later: list[str] = []
        self.refused: str | None = None
        self.reporter = Reporter(self)
        self.bulletin = Bulletin(self.reporter.status())
        self.metrics = _metrics(config, self.bulletin)
        self.answering = Answering(config.run_dir, self.bulletin, log)
        self.restarting = False
        """Whether a planned restart of Open vSwitch is under way, or was killed and has to be finished."""
        self._rescuer = Rescuer(config.ovs_rundir, config.state_dir, log)
        self._reload = reload
        self._nics: dict[str, NicState] | None = None
        self._seqno = -1
        self._dirty_since: float | None = time.monotonic()
        self._not_before_ms = 0
        self._repairs: deque[float] = deque(maxlen=BURST)
        self._patient_until = 0.0
        self._stop = False
        self._hup = False
        self._ready = False
        self._started = time.monotonic()

    # The loop

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        wake = self._catch_signals()
        self.log.info("started", host=self.config.host, local_ip=self.config.local_ip, ovsdb=self.config.ovsdb)
        try:
            while not self._stop:
                self.step()
                poller = ovs.poller.Poller()
                poller.fd_wait(wake.fileno(), ovs.poller.POLLIN)
                self.wait(poller)
                poller.block()
                _drain(wake)
        finally:
            self.notifier.send("STOPPING=1")
            self.close()
            self.log.info("stopped", host=self.config.host)

    def _catch_signals(self) -> socket.socket:
        """Make signals wake the poller through a socket."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._wakeup = sender  # lives as long as the agent
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        return receiver

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._hup = True
        else:
            self._stop = True

    def step(self) -> None:
        """Take in what happened; when something did, bring the host in order."""
        self.bulletin.busy()
        self.notifier.run()
        if self._hup:
            self._hup = False
            self._take_config()
        self._observe()
        if self.restarting or self._dirty_since is not None:
            self._rescue()
        if self._dirty_since is not None and _now_ms() >= self._not_before_ms:
            self._reconcile()
        if self.reporter.run():
            self.bulletin.publish(self.reporter.status())
        self.bulletin.idle()

    def _rescue(self) -> None:
        """Finish a planned restart of Open vSwitch whose caller was killed."""
        before = self.restarting
        try:
            self.restarting = self._rescuer.run(self.ovsdb)
        except (OvsdbError, OfctlError, RestartError, OSError) as e:
            self.log.error("planned restart not finished yet, tried again", error=str(e))
        if before and not self.restarting:
            self.flows.suspect_all()
            self._mark_dirty()

    def _observe(self) -> None:
        self.ovsdb.run()
        if self.registrar is not None:
            self.registrar.run()
        touched = self.listener.run()
        self.record.channels(self.listener.channels)
        if touched:
            self._suspect(touched)
        if self.monitor.run():
            self._nics = None
            self._mark_dirty()
        if self.peers.run():
            self.record.expect()
            self._mark_dirty()
        if self.ovsdb.seqno != self._seqno:
            self._seqno = self.ovsdb.seqno
            self._mark_dirty()

    def _mark_dirty(self) -> None:
        self.in_sync = False
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()
        if not self.slowed:
            self._not_before_ms = 0  # what failed before may succeed now

    def _suspect(self, datapath_ids: set[str]) -> None:
        """Look at the flows of these bridges; of all when an id cannot be told apart."""
        self._mark_dirty()
        if not self.ovsdb.connected:
            self.flows.suspect_all()
            return
        rows = self.ovsdb.snapshot().bridges.values()
        known = {row.datapath_id: row.name for row in rows}
        if datapath_ids <= known.keys() and len(known) == len(rows):
            self.flows.suspect(known[i] for i in datapath_ids)
        else:
            self.flows.suspect_all()

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` wakes for every source of events, and when a retry or the watchdog is due."""
        self.ovsdb.wait(poller)
        self.listener.wait(poller)
        self.monitor.wait(poller)
        self.peers.wait(poller)
        if self.registrar is not None:
            self.registrar.wait(poller)
        if self.restarting:
            poller.timer_wait(Rescuer.PAUSE_MS)
        if self._dirty_since is not None and self.ovsdb.connected:
            poller.timer_wait_until(self._not_before_ms)
        watchdog = self.notifier.deadline_ms()
        if watchdog is not None:
            poller.timer_wait_until(watchdog)

    def close(self) -> None:
        """Let go of every connection; the host stays as it is."""
        self.ovsdb.close()
        self.listener.close()
        self.monitor.close()
        if self.registrar is not None:
            self.registrar.close()
        self.answering.close()
        if self.metrics is not None:
            self.metrics.close()

    # Reconciling

    def _reconcile(self) -> None:
        if not self.ovsdb.connected:
            return
        try:
            finished = self._pass()
        except (OvsdbError, OfctlError, FlowError, OSError) as e:  # OSError: flows cannot be saved, the disk is full
            if str(e) != self.error:
                self.log.error("not done, tried again", error=str(e))
            self.error = str(e)
            self.record.failed_passes += 1
            self._not_before_ms = _now_ms() + ERROR_RETRY_MS
            return
        self.error = None
        if not finished:
            self._not_before_ms = _now_ms() + self._pause_ms()
            return
        self._not_before_ms = 0
        if self._connected():
            self._report_in_sync()
        else:
            self._dirty_since = None  # an event comes when the missing connection does

    def _pass(self) -> bool:
        """Make one transaction, or else one bundle a bridge. True when nothing is left to do."""
        self.record.passes += 1
        wanted = self.wanted()
        now = self.ovsdb.snapshot()
        difference = changes.difference(wanted, now, self._nic_states(wanted, now))
        self._report_problems(difference.problems)
        if difference.changes:
            self._change(difference)
            return self._pass() if not self._fighting() else False
        if now.cur_cfg < now.next_cfg and time.monotonic() < self._patient_until:
            return False  # port numbers are about to come: flows are then written once, not twice
        before = self.flows.repairs
        finished = self.flows.run(wanted, now)
        if self.flows.repairs != before:
            self._repairs.append(time.monotonic())
        return finished

    def wanted(self) -> WantedHost:
        """Work out what the host shall look like."""
        return host.wanted(host_spec(self.config, [p.ip for p in self.peers.peers()]))

    def _nic_states(self, wanted: WantedHost, now: Snapshot) -> dict[str, NicState]:
        names = relevant_devices(wanted, now)
        if self._nics is None or self._nics.keys() != names:
            self._nics = devices.read(names)
        return self._nics

    def _change(self, difference: changes.Difference) -> None:
        """Commit all changes as one transaction; wait for it only where flows are emptied on the way."""
        for bridge in sorted({*difference.emptied, *difference.released}):
            count = self.flows.save(bridge)
            self.log.info("flows saved, Open vSwitch is going to empty the bridge", bridge=bridge, flows=count)
        self.ovsdb.transact(difference.operations, comment="tunbridge agent")
        self._repairs.append(time.monotonic())
        self._patient_until = time.monotonic() + PORTS_WAIT_S
        self.record.changed(difference.changes)
        took = _ms_since(self._dirty_since)
        for change in difference.changes:
            self.log.info("changed", what=change.text, took_ms=took)
        if difference.emptied:
            self._await_applied()

    def _await_applied(self) -> None:
        """Wait until vswitchd has done what the database says, so that nothing is restored only to be emptied."""
        deadline = _now_ms() + APPLY_TIMEOUT_MS
        while _now_ms() < deadline and self.ovsdb.connected:
            now = self.ovsdb.snapshot()
            if now.cur_cfg >= now.next_cfg:
                return
            poller = ovs.poller.Poller()
            self.ovsdb.wait(poller)
            poller.timer_wait_until(deadline)
            poller.block()
            self.ovsdb.run()

    def _pause_ms(self) -> int:
        """How long to wait before the next look: short at first, since vswitchd is mostly back at once."""
        if self._fighting():
            return ERROR_RETRY_MS
        return RETRY_MS if _ms_since(self._dirty_since) < PATIENCE_MS else SLOW_RETRY_MS

    def _fighting(self) -> bool:
        """Whether repairs come so often that somebody must be undoing them."""
        fighting = len(self._repairs) == BURST and time.monotonic() - self._repairs[0] < BURST_S
        if fighting and not self.slowed:
            self.log.warning("somebody keeps undoing the agent's changes; slowing down", repairs=BURST, seconds=BURST_S)
        self.slowed = fighting
        return fighting

    # Reporting

    def _connected(self) -> bool:
        """Whether every bridge has called, and the OVSDB connection is where it belongs."""
        ids = {row.datapath_id for row in changes.usable(self.wanted(), self.ovsdb.snapshot())}
        on_manager = self.ovsdb.manager_remote is None or self.ovsdb.on_manager
        return on_manager and None not in ids and ids <= self.listener.datapath_ids

    def _report_in_sync(self) -> None:
        took = _ms_since(self._dirty_since)
        self.record.in_sync(took / 1000)
        self._dirty_since = None
        self.in_sync = True
        if not self._ready:
            self._ready = True
            self.notifier.send("READY=1")
            self.log.info("in sync", took_ms=_ms_since(self._started), problems=len(self.problems))
        else:
            self.log.debug("in sync", took_ms=took)
        self.notifier.send(f"STATUS=in sync, {len(self.problems)} problems" if self.problems else "STATUS=in sync")

    def _report_problems(self, problems: list[changes.Problem]) -> None:
        """Log each problem once while it lasts."""
        for problem in problems:
            if problem not in self.problems:
                self.log.error("problem", subject=problem.subject, message=problem.message)
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
            return
        fixed = {name: getattr(self.config, name) for name in FIXED}
        later = [name for name in FIXED if getattr(new, name) != fixed[name]]
        if later:
            self.log.warning("these settings wait for a restart", settings=",".join(later))
        self.config = msgspec.structs.replace(new, **fixed)
        if isinstance(self.peers, StaticPeers):
            self.peers.replace(new.peers)
        if self.registrar is not None:
            self.registrar.configure(self.config)
        self.later, self.refused = later, None
        self.record.expect()
        self.log.info("configuration taken")
        self._mark_dirty()


def _metrics(config: AgentConfig, bulletin: Bulletin) -> "MetricsServer | None":
    if config.metrics is False:
        return None
    from tunbridge.agent.metrics import MetricsServer  # late: most hosts do without, and it takes memory

    return MetricsServer(metrics_address(config.metrics), bulletin)


def _registrar(config: AgentConfig, log: Log) -> "Registrar | None":
    if not config.database:
        return None
    from tunbridge.agent.registrar import Registrar  # late: a host that stands alone does without

    return Registrar(config, log)


def _drain(sock: socket.socket) -> None:
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        pass


def _now_ms() -> int:
    return int(time.monotonic() * 1000)


def _ms_since(moment: float | None) -> int:
    return 0 if moment is None else round((time.monotonic() - moment) * 1000)

r"""`tunbridge ovs restart`: restart `ovs-vswitchd` so that packets go on and everybody's flows are there after it.

    look --reasons against it--> refused, nothing changed
      \--> save --> arm --> restart command --> answers --> put back, clear, put back again --> in sync
                     \______ fails, no answer ______/--> cleared; the agent restores what was saved

What stands between arming and clearing survives every signal that can be caught; after one that cannot, the agent
finishes (flow_restore_wait.py).
"""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from msgspec import Struct

from tunbridge.agent import bridgestate, flow_restore_wait
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.flow_restore_wait import RestartError, SavedState, StateFile
from tunbridge.agent.status import answer
from tunbridge.dataplane.flows import FlowError
from tunbridge.errors import TunbridgeError
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.ofctl import OfctlError
from tunbridge.openvswitch.ovsdb import LocalOvsdb
from tunbridge.openvswitch.rows import Snapshot

COMMAND_S = 120.0
"""The restart command: systemd's own limit for the unit is longer, but a host is dead meanwhile."""
ANSWER_S = 60.0
SAME_S = 5.0
"""The command has ended and the same vswitchd still runs: so long it may take to go."""
SYNC_S = 60.0
POLL_S = 0.02

Progress = Callable[[str], None]


class RefusedError(TunbridgeError):
    """Something that a planned restart needs is missing; nothing was changed."""

    exit_status = 2


class Saved(Struct, frozen=True, kw_only=True):
    """What one bridge holds, in numbers. `userspace`: its packets go through vswitchd itself."""

    bridge: str
    flows: int
    groups: int
    meters: int
    userspace: bool


class Outlook(Struct, frozen=True, kw_only=True):
    """What a restart would do now: `reasons` against it (with the remedy), or none."""

    command: list[str]
    bridges: list[Saved]
    reasons: list[str]


class Done(Struct, frozen=True, kw_only=True):
    """What came of it. Seconds: `away`, from the restart command until vswitchd answered; `total`, until in sync."""

    away: float
    total: float
    refused: list[str]


class Restart:
    """A planned restart of this host's vswitchd. Close it in the end."""

    def __init__(self, config: AgentConfig) -> None:
        """Connect to the local OVSDB. Raises OvsdbError."""
        self.config = config
        self._database = LocalOvsdb(config.ovsdb)
        self._file = StateFile(config.state_dir)
        flow_restore_wait.connect(self._database, flow_restore_wait.CONNECT_S)

    def close(self) -> None:
        """Let go of the connection."""
        self._database.close()

    def _now(self) -> Snapshot:
        self._database.run()
        return self._database.snapshot()

    # Looking

    def outlook(self) -> Outlook:
        """Look at what there is, and change nothing."""
        reasons = [*self._without_switch(), *self._without_agent()]
        bridges: list[Saved] = []
        if not reasons:
            state, missing = self._read()
            reasons += missing
            rows = self._now().bridges
            bridges = [
                Saved(
                    bridge=name, flows=len(s.flows), groups=len(s.groups), meters=len(s.meters),
                    userspace=rows[name].datapath_type == "netdev",
                )
                for name, s in state.items()
            ]  # fmt: skip
        return Outlook(command=self.config.vswitchd_restart, bridges=bridges, reasons=reasons)

    def _without_switch(self) -> Iterator[str]:
        now, argv = self._now(), self.config.vswitchd_restart
        if flow_restore_wait.is_ours(now):
            yield "a planned restart is under way, or was killed and the agent is finishing it; try again then"
        elif flow_restore_wait.FLAG in now.other_config:
            yield (
                f"other_config:{flow_restore_wait.FLAG} is set already, and not by us: is `ovs-ctl restart` running?"
                f" If not: ovs-vsctl remove Open_vSwitch . other_config {flow_restore_wait.FLAG}"
            )
        if flow_restore_wait.process(self.config.ovs_rundir) is None:
            yield f"no ovs-vswitchd runs (none is named by {self.config.ovs_rundir}/ovs-vswitchd.pid); start it instead"
        if shutil.which(argv[0]) is None:
            yield f"vswitchd_restart: {argv[0]} is not installed; set it to the command that restarts ovs-vswitchd here"
        elif argv[:2] == ["systemctl", "restart"] and not _is_active(argv[2:]):
            yield f"vswitchd_restart: {' '.join(argv[2:])} is not active, so it does not run this host's ovs-vswitchd"

    def _without_agent(self) -> Iterator[str]:
        """The agent puts its flows back after a restart, and all of it when this process is killed."""
        try:
            told = answer.ask(self.config.run_dir).status
        except TunbridgeError as e:
            yield f"{e}; it has to run, since it finishes the restart if this process is killed"
            return
        if not told.in_sync:
            what = "; ".join(f"{w.subject}: {w.message}" for w in told.waits_for)
            yield f"the agent is not in sync ({what or 'it is at work'}); see: tunbridge host status"

    def _read(self) -> tuple[dict[str, bridgestate.BridgeState], list[str]]:
        found, missing = {}, []
        for name in sorted(self._now().bridges):
            try:
                found[name] = bridgestate.save(self.config.ovs_rundir, name)
            except (OfctlError, FlowError) as e:
                missing.append(f"{name}: its flows cannot be saved: {e}; does the bridge allow {ofctl.VERSION}?")
        return found, missing

    # Doing

    def run(self, progress: Progress) -> Done:
        """Restart. Raises RefusedError (nothing was changed), RestartError (it says how it stands)."""
        with flow_restore_wait.lock(self.config.state_dir) as held:
            if held is None:
                raise RefusedError("another `tunbridge ovs restart` is at work on this host")
            if reasons := self.outlook().reasons:
                raise RefusedError("; ".join(reasons))
            began = time.monotonic()
            with _deferred_signals():
                away, refused = self._restart(progress)
        self._await_agent()
        return Done(away=away, total=time.monotonic() - began, refused=refused)

    def _restart(self, progress: Progress) -> tuple[float, list[str]]:
        name = flow_restore_wait.process(self.config.ovs_rundir)
        bridges, missing = self._read()
        if missing or name is None:
            raise RefusedError("; ".join(missing) or "ovs-vswitchd has ended")
        state = SavedState(process=name, at=time.time(), bridges=bridges)
        flows = sum(len(b.flows) for b in bridges.values())
        recorded = flow_restore_wait.recordings(state)
        self._file.save(state)
        progress(f"saved {flows} flows of {len(bridges)} bridges")
        try:
            flow_restore_wait.arm(self._database)
            progress(f"{flow_restore_wait.FLAG} is set")
            start = time.monotonic()
            self._command()
            self._await_switch(name, bridges)
            away = time.monotonic() - start
            progress(f"ovs-vswitchd was restarted, and answers after {away:.1f} s")
            refused = flow_restore_wait.finish(self.config.ovs_rundir, self._database, state, recorded)
        except (OfctlError, OvsdbError, RestartError) as e:
            raise RestartError(f"{e}. {self._given_up()}") from e
        self._file.remove()
        progress(f"cleared: {flows - len(refused)} flows are back, ovs-vswitchd takes packets again")
        return away, refused

    def _command(self) -> None:
        argv = self.config.vswitchd_restart
        # In a session of its own, and with no pipe to us: it must not end half-way because we do.
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(
                    argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=COMMAND_S, check=False,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as e:
                raise RestartError(f"{' '.join(argv)}: {e.strerror}") from e
            except subprocess.TimeoutExpired:
                raise RestartError(f"{' '.join(argv)}: not done within {COMMAND_S:g} s") from None
            if done.returncode != 0:
                output.seek(0)
                told = output.read().decode(errors="replace").strip() or f"exit status {done.returncode}"
                raise RestartError(f"{' '.join(argv)}: {told}")

    def _await_switch(self, before: str, bridges: dict[str, bridgestate.BridgeState]) -> None:
        """Wait until another vswitchd takes OpenFlow for all bridges."""
        began = time.monotonic()
        waiting = list(bridges)
        while (waited := time.monotonic() - began) < ANSWER_S:
            running = flow_restore_wait.process(self.config.ovs_rundir)
            if running == before and waited > SAME_S:
                raise RestartError(f"{' '.join(self.config.vswitchd_restart)} has not restarted ovs-vswitchd")
            if running not in (None, before):
                waiting = [name for name in waiting if not ofctl.answers(self.config.ovs_rundir, name)]
                if not waiting:
                    return
            time.sleep(POLL_S)
        raise RestartError(f"ovs-vswitchd takes no OpenFlow for {', '.join(waiting)} after {ANSWER_S:g} s")

    def _given_up(self) -> str:
        """Leave the flag cleared. The mark stays, so the agent goes on with what was saved."""
        try:
            flow_restore_wait.clear(self._database, done=False)
        except OvsdbError as e:
            return (
                f"And {flow_restore_wait.FLAG} is still set ({e}): the agent clears it as soon as the database answers"
            )
        return (
            f"{flow_restore_wait.FLAG} is cleared; the agent puts the saved flows back as soon as ovs-vswitchd answers"
            " (tunbridge host status tells how it stands)"
        )

    def _await_agent(self) -> None:
        deadline = time.monotonic() + SYNC_S
        while time.monotonic() < deadline:
            try:
                if answer.ask(self.config.run_dir).status.in_sync:
                    return
            except TunbridgeError:
                pass
            time.sleep(POLL_S)
        raise RestartError(
            f"ovs-vswitchd was restarted and the saved flows are back, but the agent is not in sync after {SYNC_S:g} s;"
            " tunbridge host status tells what it waits for"
        )


def _is_active(units: list[str]) -> bool:
    return (
        subprocess.run(["systemctl", "is-active", "--quiet", *units], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def _deferred_signals() -> Iterator[None]:
    """Take signals that would end us only after the block: it must not be left half-way."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    got: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        got.append(number)

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if got:
        signal.raise_signal(got[0])

"""`other_config:flow-restore-wait` while `ovs-vswitchd` restarts: set, and cleared again also after a kill.

A vswitchd that starts with it neither touches the packet flows that are in the kernel nor takes new packets, until it
is cleared: so flows can be restored before any packet needs them. Open vSwitch never clears it. While it is set:

    external_ids:tunbridge-restart   in the row of Open_vSwitch, in the same transaction: that it was us
    STATE_DIR/restart.json           what every bridge held, written durably before
    STATE_DIR/restart.lock           locked by the one who restarts; the system lets go of it when that one dies

and the agent, which sees the mark, finishes what is left as soon as nobody holds the lock (`Rescue`).
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tunbridge import files
from tunbridge.agent import bridgestate
from tunbridge.agent.bridgestate import BridgeState
from tunbridge.agent.config import AgentConfig
from tunbridge.dataplane import operations
from tunbridge.errors import TunbridgeError
from tunbridge.log import Log
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.ofctl import OfctlError
from tunbridge.openvswitch.recorded import Player, record
from tunbridge.openvswitch.rows import Snapshot

if TYPE_CHECKING:
    from tunbridge.openvswitch.ovsdb import LocalOvsdb

FLAG = "flow-restore-wait"
"""Key of Open_vSwitch:other_config (ovs-vswitchd.conf.db(5))."""
MARK = "tunbridge-restart"
APPLY_S = 10.0
CONNECT_S = 5.0
PENDING_S = 60.0
"""A restart whose caller was killed before vswitchd ended may still come: so long its saved state is kept."""


class RestartError(TunbridgeError):
    """A step of the planned restart failed; the text says what the state is now."""

    exit_status = 1


class SavedState(Struct, frozen=True, kw_only=True):
    """What restart.json holds. `process`: the vswitchd of then; `at`: seconds since the epoch."""

    process: str
    at: float
    bridges: dict[str, BridgeState]


class StateFile:
    """restart.json in the agent's state folder."""

    def __init__(self, state_dir: str) -> None:
        self._path = Path(state_dir) / "restart.json"

    def save(self, state: SavedState) -> None:
        """Write it, durably before this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_whole(self._path, msgspec.json.encode(state))

    def load(self) -> SavedState | None:
        """Give what was saved, None when there is nothing, or nothing that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SavedState)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def remove(self) -> None:
        """Forget it."""
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(state_dir: str) -> Iterator[int | None]:
    """Hold the lock of restarts: gives its descriptor, or None when somebody else holds it."""
    folder = Path(state_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "restart.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def process(rundir: str) -> str | None:
    """Name the vswitchd that runs, like no other process before or after; None when none runs."""
    try:
        pid = int((Path(rundir) / "ovs-vswitchd.pid").read_text())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    if fields[0] == "Z":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{pid}/{fields[19]}"  # field 22 of proc_pid_stat(5): start time


def is_ours(now: Snapshot) -> bool:
    """Whether a restart of ours is under way, or was left."""
    return MARK in now.external_ids


def connect(database: "LocalOvsdb", wait_s: float) -> None:
    """Wait until the copy is there. Raises OvsdbError: not in `wait_s` seconds."""
    import ovs.poller  # late: as LocalOvsdb

    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        database.run()
        if database.connected:
            return
        poller = ovs.poller.Poller()
        database.wait(poller)
        poller.timer_wait_until(int(deadline * 1000))
        poller.block()
    raise OvsdbError(f"{database.remote}: no OVSDB answers there; is ovsdb-server running?")


def arm(database: "LocalOvsdb") -> None:
    """Set the flag, and the mark that tells whose it is. Raises OvsdbError."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    database.transact(
        [
            operations.set_keys("Open_vSwitch", [], "external_ids", {MARK: stamp}),
            operations.set_keys("Open_vSwitch", [], "other_config", {FLAG: "true"}),
        ],
        comment="tunbridge ovs restart: arm",
    )


def clear(database: "LocalOvsdb", done: bool) -> None:
    """Clear the flag; with `done` the mark too. Raises OvsdbError."""
    ops = [operations.set_keys("Open_vSwitch", [], "other_config", {FLAG: None})]
    if done:
        ops.append(operations.set_keys("Open_vSwitch", [], "external_ids", {MARK: None}))
    database.transact(ops, comment="tunbridge ovs restart: clear")


def recordings(state: SavedState) -> dict[str, bytes]:
    """Give the bundles that put the flows back, by bridge. Not of one that `ovs-ofctl` does not take as a whole."""
    found = {}
    for bridge, saved in state.bridges.items():
        with contextlib.suppress(OfctlError):
            found[bridge] = record(bridgestate.bundle(saved))
    return found


def finish(rundir: str, database: "LocalOvsdb", state: SavedState, recorded: Mapping[str, bytes]) -> list[str]:
    """Put everything back, clear the flag, and put it back again: gives what Open vSwitch refused.

    When the flag goes, the bridges get their controllers, and Open vSwitch empties the tables of a bridge that gets its
    first one (flows, and groups and meters with them). Raises OfctlError, OvsdbError, RestartError.
    """
    with ExitStack() as stack:
        players = [stack.enter_context(closing(Player(rundir, name, data))) for name, data in recorded.items()]
        quick = {p.bridge for p in players if not _needs_more(state.bridges[p.bridge]) and p.play()}
        _restore(rundir, {name: saved for name, saved in state.bridges.items() if name not in quick})
        clear(database, done=False)
        _play_until_applied(database, players)
    refused = _restore(rundir, state.bridges)  # with meters, and what was refused is told
    clear(database, done=True)
    return refused


def _needs_more(saved: BridgeState) -> bool:
    """Whether something is to be made before the flows that cannot be in a bundle with them."""
    return bool(saved.meters or saved.tlv_map)


def _play_until_applied(database: "LocalOvsdb", players: Sequence[Player]) -> None:
    """Put the flows back again and again until vswitchd says that it has emptied the tables, and once more.

    That it has done so is known only after the next packets may have been lost.
    """
    deadline = time.monotonic() + APPLY_S
    applied = False
    while not applied:
        if time.monotonic() > deadline:
            raise RestartError(f"ovs-vswitchd has not taken note within {APPLY_S:g} s that {FLAG} was cleared")
        database.run()
        applied = database.connected and _is_applied(database.snapshot())
        for player in players:
            player.play()


def _is_applied(now: Snapshot) -> bool:
    return now.cur_cfg >= now.next_cfg


def _restore(rundir: str, bridges: Mapping[str, BridgeState]) -> list[str]:
    """Put it back, all bridges at once: between two of them packets are lost."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda item: bridgestate.restore(rundir, *item), bridges.items())
        return [f"{bridge}: {what}" for bridge, refused in zip(bridges, found, strict=True) for what in refused]


class Rescue:
    """The agent's part: finishes a restart whose caller was killed. `run` blocks, on a connection of its own."""

    PAUSE_S = 0.5

    def __init__(self, config: AgentConfig, log: Log) -> None:
        self._config = config
        self._rundir = config.ovs_rundir
        self._file = StateFile(config.state_dir)
        self._log = log
        self._told = False

    def is_needed(self, now: Snapshot) -> bool:
        """Whether a restart of ours is under way, or was left."""
        self._told = self._told and is_ours(now)
        return is_ours(now)

    def run(self) -> bool:
        """Do what can be done now. True while a restart of ours is under way: to be called again soon."""
        with lock(self._config.state_dir) as held:
            if held is None:
                return True
            try:
                return self._attempt()
            except (OvsdbError, OfctlError, RestartError, OSError) as e:
                self._log.error("planned restart not finished yet, tried again", error=str(e))
                return True

    def _attempt(self) -> bool:
        from tunbridge.openvswitch.ovsdb import LocalOvsdb  # late: few agents ever have something to finish

        database = LocalOvsdb(self._config.ovsdb)
        try:
            connect(database, CONNECT_S)
            return is_ours(database.snapshot()) and not self._rescue(database)
        finally:
            database.close()

    def _rescue(self, database: "LocalOvsdb") -> bool:
        """Finish. False when it has to be tried again."""
        if not self._told:
            self._told = True
            self._log.warning("a planned restart of Open vSwitch was killed; finishing it")
        state, running = self._file.load(), process(self._rundir)
        if state is None or _boot(state.process) != _boot(running or state.process):
            return self._end(database, [])
        if running is None or running == state.process:
            if FLAG in database.snapshot().other_config:
                clear(database, done=False)
            if running is not None and not 0 <= time.time() - state.at < PENDING_S:
                return self._end(database, [])
            return False
        if not all(ofctl.answers(self._rundir, bridge) for bridge in self._present(database, state)):
            return False
        kept = {name: state.bridges[name] for name in self._present(database, state)}
        state = msgspec.structs.replace(state, bridges=kept)
        return self._end(database, finish(self._rundir, database, state, recordings(state)))

    def _present(self, database: "LocalOvsdb", state: SavedState) -> list[str]:
        """Name the saved bridges that were not deleted meanwhile."""
        return [name for name in state.bridges if name in database.snapshot().bridges]

    def _end(self, database: "LocalOvsdb", refused: list[str]) -> bool:
        clear(database, done=True)
        self._file.remove()
        for what in refused:
            self._log.error("not restored, Open vSwitch refuses it", what=what)
        self._log.info("planned restart finished")
        return True


def _boot(name: str) -> str:
    return name.partition("/")[0]

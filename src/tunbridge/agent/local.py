"""The local OVSDB: an always current copy of what the agent needs, and transactions of plain operations.

A connection goes first to the Unix socket, then moves to the `ptcp` manager once that answers, as Neutron's agent does
(a passive manager says `is_connected: true` only while somebody is connected to it), and falls back when it goes:

    none --unix answers--> unix --manager answers--> manager --lost--> none

Writes are raw OVSDB operations (RFC 7047 section 5.2), made by pure functions: shared columns are mutated, never
rewritten, so that nothing another client has just added can be lost.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from tunbridge.agent.local_rows import Rows
from tunbridge.agent.local_tables import ACCESS, TABLES
from tunbridge.database.errors import DatabaseError
from tunbridge.database.replica import Replica
from tunbridge.database.transaction import Operation
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.rows import Snapshot

_RAISE_CFG: Operation = {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}
_READ_CFG: Operation = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]}


class _Copy:
    """The copy that one remote gives, and the task that keeps it."""

    def __init__(self, remote: str, changed: Callable[[], None]) -> None:
        self.remote = remote
        self.replica = Replica(TABLES, changed, ACCESS)
        self.rows = Rows(self.replica.store)
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        return self._task is not None and self.replica.connected and self.rows.snapshot() is not None

    @property
    def running(self) -> bool:
        return self._task is not None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self.replica.run([self.remote]))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


class LocalOvsdb:
    """The copy, and the way to write. `changed` is called whenever the copy or the connection changed."""

    def __init__(self, remote: str, manager_remote: str | None, changed: Callable[[], None]) -> None:
        self.remote = remote
        self.manager_remote = manager_remote
        self.reconnects = 0
        self.seqno = 0
        """Changes whenever the copy changed or was replaced."""
        self._notify = changed
        self._unix = _Copy(remote, self._changed)
        self._manager = None if manager_remote is None else _Copy(manager_remote, self._changed)
        self._active: _Copy | None = None
        self._moved = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether there is a current copy."""
        return self._active is not None and self._active.ready

    @property
    def on_manager(self) -> bool:
        """Whether the connection is the one through the manager."""
        return self._active is not None and self._active is self._manager

    def snapshot(self) -> Snapshot:
        """The copy as plain values; what has not changed is the same objects as before. Raises OvsdbError: no copy."""
        if self._active is not None and self._active.ready and (made := self._active.rows.snapshot()) is not None:
            return made
        raise OvsdbError(f"{self.remote}: not connected to the local OVSDB")

    async def run(self) -> None:
        """Connect, move to the manager, connect again when the connection is lost, until cancelled."""
        try:
            while True:
                self._moved.clear()
                self._choose()
                await self._moved.wait()
        finally:
            self._unix.stop()
            if self._manager is not None:
                self._manager.stop()

    def _changed(self) -> None:
        self.seqno += 1
        self._moved.set()
        self._notify()

    def _choose(self) -> None:
        """Use the manager's connection where it can be had, else the Unix socket."""
        before, manager = self._active, self._manager
        if before is not None and not before.ready:
            self._active = None
            self.reconnects += 1
        if manager is not None and manager.ready and self._same(manager):
            self._active = manager
            self._unix.stop()
        else:
            self._unix.start()
            self._active = self._unix if self._unix.ready else None
            if manager is not None and self._active is not None and self._active.replica.store.all("Manager"):
                manager.start()
        if self._active is not before:
            self._notify()

    def _same(self, manager: _Copy) -> bool:
        """Whether it is this host's database that answers at the manager's address."""
        known, found = (self._active or self._unix).rows.snapshot(), manager.rows.snapshot()
        return known is not None and found is not None and known.uuid == found.uuid

    async def transact(self, operations: Sequence[Operation], comment: str, raise_cfg: bool = True) -> int:
        """Commit `operations` as one transaction, and raise `next_cfg` as ovs-vsctl does. All of it or none.

        Returns the new `next_cfg`, for `applied`; with `raise_cfg` False vswitchd is not asked to report, and it is 0.
        Raises OvsdbError: refused, connection lost (it may have happened then), or no answer.
        """
        if self._active is None or not self.connected:
            raise OvsdbError(f"{self.remote}: not connected to the local OVSDB")
        note: Operation = {"op": "comment", "comment": comment}
        cfg: list[Operation] = [_RAISE_CFG, _READ_CFG] if raise_cfg else []
        try:
            results = await self._active.replica.transact([note, *operations, *cfg])
        except DatabaseError as e:
            raise OvsdbError(f"{self.remote}: transaction not done: {e}") from e
        return int(results[-1]["rows"][0]["next_cfg"]) if raise_cfg else 0

    async def applied(self, next_cfg: int, wait_s: float) -> bool:
        """Wait until vswitchd has done what the database says up to `next_cfg`. False: not in `wait_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.connected:
                    if self.snapshot().cur_cfg >= next_cfg:
                        return True
                    self._moved.clear()
                    await self._moved.wait()
        return False

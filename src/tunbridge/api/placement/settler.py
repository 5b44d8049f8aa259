"""Takes back changes of allocations that a server of ours has left half done: it was killed, or Placement was away.

Their rows (rules/allocation_changes.py) stay for longer than any request takes. Who is alive and only slow finds its
change taken back, and tells its client to try again.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tunbridge.api.placement.client import PlacementError
from tunbridge.api.worker import Course, Words, Worker
from tunbridge.database.connection import Database
from tunbridge.rules.allocation_changes import TABLE
from tunbridge.rules.request import Row

LOCK = "tunbridge_allocations"
WORDS = Words("allocations that were left half changed cannot be taken back, tried again", "they are taken back again")
LOOK_S = 5.0
"""So often rows are looked at."""
PATIENCE_S = 30.0
"""A row that this server has seen for so long is of no request any more."""


class Settler:
    """What there is to take back; to be made before the database is started."""

    def __init__(self, database: Database, take_back: Callable[[str], Awaitable[None]], log: Any) -> None:
        self._course = Course[str](LOOK_S)
        self.worker = Worker(database, self, self._course, LOCK, LOOK_S, WORDS, log)
        self._database = database
        self._take_back = take_back
        self._log = log
        self._since: dict[str, float] = {}
        """Rows -> when they were seen first."""
        self._failed: dict[str, str] = {}
        """Rows -> why they could not be taken back, as the log has it."""

    def concerned(self, _table: str, _old: Row | None, _new: Row | None) -> Iterable[str]:
        """None: most rows go after a moment, with the transaction that they are for."""
        return ()

    async def compare(self) -> None:
        """Look at the rows that have been there for long."""
        now = time.monotonic()
        self._since = {row.id: self._since.get(row.id, now) for row in self._database.store.all(TABLE)}
        self._failed = {id: reason for id, reason in self._failed.items() if id in self._since}
        self._course.add(id for id, since in self._since.items() if now - since >= PATIENCE_S)

    async def work(self) -> None:
        """Take back one; when that fails, it is looked at again the next time."""
        id = self._course.take()
        self._course.later.pop(id, None)
        try:
            await self._take_back(id)
        except PlacementError as e:
            if self._failed.get(id) != str(e):
                self._log.error("an allocation cannot be taken back, tried again", change=id, reason=str(e))
            self._failed[id] = str(e)
            self._course.later[id] = time.monotonic() + LOOK_S
            return
        self._log.warning("took back an allocation of a request that ended half-way", change=id)

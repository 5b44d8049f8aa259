"""What a server does so that hosts can resume: after every so many transactions it changes a row that all hosts watch.

A host that loses its connection gets only what changed since, if `ovsdb-server` still has in its history the last
transaction that the host was told of. The history is the last 100 transactions, in a cloud with 1,000 hosts the
heartbeats of 3 s. A host that is told of its own networks only would know none of them, and load everything anew.

Every server does it: whoever comes first has done it, and the others count from there.
"""

import asyncio
from typing import Any

from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.rules.request import Row, Txn

EVERY = 40
"""Transactions; with those of another second, hosts are still within the 100."""
PAUSE_S = 1.0
"""At least between two: each costs the database some 20 µs for each host."""
_TABLE, _NAME = "Milestone", "history"


class MilestoneChore:
    """Sets milestones as long as it runs; to be made before the database is started."""

    def __init__(self, database: Database, log: Any) -> None:
        self._database = database
        self._log = log
        self._last = 0
        """Updates that had come with the last milestone, whoever set it."""
        database.store.listen(self._changed)

    def _changed(self, table: str, _old: Row | None, _new: Row | None) -> None:
        if table == _TABLE:
            self._last = self._database.stats.updates

    @property
    def is_due(self) -> bool:
        return self._database.stats.updates - self._last >= EVERY

    async def run(self) -> None:
        """Set one whenever it is due, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_S)
            if self.is_due and self._database.ready:
                try:
                    await self._database.commit(self._set)
                except DatabaseError as e:
                    self._log.warning("no milestone could be set: hosts may have to load anew", reason=str(e))

    def _set(self, txn: Txn) -> None:
        if not self.is_due:
            return  # another server was faster
        row = txn.find_unique(_TABLE, ("name",), (_NAME,))
        if row is None:
            txn.insert(_TABLE, {"name": _NAME, "number": 1})
        else:
            txn.update(_TABLE, row.id, {"number": row.number + 1})

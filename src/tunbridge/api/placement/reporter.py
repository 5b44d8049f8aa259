"""Watches what agents say of their hosts, and tells Placement: when one starts, when that changes, until it is done.

Of several servers the one with the lock does it. What was told last is kept in the database (Agent_Placement), so that
another server, or this one after a restart, tells nothing twice.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from tunbridge.api.placement import resources
from tunbridge.api.placement.client import PlacementError
from tunbridge.api.placement.resources import Provider
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.database.lock import Lock
from tunbridge.rules import hosts, placement
from tunbridge.rules.request import Reader, Row, Txn

LOCK = "tunbridge_placement"
AGAIN_S = 10.0
"""After so many seconds what failed is tried again: a compute host may not have its own provider yet."""

Tell = Callable[[list[Provider], list[str]], Awaitable[None]]
"""Tells Placement of the providers of a host, after those (UUIDs) that it may have of it. Raises PlacementError."""


class Reporter:
    """Tells Placement as long as it runs; to be made before the database is started."""

    def __init__(self, database: Database, tell: Tell, log: Any, again_s: float = AGAIN_S) -> None:
        self.lock = Lock(LOCK, self._wake)
        self._database = database
        self._tell = tell
        self._log = log
        self._again_s = again_s
        self._something = asyncio.Event()
        self._failed: dict[str, str] = {}
        """Agents that Placement could not be told of -> why, as the log has it."""
        database.store.listen(self._changed)

    def _wake(self) -> None:
        self._something.set()

    def _changed(self, table: str, _old: Row | None, _new: Row | None) -> None:
        if table == "Host":
            self._wake()

    async def run(self) -> None:
        """Tell what there is to tell, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._again_s):
                    await self._something.wait()
            except TimeoutError:
                pass
            self._something.clear()
            if self.lock.held and self._database.ready:
                store = self._database.store
                for agent in [row for row in store.all("Host") if is_due(store, row)]:
                    await self._report(agent)

    async def _report(self, agent: Row) -> None:
        wanted, former = resources.providers(agent), placement.providers(self._database.store, agent)
        made = [provider.uuid for provider in wanted]
        try:
            await self._tell(wanted, former)
        except PlacementError as e:
            if self._failed.get(agent.id) != str(e):
                self._log.error("Placement cannot be told of a host, tried again", host=agent.host, reason=str(e))
            self._failed[agent.id] = str(e)
            await self._note(agent, False, [*made, *(uuid for uuid in former if uuid not in made)])
            return
        self._failed.pop(agent.id, None)
        self._log.info("Placement was told of a host", host=agent.host)
        await self._note(agent, True, made)

    async def _note(self, agent: Row, is_synced: bool, providers: list[str]) -> None:
        def build(txn: Txn) -> None:
            if txn.get("Host", agent.id) is not None:
                placement.note(txn, agent, is_synced, version(agent), providers)

        try:
            await self._database.commit(build)
        except DatabaseError as e:
            self._log.warning("what Placement was told could not be kept: it is told again", reason=str(e))


def is_due(reader: Reader, agent: Row) -> bool:
    """Whether Placement does not know yet what an agent says, or knows it of an earlier start of the agent."""
    if agent.agent_type != hosts.AGENT_TYPE:
        return False
    row = placement.of(reader, agent)
    if row is None:
        return resources.is_told(agent)
    return not row.synced or row.version != version(agent)


def version(agent: Row) -> str:
    """What an agent says at one of its starts, in short."""
    return hashlib.blake2b(f"{agent.started_at} {agent.configurations}".encode(), digest_size=16).hexdigest()

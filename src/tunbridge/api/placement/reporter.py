"""Tells Placement what agents say of their hosts: when one starts, when that changes, until it is done.

What was told last is kept in the database (Agent_Placement), so that another server, or this one after a restart, tells
nothing twice.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tunbridge.api.placement import resources
from tunbridge.api.placement.client import PlacementError
from tunbridge.api.placement.resources import Provider
from tunbridge.api.worker import Course, Words, Worker
from tunbridge.database.connection import Database
from tunbridge.rules import hosts, placement
from tunbridge.rules.request import Reader, Row, Txn

LOCK = "tunbridge_placement"
WORDS = Words("what Placement is told of hosts cannot be kept, tried again", "Placement is told of hosts again")
AGAIN_S = 10.0
"""After so many seconds what failed is tried again: a compute host may not have its own provider yet."""
COMPARE_S = 600.0
"""So often all hosts are looked at."""

Tell = Callable[[list[Provider], list[str]], Awaitable[None]]
"""Tells Placement of the providers of a host, after those (UUIDs) that it may have of it. Raises PlacementError."""


class Reporter:
    """What there is to tell Placement, agent by agent; to be made before the database is started."""

    def __init__(self, database: Database, tell: Tell, log: Any) -> None:
        self._course = Course[str](COMPARE_S)
        self.worker = Worker(database, self, self._course, LOCK, AGAIN_S, WORDS, log)
        self._database = database
        self._tell = tell
        self._log = log
        self._failed: dict[str, str] = {}
        """Agents that Placement could not be told of -> why, as the log has it."""

    def concerned(self, table: str, _old: Row | None, new: Row | None) -> Iterable[str]:
        """Agents that may say something else."""
        return [new.id] if table == "Host" and new is not None else []

    async def compare(self) -> None:
        """Look at all agents."""
        self._course.add(agent.id for agent in self._database.store.all("Host"))

    async def work(self) -> None:
        """Tell of one host that waits, if there is something to tell."""
        id = self._course.take()
        self._course.later.pop(id, None)
        agent = self._database.store.get("Host", id)
        if agent is None:
            self._failed.pop(id, None)
        elif is_due(self._database.store, agent):
            try:
                await self._report(agent)
            except BaseException:
                self._course.add([id])
                raise

    async def _report(self, agent: Row) -> None:
        wanted, former = resources.providers(agent), placement.providers(self._database.store, agent)
        made = [provider.uuid for provider in wanted]
        try:
            await self._tell(wanted, former)
        except PlacementError as e:
            if self._failed.get(agent.id) != str(e):
                self._log.error("Placement cannot be told of a host, tried again", host=agent.host, reason=str(e))
            self._failed[agent.id] = str(e)
            self._course.later[agent.id] = time.monotonic() + AGAIN_S
            await self._note(agent, False, [*made, *(uuid for uuid in former if uuid not in made)])
            return
        self._failed.pop(agent.id, None)
        self._log.info("Placement was told of a host", host=agent.host)
        await self._note(agent, True, made)

    async def _note(self, agent: Row, is_synced: bool, providers: list[str]) -> None:
        def build(txn: Txn) -> None:
            if txn.get("Host", agent.id) is not None:
                placement.note(txn, agent, is_synced, version(agent), providers)

        await self._database.commit(build)


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

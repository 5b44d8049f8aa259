"""What a server does by itself when rows of ports change: bind what hosts claim, complete what older servers wrote.

Every server does it: whoever comes first has done it, and the transactions of the others find nothing left to do.
"""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError, DatabaseUnavailable
from tunbridge.rules import claims, copies
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.request import Reader, Request, Row, Txn, own_request
from tunbridge.rules.settings import NetworkingSettings

BATCH = 100
"""Ports in one transaction."""
AGAIN_S = 5.0
"""A claim that could not be met waits for its host to be alive, or another one to be dead: looked at so often."""
_RETRY_S = 1.0


class Chore(NamedTuple):
    """One thing to see to, port by port."""

    ports: Callable[[Reader, str, Row | None, Row | None], Iterable[str]]
    """Which ports are to be looked at when a row of a table has changed."""
    is_due: Callable[[Reader, Row], bool]
    do: Callable[[Txn, Request, str], bool]
    """Gives whether anything was written."""
    done: str
    """For the log."""


def _claimed(store: Reader, table: str, old: Row | None, new: Row | None) -> Iterable[str]:
    if table == "Port_Status" and (old is None or new is None):
        return [row.port_id for row in (old, new) if row is not None]
    if table == "Port" and new is not None and store.count("Port_Status", "port_id", new.id):
        return [new.id]
    return ()


def _copied(_store: Reader, table: str, _old: Row | None, new: Row | None) -> Iterable[str]:
    return [new.id] if table == "Port" and new is not None else ()


class Chores:
    """Sees to the chores as long as it runs; to be made before the database is started."""

    def __init__(
        self, database: Database, rules: Rules, settings: NetworkingSettings, caller: Caller, log: Any
    ) -> None:
        self._database = database
        self._settings = settings
        self._caller = caller
        self._log = log
        self._chores = (
            Chore(
                _copied,
                lambda store, port: not copies.are_right(store, port),
                lambda txn, _, id: copies.put_right(txn, id),
                "completed what a server of an older version wrote",
            ),
            Chore(
                _claimed,
                claims.is_disputed,
                lambda txn, request, id: claims.bind(txn, request, rules, id),
                "bound ports to the hosts where they are plugged in",
            ),
        )
        self._waiting: list[dict[str, None]] = [{} for _ in self._chores]
        """By chore: ids of ports to look at, in the order of their changes."""
        self._disputed: dict[str, None] = {}
        """Ports whose claim could not be met when it was looked at."""
        self._something = asyncio.Event()
        database.store.listen(self._changed)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        for chore, waiting in zip(self._chores, self._waiting, strict=True):
            for id in chore.ports(self._database.store, table, old, new):
                waiting[id] = None
                self._something.set()
        if table == "Host" and self._disputed:
            self._look_again()

    def _look_again(self) -> None:
        self._waiting[-1].update(self._disputed)
        self._disputed.clear()
        self._something.set()

    async def run(self) -> None:
        """Do what there is to do, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(AGAIN_S if self._disputed else None):
                    await self._something.wait()
            except TimeoutError:
                self._look_again()
            self._something.clear()
            for chore, waiting in zip(self._chores, self._waiting, strict=True):
                while waiting:
                    await self._some(chore, waiting)
                    await asyncio.sleep(0)

    async def _some(self, chore: Chore, waiting: dict[str, None]) -> None:
        """Do a chore for some of the ports that wait for it."""
        ids = list(waiting)[:BATCH]
        for id in ids:
            del waiting[id]
        store = self._database.store
        due = [id for id in ids if (port := store.get("Port", id)) is not None and chore.is_due(store, port)]
        if not due:
            return
        try:
            done = await self._database.commit(lambda txn: self._do(txn, chore, due))
            if done:
                self._log.info(chore.done, ports=len(done), first=done[0])
        except DatabaseUnavailable:
            waiting.update(dict.fromkeys(due))
            await asyncio.sleep(_RETRY_S)
        except DatabaseError as e:
            self._log.warning("a chore of the server was refused, tried again", reason=str(e), first=due[0])
            waiting.update(dict.fromkeys(due))
            await asyncio.sleep(_RETRY_S)
        except Exception:  # a mistake of ours: the other ports must not wait for it
            self._log.error("a chore of the server failed", ports=due, traceback=traceback.format_exc())
        if chore is self._chores[-1]:
            ports = [port for id in due if (port := store.get("Port", id)) is not None]
            self._disputed.update(dict.fromkeys(port.id for port in ports if claims.is_disputed(store, port)))

    def _do(self, txn: Txn, chore: Chore, ids: list[str]) -> list[str]:
        """Do a chore in one transaction; give the ids of the ports that were changed."""
        request = own_request(self._caller, self._settings)
        return [id for id in ids if chore.do(txn, request, id)]

"""Watches the rows of ports and sends Nova its events: at once, what comes while one request is under way in the next.

Of several servers the one with the lock sends. The others remember the events of the last seconds, and the one that
gets the lock sends these: Nova hears some of them twice then, which it ignores, and misses none.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tunbridge.api import metrics
from tunbridge.api.nova.client import NovaError, Told
from tunbridge.api.nova.events import Event, PortsOfServers, ports_of
from tunbridge.database.connection import Database
from tunbridge.database.lock import Lock
from tunbridge.rules.request import Row

LOCK = "tunbridge_nova"
REMEMBERED_S = 10.0
"""Longer than it takes to notice that the server with the lock is gone."""
BATCH = 100
KEPT_S = 300.0
"""How long Nova waits for a port by default (`vif_plugging_timeout`): what is older helps nobody."""
_PAUSES_S = (1.0, 2.0, 5.0, 10.0)

Send = Callable[[list[Event]], Any]
"""Sends events and gives what Nova says of each. Raises NovaError."""


class Notifier:
    """Tells Nova as long as it runs; to be made before the database is started."""

    def __init__(self, database: Database, send: Send, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = Lock(LOCK, self._wake)
        self._database = database
        self._send = send
        self._log = log
        self._clock = clock
        self._ports = PortsOfServers()
        self._changed: dict[str, None] = {}
        self._waiting: deque[tuple[float, Event]] = deque()
        """Events with the time at which they happened."""
        self._something = asyncio.Event()
        self._failures = 0
        database.store.listen(self._row_changed)

    def _wake(self) -> None:
        self._something.set()

    def _row_changed(self, table: str, old: Row | None, new: Row | None) -> None:
        ids = ports_of(table, old, new)
        if ids:
            self._changed.update(dict.fromkeys(ids))
            self._wake()

    async def run(self) -> None:
        """Send what there is to send, until cancelled. What happened before the database was there is not sent."""
        while not self._database.ready:
            await asyncio.sleep(0.1)
        store = self._database.store
        self._changed.clear()
        self._ports.start(store, store.all("Port"))
        while True:
            await self._something.wait()
            self._something.clear()
            self._look()
            while self.lock.held and self._waiting:
                await self._send_some()
                self._look()

    def _look(self) -> None:
        """Find out what has happened, and forget what is too old to matter."""
        now = self._clock()
        changed, self._changed = self._changed, {}
        for id in changed:
            self._waiting.extend((now, event) for event in self._ports.look(self._database.store, id))
        kept_s = KEPT_S if self.lock.held else REMEMBERED_S
        late = 0
        while self._waiting and self._waiting[0][0] < now - kept_s:
            self._waiting.popleft()
            late += self.lock.held
        if late:
            self._log.warning("events for Nova were given up, it did not answer in time", events=late, seconds=KEPT_S)
            metrics.NOVA_EVENTS.labels("given up").inc(late)

    async def _send_some(self) -> None:
        events = [event for _, event in list(self._waiting)[:BATCH]]
        try:
            told = await self._send(events)
        except NovaError as e:
            if self._failures == 0:
                self._log.error("Nova cannot be told of ports, tried again", reason=str(e), events=len(self._waiting))
            pause = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
            self._failures += 1
            await asyncio.sleep(pause)
            return
        if self._failures:
            self._log.info("Nova is told of ports again")
        self._failures = 0
        for _ in events:
            self._waiting.popleft()
        self._account(events, told)

    def _account(self, events: list[Event], told: list[Told]) -> None:
        refused = [one for one in told if one.code != 200]
        metrics.NOVA_EVENTS.labels("taken").inc(len(told) - len(refused))
        metrics.NOVA_EVENTS.labels("refused").inc(len(events) - len(told) + len(refused))
        for event in events:
            self._log.debug("Nova was told", what=event.name, server=event.server_uuid, port=event.tag)
        for one in refused:
            self._log.info("Nova does not take an event", what=one.name, server=one.server_uuid, code=one.code)

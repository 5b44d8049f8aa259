"""Turns at loading: of all clients of one `ovsdb-server`, one loads at a time, and it serves the others in between.

It is one thread, and each client that loads keeps it for a tenth of a second or more: with hundreds at once, after it
was restarted, a change would reach those that have loaded after minutes, and probes would go unanswered. Between two
rounds of its work it accepts one connection and, in a cluster, commits one transaction: so with two clients that load
by turns the heartbeats of 1,000 hosts, 33 in a second, pile up; with one it has time for them while that one reads.
So that it has time enough, who has loaded keeps the turn for as long again as that took.

A turn is a lock of the server (RFC 7047, section 4.1.8). The server queues who waits for it, and hands it on when it is
given back or the connection of who has it ends.
"""

import asyncio
import contextlib
import random
from time import monotonic as now

import msgspec

from tunbridge.database.session import Session, SessionError

PATIENCE_S = (600.0, 3600.0)
"""Who has a turn may have been stopped, and a server does not probe connections over a Unix socket: so nobody waits for
ever. A random time between these: hundreds that lose patience in one second would all load at once."""
LOCK = "tunbridge_loading"
"""The server takes identifiers only."""


class Turn:
    """A client's turn on one connection: taken before it loads, given back when it has all that it wants."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._mine = asyncio.Event()
        self._taken_at: float | None = None
        self._giving_back: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Wait for it. Raises SessionError. A server that has no locks is loaded from at once."""
        reply = await self._session.request("lock", [LOCK])
        self._taken_at = now()
        if reply.error is not None or msgspec.json.decode(reply.result)["locked"]:
            return
        waiting = asyncio.create_task(self._mine.wait())
        try:
            ends = asyncio.FIRST_COMPLETED
            patience = random.uniform(*PATIENCE_S)  # noqa: S311 - no secret
            await asyncio.wait((waiting, self._session.lost), timeout=patience, return_when=ends)
        finally:
            waiting.cancel()
        if self._session.lost.done():
            raise SessionError(self._session.lost.result())
        self._taken_at = now()

    def notified(self, method: str) -> None:
        """Hear of a notification of the server: `locked` is for us, there is no other lock on this connection."""
        if method == "locked":
            self._mine.set()

    def give_back(self) -> None:
        """Let the next one load, after a rest for the server; does nothing when it was not taken."""
        if self._taken_at is not None:
            self._giving_back = asyncio.create_task(self._unlock(rest_s=now() - self._taken_at))
            self._taken_at = None

    async def _unlock(self, rest_s: float) -> None:
        await asyncio.wait((self._session.lost,), timeout=rest_s)
        with contextlib.suppress(SessionError):
            await self._session.request("unlock", [LOCK])

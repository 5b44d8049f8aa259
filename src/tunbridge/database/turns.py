"""Turns at loading: of all clients of one `ovsdb-server`, two load at a time, and it serves the others in between.

It is one thread, and each client that loads keeps it for a tenth of a second or more: with hundreds at once, after it
was restarted, a change would reach those that have loaded after minutes, and probes would go unanswered.

A turn is one of two locks of the server (RFC 7047, section 4.1.8), taken at random. The server queues who waits for a
lock, and hands it on when it is given back or the connection of who has it ends.
"""

import asyncio
import contextlib
import random

import msgspec

from tunbridge.database.session import Session, SessionError

AT_ONCE = 2
"""While one client reads what it got, the server works for the other."""
PATIENCE_S = 600.0
"""Who has a turn may have been stopped, and a server does not probe connections over a Unix socket."""
_LOCK = "tunbridge_loading_{}"
"""The server takes identifiers only."""


class Turn:
    """A client's turn on one connection: taken before it loads, given back when it has all that it wants."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = _LOCK.format(random.randrange(AT_ONCE))  # noqa: S311 - no secret
        self._mine = asyncio.Event()
        self._is_taken = False
        self._giving_back: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Wait for it. Raises SessionError. A server that has no locks is loaded from at once."""
        self._is_taken = True
        reply = await self._session.request("lock", [self._lock])
        if reply.error is not None or msgspec.json.decode(reply.result)["locked"]:
            return
        waiting = asyncio.create_task(self._mine.wait())
        try:
            ends = asyncio.FIRST_COMPLETED
            await asyncio.wait((waiting, self._session.lost), timeout=PATIENCE_S, return_when=ends)
        finally:
            waiting.cancel()
        if self._session.lost.done():
            raise SessionError(self._session.lost.result())

    def notified(self, method: str) -> None:
        """Hear of a notification of the server: `locked` is for us, there is no other lock on this connection."""
        if method == "locked":
            self._mine.set()

    def give_back(self) -> None:
        """Let the next one load; does nothing when it was not taken."""
        if self._is_taken:
            self._is_taken = False
            self._giving_back = asyncio.create_task(self._unlock())

    async def _unlock(self) -> None:
        with contextlib.suppress(SessionError):
            await self._session.request("unlock", [self._lock])

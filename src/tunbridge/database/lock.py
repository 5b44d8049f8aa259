"""A lock of the central database: of all servers that want it, one has it, and the next one when that one is gone.

RFC 7047, sections 4.1.8 to 4.1.10. It has a connection of its own, to the leader. Around a change of the leader two
may believe that they have it, for as long as a dead connection takes to be noticed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from tunbridge import log
from tunbridge.database import leader
from tunbridge.database.errors import DatabaseError
from tunbridge.database.session import Session, SessionError

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

RETRY_S = 1.0

logger = log.get(__name__)


class Lock:
    """One lock. `changed()` is called when `held` is another."""

    def __init__(self, name: str, changed: Callable[[], None] = lambda: None) -> None:
        self.held = False
        self._name = name
        self._changed = changed

    async def run(self, remotes: Sequence[str], tls: "Files | None" = None) -> None:
        """Want the lock until cancelled."""
        while True:
            try:
                found = await leader.find(remotes, tls, (None, 0))
            except (SessionError, DatabaseError) as e:
                logger.debug("no connection for a lock", lock=self._name, problem=str(e))
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._ask(found.session)
            finally:
                found.session.close("not needed")
                self._set(False)

    async def _ask(self, session: Session) -> None:
        session.notified = lambda method, params: self._notified(session, method, params)
        try:
            reply = await session.request("lock", [self._name])
        except SessionError:
            return
        if reply.error is not None:
            logger.warning("a lock was refused", lock=self._name, problem=str(reply.error))
            await asyncio.sleep(RETRY_S)
            return
        if msgspec.json.decode(reply.result)["locked"]:
            self._set(True)
        await asyncio.shield(session.lost)

    def _notified(self, session: Session, method: str, params: msgspec.Raw) -> None:
        if method in ("locked", "stolen"):
            self._set(method == "locked")
        else:
            leader.watch(session, method, params)

    def _set(self, held: bool) -> None:
        if held != self.held:
            self.held = held
            self._changed()

"""The connection that is kept: found, checked, its rows loaded or resumed; when it breaks, made again.

    searching --leader found, schema fits--> loading --all rows in the store--> ready --connection lost--> searching

Only a ready link has a session that others may use. A resumed one (`monitor_cond_since` knows our last transaction)
gets only what changed meanwhile; otherwise the snapshot is loaded aside while the old rows stay readable.
"""

import asyncio
import contextlib
import random
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from tunbridge.database import conversion, leader
from tunbridge.database.errors import DatabaseError, DatabaseUnavailable
from tunbridge.database.schema import NAME, different, missing
from tunbridge.database.session import Session, SessionError
from tunbridge.database.stats import Stats
from tunbridge.database.store import Store, UnknownRowError, decode_rows
from tunbridge.model.tables import Table

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

_NOTHING = "00000000-0000-0000-0000-000000000000"
_MONITOR = "rows"
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Between rounds of asking all members; each is varied by half."""

_Tables = dict[str, dict[str, msgspec.Raw]]
_decode_update = msgspec.json.Decoder(tuple[Any, str, _Tables]).decode
_decode_snapshot = msgspec.json.Decoder(tuple[bool, str, dict[str, msgspec.Raw]]).decode

logger = structlog.get_logger(__name__)


class Link:
    """Keeps one store up to date with one database."""

    def __init__(self, tables: Sequence[Table], store: Store, stats: Stats, convert: bool) -> None:
        self.problem: str | None = "not started"
        """Why there is no connection now."""
        self._tables = tables
        self._store = store
        self._stats = stats
        self._convert = convert
        self._session: Session | None = None
        self._changed = asyncio.Condition()
        self._last_id = _NOTHING
        self._cluster: str | None = None
        self._index = 0
        self._backlog: list[msgspec.Raw] | None = None
        """Updates that came while a snapshot was being loaded."""

    @property
    def ready(self) -> bool:
        """Say whether the store shows the database now, and transactions can be sent."""
        return self._session is not None and not self._session.lost.done()

    async def session(self, wait_s: float) -> Session:
        """Give the session, waiting for it up to `wait_s` seconds. Raises DatabaseUnavailable."""
        if not self.ready:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s), self._changed:
                    await self._changed.wait_for(lambda: self.ready)
        if self._session is None or not self.ready:
            raise DatabaseUnavailable(f"no connection to the central database: {self.problem}")
        return self._session

    async def run(self, remotes: Sequence[str], tls: "Files | None") -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled."""
        failures = 0
        while True:
            try:
                found = await self._open(remotes, tls)
            except Exception as e:  # whatever it is, it is tried again; what is not foreseen is told in full
                if not isinstance(e, SessionError | DatabaseError):
                    logger.error("connecting failed unexpectedly", traceback=traceback.format_exc())
                if str(e) != self.problem:
                    logger.warning("no connection to the central database", problem=str(e))
                self.problem = str(e)
                pause = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
                failures += 1
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
                continue
            failures = 0
            try:
                await self._use(found)
            finally:
                found.session.close("the server ends")
                self._session = None

    async def _use(self, found: leader.Found) -> None:
        """Let others use a session until it is lost."""
        async with self._changed:
            self._session, self.problem = found.session, None
            self._changed.notify_all()
        logger.info("connected to the central database", remote=found.session.remote)
        self.problem = await asyncio.shield(found.session.lost)
        self._session = None
        self._stats.reconnects += 1
        logger.warning("lost the connection to the central database", problem=self.problem)

    async def _open(self, remotes: Sequence[str], tls: "Files | None") -> leader.Found:
        """Give a session whose rows are in the store. Raises SessionError, DatabaseError."""
        found = await leader.find(remotes, tls, (self._cluster, self._index))
        try:
            if other := different(found.schema, self._tables):
                raise conversion.OtherTypeError(found.session.remote, other)
            if lacking := missing(found.schema, self._tables):
                if not self._convert:
                    raise conversion.SchemaTooOldError(found.session.remote, found.schema, lacking)
                await conversion.convert(found.session, self._tables)
                raise SessionError(f"{found.session.remote}: the schema has been converted")
            await self._fill(found)
        except BaseException as e:
            found.session.close(str(e))
            raise
        self._cluster, self._index = found.cluster, max(found.index, self._index if self._same(found) else 0)
        return found

    def _same(self, found: leader.Found) -> bool:
        return found.cluster == self._cluster

    async def _fill(self, found: leader.Found) -> None:
        session = found.session
        session.notified = lambda method, params: self._notified(session, method, params)
        wanted = {table.name: [{"columns": [column.name for column in table.columns]}] for table in self._tables}
        last = self._last_id if self._same(found) else _NOTHING
        self._backlog = []
        reply = await session.request("monitor_cond_since", [NAME, _MONITOR, wanted, last])
        if reply.error is not None:
            raise SessionError(f"{session.remote}: {reply.error}")
        resumed, last_id, updates = _decode_snapshot(reply.result)
        del reply
        try:
            if resumed:
                self._store.apply({table: decode_rows(raw) for table, raw in updates.items()})
                self._stats.resumes += 1
            else:
                await self._store.load(updates)
                self._stats.loads += 1
            self._last_id = last_id
            for params in self._backlog:
                self._apply(params)
        except (UnknownRowError, msgspec.MsgspecError) as e:
            self._last_id = _NOTHING
            raise SessionError(f"{session.remote}: rows do not fit those here: {e}; loading all") from e
        finally:
            self._backlog = None
        if session.lost.done():
            raise SessionError(session.lost.result())

    def _notified(self, session: Session, method: str, params: msgspec.Raw) -> None:
        if method != "update3":
            leader.watch(session, method, params)
        elif self._backlog is not None:
            self._backlog.append(params)
        else:
            try:
                self._apply(params)
            except (UnknownRowError, msgspec.MsgspecError) as e:
                self._last_id = _NOTHING
                session.close(f"{session.remote}: an update does not fit the rows here: {e}; loading all")

    def _apply(self, params: msgspec.Raw) -> None:
        _, last_id, updates = _decode_update(params)
        self._store.apply(updates)
        self._last_id = last_id
        self._index += 1  # each update is at least one entry of the Raft log
        self._stats.updates += 1

"""The connection that is kept: found, checked, its rows loaded or resumed; when it breaks, made again.

    searching --server found, schema fits--> loading --all rows in the store--> ready --connection lost--> searching
                                                ^ hosts wait for their turn (turns.py)

Only a ready link has a session that others may use. A resumed one (`monitor_cond_since` knows our last transaction)
gets only what changed meanwhile; otherwise the snapshot is loaded aside while the old rows stay readable.

A snapshot is asked for by a monitor of no rows, whose conditions are then changed to those that are wanted. What a
monitor that is new gives as its initial contents, `ovsdb-server` (3.1) makes of a copy of all rows of all its tables,
also of those that no condition asks for: 0.35 s of its one thread with 50,000 ports, for each host that loads.
"""

import asyncio
import contextlib
import random
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tunbridge import log
from tunbridge.database import conversion, leader
from tunbridge.database.access import Access
from tunbridge.database.conditions import NO_ROWS, Asked, Conditions, clauses
from tunbridge.database.errors import DatabaseError, DatabaseUnavailable
from tunbridge.database.schema import different, missing
from tunbridge.database.session import Session, SessionError
from tunbridge.database.stats import Stats
from tunbridge.database.store import Store, UnknownRowError
from tunbridge.database.turns import Turn
from tunbridge.model.tables import Table

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

_NOTHING = "00000000-0000-0000-0000-000000000000"
_LARGE = 1 << 16
"""Bytes of an update from which on it is read in slices: some 200 rows."""
_MONITOR = "rows"
_NO_INITIAL = {"initial": False}
_ACCEPT_S = 0.003
"""For each other client that may come at the same time, a load waits so long: once some load, the server takes long to
accept others, which then cannot write."""
_GATHER_S = 3.0
"""It waits no longer than this."""
_PAUSES_S = (0.02, 0.05, 0.1, *(0.2,) * 20, 0.5, 1.0)
"""Between rounds of asking all members, of which one leads again after some election timeouts; varied by half."""

_Tables = dict[str, dict[str, msgspec.Raw]]
_decode_update = msgspec.json.Decoder(tuple[Any, str, _Tables]).decode
_decode_reply = msgspec.json.Decoder(tuple[bool, str, _Tables]).decode
_decode_snapshot = msgspec.json.Decoder(tuple[Any, str, dict[str, msgspec.Raw]]).decode

logger = log.get(__name__)


class Link:
    """Keeps one store up to date with one database."""

    def __init__(
        self,
        tables: Sequence[Table],
        store: Store,
        stats: Stats,
        access: Access,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """`moved` is called when the connection is there or lost, and when conditions have come into force."""
        self.problem: str | None = "not started"
        """Why there is no connection now."""
        self.connection = 0
        """Counts the connections."""
        self._tables = tables
        self._store = store
        self._stats = stats
        self._access = access
        self._moved = moved
        self._asked = Asked()
        self._asking: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._reached: Session | None = None
        self._turn: Turn | None = None
        self.crowd = 0
        """How many others lose their connection when this one does: those that load wait until all are connected."""
        self.resumed = False
        """Whether the connection that was made last needed only what had changed."""
        self._changed = asyncio.Condition()
        self._last_id = _NOTHING
        self.cluster: str | None = None
        """The id of the cluster that the rows are of; None: not clustered, or behind a relay."""
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
            raise DatabaseUnavailable(f"no connection to {self._access.title}: {self.problem}")
        return self._session

    @property
    def reached(self) -> Session | None:
        """A session by which can be written, while rows may still have to be loaded."""
        return None if self._reached is None or self._reached.lost.done() else self._reached

    @property
    def settled(self) -> bool:
        """Whether all rows that are wanted have been loaded."""
        return self._store.loads > 0 and self._asked.settled

    def want(self, conditions: Conditions) -> None:
        """Ask for the rows of these conditions from now on."""
        self._asked.wanted = dict(conditions)
        self._ask()

    def _ask(self) -> None:
        if self._session is None or self._asked.settled or (self._asking is not None and not self._asking.done()):
            return
        self._asking = asyncio.create_task(self._change(self._session))

    async def _change(self, session: Session) -> None:
        """Put what is wanted in force, until nothing else is wanted."""
        asked = self._asked
        while changes := asked.changes():
            wanted, asked.in_doubt = asked.wanted, True
            try:
                reply = await session.request("monitor_cond_change", [_MONITOR, _MONITOR, changes])
            except SessionError:
                return
            if reply.error is not None:
                session.close(f"{session.remote}: monitor_cond_change: {reply.error}")
                return
            asked.in_force, asked.in_doubt = wanted, False
            self._tell_moved()
        self._end_turn()

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.give_back()

    def _tell_moved(self) -> None:
        try:
            self._moved()
        except Exception:  # a mistake there must not end the connection
            logger.error("a listener failed", traceback=traceback.format_exc())

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
                    logger.warning(f"no connection to {self._access.title}", problem=str(e))
                self.problem = str(e)
                pause = min(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)], self._access.retry_s)
                failures += 1
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
                continue
            failures = 0
            watching = asyncio.create_task(self._look_elsewhere(found, remotes, tls))
            try:
                await self._use(found)
            finally:
                watching.cancel()
                found.session.close("the server ends")
                self._session = None

    async def _use(self, found: leader.Found) -> None:
        """Let others use a session until it is lost."""
        async with self._changed:
            self._session, self.problem = found.session, None
            self._changed.notify_all()
        logger.info(f"connected to {self._access.title}", remote=found.session.remote)
        self._tell_moved()
        self._ask()
        if self._asked.settled:
            self._end_turn()
        self.problem = await asyncio.shield(found.session.lost)
        self._session = None
        self._stats.reconnects += 1
        if self._asking is not None:
            await self._asking  # it has ended, or learns now that the connection is gone
        logger.warning(f"lost the connection to {self._access.title}", problem=self.problem)
        self._tell_moved()

    async def _look_elsewhere(self, found: leader.Found, remotes: Sequence[str], tls: "Files | None") -> None:
        """Leave a member that is silent, as soon as another one leads; as long as none does, it may only be busy."""
        session = found.session
        others = [remote for remote in remotes if remote != session.remote]
        while others:
            await asyncio.sleep(self._access.silent_s / 2)
            if session.silent_s < self._access.silent_s:
                continue
            with contextlib.suppress(SessionError):
                other = await leader.find(others, tls, (self.cluster, self._index), self._access)
                other.session.close("not needed")
                if session.silent_s:
                    better = "leads" if self._access.leader_only else "does"
                    session.close(f"{session.remote}: does not answer, and {other.session.remote} {better}")
                    return

    async def _open(self, remotes: Sequence[str], tls: "Files | None") -> leader.Found:
        """Give a session whose rows are in the store. Raises SessionError, DatabaseError."""
        found = await leader.find(remotes, tls, (self.cluster, self._index), self._access)
        try:
            await self._check(found)
            self._reached = found.session
            self.connection += 1
            await self._fill(found)
        except BaseException as e:
            found.session.close(str(e))
            raise
        self._index = max(found.index, self._index)
        return found

    async def _check(self, found: leader.Found) -> None:
        """Check that the schema has what is declared. Raises SessionError, DatabaseError."""
        remote = found.session.remote
        lacking = missing(found.schema, self._tables, self._access.besides)
        other = different(found.schema, self._tables)
        if not self._access.is_ours:
            if lacking or other:
                raise SessionError(f"{remote}: of another version: {', '.join([*lacking, *other])} is not as expected")
            return
        if other:
            raise conversion.OtherTypeError(remote, other)
        if lacking:
            if not self._access.convert:
                raise conversion.SchemaTooOldError(remote, found.schema, lacking)
            await conversion.convert(found.session, self._tables)
            raise SessionError(f"{remote}: the schema has been converted")

    def _same(self, found: leader.Found) -> bool:
        return found.cluster == self.cluster

    async def _fill(self, found: leader.Found) -> None:
        session = found.session
        session.notified = lambda method, params: self._notified(session, method, params)
        self._backlog, self._turn = [], None
        try:
            self.resumed = self._same(found) and not self._asked.in_doubt and await self._resume(session)
            if not self.resumed:
                await self._load(session, found)
            for params in self._backlog:
                self._apply(params)
        except (UnknownRowError, msgspec.MsgspecError) as e:
            self._last_id = _NOTHING
            raise SessionError(f"{session.remote}: rows do not fit those here: {e}; loading all") from e
        finally:
            self._backlog = None
        if session.lost.done():
            raise SessionError(session.lost.result())

    async def _resume(self, session: Session) -> bool:
        """Get what changed since the last transaction that is known; False if the server does not know it any more."""
        if self._last_id == _NOTHING:
            return False
        # Resumed is only what has been in force: a row that another condition wants may not have changed since.
        resumed, last_id, updates = await self._monitor(session, self._asked.in_force, self._last_id)
        if not resumed:
            await _ask(session, "monitor_cancel", [_MONITOR])
            return False
        self._store.apply(updates)
        self._stats.resumes += 1
        self._last_id = last_id
        return True

    async def _load(self, session: Session, found: leader.Found) -> None:
        """Get all rows that are wanted."""
        if self._access.takes_turns:
            self._turn = Turn(session)
            self.problem = f"{session.remote}: loading, or waiting for the turn to load"
            self._tell_moved()  # what is to be written need not wait
            await asyncio.sleep(min(_GATHER_S, _ACCEPT_S * self.crowd))
            await self._turn.take()
        assert self._backlog is not None
        self._backlog.clear()  # what a monitor told that could not resume, until it was cancelled
        nothing = {table.name: NO_ROWS for table in self._tables}
        _, last_id, _ = await self._monitor(session, nothing, _NOTHING)
        conditions, backlog = self._asked.wanted, self._backlog
        await _ask(session, "monitor_cond_change", [_MONITOR, _MONITOR, self._all(conditions)])
        snapshot: dict[str, msgspec.Raw] = {}
        if backlog:  # the first can only insert rows, even if it is what a transaction did when there were no rows yet
            _, last_id, snapshot = _decode_snapshot(backlog.pop(0))
        self._last_id = _NOTHING
        if not self._same(found):
            self.cluster, self._index = found.cluster, 0
        await self._store.load(snapshot)
        self._stats.loads += 1
        self._last_id = last_id
        self._asked.in_force, self._asked.in_doubt = conditions, False

    async def _monitor(self, session: Session, conditions: Conditions, last_id: str) -> tuple[bool, str, _Tables]:
        wanted = {
            table.name: [
                {
                    "columns": [column.name for column in table.columns],
                    "where": clauses(conditions, table.name),
                    "select": _NO_INITIAL,
                }
            ]
            for table in self._tables
        }
        reply = await _ask(session, "monitor_cond_since", [self._access.database, _MONITOR, wanted, last_id])
        return _decode_reply(reply)

    def _all(self, conditions: Conditions) -> dict[str, list[dict[str, Any]]]:
        return {table.name: [{"where": clauses(conditions, table.name)}] for table in self._tables}

    def _notified(self, session: Session, method: str, params: msgspec.Raw) -> Awaitable[None] | None:
        if method != "update3":
            if self._turn is not None:
                self._turn.notified(method)
            leader.watch(session, method, params, self._access)
        elif self._backlog is not None:
            self._backlog.append(params)
        elif len(params) > _LARGE:
            return self._apply_in_slices(session, params)
        else:
            try:
                self._apply(params)
            except (UnknownRowError, msgspec.MsgspecError) as e:
                self._start_over(session, e)
        return None

    async def _apply_in_slices(self, session: Session, params: msgspec.Raw) -> None:
        """Apply a large update; nothing else that the database says is handled meanwhile."""
        try:
            _, last_id, updates = _decode_update(params)
            await self._store.apply_in_slices(updates)
            self._applied(last_id)
        except (UnknownRowError, msgspec.MsgspecError) as e:
            self._start_over(session, e)

    def _start_over(self, session: Session, error: Exception) -> None:
        self._last_id = _NOTHING
        session.close(f"{session.remote}: an update does not fit the rows here: {error}; loading all")

    def _apply(self, params: msgspec.Raw) -> None:
        _, last_id, updates = _decode_update(params)
        self._store.apply(updates)
        self._applied(last_id)

    def _applied(self, last_id: str) -> None:
        # Each transaction is at least one entry of the Raft log; other updates come of changed conditions.
        self._index += last_id != self._last_id
        self._last_id = last_id
        self._stats.updates += 1


async def _ask(session: Session, method: str, params: list[Any]) -> msgspec.Raw:
    """Give the result of a request. Raises SessionError, also for what the server refuses."""
    reply = await session.request(method, params)
    if reply.error is not None:
        raise SessionError(f"{session.remote}: {reply.error}")
    return reply.result

"""`Database`: transactions on the central database, and the store that shows it.

A transaction must happen once, also when the connection breaks after it was sent and nobody knows whether it arrived.
So each transaction that writes begins by inserting a row into `Commit` whose UUID was chosen for it, and after a lost
reply the very same operations are sent again: if the first ones did happen, the database refuses the second ones with
"duplicate uuid" for that row, which proves it; if they are still under way in the cluster, only one of the two can
come through. That holds whatever the transaction does, and whatever others did to its rows since.

The rows of `Commit` are watched by nobody, and deleted in passing once their replies have come.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import msgspec

from tunbridge.database.access import Access
from tunbridge.database.errors import (
    DatabaseError,
    DatabaseUnavailable,
    DuplicateIdConflict,
    Target,
    TransactionRefusedError,
    WriteConflict,
    from_results,
)
from tunbridge.database.link import Link
from tunbridge.database.schema import COMMIT, NAME
from tunbridge.database.session import Session, SessionError, check_remote
from tunbridge.database.slices import Slices
from tunbridge.database.stats import Stats
from tunbridge.database.store import Store
from tunbridge.database.transaction import Operation, Transaction
from tunbridge.model.tables import Table

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

T = TypeVar("T")
Build = Callable[[], Awaitable[tuple[Transaction, T, int]]]
"""Builds a transaction: gives it, its result, and the store's revision when it was begun."""

TRIES = 20
"""How often a transaction is built anew before its WriteConflict is let out."""
SAME_TRIES = 3
"""The same, when nothing has changed in the database between two tries."""
CONNECT_S = 5.0
"""How long a request waits for a connection."""
OUTCOME_S = 30.0
"""How long one that was sent waits until it is known whether it happened."""
_RESENDS = 5
_SLICED_TRIES = 5
_SWEEP_EVERY = 64
_KEPT_S = 86400
"""Rows of `Commit` of servers that were killed are deleted a day later."""

_encode = msgspec.json.Encoder().encode
_decode_results = msgspec.json.Decoder(list[Any]).decode


LARGE = 100
"""Operations from which on a transaction keeps the database from answering anybody for some time: 40 ms and more."""

PATIENCE_S = 0.02
"""How long who only reads waits for the database while it carries out a large transaction of this server."""


class Database:
    """The central database: `store` to read, `commit` to write, `barrier` or `current` to be sure that the store is."""

    def __init__(self, tables: Sequence[Table], convert: bool = False) -> None:
        """Declare the tables; `convert` lets it add to the schema what the database lacks of them."""
        self.store = Store(tables)
        self.stats = Stats()
        self._link = Link(tables, self.store, self.stats, Access(convert=convert))
        self._running: asyncio.Task[None] | None = None
        self._writer = str(uuid4())
        self._serial = 0
        self._outstanding: set[int] = set()
        self._large = 0
        """Large transactions of this server that the database has not answered yet."""
        self._lane = asyncio.Lock()
        """For those that lost a race: one at a time, so that those of this server do not lose against each other."""
        self._writes_refused: str | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._syncing: asyncio.Task[None] | None = None

    async def start(self, remotes: Sequence[str], tls: "Files | None" = None) -> None:
        """Begin to connect and stay connected; returns at once. Raises RemoteError for a misspelt remote."""
        for remote in remotes:
            check_remote(remote)
        self._running = asyncio.create_task(self._link.run(tuple(remotes), tls))

    async def wait_ready(self, wait_s: float) -> None:
        """Wait until the store is loaded. Raises DatabaseUnavailable after `wait_s` seconds, with the reason."""
        await self._link.session(wait_s)

    def refuse_writes(self, reason: str | None) -> None:
        """Refuse whatever writes from now on, before it is sent, as long as there is a reason: a full disk."""
        self._writes_refused = reason

    async def close(self) -> None:
        """End the connection."""
        if self._running is None:
            return
        await self._forget_commits()
        for task in (self._running, self._syncing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._running = None

    @property
    def ready(self) -> bool:
        """Say whether the store shows the database as it is now."""
        return self._link.ready

    @property
    def problem(self) -> str | None:
        """Say why it is not ready."""
        return self._link.problem

    # Reading

    async def barrier(self) -> None:
        """Return when the store shows everything that was acknowledged before the call, by any server.

        An empty transaction does it, one for all who call before it is sent. Raises DatabaseUnavailable.
        """
        await asyncio.shield(self._asked())

    async def current(self) -> None:
        """Do the same for those who only read: they do not wait for a large transaction of this server.

        After `PATIENCE_S` the store shows all that this server acknowledged. Of other servers, it shows all that was
        acknowledged before the database began with the large transaction: it carries out one after the other, and
        tells of what it did before it begins with the next one of the same connection. Raises DatabaseUnavailable.
        """
        asked = self._asked()
        while not asked.done():
            await asyncio.wait((asked,), timeout=PATIENCE_S)
            if self._large and self.ready and not asked.done():
                return
        asked.result()

    def _asked(self) -> asyncio.Future[None]:
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
            self._waiting.add_done_callback(lambda future: future.exception())  # those who wait may all have gone
            if self._syncing is None or self._syncing.done():
                self._syncing = asyncio.create_task(self._sync())
        return self._waiting

    async def _sync(self) -> None:
        while (waiting := self._waiting) is not None:
            self._waiting = None
            try:
                await self._transact([], CONNECT_S)
                self.stats.barriers += 1
            except Exception as e:
                waiting.set_exception(e)
            else:
                waiting.set_result(None)

    # Writing

    async def commit(self, build: Callable[[Transaction], T]) -> T:
        """Run `build` on a fresh transaction and send it; give what it returned once the store shows its rows.

        `build` may be called several times: when it raised, perhaps for rows that are not current, and when the
        transaction lost a race. Raises what `build` raises on current rows; WriteConflict, when building anew does not
        help; DatabaseUnavailable; TransactionRefusedError.
        """
        return await self._commit(lambda: self._build(build))

    async def commit_in_slices(self, build: Callable[[Transaction], Generator[None, None, T]]) -> T:
        """Do the same with a generator, which is left alone for a moment at its `yield`s while others run.

        One that goes on losing races is at last built without interruption.
        """
        tries = itertools.count()

        async def built() -> tuple[Transaction, T, int]:
            return await self._build_in_slices(build, next(tries) < _SLICED_TRIES)

        return await self._commit(built)

    async def _commit(self, build: Build[T]) -> T:
        await self._link.session(CONNECT_S)
        try:
            txn, result, revision = await build()
        except Exception:
            await self.barrier()
            txn, result, revision = await build()
        conflict = await self._send(txn)
        if conflict is None:
            return result
        async with self._lane:
            return await self._retry(build, conflict, revision)

    async def _retry(self, build: Build[T], conflict: WriteConflict, revision: int) -> T:
        unchanged = 0
        for attempt in range(1, TRIES):
            await self.barrier()
            if self.store.revision == revision:
                unchanged += 1
                if unchanged == SAME_TRIES:
                    break
            txn, result, revision = await build()
            again = await self._send(txn)
            if again is None:
                return result
            conflict = again
            await asyncio.sleep(random.uniform(0, 0.002 * attempt))  # noqa: S311 - against another server's next try
        raise conflict

    async def _build(self, build: Callable[[Transaction], T]) -> tuple[Transaction, T, int]:
        txn = Transaction(self.store)
        revision = self.store.revision
        return txn, build(txn), revision

    async def _build_in_slices(
        self, build: Callable[[Transaction], Generator[None, None, T]], sliced: bool
    ) -> tuple[Transaction, T, int]:
        txn = Transaction(self.store)
        revision = self.store.revision
        slices = Slices()
        steps = build(txn)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return txn, end.value, revision
            if sliced:
                await slices.turn()

    async def _send(self, txn: Transaction) -> WriteConflict | None:
        """Send a transaction; give the conflict with which it failed, None if it happened."""
        if txn.is_empty:
            return None
        if txn.writes and self._writes_refused is not None:
            raise DatabaseUnavailable(f"nothing can be written: {self._writes_refused}")
        operations, targets = txn.operations(), txn.targets()
        if not txn.writes:
            error = from_results(await self._transact(operations, CONNECT_S), targets)
        else:
            error = await self._send_once(operations, targets)
        if isinstance(error, WriteConflict):
            self.stats.conflicts += 1
            return error
        if error is not None:
            raise error
        return None

    async def _send_once(self, operations: list[Operation], targets: list[Target]) -> DatabaseError | None:
        """Send operations such that they happen once; give the error with which they did not."""
        self._serial += 1
        serial, mark = self._serial, str(uuid4())
        row = {"writer": self._writer, "serial": serial, "made": int(time.time())}
        first = {"op": "insert", "table": COMMIT.name, "uuid": mark, "row": row}
        large = len(operations) >= LARGE
        self._outstanding.add(serial)
        self._large += large
        try:
            sweep = self._sweep() if serial % _SWEEP_EVERY == 0 else []
            results = await self._transact(await _encoded([first, *operations, *sweep]), OUTCOME_S)
        finally:
            self._outstanding.discard(serial)
            self._large -= large
        error = from_results(results, [Target(COMMIT.name, mark), *targets])
        if isinstance(error, DuplicateIdConflict) and error.id == mark:
            return None
        return error

    def _sweep(self) -> list[Operation]:
        """Delete the rows of `Commit` that nobody will ask for any more."""
        done = min(self._outstanding, default=self._serial + 1)
        return [
            _delete(["writer", "==", self._writer], ["serial", "<", done]),
            _delete(["made", "<", int(time.time()) - _KEPT_S]),
        ]

    async def _forget_commits(self) -> None:
        if self.ready:
            try:
                async with asyncio.timeout(1):
                    await self._transact([_delete(["writer", "==", self._writer])], 0)
            except (DatabaseUnavailable, TransactionRefusedError, TimeoutError):
                return  # another server deletes them a day later

    async def _transact(self, operations: Sequence[Operation | msgspec.Raw], wait_s: float) -> list[Any]:
        """Send operations, again if the connection is lost before the reply. Raises DatabaseUnavailable."""
        deadline = time.monotonic() + wait_s
        for times_sent in range(_RESENDS + 1):
            session = await self._session(times_sent > 0, deadline)
            self.stats.resent += times_sent > 0
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + OUTCOME_S):
                    reply = await session.request("transact", [NAME, *operations])
            except SessionError:
                continue
            except TimeoutError:
                raise DatabaseUnavailable(
                    f"{session.remote} has not answered a transaction for {OUTCOME_S:g} s", outcome_unknown=True
                ) from None
            if reply.error == "canceled":  # the database is being converted, and will end the connection
                session.close("the database is being converted")
                continue
            if reply.error is not None:
                raise TransactionRefusedError(str(reply.error), session.remote)
            self.stats.transactions += 1
            return _decode_results(reply.result)
        raise DatabaseUnavailable(f"the connection was lost {_RESENDS + 1} times while a transaction was sent", True)

    async def _session(self, sent: bool, deadline: float) -> Session:
        try:
            return await self._link.session(max(0.0, deadline - time.monotonic()) if sent else CONNECT_S)
        except DatabaseUnavailable as e:
            if not sent:
                raise
            raise DatabaseUnavailable(f"{e}; whether the transaction happened is not known", True) from None


async def _encoded(operations: list[Operation]) -> list[msgspec.Raw]:
    """Give operations as JSON; of many, the event loop gets its turns meanwhile."""
    slices = Slices()
    found = []
    for operation in operations:
        found.append(msgspec.Raw(_encode(operation)))
        await slices.turn()
    return found


def _delete(*where: list[Any]) -> Operation:
    return {"op": "delete", "table": COMMIT.name, "where": list(where)}

"""What one of several servers does, so that another service of the cloud knows what it has to: the one with the lock.

    rows that changed --> Course: what waits, when what failed is tried, when all is compared --> Job: look, and tell
    what went wrong ----> Course: whether the log has it already

A `Course` is told the time and does no I/O. A `Worker` waits until there is something, has the lock of the central
database, and lets its `Job` do it. Nothing has to be kept of what was told: all is compared at the start, when the
lock comes to this server, and now and then.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tunbridge.api import metrics
from tunbridge.api.keystone_service import ServiceError
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.database.lock import Lock
from tunbridge.rules.request import Row

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Course(Generic[T]):
    """Which items are to be looked at, in which order, and when. Times are seconds of any clock."""

    def __init__(self, compare_s: float = math.inf) -> None:
        """`compare_s`: so often all is compared, after the first time."""
        self.waiting: dict[T, None] = {}
        self.later: dict[T, float] = {}
        """Items that are looked at again -> at which time."""
        self._compare_s = compare_s
        self._compare_at = -math.inf
        self._problem = ""

    def add(self, items: Iterable[T]) -> None:
        """Have them looked at, after those that wait already."""
        self.waiting.update(dict.fromkeys(items))

    def add_due(self, now: float) -> None:
        """Have those looked at whose time has come."""
        self.add([item for item, at in self.later.items() if at <= now])

    def take_all(self) -> list[T]:
        """Give what waits: it does no more."""
        taken, self.waiting = list(self.waiting), {}
        return taken

    def take(self) -> T:
        """Give the one that waits longest: it does no more."""
        item = next(iter(self.waiting))
        del self.waiting[item]
        return item

    def is_compare_due(self, now: float) -> bool:
        """Whether all is to be compared now; the next time is later then."""
        is_due = now >= self._compare_at
        if is_due:
            self._compare_at = now + self._compare_s
        return is_due

    def compare_soon(self) -> None:
        """Have all compared the next time."""
        self._compare_at = -math.inf

    def failed(self, reason: str) -> bool:
        """Whether this is news."""
        is_new = reason != self._problem
        self._problem = reason
        return is_new

    def went_well(self) -> bool:
        """Whether this is news: it had failed before."""
        is_new, self._problem = self._problem != "", ""
        return is_new


class Job(Protocol[Item]):
    """What is told to a service, item by item. Its methods raise ServiceError and DatabaseError: it is tried again."""

    def concerned(self, table: str, old: Row | None, new: Row | None) -> Iterable[Item]:
        """Items to look at now that a row has changed."""

    async def compare(self) -> None:
        """Ask what the service has, and let everything wait that it has or should have."""

    async def work(self) -> None:
        """Look at one or more of those that wait; what is not done when it raises waits again."""


class Words(NamedTuple):
    """For the log."""

    failed: str
    again: str


class Worker(Generic[T]):
    """Lets a job work as long as it runs; to be made before the database is started."""

    def __init__(
        self, database: Database, job: Job[T], course: Course[T], lock: str, again_s: float, words: Words, log: Any
    ) -> None:
        """`again_s`: after so many seconds what failed is tried again."""
        self.lock = Lock(lock, self._lock_changed)
        self._database = database
        self._job = job
        self._course = course
        self._again_s = again_s
        self._words = words
        self._log = log
        self._something = asyncio.Event()
        self._fails_since = 0.0
        self._service = lock.removeprefix("tunbridge_")
        database.store.listen(self._changed)
        self._count()

    def _lock_changed(self) -> None:
        self.compare_soon()  # another server may have told them meanwhile

    def compare_soon(self) -> None:
        """Have all compared at once."""
        self._course.compare_soon()
        self._something.set()

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        items = list(self._job.concerned(table, old, new))
        if items:
            self._course.add(items)
            self._something.set()

    async def run(self) -> None:
        """Do what there is to do, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._again_s):
                    await self._something.wait()
            except TimeoutError:
                pass
            self._something.clear()
            if not self.lock.held:
                self._course.take_all()
                self._count()
            elif self._database.ready:
                await self._pass()

    async def _pass(self) -> None:
        """Do what there is to do, until something fails."""
        try:
            if self._course.is_compare_due(time.monotonic()):
                await self._compare()
            self._course.add_due(time.monotonic())
            while self._course.waiting and self.lock.held:
                await self._job.work()
                await asyncio.sleep(0)
        except (ServiceError, DatabaseError) as e:
            if self._course.failed(str(e)):
                self._log.error(self._words.failed, reason=str(e), waiting=len(self._course.waiting))
            self._count(fails=True)
            await asyncio.sleep(self._again_s)
            self._something.set()
            return
        if self._course.went_well():
            self._log.info(self._words.again)
        self._count()

    def _count(self, fails: bool = False) -> None:
        """Tell operators; where another server has the lock there is nothing to tell."""
        held = self.lock.held
        for state, items in (("waiting", self._course.waiting), ("refused", self._course.later)):
            metrics.TOLD.labels(self._service, state).set(len(items) if held else 0)
        self._fails_since = (self._fails_since or time.time()) if fails else 0.0
        metrics.TOLD_FAILS_SINCE.labels(self._service).set(self._fails_since)

    async def _compare(self) -> None:
        try:
            await self._job.compare()
        except BaseException:
            self._course.compare_soon()
            raise

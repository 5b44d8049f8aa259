"""What waits is worked on by the server with the lock, on a real ovsdb-server; what goes wrong is told once."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.database.members import Member, member
from tests.database.tables import TABLES
from tests.database.test_connection import delete, insert
from tunbridge import log
from tunbridge.api import metrics
from tunbridge.api.keystone_service import ServiceError
from tunbridge.api.worker import Course, Words, Worker
from tunbridge.database.connection import Database
from tunbridge.rules.request import Row

WORDS = Words("it cannot be told", "it is told again")


class Service:
    """Knows groups by id."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.problem = ""
        self.compared = 0

    def ask(self) -> dict[str, str]:
        if self.problem:
            raise ServiceError(self.problem)
        return self.names


class Groups:
    """Tells a service of the names of groups."""

    def __init__(self, database: Database, service: Service, lock: str, again_s: float = 0.1) -> None:
        self.course = Course[str]()
        self.worker = Worker(database, self, self.course, lock, again_s, WORDS, log.get())
        self._store = database.store
        self._service = service

    def concerned(self, table: str, old: Row | None, new: Row | None) -> Iterable[str]:
        return [row.id for row in (old or new,) if row is not None and table == "Group"]

    async def compare(self) -> None:
        self._service.compared += 1
        self.course.add([*self._service.ask(), *(row.id for row in self._store.all("Group"))])

    async def work(self) -> None:
        id = self.course.take()
        row = self._store.get("Group", id)
        try:
            names = self._service.ask()
        except ServiceError:
            self.course.add([id])
            raise
        if row is None:
            names.pop(id, None)
        else:
            names[id] = row.name


class Working:
    """A connection to the database, and a worker on it."""

    def __init__(self, database: Database, groups: Groups, tasks: list[asyncio.Task[None]]) -> None:
        self.database = database
        self.worker, self.course = groups.worker, groups.course
        self._tasks = tasks

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()


@asynccontextmanager
async def working(remote: str, service: Service, lock: str) -> AsyncIterator[Working]:
    database = Database(TABLES)
    groups = Groups(database, service, lock)
    await database.start([remote])
    await database.wait_ready(10)
    tasks = [asyncio.create_task(groups.worker.run()), asyncio.create_task(groups.worker.lock.run([remote]))]
    made = Working(database, groups, tasks)
    try:
        yield made
    finally:
        await made.end()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def figure(name: str, service: str, **labels: str) -> float:
    """What the server's metrics say of a service."""
    found = metrics.REGISTRY.get_sample_value(f"tunbridge_server_{name}", {"service": service, **labels})
    assert found is not None
    return found


def fails_since(service: str) -> float:
    return figure("told_fails_since_seconds", service)


@pytest.fixture(scope="module")
def there() -> Iterator[Member]:
    with member() as made:
        yield made


def test_what_waits_keeps_its_order_and_waits_once() -> None:
    course = Course[str]()
    course.add("abca")
    assert course.take() == "a"
    course.add("ba")
    assert course.take_all() == ["b", "c", "a"]
    assert not course.waiting


def test_later_is_when_its_time_has_come() -> None:
    course = Course[str]()
    course.later.update(now=5.0, then=7.0)
    course.add_due(4.9)
    assert not course.waiting
    course.add_due(5.0)
    assert course.take_all() == ["now"]


def test_all_is_compared_at_first_every_so_often_and_on_demand() -> None:
    course = Course[str](compare_s=10)
    assert [course.is_compare_due(now) for now in (3.0, 3.0, 12.9, 13.0, 13.1)] == [True, False, False, True, False]
    course.compare_soon()
    assert [course.is_compare_due(now) for now in (14.0, 23.9, 24.0)] == [True, False, True]


def test_a_problem_is_news_once_and_its_end_too() -> None:
    course = Course[str]()
    assert not course.went_well()
    assert [course.failed(reason) for reason in ("away", "away", "full", "away")] == [True, False, True, True]
    assert [course.went_well(), course.went_well()] == [True, False]
    assert course.failed("away")


def test_rows_are_told_at_the_start_and_as_they_change(there: Member) -> None:
    async def run() -> None:
        service = Service()
        service.names["gone"] = "while nobody looked"
        async with working(there.remote, service, "start") as one:
            await until(lambda: service.names == {})
            id = await one.database.commit(insert("Group", name="new"))
            await until(lambda: service.names == {id: "new"})
            await one.database.commit(delete("Group", id))
            await until(lambda: service.names == {})
            assert service.compared == 1

    asyncio.run(run())


def test_a_service_that_is_away_is_tried_again_and_told_of_once(
    there: Member, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        fields = [(r.getMessage(), getattr(r, "fields", {})) for r in caplog.records]
        return [f.get("reason", event) for event, f in fields if event in WORDS]

    async def run() -> None:
        service, began = Service(), time.time()
        async with working(there.remote, service, "away") as one:
            await until(lambda: service.compared == 1)
            assert fails_since("away") == 0
            service.problem = "nobody answers"
            made = [await one.database.commit(insert("Group", name=name)) for name in "ab"]
            await until(lambda: told() == ["nobody answers"])
            await asyncio.sleep(0.5)  # some more tries
            assert set(one.course.waiting) == set(made)
            since = fails_since("away")
            assert began <= since <= time.time() and figure("told", "away", state="waiting") == 2
            service.problem = "it is full"
            await until(lambda: told()[1:] == ["it is full"])
            assert fails_since("away") == since, "of the first failure"
            service.problem = ""
            await until(lambda: service.names == dict(zip(made, "ab", strict=True)))
            await until(lambda: told()[2:] == [WORDS.again])
            await until(lambda: fails_since("away") == 0 == figure("told", "away", state="waiting"))
            for id in made:
                await one.database.commit(delete("Group", id))

    with caplog.at_level(logging.INFO, "tunbridge"):
        asyncio.run(run())
    assert told() == ["nobody answers", "it is full", WORDS.again]


def test_a_comparison_that_failed_is_made_again(there: Member) -> None:
    async def run() -> None:
        service = Service()
        service.names["gone"] = "while nobody looked"
        service.problem = "nobody answers"
        async with working(there.remote, service, "again"):
            await until(lambda: service.compared >= 2)
            service.problem = ""
            await until(lambda: service.names == {})

    asyncio.run(run())


def test_of_two_the_one_with_the_lock_works_and_the_other_takes_over_and_compares(there: Member) -> None:
    async def run() -> None:
        first, second = Service(), Service()
        async with working(there.remote, first, "two") as one, working(there.remote, second, "two") as two:
            await until(lambda: one.worker.lock.held or two.worker.lock.held)
            (ours, mine), (other, its) = ((one, first), (two, second))[:: 1 if one.worker.lock.held else -1]
            id = await other.database.commit(insert("Group", name="x"))
            await until(lambda: mine.names == {id: "x"})
            await until(lambda: not other.course.waiting)
            assert (its.names, its.compared) == ({}, 0)
            await ours.end()
            await until(lambda: its.names == {id: "x"})
            assert its.compared == 1
            await other.database.commit(delete("Group", id))

    asyncio.run(run())

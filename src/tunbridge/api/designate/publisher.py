"""Keeps in Designate the names that ports and floating IPs are published under.

    rows --> of_port, of_floating_ip --> wanted --+
                                                  +--> remove, then make or change
    Designate --> recordsets with our mark -------+

What Designate has is asked for now and then (api/worker.py); in between, rows that change say what to look at. So after
a time without Designate or server, and with a database that was restored, what differs is corrected.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, Protocol

from tunbridge.api import metrics
from tunbridge.api.designate import records
from tunbridge.api.designate.client import DesignateError, FailedError, Recordset, RefusedError, TakenError
from tunbridge.api.designate.config import DesignateConfig
from tunbridge.api.designate.records import Wanted
from tunbridge.api.worker import Course, Words, Worker
from tunbridge.database.connection import Database
from tunbridge.rules import identity
from tunbridge.rules.publication import Publishing
from tunbridge.rules.request import Reader, Row

LOCK = "tunbridge_designate"
WORDS = Words("names cannot be published, tried again", "names are published again")
AGAIN_S = 5.0
"""After so many seconds it is tried again where Designate was away."""
REFUSED_AGAIN_S = 60.0
"""After so many seconds what was refused is tried again: a zone may be there by then."""
COMPARE_S = 600.0
"""So often all is compared: recordsets are changed by others, too."""
AT_ONCE = 8
"""Owners that Designate is told of at the same time."""
_SLICE = 500
"""Rows that are looked at before others have a turn."""


class Owner(NamedTuple):
    """What a name belongs to: a row of Port or Floating_Ip."""

    table: str
    id: str


_KINDS = {"Port": "port", "Floating_Ip": "floatingip"}


class Dns(Protocol):
    """What is needed of Designate."""

    def forget_zones(self) -> None:
        """Look for zones anew."""

    async def find(self, mark: str) -> list[Recordset]:
        """Give all recordsets whose description begins with a text."""

    async def set(self, wanted: Wanted, mark: str) -> Recordset:
        """Make a recordset."""

    async def change(self, there: Recordset, wanted: Wanted, mark: str) -> Recordset | None:
        """Change the records of one; None: it is gone."""

    async def remove(self, there: Recordset) -> None:
        """Remove one."""


_Refusals = dict[Owner, list[RefusedError]]


class _Plan(NamedTuple):
    """What there is to do for one owner."""

    removed: list[Recordset]
    changed: list[tuple[Recordset, Wanted]]
    made: list[Wanted]


class Publisher:
    """What there is to publish; to be made before the database is started."""

    def __init__(
        self, database: Database, designate: Dns, publishing: Publishing, config: DesignateConfig, log: Any
    ) -> None:
        self._course = Course[Owner](COMPARE_S)
        self.worker = Worker(database, self, self._course, LOCK, AGAIN_S, WORDS, log)
        self._database = database
        self._designate = designate
        self._publishing = publishing
        self._config = config
        self._log = log
        self._mark = ""
        self._there: dict[Owner, dict[str, Recordset]] = {}
        """What Designate has of ours, by the recordset's id."""
        self._refused: dict[Owner, str] = {}
        """Owners with recordsets that Designate refused -> why."""
        self._taken: set[Owner] = set()
        """Of these, whose name another has."""

    def concerned(self, table: str, old: Row | None, new: Row | None) -> Iterable[Owner]:
        """Whose names may be others now."""
        if table == "Network_Segment_Range":
            self.worker.compare_soon()
        return _concerned(self._database.store, table, old, new)

    def _count(self) -> None:
        found = sum(len(recordsets) for recordsets in self._there.values())
        states = {"published": found, "waiting": len(self._course.waiting), "refused": len(self._refused)}
        for state, number in states.items():
            metrics.DNS_NAMES.labels(state).set(number)

    # What differs

    async def compare(self) -> None:
        """Ask what Designate has, and look at everything that it has or should have."""
        try:
            await self._find()
        finally:
            self._count()
        self._course.add(self._there)
        for table in _KINDS:
            for number, row in enumerate(list(self._database.store.all(table))):
                if number % _SLICE == 0:
                    await asyncio.sleep(0)
                if row.dns_name or (table == "Floating_Ip" and row.port_id):
                    self._course.add([Owner(table, row.id)])

    async def _find(self) -> None:
        self._mark = f"Tunbridge {await self._database.commit(identity.ensure)}: "
        found = await self._designate.find(self._mark)
        self._there = {}
        for recordset in found:
            owner = self._owner(recordset.description or "")
            if owner is not None:
                self._there.setdefault(owner, {})[recordset.id] = recordset

    def _owner(self, description: str) -> Owner | None:
        kind, _, id = description.removeprefix(self._mark).partition(" ")
        return next((Owner(table, id) for table, named in _KINDS.items() if named == kind), None)

    def _wanted(self, owner: Owner) -> list[Wanted]:
        store = self._database.store
        row = store.get(owner.table, owner.id)
        if row is None:
            return []
        of = self._publishing.of_port if owner.table == "Port" else self._publishing.of_floating_ip
        name = of(store, row)
        return [] if name is None else records.of_name(name, self._config)

    def _plan(self, owner: Owner) -> _Plan:
        wanted = {one.key: one for one in self._wanted(owner)}
        plan = _Plan([], [], [])
        for there in self._there.get(owner, {}).values():
            one = wanted.pop(there.key, None)
            if one is None:
                plan.removed.append(there)
            elif sorted(one.records) != sorted(there.records):
                plan.changed.append((there, one))
        plan.made.extend(wanted.values())
        return plan

    # Doing it

    async def work(self) -> None:
        """Look at all owners that wait."""
        self._designate.forget_zones()
        try:
            await self._carry_out(await self._plans())
        finally:
            self._count()

    async def _plans(self) -> dict[Owner, _Plan]:
        plans: dict[Owner, _Plan] = {}
        for number, owner in enumerate(self._course.take_all()):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            plan = self._plan(owner)
            if any(plan):
                plans[owner] = plan
            else:
                self._settle(owner, [])
        return plans

    async def _carry_out(self, plans: dict[Owner, _Plan]) -> None:
        """First names are given up, so that others can have them."""
        refused: _Refusals = {owner: [] for owner in plans}
        gone = [owner for owner, plan in plans.items() if plan.removed]
        try:
            await self._each(gone, plans, lambda owner: self._remove(owner, plans[owner], refused[owner]))
            await self._each(plans, plans, lambda owner: self._set(owner, plans[owner], refused[owner]))
        finally:
            for owner, reasons in refused.items():
                self._settle(owner, reasons)
        if gone:
            self._course.add(self._taken)
            self._taken.clear()

    async def _each(
        self, owners: Iterable[Owner], all_of: Iterable[Owner], do: Callable[[Owner], Awaitable[None]]
    ) -> None:
        """Do something for each owner, some at once. Raises DesignateError once what was begun has ended.

        All are looked at again then, those that it happened with last: nobody waits for them.
        """
        left = iter(owners)
        errors: dict[Owner, DesignateError] = {}

        async def work() -> None:
            for owner in left:
                if errors:
                    return
                try:
                    await do(owner)
                except DesignateError as e:
                    errors[owner] = e

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        if errors:
            since = self._course.take_all()
            self._course.add([owner for owner in all_of if owner not in errors])
            self._course.add([owner for owner in since if owner not in errors])
            self._course.add(errors)
            raise next(iter(errors.values()))

    async def _remove(self, owner: Owner, plan: _Plan, refused: list[RefusedError]) -> None:
        for there in plan.removed:
            try:
                await self._designate.remove(there)
            except RefusedError as e:
                refused.append(e)
                continue
            self._forget(owner, there)
            self._log.info("a name is no longer published", what=owner.id, name=there.name, type=there.type)

    async def _set(self, owner: Owner, plan: _Plan, refused: list[RefusedError]) -> None:
        """Names first: of one that may not be published no PTR record says that it is the address's."""
        mark = f"{self._mark}{_KINDS[owner.table]} {owner.id}"
        for is_reverse in (False, True):
            changed = [one for one in plan.changed if (one[1].type == "PTR") is is_reverse]
            made = [one for one in plan.made if (one.type == "PTR") is is_reverse]
            if is_reverse and refused:
                await self._take_back(owner, [there for there, _ in changed])
                return
            for there, wanted in changed:
                try:
                    kept = await self._designate.change(there, wanted, mark)
                    self._forget(owner, there)
                    self._keep(owner, kept or await self._designate.set(wanted, mark))
                except RefusedError as e:
                    refused.append(e)
            for wanted in made:
                try:
                    self._keep(owner, await self._designate.set(wanted, mark))
                except RefusedError as e:
                    refused.append(e)

    async def _take_back(self, owner: Owner, all_of: Iterable[Recordset]) -> None:
        """Remove PTR records that say a name from before; what is refused is compared again."""
        for there in all_of:
            with contextlib.suppress(RefusedError):
                await self._designate.remove(there)
                self._forget(owner, there)

    def _keep(self, owner: Owner, there: Recordset) -> None:
        self._there.setdefault(owner, {})[there.id] = there
        self._log.info("a name is published", what=owner.id, name=there.name, type=there.type)

    def _forget(self, owner: Owner, there: Recordset) -> None:
        kept = self._there.get(owner, {})
        kept.pop(there.id, None)
        if not kept:
            self._there.pop(owner, None)

    def _settle(self, owner: Owner, refused: list[RefusedError]) -> None:
        """Note what became of an owner's names; what is refused is told once."""
        if not refused:
            self._refused.pop(owner, None)
            self._course.later.pop(owner, None)
            return
        reason = "; ".join(map(str, refused))
        if self._refused.get(owner) != reason:
            self._log.warning("a name cannot be published, tried again", what=owner.id, reason=reason)
        pause = AGAIN_S if any(isinstance(one, FailedError) for one in refused) else REFUSED_AGAIN_S
        self._refused[owner] = reason
        self._course.later[owner] = time.monotonic() + pause
        if any(isinstance(one, TakenError) for one in refused):
            self._taken.add(owner)


def _concerned(reader: Reader, table: str, old: Row | None, new: Row | None) -> Iterable[Owner]:
    """Whose names may be others now that a row has changed."""
    if table == "Floating_Ip":
        yield from (Owner(table, row.id) for row in (old, new) if row is not None)
    elif table == "Port":
        if _differ(old, new, "dns_name", "dns_domain", "dns_words", "addresses"):
            yield from _of_ports(reader, (row for row in (old, new) if row is not None))
    elif (
        table == "Network"
        and _differ(old, new, "dns_domain", "router_external", "segments", "provider_segmentation_id")
    ) or (table == "Subnet" and _differ(old, new, "dns_publish_fixed_ip")):
        row = new or old
        assert row is not None
        yield from _of_ports(reader, reader.find("Port", "network_id", getattr(row, "network_id", row.id)))


def _of_ports(reader: Reader, ports: Iterable[Row]) -> Iterable[Owner]:
    for port in ports:
        if port.dns_name:
            yield Owner("Port", port.id)
            yield from (Owner("Floating_Ip", row.id) for row in reader.find("Floating_Ip", "port_id", port.id))


def _differ(old: Row | None, new: Row | None, *columns: str) -> bool:
    return old is None or new is None or any(getattr(old, name) != getattr(new, name) for name in columns)

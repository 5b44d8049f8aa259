"""Keeps in Designate the names that ports and floating IPs are published under.

    rows --> of_port, of_floating_ip --> wanted --+
                                                  +--> remove, then make or change
    Designate --> recordsets with our mark -------+

What Designate has is asked for at the start, when the lock of the central database comes to this server, and now and
then; in between, rows that change say what to look at. So nothing has to be kept of what was told: after a time without
Designate or server, and with a database that was restored, what differs is corrected. Of several servers the one with
the lock does it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, Protocol

from tunbridge.api import metrics
from tunbridge.api.designate import records
from tunbridge.api.designate.client import DesignateError, FailedError, Recordset, RefusedError, TakenError
from tunbridge.api.designate.config import DesignateConfig
from tunbridge.api.designate.records import Wanted
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.database.lock import Lock
from tunbridge.rules import identity
from tunbridge.rules.publication import Publishing
from tunbridge.rules.request import Reader, Row

LOCK = "tunbridge_designate"
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


class _Refusal(NamedTuple):
    """Why a name is not published, and when it is tried again."""

    reason: str
    again_at: float


_Refusals = dict[Owner, list[RefusedError]]


class _Plan(NamedTuple):
    """What there is to do for one owner."""

    removed: list[Recordset]
    changed: list[tuple[Recordset, Wanted]]
    made: list[Wanted]


class Publisher:
    """Publishes as long as it runs; to be made before the database is started."""

    def __init__(
        self, database: Database, designate: Dns, publishing: Publishing, config: DesignateConfig, log: Any
    ) -> None:
        self.lock = Lock(LOCK, self._lock_changed)
        self._database = database
        self._designate = designate
        self._publishing = publishing
        self._config = config
        self._log = log
        self._mark = ""
        self._there: dict[Owner, dict[str, Recordset]] = {}
        """What Designate has of ours, by the recordset's id."""
        self._waiting: dict[Owner, None] = {}
        """Owners to look at."""
        self._refused: dict[Owner, _Refusal] = {}
        """Owners with recordsets that Designate refused."""
        self._taken: set[Owner] = set()
        """Of these, whose name another has."""
        self._compare_at = 0.0
        self._problem = ""
        self._something = asyncio.Event()
        database.store.listen(self._changed)

    # What changes

    def _lock_changed(self) -> None:
        self._compare_at = 0.0  # another server may have written meanwhile
        self._something.set()

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table == "Network_Segment_Range":
            self._compare_at = 0.0
            self._something.set()
        owners = dict.fromkeys(_concerned(self._database.store, table, old, new))
        if owners:
            self._waiting.update(owners)
            self._something.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._something.wait()
            except TimeoutError:
                pass
            self._something.clear()
            if not self.lock.held:
                self._waiting.clear()
            elif self._database.ready:
                await self._pass()

    async def _pass(self) -> None:
        """Do what there is to do, as far as Designate lets it be done."""
        try:
            self._designate.forget_zones()
            if time.monotonic() >= self._compare_at:
                await self._compare()
            now = time.monotonic()
            self._waiting.update((owner, None) for owner, refusal in self._refused.items() if refusal.again_at <= now)
            while self._waiting and self.lock.held:
                await self._work()
        except (DesignateError, DatabaseError) as e:
            if str(e) != self._problem:
                self._log.error("names cannot be published, tried again", reason=str(e), waiting=len(self._waiting))
            self._problem = str(e)
            self._count()
            await asyncio.sleep(AGAIN_S)
            self._something.set()
            return
        if self._problem:
            self._log.info("names are published again")
            self._problem = ""
        self._count()

    def _count(self) -> None:
        found = sum(len(recordsets) for recordsets in self._there.values())
        states = {"published": found, "waiting": len(self._waiting), "refused": len(self._refused)}
        for state, number in states.items():
            metrics.DNS_NAMES.labels(state).set(number)

    # What differs

    async def _compare(self) -> None:
        """Ask what Designate has, and look at everything that it has or should have."""
        self._mark = f"Tunbridge {await self._database.commit(identity.ensure)}: "
        found = await self._designate.find(self._mark)
        self._there = {}
        for recordset in found:
            owner = self._owner(recordset.description or "")
            if owner is not None:
                self._there.setdefault(owner, {})[recordset.id] = recordset
        self._compare_at = time.monotonic() + COMPARE_S
        self._waiting.update(dict.fromkeys(self._there))
        for table in _KINDS:
            for number, row in enumerate(list(self._database.store.all(table))):
                if number % _SLICE == 0:
                    await asyncio.sleep(0)
                if row.dns_name or (table == "Floating_Ip" and row.port_id):
                    self._waiting[Owner(table, row.id)] = None

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

    async def _work(self) -> None:
        """Look at all owners that wait: first names are given up, so that others can have them."""
        plans: dict[Owner, _Plan] = {}
        owners, self._waiting = self._waiting, {}
        for number, owner in enumerate(owners):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            plan = self._plan(owner)
            if any(plan):
                plans[owner] = plan
            else:
                self._settle(owner, [])
        refused: _Refusals = {owner: [] for owner in plans}
        gone = [owner for owner, plan in plans.items() if plan.removed]
        try:
            await self._each(gone, plans, lambda owner: self._remove(owner, plans[owner], refused[owner]))
            await self._each(plans, plans, lambda owner: self._set(owner, plans[owner], refused[owner]))
        finally:
            for owner, reasons in refused.items():
                self._settle(owner, reasons)
        if gone:
            self._waiting.update(dict.fromkeys(self._taken))
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
            others = [owner for owner in all_of if owner not in errors]
            self._waiting = {**dict.fromkeys(others), **self._waiting, **dict.fromkeys(errors)}
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
        mark = f"{self._mark}{_KINDS[owner.table]} {owner.id}"
        for there, wanted in plan.changed:
            try:
                changed = await self._designate.change(there, wanted, mark)
                self._forget(owner, there)
                self._keep(owner, changed or await self._designate.set(wanted, mark))
            except RefusedError as e:
                refused.append(e)
        for wanted in plan.made:
            try:
                self._keep(owner, await self._designate.set(wanted, mark))
            except RefusedError as e:
                refused.append(e)

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
            return
        reason = "; ".join(map(str, refused))
        if owner not in self._refused or self._refused[owner].reason != reason:
            self._log.warning("a name cannot be published, tried again", what=owner.id, reason=reason)
        pause = AGAIN_S if any(isinstance(one, FailedError) for one in refused) else REFUSED_AGAIN_S
        self._refused[owner] = _Refusal(reason, time.monotonic() + pause)
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

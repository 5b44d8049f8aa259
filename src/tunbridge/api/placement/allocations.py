"""Changes what servers have allocated in Placement, around the transactions that need it (rules/allocations.py).

What is asked for stands in the central database first (rules/allocation_changes.py). Whatever ends half-way, this
server or Placement or the database, is taken back from there: here at once, else by `settler.py`.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from tunbridge.api.placement.client import Allocation, NoAllocationError, NoRoomError, Placement, PlacementError
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.rules import allocation_changes
from tunbridge.rules.allocation_changes import TABLE, Amounts, Pending
from tunbridge.rules.allocations import AllocationNeeded, Change
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, Unavailable
from tunbridge.rules.request import Request, Txn

TRIES = 5
"""Of a transaction whose needs change while they are granted, and of a change that another program is faster with."""
WAIT_S = 5.0
"""How long a request waits for another one that changes what the same server has."""
_LOOK_S = 0.1
_KEEP_CHANGING = "other programs keep changing it"


class Allocations:
    """Those in one Placement."""

    def __init__(self, placement: Placement, database: Database, log: Any) -> None:
        self._placement = placement
        self._database = database
        self._log = log

    async def close(self) -> None:
        """Close the connections."""
        await self._placement.close()

    async def during(self, request: Request, write: Callable[[Request], Awaitable[None]]) -> None:
        """Write, with Placement asked for what that needs; what was granted is taken back if nothing is written.

        Raises NetworkingError: also where Placement has no room, or cannot be asked.
        """
        for _ in range(TRIES):
            try:
                return await write(request)
            except AllocationNeeded as e:
                needed = e.changes
            changes = await self._grant(needed)
            try:
                return await write(replace(request, granted=frozenset(needed), allocation_changes=changes))
            except AllocationNeeded:
                continue
            finally:  # what was written has deleted the rows, unless it came to need none of it
                await asyncio.shield(self._take_back(changes))
        raise Unavailable(
            "ServiceUnavailable", "Others keep changing what the ports ask of Placement. Try again later."
        )

    async def take_back(self, id: str) -> None:
        """See to it that nothing is left of a change whose transaction has not happened, and does not any more.

        Raises PlacementError and DatabaseError: it is to be tried again.
        """
        row = await self._database.commit(lambda txn: allocation_changes.claim(txn, id))
        if row is None:
            return
        for _ in range(TRIES):
            there = await self._placement.allocation(row.consumer)
            # Only while the row is there nobody else changes it, so that what was looked at is still what it says.
            await self._database.barrier()
            if self._database.store.get(TABLE, id) is None:
                return
            amounts = allocation_changes.left(row, there.generation, there.resources)
            if amounts is None:
                self._log.error(
                    "an allocation in Placement may not be what its ports ask for: compare them",
                    server=row.consumer, change=row.steps,
                )  # fmt: skip
            if not there.resources or amounts is None or await self._is_changed(there, amounts):
                break
        else:
            raise PlacementError(f"/allocations/{row.consumer}: {_KEEP_CHANGING}")
        await self._database.commit(lambda txn: allocation_changes.forget(txn, id))

    async def _is_changed(self, there: Allocation, amounts: Amounts) -> bool:
        """Change it, or let at least its generation be another: then what is still on its way is refused."""
        try:
            return await self._placement.change_allocation(there, amounts)
        except NoRoomError:
            if amounts:
                raise
            return True  # there is less than what it has: nothing that is on its way has room either

    async def _take_back(self, ids: Iterable[str]) -> None:
        for id in ids:
            if self._database.store.get(TABLE, id) is not None:
                try:
                    await self.take_back(id)
                except (PlacementError, DatabaseError) as e:
                    self._log.warning("an allocation in Placement is taken back later", reason=str(e))

    async def _grant(self, needed: Iterable[Change]) -> tuple[str, ...]:
        """Have Placement change what servers have; the rows that say so. Raises NetworkingError."""
        wanted = _by_server(needed)
        if not wanted:
            return ()
        there: dict[str, Allocation] = {}
        ids: dict[str, str] = {}
        try:
            for consumer, amounts in wanted.items():
                with self._telling(consumer, amounts):
                    there[consumer] = await self._there(consumer)
            ids = await self._intend(there, wanted)
            for consumer, amounts in wanted.items():
                with self._telling(consumer, amounts):
                    await self._change(ids[consumer], there[consumer], amounts)
        except BaseException:
            await asyncio.shield(self._take_back(ids.values()))
            raise
        return tuple(ids.values())

    @contextlib.contextmanager
    def _telling(self, consumer: str, amounts: Amounts) -> Iterator[None]:
        """Have what Placement does not do told in Neutron's words. Raises NetworkingError."""
        try:
            yield
        except PlacementError as e:
            self._log.warning("an allocation was not changed", server=consumer, reason=str(e))
            raise _told(consumer, amounts, e) from e

    async def _there(self, consumer: str) -> Allocation:
        there = await self._placement.allocation(consumer)
        if not there.resources:
            raise NoAllocationError(f"/allocations/{consumer}: it has none")
        return there

    async def _intend(self, there: Mapping[str, Allocation], wanted: Mapping[str, Amounts]) -> dict[str, str]:
        """Note in the database what Placement will be asked for; waits for others. Raises Pending."""

        def build(txn: Txn) -> dict[str, str]:
            return {
                consumer: allocation_changes.intend(
                    txn, consumer, found.generation, allocation_changes.steps(found.resources, wanted[consumer])
                )
                for consumer, found in there.items()
            }

        end = time.monotonic() + WAIT_S
        while True:
            try:
                return await self._database.commit(build)
            except Pending:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(_LOOK_S)

    async def _change(self, id: str, there: Allocation, amounts: Amounts) -> None:
        for _ in range(TRIES):
            if await self._placement.change_allocation(there, amounts):
                return
            there = await self._there(there.consumer)
            planned = allocation_changes.steps(there.resources, amounts)
            amend = functools.partial(allocation_changes.amend, id=id, generation=there.generation, planned=planned)
            await self._database.commit(amend)
        raise PlacementError(f"/allocations/{there.consumer}: {_KEEP_CHANGING}")


def _by_server(needed: Iterable[Change]) -> dict[str, Amounts]:
    """Server -> what all changes together ask for; of nothing, none."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for change in needed:
        of = found.setdefault(change.consumer, {})
        for provider, name, difference in change.amounts:
            of[provider, name] = of.get((provider, name), 0) + difference
    amounts = {
        consumer: tuple((provider, name, n) for (provider, name), n in sorted(of.items()) if n)
        for consumer, of in sorted(found.items())
    }
    return {consumer: of for consumer, of in amounts.items() if of}


def _told(consumer: str, amounts: Amounts, e: PlacementError) -> NetworkingError:
    """Say it in Neutron's words."""
    if isinstance(e, NoRoomError):
        difference: dict[str, dict[str, int]] = {}
        for provider, name, amount in amounts:
            difference.setdefault(provider, {})[name] = amount
        message = (
            f"Updating placement allocation with {difference} for consumer {consumer} failed. The requested"
            " resources would exceed the capacity available."
        )
        return Conflict("QosPlacementAllocationUpdateConflict", message)
    if isinstance(e, NoAllocationError):
        return BadRequest("PlacementAllocationRemoved", f"Resource allocation is deleted for consumer {consumer}")
    return Unavailable("ServiceUnavailable", "Placement cannot be asked for what the port needs. Try again later.")

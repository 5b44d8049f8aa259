"""Changes what servers have allocated in Placement, around the transactions that need it (rules/allocations.py)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from msgspec.structs import replace

from tunbridge.api.placement.client import NoAllocationError, NoRoomError, Placement, PlacementError
from tunbridge.rules.allocations import AllocationNeeded, Change
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, Unavailable
from tunbridge.rules.request import Request

TRIES = 5
"""Of a transaction whose needs change while they are granted."""


class Allocations:
    """Those in one Placement."""

    def __init__(self, placement: Placement, log: Any) -> None:
        self._placement = placement
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
            await self._grant(needed)
            try:
                return await write(replace(request, granted=frozenset(needed)))
            except BaseException as e:
                await asyncio.shield(self._take_back(needed))
                if not isinstance(e, AllocationNeeded):
                    raise
        raise Unavailable(
            "ServiceUnavailable", "Others keep changing what the ports ask of Placement. Try again later."
        )

    async def _grant(self, needed: Iterable[Change]) -> None:
        done: list[Change] = []
        for change in needed:
            if not change.amounts:
                continue
            try:
                await self._placement.change_allocation(change.consumer, change.amounts)
            except PlacementError as e:
                await asyncio.shield(self._take_back(done))
                self._log.warning("an allocation was not changed", server=change.consumer, reason=str(e))
                raise _told(change, e) from e
            done.append(change)

    async def _take_back(self, granted: Iterable[Change]) -> None:
        for change in granted:
            if change.amounts:
                try:
                    await self._placement.change_allocation(change.consumer, change.reverse.amounts)
                except PlacementError as e:
                    self._log.error(
                        "an allocation in Placement is not what its port asks for: set it by hand",
                        server=change.consumer, port=change.port, difference=str(change.amounts), reason=str(e),
                    )  # fmt: skip


def _told(change: Change, e: PlacementError) -> NetworkingError:
    """Say it in Neutron's words."""
    if isinstance(e, NoRoomError):
        difference: dict[str, dict[str, int]] = {}
        for provider, name, amount in change.amounts:
            difference.setdefault(provider, {})[name] = amount
        message = (
            f"Updating placement allocation with {difference} for consumer {change.consumer} failed. The requested"
            " resources would exceed the capacity available."
        )
        return Conflict("QosPlacementAllocationUpdateConflict", message)
    if isinstance(e, NoAllocationError):
        return BadRequest(
            "PlacementAllocationRemoved", f"Resource allocation is deleted for consumer {change.consumer}"
        )
    return Unavailable("ServiceUnavailable", "Placement cannot be asked for what the port needs. Try again later.")

"""Tells the wire which routers' addresses are on this host now: whoever knew them on another host has to hear of it.

An address is announced when the bridges have acknowledged its flows, and again some moments later, since nobody
confirms an announcement.
"""

import asyncio
from collections.abc import Iterable

from tunbridge.agent.acknowledged import Acknowledged
from tunbridge.agent.wires import Wires
from tunbridge.dataplane.contribution import Claim
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders.announce import announcement

AGAIN_S = (0.0, 0.5, 2.0)
"""Seconds after which it is said."""


class Announcements:
    """The addresses that were announced."""

    def __init__(self, desired: Desired, wires: Wires) -> None:
        self._desired = desired
        self._wires = wires
        self._announced: set[Claim] = set()
        self._expected: set[Claim] = set()
        self._waiting = Acknowledged[set[Claim]]()
        self._tasks: set[asyncio.Task[None]] = set()

    def expect(self, generation: int) -> None:
        """Note what is to be here once every bridge has this generation of flows."""
        claims = set(self._desired.claims)
        if claims != self._expected:
            self._expected = claims
            self._waiting.expect(generation, claims)

    def acknowledged(self, generation: int) -> None:
        """Announce what is new, now that every bridge has this generation of flows."""
        waited = self._waiting.take(generation)
        if not waited:
            return
        new = waited[-1] - self._announced
        self._announced = waited[-1]
        if new:
            task = asyncio.create_task(self._tell(sorted(new)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, claims: Iterable[Claim]) -> None:
        for delay in AGAIN_S:
            await asyncio.sleep(delay)
            for claim in claims:
                network, address, mac = claim
                if claim in self._announced:  # not an address that is elsewhere by now
                    self._wires.send(network, announcement(address, mac))
                    await asyncio.sleep(0)

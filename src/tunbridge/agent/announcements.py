"""Tells the wire which routers' addresses are on this host now: whoever knew them on another host has to hear of it.

An address is announced when br-int and its network's bridge have acknowledged its flows, and again some moments later,
since nobody confirms an announcement.
"""

import asyncio
from collections.abc import Iterable, Mapping

from tunbridge.agent.acknowledged import Acknowledged
from tunbridge.agent.wires import Wires
from tunbridge.dataplane.contribution import Claim
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders.announce import announcement

AGAIN_S = (0.0, 0.5, 2.0)
"""Seconds after which it is said."""


class Announcements:
    """The addresses that are announced, or wait for it."""

    def __init__(self, desired: Desired, wires: Wires) -> None:
        self._desired = desired
        self._wires = wires
        self._claims: set[Claim] = set()
        """As last expected."""
        self._waiting = Acknowledged[Claim]()
        self._tasks: set[asyncio.Task[None]] = set()

    def expect(self, generation: int) -> None:
        """Note what is to be here once its bridges have this generation of flows."""
        claims = set(self._desired.claims)
        for claim in claims - self._claims:
            self._waiting.expect(generation, claim, self._wires.bridge(claim[0]))
        for claim in self._claims - claims:
            self._waiting.drop(claim)
        self._claims = claims

    def acknowledged(self, done: Mapping[str, int]) -> None:
        """Announce what is new in these bridges. `done`: bridge -> the generation of flows that it has."""
        if new := self._waiting.take(done):
            task = asyncio.create_task(self._tell(sorted(new)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, claims: Iterable[Claim]) -> None:
        for delay in AGAIN_S:
            await asyncio.sleep(delay)
            for claim in claims:
                network, address, mac = claim
                if claim in self._claims:  # not an address that is elsewhere by now
                    self._wires.send(network, announcement(address, mac))
                    await asyncio.sleep(0)

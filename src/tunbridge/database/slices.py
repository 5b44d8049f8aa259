"""Long work in slices: one request with thousands of things does not keep the others waiting."""

import asyncio
import time

SLICE_S = 0.008
"""So long work goes on before the event loop has a turn."""


class Slices:
    """Gives the event loop a turn when the last one was long ago: `await slices.turn()` between two pieces of work."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def turn(self) -> None:
        """Let others run, if it is time."""
        if time.perf_counter() - self._began > SLICE_S:
            await asyncio.sleep(0)
            self._began = time.perf_counter()

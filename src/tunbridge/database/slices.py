"""Long work in slices: one request with thousands of things does not keep the others waiting."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator

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


_uncollected = 0


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let Python look for no cycles meanwhile: what a request with thousands of things makes has none, and to look once
    takes longer than a slice. What is dropped goes at once, as always.
    """
    global _uncollected
    _uncollected += 1
    gc.disable()
    try:
        yield
    finally:
        _uncollected -= 1
        if not _uncollected:
            gc.enable()

"""How fast the agent repairs: slower, once another process keeps undoing what it does."""

import time
from collections import deque

from tunbridge.log import Log

BURST, BURST_S = 50, 10.0
"""More repairs than this in this time mean that another process keeps undoing them: then one pass a second."""
_PAUSE_S = 1.0


class Repairs:
    """When things were repaired last."""

    def __init__(self, log: Log) -> None:
        self.slowed = False
        """Whether another process keeps undoing what the agent does."""
        self._log = log
        self._times: deque[float] = deque(maxlen=BURST)

    def note(self) -> None:
        """Something is being repaired now."""
        self._times.append(time.monotonic())

    def pause_s(self) -> float:
        """How long to wait before the next one."""
        fighting = len(self._times) == BURST and time.monotonic() - self._times[0] < BURST_S
        if fighting and not self.slowed:
            self._log.warning(
                "another process keeps undoing the agent's changes; slowing down", repairs=BURST, seconds=BURST_S
            )
        self.slowed = fighting
        return _PAUSE_S if fighting else 0.0

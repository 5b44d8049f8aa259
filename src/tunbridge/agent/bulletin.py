"""What the loop lets others know: its last status, and since when it has been busy. Threads read, the loop writes.

Each is one reference to an immutable value, and replacing a reference is atomic: nobody sees half of a status, and
nobody makes the loop wait.
"""

import time

from tunbridge.agent.status import Answer, Status

HUNG_S = 60.0
"""A step takes milliseconds, and 30 s when `ovs-ofctl` gets no answer; after this long the loop is stuck."""


class Bulletin:
    """Where the loop puts its status."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._busy_since: float | None = None

    def busy(self) -> None:
        """Note that a step begins."""
        self._busy_since = time.monotonic()

    def idle(self) -> None:
        """Note that the loop waits for events: however long that is, it does not hang."""
        self._busy_since = None

    def publish(self, status: Status) -> None:
        """Tell this from now on."""
        self._status = status

    def read(self) -> Answer:
        """Give the last status, and for how many seconds the step since then has been going on."""
        since = self._busy_since
        return Answer(status=self._status, busy_s=0.0 if since is None else time.monotonic() - since)

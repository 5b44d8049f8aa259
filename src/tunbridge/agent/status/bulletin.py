"""What the loop lets others know: its last status, and when it was last at work. Threads read, the loop writes.

Each is one reference to an immutable value, and replacing a reference is atomic: nobody sees half of a status, and
nobody makes the loop wait.
"""

import time

from tunbridge.agent.status.document import Answer, Status

BEAT_S = 5.0
"""The loop notes at least this often that it runs."""
HUNG_S = 60.0
"""Nothing in the loop blocks; one that has not run for this long is stuck."""


class Bulletin:
    """Where the loop puts its status."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._beat = time.monotonic()

    def beat(self) -> None:
        """Note that the loop runs."""
        self._beat = time.monotonic()

    def publish(self, status: Status) -> None:
        """Tell this from now on."""
        self._status = status

    def read(self) -> Answer:
        """The last status, and for how many seconds the loop has not run although it should have."""
        late = time.monotonic() - self._beat - BEAT_S
        return Answer(status=self._status, busy_s=max(0.0, late))

"""Room for a number of things at a time, shared by those who take it."""

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)


class Shares(Generic[Who]):
    """Whoever comes gets room while there is some. After that each has an equal share of it, so that one who takes all
    leaves the others theirs; together they have at most twice the room.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._taken = Counter[Who]()

    def take(self, who: Who) -> bool:
        """Whether there is room for one thing more; then it counts until `leave`."""
        share = self._room // len(self._taken.keys() | {who})
        if self._taken.total() >= self._room and self._taken[who] >= max(share, 1):
            return False
        self._taken[who] += 1
        return True

    def leave(self, who: Who) -> None:
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]

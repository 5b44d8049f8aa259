"""What waits until every bridge has acknowledged a generation of wanted flows."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Acknowledged(Generic[T]):
    """Items in the order of their generations."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, T]] = deque()

    def expect(self, generation: int, item: T) -> None:
        """Keep an item until every bridge has this generation, which is not older than those before."""
        self._waiting.append((generation, item))

    def take(self, generation: int) -> list[T]:
        """Take the items that waited for this generation or an older one."""
        found = []
        while self._waiting and self._waiting[0][0] <= generation:
            found.append(self._waiting.popleft()[1])
        return found

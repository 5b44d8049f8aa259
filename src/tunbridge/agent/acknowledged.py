"""What waits until the bridges that it needs have acknowledged a generation of wanted flows.

Everything needs br-int. A bridge that does not answer keeps only those waiting that need it.
"""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from tunbridge.dataplane import names

T = TypeVar("T", bound=Hashable)


class Acknowledged(Generic[T]):
    """Items, each with the generation of flows that it waits for."""

    def __init__(self) -> None:
        self._waiting: dict[T, tuple[int, str]] = {}

    def expect(self, generation: int, item: T, bridge: str | None = None) -> None:
        """Keep an item until br-int, and `bridge`, have this generation. It waits for the last one that was named."""
        self._waiting.pop(item, None)
        self._waiting[item] = (generation, bridge or names.INTEGRATION_BRIDGE)

    def drop(self, item: T) -> None:
        """Wait for an item no more."""
        self._waiting.pop(item, None)

    def take(self, done: Mapping[str, int]) -> list[T]:
        """Take the items whose bridges have their generation. `done`: bridge -> the one that it has."""
        common = done.get(names.INTEGRATION_BRIDGE, -1)
        found = [
            item for item, (wanted, bridge) in self._waiting.items() if wanted <= min(common, done.get(bridge, -1))
        ]  # fmt: skip
        for item in found:
            del self._waiting[item]
        return found

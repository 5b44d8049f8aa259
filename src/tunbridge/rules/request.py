"""What rules know of the request that they serve, and where they read and write."""

import random
from collections.abc import Callable, Collection, Hashable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from tunbridge.rules.caller import Caller
from tunbridge.rules.settings import NetworkingSettings

T = TypeVar("T")
Row = Any
"""A row of the store: a struct with `id` and one attribute per column."""
Values = dict[str, Any]
"""A body after validation: names of fields as users know them, with defaults filled in (UNSET where rules decide)."""


class Reader(Protocol):
    """Rows as they are: the store, or a transaction with what it has written so far."""

    def get(self, table: str, id: str) -> Row | None:
        """Give a row."""

    def all(self, table: str) -> Collection[Row]:
        """Give all rows of a table."""

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        """Give the rows with this value, by index where there is one."""

    def find_unique(self, table: str, columns: tuple[str, ...], values: tuple[Any, ...]) -> Row | None:
        """Give the row of a unique index."""

    def count(self, table: str, column: str, value: Any) -> int:
        """Count the rows with this value."""


class Txn(Reader, Protocol):
    """A transaction: all of it happens, or none; it is built again when another one came first."""

    def insert(self, table: str, values: Values, id: str | None = None) -> str:
        """Add a row and give its id."""

    def update(self, table: str, id: str, values: Values) -> None:
        """Change columns of a row."""

    def delete(self, table: str, id: str) -> None:
        """Remove a row."""

    def delete_where(self, table: str, column: str, value: Any) -> None:
        """Remove whatever rows have this value when it happens."""

    def verify(self, table: str, id: str, *columns: str) -> None:
        """Only happen if these columns are as they are seen now."""

    def exists(self, table: str, id: str) -> None:
        """Only happen if the row is still there."""

    def verify_rows(self, table: str, column: str, value: Any) -> None:
        """Only happen if the rows with this value are those that are seen now."""

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for a key earlier in this transaction; whoever writes what it was made of changes it, too."""

    def add(self, table: str, id: str, column: str, amount: int) -> None:
        """Add to a number; below the column's minimum nothing happens."""


class Request(msgspec.Struct, frozen=True):
    """One request, as rules see it."""

    caller: Caller
    settings: NetworkingSettings
    now: datetime
    random: random.Random
    if_match: int | None = None
    """The revision that an update or delete is meant for."""

    granted: frozenset[Hashable] = frozenset()
    """What another service was asked for and has granted (allocations.py)."""

    allocation_changes: tuple[str, ...] = ()
    """The rows that say so."""

    @property
    def unconditional(self) -> "Request":
        """The request without its If-Match, for other rows than the one that it names."""
        return msgspec.structs.replace(self, if_match=None)

    @property
    def timestamp(self) -> str:
        """Give the time as Neutron prints it."""
        return self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def own_request(caller: Caller, settings: NetworkingSettings) -> Request:
    """Return a request that the server makes of its own accord, now."""
    return Request(caller, settings, datetime.now(UTC), random.SystemRandom())

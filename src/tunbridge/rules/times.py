"""The clock that rules are given."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)

"""Checks of values that clients send: each refuses with Neutron's reason, and knows its JSON schema."""

from collections.abc import Callable
from typing import Any

import msgspec


class InvalidError(Exception):
    """A value is refused; the text is the reason, as a client reads it."""


class Check(msgspec.Struct, frozen=True):
    """A named check: raises InvalidError with the reason for a value that it refuses."""

    name: str
    """Neutron's name of it: `type:string`."""
    refuse: Callable[[Any], str | None]
    """Gives the reason why a value is refused, or None."""
    schema: dict[str, Any]
    """JSON Schema of the values that it lets through, for OpenAPI."""

    def __call__(self, value: Any) -> None:
        """Check a value."""
        reason = self.refuse(value)
        if reason is not None:
            raise InvalidError(reason)

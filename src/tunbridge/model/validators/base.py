"""What a check is: a name, a function that gives the reason why a value is refused, and a JSON Schema."""

from collections.abc import Callable
from typing import Any

import msgspec

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}


class InvalidError(Exception):
    """A value is refused.

    Mostly the reason completes Neutron's sentence `Invalid input for ATTRIBUTE. Reason: REASON.`; where Neutron raises
    an error of its own instead, `type` is that error's name and the reason is its whole message.
    """

    def __init__(self, reason: str, type: str | None = None, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.type = type
        self.status = status


class Check(msgspec.Struct, frozen=True):
    """A named check: raises InvalidError with the reason for a value that it refuses."""

    name: str
    """Neutron's name of it: `type:string`."""
    refuse: Callable[[Any], str | None]
    """Gives the reason why a value is refused, or None. Some raise InvalidError themselves."""
    schema: Schema
    """JSON Schema of the values that it lets through, for OpenAPI."""

    def __call__(self, value: Any) -> None:
        """Check a value."""
        reason = self.refuse(value)
        if reason is not None:
            raise InvalidError(reason)


def or_none(name: str, check: Check) -> Check:
    """Give a check that lets null through as well."""

    def refuse(value: Any) -> str | None:
        return None if value is None else check.refuse(value)

    return Check(name, refuse, {"anyOf": [check.schema, NULL]})


def invalid_input(message: str) -> InvalidError:
    """Give Neutron's InvalidInput, whose message is about the operation and not about one attribute."""
    return InvalidError(f"Invalid input for operation: {message}.", "InvalidInput")

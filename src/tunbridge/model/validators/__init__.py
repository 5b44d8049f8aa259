"""Checks of values that clients send: each refuses with Neutron's reason, and knows its JSON Schema.

`plain` for single values, `containers` for lists and dictionaries, `addresses`, `dns` and `ports` for what the
field has of its own.
"""

from tunbridge.model.validators.base import Check, InvalidError, Schema, invalid_input, or_none

__all__ = ["Check", "InvalidError", "Schema", "invalid_input", "or_none"]

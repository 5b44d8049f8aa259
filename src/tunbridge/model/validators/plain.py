"""Checks of single values: strings, names, numbers, UUIDs, choices. The reasons are Neutron's."""

import re
import unicodedata
import uuid as uuids
from collections.abc import Sequence
from typing import Any

from tunbridge.model.validators.base import Check, InvalidError, Schema, or_none

MAX_INTEGER = 2**31 - 1
"""The largest number that Neutron's database holds."""
UUID_SCHEMA: Schema = {"type": "string", "format": "uuid"}
TRUE = ("1", "t", "true", "on", "y", "yes")
FALSE = ("0", "f", "false", "off", "n", "no")


def _string_schema(maximum: int | None, **more: Any) -> Schema:
    return {"type": "string", **({} if maximum is None else {"maxLength": maximum}), **more}


def refuse_string(value: Any, maximum: int | None = None) -> str | None:
    """Refuse what is no string, or a longer one."""
    if not isinstance(value, str):
        return f"'{value}' is not a valid string"
    if maximum is not None and len(value) > maximum:
        return f"'{value}' exceeds maximum length of {maximum}"
    return None


def string(maximum: int | None = None) -> Check:
    """Give a check for a string of at most so many characters."""
    return Check("type:string", lambda value: refuse_string(value, maximum), _string_schema(maximum))


def string_or_none(maximum: int | None = None) -> Check:
    """Give a check for a string, or null."""
    return or_none("type:string_or_none", string(maximum))


def _refuse_blank(value: Any, maximum: int | None) -> str | None:
    reason = refuse_string(value, maximum)
    if reason is None and not value.strip():
        return f"'{value}' Blank strings are not permitted"
    return reason


def not_empty_string(maximum: int | None = None) -> Check:
    """Give a check for a string with something in it."""
    schema = _string_schema(maximum, pattern=r"\S")
    return Check("type:not_empty_string", lambda value: _refuse_blank(value, maximum), schema)


def not_empty_string_or_none(maximum: int | None = None) -> Check:
    """Give a check for a string with something in it, or null."""
    return or_none("type:not_empty_string_or_none", not_empty_string(maximum))


def oneline_not_empty_string(maximum: int | None = None) -> Check:
    """Give a check for a string of one line with something in it."""

    def refuse(value: Any) -> str | None:
        reason = _refuse_blank(value, maximum)
        if reason is None and len(value.splitlines()) > 1:
            return f"Multi-line string is not allowed: '{value}'"
        return reason

    schema = _string_schema(maximum, pattern=r"^[^\n\r]*[^\s][^\n\r]*$")
    return Check("type:oneline_not_empty_string", refuse, schema)


def oneline_not_empty_string_or_none(maximum: int | None = None) -> Check:
    """Give a check for a string of one line with something in it, or null."""
    return or_none("type:oneline_not_empty_string_or_none", oneline_not_empty_string(maximum))


def _printable(char: str) -> bool:
    """Say whether a name may have this character: Neutron's expression ends with the Basic Multilingual Plane."""
    category = unicodedata.category(char)
    return ord(char) < 0xFFFF and not category.startswith("C") and (not category.startswith("Z") or category == "Zs")


def _is_name(value: str) -> bool:
    if value == "":
        return True
    if value.endswith("\n") and value != "\n":
        value = value[:-1]  # Neutron's `$` matches before a last line feed
    if unicodedata.category(value[0]) == "Zs" or unicodedata.category(value[-1]) == "Zs":
        return False
    return (value.isascii() and value.isprintable()) or all(map(_printable, value))


def _refuse_name(value: Any, maximum: int | None) -> str | None:
    reason = refuse_string(value, maximum)
    if reason is None and not _is_name(value):
        return f"'{value}' is not a valid string"
    return reason


def name(maximum: int | None = None) -> Check:
    """Give a check for a name: printable characters, no space before or after it."""
    return Check("type:name_string", lambda value: _refuse_name(value, maximum), _string_schema(maximum))


def name_or_none(maximum: int | None = None) -> Check:
    """Give a check for a name, or null."""
    return or_none("type:name_string_or_none", name(maximum))


def not_empty_name(maximum: int | None = None) -> Check:
    """Give a check for a name with something in it."""
    schema = _string_schema(maximum, pattern=r"\S")
    return Check(
        "type:not_empty_name_string",
        lambda value: _refuse_blank(value, maximum) or _refuse_name(value, maximum),
        schema,
    )


def name_not_default(maximum: int) -> Check:
    """Give a check for a security group's name: `default` is the server's."""

    def refuse(value: Any) -> str | None:
        reason = refuse_string(value, maximum)
        if reason is None and value.lower() == "default":
            raise InvalidError(
                "Default security group already exists.", "SecurityGroupDefaultAlreadyExists", status=409
            )
        return reason

    return Check("type:name_not_default", refuse, _string_schema(maximum))


def as_boolean(value: Any) -> bool | None:
    """Give the boolean that a value stands for, as oslo.utils' strict `bool_from_string`; None for neither."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    return False if word in FALSE else None


def _refuse_boolean(value: Any) -> str | None:
    return f"'{value}' is not a valid boolean value" if as_boolean(value) is None else None


boolean = Check("type:boolean", _refuse_boolean, {"type": "boolean"})


def as_integer(value: Any) -> int | None:
    """Give the whole number that a value stands for, as Python's `int`; None for none."""
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        return None


def range_of(low: int | None, high: int | None) -> Check:
    """Give a check for a number from low to high; None is no limit."""

    def refuse(value: Any) -> str | None:
        number = as_integer(value)
        if number is None:
            return f"'{value}' is not an integer"
        if low is not None and number < low:
            return f"'{number}' is too small - must be at least '{low}'"
        if high is not None and number > high:
            return f"'{number}' is too large - must be no larger than '{high}'"
        return None

    limits = {"minimum": low, "maximum": high}
    schema = {"type": "integer", **{key: limit for key, limit in limits.items() if limit is not None}}
    return Check("type:range", refuse, schema)


def range_or_none(low: int | None, high: int | None) -> Check:
    """Give a check for a number from low to high, or null."""
    return or_none("type:range_or_none", range_of(low, high))


MAX_PORT = 65535


def port_range(low: int, high: int) -> Check:
    """Give a check for a port from low to high, two of them with a colon between, or null."""

    def refuse(value: Any) -> str | None:
        if value is None:
            return None
        ends = str(value).split(":")
        if len(ends) > 2 or not all(ends):
            return "Port range must be two integers separated by a colon"
        for end in ends:
            number = as_integer(end)
            if number is None or not 0 <= number <= MAX_PORT:
                return f"Invalid port: {end}"
            if not low <= number <= high:
                return f"Invalid port: {end}, the port must be in the range [{low}, {high}]"
        if len(ends) > 1 and int(ends[0]) > int(ends[1]):
            return "First port in a port range must be lower than the second port"
        return None

    schema: Schema = {"type": ["string", "integer", "null"], "pattern": "^[0-9]{1,5}(:[0-9]{1,5})?$"}
    return Check("type:port_range", refuse, schema)


def _refuse_negative(value: Any) -> str | None:
    number = as_integer(value)
    if number is None:
        return f"'{value}' is not an integer"
    if number < 0:
        return f"'{number}' should be non-negative"
    if number > MAX_INTEGER:
        return f"'{number}' is too large - must be no larger than '{MAX_INTEGER}'"
    return None


non_negative = Check("type:non_negative", _refuse_negative, {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER})


def _refuse_integer(value: Any) -> str | None:
    number = as_integer(value)
    try:
        whole = number is not None and float(value) == number
    except (ValueError, OverflowError):
        whole = False
    if not whole:
        return f"'{value}' is not an integer"
    return f"'{value}' is not an integer:boolean" if isinstance(value, bool) else None


integer = Check("type:integer", _refuse_integer, {"type": "integer"})


def values(allowed: Sequence[Any]) -> Check:
    """Give a check for one of a few values."""

    def refuse(value: Any) -> str | None:
        return None if value in allowed else f"{value} is not in valid_values"

    return Check("type:values", refuse, {"enum": list(allowed)})


def regex_or_none(pattern: str) -> Check:
    """Give a check for null, or text that begins as a regular expression says."""
    compiled = re.compile(pattern)

    def refuse(value: Any) -> str | None:
        is_valid = value is None or (isinstance(value, str) and compiled.match(value))
        return None if is_valid else f"'{value}' is not a valid input"

    return Check("type:regex_or_none", refuse, {"type": ["string", "null"], "pattern": f"^{pattern}"})


def is_uuid(value: Any) -> bool:
    """Say whether a value is a UUID in one of its spellings."""
    if not isinstance(value, str):
        return False
    try:
        wanted = uuids.UUID(value).hex
    except ValueError:
        return False
    bare = value.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
    return wanted == bare


def _refuse_uuid(value: Any) -> str | None:
    return None if is_uuid(value) else f"'{value}' is not a valid UUID"


uuid = Check("type:uuid", _refuse_uuid, UUID_SCHEMA)
uuid_or_none = or_none("type:uuid_or_none", uuid)

PREFIX_DELEGATION = "prefix_delegation"


def _refuse_pool_id(value: Any) -> str | None:
    return None if value is None or value == PREFIX_DELEGATION else _refuse_uuid(value)


subnetpool_id_or_none = Check(
    "type:subnetpool_id_or_none",
    _refuse_pool_id,
    {"anyOf": [UUID_SCHEMA, {"const": PREFIX_DELEGATION}, {"type": "null"}]},
)


def anything(schema: Schema, name: str = "") -> Check:
    """Give a check that lets all through: the value is judged by its conversion or by rules; the schema says how."""
    return Check(name, lambda _value: None, schema)

"""Checks of lists and dictionaries. The reasons are Neutron's."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tunbridge.model.validators.base import Check, InvalidError, Schema, invalid_input, or_none
from tunbridge.model.validators.plain import as_boolean, as_integer, string, uuid


def refuse_keys(expected: Iterable[str], value: Any, exactly: bool = True) -> str | None:
    """Refuse what is no dictionary with these keys (and no others, when `exactly`)."""
    expected = list(expected)
    if not isinstance(value, dict):
        return f"Invalid input. '{value}' must be a dictionary with keys: {expected}"
    wanted, given = set(expected), set(value)
    if wanted == given if exactly else wanted <= given:
        return None
    return f"Validation of dictionary's keys failed. Expected keys: {_as_set(wanted)} Provided keys: {_as_set(given)}"


def _as_set(keys: set[Any]) -> str:
    """Give a set as Python prints it, but always in the same order."""
    return "{" + ", ".join(repr(key) for key in sorted(keys, key=str)) + "}" if keys else "set()"


def duplicates(items: list[Any]) -> list[Any]:
    """Give the items that are there more than once; of JSON, so that each can be told by its text.

    As Python compares, `false`, 0 and 0.0 are one.
    """
    times: dict[bytes, int] = {}
    found: list[Any] = []
    for item in items:
        text = msgspec.json.encode(_comparable(item), order="deterministic")
        times[text] = times.get(text, 0) + 1
        if times[text] == 2:
            found.append(item)
    return found


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    is_whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole else value


def list_of(name: str, check: Check) -> Check:
    """Give a check for a list of different items, each with its check."""

    def refuse(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"'{value}' is not a list"
        twice = duplicates(value)
        if twice:
            return "Duplicate items in the list: '{}'".format(", ".join(map(str, twice)))
        return next((reason for reason in map(check.refuse, value) if reason), None)

    return Check(name, refuse, {"type": "array", "items": check.schema, "uniqueItems": True})


uuid_list = list_of("type:uuid_list", uuid)


def list_of_unique_strings(maximum: int | None = None) -> Check:
    """Give a check for a list of different strings."""
    return list_of("type:list_of_unique_strings", string(maximum))


MAX_ZONE_HINTS = 255


def _refuse_zone_hints(value: Any) -> str | None:
    reason = list_of_unique_strings().refuse(value)
    # Neutron counts the characters of Python's JSON, which spells everything in ASCII with a space after commas.
    if reason is None and sum(_ascii_length(zone) + 2 for zone in value) > MAX_ZONE_HINTS:
        raise invalid_input("Too many availability_zone_hints specified")
    return reason


def _ascii_length(text: str) -> int:
    escaped = msgspec.json.encode(text).decode()
    return sum(1 if char.isascii() else 6 if ord(char) < 0x10000 else 12 for char in escaped)


availability_zone_hints = Check(
    "type:availability_zone_hint_list",
    _refuse_zone_hints,
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
)


class Key(msgspec.Struct, frozen=True):
    """What a dictionary may have under a key."""

    check: Check
    required: bool = False
    to_integer: bool = False
    """The value is made an integer before it is checked."""
    to_boolean: bool = False
    """The value is made a boolean before it is checked; whoever uses it makes it one again."""


def dictionary(keys: Mapping[str, Key] | None = None) -> Check:
    """Give a check for a dictionary; with `keys` for one that has no others."""

    def refuse(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"'{value}' is not a dictionary"
        if not keys:
            return None
        required = [key for key, spec in keys.items() if spec.required]
        reason = refuse_keys(required, value, exactly=False) if required else None
        if reason:
            return reason
        unexpected = [key for key in value if key not in keys]
        if unexpected:
            return "Unexpected keys supplied: {}".format(", ".join(unexpected))
        return next((r for r in (_refuse_item(keys[k], value, k) for k in keys if k in value) if r), None)

    return Check("type:dict", refuse, _schema(keys))


def _refuse_item(key: Key, data: dict[str, Any], name: str) -> str | None:
    value = data[name]
    if key.to_integer:
        value = as_integer(value)
        if value is None:
            raise invalid_input(f"'{data[name]}' is not an integer")
    if key.to_boolean:
        value = as_boolean(value)
        if value is None:
            raise invalid_input(f"'{data[name]}' cannot be converted to boolean")
    return key.check.refuse(value)


def _schema(keys: Mapping[str, Key] | None) -> Schema:
    if not keys:
        return {"type": "object"}
    return {
        "type": "object",
        "properties": {name: key.check.schema for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.required],
        "additionalProperties": False,
    }


def dict_or_none(keys: Mapping[str, Key] | None = None) -> Check:
    """Give a check for a dictionary, or null."""
    return or_none("type:dict_or_none", dictionary(keys))


def dict_or_nodata(keys: Mapping[str, Key] | None = None) -> Check:
    """Give a check for a dictionary, or nothing: null, an empty list or string, 0 or false."""
    inner = dictionary(keys)
    return Check(
        "type:dict_or_nodata",
        lambda value: inner.refuse(value) if value else None,
        {"anyOf": [inner.schema, {"type": "null"}]},
    )


def _convert(data: dict[str, Any], keys: Mapping[str, Key]) -> None:
    """Make integers of what shall be some, as far as the keys before them are in order: as Neutron does."""
    if any(spec.required and name not in data for name, spec in keys.items()) or not keys.keys() >= data.keys():
        return
    for name, spec in keys.items():
        if name not in data:
            continue
        if spec.to_integer:
            data[name] = as_integer(data[name])
        if spec.check.refuse(data[name]):
            return


def list_of_any_or_none(specs: Iterable[Mapping[str, Key]]) -> Check:
    """Give a check for a list of dictionaries, each of which fits one of the descriptions, or null."""
    descriptions = list(specs)
    checks = [dictionary(keys) for keys in descriptions]

    def refuse_one(value: Any) -> str | None:
        if any(check.refuse(value) is None for check in checks):
            return None
        shown = dict(value) if isinstance(value, dict) else value
        for keys in descriptions if isinstance(shown, dict) else ():
            _convert(shown, keys)
        raise invalid_input(f"No valid key specs matched for: {shown}")

    schema = {"anyOf": [check.schema for check in checks]}
    inner = list_of("", Check("", refuse_one, schema))

    def refuse(value: Any) -> str | None:
        reason = None if value is None else inner.refuse(value)
        if reason:
            raise invalid_input(reason)
        return None

    return Check("type:list_of_any_key_specs_or_none", refuse, {"anyOf": [inner.schema, {"type": "null"}]})


PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")


def _refuse_segments(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"'{value}' is not a list"
    for one in value:
        if not isinstance(one, dict):
            return f"'{one}' is not a dictionary"
        unknown = sorted(one.keys() - set(PROVIDER))
        if unknown:
            raise InvalidError(f"Unrecognized attribute(s) '{', '.join(unknown)}'", "HTTPBadRequest")
        reasons = (string(most).refuse(one[key]) for key, most in zip(PROVIDER, (32, 64), strict=False) if one.get(key))
        reason = next((reason for reason in reasons if reason), None)
        if reason is not None:
            return reason
        number = one.get(PROVIDER[2])
        if number and as_integer(number) is None:
            raise invalid_input(f"'{number}' is not an integer")
    return None


network_segments = Check(
    "type:network_segments",
    _refuse_segments,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                PROVIDER[0]: {"type": ["string", "null"]},
                PROVIDER[1]: {"type": ["string", "null"]},
                PROVIDER[2]: {"type": ["integer", "string", "null"]},
            },
            "additionalProperties": False,
        },
    },
)
"""The segments of a network; whoever uses `provider:segmentation_id` makes it a number."""

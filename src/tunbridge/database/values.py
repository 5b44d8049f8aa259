"""Values of columns between Python and OVSDB's JSON (RFC 7047, section 5.1).

In Python: str, int, bool; a reference is the id as str; OPTIONAL is None or a value; SET a sorted tuple; MAP a dict,
which nobody may change (the empty one is shared).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Final

from tunbridge.model.tables import Cardinality, Column, Type

NO_PAIRS: Final[dict[str, str]] = {}
"""The empty map, shared by all rows."""

_PAIRS = (Cardinality.MAP, Cardinality.NUMBERED)
_DEFAULTS = {Type.INTEGER: 0, Type.BOOLEAN: False, Type.REF: "00000000-0000-0000-0000-000000000000"}


def default(column: Column) -> Any:
    """Give what a row has that says nothing of this column, as ovsdb-server does it."""
    if column.many is Cardinality.ONE:
        return _DEFAULTS.get(column.type, "")
    return {Cardinality.OPTIONAL: None, Cardinality.SET: ()}.get(column.many, NO_PAIRS)


KINDS: Final[dict[Type, type]] = {
    Type.TEXT: str,
    Type.JSON: str,
    Type.REF: str,
    Type.INTEGER: int,
    Type.BOOLEAN: bool,
}
"""Of one value, in Python."""


def normal(column: Column, kind: type, value: Any) -> Any:
    """Give a value as rows hold it; `kind` is that of the column, from KINDS (hashing an Enum is slow).

    Raises TypeError, ValueError for a value that the column cannot hold.
    """
    if column.many is Cardinality.SET:
        for item in value:
            _check(column, kind, item)
        return tuple(sorted(set(value)))
    if column.many in _PAIRS:
        for pair in value.items():
            _check(column, kind if column.many is Cardinality.MAP else int, pair[0])
            _check(column, kind, pair[1])
        return dict(value) if value else NO_PAIRS
    if value is not None or column.many is Cardinality.ONE:
        _check(column, kind, value)
    return value


def _check(column: Column, kind: type, value: Any) -> None:
    """Raise TypeError or ValueError for what ovsdb-server cannot hold: it would end the connection."""
    if type(value) is not kind:
        raise TypeError(f"column {column.name} holds {column.type.value}, not {value!r}")
    if isinstance(value, str):
        if "\0" in value or not _is_unicode(value):
            raise ValueError(
                f"column {column.name} cannot hold the text {value!r}: no NUL, no half of a surrogate pair"
            )
    elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"column {column.name} cannot hold {value}: more than 64 bits")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode(column: Column, value: Any) -> Any:
    """Give a normal value as JSON of OVSDB."""
    is_ref = column.type is Type.REF
    if column.many in _PAIRS:
        return ["map", [[key, ["uuid", content] if is_ref else content] for key, content in value.items()]]
    if column.many is Cardinality.SET:
        return ["set", [["uuid", item] for item in value] if is_ref else list(value)]
    if value is None:
        return ["set", []]
    return ["uuid", value] if is_ref else value


def decoder(column: Column) -> Callable[[Any], Any] | None:
    """Give the function that makes a normal value of OVSDB's JSON (or of its absence); None: it is one already."""
    if column.many is Cardinality.MAP:
        return _pairs
    if column.many is Cardinality.NUMBERED:
        return _numbered
    if column.many is Cardinality.SET:
        return _items
    if column.many is Cardinality.OPTIONAL:
        return optional
    return _reference if column.type is Type.REF else None


def _reference(wire: Any) -> Any:
    return wire[1] if type(wire) is list else wire


def optional(wire: Any) -> Any:
    """Return what a column of one value or none holds, from its JSON; None for none."""
    if type(wire) is list:  # ["uuid", id], ["set", []] or ["set", [value]]
        if wire[0] == "uuid":
            return wire[1]
        return optional(wire[1][0]) if wire[1] else None
    return wire


def _items(wire: Any) -> tuple[Any, ...]:
    if type(wire) is not list:
        return wire if type(wire) is tuple else (wire,)
    if wire[0] == "uuid":
        return (wire[1],)
    items: Iterable[Any] = wire[1]
    return tuple(sorted(item[1] if type(item) is list else item for item in items))


def _pairs(wire: Any) -> dict[str, str]:
    return dict(wire[1]) if wire and wire[1] else NO_PAIRS


def _numbered(wire: Any) -> dict[int, str]:
    return {number: reference[1] for number, reference in wire[1]} if wire else {}


def changed(column: Column, old: Any, wire: Any) -> Any:
    """Apply the difference of a "modify" (ovsdb-server(7), 4.1.14) to a value."""
    decode = decoder(column)
    new = wire if decode is None else decode(wire)
    if column.many is Cardinality.SET:
        return _toggled(old, new)
    if column.many in _PAIRS:
        same = {key for key, content in new.items() if old.get(key) == content}  # both have the pair: it went
        return {key: content for key, content in {**old, **new}.items() if key not in same} or NO_PAIRS
    return new


_FEW = 16


def _toggled(old: tuple[Any, ...], items: tuple[Any, ...]) -> tuple[Any, ...]:
    """A sorted set without those of the items that it has, and with the others; few items cost no sorting."""
    if len(items) > _FEW:
        return tuple(sorted(set(old) ^ set(items)))
    found = list(old)
    for item in items:
        place = bisect_left(found, item)
        if place < len(found) and found[place] == item:
            del found[place]
        else:
            found.insert(place, item)
    return tuple(found)

"""Which rows of a database are asked for: by table, and what of it the server has acknowledged.

    wanted --monitor_cond_change--> in doubt --reply--> in force

The server sends the rows that a change brings in, and "delete" for those that it takes away, before its reply (tried
with 3.1). A connection that is lost in between leaves in doubt which of them have come: then all is loaded anew,
because resuming would miss rows that came in and were deleted since.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode


class Part(Struct, frozen=True):
    """Rows whose column has one of these values, or with the function "includes" (RFC 7047, 5.1) holds one of them.

    Of sets, since a host asks by thousands of values, of which a change concerns one or two: equal ones are found
    at once, and only what is sent is spelt out.
    """

    column: str
    values: frozenset[str | bool]
    is_ref: bool = False
    function: str = "=="

    def clauses(self) -> bytes:
        """Spell it out as OVSDB's JSON. Servers find rows by index when each clause is `==` on one value."""
        start = _encode((self.column, self.function))[:-1] + (b',["uuid",' if self.is_ref else b",")
        end = b"]]" if self.is_ref else b"]"
        return start + (end + b"," + start).join(map(_encode, self.values)) + end


Where = tuple[Part, ...]
"""Rows that at least one of the parts asks for."""
Conditions = Mapping[str, Where]
"""By table; all rows of a table that is not named."""

NO_ROWS: Where = ()


def where(column: str, values: Iterable[str | bool], is_ref: bool = False, function: str = "==") -> Where:
    """Rows whose column has one of these values."""
    found = frozenset(values)
    return (Part(column, found, is_ref, function),) if found else NO_ROWS


def together(*parts: Where) -> Where:
    """Rows that one of the parts asks for."""
    return tuple(one for part in parts for one in part)


def clauses(conditions: Conditions, table: str) -> msgspec.Raw:
    """Give the condition of a table as OVSDB's JSON (ovsdb-server(7), 4.1.12)."""
    if table not in conditions:
        return msgspec.Raw(b"[true]")
    found = b",".join(part.clauses() for part in conditions[table])
    return msgspec.Raw(b"[%b]" % (found or b"false"))


class Asked:
    """Conditions on their way from being wanted to being in force."""

    def __init__(self) -> None:
        self.wanted: Conditions = {}
        self.in_force: Conditions = {}
        self.in_doubt = False

    @property
    def settled(self) -> bool:
        """Whether the rows are those that are wanted."""
        return not self.in_doubt and self.wanted == self.in_force

    def changes(self) -> dict[str, list[dict[str, Any]]]:
        """Give the parameter of `monitor_cond_change` that puts what is wanted in force (ovsdb-server(7), 4.1.13)."""
        names = {*self.wanted, *self.in_force}
        return {
            name: [{"where": clauses(self.wanted, name)}]
            for name in sorted(names)
            if self.wanted.get(name) != self.in_force.get(name)
        }

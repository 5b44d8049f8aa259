"""Which rows of a database are asked for: by table, and what of it the server has acknowledged.

    wanted --monitor_cond_change--> in doubt --reply--> in force

The server sends the rows that a change brings in, and "delete" for those that it takes away, before its reply (tried
with 3.1). A connection that is lost in between leaves in doubt which of them have come: then all is loaded anew,
because resuming would miss rows that came in and were deleted since.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

Clause = list[Any] | bool
"""[column, function, value as OVSDB's JSON], or False: no row."""
Where = tuple[Clause, ...]
"""Rows for which at least one clause holds. Servers find them by index when each clause is `==` on one value."""
Conditions = Mapping[str, Where]
"""By table; all rows of a table that is not named."""

NO_ROWS: Where = (False,)
_REMEMBERED = 64
"""Twice as many as a host has: the ones before may be wanted again."""


def where(column: str, values: Iterable[str], is_ref: bool = False, function: str = "==") -> Where:
    """Rows whose column has one of these values; sorted, so that equal sets make equal conditions."""
    return _where(column, frozenset(values), is_ref, function)


@functools.lru_cache(_REMEMBERED)
def _where(column: str, values: frozenset[str], is_ref: bool, function: str) -> Where:
    """Remembered, since of many conditions with thousands of values a change concerns one or two."""
    return tuple([column, function, ["uuid", value] if is_ref else value] for value in sorted(values))


def together(*parts: Where) -> Where:
    """Rows that one of the parts asks for."""
    return tuple(clause for part in parts for clause in part) or NO_ROWS


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
            name: [{"where": list(self.wanted.get(name, (True,)))}]
            for name in sorted(names)
            if self.wanted.get(name) != self.in_force.get(name)
        }

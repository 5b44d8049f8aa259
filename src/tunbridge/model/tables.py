"""Tables of the central database, as data: the schema, the store's rows and its indexes are made from these.

A resource's table comes from its fields (`resource.py`); tables that no user sees (addresses, allocations, guards, what
hosts report) are declared in `internal.py`.
"""

from enum import Enum

import msgspec


class Type(Enum):
    """What a column holds; JSON is text in the database that holds one JSON value."""

    TEXT = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    REF = "uuid"
    JSON = "json"


class Cardinality(Enum):
    """How many values a column holds."""

    ONE = "one"
    OPTIONAL = "optional"
    SET = "set"
    MAP = "map"  # text to text
    NUMBERED = "numbered"  # integers to references


class Column(msgspec.Struct, frozen=True):
    """A column. A row that lacks a value has `None` (OPTIONAL), an empty tuple (SET) or an empty dictionary."""

    name: str
    type: Type = Type.TEXT
    many: Cardinality = Cardinality.ONE
    table: str | None = None
    """Of a REF: the table it points into."""
    strong: bool = True
    """Of a REF: the row pointed at cannot be deleted while this one is there; a weak one vanishes with it."""
    minimum: int | None = None
    """Of an INTEGER: the database refuses less than this."""
    indexed: bool = False
    """The store finds rows by this column's value (each value of a SET) without looking at all of them."""
    repeats: bool = False
    """Of a TEXT: many rows have the same, which is kept in memory once (indexed columns are anyway)."""


class Table(msgspec.Struct, frozen=True):
    """A table. Every row besides has its UUID, which for a resource is the id that users see."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    """Combinations of columns that the database keeps unique. Beware: two rows without an optional value are equal."""
    root: bool = True
    """False: a row goes when nothing points at it with a strong reference any more."""
    hosts_only: bool = False
    """Written by hosts and read by servers; each row has a column `host`, with which the database's RBAC is checked."""

    def column(self, name: str) -> Column:
        """Give a column by name. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

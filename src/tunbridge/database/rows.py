"""Rows as structs, one type per table, and how they are made of what ovsdb-server sends.

A struct is a fifth of an IDL row. Strings that repeat are kept once: references and indexed columns are interned
(interned strings go when the last row goes); of any other column of text as long as it has few values.
"""

import sys
from collections.abc import Callable
from copy import copy
from typing import Any

import msgspec

from tunbridge.database.values import KINDS, changed, decoder, default, encode, normal
from tunbridge.model.tables import Cardinality, Column, Table, Type

Row = Any
"""A struct of a table's own type: `id` and one attribute per column. Nobody changes one that a store holds."""

_POOL_SIZE = 512
_SCALARS = {Type.TEXT: str, Type.JSON: str, Type.INTEGER: int, Type.BOOLEAN: bool}


class RowMaker:
    """Makes the rows of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.columns = {column.name: column for column in table.columns}
        fields = [(c.name, _field_type(c), _field_default(c)) for c in table.columns]
        self.type: Any = msgspec.defstruct(table.name, [("id", str, ""), *fields], gc=False)
        update = msgspec.defstruct(
            f"{table.name}Update",
            [
                ("initial", self.type | None, None),
                ("insert", self.type | None, None),
                ("modify", dict[str, Any] | None, None),
            ],
        )
        self._decode: Callable[[Any], Any] = msgspec.json.Decoder(update).decode
        self._kinds = {column.name: KINDS[column.type] for column in table.columns}
        self._defaults = {column.name: default(column) for column in table.columns}
        self._special = [(c.name, made) for c in table.columns if (made := decoder(c)) is not None]
        self._interned = [c.name for c in table.columns if _is_interned(c)]
        self._pools: dict[str, dict[str, str]] = {c.name: {} for c in table.columns if _is_pooled(c)}

    def read(self, id: str, raw: Any, old: Row | None) -> Row | None:
        """Give the row after an update of `monitor_cond_since`, None if it was deleted. Raises KeyError: not known."""
        update = self._decode(raw)
        row = update.initial or update.insert
        if row is not None:
            return self._finish(id, row)
        if update.modify is None:
            return None
        if old is None:
            raise KeyError(id)
        return self._modified(old, update.modify)

    def _finish(self, id: str, row: Row) -> Row:
        row.id = sys.intern(id)
        for name, decode in self._special:
            setattr(row, name, decode(getattr(row, name)))
        self._share(row, self._interned, self._pools)
        return row

    def _modified(self, old: Row, wires: dict[str, Any]) -> Row:
        row = copy(old)
        for name, wire in wires.items():
            if (column := self.columns.get(name)) is not None:
                setattr(row, name, changed(column, getattr(old, name), wire))
        self._share(
            row,
            [name for name in self._interned if name in wires],
            {name: pool for name, pool in self._pools.items() if name in wires},
        )
        return row

    def _share(self, row: Row, interned: list[str], pools: dict[str, dict[str, str]]) -> None:
        """Keep strings that repeat only once."""
        for name in interned:
            value = getattr(row, name)
            if type(value) is str:
                setattr(row, name, sys.intern(value))
        full = ""
        for name, pool in pools.items():
            value = getattr(row, name)
            kept = pool.get(value)
            if kept is not None:
                setattr(row, name, kept)
            elif value is not None:
                pool[value] = value
                if len(pool) > _POOL_SIZE:
                    full = name
        if full:
            self._pools.pop(full, None)  # too many different ones: not worth the memory

    def new(self, id: str, values: dict[str, Any]) -> Row:
        """Give a row with normal values, and defaults for the columns that are not named."""
        return self.type(id, **(self._defaults | values))

    def normal(self, values: dict[str, Any]) -> dict[str, Any]:
        """Give values as rows hold them. Raises KeyError, TypeError, ValueError for what the table cannot hold."""
        if unknown := values.keys() - self.columns.keys():
            raise KeyError(f"table {self.table.name} has no column {', '.join(sorted(unknown))}")
        return {name: normal(self.columns[name], self._kinds[name], value) for name, value in values.items()}

    def wire(self, values: dict[str, Any]) -> dict[str, Any]:
        """Give normal values as JSON of OVSDB."""
        return {name: encode(self.columns[name], value) for name, value in values.items()}

    def wire_of_new(self, values: dict[str, Any]) -> dict[str, Any]:
        """Give normal values of a new row as JSON of OVSDB: only those that the database does not set by itself."""
        return self.wire({name: value for name, value in values.items() if value != self._defaults[name]})

    def replaced(self, old: Row, values: dict[str, Any]) -> Row:
        """Give a copy of a row with other normal values."""
        row = copy(old)
        for name, value in values.items():
            setattr(row, name, value)
        return row


def _field_type(column: Column) -> Any:
    """Let the decoder check what is one plain value; anything else arrives in a form of OVSDB's own."""
    return _SCALARS.get(column.type, Any) if column.many is Cardinality.ONE else Any


def _field_default(column: Column) -> Any:
    return None if column.many in (Cardinality.MAP, Cardinality.NUMBERED) else default(column)


def _is_interned(column: Column) -> bool:
    one = column.many in (Cardinality.ONE, Cardinality.OPTIONAL)
    repeats = column.indexed or column.repeats
    return one and (column.type is Type.REF or (repeats and column.type is Type.TEXT))


def _is_pooled(column: Column) -> bool:
    one = column.many in (Cardinality.ONE, Cardinality.OPTIONAL)
    return one and column.type in (Type.TEXT, Type.JSON) and not _is_interned(column)

"""The rows of the database in memory, made for reading: structs, found by id, by indexed column, by unique key.

Rows come in by one path whether they are a snapshot or an update: what ovsdb-server sends for a row is read by its
`RowMaker` and put into its table. A whole snapshot is built aside and put in place at once, so that nobody ever
sees half of it.
"""

import asyncio
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec

from tunbridge import log
from tunbridge.database.rows import Row, RowMaker
from tunbridge.model.tables import Cardinality, Table

Updates = Mapping[str, Mapping[str, Any]]
"""Table -> id -> JSON (msgspec.Raw) of one row's update: <table-updates2> of ovsdb-server(7), 4.1.14."""

Listener = Callable[[str, Row | None, Row | None], None]

SLICE = 250
"""Rows of a snapshot that are read between two turns of the event loop: some 3 ms."""


decode_rows = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""Takes the updates of a table apart: id -> JSON of one row's update."""

_id = attrgetter("id")
logger = log.get(__name__)


class UnknownRowError(Exception):
    """An update changes a row that the store does not hold: it must be loaded anew."""


class _Index:
    """Ids by value of a column, in order of arrival. A value with one row, the usual case, costs no container."""

    def __init__(self, column: str, is_set: bool) -> None:
        self.column = column
        self._is_set = is_set
        self._ids: dict[Any, str | dict[str, None]] = {}

    def _values(self, row: Row) -> tuple[Any, ...]:
        value = getattr(row, self.column)
        return value if self._is_set else (value,)

    def put(self, id: str, old: Row | None, new: Row | None) -> None:
        before = () if old is None else self._values(old)
        after = () if new is None else self._values(new)
        if before == after:
            return
        for value in before:
            if value not in after:
                self._remove(value, id)
        for value in after:
            if value not in before:
                self._add(value, id)

    def fill(self, rows: Sequence[Row]) -> None:
        """Add rows that are not there yet: the same as `put` of each, in a fifth of the time."""
        add = self._add
        values = map(attrgetter(self.column), rows)
        if not self._is_set:
            for row, value in zip(rows, values, strict=True):
                add(value, row.id)
            return
        for row, items in zip(rows, values, strict=True):
            for value in items:
                add(value, row.id)

    def _add(self, value: Any, id: str) -> None:
        there = self._ids.get(value)
        if there is None:
            self._ids[value] = id
        elif type(there) is dict:
            there[id] = None
        else:
            self._ids[value] = {str(there): None, id: None}

    def _remove(self, value: Any, id: str) -> None:
        there = self._ids[value]
        if type(there) is dict:
            del there[id]
            if there:
                return
        del self._ids[value]

    def ids(self, value: Any) -> Collection[str]:
        there = self._ids.get(value)
        if there is None:
            return ()
        return there if type(there) is dict else (str(there),)

    def ids_with_value(self) -> Iterator[str]:
        for value in self._ids:
            if value is not None:
                yield from self.ids(value)


class _Unique:
    """Ids by the values of a unique index."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._key = attrgetter(*columns)
        """Of a single column, `attrgetter` gives the value itself."""
        self._ids: dict[Any, str] = {}

    def put(self, id: str, old: Row | None, new: Row | None) -> None:
        if old is not None and new is not None and self._key(old) == self._key(new):
            return
        # Two rows may swap their keys in one transaction: only what is still ours is taken away.
        if old is not None and self._ids.get(self._key(old)) == id:
            del self._ids[self._key(old)]
        if new is not None:
            self._ids[self._key(new)] = id

    def fill(self, rows: Sequence[Row]) -> None:
        """Add rows that are not there yet."""
        self._ids.update(zip(map(self._key, rows), map(_id, rows), strict=True))

    def id(self, values: tuple[Any, ...]) -> str | None:
        return self._ids.get(values if len(values) > 1 else values[0])


class _TableRows:
    """The rows of one table, with their indexes."""

    def __init__(self, table: Table, maker: RowMaker) -> None:
        self.table = table
        self.maker = maker
        self.rows: dict[str, Row] = {}
        self.indexes = {c.name: _Index(c.name, c.many is Cardinality.SET) for c in table.columns if c.indexed}
        self.uniques = {frozenset(columns): _Unique(columns) for columns in table.indexes}
        self._all: list[_Index | _Unique] = [*self.indexes.values(), *self.uniques.values()]

    def put(self, id: str, new: Row | None) -> Row | None:
        """Put a row, or take it away; give the one that was there."""
        old = self.rows.get(id)
        for index in self._all:
            index.put(id, old, new)
        if new is None:
            self.rows.pop(id, None)
        else:
            self.rows[new.id] = new
        return old

    def fill(self, rows: Sequence[Row]) -> None:
        """Put rows that are not there yet."""
        self.rows.update(zip(map(_id, rows), rows, strict=True))
        for index in self._all:
            index.fill(rows)

    def find(self, column: str, value: Any) -> list[Row]:
        index = self.indexes.get(column)
        if index is not None:
            return [self.rows[id] for id in index.ids(value)]
        if self.table.column(column).many is Cardinality.SET:
            return [row for row in self.rows.values() if value in getattr(row, column)]
        return [row for row in self.rows.values() if getattr(row, column) == value]

    def count(self, column: str, value: Any) -> int:
        index = self.indexes.get(column)
        return len(self.find(column, value)) if index is None else len(index.ids(value))


class Store:
    """All tables. Reading is synchronous and gives the rows themselves, which nobody may change."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.makers = {table.name: RowMaker(table) for table in tables}
        self._tables = self._empty()
        self._listeners: list[Listener] = []
        self._watchers: list[Callable[[], None]] = []
        self.revision = 0
        """Counts applied updates: while it stays the same, so do all rows."""
        self.loads = 0
        """Counts snapshots: what came in between one and the next may not have been seen."""

    def _empty(self) -> dict[str, _TableRows]:
        return {name: _TableRows(maker.table, maker) for name, maker in self.makers.items()}

    def get(self, table: str, id: str) -> Row | None:
        """Give a row, None if there is none."""
        return self._tables[table].rows.get(id)

    def all(self, table: str) -> Collection[Row]:
        """Give all rows in the order of arrival; a view that changes with the store."""
        return self._tables[table].rows.values()

    def rows(self, table: str) -> Mapping[str, Row]:
        """Give all rows by id; a view that changes with the store."""
        return self._tables[table].rows

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        """Give the rows with this value (in a SET: that hold it), in the order of arrival; fast if it is indexed."""
        return self._tables[table].find(column, value)

    def having(self, table: str, column: str) -> Iterator[Row]:
        """Give the rows that have a value in an indexed column, which others may be without."""
        rows = self._tables[table]
        return (rows.rows[id] for id in rows.indexes[column].ids_with_value())

    def count(self, table: str, column: str, value: Any) -> int:
        """Count the rows with this value."""
        return self._tables[table].count(column, value)

    def find_unique(self, table: str, columns: tuple[str, ...], values: tuple[Any, ...]) -> Row | None:
        """Give the row with these values in the columns of a unique index. Raises KeyError: there is no such index."""
        rows = self._tables[table]
        unique = rows.uniques[frozenset(columns)]
        named = dict(zip(columns, values, strict=True))
        id = unique.id(tuple(named[column] for column in unique.columns))
        return None if id is None else rows.rows[id]

    def listen(self, callback: Listener) -> None:
        """Have `callback(table, old, new)` called for each changed row, after the whole update has been applied."""
        self._listeners.append(callback)

    def watch(self, callback: Callable[[], None]) -> None:
        """Have `callback()` called once after each update or snapshot, when all who listen have heard of its rows."""
        self._watchers.append(callback)

    def apply(self, updates: Updates) -> None:
        """Apply the update of whole transactions: all of it, or nothing when it raises UnknownRowError."""
        for _ in self._applying(updates):
            pass

    async def apply_in_slices(self, updates: Updates) -> None:
        """Apply a large one, letting the event loop run while it is read; it takes effect at once.

        Nobody else may apply anything meanwhile.
        """
        for _ in self._applying(updates):
            await asyncio.sleep(0)

    def _applying(self, updates: Updates) -> Iterator[None]:
        """Read all rows, a slice at a time, then put them in place."""
        read: list[tuple[_TableRows, str, Row | None]] = []
        for name, rows in updates.items():
            table = self._tables[name]
            for id, raw in rows.items():
                try:
                    read.append((table, id, table.maker.read(id, raw, table.rows.get(id))))
                except KeyError:
                    raise UnknownRowError(f"{name} {id}") from None
                if len(read) % SLICE == 0:
                    yield
        changes = [(table.table.name, table.put(id, new), new) for table, id, new in read]
        # What left the conditions, or was deleted, may never have been here.
        changes = [change for change in changes if change[1] is not change[2]]
        self.revision += 1
        self._tell(changes)

    async def load(self, snapshot: Mapping[str, msgspec.Raw]) -> None:
        """Replace everything by a snapshot, letting the event loop run while it is read; it takes effect at once.

        `snapshot`: JSON of each table's updates, taken apart one table after the other.
        """
        fresh = self._empty()
        changes: list[tuple[str, Row | None, Row | None]] = []
        for name, updates in snapshot.items():
            table = fresh[name]
            before = self._tables[name].rows
            entries = iter(decode_rows(updates).items())
            while some := list(islice(entries, SLICE)):
                loaded = []
                for id, raw in some:
                    old, new = before.get(id), table.maker.read(id, raw, None)
                    if old is not None and old == new:
                        new = old  # the old one is what others hold; two equal ones would only cost memory
                    else:
                        changes.append((name, old, new))
                    loaded.append(new)
                table.fill(loaded)
                await asyncio.sleep(0)
        for name, old_table in self._tables.items():
            now = fresh[name].rows
            changes += [(name, old, None) for id, old in old_table.rows.items() if id not in now]
        self._tables = fresh
        self.revision += 1
        self.loads += 1
        self._tell(changes)

    def _tell(self, changes: list[tuple[str, Row | None, Row | None]]) -> None:
        for callback in self._listeners:
            for table, old, new in changes:
                try:
                    callback(table, old, new)
                except Exception:  # a mistake there must not keep the others from what they need to know
                    logger.error("a listener failed", table=table, traceback=traceback.format_exc())
        for watcher in self._watchers:
            try:
                watcher()
            except Exception:
                logger.error("a listener failed", traceback=traceback.format_exc())

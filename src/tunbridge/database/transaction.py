"""A transaction under construction: an overlay on the store, and the OVSDB operations that make it come true.

What it reads are the store's rows with its own changes on top. What the database does by itself at commit (rows that
nothing refers to any more, weak references to a deleted row) is seen only afterwards.

Operations are sent in the order in which they were asked for, after all `wait`s: first the database checks that each
row that is changed or relied on is as this transaction saw it, then it changes.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar
from uuid import uuid4

from tunbridge.database.errors import RowGone, Target
from tunbridge.database.rows import Row
from tunbridge.database.store import Store
from tunbridge.database.values import encode
from tunbridge.model.tables import Cardinality

Operation = dict[str, Any]
_Key = tuple[str, str]
T = TypeVar("T")


class Transaction:
    """Reads and writes of one request.

    Others may run while it is built (`Database.commit_in_slices`): each read sees the store as it is then, and what
    the transaction relies on is as it was first seen, or it fails.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed: dict[str, dict[str, Row | None]] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], str]] = {}
        """By table and columns of a unique index that was asked for: changed rows that have, or had, these values."""
        self._by_value: dict[tuple[str, str], dict[Any, dict[str, None]]] = {}
        """By table and column that was looked in: changed rows that have, or had, a value."""
        self._kept: dict[Hashable, Any] = {}
        self._own: set[_Key] = set()
        """Rows that this transaction inserts."""
        self._waits: dict[_Key, dict[str, Any]] = {}
        """Rows that must be there, with the values that must not have changed."""
        self._found: dict[tuple[str, str, Any], list[str]] = {}
        """By table, column and value: the ids of the rows that must be all that have it."""
        self._operations: list[tuple[Operation, Target]] = []
        self._adding: dict[_Key, list[Any]] = {}
        """The mutation of the last operation on a row, by row, that a further addition can still be put into."""
        self._merging: dict[_Key, dict[str, Any]] = {}
        """Columns of the operation, by row, that a further update of this row can still be put into."""

    # Reading

    def get(self, table: str, id: str) -> Row | None:
        """Give a row, None if there is none."""
        changed = self._changed.get(table)
        if changed is not None and id in changed:
            return changed[id]
        return self._store.get(table, id)

    def all(self, table: str) -> Collection[Row]:
        """Give all rows."""
        changed = self._changed.get(table)
        return self._store.all(table) if not changed else self._over(self._store.all(table), changed)

    def find(self, table: str, column: str, value: Any) -> list[Row]:
        """Give the rows with this value (in a SET: that hold it)."""
        found = self._store.find(table, column, value)
        changed = self._changed.get(table)
        if not changed:
            return found
        # A row that was changed is wanted when it matches now, wherever it comes from.
        return [row for row in found if row.id not in changed] + [
            row
            for id in self._changed_with(table, column).get(value, ())
            if (row := changed[id]) is not None and value in self._values(table, column, row)
        ]

    def count(self, table: str, column: str, value: Any) -> int:
        """Count the rows with this value."""
        if not self._changed.get(table):
            return self._store.count(table, column, value)
        return len(self.find(table, column, value))

    def _changed_with(self, table: str, column: str) -> dict[Any, dict[str, None]]:
        found = self._by_value.get((table, column))
        if found is None:
            found = self._by_value[table, column] = {}
            for id, row in self._changed[table].items():
                if row is not None:
                    self._note(found, table, column, id, row)
        return found

    def _note(self, by_value: dict[Any, dict[str, None]], table: str, column: str, id: str, row: Row) -> None:
        for value in self._values(table, column, row):
            by_value.setdefault(value, {})[id] = None

    def _values(self, table: str, column: str, row: Row) -> Collection[Any]:
        value = getattr(row, column)
        return value if self._store.makers[table].columns[column].many is Cardinality.SET else (value,)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made for a key earlier in this transaction, else make it: of many things, each need not
        look at all others. Whoever writes what it was made of changes it as well, and relies on the rest (`verify`).
        """
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def find_unique(self, table: str, columns: tuple[str, ...], values: tuple[Any, ...]) -> Row | None:
        """Give the row with these values in the columns of a unique index. Raises KeyError: there is no such index."""
        changed = self._changed.get(table, {})
        keys = self._keys.get((table, columns))
        if keys is None:
            keys = {_key(row, columns): id for id, row in changed.items() if row is not None}
            self._keys[table, columns] = keys
        row = changed.get(keys.get(tuple(values), ""))
        if row is not None and _key(row, columns) == tuple(values):
            return row
        found = self._store.find_unique(table, columns, values)
        return None if found is None or found.id in changed else found

    def _over(self, rows: Collection[Row], changed: dict[str, Row | None]) -> list[Row]:
        """Give rows of the store that were not changed, then those that were."""
        return [row for row in rows if row.id not in changed] + [row for row in changed.values() if row is not None]

    # Writing

    def insert(self, table: str, values: dict[str, Any], id: str | None = None) -> str:
        """Insert a row and give its id, a random one if none was given. Columns that are not named get defaults."""
        id = id or str(uuid4())
        plain = self._store.makers[table].normal(values)
        wire = self._store.makers[table].wire_of_new(plain)
        self._own.add((table, id))
        self._do({"op": "insert", "table": table, "uuid": id, "row": wire}, Target(table, id, tuple(plain)))
        self._merging[table, id] = wire
        self._put(table, id, self._store.makers[table].new(id, plain))
        return id

    def update(self, table: str, id: str, values: dict[str, Any]) -> None:
        """Set columns of a row. Raises RowGone if it is not there; the transaction fails if it goes meanwhile."""
        row = self._present(table, id)
        plain = self._store.makers[table].normal(values)
        if not plain:
            return
        self._put(table, id, self._store.makers[table].replaced(row, plain))
        self._adding.pop((table, id), None)
        merging = self._merging.get((table, id))
        if merging is not None:
            merging.update(self._store.makers[table].wire(plain))
            return
        wire = self._store.makers[table].wire(plain)
        self._do({"op": "update", "table": table, "where": _is(id), "row": wire}, Target(table, id, tuple(plain)))
        self._merging[table, id] = wire

    def delete(self, table: str, id: str) -> None:
        """Delete a row. Raises RowGone if it is not there; the transaction fails if it goes meanwhile."""
        self._present(table, id)
        self._put(table, id, None)
        self._adding.pop((table, id), None)
        self._merging.pop((table, id), None)
        if (table, id) in self._own:
            self._own.discard((table, id))
            self._operations = [(o, t) for o, t in self._operations if (t.table, t.id) != (table, id)]
            return
        self._do({"op": "delete", "table": table, "where": _is(id)}, Target(table, id))

    def delete_where(self, table: str, column: str, value: Any) -> None:
        """Delete all rows with this value (in a SET: that hold it), also those that come before the commit."""
        for row in list(self.find(table, column, value)):
            if (table, row.id) in self._own:
                self.delete(table, row.id)
            else:
                self._put(table, row.id, None)
        condition = self._condition(table, column, value)
        self._do({"op": "delete", "table": table, "where": [condition]}, Target(table, "", (column,)))
        # An update put into an operation before this one would change what this one deletes.
        self._merging = {key: wires for key, wires in self._merging.items() if key[0] != table}
        self._adding = {key: mutation for key, mutation in self._adding.items() if key[0] != table}

    def add(self, table: str, id: str, column: str, amount: int) -> None:
        """Add to an integer, whatever it is by then; it never gets below the column's minimum (MinimumConflict)."""
        row = self._present(table, id)
        self._put(table, id, self._store.makers[table].replaced(row, {column: getattr(row, column) + amount}))
        mutation = self._adding.get((table, id))
        if mutation is not None and mutation[0] == column and (mutation[2] < 0) == (amount < 0):
            mutation[2] += amount
            return
        self._adding[table, id] = mutation = [column, "+=", amount]
        operation = {"op": "mutate", "table": table, "where": _is(id), "mutations": [mutation]}
        self._do(operation, Target(table, id, (column,)))
        self._merging.pop((table, id), None)

    # Relying

    def verify(self, table: str, id: str, *columns: str) -> None:
        """Rely on these columns: if one has changed at commit, the transaction fails (and is built anew)."""
        if (table, id) in self._own:
            return
        row = self._store.get(table, id)
        if row is None:
            raise RowGone(table, id)
        waited = self._waits.setdefault((table, id), {})
        for column in columns:
            # What was seen first counts: building may take a while, and what came before rests on that.
            if column not in waited:
                waited[column] = encode(self._store.makers[table].columns[column], getattr(row, column))

    def exists(self, table: str, id: str) -> None:
        """Rely on a row being there."""
        self.verify(table, id)

    def verify_rows(self, table: str, column: str, value: Any) -> None:
        """Rely on which rows have this value: if one has come or gone at commit, the transaction fails.

        All ids are sent: for what is seldom done, where no column of one row tells.
        """
        if (table, column, value) not in self._found:
            self._found[table, column, value] = [row.id for row in self._store.find(table, column, value)]

    def _present(self, table: str, id: str) -> Row:
        row = self.get(table, id)
        if row is None:
            raise RowGone(table, id)
        self.exists(table, id)
        return row

    # Sending

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to send."""
        return not self._operations and not self._waits and not self._found

    @property
    def writes(self) -> bool:
        """Say whether it changes anything."""
        return bool(self._operations)

    def operations(self) -> list[Operation]:
        """Give the operations of RFC 7047, section 5.2, in the order in which they are to be sent."""
        waits = [self._wait(key, wires) for key, wires in self._waits.items()]
        waits += [self._wait_for_rows(*key, ids) for key, ids in self._found.items()]
        return [*waits, *(o for o, _ in self._operations)]

    def targets(self) -> list[Target]:
        """Give what each operation is about."""
        waits = [Target(table, id, tuple(wires)) for (table, id), wires in self._waits.items()]
        waits += [Target(table, "", (column,)) for table, column, _ in self._found]
        return [*waits, *(target for _, target in self._operations)]

    def _wait(self, key: _Key, wires: dict[str, Any]) -> Operation:
        table, id = key
        expected = {"_uuid": ["uuid", id], **wires}
        return _waiting(table, _is(id), list(expected), [expected])

    def _wait_for_rows(self, table: str, column: str, value: Any, ids: list[str]) -> Operation:
        condition = self._condition(table, column, value)
        return _waiting(table, [condition], ["_uuid"], [{"_uuid": ["uuid", id]} for id in ids])

    def _condition(self, table: str, column: str, value: Any) -> list[Any]:
        """Give the condition under which `find` finds a row."""
        declared = self._store.makers[table].columns[column]
        is_set = declared.many is Cardinality.SET
        return [column, "includes" if is_set else "==", encode(declared, (value,) if is_set else value)]

    def _do(self, operation: Operation, target: Target) -> None:
        self._operations.append((operation, target))

    def _put(self, table: str, id: str, row: Row | None) -> None:
        self._changed.setdefault(table, {})[id] = row
        if row is None:
            return
        for (of, columns), keys in self._keys.items():
            if of == table:
                keys[_key(row, columns)] = id
        for (of, column), by_value in self._by_value.items():
            if of == table:
                self._note(by_value, table, column, id, row)


def _key(row: Row, columns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(row, column) for column in columns)


def _waiting(table: str, where: list[Any], columns: list[str], rows: list[Any]) -> Operation:
    """Give the operation that fails unless these columns of these rows are so now."""
    return {
        "op": "wait",
        "timeout": 0,
        "table": table,
        "where": where,
        "columns": columns,
        "until": "==",
        "rows": rows,
    }


def _is(id: str) -> list[Any]:
    return [["_uuid", "==", ["uuid", id]]]

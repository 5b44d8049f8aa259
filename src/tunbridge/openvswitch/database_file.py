"""A database file of ovsdb-server (`conf.db`), replayed without any of Open vSwitch's programs.

The schema first (ovsdb_records.py has the form of the records), then one transaction after the other.
Source: ovsdb(5) and ovsdb(7); the clustered form (magic CLUSTER) is that of the log of Raft. A transaction maps tables
to rows; a row is null when it was deleted. With `_is_diff` (since Open vSwitch 2.15), a set holds the elements that
came or went, a map the pairs that came or changed and the old ones that went, and an optional value the new one, or
the old one when it went.
"""

from collections.abc import Iterator
from typing import Any

from tunbridge.errors import TunbridgeError
from tunbridge.openvswitch.read_ovsdb import COLUMNS, Row, Tables, value
from tunbridge.ovsdb_records import Records

STATE_COLUMNS = frozenset(
    (
        "is_connected", "error", "mtu", "mac_in_use", "admin_state", "link_state", "link_speed", "duplex",
        "lacp_current", "bfd_status", "statistics", "status", "bond_active_slave",
    )
)  # fmt: skip
"""Columns that tell the state of the moment: a standalone file does not hold them, a clustered one that of long ago."""

_DATABASE = "Open_vSwitch"
_Rows = dict[str, dict[str, dict[str, Any]]]


class DatabaseFileError(TunbridgeError):
    """The file is no database of Open vSwitch, or is damaged at its beginning; the text says where."""


def replay(data: bytes, source: str) -> tuple[Tables, str | None]:
    """Give the tables as the last whole record left them, and what is wrong with the rest of the file, if anything is.

    As ovsdb-server does, reading stops at the first record that is cut off or does not fit its hash. What is in
    STATE_COLUMNS is None. Raises DatabaseFileError.
    """
    records = Records(data)
    database = _Database(source)
    entries = iter(records)
    first = next(entries, None)
    if first is None:
        raise DatabaseFileError(f"{source}: {records.wrong or 'an empty database file'}")
    if records.is_clustered:
        database.replay_cluster(first, entries)
    else:
        database.begin(first)
        for record in entries:
            database.apply(record)
    return database.tables(), f"{records.wrong}; it and what follows is left out" if records.wrong else None


class _Database:
    """Rows by table and UUID, in OVSDB's own JSON, as far as they were replayed."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: _Rows = {}
        self._scalars: dict[str, set[str]] = {}
        self._optional: dict[str, set[str]] = {}

    def begin(self, schema: Any) -> None:
        """Take the schema, and forget all rows."""
        try:
            if schema["name"] != _DATABASE:
                raise DatabaseFileError(f"{self._source}: the database {schema['name']}; expected {_DATABASE}")
            for table in COLUMNS:
                columns = schema["tables"][table]["columns"]
                least = {name: _least(column["type"]) for name, column in columns.items()}
                self._scalars[table] = {name for name, number in least.items() if number == 1}
                self._optional[table] = {name for name, number in least.items() if number == 0}
        except (KeyError, TypeError, AttributeError) as e:
            raise DatabaseFileError(f"{self._source}: its first record is no schema of {_DATABASE}: {e!r}") from e
        self._rows = {table: {} for table in COLUMNS}

    def replay_cluster(self, header: dict[str, Any], entries: Iterator[dict[str, Any]]) -> None:
        """Apply the snapshot of the header, then the entries of Raft's log that are committed."""
        log: dict[int, Any] = {}
        committed: int | None = None
        for entry in entries:
            index = entry.get("index")
            if isinstance(entry.get("commit_index"), int):
                committed = max(committed or 0, entry["commit_index"])
            elif isinstance(index, int):
                log = {at: data for at, data in log.items() if at < index} if index in log else log
                log[index] = entry.get("data")
        snapshot = header.get("prev_data")
        for data in [snapshot, *(log[at] for at in sorted(log) if committed is None or at <= committed)]:
            if isinstance(data, list) and len(data) == 2:
                if data[0] is not None:
                    self.begin(data[0])
                if data[1] is not None:
                    self.apply(data[1])
        if not self._rows:
            raise DatabaseFileError(f"{self._source}: a server that has not yet joined its cluster: it holds no data")

    def apply(self, transaction: Any) -> None:
        """Apply one transaction."""
        is_diff = isinstance(transaction, dict) and transaction.get("_is_diff") is True
        try:
            for table, rows in self._rows.items():
                for uuid, columns in transaction.get(table, {}).items():
                    if columns is None:
                        rows.pop(uuid, None)
                        continue
                    row = rows.setdefault(uuid, {})
                    for name, datum in columns.items():
                        row[name] = self._changed(table, name, row[name], datum) if is_diff and name in row else datum
        except (KeyError, TypeError, AttributeError, ValueError) as e:
            raise DatabaseFileError(f"{self._source}: a record is no transaction of {_DATABASE}: {e!r}") from e

    def _changed(self, table: str, column: str, old: Any, change: Any) -> Any:
        """Apply a difference to a column."""
        if column in self._scalars[table]:
            return change
        if column in self._optional[table]:
            return ["set", []] if old == change else change
        if isinstance(change, list) and len(change) == 2 and change[0] == "map":
            return ["map", _changed_map(old[1], change[1])]
        before, toggled = _elements(old), _elements(change)
        return ["set", [item for item in before if item not in toggled] + [i for i in toggled if i not in before]]

    def tables(self) -> Tables:
        """Give the plain rows, with the columns that reading a live database gives."""
        try:
            return Tables({table: {uuid: _row(table, uuid, row) for uuid, row in self._rows[table].items()}
                           for table in COLUMNS})  # fmt: skip
        except (TypeError, ValueError) as e:
            raise DatabaseFileError(f"{self._source}: a row holds no value of OVSDB: {e!r}") from e


def _least(kind: Any) -> int | None:
    """Give the least number of values of a column that has at most one; None for a set or a map."""
    if isinstance(kind, str):
        return 1
    if "value" in kind or kind.get("max", 1) != 1:
        return None
    return int(kind.get("min", 1))


def _changed_map(old: Any, change: Any) -> list[list[Any]]:
    """Apply a difference to a map: a pair that is there already went, any other is the new one of its key."""
    pairs = dict(old)
    for key, content in change:
        if key in pairs and pairs[key] == content:
            del pairs[key]
        else:
            pairs[key] = content
    return [[key, content] for key, content in pairs.items()]


def _elements(datum: Any) -> list[Any]:
    """Give the elements of a set; a single one is written without its brackets."""
    if isinstance(datum, list) and len(datum) == 2 and datum[0] == "set":
        return list(datum[1])
    return [datum]


def _row(table: str, uuid: str, row: dict[str, Any]) -> Row:
    plain: Row = {"_uuid": uuid}
    for column in COLUMNS[table][1:]:
        state = column in STATE_COLUMNS
        plain[column] = None if state else value(row.get(column, _ABSENT.get(column, ["set", []])), column)
    return plain


_ABSENT = {"name": "", "type": "", "target": "", "datapath_type": "", "fake_bridge": False}
"""Scalars that a file leaves out while they have their default value."""

"""Reads a database file record by record, to verify it: nothing cut off, nothing damaged, this many rows.

A file is a sequence of records, each with its length and hash (ovsdb(5)). `ovsdb-server` goes on with what comes before
a damaged record; whoever verifies a copy wants to be told.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tunbridge.database.errors import DatabaseError
from tunbridge.database.schema import NAME, Schema
from tunbridge.ovsdb_records import Records, is_database


class DamagedFileError(DatabaseError):
    """A database file is damaged or is none; the text says which and where."""


class Contents(msgspec.Struct):
    """What a file holds."""

    is_clustered: bool
    schema: Schema | None
    """None: a member that has not joined its cluster yet."""
    rows: dict[str, int]
    """How many, by table."""


def verify(path: Path) -> Contents:
    """Read the whole file. Raises DamagedFileError."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise DamagedFileError(f"{path}: {e.strerror}") from e
    records, is_clustered = _records(path, data)
    schema, transactions = _clustered(records) if is_clustered else (records[0], records[1:])
    if schema is not None and schema.get("name") != NAME:
        raise DamagedFileError(f"{path}: holds the database {schema.get('name')}, not {NAME}")
    return Contents(is_clustered, schema, _count(transactions))


def _records(path: Path, data: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return all records, and whether they are of the clustered form."""
    if not is_database(data):
        raise DamagedFileError(f"{path}: no database of ovsdb-server")
    found = Records(data)
    records = list(found)
    if found.wrong is not None:
        raise DamagedFileError(f"{path}: {found.wrong}")
    return records, found.is_clustered


def _clustered(records: list[dict[str, Any]]) -> tuple[Schema | None, list[dict[str, Any]]]:
    """Give the last schema, and the transactions: the header has a snapshot, the log [schema or null, transaction]."""
    schema: Schema | None = None
    transactions: list[dict[str, Any]] = []
    for data in [records[0].get("prev_data"), *(record.get("data") for record in records[1:])]:
        if isinstance(data, list):
            if data[0] is not None:
                schema, transactions = data[0], []  # a conversion writes all rows anew
            if data[1] is not None:
                transactions.append(data[1])
    return schema, transactions


def _count(transactions: list[dict[str, Any]]) -> dict[str, int]:
    there: set[tuple[str, str]] = set()
    for transaction in transactions:
        for table, rows in transaction.items():
            if table.startswith("_") or not isinstance(rows, dict):
                continue
            for id, row in rows.items():
                (there.discard if row is None else there.add)((table, id))
    return dict(sorted(Counter(table for table, _ in there).items()))

"""Reads a database file record by record, to verify it: nothing cut off, nothing damaged, this many rows.

A file is a sequence of records, each with its length and hash (ovsdb(5)). `ovsdb-server` goes on with what comes before
a damaged record; whoever verifies a copy wants to be told.
"""

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tunbridge.database.errors import DatabaseError
from tunbridge.database.schema import NAME, Schema

_HEADER = re.compile(rb"OVSDB (?:JSON|CLUSTER) (\d{1,10}) ([0-9a-f]{40})\n")


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
    if _HEADER.match(data) is None:
        raise DamagedFileError(f"{path}: no database of ovsdb-server")
    is_clustered = data.startswith(b"OVSDB CLUSTER ")
    records = _records(path, data)
    schema, transactions = _clustered(records) if is_clustered else (records[0], records[1:])
    if schema is not None and schema.get("name") != NAME:
        raise DamagedFileError(f"{path}: holds the database {schema.get('name')}, not {NAME}")
    return Contents(is_clustered, schema, _count(transactions))


def _records(path: Path, data: bytes) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    at = 0
    while at < len(data):
        header = _HEADER.match(data, at)
        number = len(records) + 1
        if header is None:
            raise DamagedFileError(f"{path}: record {number}, at byte {at}, has no header")
        body = data[header.end() : header.end() + int(header[1])]
        if len(body) < int(header[1]):
            raise DamagedFileError(f"{path}: record {number}, at byte {at}, is cut off")
        if hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() != header[2]:
            raise DamagedFileError(f"{path}: record {number}, at byte {at}, is damaged: it does not fit its hash")
        records.append(msgspec.json.decode(body, type=dict[str, Any]))
        at = header.end() + len(body)
    return records


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

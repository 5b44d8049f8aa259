"""What can go wrong with the central database, as types that a rule can tell apart.

A `WriteConflict` is a transaction that the database refused because of what others wrote, or because of its own rows:
the caller of `Database.commit` sees it only when building the transaction anew did not help.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from tunbridge.errors import TunbridgeError


class DatabaseError(TunbridgeError):
    """Something is wrong with the central database; the text says what and what to do."""


class DatabaseUnavailable(DatabaseError):  # noqa: N818 - a state, not a mistake
    """The database cannot be reached now; the same request may succeed later (HTTP 503).

    `outcome_unknown`: a transaction had been sent, and nobody knows yet whether it happened.
    """

    def __init__(self, text: str, outcome_unknown: bool = False) -> None:
        super().__init__(text)
        self.outcome_unknown = outcome_unknown


class TransactionRefusedError(DatabaseError):
    """The database refused a transaction for a reason that trying again does not remove: I/O error, permission, bug."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(f"the database refused a transaction: {error}: {details}")
        self.error = error
        self.details = details


class WriteConflict(DatabaseError):  # noqa: N818 - what it is called in databases
    """A transaction lost against another one, or against a rule of the schema."""


class UniqueConflict(WriteConflict):
    """Two rows would have the same values in the columns of an index."""

    def __init__(self, table: str, columns: tuple[str, ...], details: str = "") -> None:
        super().__init__(f"{table}: another row has the same {', '.join(columns)}. {details}")
        self.table = table
        self.columns = columns


class DuplicateIdConflict(WriteConflict):
    """A row was to be inserted with an id that a row of the table has already."""

    def __init__(self, table: str, id: str) -> None:
        super().__init__(f"{table}: a row {id} exists already")
        self.table = table
        self.id = id


class MinimumConflict(WriteConflict):
    """A number would become less than the column's minimum."""

    def __init__(self, table: str, columns: tuple[str, ...], id: str, details: str = "") -> None:
        super().__init__(f"{table} {id}: {', '.join(columns)}: {details}")
        self.table = table
        self.columns = columns
        self.id = id


class ReferencedConflict(WriteConflict):
    """A row was to be deleted that others still refer to."""

    def __init__(self, table: str, id: str, details: str = "") -> None:
        super().__init__(f"{table} {id} is still in use: {details}")
        self.table = table
        self.id = id


class MissingReferenceConflict(WriteConflict):
    """A row would refer to one that does not exist (any more)."""

    def __init__(self, table: str, column: str, id: str, target_table: str, target: str) -> None:
        super().__init__(f"{table} {id}: {column} refers to {target_table} {target}, which does not exist")
        self.table = table
        self.column = column
        self.id = id
        self.target_table = target_table
        self.target = target


class RowGone(WriteConflict):
    """A row that was to be changed, deleted or verified is not there (any more)."""

    def __init__(self, table: str, id: str) -> None:
        super().__init__(f"{table} {id} does not exist (any more)")
        self.table = table
        self.id = id


class Changed(WriteConflict):
    """A row that a transaction relies on has changed or gone since it was read."""

    def __init__(self, table: str, id: str) -> None:
        super().__init__(f"{table} {id} has been changed meanwhile")
        self.table = table
        self.id = id


class Target(msgspec.Struct, frozen=True):
    """What one operation of a transaction is about, to explain its failure."""

    table: str
    id: str
    columns: tuple[str, ...] = ()


_INDEX = re.compile(r'multiple rows in "(\w+)" table .* for index on columns? ("\w+".*?)\.  First row', re.DOTALL)
_IN_USE = re.compile(r"cannot delete (\w+) row ([0-9a-f-]{36}) because")
_NO_TARGET = re.compile(
    r"[Tt]able (\w+) column (\w+) row ([0-9a-f-]{36}) references nonexistent row ([0-9a-f-]{36}) in table (\w+)"
)
_RANGE = ("is less than minimum allowed value", "is not in the valid range", "is greater than maximum allowed value")


def classify(error: str, details: str, target: Target | None) -> DatabaseError:
    """Give the exception for an error of ovsdb-server 2.17 to 3.x; `target` is what the failed operation was about."""
    if error == "timed out" and target is not None:
        return Changed(target.table, target.id)
    if error == "duplicate uuid" and target is not None:
        return DuplicateIdConflict(target.table, target.id)
    if error == "referential integrity violation":
        return _reference(details)
    if error == "constraint violation":
        if (found := _INDEX.search(details)) is not None:
            return UniqueConflict(found[1], tuple(re.findall(r'"(\w+)"', found[2])), details)
        if target is not None and any(text in details for text in _RANGE):
            return MinimumConflict(target.table, target.columns, target.id, details)
    return TransactionRefusedError(error, details)


def _reference(details: str) -> DatabaseError:
    if (found := _IN_USE.search(details)) is not None:
        return ReferencedConflict(found[1], found[2], details)
    if (found := _NO_TARGET.search(details)) is not None:
        return MissingReferenceConflict(found[1], found[2], found[3], found[5], found[4])
    return WriteConflict(f"referential integrity violation: {details}")


def from_results(results: Sequence[Any], targets: Sequence[Target | None]) -> DatabaseError | None:
    """Give the exception for the results of a transaction, None if all went well (RFC 7047, section 4.1.3)."""
    for index, result in enumerate(results):
        if isinstance(result, dict) and result.get("error") is not None:
            target = targets[index] if index < len(targets) else None
            return classify(str(result["error"]), str(result.get("details", "")), target)
    return None

"""Conversion of a running database to a newer schema: ovsdb-server does it in one step, for the whole cluster.

Only additions are made, so no row is lost, and a server that knows less goes on working. ovsdb-server ends what its
clients monitor; they connect anew.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tunbridge.database.errors import DatabaseError
from tunbridge.database.schema import NAME, Schema, merged, missing
from tunbridge.database.session import Session
from tunbridge.model.tables import Table

_LOCK = "tunbridge_convert"


class SchemaTooOldError(DatabaseError):
    """A database lacks tables or columns that this version needs."""

    def __init__(self, remote: str, found: Schema, lacking: list[str]) -> None:
        super().__init__(
            f"{remote}: the database has version {found.get('version')} of the schema and lacks what this version of "
            f"Tunbridge needs: {', '.join(lacking)}; `tunbridge db upgrade --database {remote}` adds it, losing nothing"
        )
        self.lacking = lacking


class OtherTypeError(DatabaseError):
    """A database has columns of another type than this version: it is not one of ours, or of a version to come."""

    def __init__(self, remote: str, columns: list[str]) -> None:
        super().__init__(
            f"{remote}: the database has another type than this version of Tunbridge in {', '.join(columns)}; "
            "use the version of Tunbridge that made it"
        )


class ConvertingError(DatabaseError):
    """Somebody else converts the database just now."""


class ConversionError(DatabaseError):
    """The database refused to be converted."""


async def convert(session: Session, tables: Iterable[Table]) -> Schema | None:
    """Add what is missing; give the new schema, None if nothing was missing.

    A lock keeps two servers from converting at once, each to a schema without what the other one adds.
    Raises ConversionError, ConvertingError, SessionError.
    """
    declared = tuple(tables)
    lock = await _ask(session, "lock", [_LOCK])
    if not lock["locked"]:
        raise ConvertingError(f"{session.remote}: another server is converting the database; try again")
    found: Schema = await _ask(session, "get_schema", [NAME])
    if not missing(found, declared):
        await _ask(session, "unlock", [_LOCK])
        return None
    wanted = merged(found, declared)
    await _ask(session, "convert", [NAME, wanted])
    return wanted


async def _ask(session: Session, method: str, params: list[Any]) -> Any:
    reply = await session.request(method, params)
    if reply.error is not None:
        raise ConversionError(f"{session.remote}: {method} was refused: {_text(reply.error)}")
    return msgspec.json.decode(reply.result)


def _text(error: Any) -> str:
    if isinstance(error, dict):
        return ": ".join(str(error[key]) for key in ("error", "details") if key in error)
    return str(error)

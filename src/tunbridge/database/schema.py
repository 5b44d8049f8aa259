"""The OVSDB schema of the central database, made from the tables of `model` (RFC 7047, section 3.2).

Besides them it has `Commit`: each transaction leaves a row there whose UUID it chose, the proof that it happened
(`connection.py` tells how it is used).

Versions only add: tables, columns, indexes. So the version is 1.N.0 with N the number of all of these, and cannot be
forgotten to be changed; a later one has the greater number.
"""

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from tunbridge.model.tables import Cardinality, Column, Table, Type

NAME = "Tunbridge"
"""Of the database."""

COMMIT = Table(
    "Commit",
    (Column("writer"), Column("serial", Type.INTEGER), Column("made", Type.INTEGER)),
)
"""`writer`: a connection; `serial` counts its transactions; `made`: when, in seconds since 1970."""

Schema = dict[str, Any]


def schema_of(tables: Iterable[Table]) -> Schema:
    """Give the schema of a database with these tables, with its version and checksum."""
    return _with_version({table.name: _table(table) for table in (*tables, COMMIT)})


def version_of(tables: Iterable[Table]) -> str:
    """Give the version of the schema with these tables."""
    return str(schema_of(tables)["version"])


def _with_version(tables: dict[str, Any]) -> Schema:
    """Give a schema with `version`, and `cksum`: CRC-32 and length of its canonical text without it."""
    number = len(tables) + sum(len(table["columns"]) + len(table.get("indexes", ())) for table in tables.values())
    schema = {"name": NAME, "version": f"1.{number}.0", "tables": dict(sorted(tables.items()))}
    text = msgspec.json.encode(schema, order="sorted")
    return {**schema, "cksum": f"{zlib.crc32(text)} {len(text)}"}


def text_of(schema: Schema) -> bytes:
    """Give the schema as a file of ovsdb-tool."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def _table(table: Table) -> dict[str, Any]:
    made: dict[str, Any] = {"columns": {c.name: {"type": _type(c)} for c in table.columns}, "isRoot": table.root}
    if table.indexes:
        made["indexes"] = [list(index) for index in table.indexes]
    return made


def _type(column: Column) -> Any:
    key = _atom(column)
    if column.many is Cardinality.ONE:
        return key if isinstance(key, str) else {"key": key}
    if column.many is Cardinality.OPTIONAL:
        return {"key": key, "min": 0, "max": 1}
    if column.many is Cardinality.SET:
        return {"key": key, "min": 0, "max": "unlimited"}
    if column.many is Cardinality.NUMBERED:
        return {"key": "integer", "value": key, "min": 0, "max": "unlimited"}
    return {"key": "string", "value": "string", "min": 0, "max": "unlimited"}


def _atom(column: Column) -> Any:
    if column.type is Type.REF:
        return {"type": "uuid", "refTable": column.table, "refType": "strong" if column.strong else "weak"}
    if column.type is Type.INTEGER and column.minimum is not None:
        return {"type": "integer", "minInteger": column.minimum}
    return "string" if column.type is Type.JSON else column.type.value


def missing(found: Schema, tables: Iterable[Table], besides: Iterable[Table] = (COMMIT,)) -> list[str]:
    """Name what a database with the schema `found` lacks for these tables: `Port`, or `Port.status`.

    What it has besides does not matter: a newer server made it, and its columns have defaults.
    """
    lacking = []
    for table in (*tables, *besides):
        if table.name not in found["tables"]:
            lacking.append(table.name)
            continue
        columns = found["tables"][table.name]["columns"]
        lacking += [f"{table.name}.{column.name}" for column in table.columns if column.name not in columns]
    return lacking


def different(found: Schema, tables: Iterable[Table]) -> list[str]:
    """Name the columns that a database has with another type than these tables declare; limits may differ.

    So may how many values a set must have, or can: foreign schemas say `"min": 1` or `"max": 4096`.
    """
    return [
        f"{table.name}.{column.name}"
        for table in (*tables, COMMIT)
        for column in table.columns
        if (there := found["tables"].get(table.name, {}).get("columns", {}).get(column.name)) is not None
        and _plain(there["type"]) != _plain(_type(column))
    ]


def _plain(kind: Any) -> Any:
    """Give a type as ovsdb-server writes it, whichever way it was written: what is implied left out."""
    if isinstance(kind, str):
        return (_plain_atom(kind), None, 1, 1)
    value, most = kind.get("value"), kind.get("max", 1)
    how_many = (kind.get("min", 1), most) if most == 1 else (0, "unlimited")
    return (_plain_atom(kind["key"]), value and _plain_atom(value), *how_many)


def _plain_atom(atom: Any) -> Any:
    if isinstance(atom, str):
        return (atom,)
    rest = {key: atom[key] for key in atom if key in ("refTable", "refType")}
    if "refTable" in rest:
        rest.setdefault("refType", "strong")
    return (atom["type"], *sorted(rest.items()))


def merged(found: Schema, tables: Iterable[Table]) -> Schema:
    """Give `found` with what these tables add: tables, columns, indexes. Nothing that is there is taken away."""
    wanted = schema_of(tables)
    # ovsdb-server writes no "isRoot" at all when every table is one. Beside a new table that says so, the old ones
    # would not be roots any more, and the conversion would delete all their rows.
    all_roots = not any("isRoot" in table for table in found["tables"].values())
    result = {name: {"isRoot": all_roots, **table} for name, table in found["tables"].items()}
    for name, table in wanted["tables"].items():
        if name not in result:
            result[name] = table
            continue
        old = result[name]
        old["columns"] = {**table["columns"], **old["columns"]}
        if indexes := _indexes(old, table):
            old["indexes"] = indexes
    return _with_version(result)


def _indexes(old: dict[str, Any], new: dict[str, Any]) -> list[list[str]]:
    there: list[list[str]] = list(old.get("indexes", []))
    known = {frozenset(index) for index in there}
    return there + [index for index in new.get("indexes", []) if frozenset(index) not in known]

"""What `ovs-vsctl --format=json list TABLE` prints (and `ovsdb-client dump -f json`): tables, one after the other."""

import json
import re
from typing import Any

from tunbridge.errors import TunbridgeError
from tunbridge.openvswitch.read_ovsdb import COLUMNS, LATER, Row, Tables, value

COMMAND = f"for t in {' '.join(COLUMNS)}; do ovs-vsctl --format=json list $t; done"
"""Prints what is needed of a host."""


_FILLED = re.compile(r"\S")


class ListedError(TunbridgeError):
    """The text is not what these commands print, or a table is missing; says which."""


def is_listed(text: str) -> bool:
    """Say whether the text begins as a table in JSON does, and not as another document."""
    return bool(text) and any(f'"{key}"' in text[:200] for key in ("headings", "data", "caption")) and (
        '"headings"' in text
    )  # fmt: skip


def parse_listed(text: str, source: str) -> Tables:
    """Read all tables of a host. Raises ListedError."""
    tables: dict[str, dict[str, Row]] = {}
    try:
        for listed in _values(text):
            name = _table(listed)
            if name in COLUMNS:
                if name in tables:
                    raise ListedError(f"{source}: table {name} is there twice; give one file for each host")
                tables[name] = _rows(name, listed)
    except ListedError as e:
        raise ListedError(f"{source}: {str(e).removeprefix(f'{source}: ')}") from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise ListedError(f"{source}: not the tables that `ovs-vsctl --format=json list` prints: {e!r}") from e
    missing = [name for name in COLUMNS if name not in tables]
    if missing:
        raise ListedError(f"{source}: without table {', '.join(missing)}; this prints all that are needed: {COMMAND}")
    return Tables(tables)


def _values(text: str) -> list[Any]:
    """Split JSON values that stand one after the other."""
    decoder = json.JSONDecoder()
    values = []
    position = 0
    while match := _FILLED.search(text, position):
        position = match.start()
        found, position = decoder.raw_decode(text, position)
        values.append(found)
    return values


def _table(listed: Any) -> str:
    """Tell a table by its caption, or else by columns that only it has."""
    if caption := listed.get("caption"):
        return str(caption).removesuffix(" table")
    columns = set(listed["headings"])
    for name, own in (
        ("Open_vSwitch", {"bridges", "ovs_version"}),
        ("Bridge", {"ports", "fail_mode"}),
        ("Port", {"interfaces", "trunks"}),
        ("Interface", {"options", "ofport"}),
        ("Controller", {"target", "controller_rate_limit"}),
        ("Manager", {"target", "connection_mode"}),
    ):
        if own <= columns:
            return name
    return ""


def _rows(name: str, listed: Any) -> dict[str, Row]:
    headings = listed["headings"]
    rows: dict[str, Row] = {}
    for data in listed["data"]:
        datum = dict(zip(headings, data, strict=True))
        if lacking := [column for column in COLUMNS[name] if column not in datum and column not in LATER]:
            raise ListedError(f"table {name} is listed without column {', '.join(lacking)}; list it without --columns")
        row = {c: value(datum[c], c) if c in datum or c not in LATER else None for c in COLUMNS[name]}
        rows[str(row["_uuid"])] = row
    return rows

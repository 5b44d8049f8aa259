"""The records of a database file of ovsdb-server, one after the other, each verified by its length and hash.

    OVSDB JSON 195 39634445d2a0...      magic, length in bytes and SHA-1 of the record that follows
    {...}                               a JSON object

Source: ovsdb(5); the clustered form (magic CLUSTER) is that of the log of Raft.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_HEADER = re.compile(rb"OVSDB (?:JSON|CLUSTER) (\d{1,10}) ([0-9a-f]{40})\n")


def is_database(data: bytes) -> bool:
    """Whether the bytes begin as a database file does."""
    return data.startswith((b"OVSDB JSON ", b"OVSDB CLUSTER "))


class Records:
    """The records of a file; when they end, `wrong` says why, unless it is with the file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.is_clustered = data.startswith(b"OVSDB CLUSTER ")
        self.wrong: str | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        at, number = 0, 0
        while at < len(self._data):
            number += 1
            header = _HEADER.match(self._data, at)
            if header is None:
                self.wrong = f"record {number}, at byte {at}, has no header"
                return
            body = self._data[header.end() : header.end() + int(header[1])]
            record = self._verified(body, header)
            if isinstance(record, str):
                self.wrong = f"record {number}, at byte {at}, {record}"
                return
            yield record
            at = header.end() + len(body)

    def _verified(self, body: bytes, header: re.Match[bytes]) -> dict[str, Any] | str:
        """Return the record, or what is wrong with it."""
        if len(body) < int(header[1]):
            return "is cut off"
        if hashlib.sha1(body, usedforsecurity=False).hexdigest().encode() != header[2]:
            return "is damaged: it does not fit its hash"
        try:
            record = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as e:
            return f"is no JSON: {e}"
        return record if isinstance(record, dict) else "is no object"

"""Writes where addresses are that several ports may have, into the table `Address_Location`: this host's own rows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tunbridge.database.store import Store
from tunbridge.database.transaction import Operation
from tunbridge.dataplane.view import Location

Place = tuple[str, str]
"""Network and address."""
_TABLE = "Address_Location"


class Locations:
    """What is to be written."""

    def __init__(self, store: Store, host: str) -> None:
        self._store = store
        self._host = host
        self._wanted: dict[Place, Location | None] = {}

    def want(self, changes: Mapping[Place, Location | None]) -> None:
        """Note what to write; None: the host's row goes."""
        self._wanted.update(changes)

    async def write(self, transact: Callable[[Sequence[Operation]], Awaitable[Any]]) -> None:
        """Write what was noted. Raises DatabaseError; then it stays noted."""
        while self._wanted:
            now = dict(self._wanted)
            operations = [operation for place, location in now.items() for operation in self._write(place, location)]
            if operations:
                await transact(operations)
            self._wanted = {place: one for place, one in self._wanted.items() if one != now.get(place, one)}

    def _write(self, place: Place, location: Location | None) -> list[Operation]:
        network, address = place
        key = {"host": self._host, "network_id": network, "address": address}
        where = [[name, "==", value] for name, value in key.items()]
        gone: list[Operation] = [{"op": "delete", "table": _TABLE, "where": where}]
        if location is None:
            return gone
        row = {
            **key, "port_id": location.port_id, "mac_address": location.mac_address, "claim": location.claim,
        }  # fmt: skip
        there = any(
            r.address == address and r.host == self._host for r in self._store.find(_TABLE, "network_id", network)
        )
        if there:
            return [{"op": "update", "table": _TABLE, "where": where, "row": row}]
        return [*gone, {"op": "insert", "table": _TABLE, "row": row}]

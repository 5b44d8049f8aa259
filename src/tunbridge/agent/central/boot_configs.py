"""Boot configurations, read from the central database when a VM asks for its metadata, and not before.

They are large, seldom wanted and nobody else's business: a host copies none of them.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from tunbridge.agent.cloud import BootConfig
from tunbridge.database.errors import DatabaseError

KEPT = 1024
"""So many are remembered, for when the database is away; those that were asked for longest ago go first."""
_COLUMNS = ["hostname", "public_keys", "user_data"]


class BootConfigs:
    """Reads them through a connection."""

    def __init__(self, transact: Callable[[Sequence[dict[str, Any]]], Awaitable[Any]]) -> None:
        self._transact = transact
        self._kept: dict[str, BootConfig] = {}

    async def read(self, port_id: str) -> BootConfig:
        """That of a port, as it is now; while the database is away as it was last read. Raises DatabaseError."""
        where = [["port_id", "==", ["uuid", port_id]]]
        try:
            (result,) = await self._transact(
                [{"op": "select", "table": "Boot_Config", "where": where, "columns": _COLUMNS}]
            )  # fmt: skip
        except DatabaseError:
            if port_id in self._kept:
                return self._kept[port_id]
            raise
        found = [_boot_config(row) for row in result["rows"]]
        self._kept.pop(port_id, None)  # to the end
        self._kept[port_id] = found[0] if found else BootConfig()
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept[port_id]


def _boot_config(row: dict[str, Any]) -> BootConfig:
    return BootConfig(
        hostname=row["hostname"],
        public_keys=tuple(msgspec.json.decode(row["public_keys"]) or ()),
        user_data=base64.b64decode(row["user_data"]),
    )

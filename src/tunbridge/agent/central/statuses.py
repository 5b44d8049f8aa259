"""The statuses of this host's ports in the table `Port_Status`: one row for each port that is plugged in here.

Of what else the host answers for as well: its routers' addresses outside, tap services and flows. A port's row says
two things: how the port is, and that this host has it: a server binds a port that nobody has bound to the host that
says so (a claim). It is written only when it differs, and deleted when the port is unplugged. What is there
is read once for each connection: a database that was restored, or another agent of this name, may have left other rows.
"""

from collections.abc import Mapping
from typing import Any

from tunbridge.database.transaction import Operation

_TABLE = "Port_Status"


class Statuses:
    """The rows that are wanted, and those that are there."""

    def __init__(self, host: str) -> None:
        self.wanted: Mapping[str, str] = {}
        """Port id -> ACTIVE, DOWN, BUILD or ERROR."""
        self._host = host
        self._there: dict[str, str] | None = None
        """None: not known."""

    def forget(self) -> None:
        """Read what is there before the next change."""
        self._there = None

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to write."""
        return self._there == self.wanted

    @property
    def is_known(self) -> bool:
        """Whether it is known which rows are there."""
        return self._there is not None

    def selection(self) -> Operation:
        """The operation that reads what is there."""
        return {
            "op": "select",
            "table": _TABLE,
            "where": [["host", "==", self._host]],
            "columns": ["port_id", "status"],
        }

    def read(self, result: Any) -> None:
        """Take the result of `selection`."""
        self._there = {row["port_id"]: row["status"] for row in result["rows"]}

    def changes(self) -> tuple[dict[str, str], list[Operation]]:
        """Give the rows that will be there, and the operations that make it so."""
        there, wanted = self._there or {}, dict(self.wanted)
        operations: list[Operation] = []
        for id in sorted(there.keys() | wanted.keys()):
            status = wanted.get(id)
            if status == there.get(id):
                continue
            where = [["host", "==", self._host], ["port_id", "==", id]]
            if status is None:
                operations.append({"op": "delete", "table": _TABLE, "where": where})
            elif id in there:
                operations.append({"op": "update", "table": _TABLE, "where": where, "row": {"status": status}})
            else:
                row = {"host": self._host, "port_id": id, "status": status}
                operations.append({"op": "insert", "table": _TABLE, "row": row})
        return wanted, operations

    def done(self, now: dict[str, str], operations: list[Operation], results: list[Any]) -> None:
        """Take the results of `changes`; an update that found no row tells that others wrote here."""
        lost = any(o["op"] == "update" and r["count"] == 0 for o, r in zip(operations, results, strict=False))
        self._there = None if lost else now

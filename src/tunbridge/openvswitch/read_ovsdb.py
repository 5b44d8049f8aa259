"""Read a database of Open vSwitch once, in one transaction of selects (RFC 7047, 5.2.2): configuration and state.

For looking at a host, not for following it: the agent's connection, which stays open, is in `ovsdb`.
"""

import errno
import os
import time
from typing import Any

from tunbridge.errors import TunbridgeError
from tunbridge.openvswitch import tls

Row = dict[str, Any]
"""Column -> str, int, bool, None, list (a set), dict (a map); references are UUIDs."""

TIMEOUT = 5.0
"""Seconds for the whole of it."""

MAX_ANSWER = 256 * 2**20
"""Bytes of an answer: no database of a host has more."""

DATABASE = "Open_vSwitch"

COLUMNS = {
    "Open_vSwitch": ["_uuid", "ovs_version", "bridges", "manager_options", "external_ids", "other_config"],
    "Manager": ["_uuid", "target", "is_connected"],
    "Bridge": ["_uuid", "name", "fail_mode", "datapath_type", "controller", "ports", "external_ids", "other_config"],
    "Controller": ["_uuid", "target", "is_connected"],
    "Port": [
        "_uuid", "name", "tag", "trunks", "bond_mode", "interfaces", "lacp", "bond_active_slave", "other_config",
        "fake_bridge",
    ],
    "Interface": [
        "_uuid", "name", "type", "options", "error", "external_ids", "mtu", "mtu_request", "mac_in_use", "admin_state",
        "link_state", "link_speed", "duplex", "lacp_current", "bfd", "bfd_status", "statistics", "status",
    ],
}  # fmt: skip
"""Table -> what is read of it: ovs-vswitchd.conf.db(5)."""

LATER = frozenset(("bond_active_slave", "fake_bridge", "mtu_request", "bfd", "bfd_status", "lacp_current"))
"""Columns that the oldest schemas lack; what is read of them is None then."""


class OvsdbUnreadableError(TunbridgeError):
    """No database of Open vSwitch could be read at a remote; the text says which and why."""


class Tables:
    """The tables, by name, each with its rows by UUID."""

    def __init__(self, rows: dict[str, dict[str, Row]]) -> None:
        self._rows = rows

    def root(self) -> Row | None:
        """Give the one row of table Open_vSwitch."""
        return next(iter(self._rows["Open_vSwitch"].values()), None)

    def referred(self, table: str, uuids: list[str]) -> list[Row]:
        """Give the rows of `table` that a column refers to, in the column's order."""
        rows = self._rows[table]
        return [rows[uuid] for uuid in uuids if uuid in rows]


def read_tables(remote: str, timeout: float = TIMEOUT) -> Tables:
    """Read the tables at `remote` (`unix:PATH`, `tcp:IP:PORT`) in `timeout` seconds. Raises OvsdbUnreadableError."""
    import ovs.jsonrpc

    deadline = time.monotonic() + timeout
    connection = ovs.jsonrpc.Connection(_Bounded(_connected(remote, timeout), remote, deadline))
    try:
        results = _select(connection, COLUMNS, remote, deadline)
        lacking: set[str] = set()
        while (column := _lacking(results)) in LATER - lacking:
            lacking.add(str(column))
            older = {table: [c for c in columns if c not in lacking] for table, columns in COLUMNS.items()}
            results = _select(connection, older, remote, deadline)
    finally:
        connection.close()
    tables: dict[str, dict[str, Row]] = {}
    for table, result in zip(COLUMNS, results, strict=False):
        if not isinstance(result, dict) or "rows" not in result:
            raise OvsdbUnreadableError(f"{remote}: table {table} cannot be read: {result}")
        rows = [{c: value(row[c], c) if c in row else None for c in COLUMNS[table]} for row in result["rows"]]
        tables[table] = {str(row["_uuid"]): row for row in rows}
    if set(tables) != set(COLUMNS):
        raise OvsdbUnreadableError(f"{remote}: not a database of Open vSwitch")
    return Tables(tables)


class _Bounded:
    """A stream that neither goes on for longer than allowed nor gives more than MAX_ANSWER.

    A connection reads on until a message is whole: without this, an answer that never ends would be read for ever.
    """

    def __init__(self, stream: Any, remote: str, deadline: float) -> None:
        self._stream = stream
        self._remote = remote
        self._deadline = deadline
        self._left = MAX_ANSWER

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def recv(self, size: int) -> tuple[int, Any]:
        error, data = self._stream.recv(size)
        self._left -= len(data)
        if self._left < 0:
            raise OvsdbUnreadableError(f"{self._remote}: an answer longer than {MAX_ANSWER // 2**20} MiB")
        if data and time.monotonic() > self._deadline:
            raise OvsdbUnreadableError(f"{self._remote}: an answer that does not end in time")
        return error, data


def _select(connection: Any, columns: dict[str, list[str]], remote: str, deadline: float) -> list[Any]:
    import ovs.jsonrpc

    operations = [{"op": "select", "table": t, "where": [], "columns": c} for t, c in columns.items()]
    request = ovs.jsonrpc.Message.create_request("transact", ["Open_vSwitch", *operations])
    return _reply(connection, request, remote, deadline)


def _lacking(results: list[Any]) -> str | None:
    """Give the column that the schema does not have, when a select failed for one."""
    for result in results:
        details = str(result.get("details", "")) if isinstance(result, dict) else ""
        if details.endswith(" is not a valid column name"):
            return details.split()[0]
    return None


def _connected(remote: str, timeout: float) -> Any:
    import ovs.stream

    if remote.startswith("ssl:"):
        tls.prepare(remote)
    try:
        error, stream = ovs.stream.Stream.open_block(ovs.stream.Stream.open(remote), int(timeout * 1000))
    except (OSError, ValueError) as e:  # a key that is none, a name that nobody knows
        raise OvsdbUnreadableError(f"{remote}: no connection: {e}") from e
    if error and remote.startswith("ssl:") and error in (errno.EPERM, errno.EPROTO):
        raise OvsdbUnreadableError(
            f"{remote}: no TLS connection: the certificate of the server is not signed by that of --ca-cert, ours "
            "not by one that the server trusts, or no TLS is spoken there"
        )
    if error:
        raise OvsdbUnreadableError(f"{remote}: no OVSDB answers there: {_reason(error)}")
    return stream


def _reason(error: int) -> str:
    if error == errno.ENOENT:
        return "there is no such socket"
    if error == errno.EACCES:
        return "permission denied; try as root"
    return os.strerror(error) if error > 0 else "connection closed"


def _reply(connection: Any, request: Any, remote: str, deadline: float) -> list[Any]:
    """Send `request` and wait for its reply until `deadline`, answering probes meanwhile."""
    import ovs.jsonrpc
    import ovs.poller

    error = connection.send(request)
    while not error:
        connection.run()
        error, message = connection.recv()
        if error == errno.EAGAIN:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise OvsdbUnreadableError(f"{remote}: connected, but no answer in time")
            poller = ovs.poller.Poller()
            connection.wait(poller)
            connection.recv_wait(poller)
            poller.timer_wait(max(1, int(remaining * 1000)))
            poller.block()
            error = 0
        elif message is not None and message.type == ovs.jsonrpc.Message.T_REQUEST and message.method == "echo":
            connection.send(ovs.jsonrpc.Message.create_reply(message.params, message.id))
        elif message is not None and message.id == request.id:
            if message.error or not isinstance(message.result, list):
                raise OvsdbUnreadableError(f"{remote}: not a database of Open vSwitch: {message.error}")
            return list(message.result)
    raise OvsdbUnreadableError(f"{remote}: no answer: {_reason(error)}")


_SETS = frozenset(("bridges", "manager_options", "controller", "ports", "trunks", "interfaces"))
_MAPS = frozenset(("options", "external_ids", "other_config", "bfd", "bfd_status", "statistics", "status"))


def value(datum: Any, column: str) -> Any:
    """Turn a column's JSON (RFC 7047, 5.1) into a value: an optional one into it or None, a reference into a UUID."""
    if isinstance(datum, list) and len(datum) == 2:
        kind, content = datum
        if kind == "map":
            return {str(key): str(value) for key, value in content}
        if kind == "set":
            values = [value(item, "") for item in content]
            if column in _SETS:
                return values
            return values[0] if values else ({} if column in _MAPS else None)
        if kind == "uuid":
            return [content] if column in _SETS else content
    return [datum] if column in _SETS else datum

"""The local OVSDB: an always current copy of what Tunbridge needs, and transactions of plain operations.

The copy is kept by the official IDL. Writes are raw OVSDB operations (RFC 7047 section 5.2), made by pure functions:
shared columns are then mutated, never rewritten, so that nothing another client has just added can be lost.

A connection goes first to the Unix socket, then moves to the `ptcp` manager once that answers, as Neutron's agent does
(a passive manager says `is_connected: true` only while somebody is connected to it), and falls back when it goes:

    none --unix answers--> unix --manager answers--> manager --lost--> none
"""

import os
import time
from collections.abc import Sequence
from typing import Any

import ovs.db.idl
import ovs.db.schema
import ovs.jsonrpc
import ovs.poller
import ovs.stream

from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.rows import BridgeRow, ControllerRow, ExportRow, InterfaceRow, ManagerRow, PortRow, Snapshot

Operation = dict[str, Any]
"""One operation of an OVSDB transaction, as JSON."""

COLUMNS = {
    "Open_vSwitch": [
        "bridges", "manager_options", "ovs_version", "next_cfg", "cur_cfg", "other_config", "external_ids",
    ],
    "Manager": ["target", "is_connected", "external_ids"],
    "Bridge": [
        "name", "fail_mode", "datapath_type", "datapath_id", "protocols", "other_config", "external_ids",
        "controller", "ports", "ipfix", "sflow",
    ],
    "IPFIX": ["targets", "sampling", "external_ids"],
    "sFlow": ["targets", "sampling", "external_ids"],
    "Controller": ["target", "max_backoff", "inactivity_probe", "connection_mode", "is_connected", "external_ids"],
    "Port": ["name", "tag", "trunks", "vlan_mode", "external_ids", "other_config", "interfaces"],
    "Interface": ["name", "type", "options", "ofport", "error", "external_ids"],
}  # fmt: skip

RETRY_MS = 100
"""Between attempts to reach a socket that does not answer."""
SYNC_MS = 5000
"""A new connection that has no copy by then is given up and tried again."""
PROBE_MS = 5000
"""Idle time after which a connection is probed."""


def get_schema(remote: str, timeout: float) -> Any:
    """Fetch the schema of database Open_vSwitch from `remote`, within `timeout` seconds. Raises OvsdbError."""
    error, stream = ovs.stream.Stream.open_block(ovs.stream.Stream.open(remote), int(timeout * 1000))
    if error:
        raise OvsdbError(f"{remote}: no OVSDB answers there ({_strerror(error)}); is ovsdb-server running?")
    rpc = ovs.jsonrpc.Connection(stream)
    try:
        error, reply = rpc.transact_block(ovs.jsonrpc.Message.create_request("get_schema", ["Open_vSwitch"]))
        if error or reply.error:
            raise OvsdbError(f"{remote}: not a database of Open vSwitch: {reply.error if reply else _strerror(error)}")
        return reply.result
    finally:
        rpc.close()


def _strerror(error: int) -> str:
    return os.strerror(error) if error > 0 else "connection closed"


class _Connection:
    """One IDL on one remote."""

    def __init__(self, remote: str, schema_json: Any) -> None:
        helper = ovs.db.idl.SchemaHelper(schema_json=schema_json)
        for table, columns in COLUMNS.items():
            helper.register_columns(table, columns)
        self.remote = remote
        self.idl = ovs.db.idl.Idl(remote, helper, probe_interval=PROBE_MS, leader_only=False)
        self.deadline = _now() + SYNC_MS
        self._was_connected = False

    @property
    def synced(self) -> bool:
        return bool(self.idl.has_ever_connected() and self.idl.tables["Open_vSwitch"].rows)

    @property
    def root(self) -> Any:
        """UUID of the one Open_vSwitch row: which database it is."""
        return next(iter(self.idl.tables["Open_vSwitch"].rows))

    def run(self) -> bool:
        """Process what came. False when the connection is lost: it is then of no further use."""
        while True:
            before = self.idl.change_seqno
            self.idl.run()
            if self.idl.change_seqno == before:
                break  # run() takes 50 messages at most: go on until it finds nothing
        connected = self.idl._session.is_connected()  # the IDL has no public way to ask
        if self._was_connected and not connected:
            return False
        self._was_connected = connected
        return True


class LocalOvsdb:
    """The copy and the way to write. Call `run()` whenever `wait()`'s poller wakes; then see whether `seqno` moved."""

    def __init__(self, remote: str, manager_remote: str | None = None) -> None:
        self.remote = remote
        self.manager_remote = manager_remote
        self.seqno = 0
        """Changes whenever the copy changed or was replaced."""
        self.reconnects = 0
        self._active: _Connection | None = None
        self._candidate: _Connection | None = None
        self._retry_at = 0
        self._schema: Any = None
        self._active_seqno = -1

    @property
    def connected(self) -> bool:
        """Whether there is a current copy."""
        return self._active is not None and self._active.synced

    @property
    def on_manager(self) -> bool:
        """Whether the connection is the one through the manager."""
        return self._active is not None and self._active.remote == self.manager_remote

    def run(self) -> None:
        """Process messages, notice losses, connect, move to the manager."""
        if self._active is not None and not self._active.run():
            self._drop_active()
        if self._candidate is not None and not (self._candidate.run() and _now() < self._candidate.deadline):
            self._close_candidate()
        self._promote()
        self._connect()
        if self.connected and self._active is not None and self._active.idl.change_seqno != self._active_seqno:
            self._active_seqno = self._active.idl.change_seqno
            self.seqno += 1

    def _drop_active(self) -> None:
        assert self._active is not None
        self._active.idl.close()
        self._active = None
        self.reconnects += 1
        self._retry_at = 0
        self.seqno += 1

    def _close_candidate(self) -> None:
        assert self._candidate is not None
        self._candidate.idl.close()
        self._candidate = None

    def _promote(self) -> None:
        if self._candidate is not None and self._candidate.synced:
            if self._active is not None and self._active.synced and self._active.root != self._candidate.root:
                self._close_candidate()  # somebody else's database answers at the manager's address
                return
            if self._active is not None:
                self._active.idl.close()
            self._active, self._candidate = self._candidate, None
            self._active_seqno = -1

    def _connect(self) -> None:
        """Open what is missing: the Unix socket first, the manager when the database names it."""
        if self._candidate is not None or _now() < self._retry_at:
            return
        if self._active is None:
            self._open(self.remote)
        elif self._active.synced and self._wants_manager():
            self._open(str(self.manager_remote))

    def _wants_manager(self) -> bool:
        if self.manager_remote is None or self.on_manager or self._active is None:
            return False
        return bool(self._active.idl.tables["Manager"].rows)

    def _open(self, remote: str) -> None:
        """Open a connection if somebody answers there at this moment; else come back after a pause."""
        self._retry_at = _now() + RETRY_MS
        try:
            self._schema = get_schema(remote, timeout=1.0)
        except OvsdbError:
            return
        connection = _Connection(remote, self._schema)
        connection.run()
        self._candidate = connection

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` wakes when there is something for `run()`."""
        for connection in (self._active, self._candidate):
            if connection is not None:
                connection.idl.wait(poller)
        unfinished = self._active is None or (self._active.synced and self._wants_manager())
        if self._candidate is None and unfinished:
            poller.timer_wait_until(self._retry_at)

    def snapshot(self) -> Snapshot:
        """The copy as plain values. Raises OvsdbError when there is none."""
        if self._active is None or not self._active.synced:
            raise OvsdbError(f"{self.remote}: not connected to the local OVSDB")
        return _snapshot(self._active.idl)

    def transact(self, operations: Sequence[Operation], comment: str, timeout: float = 10.0) -> None:
        """Commit `operations` as one transaction, and raise `next_cfg` as ovs-vsctl does. All of it or none.

        Raises OvsdbError: refused, connection lost (it may have happened then) or no answer in `timeout` seconds.
        """
        if self._active is None or not self._active.synced:
            raise OvsdbError(f"{self.remote}: not connected to the local OVSDB")
        idl = self._active.idl
        txn = ovs.db.idl.Transaction(idl)
        txn.add_comment(comment)
        for operation in operations:
            txn.add_op(operation)
        txn.add_op({"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]})
        deadline = _now() + int(timeout * 1000)
        while (status := txn.commit()) == txn.INCOMPLETE and _now() < deadline:
            if not self._active.run():
                self._drop_active()
                raise OvsdbError(f"{self.remote}: connection lost during a transaction; it is tried again")
            poller = ovs.poller.Poller()
            idl.wait(poller)
            txn.wait(poller)
            poller.timer_wait_until(deadline)
            if txn.commit() == txn.INCOMPLETE:
                poller.block()
        if status not in (txn.SUCCESS, txn.UNCHANGED):
            reason = txn.get_error() or txn.status_to_string(status)
            raise OvsdbError(f"{self.remote}: transaction not done: {reason}")

    def close(self) -> None:
        """Close every connection."""
        for connection in (self._active, self._candidate):
            if connection is not None:
                connection.idl.close()
        self._active = self._candidate = None


def _now() -> int:
    """Milliseconds of the monotonic clock that ovs.poller uses."""
    return int(time.monotonic() * 1000)


def _optional(values: list[Any]) -> Any:
    return values[0] if values else None


def _snapshot(idl: Any) -> Snapshot:
    root = next(iter(idl.tables["Open_vSwitch"].rows.values()))
    bridges = {row.name: _bridge(row) for row in root.bridges}
    return Snapshot(
        uuid=str(root.uuid),
        ovs_version=_optional(root.ovs_version),
        next_cfg=root.next_cfg,
        cur_cfg=root.cur_cfg,
        other_config=root.other_config,
        external_ids=root.external_ids,
        managers=tuple(
            ManagerRow(uuid=str(m.uuid), target=m.target, is_connected=m.is_connected, external_ids=m.external_ids)
            for m in root.manager_options
        ),
        bridges=bridges,
    )


def _bridge(row: Any) -> BridgeRow:
    return BridgeRow(
        uuid=str(row.uuid),
        name=row.name,
        fail_mode=_optional(row.fail_mode),
        datapath_type=row.datapath_type,
        datapath_id=_optional(row.datapath_id),
        protocols=frozenset(row.protocols),
        other_config=row.other_config,
        external_ids=row.external_ids,
        controllers=tuple(_controller(c) for c in row.controller),
        exports=(*(_export("IPFIX", e) for e in row.ipfix), *(_export("sFlow", e) for e in row.sflow)),
        ports=tuple(_port(p) for p in row.ports),
    )


def _export(table: str, row: Any) -> ExportRow:
    return ExportRow(
        uuid=str(row.uuid), table=table, targets=tuple(row.targets), sampling=_optional(row.sampling),
        external_ids=row.external_ids,
    )  # fmt: skip


def _controller(row: Any) -> ControllerRow:
    return ControllerRow(
        uuid=str(row.uuid),
        target=row.target,
        max_backoff=_optional(row.max_backoff),
        inactivity_probe=_optional(row.inactivity_probe),
        connection_mode=_optional(row.connection_mode),
        is_connected=row.is_connected,
        external_ids=row.external_ids,
    )


def _port(row: Any) -> PortRow:
    return PortRow(
        uuid=str(row.uuid),
        name=row.name,
        tag=_optional(row.tag),
        trunks=tuple(row.trunks),
        vlan_mode=_optional(row.vlan_mode),
        external_ids=row.external_ids,
        other_config=row.other_config,
        interfaces=tuple(
            InterfaceRow(
                uuid=str(i.uuid),
                name=i.name,
                type=i.type,
                options=i.options,
                ofport=_optional(i.ofport),
                error=_optional(i.error),
                external_ids=i.external_ids,
            )
            for i in row.interfaces
        ),
    )

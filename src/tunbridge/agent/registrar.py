"""This host's entry in the central database: who it is, and every so often that it is alive.

    not connected --copy complete--> registered --every `report_interval` seconds--> heartbeat
          ^                                                                              |
          +-----------------------------------connection lost---------------------------+

Only this host's own rows are read and written. Without a central database the agent does all else as well.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import ovs.db.idl
from ovs.stream import Stream

from tunbridge.agent.central.registration import AGENT_TYPE, registration
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.log import Log
from tunbridge.database import schema
from tunbridge.model import internal

_TABLES = (internal.HOST, internal.HOST_HEARTBEAT)
_PROBE_MS = 10_000
_KEY = {"agent_type": AGENT_TYPE}


class Registrar:
    """Keeps the host's entry. Like everything in the loop: run, then wait."""

    def __init__(self, config: AgentConfig, log: Log) -> None:
        self.log = log
        self.registered = False
        self._config = config
        self._started = _timestamp()
        self._next_ms = 0
        self._txn: Any = None
        tls = config.database_tls
        if tls is not None:
            Stream.ssl_set_private_key_file(tls.private_key)
            Stream.ssl_set_certificate_file(tls.certificate)
            Stream.ssl_set_ca_cert_file(tls.ca_certificate)
        helper = ovs.db.idl.SchemaHelper(schema_json=schema.schema_of(_TABLES))
        for table in _TABLES:
            helper.register_columns(table.name, [column.name for column in table.columns])
        remotes = ",".join(config.database)
        self._idl = ovs.db.idl.Idl(remotes, helper, probe_interval=_PROBE_MS, leader_only=False)
        self._take_own_rows()

    def _take_own_rows(self) -> None:
        for table in _TABLES:
            self._idl.cond_change(table.name, [["host", "==", self._config.host]])

    def configure(self, config: AgentConfig) -> None:
        """Take settings that were read again; the host's entry follows."""
        self._config = config
        self._next_ms = 0

    def run(self) -> None:
        """Process what came, and write what is due."""
        while True:
            before = self._idl.change_seqno
            self._idl.run()
            if self._idl.change_seqno == before:
                break
        if not self._idl.has_ever_connected() or not self._idl._session.is_connected():  # there is no public way to ask
            if self.registered:
                self.registered = False
                self.log.warning("central database lost, tried again", database=",".join(self._config.database))
            self._next_ms = 0
            return
        if self._txn is not None:
            self._finish()
        elif _now_ms() >= self._next_ms:
            self._write()

    def _write(self) -> None:
        txn = ovs.db.idl.Transaction(self._idl)
        txn.add_comment("tunbridge agent")
        wanted = registration(self._config)
        host = self._own("Host")
        if host is None:
            host = txn.insert(self._idl.tables["Host"])
            host.created_at = _timestamp()
        _set(host, {**wanted, "started_at": self._started})
        beat = self._own("Host_Heartbeat") or txn.insert(self._idl.tables["Host_Heartbeat"])
        _set(beat, {"host": self._config.host, **_KEY, "heartbeat_at": _timestamp()})
        self._txn = txn
        self._finish()

    def _own(self, table: str) -> Any:
        for row in self._idl.tables[table].rows.values():
            if row.host == self._config.host and row.agent_type == AGENT_TYPE:
                return row
        return None

    def _finish(self) -> None:
        status = self._txn.commit()
        if status == ovs.db.idl.Transaction.INCOMPLETE:
            return
        error = self._txn.get_error()
        self._txn = None
        if status in (ovs.db.idl.Transaction.SUCCESS, ovs.db.idl.Transaction.UNCHANGED):
            if not self.registered:
                self.registered = True
                self.log.info("registered", host=self._config.host, database=",".join(self._config.database))
            self._next_ms = _now_ms() + self._config.report_interval * 1000
            return
        if status != ovs.db.idl.Transaction.TRY_AGAIN:
            self.log.error("not registered, tried again", error=error)
        self._next_ms = _now_ms() + 1000

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` wakes when something comes or is due."""
        self._idl.wait(poller)
        if self._txn is not None:
            self._txn.wait(poller)
        elif self._next_ms:
            poller.timer_wait_until(self._next_ms)

    def close(self) -> None:
        """End the connection; the entry stays, and ages."""
        self._idl.close()


def _set(row: Any, values: Mapping[str, Any]) -> None:
    """Set the columns that differ: an unchanged row is not written."""
    for name, value in values.items():
        optional = name == "availability_zone"
        wanted = value if not optional else [] if value is None else [value]
        if getattr(row, name, None) != wanted:  # a new row has no values yet
            setattr(row, name, wanted)


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now_ms() -> int:
    return int(time.monotonic() * 1000)

"""What security groups allow and drop, written to the agent's log and to a file (`network_log` in the configuration).

The first packet of a connection comes here by packet-in (`dataplane/features/logged.py`). The line says which port it
is about, what became of the packet, which rule allowed it, and what the packet was.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from tunbridge.agent.config import NetworkLogConfig
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.responders.headers import Headers, read_headers
from tunbridge.dataplane.view import Port, Rule, Source
from tunbridge.log import Log, escaped
from tunbridge.openvswitch.openflow import PacketIn

_MEANING = {
    Kind.egress_allowed: ("egress", "ACCEPT"),
    Kind.egress_dropped: ("egress", "DROP"),
    Kind.ingress_allowed: ("ingress", "ACCEPT"),
    Kind.ingress_dropped: ("ingress", "DROP"),
}


class TrafficLog:
    """Writes the lines."""

    def __init__(self, desired: Desired, source: Source, config: NetworkLogConfig, log: Log) -> None:
        self._desired = desired
        self._source = source
        self._log = log if config.agent_log else None
        self._path = config.file
        self._own = log
        self._is_broken = False
        """Whether the file could not be written, which is told once."""

    def note(self, kind: Kind, port_id: str, event: PacketIn) -> bool:
        """Write what became of a packet of a port; False when no log is about it any more. Raises MalformedError."""
        port = self._source.port(port_id)
        if port is None:
            return False
        direction, action = _MEANING[kind]
        logs = [log.id for log in self._source.logs() if log.concerns(port) and log.wants(action)]
        if not logs:
            return False
        headers = read_headers(event.data)
        line: dict[str, object] = {
            "action": action,
            "direction": direction,
            "port": port.id,
            "project": port.project_id,
        }
        line |= self._judged_by(port, direction, headers) if action == "ACCEPT" else {}
        line |= {"logs": ",".join(sorted(logs)), **headers.told(), "bytes": event.total_len}
        if self._log is not None:
            self._log.info("security group", **line)
        if self._path is not None:
            self._append(self._path, line)
        return True

    def _judged_by(self, port: Port, direction: str, headers: Headers) -> dict[str, object]:
        """The first rule that allows the packet, and the group which has it."""
        for group, rule in self._rules(port):
            if rule.direction == direction and self._allows(rule, headers):
                return {"group": group, "rule": rule.id}
        return {}

    def _rules(self, port: Port) -> Iterator[tuple[str, Rule]]:
        for id in port.security_groups:
            group = self._source.group(id)
            for rule in () if group is None else group.rules:
                yield id, rule

    def _allows(self, rule: Rule, headers: Headers) -> bool:
        remote = headers.dst if rule.direction == "egress" else headers.src
        return remote is not None and headers.matches(rule) and self._desired.is_remote(rule, str(remote))

    def _append(self, path: str, line: Mapping[str, object]) -> None:
        """Add a line to the file, which may have been renamed since the last one."""
        moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        text = escaped(json.dumps({"timestamp": moment, **line}, ensure_ascii=False)) + "\n"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
        except OSError as e:
            if not self._is_broken:
                self._own.error("the file of network_log cannot be written", file=path, reason=e.strerror)
            self._is_broken = True
        else:
            self._is_broken = False

"""Which events Nova is sent for what changed: `network-vif-plugged` when a port of a server becomes ACTIVE, and so on.

    DOWN, BUILD -> ACTIVE, ERROR   network-vif-plugged, completed or failed
    ACTIVE -> DOWN                 network-vif-unplugged
    addresses, MAC or floating IPs changed   network-changed
    deleted                        network-vif-deleted
Names and meaning: compute API reference, "Create External Events (os-server-external-events)".
"""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from tunbridge.rules import bindings
from tunbridge.rules.request import Reader, Row

_STATUS = {"ACTIVE": "completed", "ERROR": "failed", "DOWN": "completed"}


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event, as Nova takes it."""

    name: str
    server_uuid: str
    tag: str
    """The port's id."""
    status: str = ""


class _Seen(Struct, frozen=True):
    """What Nova knows of a port."""

    server: str
    status: str
    shown: tuple[object, ...]
    """What a server's list of addresses shows of it."""


class PortsOfServers:
    """The ports of Nova's servers as they were at the last look."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def start(self, reader: Reader, ports: Iterable[Row]) -> None:
        """Take the ports as they are now: nothing is told of what was before."""
        self._seen = {port.id: seen for port in ports if (seen := _look(reader, port)) is not None}

    def look(self, reader: Reader, port_id: str) -> list[Event]:
        """Give the events of what has happened to a port since the last look."""
        port = reader.get("Port", port_id)
        before, now = self._seen.pop(port_id, None), None if port is None else _look(reader, port)
        if now is not None:
            self._seen[port_id] = now
        if port is None:
            return [] if before is None else [_event("network-vif-deleted", before.server, port_id)]
        if now is None:
            return []
        if before is None or before.server != now.server:
            before = _Seen(now.server, "DOWN", now.shown)
        return [*_plugging(before, now, port_id), *_changing(before, now, port_id)]


def ports_of(table: str, old: Row | None, new: Row | None) -> set[str]:
    """Which ports are to be looked at when a row of a table has changed, by id."""
    rows = [row for row in (old, new) if row is not None]
    if table == "Port":
        return {row.id for row in rows}
    if table in ("Port_Status", "Port_Binding", "Floating_Ip"):
        return {row.port_id for row in rows if row.port_id}
    return set()


def _look(reader: Reader, port: Row) -> _Seen | None:
    """What there is to know of a port; None: it is not one of a server of Nova's."""
    if not port.device_owner.startswith("compute:") or not _is_uuid(port.device_id):
        return None
    floating = sorted(row.floating_ip_address for row in reader.find("Floating_Ip", "port_id", port.id))
    return _Seen(port.device_id, bindings.status(reader, port), (port.mac_address, port.fixed_ips, *floating))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _plugging(before: _Seen, now: _Seen, port_id: str) -> list[Event]:
    if before.status in ("DOWN", "BUILD") and now.status in ("ACTIVE", "ERROR"):
        name = "network-vif-plugged"
    elif (before.status, now.status) == ("ACTIVE", "DOWN"):
        name = "network-vif-unplugged"
    else:
        return []
    return [Event(name=name, server_uuid=now.server, tag=port_id, status=_STATUS[now.status])]


def _changing(before: _Seen, now: _Seen, port_id: str) -> list[Event]:
    return [] if before.shown == now.shown else [_event("network-changed", now.server, port_id)]


def _event(name: str, server: str, port_id: str) -> Event:
    return Event(name=name, server_uuid=server, tag=port_id)

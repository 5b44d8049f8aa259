"""What `ovs-vsctl list TABLE` prints as text, as sosreports keep it, added to a host that was read otherwise.

name                : eth0              one line for each column, an empty line between rows
mtu                 : 1500
statistics          : {rx_bytes=0, rx_dropped=7}
"""

import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tunbridge.inspect.mappings import of_bridges
from tunbridge.inspect.model import Bridge, Host, Interface
from tunbridge.inspect.values import BadValueError, mapping, string

Record = dict[str, str]
_COLUMN = re.compile(r"(\w+)\s*: (.*)")


def parse(text: str) -> list[Record]:
    """Read the rows. What is no row (an error message, say) is passed over."""
    rows: list[Record] = []
    new = True
    for line in text.splitlines():
        match = _COLUMN.fullmatch(line)
        if match is None:
            new = True
            continue
        if new:
            rows.append({})
            new = False
        rows[-1][match[1]] = match[2]
    return rows


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _word(*allowed: str) -> Callable[[str], str | None]:
    return lambda text: text if text in allowed else None


def _counters(text: str) -> dict[str, int]:
    return {name: int(count) for name, count in mapping(text).items() if _number(count) is not None}


_INTERFACE: dict[str, Callable[[str], Any]] = {
    "external_ids": mapping,
    "mtu": _number,
    "mtu_request": _number,
    "mac_in_use": lambda text: None if text == "[]" else string(text) or None,
    "admin_state": _word("up", "down"),
    "link_state": _word("up", "down"),
    "link_speed": _number,
    "duplex": _word("half", "full"),
    "lacp_current": {"true": True, "false": False}.get,
    "bfd": mapping,
    "bfd_status": mapping,
    "statistics": _counters,
    "status": mapping,
}


def with_records(host: Host, interfaces: str, bridges: str, root: str) -> Host:
    """Give the host with what its rows of Interface, Bridge and Open_vSwitch tell more, each as far as it is there."""
    told: set[str] = set()
    rows = {string(row["name"]): row for row in parse(interfaces) if "name" in row}
    if rows:
        host = replace(host, bridges=[_with_interfaces(bridge, rows, told) for bridge in host.bridges])
    told_of = {string(row["name"]): row for row in parse(bridges) if "name" in row}
    if told_of:
        told.add("mac_table_size")
        host = replace(host, bridges=[_with_bridge(bridge, told_of.get(bridge.name, {})) for bridge in host.bridges])
        if host.bridge_mappings is None and (mapped := of_bridges(host.bridges)) is not None:
            told.add("bridge_mappings")
            host = replace(host, bridge_mappings=mapped)
    for row in parse(root)[:1]:
        told.update(("chassis_id", "flow_restore_wait"))
        waits = _map(row, "other_config").get("flow-restore-wait") == "true"
        host = replace(host, chassis_id=_map(row, "external_ids").get("system-id"), flow_restore_wait=waits)
    return replace(host, not_told=[attribute for attribute in host.not_told if attribute not in told])


def _with_bridge(bridge: Bridge, row: Record) -> Bridge:
    size = _number(_map(row, "other_config").get("mac-table-size") or "") or bridge.mac_table_size
    ids = _map(row, "external_ids") if "external_ids" in row else bridge.external_ids
    return replace(bridge, mac_table_size=size, external_ids=ids)


def _with_interfaces(bridge: Bridge, rows: dict[str, Record], told: set[str]) -> Bridge:
    ports = [
        replace(
            port, interfaces=[_with_row(interface, rows.get(interface.name, {}), told) for interface in port.interfaces]
        )
        for port in bridge.ports
    ]
    return replace(bridge, ports=ports)


def _with_row(interface: Interface, row: Record, told: set[str]) -> Interface:
    found: dict[str, Any] = {}
    for column, read in _INTERFACE.items():
        if column in row:
            try:
                found[column] = read(row[column])
            except BadValueError:
                continue  # damaged: unknown
    told.update(found)
    return replace(interface, **found)


def _map(row: Record, column: str) -> dict[str, str]:
    try:
        return mapping(row.get(column, "{}"))
    except BadValueError:
        return {}

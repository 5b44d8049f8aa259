"""OVSDB operations (RFC 7047, section 5.2) as data: each function gives the operations of one step.

Columns that others write too are only ever mutated: rewriting `ports` or `external_ids` from a copy would take back
what another client has done since. Rows are addressed by name, so that a step on a bridge which vanished meanwhile does
nothing, instead of something wrong.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tunbridge.openvswitch.ours import ORIGIN, PHYSICAL_NETWORK

Operation = dict[str, Any]

CREATED, ADOPTED = "created", "adopted"
SAVED = "tunbridge-saved"
"""external_ids key of an adopted bridge: JSON of what its columns held before."""
OUR_KEYS = (ORIGIN, SAVED, PHYSICAL_NETWORK)

PROTOCOLS = ("OpenFlow10", "OpenFlow13", "OpenFlow14")
MAX_BACKOFF_MS = 1000
"""Longest pause before a bridge calls the agent again; Open vSwitch's default of 8 s is 8 s without packet-in."""
INACTIVITY_PROBE_MS = 10000


def named(name: str) -> list[Any]:
    """Give the `where` of the row with this name."""
    return [["name", "==", name]]


def by_uuid(uuid: str) -> list[Any]:
    """Give the `where` of one row."""
    return [["_uuid", "==", ["uuid", uuid]]]


def _map(values: Mapping[str, str]) -> list[Any]:
    return ["map", [[k, v] for k, v in sorted(values.items())]]


def _new(symbol: str) -> list[Any]:
    return ["set", [["named-uuid", symbol]]]


def insert_controller(symbol: str, target: str) -> Operation:
    """Insert the row of the agent as OpenFlow controller; it must be referenced in the same transaction."""
    row = {
        "target": target,
        "connection_mode": "out-of-band",
        "max_backoff": MAX_BACKOFF_MS,
        "inactivity_probe": INACTIVITY_PROBE_MS,
        "external_ids": _map({ORIGIN: CREATED}),
    }
    return {"op": "insert", "table": "Controller", "uuid-name": symbol, "row": row}


def insert_port(symbol: str, name: str, type_: str, options: Mapping[str, str], ours: bool) -> list[Operation]:
    """Insert a port with one interface of the same name; it must be referenced in the same transaction."""
    mark = _map({ORIGIN: CREATED} if ours else {})
    interface = {"name": name, "type": type_, "options": _map(options)}
    return [
        {"op": "insert", "table": "Interface", "uuid-name": f"{symbol}i", "row": interface},
        {
            "op": "insert",
            "table": "Port",
            "uuid-name": symbol,
            "row": {"name": name, "interfaces": _new(f"{symbol}i"), "external_ids": mark},
        },
    ]


def add_port(symbol: str, bridge: str, name: str, type_: str, options: Mapping[str, str]) -> list[Operation]:
    """Add a port of ours to a bridge."""
    return [
        *insert_port(symbol, name, type_, options, ours=True),
        mutate_bridge(bridge, "ports", "insert", _new(symbol)),
    ]


def create_bridge(
    symbol: str, name: str, controller: str, datapath_type: str | None, external_ids: Mapping[str, str]
) -> list[Operation]:
    """Make a bridge, complete: fail mode and controller at once, or Open vSwitch would empty its flows later."""
    row: dict[str, Any] = {
        "name": name,
        "fail_mode": "secure",
        "protocols": ["set", list(PROTOCOLS)],
        "controller": _new(f"{symbol}c"),
        "ports": _new(f"{symbol}p"),
        "other_config": _map({"disable-in-band": "true", "mac-table-size": "50000"}),
        "external_ids": _map({ORIGIN: CREATED, **external_ids}),
    }
    if datapath_type is not None:
        row["datapath_type"] = datapath_type
    return [
        insert_controller(f"{symbol}c", controller),
        *insert_port(f"{symbol}p", name, "internal", {}, ours=False),
        {"op": "insert", "table": "Bridge", "uuid-name": symbol, "row": row},
        {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["bridges", "insert", _new(symbol)]]},
    ]


def delete_bridge(uuid: str) -> list[Operation]:
    """Take a bridge out of Open vSwitch, with its ports."""
    gone = ["set", [["uuid", uuid]]]
    return [{"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["bridges", "delete", gone]]}]


def mutate_bridge(name: str, column: str, mutator: str, value: Any) -> Operation:
    """Insert into or delete from a set or map column of a bridge."""
    return {"op": "mutate", "table": "Bridge", "where": named(name), "mutations": [[column, mutator, value]]}


def delete_port(bridge: str, uuid: str) -> Operation:
    """Take one port out of a bridge."""
    return mutate_bridge(bridge, "ports", "delete", ["set", [["uuid", uuid]]])


def set_keys(table: str, where: list[Any], column: str, values: Mapping[str, str | None]) -> Operation:
    """Set some keys of a map column, delete those whose value is None, and leave the other keys alone."""
    mutations: list[Any] = [[column, "delete", ["set", sorted(values)]]]
    kept = {k: v for k, v in values.items() if v is not None}
    if kept:
        mutations.append([column, "insert", _map(kept)])
    return {"op": "mutate", "table": table, "where": where, "mutations": mutations}


def add_controller(symbol: str, bridge: str, target: str) -> list[Operation]:
    """Add the agent to the controllers of a bridge."""
    return [insert_controller(symbol, target), mutate_bridge(bridge, "controller", "insert", _new(symbol))]


EXPORT_COLUMNS = {"IPFIX": "ipfix", "sFlow": "sflow"}
"""Table of records of traffic -> the column of a bridge that refers to it."""


def add_export(symbol: str, bridge: str, table: str, targets: Iterable[str], sampling: int) -> list[Operation]:
    """Have a bridge send records of its traffic."""
    row = {"targets": strings(targets), "sampling": sampling, "external_ids": _map({ORIGIN: CREATED})}
    return [
        {"op": "insert", "table": table, "uuid-name": symbol, "row": row},
        update("Bridge", named(bridge), {EXPORT_COLUMNS[table]: ["named-uuid", symbol]}),
    ]


def remove_export(bridge: str, table: str) -> Operation:
    """Have a bridge send no records any more."""
    return update("Bridge", named(bridge), {EXPORT_COLUMNS[table]: ["set", []]})


def add_manager(symbol: str, target: str) -> list[Operation]:
    """Add an OVSDB remote."""
    row = {"target": target, "inactivity_probe": INACTIVITY_PROBE_MS, "external_ids": _map({ORIGIN: CREATED})}
    return [
        {"op": "insert", "table": "Manager", "uuid-name": symbol, "row": row},
        {"op": "mutate", "table": "Open_vSwitch", "where": [],
         "mutations": [["manager_options", "insert", _new(symbol)]]},
    ]  # fmt: skip


def delete_manager(uuid: str) -> Operation:
    """Take out one OVSDB remote."""
    gone = ["set", [["uuid", uuid]]]
    return {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["manager_options", "delete", gone]]}


def update(table: str, where: list[Any], row: dict[str, Any]) -> Operation:
    """Set whole columns that only one writer owns."""
    return {"op": "update", "table": table, "where": where, "row": row}


def strings(values: Iterable[str]) -> list[Any]:
    """Give a set of strings as OVSDB JSON."""
    return ["set", sorted(values)]


def map_of(values: Mapping[str, str]) -> list[Any]:
    """Give a map of strings as OVSDB JSON."""
    return _map(values)

"""What is written to the OVS port of a workload, as Neutron's agent writes it: `tag` and `other_config`.

Operators, `ovs-vsctl show` and `tunbridge draw` read from it which network a port is in, and a restarted agent reads
back which local VLAN a network has here.
"""

from collections.abc import Mapping

from tunbridge.dataplane import operations
from tunbridge.dataplane.contribution import SETTINGS, STEERING, PortSettings
from tunbridge.dataplane.operations import Operation
from tunbridge.openvswitch.rows import BridgeRow, PortRow, Snapshot, changed

_TX_STEERING = "tx-steering"
"""Key of Interface:other_config (ovs-vswitchd.conf.db(5))."""


class Checked:
    """Compares ports with their settings, and does not compare again what has not changed since it agreed."""

    def __init__(self) -> None:
        self._bridges: Mapping[str, BridgeRow] = {}
        self._wrong: list[PortRow] = []
        """Those of the last look that were to be written."""
        self._wanted: dict[str, PortSettings] = {}

    def difference(self, now: Snapshot, wanted: Mapping[str, PortSettings]) -> list[Operation]:
        """Operations that give each port (by name) its settings; other keys of `other_config` stay."""
        steps = [
            changed(_ports(self._bridges.get(name)), _ports(now.bridges.get(name)))
            for name in self._bridges.keys() | now.bridges
        ]
        gone = {id(row) for left, _ in steps for row in left}
        look = {id(row): row for row in self._wrong if id(row) not in gone}
        look |= {id(row): row for _, new in steps for row in new}
        if self._wanted != wanted:
            names = {name for name in self._wanted.keys() | wanted if self._wanted.get(name) != wanted.get(name)}
            look |= {id(row): row for _, row in now.ports() if row.name in names}
            self._wanted = dict(wanted)
        self._bridges, self._wrong = now.bridges, []
        found: list[Operation] = []
        for row in look.values():
            settings = wanted.get(row.name)
            if settings is not None and (different := _operations(row, settings)):
                found += different
                self._wrong.append(row)
        return found


def _ports(bridge: BridgeRow | None) -> tuple[PortRow, ...]:
    return () if bridge is None else bridge.ports


def _operations(port: PortRow, settings: PortSettings) -> list[Operation]:
    where = operations.by_uuid(port.uuid)
    found: list[Operation] = []
    if port.tag != settings.tag:
        found.append(operations.update("Port", where, {"tag": settings.tag}))
    keys = {key: settings.other_config.get(key) for key in SETTINGS}
    if any(port.other_config.get(key) != value for key, value in keys.items()):
        found.append(operations.set_keys("Port", where, "other_config", keys))
    return [*found, *_steering(port, settings)]


def _steering(port: PortRow, settings: PortSettings) -> list[Operation]:
    """Set what is wanted of the interface, or take away what was set before; an operator's own stays."""
    wanted, before = settings.other_config.get(STEERING), port.other_config.get(STEERING)
    return [
        operations.set_keys("Interface", operations.by_uuid(one.uuid), "other_config", {_TX_STEERING: wanted})
        for one in port.interfaces
        if one.other_config.get(_TX_STEERING) != wanted and (wanted or before)
    ]

"""What is written to the OVS port of a workload, as Neutron's agent writes it: `tag` and `other_config`.

Operators, `ovs-vsctl show` and `tunbridge draw` read from it which network a port is in, and a restarted agent reads
back which local VLAN a network has here.
"""

from collections.abc import Mapping
from operator import is_

from tunbridge.dataplane import operations
from tunbridge.dataplane.contribution import SETTINGS, STEERING, PortSettings
from tunbridge.dataplane.operations import Operation
from tunbridge.openvswitch.rows import BridgeRow, PortRow, Snapshot

_TX_STEERING = "tx-steering"
"""Key of Interface:other_config (ovs-vswitchd.conf.db(5))."""


class Checked:
    """Compares ports with their settings, and does not compare again what has not changed since it agreed."""

    def __init__(self) -> None:
        self._right: dict[int, PortRow] = {}
        """Rows that need no look, by their address in memory."""
        self._agreed: tuple[BridgeRow, ...] = ()
        """The bridges of the last look, where all their ports were right."""
        self._wanted: dict[str, PortSettings] = {}

    def difference(self, now: Snapshot, wanted: Mapping[str, PortSettings]) -> list[Operation]:
        """Operations that give each port (by name) its settings; other keys of `other_config` stay."""
        bridges = tuple(now.bridges.values())
        if self._wanted != wanted:
            changed = {name for name in self._wanted.keys() | wanted if self._wanted.get(name) != wanted.get(name)}
            self._right = {at: row for at, row in self._right.items() if row.name not in changed}
            self._wanted = dict(wanted)
        elif len(bridges) == len(self._agreed) and all(map(is_, bridges, self._agreed)):
            return []
        found: list[Operation] = []
        rows = {id(row): row for bridge in bridges for row in bridge.ports}
        right = self._right
        self._right = {at: row for at, row in rows.items() if at in right}
        for at in rows.keys() - right.keys():
            settings = wanted.get(rows[at].name)
            different = [] if settings is None else _operations(rows[at], settings)
            if different:
                found += different
            else:
                self._right[at] = rows[at]
        self._agreed = () if found else bridges
        return found


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

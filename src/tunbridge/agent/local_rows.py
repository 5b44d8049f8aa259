"""From the store's rows of the local OVSDB to the `Snapshot` that the data plane computes on, made only where changed.

A changed interface makes its own struct anew, those of its port and of its bridge, and no other: with a thousand ports
a change costs microseconds, and what is unchanged stays the same object.
"""

from typing import Any

from tunbridge.database.store import Store
from tunbridge.openvswitch.rows import (
    BridgeRow,
    ControllerRow,
    ExportRow,
    InterfaceRow,
    ManagerRow,
    PortRow,
    QosRow,
    QueueRow,
    Snapshot,
)

_PARENTS = {
    "Interface": ("Port", "interfaces"),
    "Port": ("Bridge", "ports"),
    "Controller": ("Bridge", "controller"),
    "IPFIX": ("Bridge", "ipfix"),
    "sFlow": ("Bridge", "sflow"),
}


class Rows:
    """The snapshot of one store. Listens to it; `snapshot` gives the same object until something changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: dict[str, dict[str, Any]] = {table: {} for table in ("Bridge", *_PARENTS)}
        self._parent: dict[str, str] = {}
        self._snapshot: Snapshot | None = None
        store.listen(self._changed)

    def _changed(self, table: str, old: Any, new: Any) -> None:
        self._snapshot = None
        if table not in self._made:
            return
        row = new if new is not None else old
        self._forget(table, row.id)
        if new is None:
            self._parent.pop(row.id, None)
        for child, (parent, column) in _PARENTS.items():
            if parent == table and new is not None:
                before, after = () if old is None else _ids(getattr(old, column)), _ids(getattr(new, column))
                if before is after:
                    continue
                self._parent.update(dict.fromkeys(set(after).difference(before), row.id))
                for gone in set(before).difference(after):
                    self._made[child].pop(gone, None)

    def _forget(self, table: str, id: str) -> None:
        self._made[table].pop(id, None)
        if table in _PARENTS and (parent := self._parent.get(id)) is not None:
            self._forget(_PARENTS[table][0], parent)

    def snapshot(self) -> Snapshot | None:
        """The database at this moment; None when there is no row of table Open_vSwitch."""
        if self._snapshot is None:
            root = next(iter(self._store.all("Open_vSwitch")), None)
            self._snapshot = None if root is None else self._root(root)
        return self._snapshot

    def _root(self, root: Any) -> Snapshot:
        bridges = [self._bridge(id) for id in root.bridges]
        managers = [row for id in root.manager_options if (row := self._store.get("Manager", id)) is not None]
        return Snapshot(
            uuid=root.id,
            ovs_version=root.ovs_version,
            next_cfg=root.next_cfg,
            cur_cfg=root.cur_cfg,
            other_config=root.other_config,
            external_ids=root.external_ids,
            managers=tuple(
                ManagerRow(uuid=m.id, target=m.target, is_connected=m.is_connected, external_ids=m.external_ids)
                for m in managers
            ),
            bridges={b.name: b for b in bridges if b is not None},
            qos={row.id: _qos(row) for row in self._store.all("QoS")},
            queues={row.id: _queue(row) for row in self._store.all("Queue")},
        )

    def _bridge(self, id: str) -> BridgeRow | None:
        made: BridgeRow | None = self._made["Bridge"].get(id)
        row = self._store.get("Bridge", id)
        if made is not None or row is None:
            return made
        controllers = [self._controller(each) for each in row.controller]
        known = self._made["Port"]
        ports = [known.get(each) or self._port(each) for each in row.ports]
        exports = [self._export("IPFIX", each) for each in _ids(row.ipfix)]
        exports += [self._export("sFlow", each) for each in _ids(row.sflow)]
        made = BridgeRow(
            uuid=id,
            name=row.name,
            fail_mode=row.fail_mode,
            datapath_type=row.datapath_type,
            datapath_id=row.datapath_id,
            protocols=frozenset(row.protocols),
            other_config=row.other_config,
            external_ids=row.external_ids,
            controllers=tuple(c for c in controllers if c is not None),
            exports=tuple(filter(None, exports)),
            ports=tuple(filter(None, ports)),
        )
        self._made["Bridge"][id] = made
        return made

    def _controller(self, id: str) -> ControllerRow | None:
        made: ControllerRow | None = self._made["Controller"].get(id)
        row = self._store.get("Controller", id)
        if made is not None or row is None:
            return made
        made = ControllerRow(
            uuid=id,
            target=row.target,
            max_backoff=row.max_backoff,
            inactivity_probe=row.inactivity_probe,
            connection_mode=row.connection_mode,
            is_connected=row.is_connected,
            external_ids=row.external_ids,
        )
        self._made["Controller"][id] = made
        return made

    def _export(self, table: str, id: str) -> ExportRow | None:
        made: ExportRow | None = self._made[table].get(id)
        row = self._store.get(table, id)
        if made is not None or row is None:
            return made
        made = ExportRow(
            uuid=id, table=table, targets=row.targets, sampling=row.sampling, external_ids=row.external_ids
        )  # fmt: skip
        self._made[table][id] = made
        return made

    def _port(self, id: str) -> PortRow | None:
        made: PortRow | None = self._made["Port"].get(id)
        row = self._store.get("Port", id)
        if made is not None or row is None:
            return made
        interfaces = [self._interface(each) for each in row.interfaces]
        made = PortRow(
            uuid=id,
            name=row.name,
            tag=row.tag,
            trunks=row.trunks,
            vlan_mode=row.vlan_mode,
            qos=row.qos,
            external_ids=row.external_ids,
            other_config=row.other_config,
            interfaces=tuple(i for i in interfaces if i is not None),
        )
        self._made["Port"][id] = made
        return made

    def _interface(self, id: str) -> InterfaceRow | None:
        made: InterfaceRow | None = self._made["Interface"].get(id)
        row = self._store.get("Interface", id)
        if made is not None or row is None:
            return made
        made = InterfaceRow(
            uuid=id,
            name=row.name,
            type=row.type,
            options=row.options,
            ofport=row.ofport,
            error=row.error,
            link_state=row.link_state,
            link_speed=row.link_speed,
            bfd=row.bfd,
            bfd_status=row.bfd_status,
            other_config=row.other_config,
            external_ids=row.external_ids,
        )
        self._made["Interface"][id] = made
        return made


def _qos(row: Any) -> QosRow:
    return QosRow(
        uuid=row.id, type=row.type, queues=row.queues, other_config=row.other_config, external_ids=row.external_ids
    )  # fmt: skip


def _queue(row: Any) -> QueueRow:
    return QueueRow(uuid=row.id, other_config=row.other_config, external_ids=row.external_ids)


def _ids(value: tuple[str, ...] | str | None) -> tuple[str, ...]:
    """What a column refers to, however many it may."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value

"""From what a host's OVSDB holds to what it shall hold: a list of changes, each in words and as OVSDB operations.

What may be changed depends on who made it. How a restarted agent knows:
* a port, controller or manager with `external_ids:tunbridge-origin=created` is ours: fixed, and removed when unwanted;
* a bridge with `created` is ours; with `adopted` it is the operator's, used by us, and `tunbridge-saved` tells what to
  put back when its mapping is removed;
* everything else is somebody else's. A port of theirs that already serves (same name, type and options) is used and
  never touched; one that stands in the way is a problem to report, not to solve.
"""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.dataplane import names, nics, operations
from tunbridge.dataplane.host import Collector, WantedBridge, WantedHost, WantedPort
from tunbridge.dataplane.nics import NicState
from tunbridge.dataplane.operations import ADOPTED, CREATED, SAVED, Operation
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.openvswitch.ours import ORIGIN, PHYSICAL_NETWORK
from tunbridge.openvswitch.rows import BridgeRow, ControllerRow, ExportRow, InterfaceRow, PortRow, Snapshot

_KERNEL = "system"
"""The datapath of bridges without a `datapath_type`."""


class Change(Struct, frozen=True, kw_only=True):
    """One change. `empties`: the bridge whose flow tables Open vSwitch empties on the way."""

    text: str
    operations: list[Operation]
    empties: str | None = None
    released: str | None = None
    """The bridge that is given back to the operator by it."""
    drift: bool = True
    """Whether somebody else's change is undone by it, and not what Open vSwitch left behind."""


class Difference(Struct, frozen=True, kw_only=True):
    """All changes, to be made as one transaction, and what stands in the way of more."""

    changes: list[Change]
    problems: list[Problem]

    @property
    def operations(self) -> list[Operation]:
        """Every operation in order."""
        return [o for c in self.changes for o in c.operations]

    @property
    def emptied(self) -> list[str]:
        """Bridges whose flows Open vSwitch will empty."""
        return sorted({c.empties for c in self.changes if c.empties is not None})

    @property
    def released(self) -> list[str]:
        """Bridges that are given back."""
        return sorted({c.released for c in self.changes if c.released is not None})


def difference(host: WantedHost, now: Snapshot, nic_states: Mapping[str, NicState]) -> Difference:
    """Tell what to change. Same input, same output; nothing to do gives no change."""
    return _Differ(host, now, nic_states).run()


def ours(external_ids: Mapping[str, str]) -> bool:
    """Whether a row is one that we made."""
    return external_ids.get(ORIGIN) == CREATED


def usable(host: WantedHost, now: Snapshot) -> list[BridgeRow]:
    """Give the bridges that are ours to work with: those that we made or have taken over already."""
    rows = [now.bridges.get(b.name) for b in host.bridges]
    return [row for row in rows if row is not None and ORIGIN in row.external_ids]


def is_apart(row: BridgeRow, host: WantedHost, now: Snapshot) -> bool:
    """Whether a bridge cannot be joined to br-int, since that is in another datapath, or will be once it is made."""
    return (row.datapath_type or _KERNEL) != _datapath(host, now)


def _datapath(host: WantedHost, now: Snapshot) -> str:
    integration = now.bridges.get(names.INTEGRATION_BRIDGE)
    return (host.datapath_type if integration is None else integration.datapath_type) or _KERNEL


def tunnel_addresses(now: Snapshot) -> set[str]:
    """Remote addresses of the tunnel ports to other hosts that we made."""
    return {interface.options["remote_ip"] for interface in _tunnels(now, names.TUNNEL_BRIDGE)}


def collectors(now: Snapshot) -> set[Collector]:
    """The collectors of mirrored packets that we made ports for."""
    kinds: dict[str, Literal["erspan", "gre"]] = {"gre": "gre", "ip6gre": "gre", "erspan": "erspan"}
    kinds["ip6erspan"] = "erspan"
    found = _tunnels(now, names.INTEGRATION_BRIDGE)
    return {Collector(kinds[one.type], one.options["remote_ip"]) for one in found if one.type in kinds}


def _tunnels(now: Snapshot, bridge: str) -> Iterator[InterfaceRow]:
    row = now.bridges.get(bridge)
    for port in row.ports if row is not None else ():
        if ours(port.external_ids) and port.interfaces and "remote_ip" in port.interfaces[0].options:
            yield port.interfaces[0]


class _Differ:
    def __init__(self, host: WantedHost, now: Snapshot, nic_states: Mapping[str, NicState]) -> None:
        self.host = host
        self.now = now
        self.nic_states = nic_states
        self.changes: list[Change] = []
        self.problems: list[Problem] = []
        names = {p.name for b in host.bridges for p in b.ports} | {nic for b in host.bridges for nic in b.nics}
        self.where: dict[str, tuple[BridgeRow, PortRow]] = {}
        """Where a port of a name that is wanted is."""
        self.in_bond: dict[str, tuple[BridgeRow, PortRow]] = {}
        """Where an interface of a name that is wanted is."""
        for bridge in now.bridges.values():
            for port in bridge.ports:
                if port.name in names:
                    self.where[port.name] = (bridge, port)
                for interface in port.interfaces:
                    if interface.name in names:
                        self.in_bond[interface.name] = (bridge, port)
        self._symbols = 0

    def run(self) -> Difference:
        self._manager()
        usable = [b for b in self.host.bridges if self._bridge(b)]
        # A bridge that cannot be used leaves no patch port on br-int that leads nowhere.
        unusable = {b.name for b in self.host.bridges} - {b.name for b in usable}
        dangling = {names.integration_patch(name) for name in unusable}
        usable = [_without(b, dangling) for b in usable]
        self._unwanted_ports(usable)
        for bridge in usable:
            for port in bridge.ports:
                self._port(bridge.name, port)
            for nic in bridge.nics:
                self._nic(bridge.name, nic)
            if bridge.name == names.INTEGRATION_BRIDGE:
                self._export(bridge.name)
        self._unwanted_bridges()
        return Difference(changes=self.changes, problems=self.problems)

    def _change(
        self, text: str, *ops: Operation, empties: str | None = None, released: str | None = None, drift: bool = True
    ) -> None:
        change = Change(text=text, operations=list(ops), empties=empties, released=released, drift=drift)
        self.changes.append(change)

    def _symbol(self) -> str:
        self._symbols += 1
        return f"new{self._symbols}"

    # The manager

    def _manager(self) -> None:
        for row in self.now.managers:
            if ours(row.external_ids) and row.target != self.host.manager:
                self._change(f"remove manager {row.target}", operations.delete_manager(row.uuid))
        target = self.host.manager
        if target is not None and all(row.target != target for row in self.now.managers):
            self._change(f"add manager {target}", *operations.add_manager(self._symbol(), target))

    # Bridges

    def _bridge(self, bridge: WantedBridge) -> bool:
        """Make or mend one bridge. False when it cannot be used."""
        row = self.now.bridges.get(bridge.name)
        if row is None:
            self._create(bridge)
            return True
        if ORIGIN not in row.external_ids:
            return self._adopt(bridge, row)
        if is_apart(row, self.host, self.now):
            self.problems.append(self._apart(row))
        if row.device_error is not None:
            self.problems.append(_device_failed(row.name, row.device_error))
        self._mend_bridge(row)
        self._mark_physical_network(bridge, row)
        return True

    def _create(self, bridge: WantedBridge) -> None:
        marks = {PHYSICAL_NETWORK: bridge.physical_network} if bridge.physical_network else {}
        ops = operations.create_bridge(
            self._symbol(), bridge.name, self.host.controller, self.host.datapath_type, marks
        )
        text = f"create bridge {bridge.name}: fail_mode secure, controller {self.host.controller}"
        self._change(text, *ops)

    def _adopt(self, bridge: WantedBridge, row: BridgeRow) -> bool:
        """Use a bridge that the operator made, and note what it was like."""
        if is_apart(row, self.host, self.now):
            self.problems.append(self._apart(row))
            return False
        addressed = [i.name for p in row.ports for i in p.interfaces if self._carries_address(i.name)]
        if addressed and row.fail_mode != "secure":
            for name in addressed:
                self.problems.append(_addressed(name, bridge.name, self.nic_states[name]))
            return False
        saved = {
            "fail_mode": row.fail_mode,
            "protocols": sorted(row.protocols),
            "disable-in-band": row.other_config.get("disable-in-band"),
        }
        marks: dict[str, str | None] = {ORIGIN: ADOPTED, SAVED: json.dumps(saved)}
        if bridge.physical_network:
            marks[PHYSICAL_NETWORK] = bridge.physical_network
        self._change(
            f"use bridge {row.name} as it is there; what is changed in it is noted in external_ids:{SAVED}",
            operations.set_keys("Bridge", operations.named(row.name), "external_ids", marks),
        )
        self._mend_bridge(row)
        return True

    def _apart(self, row: BridgeRow) -> Problem:
        """Nothing is done to such a bridge that is not done already: no packet would pass."""
        right = _datapath(self.host, self.now)
        message = (
            f"is in datapath {row.datapath_type or _KERNEL} and {names.INTEGRATION_BRIDGE} in {right}: no packet"
            f" passes between them. If nothing else needs that: ovs-vsctl set bridge {row.name} datapath_type={right}"
        )
        return Problem(code=Code.DATAPATH_OTHER, subject=row.name, message=message)

    def _carries_address(self, name: str) -> bool:
        state = self.nic_states.get(name)
        return state is not None and state.in_use

    def _mark_physical_network(self, bridge: WantedBridge, row: BridgeRow) -> None:
        if row.external_ids.get(PHYSICAL_NETWORK) != bridge.physical_network:
            marks = {PHYSICAL_NETWORK: bridge.physical_network}
            self._change(
                f"bridge {row.name}: set external_ids:{PHYSICAL_NETWORK} to {bridge.physical_network}",
                operations.set_keys("Bridge", operations.named(row.name), "external_ids", marks),
            )

    def _mend_bridge(self, row: BridgeRow) -> None:
        """Fail mode, controller, protocols and in-band mode of an existing bridge."""
        where = operations.named(row.name)
        if row.fail_mode != "secure":
            self._change(
                f"bridge {row.name}: set fail_mode secure (it is {row.fail_mode or 'not set, so standalone'})",
                operations.update("Bridge", where, {"fail_mode": "secure"}),
                empties=row.name,
            )
        self._controllers(row)
        if row.protocols and "OpenFlow14" not in row.protocols:
            self._change(
                f"bridge {row.name}: allow OpenFlow14",
                operations.mutate_bridge(row.name, "protocols", "insert", operations.strings(["OpenFlow14"])),
            )
        if row.other_config.get("disable-in-band") != "true":
            # In-band control would add hidden flows, and through br-tun a loop.
            self._change(
                f"bridge {row.name}: set other_config:disable-in-band",
                operations.set_keys("Bridge", where, "other_config", {"disable-in-band": "true"}),
            )

    def _controllers(self, row: BridgeRow) -> None:
        mine = [c for c in row.controllers if c.target == self.host.controller]
        if not mine:
            self._change(
                f"bridge {row.name}: add controller {self.host.controller}",
                *operations.add_controller(self._symbol(), row.name, self.host.controller),
                empties=row.name if not row.controllers else None,
            )
        for controller in row.controllers:
            if controller.target != self.host.controller and ours(controller.external_ids):
                gone = operations.mutate_bridge(row.name, "controller", "delete", ["set", [["uuid", controller.uuid]]])
                self._change(f"bridge {row.name}: remove controller {controller.target}", gone)
        for controller in mine:
            if ours(controller.external_ids):
                self._mend_controller(row.name, controller)

    def _mend_controller(self, bridge: str, row: ControllerRow) -> None:
        right = {
            "max_backoff": operations.MAX_BACKOFF_MS,
            "inactivity_probe": operations.INACTIVITY_PROBE_MS,
            "connection_mode": "out-of-band",
        }
        wrong = {k: v for k, v in right.items() if getattr(row, k) != v}
        if wrong:
            told = ", ".join(f"{k} {v}" for k, v in wrong.items())
            update = operations.update("Controller", operations.by_uuid(row.uuid), wrong)
            self._change(f"bridge {bridge}: set {told} of its controller", update)

    # Ports

    def _port(self, bridge: str, port: WantedPort) -> None:
        bridge_row, row = self.where.get(port.name, (None, None))
        if row is None or bridge_row is None:
            if port.name in self.in_bond:
                self.problems.append(_in_the_way(port, self.in_bond[port.name][0].name))
                return
            self._add(bridge, port)
        elif bridge_row.name != bridge:
            if ours(row.external_ids):  # _unwanted_ports has taken it out there
                self._add(bridge, port)
            else:
                self.problems.append(_in_the_way(port, bridge_row.name))
        elif ours(row.external_ids):
            self._mend_port(bridge, port, row)
        elif not _serves(port, row):
            self.problems.append(_in_the_way(port, bridge))

    def _add(self, bridge: str, port: WantedPort) -> None:
        self._change(
            f"add {port.type} port {port.name} to {bridge} ({_told(port.options)})",
            *operations.add_port(self._symbol(), bridge, port.name, port.type, port.options),
        )

    def _mend_port(self, bridge: str, port: WantedPort, row: PortRow) -> None:
        if len(row.interfaces) != 1 or row.interfaces[0].name != port.name:
            self._change(f"{bridge}: replace port {port.name}", operations.delete_port(bridge, row.uuid))
            self._add(bridge, port)
            return
        interface = row.interfaces[0]
        wrong: dict[str, Any] = {}
        if interface.type != port.type:
            wrong["type"] = port.type
        if dict(interface.options) != dict(port.options):
            wrong["options"] = operations.map_of(port.options)
        if wrong:
            self._change(
                f"{bridge}: set port {port.name} to {port.type} ({_told(port.options)})",
                operations.update("Interface", operations.by_uuid(interface.uuid), wrong),
            )
        if not wrong and port.type == "patch":
            self._clear_stale_error(bridge, interface)
        if row.tag is not None or row.trunks or row.vlan_mode is not None:
            empty: dict[str, Any] = {"tag": ["set", []], "trunks": ["set", []], "vlan_mode": ["set", []]}
            self._change(
                f"{bridge}: port {port.name} carries every VLAN: remove tag and trunks",
                operations.update("Port", operations.by_uuid(row.uuid), empty),
            )

    def _clear_stale_error(self, bridge: str, interface: InterfaceRow) -> None:
        """Clear "No usable peer" of a patch port whose peer is there.

        Open vSwitch writes it down when the peer goes, and looks again only when some other port changes state: after a
        repair the pair forwards, and the report stays (seen with 3.1, in every third repair).
        """
        peer_bridge, peer = self.in_bond.get(interface.options.get("peer", ""), (None, None))
        if peer is None or peer_bridge is None or not (interface.error or "").startswith("No usable peer"):
            return
        same_datapath = peer_bridge.datapath_type == self.now.bridges[bridge].datapath_type
        if same_datapath and (peer.interfaces[0].ofport or 0) > 0 and (interface.ofport or 0) > 0:
            self._change(
                f"{bridge}: clear the report that {interface.name} has no usable peer: it has",
                operations.update("Interface", operations.by_uuid(interface.uuid), {"error": ["set", []]}),
                drift=False,
            )

    def _nic(self, bridge: str, name: str) -> None:
        bridge_row, _ = self.in_bond.get(name, (None, None))
        if bridge_row is not None:
            if bridge_row.name != bridge:
                message = f"is in bridge {bridge_row.name}; take it out there first: ovs-vsctl del-port {name}"
                self.problems.append(Problem(code=Code.NIC_ELSEWHERE, subject=name, message=message))
            return
        state = self.nic_states.get(name, NicState())
        if not state.exists:
            message = f"no such network device; it is added to {bridge} when it appears"
            self.problems.append(Problem(code=Code.NIC_MISSING, subject=name, message=message))
        elif state.in_use:
            self.problems.append(_addressed(name, bridge, state))
        else:
            ops = operations.add_port(self._symbol(), bridge, name, "", {})
            self._change(f"add NIC {name} to {bridge}", *ops)

    def _unwanted_ports(self, usable: Sequence[WantedBridge]) -> None:
        wanted = {(b.name, p) for b in usable for p in (*(q.name for q in b.ports), *b.nics)}
        for bridge in self.now.bridges.values():
            for port in [port for port in bridge.ports if port.external_ids and ours(port.external_ids)]:
                if (bridge.name, port.name) not in wanted:
                    what = f"remove port {port.name} from {bridge.name}"
                    self._change(what, operations.delete_port(bridge.name, port.uuid))

    # Records of traffic

    def _export(self, bridge: str) -> None:
        """Set what br-int sends to collectors. What somebody else has set stays, and is a problem only in the way."""
        row, wanted = self.now.bridges.get(bridge), self.host.export
        there = {} if row is None else {export.table: export for export in row.exports}
        for table, export in there.items():
            if ours(export.external_ids) and (wanted is None or wanted.table != table):
                self._change(f"{bridge}: send no {table} records", operations.remove_export(bridge, table))
        if wanted is None:
            return
        told = f"{wanted.table} records of one packet in {wanted.sampling} to {', '.join(wanted.targets)}"
        found = there.get(wanted.table)
        if found is None:
            ops = operations.add_export(self._symbol(), bridge, wanted.table, wanted.targets, wanted.sampling)
            self._change(f"{bridge}: send {told}", *ops)
        elif not ours(found.external_ids):
            self.problems.append(_others_export(bridge, found))
        elif (set(found.targets), found.sampling) != (set(wanted.targets), wanted.sampling):
            columns = {"targets": operations.strings(wanted.targets), "sampling": wanted.sampling}
            update = operations.update(wanted.table, operations.by_uuid(found.uuid), columns)
            self._change(f"{bridge}: send {told}", update)

    # Bridges whose mapping was removed

    def _unwanted_bridges(self) -> None:
        wanted = {b.name for b in self.host.bridges}
        for row in self.now.bridges.values():
            if row.name in wanted or ORIGIN not in row.external_ids:
                continue
            if row.external_ids[ORIGIN] == CREATED and not list(_foreign_ports(row)):
                self._change(f"delete bridge {row.name}", *operations.delete_bridge(row.uuid))
            else:
                self._release(row)

    def _release(self, row: BridgeRow) -> None:
        """Give a bridge back: what its columns held before, none of our marks, none of our controllers."""
        saved = _saved(row)
        where = operations.named(row.name)
        columns: dict[str, Any] = {"fail_mode": saved.get("fail_mode") or ["set", []]}
        if row.external_ids[ORIGIN] == ADOPTED:
            columns["protocols"] = operations.strings(saved.get("protocols") or [])
        in_band = {"disable-in-band": saved.get("disable-in-band")}
        mine = [c for c in row.controllers if ours(c.external_ids)]
        ops = [
            operations.update("Bridge", where, columns),
            operations.set_keys("Bridge", where, "other_config", in_band),
            operations.set_keys("Bridge", where, "external_ids", dict.fromkeys(operations.OUR_KEYS)),
        ]
        if mine:
            gone = ["set", [["uuid", c.uuid] for c in mine]]
            ops.append(operations.mutate_bridge(row.name, "controller", "delete", gone))
        empties = columns["fail_mode"] != row.fail_mode or (bool(mine) and len(mine) == len(row.controllers))
        self._change(
            f"give bridge {row.name} back: fail_mode {saved.get('fail_mode') or 'not set'}, controllers of before",
            *ops,
            empties=row.name if empties else None,
            released=row.name,
        )


def _without(bridge: WantedBridge, ports: Container[str]) -> WantedBridge:
    return replace(bridge, ports=tuple(p for p in bridge.ports if p.name not in ports))


def _saved(row: BridgeRow) -> dict[str, Any]:
    """What was noted at adoption; nothing when the note is missing or no longer readable."""
    try:
        value = json.loads(row.external_ids.get(SAVED, "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _foreign_ports(row: BridgeRow) -> Iterator[PortRow]:
    return (p for p in row.ports if p.name != row.name and not ours(p.external_ids))


def _serves(port: WantedPort, row: PortRow) -> bool:
    """Whether a port that somebody else made does what is wanted."""
    if len(row.interfaces) != 1 or row.tag is not None:
        return False
    interface = row.interfaces[0]
    return interface.type == port.type and all(interface.options.get(k) == v for k, v in port.options.items())


def _told(options: Mapping[str, str]) -> str:
    return " ".join(f"{k}={v}" for k, v in sorted(options.items()))


def _in_the_way(port: WantedPort, bridge: str) -> Problem:
    return Problem(
        code=Code.NAME_TAKEN,
        subject=port.name,
        message=(
            f"a port of this name that is not ours is in {bridge}, and it is not of type {port.type} with"
            f" {_told(port.options)}; it is left alone. If nobody needs it: ovs-vsctl del-port {bridge} {port.name}"
        ),
    )


def _others_export(bridge: str, row: ExportRow) -> Problem:
    column = operations.EXPORT_COLUMNS[row.table]
    return Problem(
        code=Code.EXPORT_TAKEN,
        subject=bridge,
        message=(
            f"it sends {row.table} records to {', '.join(row.targets)} already, which is not ours and left alone. If"
            f" nobody needs it: ovs-vsctl clear bridge {bridge} {column}; else take flow_export out of the agent's"
            " configuration"
        ),
    )


def _device_failed(bridge: str, error: str) -> Problem:
    message = (
        f"has no device of its own ({error}): if a network device of this name is there that is not Open vSwitch's"
        f" (ip -d link show {bridge}), rename that, or give the bridge another name in providers"
    )
    return Problem(code=Code.DEVICE_FAILED, subject=f"bridge {bridge}", message=message)


def _addressed(name: str, bridge: str, state: NicState) -> Problem:
    return Problem(code=Code.NIC_IN_USE, subject=name, message=nics.refusal(name, bridge, state))

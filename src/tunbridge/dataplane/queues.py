"""Queues of NICs, which keep a minimum bandwidth for ports: rows of QoS and Queue in a host's OVSDB.

A NIC in a provider bridge gets a queue discipline of ours (`linux-htb`) while a port with a minimum is to send by it:
one queue for each such port, and Open vSwitch's own queue 0 for everybody else. HTB gives every queue what it is
promised first, and the rest to whoever has something to send, so nobody is limited but by the NIC's own rate.

Only rows that we have made are changed. A NIC that somebody else has given a queue discipline keeps that; then the
minimums are a problem to report, as they are where packets do not come to a queue at all (userspace datapath).
"""

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from tunbridge.dataplane import operations
from tunbridge.dataplane.contribution import Queue
from tunbridge.dataplane.diff import Change, Difference, ours
from tunbridge.dataplane.operations import CREATED, Operation
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.openvswitch.ours import ORIGIN
from tunbridge.openvswitch.rows import BridgeRow, PortRow, QosRow, Snapshot

TYPE = "linux-htb"
LARGEST = (2**32 - 1) * 8
"""bit/s that Open vSwitch (3.1, `struct htb_class`) can tell the kernel."""


class Uplinks(Struct, frozen=True):
    """What the configuration says of a provider bridge: its NICs, or none for all there; and kbit/s that they send."""

    nics: tuple[str, ...] = ()
    kbps: int | None = None


def difference(
    wanted: Collection[Queue], uplinks: Mapping[str, Uplinks], now: Snapshot, may_remove: bool
) -> Difference:
    """Tell what to change so that NICs have the queues that are wanted; without `may_remove` what is there stays."""
    return _Differ(now, may_remove).run(wanted, uplinks)


class _Differ:
    def __init__(self, now: Snapshot, may_remove: bool) -> None:
        self.now = now
        self.may_remove = may_remove
        self.changes: list[Change] = []
        self.problems: list[Problem] = []
        self._kept: set[str] = set()
        """Rows of ours that stay: of QoS, and of Queue."""

    def run(self, wanted: Collection[Queue], uplinks: Mapping[str, Uplinks]) -> Difference:
        for name in sorted({queue.bridge for queue in wanted}):
            bridge, uplink = self.now.bridges.get(name), uplinks.get(name, Uplinks())
            rates = {queue.number: queue.kbps * 1000 for queue in wanted if queue.bridge == name}
            if bridge is None:
                continue
            if bridge.datapath_type == "netdev":
                why = "queues of NICs are of the kernel's datapath only, and this bridge's is in userspace"
                self._problem(name, why, rates)
                continue
            for port in _nics(bridge, uplink):
                self._nic(port, uplink, rates)
        if self.may_remove:
            self._unwanted()
        return Difference(changes=self.changes, problems=self.problems)

    def _problem(self, subject: str, why: str, rates: Mapping[int, int]) -> None:
        ports = "1 port is" if len(rates) == 1 else f"{len(rates)} ports is"
        message = f"the minimum bandwidth of {ports} not kept: {why}"
        self.problems.append(Problem(code=Code.MINIMUM_NOT_KEPT, subject=subject, message=message))

    def _change(self, text: str, *ops: Operation) -> None:
        self.changes.append(Change(text=text, operations=list(ops)))

    def _nic(self, port: PortRow, uplink: Uplinks, rates: Mapping[int, int]) -> None:
        found = None if port.qos is None else self.now.qos.get(port.qos)
        if found is not None and not ours(found.external_ids):
            why = (
                f"it has a queue discipline that is not ours, {found.type or 'linux-noop'}, which is left alone. If"
                f" nobody needs it: ovs-vsctl clear port {port.name} qos"
            )
            self._problem(port.name, why, rates)
            return
        speed = _speed(port, uplink, found)
        if not speed:
            why = "nothing says how fast it is; set resource_provider_bandwidths in the agent's configuration"
            self._problem(port.name, why, rates)
            return
        if found is None:
            self._make(port, min(speed, LARGEST), rates)
        else:
            self._kept.add(found.uuid)
            self._mend(port, found, min(speed, LARGEST), rates)

    def _make(self, port: PortRow, speed: int, rates: Mapping[int, int]) -> None:
        symbol = f"qos{len(self.changes)}"
        made = {number: f"{symbol}q{number}" for number in rates}
        row = {
            "type": TYPE,
            "other_config": operations.map_of({"max-rate": str(speed)}),
            "queues": ["map", [[number, ["named-uuid", made[number]]] for number in sorted(made)]],
            "external_ids": operations.map_of({ORIGIN: CREATED}),
        }
        self._change(
            f"NIC {port.name}: queues for {_told(rates)}",
            *(_insert(made[number], rate) for number, rate in sorted(rates.items())),
            {"op": "insert", "table": "QoS", "uuid-name": symbol, "row": row},
            operations.update("Port", operations.by_uuid(port.uuid), {"qos": ["named-uuid", symbol]}),
        )

    def _mend(self, port: PortRow, found: QosRow, speed: int, rates: Mapping[int, int]) -> None:
        where = operations.by_uuid(found.uuid)
        if found.type != TYPE or found.other_config.get("max-rate") != str(speed):
            columns = {"type": TYPE, "other_config": operations.map_of({"max-rate": str(speed)})}
            self._change(f"NIC {port.name}: {TYPE} with {speed} bit/s", operations.update("QoS", where, columns))
        for number, rate in sorted(rates.items()):
            row = self.now.queues.get(found.queues.get(number, ""))
            if row is None:
                symbol = f"queue{len(self.changes)}"
                added = ["map", [[number, ["named-uuid", symbol]]]]
                mutation = {"op": "mutate", "table": "QoS", "where": where, "mutations": [["queues", "insert", added]]}
                self._change(f"NIC {port.name}: a queue for {_told({number: rate})}", _insert(symbol, rate), mutation)
                continue
            self._kept.add(row.uuid)
            if row.other_config != _config(rate):
                columns = {"other_config": operations.map_of(_config(rate))}
                update = operations.update("Queue", operations.by_uuid(row.uuid), columns)
                self._change(f"NIC {port.name}: queue {number} for {_told({number: rate})}", update)
        gone = [number for number, uuid in found.queues.items() if number not in rates and self._is_ours(uuid)]
        if gone and self.may_remove:
            mutations = [["queues", "delete", ["set", sorted(gone)]]]
            mutation = {"op": "mutate", "table": "QoS", "where": where, "mutations": mutations}
            self._change(f"NIC {port.name}: {len(gone)} queues less", mutation)

    def _is_ours(self, uuid: str) -> bool:
        row = self.now.queues.get(uuid)
        return row is not None and ours(row.external_ids)

    def _unwanted(self) -> None:
        """Remove rows of ours that nothing needs; a queue that another discipline uses stays as long as it does."""
        gone = {row.uuid for row in self.now.qos.values() if ours(row.external_ids)} - self._kept
        for bridge, port in self.now.ports() if gone else ():  # in each pass, beside a thousand ports
            if port.qos in gone:
                clear = operations.update("Port", operations.by_uuid(port.uuid), {"qos": ["set", []]})
                self._change(f"NIC {port.name} of {bridge.name}: no queues any more", clear)
        used = {uuid for row in self.now.qos.values() if row.uuid not in gone for uuid in row.queues.values()}
        unused = {row.uuid for row in self.now.queues.values() if ours(row.external_ids)} - self._kept - used
        if gone or unused:
            deletions = [_delete("QoS", uuid) for uuid in sorted(gone)] + [_delete("Queue", u) for u in sorted(unused)]
            self._change("remove rows of queues that nothing needs", *deletions)


def _nics(bridge: BridgeRow, uplink: Uplinks) -> Iterator[PortRow]:
    """The ports by which packets leave a provider bridge for the wire."""
    for port in bridge.ports:
        names = {interface.name for interface in port.interfaces}
        is_device = all(interface.type in ("", "system") for interface in port.interfaces)
        if port.name != bridge.name and is_device and (not uplink.nics or names.intersection(uplink.nics)):
            yield port


def _speed(port: PortRow, uplink: Uplinks, there: QosRow | None) -> int:
    """How fast a NIC is: bit/s, 0 where nothing says so. A link that goes down loses its queues for that no more."""
    linked = max((interface.link_speed or 0 for interface in port.interfaces), default=0)
    former = there.other_config.get("max-rate", "") if there is not None else ""
    return linked or (uplink.kbps or 0) * 1000 or (int(former) if former.isdecimal() else 0)


def _told(rates: Mapping[int, int]) -> str:
    return ", ".join(f"{rate // 1000} kbit/s" for _, rate in sorted(rates.items()))


def _config(rate: int) -> dict[str, str]:
    return {"min-rate": str(rate)}


def _insert(symbol: str, rate: int) -> Operation:
    row = {"other_config": operations.map_of(_config(rate)), "external_ids": operations.map_of({ORIGIN: CREATED})}
    return {"op": "insert", "table": "Queue", "uuid-name": symbol, "row": row}


def _delete(table: str, uuid: str) -> Operation:
    return {"op": "delete", "table": table, "where": operations.by_uuid(uuid)}

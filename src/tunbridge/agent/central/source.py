"""The rows of the central database as the data plane reads them: converted once, as long as they do not change."""

from collections import defaultdict
from collections.abc import Callable, Collection
from operator import attrgetter, is_
from typing import Any, Generic, TypeVar

import msgspec

from tunbridge.agent.central import values
from tunbridge.agent.central.registration import AGENT_TYPE
from tunbridge.database.rows import Row
from tunbridge.database.store import Store
from tunbridge.dataplane import view
from tunbridge.model.resources.qos import RULES

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_by_id = attrgetter("id")
_by_host = attrgetter("host", "id")


def _no_parts(_store: Store, _row: Row) -> list[Row]:
    return []


class _Kind(Generic[T_co]):
    """A table whose rows become values: each is made of a row and of `parts`, rows of another table."""

    def __init__(
        self,
        table: str,
        make: Callable[[tuple[Row, ...]], T_co],
        parts: Callable[[Store, Row], list[Row]] = _no_parts,
    ) -> None:
        self.table = table
        self.make = make
        self.parts = parts


def _bindings(store: Store, port_id: str) -> list[Row]:
    return sorted(store.find("Port_Binding", "port_id", port_id), key=_by_host)


def _rules(table: str, column: str) -> Callable[[Store, Row], list[Row]]:
    return lambda store, row: sorted(store.find(table, column, row.id), key=_by_id)


_NETWORK = _Kind("Network", values.network)
_SUBNET = _Kind("Subnet", values.subnet)
_PORT = _Kind("Port", values.port, lambda store, row: _bindings(store, row.id))
_LOCATION = _Kind("Address_Location", values.location)
_GROUP = _Kind("Security_Group", values.group, _rules("Security_Group_Rule", "security_group_id"))
_ADDRESS_GROUP = _Kind("Address_Group", values.address_group)
_HOST = _Kind("Host", values.host)
_ROUTER = _Kind("Router", values.router)
_FLOATING_IP = _Kind("Floating_Ip", values.floating_ip)
_FORWARDING = _Kind("Port_Forwarding", values.forwarding)
_LOG = _Kind("Log", values.logged_traffic)
_MIRROR = _Kind("Tap_Mirror", values.mirror)
_TAP = _Kind("Tap_Flow", values.tap)
_TAP_SERVICE = _Kind("Tap_Service", values.tap_service, lambda store, row: _bindings(store, row.port_id))
_LOCAL_IP = _Kind("Local_Ip_Association", values.local_ip)
_LABEL = _Kind("Metering_Label", values.metering_label, _rules("Metering_Label_Rule", "metering_label_id"))
_QOS = "Qos_Policy"
"""No table that a host follows: of a policy it has the rules."""


class _Memo:
    """Values by id, each with the rows that it was made of."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[tuple[Row, ...], Any]] = {}

    def get(self, id: str, rows: tuple[Row, ...], make: Callable[[tuple[Row, ...]], T]) -> T:
        found = self._made.get(id)
        if found is not None and len(found[0]) == len(rows) and all(map(is_, found[0], rows)):
            kept: T = found[1]
            return kept
        made = make(rows)
        self._made[id] = (rows, made)
        return made

    def forget(self, id: str) -> None:
        self._made.pop(id, None)


def _one(kind: _Kind[T]) -> Callable[["CentralSource", str], T | None]:
    """The value with an id."""

    def read(source: "CentralSource", id: str) -> T | None:
        row = source.store.get(kind.table, id)
        return None if row is None else source.value(kind, row)

    return read


def _found(kind: _Kind[T], column: str) -> Callable[["CentralSource", str], Collection[T]]:
    """The values whose rows have something in a column, in the order of their ids."""

    def read(source: "CentralSource", wanted: str) -> Collection[T]:
        rows = source.store.find(kind.table, column, wanted)
        return [source.value(kind, row) for row in sorted(rows, key=_by_id)]

    return read


def _ids(table: str, *columns: str, of: str = "id") -> Callable[["CentralSource", str], Collection[str]]:
    """The ids of the rows that have something in one of the columns; `of` is the column that names what is meant."""
    id_of = attrgetter(of)

    def read(source: "CentralSource", wanted: str) -> Collection[str]:
        return [id_of(row) for column in columns for row in source.store.find(table, column, wanted)]

    return read


class CentralSource:
    """A `view.Source` over a store."""

    network = _one(_NETWORK)
    network_ports = _ids("Port", "network_id")
    network_subnets = _ids("Subnet", "network_id")
    network_routers = _ids("Router", "networks")
    network_locations = _found(_LOCATION, "network_id")
    host_locations = _found(_LOCATION, "host")
    subnet = _one(_SUBNET)
    port = _one(_PORT)
    group = _one(_GROUP)
    group_members = _ids("Port", "security_groups")
    router = _one(_ROUTER)
    router_floating_ips = _ids("Floating_Ip", "router_id", of="floating_port")
    gateways = _ids("Router", "gateway_host", "gateway_standbys")
    forwardings = _found(_FORWARDING, "floatingip_id")
    mirrors = _found(_MIRROR, "port_id")
    taps = _found(_TAP, "source_port")
    tap = _one(_TAP)
    tap_services = _ids("Tap_Service", "port_id")
    tap_service = _one(_TAP_SERVICE)
    local_ips = _found(_LOCAL_IP, "fixed_port_id")

    def __init__(self, store: Store, host: str) -> None:
        self.store = store
        self._host = host
        self._memos: defaultdict[str, _Memo] = defaultdict(_Memo)
        """By table."""
        self._hosts: dict[str, Row] = {}
        """Rows of other hosts' agents, by the name of the host."""
        store.listen(self._changed)

    def value(self, kind: _Kind[T], row: Row) -> T:
        """What a row becomes."""
        return self._memos[kind.table].get(row.id, (row, *kind.parts(self.store, row)), kind.make)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table in self._memos and old is not None and new is None:
            self._memos[table].forget(old.id)
        if table == "Host":
            self._host_changed(old, new)

    def _host_changed(self, old: Row | None, new: Row | None) -> None:
        if old is not None:
            before = self._hosts.pop(old.host, None)
            if before is not None and before is not old:  # another agent of this host, or a row that took its name
                self._hosts[old.host] = before
        if new is not None and new.agent_type == AGENT_TYPE and new.host != self._host:
            self._hosts[new.host] = new

    def port_status(self, id: str) -> str | None:
        told = {row.status for row in self.store.find("Port_Status", "port_id", id)}
        return "ACTIVE" if "ACTIVE" in told else next(iter(sorted(told)), None)

    def address_group(self, id: str) -> Collection[str]:
        row = self.store.get("Address_Group", id)
        return () if row is None else self.value(_ADDRESS_GROUP, row)

    def host(self, name: str) -> view.Host | None:
        row = self._hosts.get(name)
        return None if row is None else self.value(_HOST, row)

    def hosts(self) -> Collection[str]:
        """The names of the other hosts."""
        return self._hosts.keys()

    def floating_ip(self, id: str) -> view.FloatingIp | None:
        row = next(iter(self.store.find("Floating_Ip", "floating_port", id)), None)
        return None if row is None or row.router_id is None else self.value(_FLOATING_IP, row)

    def qos_policy(self, id: str) -> view.QosPolicy:
        rows = (row for rule in RULES for row in self.store.find(rule.table, "qos_policy_id", id))
        found = self._memos[_QOS].get(id, tuple(sorted(rows, key=_by_id)), values.qos_policy)
        return msgspec.structs.replace(found, id=id)

    def sub_ports(self) -> Collection[str]:
        return [row.id for row in self.store.having("Port", "trunk_parent")]

    def logs(self) -> Collection[view.LoggedTraffic]:
        return [self.value(_LOG, row) for row in self.store.all("Log") if row.enabled]

    def all_mirrors(self) -> Collection[view.Mirror]:
        """Those of this host's ports."""
        rows = list(self.store.all("Tap_Mirror"))
        if not rows:
            return []  # on nearly every host, and asked in each pass: its bindings may be a thousand
        here = {row.port_id for row in self.store.find("Port_Binding", "host", self._host)}
        return [self.value(_MIRROR, row) for row in rows if row.port_id in here]

    def metering_labels(self, project_id: str) -> Collection[view.MeteringLabel]:
        rows = [row for row in self.store.all("Metering_Label") if row.shared or row.project_id == project_id]
        return [self.value(_LABEL, row) for row in rows]

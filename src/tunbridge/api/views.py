"""Bodies of rows as JSON, made once for each revision of a row and each kind of viewer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from tunbridge.api.policy import Target, Visibility
from tunbridge.model import device_owners
from tunbridge.model.resource import Resource
from tunbridge.model.resources.qos import MINIMUMS
from tunbridge.model.resources.qos import RULES as QOS_RULES
from tunbridge.rules import taps
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.request import Reader, Row, Values
from tunbridge.rules.router_parts import gateways_of

_KINDS_OF_VIEWER = 12
"""Bodies that are kept for one row; more kinds of viewers than that share the last places."""


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row.id for row in rows]


def _trunks(store: Reader, port: Row) -> list[str]:
    """The trunk that a port is the parent or a sub-port of."""
    parents = [port.id, *([port.trunk_parent] if port.trunk_parent else [])]
    return _ids([row for id in parents for row in store.find("Trunk", "port_id", id)])


def _trunks_told(store: Reader, row: Row) -> list[str]:
    port = store.get("Port", row.port_id)
    return [] if port is None else _trunks(store, port)


def _with_policy(store: Reader, rule: Row) -> list[str]:
    """The ports that have a rule's policy, or whose network has it."""
    ports = list(store.find("Port", "qos_policy_id", rule.qos_policy_id))
    for network in store.find("Network", "qos_policy_id", rule.qos_policy_id):
        ports += store.find("Port", "network_id", network.id)
    return _ids(ports)


def _with_name(store: Reader, row: Row) -> list[str]:
    """The ports of a network, or of a subnet's, that have a name: where that is published shows in them."""
    network = getattr(row, "network_id", row.id)
    return [port.id for port in store.find("Port", "network_id", network) if port.dns_name]


class Dependent(NamedTuple):
    """A table whose rows show in the bodies of another one's: in which of them, by id."""

    table: str
    shows_in: str
    ids: Callable[[Reader, Row], Iterable[str]]
    column: str | None = None
    """Only this column of it shows."""

    def affected(self, store: Reader, old: Row | None, new: Row | None) -> Iterator[str]:
        """Give the ids of the rows in whose bodies a change of one of its rows shows."""
        if self.column is not None and _same(old, new, self.column):
            return
        for one in (old, new):
            if one is not None:
                yield from self.ids(store, one)


DEPENDENTS = (
    Dependent("Subnet", "Network", lambda _, row: [row.network_id]),
    Dependent("Network", "Subnet", lambda store, row: [s.id for s in store.find("Subnet", "network_id", row.id)]),
    Dependent(
        "Subnetpool",
        "Network",
        lambda store, row: [s.network_id for s in store.find("Subnet", "subnetpool_id", row.id)],
    ),
    Dependent("Security_Group_Rule", "Security_Group", lambda _, row: [row.security_group_id]),
    Dependent("Port_Status", "Port", lambda _, row: [row.port_id]),
    *(Dependent(rule.table, "Qos_Policy", lambda _, row: [row.qos_policy_id]) for rule in QOS_RULES),
    *(Dependent(rule.table, "Port", _with_policy) for rule in MINIMUMS),
    Dependent("Default_Qos_Policy", "Qos_Policy", lambda _, row: [row.policy]),
    Dependent(
        "Network",
        "Port",
        lambda store, row: _ids(store.find("Port", "network_id", row.id)),
        column="qos_policy_id",
    ),
    Dependent("Network", "Port", _with_name, column="dns_domain"),
    Dependent("Network", "Port", _with_name, column="router_external"),
    Dependent("Subnet", "Port", _with_name, column="dns_publish_fixed_ip"),
    Dependent("Network_Segment_Range", "Port", lambda store, _: _ids(p for p in store.all("Port") if p.dns_name)),
    Dependent("Conntrack_Helper", "Router", lambda _, row: [row.router_id]),
    Dependent(
        "Network",
        "Floating_Ip",
        lambda store, row: _ids(store.find("Floating_Ip", "floating_network_id", row.id)),
        column="qos_policy_id",
    ),
    Dependent(
        "Port", "Router", lambda _, row: [row.device_id] if row.device_owner == device_owners.ROUTER_GATEWAY else []
    ),
    Dependent(
        "Host",
        "Router",
        lambda store, row: _ids(store.find("Router", "gateway_host", row.host)),
        column="availability_zone",
    ),
    Dependent("Router", "Port", lambda _, row: row.interfaces, column="admin_state_up"),
    Dependent(
        "Host",
        "Port",
        lambda store, _: _ids(store.find("Port", "device_owner", device_owners.ROUTER_INTERFACE)),
        column="configurations",
    ),
    Dependent("Router", "Port", lambda _, row: gateways_of(row), column="gateway_host"),
    Dependent("Port", "Floating_Ip", lambda store, row: _ids(store.find("Floating_Ip", "port_id", row.id))),
    Dependent(
        "Port_Status",
        "Floating_Ip",
        lambda store, row: _ids(
            [
                *store.find("Floating_Ip", "port_id", row.port_id),
                *store.find("Floating_Ip", "floating_port", row.port_id),
            ]
        ),
    ),
    Dependent("Port_Status", "Tap_Service", lambda _, row: [row.port_id]),
    Dependent("Port_Status", "Tap_Flow", taps.told),
    Dependent("Port", "Tap_Service", lambda store, row: _ids(store.find("Tap_Service", "port_id", row.id))),
    Dependent("Port", "Tap_Flow", taps.flows_of),
    Dependent("Port", "Trunk", _trunks),
    Dependent("Port_Status", "Trunk", _trunks_told),
    Dependent("Trunk", "Port", lambda _, row: [row.port_id]),
    Dependent("Port", "Port", lambda _, row: [row.trunk_parent] if row.trunk_parent else [], column="mac_address"),
)


class ViewStore(Reader, Protocol):
    """Rows that tell when they change."""

    def listen(self, callback: Any) -> None:
        """Call back with table, old row and new row for each change."""

    def watch(self, callback: Callable[[], None]) -> None:
        """Call back once after each update, when all who listen have heard of its rows."""


class Views:
    """Bodies of all rows of the store."""

    def __init__(self, store: ViewStore, rules: Mapping[str, Rules]) -> None:
        self._store = store
        self._rules = rules
        self._cached: dict[str, dict[str, dict[Any, bytes]]] = {rule.table: {} for rule in rules.values()}
        self._visibility = {name: Visibility(rule.resource) for name, rule in rules.items()}
        self._offered = {name: _names(rule.resource) for name, rule in rules.items()}
        self._shared = {name for name, rule in rules.items() if _has_computed_shared(rule.resource)}
        self._dependents: dict[str, list[Dependent]] = {}
        for dependent in DEPENDENTS:
            if dependent.shows_in in self._cached:
                self._dependents.setdefault(dependent.table, []).append(dependent)
        store.listen(self._changed)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        row = new if new is not None else old
        cached = self._cached.get(table)
        if cached is not None and row is not None:
            cached.pop(row.id, None)
        for dependent in self._dependents.get(table, ()):
            for id in dependent.affected(self._store, old, new):
                self._cached[dependent.shows_in].pop(id, None)

    def target(self, resource: Resource, reader: Reader, row: Row, caller: Caller) -> Target:
        """Give what policy looks at in a row."""
        rules = self._rules[resource.name]
        return Target(
            project_id=rules.project(row),
            network_project_id=rules.network_project(reader, row),
            group_project_id=rules.group_project(reader, row),
            shared=rules.shared_with(reader, row, caller.project_id),
            external=rules.external_for(reader, row, caller.project_id),
            device_owner=getattr(row, "device_owner", ""),
        )

    def body(self, resource: Resource, reader: Reader, row: Row) -> Values:
        """Give all fields of a row but `shared`."""
        body = self._rules[resource.name].body(reader, row)
        if "project_id" in body:
            body["tenant_id"] = body["project_id"]
        offered = self._offered[resource.name]
        return {name: value for name, value in body.items() if name in offered}

    def hidden(self, resource: Resource, caller: Caller, target: Target) -> frozenset[str]:
        """Give the names of the fields that are not for a caller."""
        return self._visibility[resource.name].hidden(caller, target)

    def json(
        self,
        resource: Resource,
        row: Row,
        caller: Caller,
        target: Target,
        fields: frozenset[str] = frozenset(),
        reader: Reader | None = None,
    ) -> bytes:
        """Give a row's body as a caller may see it, only with these fields if any are named.

        `reader` is where the row is from, if it is not from the store.
        """
        hidden = self.hidden(resource, caller, target)
        if reader is not None or not self._rules[resource.name].cached:
            return self.fresh(resource, reader or self._store, row, hidden, target.shared, fields)
        key = (hidden, target.shared, fields)
        cached = self._cached[resource.table].setdefault(row.id, {})
        found = cached.get(key)
        if found is None:
            if len(cached) >= _KINDS_OF_VIEWER:
                cached.clear()
            found = cached[key] = self.fresh(resource, self._store, row, hidden, target.shared, fields)
        return found

    def fresh(
        self,
        resource: Resource,
        reader: Reader,
        row: Row,
        hidden: frozenset[str],
        shared: bool,
        fields: frozenset[str] = frozenset(),
    ) -> bytes:
        """Make a row's body anew."""
        body = self.body(resource, reader, row)
        if resource.name in self._shared:
            body["shared"] = shared
        return msgspec.json.encode({k: v for k, v in body.items() if k not in hidden and (not fields or k in fields)})


def _same(old: Row | None, new: Row | None, column: str) -> bool:
    return old is not None and new is not None and bool(getattr(old, column) == getattr(new, column))


def _names(resource: Resource) -> frozenset[str]:
    """Give what users see: the fields of a resource as it is offered, with their other names."""
    shown = [field for field in resource.fields if field.visible]
    return frozenset({field.name for field in shown} | {field.alias for field in shown if field.alias})


def _has_computed_shared(resource: Resource) -> bool:
    return any(field.name == "shared" and field.column is None and field.visible for field in resource.fields)

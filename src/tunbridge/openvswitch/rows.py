"""Rows of the local OVSDB as plain immutable values: what the rest of the agent computes on, free of connections.

Only what Tunbridge decides on is here; statistics are left out, so that their updates wake nobody.
Column meanings: ovs-vswitchd.conf.db(5).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct

_EMPTY: Mapping[str, str] = MappingProxyType({})


class ControllerRow(Struct, frozen=True, kw_only=True):
    """A row of Controller. `max_backoff` and `inactivity_probe` are milliseconds, None for OVS's default."""

    uuid: str
    target: str
    max_backoff: int | None = None
    inactivity_probe: int | None = None
    connection_mode: str | None = None
    is_connected: bool = False
    external_ids: Mapping[str, str] = _EMPTY


class ManagerRow(Struct, frozen=True, kw_only=True):
    """A row of Manager."""

    uuid: str
    target: str
    is_connected: bool = False
    external_ids: Mapping[str, str] = _EMPTY


class InterfaceRow(Struct, frozen=True, kw_only=True):
    """A row of Interface. `ofport` is None until vswitchd has made it, and -1 when it could not."""

    uuid: str
    name: str
    type: str = ""
    options: Mapping[str, str] = _EMPTY
    ofport: int | None = None
    error: str | None = None
    link_state: str | None = None
    link_speed: int | None = None
    """bit/s."""
    bfd: Mapping[str, str] = _EMPTY
    bfd_status: Mapping[str, str] = _EMPTY
    other_config: Mapping[str, str] = _EMPTY
    external_ids: Mapping[str, str] = _EMPTY


class PortRow(Struct, frozen=True, kw_only=True):
    """A row of Port."""

    uuid: str
    name: str
    tag: int | None = None
    trunks: tuple[int, ...] = ()
    vlan_mode: str | None = None
    qos: str | None = None
    """Of the row of QoS: its uuid."""
    external_ids: Mapping[str, str] = _EMPTY
    other_config: Mapping[str, str] = _EMPTY
    interfaces: tuple[InterfaceRow, ...] = ()


class QosRow(Struct, frozen=True, kw_only=True):
    """A row of QoS: the queue discipline of ports. `queues`: number -> uuid of a row of Queue."""

    uuid: str
    type: str
    queues: Mapping[int, str] = MappingProxyType({})
    other_config: Mapping[str, str] = _EMPTY
    external_ids: Mapping[str, str] = _EMPTY


class QueueRow(Struct, frozen=True, kw_only=True):
    """A row of Queue."""

    uuid: str
    other_config: Mapping[str, str] = _EMPTY
    external_ids: Mapping[str, str] = _EMPTY


class ExportRow(Struct, frozen=True, kw_only=True):
    """A row of `table` IPFIX or sFlow. `sampling`: one of so many packets; None for Open vSwitch's default."""

    uuid: str
    table: str
    targets: tuple[str, ...] = ()
    sampling: int | None = None
    external_ids: Mapping[str, str] = _EMPTY


class BridgeRow(Struct, frozen=True, kw_only=True):
    """A row of Bridge. `datapath_id` is 16 hex digits, None until vswitchd has made the bridge."""

    uuid: str
    name: str
    fail_mode: str | None = None
    datapath_type: str = ""
    datapath_id: str | None = None
    protocols: frozenset[str] = frozenset()
    other_config: Mapping[str, str] = _EMPTY
    external_ids: Mapping[str, str] = _EMPTY
    controllers: tuple[ControllerRow, ...] = ()
    exports: tuple[ExportRow, ...] = ()
    ports: tuple[PortRow, ...] = ()

    @property
    def device_error(self) -> str | None:
        """What vswitchd says of the device that it makes for the bridge; None: nothing is wrong."""
        port = self.port(self.name)
        return next((i.error for i in port.interfaces if i.error is not None), None) if port is not None else None

    def port(self, name: str) -> PortRow | None:
        """The port of that name, if there is one."""
        return next((p for p in self.ports if p.name == name), None)


class _Step:
    """The ports of a bridge before and after. Only the same objects are equal to each other."""

    def __init__(self, before: tuple[PortRow, ...], after: tuple[PortRow, ...]) -> None:
        self.before, self.after = before, after

    def __hash__(self) -> int:
        return hash((id(self.before), id(self.after)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Step) and self.before is other.before and self.after is other.after


def changed(before: tuple[PortRow, ...], after: tuple[PortRow, ...]) -> tuple[Sequence[PortRow], Sequence[PortRow]]:
    """The rows that are gone, and those that are new. What is unchanged is the same object, and not looked into.

    To look into a thousand rows costs milliseconds: each is several places of memory that no cache holds. Several ask
    for the same step, so the last ones are kept.
    """
    return ((), ()) if before is after else _changed(_Step(before, after))


@lru_cache(maxsize=8)
def _changed(step: _Step) -> tuple[Sequence[PortRow], Sequence[PortRow]]:
    old, new = (dict(zip(map(id, rows), rows, strict=True)) for rows in (step.before, step.after))
    return [old[at] for at in old.keys() - new.keys()], [new[at] for at in new.keys() - old.keys()]


class Snapshot(Struct, frozen=True, kw_only=True):
    """The local OVSDB at one moment. vswitchd has applied the configuration up to `cur_cfg`; `next_cfg` is wanted."""

    uuid: str
    ovs_version: str | None = None
    next_cfg: int = 0
    cur_cfg: int = 0
    other_config: Mapping[str, str] = _EMPTY
    external_ids: Mapping[str, str] = _EMPTY
    managers: tuple[ManagerRow, ...] = ()
    bridges: Mapping[str, BridgeRow] = MappingProxyType({})
    qos: Mapping[str, QosRow] = MappingProxyType({})
    """By uuid; so are `queues`."""
    queues: Mapping[str, QueueRow] = MappingProxyType({})

    def ports(self) -> Iterator[tuple[BridgeRow, PortRow]]:
        """Every port with its bridge."""
        for bridge in self.bridges.values():
            for port in bridge.ports:
                yield bridge, port

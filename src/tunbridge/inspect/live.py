"""A host from its own database, in the same model as from its text; there is no line to cite.

The database may be a running one, a file of one, or its tables as they were listed. It tells more than the text: the
state of each interface and bond, what is configured beside the wiring, and under OVN the host's own tunnel addresses
(`ovn-encap-ip`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunbridge.inspect.machine import with_machine
from tunbridge.inspect.mappings import of_bridges, parsed
from tunbridge.inspect.model import Bridge, Controller, Host, Interface, Manager, Port
from tunbridge.openvswitch.read_ovsdb import TIMEOUT, OvsdbUnreadableError, Row, Tables, read_tables

NOT_IN_DATABASE = ("mac_table_used", "underlay")
"""What the model has and no database of Open vSwitch holds: the machine itself tells it."""


def read_live(remote: str, name: str | None = None, timeout: float = TIMEOUT) -> Host:
    """Read the host whose OVSDB answers at `remote`, as `unix:PATH`, within `timeout` seconds.

    It is called `name`, else as it calls itself (`external_ids:hostname`), else by its UUID. Behind a `unix:` socket
    is this machine, which tells more. Raises OvsdbUnreadableError.
    """
    host = host_of(read_tables(remote, timeout), remote, name)
    kind, _, path = remote.partition(":")
    return with_machine(host, Path(path)) if kind == "unix" else host


def host_of(tables: Tables, source: str, name: str | None, not_told: Sequence[str] = ()) -> Host:
    """Give the host whose tables these are; `not_told` names what they do not hold. Raises OvsdbUnreadableError."""
    root = tables.root()
    if root is None:
        raise OvsdbUnreadableError(f"{source}: the database is empty; ovs-vsctl init fills it")
    own = root["external_ids"]
    bridges = [_bridge(tables, row) for row in tables.referred("Bridge", root["bridges"])]
    mapped = own.get("ovn-bridge-mappings")
    return Host(
        name=name or own.get("hostname") or root["_uuid"],
        source=source,
        not_told=[*not_told, *NOT_IN_DATABASE],
        system_id=root["_uuid"],
        ovs_version=root["ovs_version"],
        chassis_id=own.get("system-id"),
        flow_restore_wait=root["other_config"].get("flow-restore-wait") == "true",
        bridge_mappings=parsed(mapped) if mapped is not None else of_bridges(bridges),
        addresses=[address.strip() for address in own.get("ovn-encap-ip", "").split(",") if address.strip()],
        managers=[
            Manager(target=row["target"], is_connected=row["is_connected"])
            for row in tables.referred("Manager", root["manager_options"])
        ],
        bridges=bridges,
    )


def _bridge(tables: Tables, row: Row) -> Bridge:
    return Bridge(
        name=row["name"],
        fail_mode=row["fail_mode"],
        datapath_type=row["datapath_type"] or None,
        external_ids=row["external_ids"],
        mac_table_size=_mac_table_size(row["other_config"].get("mac-table-size", "")),
        controllers=[
            Controller(target=c["target"], is_connected=c["is_connected"])
            for c in tables.referred("Controller", row["controller"])
        ],
        ports=[_port(tables, port) for port in tables.referred("Port", row["ports"])],
    )


def _mac_table_size(stated: str) -> int | None:
    """Give the size as Open vSwitch takes it: ovs-vswitchd.conf.db(5), Bridge; its default differs by version."""
    return min(max(int(stated), 10), 1_000_000) if stated.isascii() and stated.isdigit() and len(stated) < 10 else None


def _port(tables: Tables, row: Row) -> Port:
    return Port(
        name=row["name"],
        tag=row["tag"],
        trunks=row["trunks"],
        bond_mode=row["bond_mode"],
        lacp=row["lacp"],
        bond_active_slave=row["bond_active_slave"] or None,
        other_config=row["other_config"],
        fake_bridge=row["fake_bridge"],
        interfaces=[_interface(i) for i in tables.referred("Interface", row["interfaces"])],
    )


def _interface(row: Row) -> Interface:
    return Interface(
        name=row["name"],
        type=row["type"] or "system",
        options=row["options"],
        error=row["error"],
        external_ids=row["external_ids"],
        mtu=row["mtu"],
        mtu_request=row["mtu_request"],
        mac_in_use=row["mac_in_use"] or None,
        admin_state=row["admin_state"],
        link_state=row["link_state"],
        link_speed=row["link_speed"],
        duplex=row["duplex"],
        lacp_current=row["lacp_current"],
        bfd=row["bfd"],
        bfd_status=row["bfd_status"],
        statistics=_counters(row["statistics"]),
        status=row["status"],
    )


def _counters(statistics: Any) -> dict[str, int] | None:
    """Give the counters as numbers; those that a device does not have are not there."""
    if statistics is None:
        return None
    return {name: int(count) for name, count in statistics.items() if count.isascii() and count.isdigit()}

"""A host from its own database, in the same model as from its text; there is no line to cite.

The database may be a running one, a file of one, or its tables as they were listed.

Two things are known more: how a bond is balanced, and, under OVN, the host's own tunnel addresses (`ovn-encap-ip`).
"""

from collections.abc import Sequence

from tunbridge.inspect.model import Bridge, Controller, Host, Interface, Manager, Port
from tunbridge.openvswitch.read_ovsdb import OvsdbUnreadableError, Row, Tables, read_tables


def read_live(remote: str, name: str | None = None) -> Host:
    """Read the host whose OVSDB answers at `remote`, as `unix:PATH`.

    It is called `name`, else as it calls itself (`external_ids:hostname`), else by its UUID. Raises
    OvsdbUnreadableError.
    """
    return host_of(read_tables(remote), remote, name)


def host_of(tables: Tables, source: str, name: str | None, not_told: Sequence[str] = ()) -> Host:
    """Give the host whose tables these are; `not_told` names what they do not hold. Raises OvsdbUnreadableError."""
    root = tables.root()
    if root is None:
        raise OvsdbUnreadableError(f"{source}: the database is empty; ovs-vsctl init fills it")
    own = root["external_ids"]
    return Host(
        name=name or own.get("hostname") or root["_uuid"],
        source=source,
        not_told=list(not_told),
        system_id=root["_uuid"],
        ovs_version=root["ovs_version"],
        addresses=[address.strip() for address in own.get("ovn-encap-ip", "").split(",") if address.strip()],
        managers=[
            Manager(target=row["target"], is_connected=row["is_connected"])
            for row in tables.referred("Manager", root["manager_options"])
        ],
        bridges=[_bridge(tables, row) for row in tables.referred("Bridge", root["bridges"])],
    )


def _bridge(tables: Tables, row: Row) -> Bridge:
    return Bridge(
        name=row["name"],
        fail_mode=row["fail_mode"],
        datapath_type=row["datapath_type"] or None,
        controllers=[
            Controller(target=c["target"], is_connected=c["is_connected"])
            for c in tables.referred("Controller", row["controller"])
        ],
        ports=[_port(tables, port) for port in tables.referred("Port", row["ports"])],
    )


def _port(tables: Tables, row: Row) -> Port:
    return Port(
        name=row["name"],
        tag=row["tag"],
        trunks=row["trunks"],
        bond_mode=row["bond_mode"],
        interfaces=[
            Interface(name=i["name"], type=i["type"] or "system", options=i["options"], error=i["error"])
            for i in tables.referred("Interface", row["interfaces"])
        ],
    )

"""The tables of the local OVSDB, with the columns on which the agent decides (ovs-vswitchd.conf.db(5)).

Statistics are left out, so that their updates wake nobody.
"""

from tunbridge.database.access import Access
from tunbridge.model.tables import Column, Many, Table, Type

ACCESS = Access(
    database="Open_vSwitch",
    title="the local OVSDB",
    leader_only=False,
    probe_s=5.0,
    silent_s=5.0,
    retry_s=0.1,
    besides=(),
)


def _text(name: str, many: Many = Many.ONE) -> Column:
    return Column(name, Type.TEXT, many)


def _refs(name: str, table: str, many: Many = Many.SET) -> Column:
    return Column(name, Type.REF, many, table)


def _integer(name: str, many: Many = Many.OPTIONAL) -> Column:
    return Column(name, Type.INTEGER, many)


_MAPS = tuple(_text(name, Many.MAP) for name in ("other_config", "external_ids"))

TABLES = (
    Table(
        "Open_vSwitch",
        (
            _refs("bridges", "Bridge"),
            _refs("manager_options", "Manager"),
            _text("ovs_version", Many.OPTIONAL),
            _integer("next_cfg", Many.ONE),
            _integer("cur_cfg", Many.ONE),
            *_MAPS,
        ),
    ),
    Table("Manager", (_text("target"), Column("is_connected", Type.BOOLEAN), _text("external_ids", Many.MAP))),
    Table(
        "Bridge",
        (
            _text("name"),
            _text("fail_mode", Many.OPTIONAL),
            _text("datapath_type"),
            _text("datapath_id", Many.OPTIONAL),
            _text("protocols", Many.SET),
            _refs("controller", "Controller"),
            _refs("ports", "Port"),
            *_MAPS,
        ),
    ),
    Table(
        "Controller",
        (
            _text("target"),
            _integer("max_backoff"),
            _integer("inactivity_probe"),
            _text("connection_mode", Many.OPTIONAL),
            Column("is_connected", Type.BOOLEAN),
            _text("external_ids", Many.MAP),
        ),
    ),
    Table(
        "Port",
        (
            _text("name"),
            _integer("tag"),
            _integer("trunks", Many.SET),
            _text("vlan_mode", Many.OPTIONAL),
            _refs("interfaces", "Interface"),
            *_MAPS,
        ),
    ),
    Table(
        "Interface",
        (
            _text("name"),
            _text("type"),
            _text("options", Many.MAP),
            _integer("ofport"),
            _text("error", Many.OPTIONAL),
            _text("external_ids", Many.MAP),
        ),
    ),
)

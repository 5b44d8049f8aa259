"""The tables of the local OVSDB, with the columns on which the agent decides (ovs-vswitchd.conf.db(5)).

Statistics are left out, so that their updates wake nobody.
"""

from tunbridge.database.access import Access
from tunbridge.model.tables import Cardinality, Column, Table, Type

ACCESS = Access(
    database="Open_vSwitch",
    title="the local OVSDB",
    leader_only=False,
    probe_s=5.0,
    silent_s=5.0,
    retry_s=0.1,
    besides=(),
)


def _text(name: str, many: Cardinality = Cardinality.ONE) -> Column:
    return Column(name, Type.TEXT, many)


def _refs(name: str, table: str, many: Cardinality = Cardinality.SET) -> Column:
    return Column(name, Type.REF, many, table)


def _integer(name: str, many: Cardinality = Cardinality.OPTIONAL) -> Column:
    return Column(name, Type.INTEGER, many)


_MAPS = tuple(_text(name, Cardinality.MAP) for name in ("other_config", "external_ids"))

TABLES = (
    Table(
        "Open_vSwitch",
        (
            _refs("bridges", "Bridge"),
            _refs("manager_options", "Manager"),
            _text("ovs_version", Cardinality.OPTIONAL),
            _integer("next_cfg", Cardinality.ONE),
            _integer("cur_cfg", Cardinality.ONE),
            *_MAPS,
        ),
    ),
    Table("Manager", (_text("target"), Column("is_connected", Type.BOOLEAN), _text("external_ids", Cardinality.MAP))),
    Table(
        "Bridge",
        (
            _text("name"),
            _text("fail_mode", Cardinality.OPTIONAL),
            _text("datapath_type"),
            _text("datapath_id", Cardinality.OPTIONAL),
            _text("protocols", Cardinality.SET),
            _refs("controller", "Controller"),
            _refs("ports", "Port"),
            _refs("ipfix", "IPFIX", Cardinality.OPTIONAL),
            _refs("sflow", "sFlow", Cardinality.OPTIONAL),
            *_MAPS,
        ),
    ),
    *(
        Table(
            name,
            (_text("targets", Cardinality.SET), _integer("sampling"), _text("external_ids", Cardinality.MAP)),
        )
        for name in ("IPFIX", "sFlow")
    ),
    Table("QoS", (_text("type"), _refs("queues", "Queue", Cardinality.NUMBERED), *_MAPS)),
    Table("Queue", _MAPS),
    Table(
        "Controller",
        (
            _text("target"),
            _integer("max_backoff"),
            _integer("inactivity_probe"),
            _text("connection_mode", Cardinality.OPTIONAL),
            Column("is_connected", Type.BOOLEAN),
            _text("external_ids", Cardinality.MAP),
        ),
    ),
    Table(
        "Port",
        (
            _text("name"),
            _integer("tag"),
            _integer("trunks", Cardinality.SET),
            _text("vlan_mode", Cardinality.OPTIONAL),
            _refs("qos", "QoS", Cardinality.OPTIONAL),
            _refs("interfaces", "Interface"),
            *_MAPS,
        ),
    ),
    Table(
        "Interface",
        (
            _text("name"),
            _text("type"),
            _text("options", Cardinality.MAP),
            _integer("ofport"),
            _text("error", Cardinality.OPTIONAL),
            _text("link_state", Cardinality.OPTIONAL),
            _integer("link_speed"),
            _text("bfd", Cardinality.MAP),
            _text("bfd_status", Cardinality.MAP),
            *_MAPS,
        ),
    ),
)

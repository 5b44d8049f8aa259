"""All that is declared: resources, extensions, tables; made sure on import that it fits together."""

from tunbridge.model import internal
from tunbridge.model.extensions import EXTENSIONS
from tunbridge.model.resource import Resource
from tunbridge.model.resources.address_group import ADDRESS_GROUP
from tunbridge.model.resources.address_scope import ADDRESS_SCOPE
from tunbridge.model.resources.agent import AGENT, AVAILABILITY_ZONE
from tunbridge.model.resources.boot_config import BOOT_CONFIG
from tunbridge.model.resources.conntrack_helper import CONNTRACK_HELPER
from tunbridge.model.resources.flavor import FLAVOR, SERVICE_PROFILE, SERVICE_PROVIDER
from tunbridge.model.resources.local_ip import LOCAL_IP, PORT_ASSOCIATION
from tunbridge.model.resources.log import LOG, LOGGABLE_RESOURCE
from tunbridge.model.resources.metering import METERING_LABEL, METERING_LABEL_RULE
from tunbridge.model.resources.ndp_proxy import NDP_PROXY
from tunbridge.model.resources.network import NETWORK
from tunbridge.model.resources.network_ip_availability import NETWORK_IP_AVAILABILITY
from tunbridge.model.resources.network_segment_range import NETWORK_SEGMENT_RANGE
from tunbridge.model.resources.port import BINDING, PORT
from tunbridge.model.resources.port_forwarding import PORT_FORWARDING
from tunbridge.model.resources.qos import ALIASES, QOS_POLICY, RULE_TYPE
from tunbridge.model.resources.qos import RULES as QOS_RULES
from tunbridge.model.resources.quota import QUOTA
from tunbridge.model.resources.rbac_policy import RBAC_POLICY
from tunbridge.model.resources.ready_made import AUTO_ALLOCATED_TOPOLOGY, FLOATINGIP_POOL
from tunbridge.model.resources.router import FLOATINGIP, ROUTER
from tunbridge.model.resources.security_group import (
    DEFAULT_SECURITY_GROUP_RULE,
    DEFAULT_STATEFULNESS,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
)
from tunbridge.model.resources.segment import SEGMENT
from tunbridge.model.resources.subnet import SUBNET
from tunbridge.model.resources.subnetpool import SUBNETPOOL
from tunbridge.model.resources.tap_mirror import TAP_MIRROR
from tunbridge.model.resources.tap_service import TAP_FLOW, TAP_SERVICE
from tunbridge.model.resources.trunk import TRUNK
from tunbridge.model.tables import Table, Type

__all__ = ["EXTENSIONS", "RESOURCES", "resource", "tables"]

RESOURCES = (
    NETWORK,
    SUBNET,
    PORT,
    BINDING,
    SUBNETPOOL,
    ADDRESS_SCOPE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    DEFAULT_SECURITY_GROUP_RULE,
    DEFAULT_STATEFULNESS,
    ADDRESS_GROUP,
    RBAC_POLICY,
    QUOTA,
    AGENT,
    AVAILABILITY_ZONE,
    NETWORK_IP_AVAILABILITY,
    NETWORK_SEGMENT_RANGE,
    SEGMENT,
    ROUTER,
    FLOATINGIP,
    PORT_FORWARDING,
    CONNTRACK_HELPER,
    NDP_PROXY,
    FLAVOR,
    SERVICE_PROFILE,
    SERVICE_PROVIDER,
    AUTO_ALLOCATED_TOPOLOGY,
    FLOATINGIP_POOL,
    BOOT_CONFIG,
    QOS_POLICY,
    *QOS_RULES,
    *ALIASES,
    RULE_TYPE,
    TRUNK,
    LOG,
    LOGGABLE_RESOURCE,
    TAP_MIRROR,
    TAP_SERVICE,
    TAP_FLOW,
    LOCAL_IP,
    PORT_ASSOCIATION,
    METERING_LABEL,
    METERING_LABEL_RULE,
)
_BY_NAME = {each.name: each for each in RESOURCES}
_TABLES = (*(each.as_table() for each in RESOURCES if each.stored), *internal.TABLES)


def resource(name: str) -> Resource:
    """Give a resource by name. Raises KeyError."""
    return _BY_NAME[name]


def tables() -> tuple[Table, ...]:
    """Give every table of the central database."""
    return _TABLES


class DeclarationError(Exception):
    """Declarations contradict each other: a mistake in this package."""


def check(resources: tuple[Resource, ...], all_tables: tuple[Table, ...], aliases: set[str]) -> list[str]:
    """Give what is wrong with declarations."""
    names = {table.name for table in all_tables}
    wrong = [f"two of the name {name}" for name in _twice([each.name for each in resources])]
    wrong += [f"two collections {name}" for name in _twice([each.collection for each in resources])]
    wrong += [f"two tables {name}" for name in _twice([table.name for table in all_tables])]
    for table in all_tables:
        wrong += _check_table(table, names)
    for each in resources:
        fields = [field.name for field in each.fields]
        wrong += [f"{each.name} has {name} twice" for name in _twice(fields)]
        used = {each.extension, *(field.extension for field in each.fields)}
        unknown = {alias for alias in used if alias is not None} - aliases
        wrong += [f"{each.name} names the extension {alias}, which is not there" for alias in sorted(unknown)]
        if each.parent is not None and each.parent not in {other.name for other in resources}:
            wrong.append(f"{each.name} stands below {each.parent}, which is not there")
        if each.table not in names:
            wrong.append(f"{each.name} is made of {each.table}, which is not there")
    return wrong


def _check_table(table: Table, names: set[str]) -> list[str]:
    columns = {column.name for column in table.columns}
    wrong = [f"{table.name} has the column {name} twice" for name in _twice([c.name for c in table.columns])]
    wrong += [
        f"{table.name}.{column.name} refers to {column.table}, which is not there"
        for column in table.columns
        if (column.type is Type.REF) != (column.table is not None) or (column.table or table.name) not in names
    ]
    wrong += [f"{table.name} has an index over {i}, not all columns" for i in table.indexes if not columns >= {*i}]
    if table.hosts_only and "host" not in columns:
        wrong.append(f"{table.name} is written by hosts and has no column host")
    return wrong


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


_wrong = check(RESOURCES, _TABLES, {extension.alias for extension in EXTENSIONS})
_wrong += [f"two extensions {alias}" for alias in _twice([extension.alias for extension in EXTENSIONS])]
if _wrong:
    raise DeclarationError("; ".join(_wrong))

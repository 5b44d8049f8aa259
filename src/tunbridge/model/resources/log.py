"""Logs: of which ports the hosts note what security groups allow and drop; and the types of what can be logged."""

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, column_name, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import plain

SECURITY_GROUP = "security_group"
LOGGABLE = (SECURITY_GROUP,)
EVENTS = ("ACCEPT", "DROP", "ALL")


def _about(name: str, table: str) -> Field:
    column = Column(column_name(name), Type.REF, Cardinality.OPTIONAL, table=table, indexed=True)
    return Field(name, plain.uuid_or_none, default=None, put=False, filter=True, sort=True, column=column)


LOG = Resource(
    name="log",
    collection="logs",
    path="log/logs",
    table="Log",
    extension="logging",
    fields=(
        common.ID,
        common.PROJECT,
        common.NAME,
        Field("resource_type", plain.string(255), put=False, filter=True, sort=True, column=text("resource_type")),
        _about("resource_id", "Security_Group"),
        Field("event", plain.values(EVENTS), default="ALL", put=False, filter=True, column=text("event")),
        _about("target_id", "Port"),
        common.flag("enabled", True, filter=True, sort=True, column=Column("enabled", Type.BOOLEAN)),
        *common.STANDARD,
    ),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN,
)

LOGGABLE_RESOURCE = Resource(
    name="loggable_resource",
    collection="loggable_resources",
    path="log/loggable-resources",
    table="Log",
    extension="logging",
    stored=False,
    key="type",
    fields=(common.computed("type", {"type": "string"}),),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.ADMIN,
)

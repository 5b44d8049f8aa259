"""Metering labels: what of the traffic of routers with the outside is counted together; and the rules that say which.

A label counts for the routers of its project; a shared one for all. A rule belongs to the project of its label.
"""

from msgspec.structs import replace

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, boolean, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import plain

DIRECTIONS = ("egress", "ingress")
"""Seen from the router's networks: egress is what leaves for the outside."""
_SOURCE_AND_DESTINATION = "metering_source_and_destination_fields"
_PREFIX_LENGTH = 64

METERING_LABEL = Resource(
    name="metering_label",
    collection="metering_labels",
    path="metering/metering-labels",
    table="Metering_Label",
    extension="metering",
    fields=(
        replace(common.ID, sort=True),
        replace(common.NAME, put=False),
        Field(
            "description",
            plain.string(common.LONG_DESCRIPTION_LENGTH),
            default="",
            put=False,
            filter=True,
            sort=True,
            column=text("description"),
        ),
        common.PROJECT,
        common.flag("shared", False, put=False, filter=True, sort=True, column=boolean("shared"), create_by=Who.ADMIN),
    ),
    create_by=Who.ADMIN_OR_MANAGER,
    update_by=Who.NOBODY,
    delete_by=Who.ADMIN_OR_MANAGER,
    has_put=False,
    quota="metering_label",
)


def _prefix(name: str, put: bool) -> Field:
    """An address or prefix. Neutron lets an update of a rule name it, and has no such update."""
    return Field(
        name,
        plain.string_or_none(_PREFIX_LENGTH),
        default=None,
        put=put,
        filter=True,
        sort=True,
        extension=_SOURCE_AND_DESTINATION,
        column=Column(name, Type.TEXT, Cardinality.OPTIONAL),
    )


METERING_LABEL_RULE = Resource(
    name="metering_label_rule",
    collection="metering_label_rules",
    path="metering/metering-label-rules",
    table="Metering_Label_Rule",
    extension="metering",
    fields=(
        replace(common.ID, sort=True),
        Field(
            "metering_label_id",
            plain.uuid,
            put=False,
            filter=True,
            sort=True,
            column=ref("metering_label_id", "Metering_Label"),
        ),
        Field("direction", plain.values(DIRECTIONS), put=False, filter=True, sort=True, column=text("direction")),
        common.flag("excluded", False, put=False, filter=True, sort=True, column=boolean("excluded")),
        replace(_prefix("remote_ip_prefix", put=False), extension=None),
        _prefix("source_ip_prefix", put=True),
        _prefix("destination_ip_prefix", put=True),
        replace(common.PROJECT, filter=False, sort=False),
    ),
    create_by=Who.ADMIN_OR_MANAGER,
    update_by=Who.NOBODY,
    delete_by=Who.ADMIN_OR_MANAGER,
    has_put=False,
    quota="metering_label_rule",
)

"""Security groups, their rules, and the templates of the rules that new groups begin with."""

from msgspec.structs import replace

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import REQUIRED, UNSET, Field, Resource, boolean, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import addresses, plain

PARENT = "PARENT"
"""What a template names for the group that its rule will be in."""
_PORT_SCHEMA = {"type": ["integer", "null"], "minimum": 0, "maximum": 65535}
_TEXT_OR_NULL = {"type": ["string", "null"]}

SECURITY_GROUP = Resource(
    name="security_group",
    collection="security_groups",
    table="Security_Group",
    extension="security-group",
    fields=(
        common.ID,
        Field(
            "name",
            plain.name_not_default(common.NAME_LENGTH),
            default="",
            filter=True,
            sort=True,
            column=common.NAME.column,
        ),
        common.PROJECT,
        common.computed("security_group_rules", {"type": "array", "items": {"type": "object"}}),
        common.flag("stateful", UNSET, "stateful-security-group", filter=True, column=boolean("stateful")),
        common.computed("shared", {"type": "boolean"}, "security-groups-shared-filtering", filter=True),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.READER_OR_SHARED),
    ),
    columns=(common.SHARES,),
    get_by=Who.READER_OR_SHARED,
    tags=True,
    quota="security_group",
)


GROUP_ID_LENGTH = 36
"""Of text that names a group: what is no UUID is a group that is not there, as in Neutron."""


def _match_fields() -> tuple[Field, ...]:
    """Give what a rule and a template of one have alike: what traffic they let through."""
    return (
        Field(
            "direction",
            plain.values(["ingress", "egress"]),
            put=False,
            filter=True,
            sort=True,
            column=text("direction"),
        ),
        Field(
            "protocol",
            convert=convert.to_protocol,
            default=None,
            put=False,
            filter=True,
            sort=True,
            column=text("protocol", Cardinality.OPTIONAL),
            schema=_TEXT_OR_NULL,
        ),
        *(
            Field(
                name,
                convert=convert.to_port_number,
                default=None,
                put=False,
                filter=True,
                sort=True,
                column=Column(name, Type.INTEGER, Cardinality.OPTIONAL),
                schema=_PORT_SCHEMA,
            )
            for name in ("port_range_min", "port_range_max")
        ),
        Field(
            "ethertype",
            plain.values(convert.ETHERTYPES),
            convert.to_ethertype,
            default="IPv4",
            put=False,
            filter=True,
            sort=True,
            column=text("ethertype"),
        ),
        Field(
            "remote_ip_prefix",
            convert=convert.to_prefix,
            default=None,
            put=False,
            filter=True,
            sort=True,
            column=text("remote_ip_prefix", Cardinality.OPTIONAL),
            schema=_TEXT_OR_NULL,
        ),
    )


SECURITY_GROUP_RULE = Resource(
    name="security_group_rule",
    collection="security_group_rules",
    table="Security_Group_Rule",
    extension="security-group",
    fields=(
        common.ID,
        Field(
            "security_group_id",
            plain.string(GROUP_ID_LENGTH),
            put=False,
            filter=True,
            sort=True,
            column=ref("security_group_id", "Security_Group"),
        ),
        Field(
            "remote_group_id",
            plain.string_or_none(GROUP_ID_LENGTH),
            default=None,
            put=False,
            filter=True,
            sort=True,
            column=ref("remote_group_id", "Security_Group", Cardinality.OPTIONAL),
        ),
        *_match_fields(),
        common.PROJECT,
        Field(
            "remote_address_group_id",
            plain.string_or_none(GROUP_ID_LENGTH),
            default=None,
            put=False,
            filter=True,
            sort=True,
            extension="security-groups-remote-address-group",
            column=ref("remote_address_group_id", "Address_Group", Cardinality.OPTIONAL),
        ),
        common.computed(
            "normalized_cidr",
            addresses.subnet_or_none.schema,
            "security-groups-normalized-cidr",
            filter=True,
            sort=True,
            column=text("normalized_cidr", Cardinality.OPTIONAL),
        ),
        common.computed(
            "belongs_to_default_sg",
            {"type": "boolean"},
            "security-groups-rules-belongs-to-default-sg",
            filter=True,
            convert=convert.to_boolean_if_not_none,
        ),
        *common.STANDARD,
    ),
    create_by=Who.ADMIN_OR_GROUP_OWNER,
    update_by=Who.NOBODY,
    delete_by=Who.ADMIN_OR_GROUP_OWNER,
    get_by=Who.ADMIN_OR_GROUP_READER,
    quota="security_group_rule",
)

_REMOTE = (
    Field(
        name,
        plain.string_or_none(GROUP_ID_LENGTH),
        default=None,
        put=False,
        filter=True,
        sort=True,
        column=text(name, Cardinality.OPTIONAL),
    )
    for name in ("remote_group_id", "remote_address_group_id")
)

DEFAULT_SECURITY_GROUP_RULE = Resource(
    name="default_security_group_rule",
    collection="default_security_group_rules",
    table="Default_Security_Group_Rule",
    extension="security-groups-default-rules",
    fields=(
        common.ID,
        Field(
            "description",
            plain.string(common.LONG_DESCRIPTION_LENGTH),
            default="",
            put=False,
            filter=True,
            column=text("description"),
        ),
        *_REMOTE,
        *_match_fields(),
        common.flag("used_in_default_sg", REQUIRED, put=False, filter=True, column=boolean("used_in_default_sg")),
        common.flag(
            "used_in_non_default_sg", REQUIRED, put=False, filter=True, column=boolean("used_in_non_default_sg")
        ),
        *common.STAMPS,
    ),
    create_by=Who.ADMIN,
    update_by=Who.NOBODY,
    delete_by=Who.ADMIN,
    get_by=Who.READER,
)

DEFAULT_STATEFULNESS = Resource(
    name="security_groups_default_statefulness",
    collection="security_groups_default_statefulness",
    table="Default_Statefulness",
    extension="security-groups-default-statefulness",
    fields=(
        replace(common.ID, sort=True),
        Field(
            "project_id",
            plain.string_or_none(255),
            default=None,
            put=False,
            filter=True,
            sort=True,
            column=text("project_id", indexed=True),
            alias="tenant_id",
        ),
        common.flag("stateful", True, filter=True, sort=True, column=boolean("stateful")),
    ),
    indexes=(("project_id",),),
    create_by=Who.ADMIN_OR_MANAGER,
    update_by=Who.ADMIN_OR_MANAGER,
    delete_by=Who.ADMIN_OR_MANAGER,
)
"""Whether groups of a project are stateful when nothing is said. Project "" in the database: of all that have none."""

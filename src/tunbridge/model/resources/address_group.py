"""Address groups: prefixes that security group rules name together."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import addresses, plain

MAX_ADDRESSES = 5000
"""Of one group: each change of it is checked, stored and sent to all hosts as a whole."""

ADDRESS_GROUP = Resource(
    name="address_group",
    collection="address_groups",
    table="Address_Group",
    extension="address-group",
    fields=(
        common.ID,
        common.NAME,
        Field(
            "description",
            plain.string(common.LONG_DESCRIPTION_LENGTH),
            default="",
            filter=True,
            sort=True,
            column=text("description"),
        ),
        common.PROJECT,
        Field(
            "addresses",
            addresses.subnet_list,
            convert.none_to_empty_list,
            default=UNSET,
            put=False,
            most=MAX_ADDRESSES,
            column=Column("addresses", Type.TEXT, Cardinality.SET),
        ),
        common.flag("shared", False, post=False, put=False, visible=False),
        *common.STAMPS,
    ),
    columns=(common.SHARES,),
    hides_update=True,
    get_by=Who.READER_OR_SHARED,
    quota="address_group",
)

"""Subnet pools: prefixes that subnets are cut out of."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, boolean, integer, ref
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import addresses, plain


def _length(name: str) -> Field:
    """Give a prefix length: a number in requests and in the database, text in answers, as in Neutron."""
    return Field(
        name,
        plain.non_negative,
        convert.to_int,
        default=UNSET,
        filter=True,
        sort=True,
        column=integer(name),
        schema={"type": "string", "pattern": "^[0-9]+$"},
    )


SUBNETPOOL = Resource(
    name="subnetpool",
    collection="subnetpools",
    table="Subnetpool",
    extension="subnet_allocation",
    fields=(
        common.ID,
        Field(
            "name",
            plain.not_empty_name(),
            filter=True,
            sort=True,
            column=common.NAME.column,
        ),
        common.PROJECT,
        Field("prefixes", addresses.subnet_list, column=Column("prefixes", Type.TEXT, Cardinality.SET)),
        Field(
            "default_quota",
            plain.non_negative,
            convert.to_int,
            default=UNSET,
            filter=True,
            sort=True,
            column=integer("default_quota", Cardinality.OPTIONAL),
            schema={"type": ["integer", "null"]},
        ),
        common.computed("ip_version", {"enum": [4, 6]}, filter=True, sort=True, column=integer("ip_version")),
        _length("default_prefixlen"),
        _length("min_prefixlen"),
        _length("max_prefixlen"),
        common.flag(
            "is_default",
            False,
            filter=True,
            sort=True,
            column=boolean("is_default"),
            create_by=Who.ADMIN,
            update_by=Who.ADMIN,
        ),
        common.flag("shared", False, put=False, filter=True, sort=True, create_by=Who.ADMIN),
        Field(
            "address_scope_id",
            plain.uuid_or_none,
            default=UNSET,
            filter=True,
            sort=True,
            extension="address-scope",
            column=ref("address_scope_id", "Address_Scope", Cardinality.OPTIONAL),
        ),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.READER_OR_SHARED),
    ),
    columns=(common.SHARES,),
    get_by=Who.READER_OR_SHARED,
    tags=True,
    quota="subnetpool",
)

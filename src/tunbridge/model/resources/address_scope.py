"""Address scopes: subnet pools among which no address is there twice."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, integer
from tunbridge.model.resources import common
from tunbridge.model.validators import plain

ADDRESS_SCOPE = Resource(
    name="address_scope",
    collection="address_scopes",
    table="Address_Scope",
    extension="address-scope",
    fields=(
        common.ID,
        common.NAME,
        common.PROJECT,
        common.flag("shared", False, filter=True, sort=True, create_by=Who.ADMIN, update_by=Who.ADMIN),
        Field(
            "ip_version",
            plain.values([4, 6]),
            convert.to_int,
            put=False,
            filter=True,
            sort=True,
            column=integer("ip_version"),
        ),
    ),
    columns=(common.SHARES,),
    get_by=Who.READER_OR_SHARED,
)

"""NDP proxies: IPv6 addresses behind a router that its gateway answers for on the external network."""

from msgspec.structs import replace

from tunbridge.model.resource import Field, Resource, ref, text
from tunbridge.model.resources import common
from tunbridge.model.validators import addresses, plain

NDP_PROXY = Resource(
    name="ndp_proxy",
    collection="ndp_proxies",
    path="ndp_proxies",
    table="Ndp_Proxy",
    extension="l3-ndp-proxy",
    fields=(
        replace(common.ID, filter=False),
        common.NAME,
        replace(common.PROJECT, filter=False),
        Field("router_id", plain.uuid, put=False, sort=True, column=ref("router_id", "Router")),
        Field("port_id", plain.uuid, put=False, sort=True, column=ref("port_id", "Port")),
        Field(
            "ip_address",
            addresses.ip_address_or_none,
            default=None,
            put=False,
            sort=True,
            column=text("ip_address"),
        ),
        replace(common.DESCRIPTION, check=plain.string(common.LONG_DESCRIPTION_LENGTH), extension=None),
        *common.STAMPS,
    ),
    indexes=(("router_id", "ip_address"),),
)

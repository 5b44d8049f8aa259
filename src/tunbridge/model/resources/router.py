"""Routers, and the floating IPs that reach ports behind them."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import MAX_ITEMS, UNSET, Field, Resource, boolean, json, ref, text
from tunbridge.model.resources import common, qos
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Check, addresses, containers, dns, plain

_ADDRESSES = Check(
    addresses.fixed_ips.name,
    lambda value: (
        f"{len(value)} items are more than {MAX_ITEMS}"
        if isinstance(value, list) and len(value) > MAX_ITEMS
        else addresses.fixed_ips.refuse(value)
    ),
    addresses.fixed_ips.schema,
)
"""A list inside of a value is counted before its items are looked at, as lists that are values."""
GATEWAY = containers.dict_or_nodata(
    {
        "network_id": containers.Key(plain.uuid, required=True),
        "external_fixed_ips": containers.Key(_ADDRESSES),
        "enable_snat": containers.Key(plain.boolean, to_boolean=True),
        "qos_policy_id": containers.Key(plain.uuid_or_none),
    }
)
"""What a request says of a router's gateway to an external network."""
GATEWAY_PARTS = {
    "network_id": Who.ADMIN_OR_MEMBER,
    "enable_snat": Who.ADMIN,
    "external_fixed_ips": Who.ADMIN,
}
"""Who may say what of a gateway."""


def _wish(name: str, extension: str) -> Field:
    """A flag that an admin may set of a router; not given it is true: routers are distributed and highly available."""
    return Field(
        name,
        convert=convert.to_boolean_if_not_none,
        default=UNSET,
        extension=extension,
        column=Column(name, Type.BOOLEAN, Cardinality.OPTIONAL),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
        seen_by=Who.ADMIN,
    )


ROUTER = Resource(
    name="router",
    collection="routers",
    table="Router",
    extension="router",
    fields=(
        common.ID,
        common.NAME,
        common.flag("admin_state_up", True, filter=True, sort=True, column=boolean("admin_state_up")),
        common.computed("status", {"type": "string"}, sort=True),
        common.PROJECT,
        Field(
            "external_gateway_info",
            GATEWAY,
            convert.to_gateway,
            default=None,
            create_by=Who.ADMIN_OR_MEMBER,
            update_by=Who.ADMIN_OR_MEMBER,
            part_create_by=GATEWAY_PARTS,
            part_update_by=GATEWAY_PARTS,
        ),
        common.computed(
            "external_gateways", {"type": "array", "items": {"type": "object"}}, "external-gateway-multihoming"
        ),
        Field(
            "enable_default_route_ecmp",
            convert=convert.to_boolean_if_not_none,
            default=None,
            extension="enable-default-route-ecmp",
            column=Column("enable_default_route_ecmp", Type.BOOLEAN, Cardinality.OPTIONAL),
            create_by=Who.ADMIN,
            update_by=Who.ADMIN,
        ),
        _wish("distributed", "dvr"),
        _wish("ha", "l3-ha"),
        Field(
            "enable_ndp_proxy",
            convert=convert.to_boolean_if_not_none,
            default=UNSET,
            filter=True,
            extension="l3-ext-ndp-proxy",
            column=Column("enable_ndp_proxy", Type.BOOLEAN, Cardinality.OPTIONAL),
        ),
        Field(
            "flavor_id",
            plain.string_or_none(),
            default=UNSET,
            put=False,
            sort=True,
            extension="l3-flavors",
            column=ref("flavor_id", "Flavor", Cardinality.OPTIONAL),
        ),
        Field(
            "routes",
            addresses.host_routes,
            convert.none_to_empty_list,
            default=UNSET,
            post=False,
            extension="extraroute",
            column=json("routes"),
        ),
        common.computed(
            "availability_zones", {"type": "array", "items": {"type": "string"}}, "router_availability_zone"
        ),
        common.computed(
            "conntrack_helpers", {"type": "array", "items": {"type": "object"}}, "expose-l3-conntrack-helper"
        ),
        Field(
            "availability_zone_hints",
            containers.availability_zone_hints,
            default=[],
            put=False,
            extension="router_availability_zone",
            column=json("availability_zone_hints"),
        ),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.ADMIN_OR_READER),
    ),
    columns=(
        boolean("enable_snat"),
        Column("gateway_qos_policy_id", Type.REF, Cardinality.OPTIONAL, table="Qos_Policy", indexed=True),
        ref("gateway_port", "Port", Cardinality.OPTIONAL),
        json("further_gateways"),  # ports on external networks besides gateway_port, in order
        text("gateway_host", Cardinality.OPTIONAL, indexed=True),  # that has the gateway's addresses
        text("gateway_standbys", Cardinality.SET, indexed=True),  # hosts that take over from it, see gateway_order.py
        text("gateway_avoid", Cardinality.SET),  # hosts that an admin took it away from
        text("ndp_addresses", Cardinality.SET),  # that the gateway answers for, for hosts
        text("helpers", Cardinality.SET),  # conntrack helpers, for hosts
        ref("interfaces", "Port", Cardinality.SET),
        Column("networks", Type.TEXT, Cardinality.SET),  # of its interfaces, for hosts, which ask for routers by them
    ),
    tags=True,
    quota="router",
)

FLOATINGIP = Resource(
    name="floatingip",
    collection="floatingips",
    table="Floating_Ip",
    extension="router",
    fields=(
        common.ID,
        Field(
            "floating_ip_address",
            addresses.ip_address_or_none,
            default=None,
            put=False,
            filter=True,
            sort=True,
            column=text("floating_ip_address", indexed=True),
            create_by=Who.ADMIN_OR_MANAGER,
        ),
        Field("subnet_id", plain.uuid_or_none, default=None, put=False, visible=False),
        Field(
            "floating_network_id",
            plain.uuid,
            put=False,
            filter=True,
            sort=True,
            column=ref("floating_network_id", "Network"),
        ),
        Field(
            "router_id",
            plain.uuid_or_none,
            default=None,
            post=False,
            put=False,
            filter=True,
            sort=True,
            column=ref("router_id", "Router", Cardinality.OPTIONAL),
        ),
        Field(
            "port_id",
            plain.uuid_or_none,
            default=None,
            filter=True,
            column=ref("port_id", "Port", Cardinality.OPTIONAL),
        ),
        Field(
            "fixed_ip_address",
            addresses.ip_address_or_none,
            default=None,
            filter=True,
            sort=True,
            column=text("fixed_ip_address", Cardinality.OPTIONAL),
        ),
        common.PROJECT,
        common.computed("status", {"type": "string"}, filter=True, sort=True),
        *(
            Field(
                name,
                check,
                convert.to_lower,
                default="",
                put=False,
                extension="dns-integration",
                column=text(name),
            )
            for name, check in (("dns_name", dns.floating_name), ("dns_domain", dns.domain_name))
        ),
        common.computed(
            "port_forwardings", {"type": "array", "items": {"type": "object"}}, "expose-port-forwarding-in-fip"
        ),
        common.computed("port_details", {"type": ["object", "null"]}, "fip-port-details"),
        qos.policy_id("qos-fip"),
        common.computed("qos_network_policy_id", plain.uuid_or_none.schema, "qos-fip-network-policy"),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.ADMIN_OR_READER),
    ),
    columns=(ref("floating_port", "Port"),),
    tags=True,
    quota="floatingip",
)

"""Networks (layer 2), with the attributes that extensions give them."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, boolean, column_name, integer, json, ref, text
from tunbridge.model.resources import common, qos
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Schema, containers, dns, plain

_UUIDS: Schema = {"type": "array", "items": plain.UUID_SCHEMA}
_UUID_OR_NULL = plain.uuid_or_none.schema

SHARED = common.flag("shared", False, filter=True, create_by=Who.ADMIN, update_by=Who.ADMIN)
"""True for whoever's project it is shared with: computed of the RBAC policies."""

_OWN = (
    common.ID,
    common.NAME,
    common.computed("subnets", _UUIDS),
    common.flag("admin_state_up", True, filter=True, sort=True, column=boolean("admin_state_up")),
    common.computed("status", {"type": "string"}, filter=True, sort=True),
    common.PROJECT,
    SHARED,
)

_PROVIDER = (
    Field(
        "provider:network_type",
        plain.string(32),
        default=UNSET,
        filter=True,
        extension="provider",
        column=text("provider:network_type", Cardinality.OPTIONAL, indexed=True),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
        seen_by=Who.ADMIN,
    ),
    Field(
        "provider:physical_network",
        plain.string(64),
        default=UNSET,
        filter=True,
        extension="provider",
        column=text("provider:physical_network", Cardinality.OPTIONAL, indexed=True),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
        seen_by=Who.ADMIN,
        schema={"type": ["string", "null"]},
    ),
    Field(
        "provider:segmentation_id",
        convert=convert.to_int,
        default=UNSET,
        filter=True,
        extension="provider",
        column=Column(column_name("provider:segmentation_id"), Type.INTEGER, Cardinality.OPTIONAL, indexed=True),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
        seen_by=Who.ADMIN,
        schema={"type": ["integer", "null"]},
    ),
)

_SEGMENTS = (
    Field(
        "segments",
        containers.network_segments,
        default=UNSET,
        extension="multi-provider",
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
        seen_by=Who.ADMIN,
    ),
    common.computed("l2_adjacency", {"type": "boolean"}, "l2_adjacency"),
)

_EXTENDED = (
    common.flag(
        "router:external",
        False,
        "external-net",
        filter=True,
        column=boolean("router:external"),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
    ),
    common.flag(
        "is_default",
        False,
        "auto-allocated-topology",
        filter=True,
        column=boolean("is_default"),
        create_by=Who.ADMIN,
        update_by=Who.ADMIN,
    ),
    Field(
        "mtu",
        plain.non_negative,
        convert.to_int,
        default=0,
        filter=True,
        sort=True,
        extension="net-mtu-writable",
        column=integer("mtu"),
    ),
    common.flag(
        "port_security_enabled",
        True,
        "port-security",
        column=boolean("port_security_enabled"),
        create_by=Who.ADMIN_OR_MEMBER,
        update_by=Who.ADMIN_OR_MEMBER,
    ),
    common.computed("availability_zones", {"type": "array", "items": {"type": "string"}}, "network_availability_zone"),
    Field(
        "availability_zone_hints",
        containers.availability_zone_hints,
        default=[],
        put=False,
        sort=True,
        extension="network_availability_zone",
        column=json("availability_zone_hints"),
    ),
    Field(
        "dns_domain",
        dns.domain_name,
        convert.to_lower,
        default="",
        extension="dns-integration",
        column=text("dns_domain"),
    ),
    common.flag(
        "vlan_transparent", UNSET, "vlan-transparent", put=False, filter=True, column=boolean("vlan_transparent")
    ),
    Field(
        "qinq",
        plain.boolean,
        convert.to_boolean,
        default=UNSET,
        put=False,
        filter=True,
        extension="qinq",
        column=boolean("qinq"),
    ),
    Field(
        "pvlan",
        plain.boolean,
        convert.to_boolean,
        default=False,
        filter=True,
        extension="pvlan",
        column=boolean("pvlan"),
        seen_by=Who.ADMIN_OR_READER,
    ),
    common.computed("ipv4_address_scope", _UUID_OR_NULL, "address-scope"),
    common.computed("ipv6_address_scope", _UUID_OR_NULL, "address-scope"),
)

NETWORK = Resource(
    name="network",
    collection="networks",
    table="Network",
    fields=(
        *_OWN,
        *_PROVIDER,
        *_SEGMENTS,
        *_EXTENDED,
        qos.policy_id(),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.NETWORK_TAGS_READER),
    ),
    columns=(
        # The first segment, which the provider's fields describe, and all of them.
        ref("segment", "Segment", Cardinality.OPTIONAL),
        ref("segment_rows", "Network_Segment", Cardinality.SET),
        json("segments"),  # where there are several, in order; so that hosts need not watch their rows
        common.SHARES,
    ),
    get_by=Who.NETWORK_READER,
    tags=True,
    quota="network",
)

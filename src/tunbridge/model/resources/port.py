"""Ports: where something is plugged into a network; and their bindings to hosts."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, boolean, json, ref, text
from tunbridge.model.resources import common, qos
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Schema, addresses, containers, dns, plain, ports

VNIC_TYPES = [
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "vdpa",
    "accelerator-direct",
    "accelerator-direct-physical",
    "remote-managed",
]
_OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}

_OWN = (
    common.ID,
    common.NAME,
    Field("network_id", plain.uuid, put=False, filter=True, sort=True, column=ref("network_id", "Network")),
    common.flag("admin_state_up", True, filter=True, sort=True, column=boolean("admin_state_up")),
    Field(
        "mac_address",
        addresses.mac_address_or_none,  # null asks for another one: port-mac-address-regenerate
        convert.to_mac,
        default=UNSET,
        filter=True,
        sort=True,
        column=text("mac_address", indexed=True),
        create_by=Who.NET_OWNER_OR_SERVICE,
        update_by=Who.NET_MANAGER_OR_SERVICE,
    ),
    Field(
        "fixed_ips",
        addresses.fixed_ips,
        default=UNSET,
        filter=True,
        key_values=True,
        create_by=Who.NET_OWNER_OR_SERVICE_OR_SHARED,
        update_by=Who.NET_OWNER_OR_SERVICE,
        part_create_by={
            "ip_address": Who.NET_OWNER_OR_SERVICE,
            "subnet_id": Who.NET_OWNER_OR_SERVICE_OR_SHARED,
        },
        part_update_by={
            "ip_address": Who.NET_OWNER_OR_SERVICE,
            "subnet_id": Who.NET_OWNER_OR_SERVICE_OR_SHARED,
        },
    ),
    Field(
        "device_id",
        plain.string(255),
        default="",
        filter=True,
        sort=True,
        column=text("device_id", indexed=True),
        create_by=Who.MEMBER_OR_SERVICE,
        update_by=Who.MEMBER_OR_SERVICE,
    ),
    Field(
        "device_owner",
        plain.string(255),
        default="",
        filter=True,
        sort=True,
        column=text("device_owner", indexed=True),
        create_by=Who.NET_OWNER_FOR_NETWORK_DEVICE,
        update_by=Who.NET_OWNER_FOR_NETWORK_DEVICE,
    ),
    common.PROJECT,
    common.computed("status", {"type": "string"}, filter=True, sort=True),
)

_SECURITY = (
    common.flag(
        "port_security_enabled",
        UNSET,
        "port-security",
        column=boolean("port_security_enabled"),
        create_by=Who.NET_OWNER_OR_SERVICE,
        update_by=Who.NET_OWNER_OR_SERVICE,
    ),
    Field(
        "allowed_address_pairs",
        ports.allowed_address_pairs,
        convert.none_to_empty_list,
        default=UNSET,
        extension="allowed-address-pairs",
        column=json("allowed_address_pairs"),
        create_by=Who.NET_OWNER_OR_SERVICE,
        update_by=Who.NET_OWNER_OR_SERVICE,
        part_create_by=dict.fromkeys(("mac_address", "ip_address"), Who.NET_OWNER_OR_SERVICE),
        part_update_by=dict.fromkeys(("mac_address", "ip_address"), Who.NET_OWNER_OR_SERVICE),
        key_values=True,
    ),
    Field(
        "security_groups",
        containers.uuid_list,
        convert.none_to_empty_list,
        default=UNSET,
        filter=True,
        extension="security-group",
        column=ref("security_groups", "Security_Group", Cardinality.SET),
    ),
)

_NAMES = (
    Field(
        "extra_dhcp_opts",
        ports.extra_dhcp_opts,
        convert.to_dhcp_opts,
        default=None,
        extension="extra_dhcp_opt",
        column=json("extra_dhcp_opts"),
    ),
    Field(
        "dns_name",
        dns.host_name,
        convert.to_lower,
        default="",
        extension="dns-integration",
        column=text("dns_name"),
    ),
    common.computed("dns_assignment", {"type": "array", "items": {"type": "object"}}, "dns-integration"),
    Field(
        "dns_domain",
        dns.domain_name,
        convert.to_lower,
        default="",
        extension="dns-domain-ports",
        column=text("dns_domain"),
    ),
)

_FOR_NOVA = (
    Field(
        "device_profile",
        plain.string_or_none(255),
        put=False,
        default=None,
        extension="port-device-profile",
        column=text("device_profile", Cardinality.OPTIONAL),
    ),
    Field(
        "numa_affinity_policy",
        plain.values(["required", "preferred", "legacy", "socket", None]),
        default=None,
        extension="port-numa-affinity-policy",
        column=text("numa_affinity_policy", Cardinality.OPTIONAL),
    ),
)
"""What Nova reads when it places a server; hosts have no part in it."""

_BINDING = (
    common.computed("binding:vif_type", {"type": "string"}, "binding", seen_by=Who.SERVICE),
    common.computed("binding:vif_details", _OBJECT_OR_NULL, "binding", seen_by=Who.SERVICE),
    Field(
        "binding:vnic_type",
        plain.values(VNIC_TYPES),
        default="normal",
        extension="binding",
        create_by=Who.MEMBER_OR_SERVICE,
        update_by=Who.MEMBER_OR_SERVICE,
    ),
    Field(
        "binding:host_id",
        plain.string_or_none(255),
        default=UNSET,
        filter=True,
        extension="binding",
        create_by=Who.SERVICE,
        update_by=Who.SERVICE,
        seen_by=Who.SERVICE,
    ),
    Field(
        "binding:profile",
        containers.dict_or_none(),
        default=UNSET,
        extension="binding",
        create_by=Who.SERVICE_ONLY,
        update_by=Who.SERVICE_ONLY,
        seen_by=Who.SERVICE,
    ),
    Field(
        "data_plane_status",
        plain.values([None, "ACTIVE", "DOWN"]),
        default=UNSET,
        post=False,
        extension="data-plane-status",
        column=text("data_plane_status", Cardinality.OPTIONAL),
        update_by=Who.DATA_PLANE_INTEGRATOR,
    ),
)

_QOS = (
    qos.policy_id(),
    common.computed("qos_network_policy_id", plain.uuid_or_none.schema, "qos-port-network-policy"),
    common.computed("resource_request", _OBJECT_OR_NULL, "port-resource-request", seen_by=Who.ADMIN),
)

_PRIVATE_VLAN = tuple(
    Field(
        name,
        check,
        default=None,
        filter=True,
        extension="pvlan",
        column=text(name, Cardinality.OPTIONAL),
        seen_by=Who.ADMIN_OR_READER,
    )
    for name, check in (
        ("pvlan_type", plain.values(["isolated", "promiscuous", "community", None])),
        ("pvlan_community", plain.regex_or_none("[a-zA-Z_.][a-zA-Z_.0-9]{0,231}$")),
    )
)

_HINTS = Field(
    "hints",
    ports.hints,
    default=None,
    extension="port-hints",
    column=json("hints"),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    seen_by=Who.ADMIN,
)

PORT = Resource(
    name="port",
    collection="ports",
    table="Port",
    fields=(
        *_OWN,
        *_SECURITY,
        *_NAMES,
        *_FOR_NOVA,
        *_BINDING,
        *_QOS,
        *_PRIVATE_VLAN,
        _HINTS,
        common.computed(
            "ip_allocation", {"enum": ["immediate", "deferred", "none"]}, "ip_allocation", filter=True, sort=True
        ),
        common.computed("trunk_details", {"type": "object"}, "trunk-details"),
        *common.STANDARD,
        common.tags(Who.MEMBER_OR_ADVSVC, Who.PORT_TAGS_READER, post=True),
    ),
    columns=(
        ref("addresses", "Address", Cardinality.SET),
        text("dns_words", Cardinality.MAP),  # what keywords of its DNS domain stood for when its names were set
        ref("bindings", "Port_Binding", Cardinality.SET),
        # Of a trunk's sub-port: the trunk's port, and the VLAN of its packets there; for hosts.
        Column("trunk_parent", Type.TEXT, Cardinality.OPTIONAL, indexed=True),
        Column("trunk_vlan", Type.INTEGER, Cardinality.OPTIONAL),
        text("ip_allocation", Cardinality.OPTIONAL),  # none: "immediate"
        json("fixed_ips"),  # as users see it, so that hosts need not watch addresses; "" in rows of older versions
    ),
    indexes=(("network_id", "mac_address"),),
    create_by=Who.NET_OWNER_OR_SERVICE_OR_SHARED,
    update_by=Who.MEMBER_OR_SERVICE,
    delete_by=Who.PORT_DELETER,
    get_by=Who.PORT_READER,
    tags=True,
    delete_tags_by=Who.PORT_TAGS_DELETER,
    quota="port",
)

BINDING = Resource(
    name="binding",
    collection="bindings",
    table="Port_Binding",
    extension="binding-extended",
    parent="port",
    key="host",
    root=False,
    columns=(
        # For hosts, which ask for the bindings of a port and of a network; "" in rows of older versions.
        Column("port_id", repeats=True),
        Column("network_id", repeats=True),
        boolean("claimed"),  # by the host where it was plugged in, not set through the API
    ),
    fields=(
        Field("host", plain.not_empty_string(255), filter=True, column=text("host", indexed=True)),
        common.computed("vif_type", {"type": "string"}, filter=True, column=text("vif_type")),
        common.computed("vif_details", _OBJECT_OR_NULL, column=json("vif_details")),
        Field("vnic_type", plain.values(VNIC_TYPES), default="normal", filter=True, column=text("vnic_type")),
        Field("profile", containers.dict_or_none(), default=UNSET, column=json("profile")),
        common.computed("status", {"enum": ["ACTIVE", "INACTIVE"]}, filter=True, column=text("status")),
        Field("project_id", plain.string(255), default=UNSET, put=False, alias="tenant_id"),
    ),
    create_by=Who.SERVICE_ONLY,
    update_by=Who.SERVICE,
    delete_by=Who.SERVICE_ONLY,
    get_by=Who.SERVICE,
)

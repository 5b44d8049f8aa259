"""Subnets: a prefix of a network, with its pools, gateway, DHCP and DNS."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, boolean, integer, json, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import addresses, plain, ports

IPV6_MODES = ["dhcpv6-stateful", "dhcpv6-stateless", "slaac", None]


def _ipv6_mode(name: str) -> Field:
    return Field(
        name,
        plain.values(IPV6_MODES),
        default=UNSET,
        put=False,
        filter=True,
        sort=True,
        column=text(name, Cardinality.OPTIONAL),
    )


SUBNET = Resource(
    name="subnet",
    collection="subnets",
    table="Subnet",
    fields=(
        common.ID,
        common.NAME,
        Field(
            "ip_version",
            plain.values([4, 6]),
            convert.to_int,
            put=False,
            filter=True,
            sort=True,
            column=integer("ip_version"),
        ),
        Field("network_id", plain.uuid, put=False, filter=True, sort=True, column=ref("network_id", "Network")),
        Field(
            "subnetpool_id",
            plain.subnetpool_id_or_none,
            default=UNSET,
            put=False,
            filter=True,
            sort=True,
            column=ref("subnetpool_id", "Subnetpool", Cardinality.OPTIONAL),
        ),
        Field("prefixlen", plain.non_negative, convert.to_int, default=UNSET, put=False, visible=False),
        Field(
            "cidr",
            addresses.subnet_or_none,
            convert.to_canonical_cidr,
            default=UNSET,
            put=False,
            filter=True,
            sort=True,
            column=text("cidr", indexed=True),
        ),
        Field(
            "gateway_ip",
            addresses.ip_address_or_none,
            convert.to_canonical_ip,
            default=UNSET,
            filter=True,
            sort=True,
            column=text("gateway_ip", Cardinality.OPTIONAL),
        ),
        Field(
            "allocation_pools",
            addresses.ip_pools,
            convert.to_canonical_pools,
            default=UNSET,
            column=json("allocation_pools"),
        ),
        Field(
            "dns_nameservers",
            addresses.nameservers,
            convert.none_to_empty_list,
            default=UNSET,
            column=json("dns_nameservers"),
        ),
        Field(
            "host_routes",
            addresses.host_routes,
            convert.none_to_empty_list,
            default=UNSET,
            column=json("host_routes"),
        ),
        common.PROJECT,
        common.flag("enable_dhcp", True, filter=True, sort=True, column=boolean("enable_dhcp")),
        _ipv6_mode("ipv6_ra_mode"),
        _ipv6_mode("ipv6_address_mode"),
        common.flag("shared", False, post=False, put=False, visible=False, filter=True),
        common.flag("use_default_subnetpool", False, "default-subnetpools", put=False, visible=False),
        Field(
            "service_types",
            ports.service_types,
            default=UNSET,
            extension="subnet-service-types",
            column=Column("service_types", Type.TEXT, Cardinality.SET),
        ),
        Field(
            "segment_id",
            plain.uuid_or_none,
            default=None,
            filter=True,
            extension="subnet-segmentid-writable",
            column=text("segment_id", Cardinality.OPTIONAL, indexed=True),
            create_by=Who.ADMIN,
            update_by=Who.ADMIN,
            seen_by=Who.ADMIN,
        ),
        common.flag("router:external", False, "subnet-external-network", post=False, put=False, filter=True),
        common.flag(
            "dns_publish_fixed_ip", False, "subnet-dns-publish-fixed-ip", column=boolean("dns_publish_fixed_ip")
        ),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_NET_OR_OWNER, Who.SUBNET_TAGS_READER),
    ),
    create_by=Who.ADMIN_OR_NET_OWNER,
    update_by=Who.ADMIN_OR_NET_OR_OWNER,
    delete_by=Who.ADMIN_OR_NET_OR_OWNER,
    get_by=Who.SUBNET_READER,
    tags=True,
    quota="subnet",
)

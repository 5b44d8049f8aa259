"""The tables of the central database that a host reads, each with only the columns that its flows depend on.

A change of any other column (a name, a description, a revision number) does not reach the host.
"""

from msgspec.structs import replace

from tunbridge.model import catalog
from tunbridge.model.resources.qos import RULES
from tunbridge.model.tables import Table

_COLUMNS = {
    "Network": (
        "name",
        "mtu",
        "provider_network_type",
        "provider_physical_network",
        "provider_segmentation_id",
        "segments",
        "admin_state_up",
        "dns_domain",
        "router_external",
        "qos_policy_id",
    ),
    "Subnet": (
        "network_id",
        "ip_version",
        "cidr",
        "gateway_ip",
        "enable_dhcp",
        "ipv6_ra_mode",
        "ipv6_address_mode",
        "dns_nameservers",
        "host_routes",
        "segment_id",
    ),
    "Port": (
        "name",
        "network_id",
        "mac_address",
        "fixed_ips",
        "admin_state_up",
        "port_security_enabled",
        "security_groups",
        "allowed_address_pairs",
        "device_owner",
        "device_id",
        "project_id",
        "dns_name",
        "dns_domain",
        "extra_dhcp_opts",
        "qos_policy_id",
        "trunk_parent",
        "trunk_vlan",
        "hints",
    ),
    "Port_Binding": ("port_id", "network_id", "host", "status", "vif_type", "vnic_type"),
    "Security_Group": ("stateful",),
    "Security_Group_Rule": (
        "security_group_id",
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "normalized_cidr",
        "remote_group_id",
        "remote_address_group_id",
    ),
    "Address_Group": ("addresses",),
    "Router": (
        "project_id",
        "admin_state_up",
        "interfaces",
        "networks",
        "routes",
        "gateway_port",
        "gateway_host",
        "gateway_standbys",
        "gateway_qos_policy_id",
        "enable_snat",
        "distributed",
        "helpers",
        "enable_ndp_proxy",
        "ndp_addresses",
    ),
    "Floating_Ip": (
        "floating_ip_address",
        "floating_port",
        "router_id",
        "port_id",
        "fixed_ip_address",
        "qos_policy_id",
    ),
    "Port_Forwarding": (
        "floatingip_id",
        "protocol",
        "internal_port_id",
        "internal_ip_address",
        "external_first",
        "external_last",
        "internal_first",
        "internal_last",
    ),
    **{
        rule.table: ("qos_policy_id", *(field.name for field in rule.fields if field.column is not None))
        for rule in RULES
    },
    "Log": ("project_id", "resource_id", "target_id", "event", "enabled"),
    "Tap_Mirror": ("network_id", "port_id", "directions", "remote_ip", "mirror_type"),
    "Tap_Service": ("network_id", "port_id", "tunnel_id"),
    "Tap_Flow": ("network_id", "tap_service_id", "source_port", "direction"),
    "Local_Ip_Association": ("local_ip_id", "network_id", "fixed_port_id", "address", "fixed_ip", "ip_mode"),
    "Metering_Label": ("name", "project_id", "shared"),
    "Metering_Label_Rule": (
        "metering_label_id",
        "direction",
        "excluded",
        "remote_ip_prefix",
        "source_ip_prefix",
        "destination_ip_prefix",
    ),
    "Port_Status": ("host", "port_id", "status"),
    "Address_Location": ("host", "network_id", "address", "port_id", "mac_address", "claim"),
    "Host": ("host", "agent_type", "configurations"),
    "Milestone": ("number",),
}
_FOUND_BY = {
    "Port_Binding": ("host", "port_id"),
    "Port": ("network_id", "security_groups"),
    "Router": ("networks", "gateway_host", "gateway_standbys"),
    "Floating_Ip": ("router_id", "floating_port"),
    "Port_Status": ("port_id",),
    "Address_Location": ("network_id", "host"),
}
"""Columns by which the host's store finds rows; besides references, which it finds by anyway."""


def _part(table: Table) -> Table:
    found_by = _FOUND_BY.get(table.name, ())
    columns = [table.column(name) for name in _COLUMNS[table.name]]
    needless = {
        "device_owner",
        "device_id",
        "project_id",
        "mac_address",
        "cidr",
        "segment_id",
    }  # indexes that only servers need
    return Table(
        table.name,
        tuple(replace(c, indexed=(c.indexed or c.name in found_by) and c.name not in needless) for c in columns),
    )


TABLES = tuple(_part(table) for table in catalog.tables() if table.name in _COLUMNS)

"""The tables of the central database that a host follows: one declaration each.

It says which columns the host reads, which rows it asks for, what of the view a changed row touches, and whether that
row may change which other rows the host asks for. OVSDB's conditions have no joins, so each step needs rows of the one
before:

    bindings to this host, ids plugged in here --> their networks --> ports, bindings and subnets of these networks
                                            |
                                            +--> ports of this host --> their security groups --> the groups' rules
                                                   --> members of the remote groups and address groups that these name
                                            +--> their QoS policies, and those of their networks --> the rules of these
    networks --> routers on them --> the other networks of these routers, and so on
    routers whose gateway this host is or may become --> their networks
    routers --> their gateways' ports --> their external networks and subnets, but not other ports there
    routers --> their floating IPs --> ports of these, and their port forwardings
            --> ports that are one of several next hops --> how these are
    networks --> where addresses are that several ports may have; mirrors and Local IPs of their ports
    networks --> tap flows of their ports --> tap services --> bindings of the ports that copies go to
    routers --> metering labels of their projects, and shared ones --> the rules of these
    hosts, logs: all of them; and the milestone, so that the host knows a transaction of late, from which it can resume

So what a host holds follows its own networks and groups, not the size of the cloud; but one of many networks, which a
gateway host is, follows small tables in whole (here.py). Each step is one round trip; a step that changes nothing
costs none. A port that is bound here before it is plugged in (as Nova does it), or that is on a network of this host,
is known already when it appears.

How the rows become values of the data plane: source.py.
"""

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from tunbridge.agent.central.here import GATEWAY, Here, several_hops
from tunbridge.database.conditions import Conditions, Where, together, where
from tunbridge.database.rows import Row
from tunbridge.dataplane import view
from tunbridge.dataplane.view import Key
from tunbridge.model import device_owners
from tunbridge.model.resources.qos import RULES

Touched = Callable[[Row | None, Row | None], set[Key]]
"""The keys of the view that a row touches, as it was (None: not there) and as it is (None: gone)."""
Decides = Callable[[Here, Row | None, Row | None], bool]


def _nothing(_old: Row | None, _new: Row | None) -> set[Key]:
    return set()


def _of_each(keys: Callable[[Row], Iterable[Key]]) -> Touched:
    """Keys of the row before and of the row after."""
    return lambda old, new: {key for row in (old, new) if row is not None for key in keys(row)}


def _never(_here: Here, _old: Row | None, _new: Row | None) -> bool:
    return False


def _always(_here: Here, _old: Row | None, _new: Row | None) -> bool:
    return True


def _if_any(decides: Callable[[Here, Row], bool]) -> Decides:
    return lambda here, old, new: any(decides(here, row) for row in (old, new) if row is not None)


class Followed(Struct, frozen=True, kw_only=True):
    """A table that a host follows."""

    table: str
    columns: tuple[str, ...]
    """Those that its flows depend on: a change of another (a name, a revision number) does not reach the host."""
    found_by: tuple[str, ...] = ()
    """Columns by which the host's store finds rows; besides references, which it finds by anyway."""
    wanted: Callable[[Here], Where] | None = None
    """Which rows the host asks for; None: all."""
    is_small: bool = False
    """Whether a host of many networks asks for all rows."""
    touched: Touched = _nothing
    """The keys of the view that a changed row touches."""
    decides: Decides = _never
    """Whether a changed row, as it was and as it is, may change which rows the host asks for."""


def _next_hops(here: Here) -> set[str]:
    """Ports that are one of several next hops."""
    found = set()
    for router in here.routers.values():
        hops = several_hops(router)
        for row in (row for id in router.networks if hops for row in here.store.find("Port", "network_id", id)):
            addresses = {ip["ip_address"] for ip in msgspec.json.decode(row.fixed_ips)} if row.fixed_ips else set()
            if not addresses.isdisjoint(hops):
                found.add(row.id)
    return found


def _tap_ports(here: Here) -> set[str]:
    """Ports of tap services on other networks: copies go to the hosts where these are bound."""
    services = (here.store.get("Tap_Service", id) for id in _tap_services(here))
    return {row.port_id for row in services if row is not None and row.network_id not in here.networks}


def _tap_services(here: Here) -> set[str]:
    """Those that tap flows of the networks lead to."""
    return {row.tap_service_id for row in here.store.all("Tap_Flow") if row.network_id in here.networks}


def _ports(here: Here) -> Where:
    # A host of many networks has many gateways and floating IPs too: with all ports of the cloud for these, what it
    # asks for stays as it is when one more comes.
    outside = frozenset() if here.are_many else here.gateways | here.floating_ports
    return together(
        where("_uuid", here.unseen | outside, is_ref=True),
        where("device_owner", device_owners.OUTSIDE if here.are_many else ()),
        where("network_id", here.networks, is_ref=True),
        where("security_groups", here.remote_groups, is_ref=True, function="includes"),
    )


def _port_decides(here: Here, row: Row) -> bool:
    return row.id in here.local or row.id in here.gateways or row.network_id in here.several


def _labels(here: Here) -> Where:
    projects = where("project_id", {router.project_id for router in here.routers.values()})
    return together(projects, where("shared", [True])) if projects else projects


def _way(router: Row) -> tuple[object, ...]:
    """What of a router decides which rows a host needs."""
    there = (
        router.gateway_port,
        router.further_gateways,
        router.gateway_host,
        router.gateway_standbys,
        router.gateway_qos_policy_id,
    )
    return router.networks, there, several_hops(router)


def _router_decides(here: Here, old: Row | None, new: Row | None) -> bool:
    if not any(_concerns(here, row) for row in (old, new) if row is not None):
        return False
    return old is None or new is None or _way(old) != _way(new)


def _concerns(here: Here, router: Row) -> bool:
    hosts = (router.gateway_host, *router.gateway_standbys)
    return here.host in hosts or not here.networks.isdisjoint(router.networks)


def _floating_keys(row: Row) -> Iterable[Key]:
    if row.router_id is not None:
        yield "router-floating", row.router_id
    yield "floating", row.floating_port


def _host_keys(old: Row | None, new: Row | None) -> set[Key]:
    names: set[Key] = {("host", row.host) for row in (old, new) if row is not None}
    return names if old is not None and new is not None and len(names) == 1 else names | {("hosts", "")}


FOLLOWED: tuple[Followed, ...] = (
    Followed(
        table="Network",
        columns=(
            "name",
            "mtu",
            "provider_network_type",
            "provider_physical_network",
            "provider_segmentation_id",
            "segments",
            "admin_state_up",
            "dns_domain",
            "router_external",
            "pvlan",
            "vlan_transparent",
            "qinq",
            "qos_policy_id",
        ),
        is_small=True,
        wanted=lambda here: together(where("_uuid", here.known_networks, is_ref=True)),
        touched=_of_each(lambda row: [("network", row.id)]),
        decides=_if_any(lambda here, row: row.qos_policy_id is not None and row.qos_policy_id not in here.policies),
    ),
    Followed(
        table="Subnet",
        columns=(
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
        is_small=True,
        wanted=lambda here: together(where("network_id", here.known_networks, is_ref=True)),
        touched=view.subnet_keys,
    ),
    Followed(
        table="Port",
        columns=(
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
            "pvlan_type",
            "pvlan_community",
        ),
        found_by=("network_id", "security_groups"),
        wanted=_ports,
        touched=view.port_keys,
        decides=_if_any(_port_decides),
    ),
    Followed(
        table="Port_Binding",
        columns=("port_id", "network_id", "host", "status", "vif_type", "vnic_type"),
        found_by=("host", "port_id"),
        wanted=lambda here: together(
            where("host", [here.host]), where("network_id", here.networks), where("port_id", _tap_ports(here))
        ),
        touched=_of_each(lambda row: [("port", row.port_id)]),
        decides=_if_any(lambda here, row: bool(row.host == here.host)),
    ),
    Followed(
        table="Port_Status",
        columns=("host", "port_id", "status"),
        found_by=("port_id",),
        wanted=lambda here: together(where("port_id", _next_hops(here))),
        touched=_of_each(lambda row: [("port-status", row.port_id)]),
    ),
    Followed(
        table="Address_Location",
        columns=("host", "network_id", "address", "port_id", "mac_address", "claim"),
        found_by=("network_id", "host"),
        is_small=True,
        wanted=lambda here: together(where("network_id", here.networks), where("host", [here.host])),
        touched=_of_each(lambda row: [("network-locations", row.network_id)]),
    ),
    Followed(
        table="Security_Group",
        columns=("stateful",),
        wanted=lambda here: together(where("_uuid", here.groups, is_ref=True)),
        touched=_of_each(lambda row: [("group", row.id)]),
    ),
    Followed(
        table="Security_Group_Rule",
        columns=(
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
        wanted=lambda here: together(where("security_group_id", here.groups, is_ref=True)),
        touched=_of_each(lambda row: [("group", row.security_group_id)]),
        decides=_if_any(lambda here, row: row.security_group_id in here.groups),
    ),
    Followed(
        table="Address_Group",
        columns=("addresses",),
        wanted=lambda here: together(where("_uuid", here.address_groups, is_ref=True)),
        touched=_of_each(lambda row: [("address-group", row.id)]),
    ),
    Followed(
        table="Router",
        columns=(
            "project_id",
            "admin_state_up",
            "interfaces",
            "networks",
            "routes",
            "gateway_port",
            "further_gateways",
            "enable_default_route_ecmp",
            "gateway_host",
            "gateway_standbys",
            "gateway_qos_policy_id",
            "enable_snat",
            "distributed",
            "helpers",
            "enable_ndp_proxy",
            "ndp_addresses",
        ),
        found_by=("networks", *GATEWAY),
        is_small=True,
        wanted=lambda here: together(
            where("networks", here.networks, function="includes"),
            *(where(name, [here.host], function="includes") for name in GATEWAY),
        ),
        touched=view.router_keys,
        decides=_router_decides,
    ),
    Followed(
        table="Floating_Ip",
        columns=(
            "floating_ip_address",
            "floating_port",
            "router_id",
            "port_id",
            "fixed_ip_address",
            "qos_policy_id",
        ),
        found_by=("router_id", "floating_port"),
        is_small=True,
        wanted=lambda here: together(where("router_id", here.routers, is_ref=True, function="includes")),
        touched=_of_each(_floating_keys),
        decides=_if_any(lambda here, row: row.router_id in here.routers),
    ),
    Followed(
        table="Port_Forwarding",
        columns=(
            "floatingip_id",
            "protocol",
            "internal_port_id",
            "internal_ip_address",
            "external_first",
            "external_last",
            "internal_first",
            "internal_last",
        ),
        is_small=True,
        wanted=lambda here: together(where("floatingip_id", here.floating_ips, is_ref=True)),
        touched=_of_each(lambda row: [("forwardings", row.floatingip_id)]),
    ),
    *(
        Followed(
            table=rule.table,
            columns=("qos_policy_id", *(field.name for field in rule.fields if field.column is not None)),
            wanted=lambda here: together(where("qos_policy_id", here.policies, is_ref=True)),
            touched=_of_each(lambda row: [("qos-policy", row.qos_policy_id)]),
        )
        for rule in RULES
    ),
    Followed(
        table="Log",
        columns=("project_id", "resource_id", "target_id", "event", "enabled"),
        touched=_of_each(lambda _row: [("logs", "")]),
    ),
    Followed(
        table="Tap_Mirror",
        columns=("network_id", "port_id", "directions", "remote_ip", "mirror_type"),
        wanted=lambda here: together(where("network_id", here.networks)),
        touched=_of_each(lambda row: [("mirrors", row.port_id)]),
    ),
    Followed(
        table="Tap_Service",
        columns=("network_id", "port_id", "tunnel_id"),
        is_small=True,
        wanted=lambda here: together(
            where("network_id", here.networks),
            where("_uuid", _tap_services(here), is_ref=True),
        ),
        touched=_of_each(lambda row: [("tap-service", row.id), ("tap-services", row.port_id)]),
        decides=_always,
    ),
    Followed(
        table="Tap_Flow",
        columns=("network_id", "tap_service_id", "source_port", "direction"),
        is_small=True,
        wanted=lambda here: together(where("network_id", here.networks)),
        touched=_of_each(lambda row: [("tap", row.id), ("taps", row.source_port)]),
        decides=_always,
    ),
    Followed(
        table="Local_Ip_Association",
        columns=("local_ip_id", "network_id", "fixed_port_id", "address", "fixed_ip", "ip_mode"),
        is_small=True,
        wanted=lambda here: together(where("network_id", here.networks)),
        touched=_of_each(lambda row: [("local-ips", row.fixed_port_id)]),
    ),
    Followed(
        table="Metering_Label",
        columns=("name", "project_id", "shared"),
        wanted=_labels,
        touched=_of_each(lambda row: [("metering", "" if row.shared else row.project_id)]),
        decides=_always,
    ),
    Followed(
        table="Metering_Label_Rule",
        columns=(
            "metering_label_id",
            "direction",
            "excluded",
            "remote_ip_prefix",
            "source_ip_prefix",
            "destination_ip_prefix",
        ),
        wanted=lambda here: together(
            where("metering_label_id", (row.id for row in here.store.all("Metering_Label")), is_ref=True)
        ),
        touched=_of_each(lambda row: [("metering-label", row.metering_label_id)]),
    ),
    Followed(
        table="Host",
        columns=("host", "agent_type", "configurations"),
        touched=_host_keys,
    ),
    Followed(table="Milestone", columns=("number",)),
)
_BY_TABLE = {followed.table: followed for followed in FOLLOWED}


def conditions(here: Here) -> Conditions:
    """Which rows the host asks for."""
    return {
        one.table: one.wanted(here)
        for one in FOLLOWED
        if one.wanted is not None and not (one.is_small and here.are_many)
    }


def touched(table: str, old: Row | None, new: Row | None) -> set[Key]:
    """The keys of the view that a changed row touches."""
    return _BY_TABLE[table].touched(old, new)


def decides(here: Here, table: str, old: Row | None, new: Row | None) -> bool:
    """Whether a changed row may change which rows the host asks for."""
    return _BY_TABLE[table].decides(here, old, new)

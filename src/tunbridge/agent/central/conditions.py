"""Which rows a host asks for. OVSDB's conditions have no joins, so each step needs rows of the one before:

    bindings to this host, ids plugged in here --> their networks --> ports, bindings and subnets of these networks
                                            |
                                            +--> ports of this host --> their security groups --> the groups' rules
                                                   --> members of the remote groups and address groups that these name
                                            +--> their QoS policies, and those of their networks --> the rules of these
    networks --> routers on them --> the other networks of these routers, and so on
    routers whose gateway this host is or may become --> their networks
    routers --> their gateways' ports --> their external networks and subnets, but not the ports there
    routers --> their floating IPs --> ports of these, and their port forwardings
            --> ports that are one of several next hops --> how these are
    networks --> where addresses are that several ports may have; mirrors and Local IPs of their ports
    networks --> tap flows of their ports --> tap services --> bindings of the ports that copies go to
    routers --> metering labels of their projects, and shared ones --> the rules of these
    hosts, logs: all of them; and the milestone, so that the host knows a transaction of late, from which it can resume

So what a host holds follows its own networks and groups, not the size of the cloud. Each step is one round trip; a
step that changes nothing costs none. A port that is bound here before it is plugged in (as Nova does it), or that is on
a network of this host, is known already when it appears.
"""

import functools
import re
from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from tunbridge.database.conditions import Conditions, Where, together, where
from tunbridge.database.rows import Row
from tunbridge.database.store import Store
from tunbridge.model.resources.qos import RULES

_GATEWAY = ("gateway_host", "gateway_standbys")
"""Columns of a router that name the hosts which have its gateway, or take over."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Needs(Struct, frozen=True):
    """What a host needs of the database, as far as the rows that it has tell."""

    local: frozenset[str]
    """Ids of the ports that are bound to this host or plugged in here."""
    groups: frozenset[str]
    """Their security groups."""
    policies: frozenset[str]
    """Their QoS policies, and those of the networks."""
    beyond: frozenset[str]
    """Ports on external networks, of routers that are here and of floating IPs."""
    several: frozenset[str]
    """Networks of routers that have routes with several next hops."""
    conditions: Conditions


@functools.lru_cache(1 << 14)
def is_id(text: str) -> bool:
    """Whether a text can be the id of a port, in the spelling of the API; the database refuses to look for others."""
    return _UUID.fullmatch(text) is not None


def needs(store: Store, host: str, plugged: Collection[str]) -> Needs:
    """Compute what a host needs, of the rows that it has."""
    bound = store.find("Port_Binding", "host", host)
    candidates = {id for id in plugged if is_id(id)}
    rows = store.rows("Port")
    here = {id: rows[id] for id in candidates & rows.keys()}
    networks = {row.network_id for row in bound} | {row.network_id for row in here.values()}
    networks.discard("")  # of a row that an older server wrote, until a newer one completes it
    for router in (r for name in _GATEWAY for r in store.find("Router", name, host)):
        networks |= set(router.networks)
    networks = routed(store, networks)
    routers = {router.id: router for id in networks for router in store.find("Router", "networks", id)}
    local = candidates | {row.port_id for row in bound}
    ports = [rows[id] for id in local & rows.keys()]
    beyond, external = _beyond(store, routers.values())
    groups = {id for row in ports for id in row.security_groups}
    rules = [rule for id in groups for rule in store.find("Security_Group_Rule", "security_group_id", id)]
    remotes = {rule.remote_group_id for rule in rules} - {None}
    address_groups = {rule.remote_address_group_id for rule in rules} - {None}
    policies = {row.qos_policy_id for row in ports} - {None}
    policies |= {row.qos_policy_id for id in networks | external if (row := store.get("Network", id)) is not None}
    policies |= {row.qos_policy_id for row in store.all("Floating_Ip")}
    policies |= {router.gateway_qos_policy_id for router in routers.values()}
    policies.discard(None)
    projects = {router.project_id for router in routers.values()}
    shared: Where = (["shared", "==", True],) if routers else ()
    conditions: dict[str, Where] = {
        "Port_Binding": together(
            where("host", [host]), where("network_id", networks), where("port_id", _tap_ports(store, networks))
        ),
        "Port": together(
            where("_uuid", (candidates - here.keys()) | beyond, is_ref=True),
            where("network_id", networks, is_ref=True),
            where("security_groups", remotes, is_ref=True, function="includes"),
        ),
        "Network": together(where("_uuid", networks | external, is_ref=True)),
        "Subnet": together(where("network_id", networks | external, is_ref=True)),
        "Security_Group": together(where("_uuid", groups, is_ref=True)),
        "Security_Group_Rule": together(where("security_group_id", groups, is_ref=True)),
        "Router": together(
            where("networks", networks, function="includes"),
            *(where(name, [host], function="includes") for name in _GATEWAY),
        ),
        "Floating_Ip": together(where("router_id", routers, is_ref=True, function="includes")),
        "Port_Forwarding": together(where("floatingip_id", {row.id for row in store.all("Floating_Ip")}, is_ref=True)),
        "Tap_Mirror": together(where("network_id", networks)),
        "Tap_Service": together(
            where("network_id", networks),
            where("_uuid", {row.tap_service_id for row in store.all("Tap_Flow")}, is_ref=True),
        ),
        "Tap_Flow": together(where("network_id", networks)),
        "Local_Ip_Association": together(where("network_id", networks)),
        "Metering_Label": together(where("project_id", projects), shared),
        "Metering_Label_Rule": together(
            where("metering_label_id", {row.id for row in store.all("Metering_Label")}, is_ref=True)
        ),
        "Port_Status": together(where("port_id", _next_hops(store, routers.values()))),
        "Address_Location": together(where("network_id", networks), where("host", [host])),
        "Address_Group": together(where("_uuid", address_groups, is_ref=True)),
        **{rule.table: together(where("qos_policy_id", policies, is_ref=True)) for rule in RULES},
    }
    several = {id for router in routers.values() if several_hops(router) for id in router.networks}
    return Needs(
        frozenset(local), frozenset(groups), frozenset(policies), frozenset(beyond), frozenset(several), conditions
    )


def several_hops(router: Row) -> set[str]:
    """The next hops of a router's routes to destinations that have several."""
    hops: dict[str, set[str]] = {}
    for route in msgspec.json.decode(router.routes) if router.routes else ():
        hops.setdefault(route["destination"], set()).add(route["nexthop"])
    return {hop for found in hops.values() if len(found) > 1 for hop in found}


def _next_hops(store: Store, routers: Iterable[Row]) -> set[str]:
    """Ports that are one of several next hops."""
    found = set()
    for router in routers:
        hops = several_hops(router)
        for row in (row for id in router.networks if hops for row in store.find("Port", "network_id", id)):
            addresses = {ip["ip_address"] for ip in msgspec.json.decode(row.fixed_ips)} if row.fixed_ips else set()
            if not addresses.isdisjoint(hops):
                found.add(row.id)
    return found


def _tap_ports(store: Store, networks: Collection[str]) -> set[str]:
    """Ports of tap services on other networks: copies go to the hosts where these are bound."""
    return {row.port_id for row in store.all("Tap_Service") if row.network_id not in networks}


def _beyond(store: Store, routers: Iterable[Row]) -> tuple[set[str], set[str]]:
    """Ports on external networks that are routers' or floating IPs' of this host, and the external networks."""
    ports = {router.gateway_port for router in routers} - {None}
    rows = [row for id in ports if (row := store.get("Port", id)) is not None]
    ports |= {floating.floating_port for floating in store.all("Floating_Ip")}
    return ports, {row.network_id for row in rows}


def routed(store: Store, networks: Collection[str]) -> set[str]:
    """Networks with all that routers lead to from them: a packet is routed on the host that it comes from."""
    found, waiting = set(networks), list(networks)
    while waiting:
        for router in store.find("Router", "networks", waiting.pop()):
            new = set(router.networks) - found
            found |= new
            waiting += new
    return found

"""What the rows that a host has say of it: the networks, groups, routers whose rows belong with its ports."""

import functools
import re
from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from tunbridge.database.rows import Row
from tunbridge.database.store import Store
from tunbridge.model.gateway_order import gateway_ports

GATEWAY = ("gateway_host", "gateway_standbys")
"""Columns of a router that name the hosts which have its gateway, or take over."""
MANY = 250
"""Networks from which on a host follows small tables in whole: a change of a condition costs the database's one thread
some 12 us for each network and table, so each router more of a gateway host with 500 would take it a tenth of a
second, and what it has to send in whole is a change now and then. Of ports it follows those of all gateways and
floating IPs."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Here(Struct, frozen=True):
    """Ids of what concerns a host, as far as the rows that it has tell."""

    store: Store
    host: str
    local: frozenset[str]
    """Ports that are bound to this host or plugged in here."""
    unseen: frozenset[str]
    """What is plugged in here, as far as no row of it is known."""
    networks: frozenset[str]
    """Those of its ports, of routers whose gateway it is or may become, and all that routers lead to from these."""
    are_many: bool
    """Whether the host follows small tables in whole: then rows of others are in the store as well."""
    routers: Mapping[str, Row]
    """Those on the networks."""
    gateways: frozenset[str]
    """Ports of the routers' gateways: their networks are the external ones."""
    known_networks: frozenset[str]
    """The networks and these external ones."""
    floating_ips: Mapping[str, Row]
    """Of the routers."""
    floating_ports: frozenset[str]
    """The floating IPs' own ports."""
    several: frozenset[str]
    """Networks of routers that have routes with several next hops."""
    groups: frozenset[str]
    """Security groups of its ports."""
    remote_groups: frozenset[str]
    """Those that rules of the groups name."""
    address_groups: frozenset[str]
    policies: frozenset[str]
    """QoS policies of its ports, of the networks, of floating IPs and of routers' gateways."""


def look(store: Store, host: str, plugged: Collection[str], were_many: bool = False) -> Here:
    """See what concerns a host, in the rows that it has. `were_many`: `are_many` of before, which stays for a while."""
    bound = store.find("Port_Binding", "host", host)
    candidates = {id for id in plugged if _is_id(id)}
    rows = store.rows("Port")
    here = {id: rows[id] for id in candidates & rows.keys()}
    networks = {row.network_id for row in bound} | {row.network_id for row in here.values()}
    networks.discard("")  # of a row that an older server wrote, until a newer one completes it
    for router in (r for name in GATEWAY for r in store.find("Router", name, host)):
        networks |= set(router.networks)
    networks, routers = _routed(store, networks)
    local = candidates | {row.port_id for row in bound}
    ports = [rows[id] for id in local & rows.keys()]
    gateways = frozenset(id for r in routers.values() for id in gateway_ports(r.gateway_port, r.further_gateways))
    known_networks = networks | {row.network_id for id in gateways if (row := rows.get(id)) is not None}
    groups = frozenset(id for row in ports for id in row.security_groups)
    rules = [rule for id in groups for rule in store.find("Security_Group_Rule", "security_group_id", id)]
    known = (row for id in known_networks if (row := store.get("Network", id)) is not None)
    floating_ips = {row.id: row for id in routers for row in store.find("Floating_Ip", "router_id", id)}
    policies = _ids(row.qos_policy_id for row in (*ports, *known, *floating_ips.values()))
    return Here(
        store=store,
        host=host,
        local=frozenset(local),
        unseen=frozenset(candidates - here.keys()),
        networks=frozenset(networks),
        are_many=len(networks) > (MANY // 2 if were_many else MANY),
        routers=routers,
        gateways=gateways,
        known_networks=frozenset(known_networks),
        floating_ips=floating_ips,
        floating_ports=frozenset(row.floating_port for row in floating_ips.values()),
        several=frozenset(id for router in routers.values() if several_hops(router) for id in router.networks),
        groups=groups,
        remote_groups=_ids(rule.remote_group_id for rule in rules),
        address_groups=_ids(rule.remote_address_group_id for rule in rules),
        policies=policies | _ids(router.gateway_qos_policy_id for router in routers.values()),
    )


def _ids(found: Iterable[str | None]) -> frozenset[str]:
    return frozenset(id for id in found if id is not None)


@functools.lru_cache(1 << 14)
def _is_id(text: str) -> bool:
    """Whether a text can be the id of a port, in the spelling of the API; the database refuses to look for others."""
    return _UUID.fullmatch(text) is not None


def several_hops(router: Row) -> frozenset[str]:
    """The next hops of a router's routes to destinations that have several."""
    return _several_hops(router.routes or "[]")


@functools.lru_cache(1 << 12)
def _several_hops(routes: str) -> frozenset[str]:
    hops: dict[str, set[str]] = {}
    for route in msgspec.json.decode(routes):
        hops.setdefault(route["destination"], set()).add(route["nexthop"])
    return frozenset(hop for found in hops.values() if len(found) > 1 for hop in found)


def _routed(store: Store, networks: Collection[str]) -> tuple[set[str], dict[str, Row]]:
    """Networks with all that routers lead to from them, and these routers by id.

    A packet is routed on the host that it comes from.
    """
    found, waiting, routers = set(networks), list(networks), {}
    while waiting:
        for router in store.find("Router", "networks", waiting.pop()):
            if router.id not in routers:
                routers[router.id] = router
                new = [id for id in router.networks if id not in found]
                found.update(new)
                waiting += new
    return found, routers

"""Cardinality clients at once on two servers of one database; afterwards its rows are walked for broken promises."""

import asyncio
import contextlib
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.api.serving import Cloud, serving
from tests.database.members import Member
from tunbridge.database.connection import Database
from tunbridge.database.store import Store
from tunbridge.model import catalog
from tunbridge.model.resources import qos
from tunbridge.rules import copies, sub_ports

AT_ONCE = 16
REFERENCES = {
    "Port": {"network_id": "Network", "qos_policy_id": "Qos_Policy"},
    "Subnet": {"network_id": "Network", "subnetpool_id": "Subnetpool"},
    "Security_Group_Rule": {
        "security_group_id": "Security_Group",
        "remote_group_id": "Security_Group",
        "remote_address_group_id": "Address_Group",
    },
    "Subnetpool": {"address_scope_id": "Address_Scope"},
    "Network": {"qos_policy_id": "Qos_Policy"},
    "Default_Qos_Policy": {"policy": "Qos_Policy"},
    **{rule.table: {"qos_policy_id": "Qos_Policy"} for rule in qos.RULES},
}
"""Fields that name another thing, as users see them, whatever the database itself makes sure of."""

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item


@contextlib.contextmanager
def two_servers(folder: Path, **settings: Any) -> Iterator[tuple[Cloud, Cloud]]:
    """Run two servers on one database, with the same users and keys: a token of one is good for the other."""
    first, second = folder / "first", folder / "second"
    first.mkdir()
    second.mkdir()
    with serving(first, **settings) as one:
        (second / "auth").symlink_to(first / "auth")
        with serving(second, database=one.database, no_people=True, **settings) as other:
            yield one, other


def at_once(work: Callable[[I], T], items: Iterable[I], clients: int = AT_ONCE) -> list[T]:
    """Do the work for all items, as many clients at the same time; give what came of each, in order."""
    with ThreadPoolExecutor(clients) as crowd:
        return list(crowd.map(work, items))


def no_failure(replies: Iterable[httpx.Response]) -> list[httpx.Response]:
    """Give the replies; none is a failure of the server."""
    found = list(replies)
    for reply in found:
        assert reply.status_code < 500, f"{reply.request.method} {reply.request.url}: {reply.text}"
    return found


def made(replies: Iterable[httpx.Response], resource: str) -> list[dict[str, Any]]:
    """Give what was created, of replies of which some may be refusals."""
    return [reply.json()[resource] for reply in no_failure(replies) if reply.status_code == 201]


def rows_of(database: Member) -> Store:
    """Load the whole database, not through a server."""

    async def load() -> Store:
        connection = Database(catalog.tables())
        await connection.start([database.remote])
        try:
            await connection.wait_ready(30)
        finally:
            await connection.close()
        return connection.store

    return asyncio.run(load())


def check_rows(database: Member) -> Store:
    """Walk all rows: every reference leads somewhere, addresses are in their subnets and unique, quotas add up."""
    store = rows_of(database)
    _check_references(store)
    _check_addresses(store)
    _check_subnets(store)
    _check_quotas(store)
    _check_copies(store)
    _check_trunks(store)
    return store


def _check_references(store: Store) -> None:
    for table, columns in REFERENCES.items():
        for row in store.all(table):
            for column, target in columns.items():
                id = getattr(row, column)
                assert id is None or store.get(target, id) is not None, f"{table} {row.id}: no {target} {id}"
    names = ("network", "subnetpool", "security_group", "address_scope", "address_group")
    objects = {**{name: name for name in names}, "qos_policy": "policy"}
    for policy in store.all(catalog.resource("rbac_policy").table):
        assert policy.object_type in objects
        table = catalog.resource(objects[policy.object_type]).table
        assert store.get(table, policy.object_id) is not None, f"RBAC {policy.id}: no {table} {policy.object_id}"


def _check_addresses(store: Store) -> None:
    owners = {id: port for port in store.all("Port") for id in port.addresses}
    assert set(owners) == {address.id for address in store.all("Address")}
    for address in store.all("Address"):
        subnet = store.get("Subnet", address.subnet)
        assert subnet is not None
        assert subnet.network_id == owners[address.id].network_id
        assert ipaddress.ip_address(address.ip_address) in ipaddress.ip_network(subnet.cidr)
    unique(((a.subnet, a.ip_address) for a in store.all("Address")), "address")
    unique(((p.network_id, p.mac_address) for p in store.all("Port")), "MAC")


def _check_copies(store: Store) -> None:
    wrong = [port.id for port in store.all("Port") if not copies.are_right(store, port)]
    assert not wrong, f"ports whose copies for hosts differ: {wrong}"


def _check_trunks(store: Store) -> None:
    """What hosts read of a sub-port in its own row is what its trunk says."""
    listed = {
        one.port_id: (trunk.port_id, one.segmentation_id, trunk.id)
        for trunk in store.all("Trunk")
        for one in sub_ports.of(trunk).values()
    }
    told = {p.id: (p.trunk_parent, p.trunk_vlan, p.device_id) for p in store.all("Port") if p.trunk_parent is not None}
    assert told == listed


def _check_subnets(store: Store) -> None:
    for network in store.all("Network"):
        cidrs = [ipaddress.ip_network(subnet.cidr) for subnet in store.find("Subnet", "network_id", network.id)]
        for index, one in enumerate(cidrs):
            for other in cidrs[index + 1 :]:
                assert not one.overlaps(other), f"network {network.id}: {one} and {other}"


def _check_quotas(store: Store) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for resource in catalog.RESOURCES:
        if resource.quota is not None:
            counted.update((row.project_id, resource.quota) for row in store.all(resource.table))
    kept = {(u.project_id, u.resource): u.limit - u.free + u.debt for u in store.all("Quota_Usage")}
    assert counted == Counter({key: used for key, used in kept.items() if used})


def unique(found: Iterable[Any], what: str) -> None:
    """Say which of several things, each of which there should be once, there are more often."""
    twice = [thing for thing, times in Counter(found).items() if times > 1]
    assert not twice, f"{what} more than once: {twice}"

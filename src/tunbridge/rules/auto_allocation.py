"""A project's first network with all that it needs: "get me a network" (`nova boot --nic auto`).

A network with a subnet of each default subnet pool, and a router from these to the default external network. All of
it is made in one transaction, so there is nothing to clean up where a part of it cannot be made.
"""

from collections.abc import Mapping
from typing import Any

from tunbridge.rules import router_interfaces, subnetpools
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE = "Auto_Allocated_Topology"
Book = Mapping[str, Rules]
"""The rules of all resources, by name."""


def check(reader: Reader) -> None:
    """Refuse where there is nothing to make a topology of. Raises Conflict."""
    _external(reader)
    if not _pools(reader):
        raise _failure("No default subnetpools defined")


def network_of(reader: Reader, project: str) -> str | None:
    """The network that was made for a project, if it is still there."""
    row = reader.find_unique(TABLE, ("project_id",), (project,))
    return None if row is None else row.network


def make(book: Book, txn: Txn, request: Request, project: str) -> str:
    """The network that was made for a project; it is made if it is not there. Raises NetworkingError."""
    there = network_of(txn, project)
    if there is not None:
        return there
    external = _external(txn)
    network = _network(book, txn, request, project)
    router = _router(book, txn, request, project, external, txn.find("Subnet", "network_id", network))
    columns = {"project_id": project, "network": network, "router": router}
    row = txn.find_unique(TABLE, ("project_id",), (project,))
    if row is None:
        txn.insert(TABLE, columns)
    else:
        txn.verify(TABLE, row.id, "network")
        txn.update(TABLE, row.id, columns)
    return network


def remove(book: Book, txn: Txn, request: Request, project: str) -> None:
    """Remove what was made for a project. Raises NetworkingError where it is in use."""
    row = txn.find_unique(TABLE, ("project_id",), (project,))
    if row is None:
        return
    request = request.unconditional
    if row.router is not None:
        for subnet in txn.find("Subnet", "network_id", row.network) if row.network else ():
            router: Any = txn.get("Router", row.router)
            if _is_on(txn, router, subnet):
                router_interfaces.remove(book["router"], txn, request, router, {"subnet_id": subnet.id})
        book["router"].delete(txn, request, txn.get("Router", row.router))
    if row.network is not None:
        book["network"].delete(txn, request, txn.get("Network", row.network))
    txn.delete(TABLE, row.id)


def _is_on(reader: Reader, router: Row, subnet: Row) -> bool:
    addresses = reader.find("Address", "subnet", subnet.id)
    return any(port.id in router.interfaces for a in addresses for port in reader.find("Port", "addresses", a.id))


def _network(book: Book, txn: Txn, request: Request, project: str) -> str:
    """Make the network with its subnets. Raises NetworkingError."""
    network = _make(book, "network", txn, request, {"name": "auto_allocated_network", "project_id": project})
    pools = _pools(txn)
    try:
        for pool in pools:
            wanted: Values = {
                "name": f"auto_allocated_subnet_v{pool.ip_version}",
                "network_id": network,
                "project_id": project,
                "ip_version": pool.ip_version,
                "subnetpool_id": pool.id,
            }
            _make(book, "subnet", txn, request, wanted)
    except NetworkingError as e:
        if isinstance(e, BadRequest | NotFound) or e.type == "SubnetAllocationError":
            pools = []
        else:
            raise
    if not pools:
        raise _failure("Unable to provide project private network")
    return network


def _router(book: Book, txn: Txn, request: Request, project: str, external: str, subnets: list[Row]) -> str:
    """Make the router to the outside. Raises NetworkingError."""
    wanted = {
        "name": "auto_allocated_router",
        "project_id": project,
        "external_gateway_info": {"network_id": external},
    }
    try:
        router = _make(book, "router", txn, request, wanted)
        for subnet in subnets:
            router_interfaces.add(book["router"], txn, request, txn.get("Router", router), {"subnet_id": subnet.id})
    except BadRequest:
        raise _failure("Unable to provide external connectivity") from None
    return router


def _make(book: Book, name: str, txn: Txn, request: Request, values: Values) -> str:
    rules = book[name]
    return rules.create(txn, request.unconditional, rules.with_defaults(values))


def _external(reader: Reader) -> str:
    """The default external network. Raises Conflict."""
    found = next((row.id for row in reader.all("Network") if row.is_default and row.router_external), None)
    if found is None:
        raise _failure("No default router:external network")
    return str(found)


def _pools(reader: Reader) -> list[Row]:
    return [pool for version in (4, 6) if (pool := subnetpools.default_pool(reader, version)) is not None]


def _failure(reason: str) -> Conflict:
    """Neutron's AutoAllocationFailure."""
    return Conflict("AutoAllocationFailure", f"Deployment error: {reason}.")

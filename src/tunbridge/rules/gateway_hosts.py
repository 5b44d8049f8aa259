"""On which host a router meets its external network: chosen when it gets a gateway, and anew when that host is dead.

A candidate is alive, not disabled by an admin, and has a bridge to the external network. Of several the one that
reaches most of the router's own networks is taken, then the one whose hash with the router's id is highest: so routers
spread over hosts, whoever chooses chooses the same, and a new host takes over no router that has a living one.

The choice is in the database, in the same transaction as the gateway, and hosts do what stands there: so at most one
host is told to have a router's address at any time. A host that has lost its connection to the database goes on with
what it knew; it ends when it is reached again, or is fenced by the operator.
"""

from hashlib import blake2b

from tunbridge.rules import hosts
from tunbridge.rules.request import Reader, Request, Row, Txn


def choose(reader: Reader, request: Request, router: Row, external: Row) -> str | None:
    """The host for a router's gateway on an external network: the one that has it, as long as it can."""
    able = [row for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE) if _can(reader, request, row, external)]
    if any(row.host == router.gateway_host for row in able):
        return str(router.gateway_host)
    networks = [row for id in router.networks if (row := reader.get("Network", id)) is not None]
    best = max(able, key=lambda row: (_reached(row, networks), _score(router.id, row.host)), default=None)
    return None if best is None else str(best.host)


def living(reader: Reader, request: Request) -> set[str]:
    """The hosts whose agents are alive and not disabled."""
    return {row.host for row in reader.find("Host", "agent_type", hosts.AGENT_TYPE) if _serves(reader, request, row)}


def misplaced(reader: Reader, living: set[str], dead_too: bool) -> list[str]:
    """Ids of routers with a gateway but no host for it, and of those whose host is not among the living.

    Without `dead_too`, only hosts that an admin has disabled count.
    """
    found = []
    for row in reader.all("Router"):
        if not row.gateway_port or row.gateway_host in living:
            continue
        agent = None if row.gateway_host is None else hosts.agent(reader, row.gateway_host)
        if row.gateway_host is None or dead_too or (agent is not None and not hosts.is_enabled(reader, agent)):
            found.append(row.id)
    return found


def move(txn: Txn, request: Request, id: str) -> bool:
    """Choose a router's gateway host anew; gives whether it is another one.

    Where no host can have it, it stays where it was: that one may come back.
    """
    router = txn.get("Router", id)
    port = None if router is None or router.gateway_port is None else txn.get("Port", router.gateway_port)
    external = None if port is None else txn.get("Network", port.network_id)
    wanted = None if external is None else choose(txn, request, router, external)
    if wanted is None or router is None or wanted == router.gateway_host:
        return False
    txn.verify("Router", id, "gateway_port", "gateway_host")
    txn.update("Router", id, {"gateway_host": wanted})
    return True


def _serves(reader: Reader, request: Request, row: Row) -> bool:
    return hosts.is_enabled(reader, row) and hosts.is_alive(reader, row, request.settings, request.now)


def _can(reader: Reader, request: Request, row: Row, external: Row) -> bool:
    return hosts.reaches(row, external) and _serves(reader, request, row)


def _reached(row: Row, networks: list[Row]) -> int:
    return sum(hosts.reaches(row, network) for network in networks)


def _score(router_id: str, host: str) -> bytes:
    return blake2b(f"{router_id} {host}".encode(), digest_size=8).digest()

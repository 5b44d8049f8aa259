"""/v2.0/auto-allocated-topology/PROJECT and /v2.0/floatingip_pools."""

from tunbridge.api import body, http, policy, query
from tunbridge.api.controller import Answer, Controller, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.resource import Resource
from tunbridge.rules import auto_allocation
from tunbridge.rules.errors import BadRequest, Forbidden, no_such_resource
from tunbridge.rules.request import Request

_DRY_RUN = "dry-run"


class TopologyApi:
    """Answers for the networks that are made when they are asked for."""

    def __init__(self, resource: Resource, book: auto_allocation.Book, database: Database) -> None:
        self._resource = resource
        self._book = book
        self._database = database

    async def answer(self, exchange: Exchange, request: Request, parts: list[str]) -> Answer:
        """Answer a request. Raises NetworkingError."""
        if len(parts) != 1:
            raise no_such_resource()
        caller = request.caller
        project = caller.project_id or "" if parts[0] == "None" else parts[0]
        if exchange.method not in ("GET", "DELETE"):
            raise http.not_allowed()
        if not caller.is_admin and project != caller.project_id:
            raise Forbidden("NotAuthorized", "Not authorized.")
        if not policy.may(self._resource.get_by, caller, Target(project)):
            raise no_such_resource()
        if exchange.method == "GET":
            return await self._get(exchange, request, project)
        if not policy.may(self._resource.delete_by, caller, Target(project)):
            raise policy.forbidden("delete_auto_allocated_topology")
        await self._database.commit(lambda txn: auto_allocation.remove(self._book, txn, request, project))
        return Answer(204, b"")

    async def _get(self, exchange: Exchange, request: Request, project: str) -> Answer:
        """Give a project's network, made now if it is not there; a dry run only says whether it could be."""
        fields = query.fields_of(exchange.query)
        await self._database.current()
        if _DRY_RUN in fields:
            auto_allocation.check(self._database.store)
            return _topology({"id": "dry-run=pass", "project_id": project})
        if fields:
            raise BadRequest("BadRequest", "Bad auto_allocate request: Unrecognized field.")
        there = auto_allocation.network_of(self._database.store, project)
        if there is None:
            there = await self._database.commit(lambda txn: auto_allocation.make(self._book, txn, request, project))
        return _topology({"id": there, "project_id": project, "tenant_id": project})


def _topology(shown: dict[str, str]) -> Answer:
    return Answer(200, body.encode({"auto_allocated_topology": shown}))


class PoolsApi:
    """Answers which subnets floating IPs can be from: the IPv4 ones of the external networks that a caller may see."""

    def __init__(self, resource: Resource, networks: Controller, database: Database) -> None:
        self._resource = resource
        self._networks = networks
        self._database = database

    async def answer(self, exchange: Exchange, request: Request, parts: list[str]) -> Answer:
        """Answer a request. Raises NetworkingError."""
        if parts:
            raise no_such_resource()
        if exchange.method != "GET":
            raise http.not_allowed()
        caller = request.caller
        fields = query.parse(self._resource, exchange.query).fields
        await self._database.current()
        store = self._database.store
        seen = policy.may(self._resource.get_by, caller, Target(caller.project_id))
        found = [
            {
                "subnet_id": subnet.id,
                "subnet_name": subnet.name,
                "network_id": network.id,
                "cidr": subnet.cidr,
                "project_id": caller.project_id,
                "tenant_id": caller.project_id,
            }
            for network in (store.all("Network") if seen else ())
            if network.router_external and self._networks.is_visible(network, caller)
            for subnet in store.find("Subnet", "network_id", network.id)
            if subnet.ip_version == 4
        ]
        shown = [{name: value for name, value in one.items() if not fields or name in fields} for one in found]
        return Answer(200, body.encode({"floatingip_pools": shown}))

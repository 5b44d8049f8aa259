"""/v2.0/quotas, /quotas/PROJECT, /quotas/PROJECT/default, /quotas/PROJECT/details."""

from tunbridge.api import body, http, policy
from tunbridge.api.controller import Answer, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.resource import Resource
from tunbridge.model.resources.quota import LIMITED
from tunbridge.rules import quotas
from tunbridge.rules.errors import NotFound
from tunbridge.rules.request import Request


class QuotaApi:
    """Answers for quotas; the limits of resources that are offered."""

    def __init__(self, resource: Resource, database: Database, offered: frozenset[str]) -> None:
        self._resource = resource
        self._database = database
        self._names = tuple(name for name in LIMITED if name in offered)

    async def answer(self, exchange: Exchange, request: Request, parts: list[str]) -> Answer:
        """Answer a request. Raises NetworkingError."""
        if not parts:
            return await self._list(exchange, request)
        project = parts[0]
        if project in ("tenant", "project") and len(parts) == 1 and exchange.method == "GET":
            own = request.caller.project_id
            return Answer(200, body.encode({project: {f"{project}_id": own}}))
        if exchange.method == "GET":
            return await self._get(request, project, parts[1:])
        if len(parts) > 1:
            raise http.not_allowed()
        if exchange.method == "PUT":
            return await self._put(request, project, await exchange.content())
        if exchange.method == "DELETE":
            return await self._delete(request, project)
        raise http.not_allowed()

    async def _list(self, exchange: Exchange, request: Request) -> Answer:
        if exchange.method != "GET":
            raise http.not_allowed()
        if not request.caller.is_admin:
            raise policy.forbidden("get_quota")
        await self._database.current()
        store = self._database.store
        found = [
            {**quotas.shown(store, request, project, self._names), "project_id": project, "tenant_id": project}
            for project in quotas.projects(store)
        ]
        return Answer(200, body.encode({"quotas": found}))

    async def _get(self, request: Request, project: str, rest: list[str]) -> Answer:
        own = project == request.caller.project_id
        if not own and not policy.may(self._resource.get_by, request.caller, Target(project)):
            raise policy.forbidden("get_quota")
        await self._database.current()
        store = self._database.store
        if not rest:
            found = quotas.shown(store, request, project, self._names)
        elif rest == ["default"]:
            found = quotas.defaults(request, self._names)
        elif rest in (["details"], ["details.json"]):
            found = quotas.details(store, request, project, self._names)
        else:
            raise NotFound("HTTPNotFound", "The resource could not be found.")
        return Answer(200, body.encode({"quota": found}))

    async def _put(self, request: Request, project: str, content: bytes) -> Answer:
        self._may_change(request, project, "update_quota")
        values = body.updated(self._resource, request.caller, content)
        await self._database.commit(lambda txn: quotas.put(txn, request, project, values))
        found = quotas.shown(self._database.store, request, project, self._names)
        return Answer(200, body.encode({"quota": found}))

    async def _delete(self, request: Request, project: str) -> Answer:
        self._may_change(request, project, "delete_quota")
        await self._database.commit(lambda txn: quotas.forget(txn, request, project))
        return Answer(204, b"")

    def _may_change(self, request: Request, project: str, action: str) -> None:
        if not policy.may(self._resource.update_by, request.caller, Target(project)):
            raise policy.forbidden(action)

"""/v2.0/agents/AGENT/l3-routers[/ROUTER] and /v2.0/routers/ROUTER/l3-agents: where gateways of routers are."""

from typing import Any

import msgspec

from tunbridge.api import body, http, policy, query
from tunbridge.api.controller import Answer, Controller, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.policy_rules import Who
from tunbridge.rules import l3_agents
from tunbridge.rules.errors import http_bad_request
from tunbridge.rules.request import Request, Row, Txn


class L3AgentApi:
    """Answers which host has which router's gateway, for admins."""

    def __init__(self, agents: Controller, routers: Controller, database: Database) -> None:
        self._agents = agents
        self._routers = routers
        self._database = database

    async def of_router(self, exchange: Exchange, request: Request, router: str, parts: list[str]) -> Answer:
        """Answer for /routers/ROUTER/l3-agents. Raises NetworkingError."""
        if exchange.method != "GET" or parts:
            raise http.not_allowed()
        _must(request, "get_l3-agents")
        await self._database.current()
        store = self._database.store
        found = [
            {**self._shown(self._agents, agent, request), "ha_state": state}
            for agent, state in l3_agents.agents_of(store, self._routers.rules.get(store, router))
        ]
        return _answer("agents", found, exchange)

    async def of_agent(self, exchange: Exchange, request: Request, agent: str, parts: list[str]) -> Answer:
        """Answer for /agents/AGENT/l3-routers. Raises NetworkingError."""
        if exchange.method == "GET" and not parts:
            return await self._list(exchange, request, agent)
        if exchange.method == "POST" and not parts:
            return await self._add(request, agent, await exchange.content())
        if exchange.method == "DELETE" and len(parts) == 1:
            return await self._remove(request, agent, parts[0])
        raise http.not_allowed()

    async def _list(self, exchange: Exchange, request: Request, agent: str) -> Answer:
        _must(request, "get_l3-routers")
        await self._database.current()
        store = self._database.store
        rows = l3_agents.routers_of(store, self._agents.rules.get(store, agent))
        return _answer("routers", [self._shown(self._routers, row, request) for row in rows], exchange)

    async def _add(self, request: Request, agent: str, content: bytes) -> Answer:
        _must(request, "create_l3-router")
        found = body.parse(content)
        if "router_id" not in found:
            raise http_bad_request("Failed to parse request. Required attribute 'router_id' not specified")
        router = found["router_id"]
        await self._database.commit(lambda txn: self._do(txn, request, l3_agents.add, agent, str(router)))
        return Answer(201, b"null")

    async def _remove(self, request: Request, agent: str, router: str) -> Answer:
        _must(request, "delete_l3-router")
        await self._database.commit(lambda txn: self._do(txn, request, l3_agents.remove, agent, router))
        return Answer(204, b"")

    def _do(self, txn: Txn, request: Request, action: Any, agent: str, router: str) -> None:
        row = self._routers.rules.get(txn, router)
        action(txn, request, self._agents.rules.get(txn, agent), row)

    @staticmethod
    def _shown(controller: Controller, row: Row, request: Request) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(controller.shown(row, request.caller))
        return found


def _answer(name: str, found: list[dict[str, Any]], exchange: Exchange) -> Answer:
    """Give what was asked for of things with `fields`: all where nothing was."""
    fields = query.fields_of(exchange.query)
    shown = [{key: value for key, value in one.items() if not fields or key in fields} for one in found]
    return Answer(200, body.encode({name: shown}))


def _must(request: Request, action: str) -> None:
    if not policy.may(Who.ADMIN, request.caller, Target(None)):
        raise policy.forbidden(action)

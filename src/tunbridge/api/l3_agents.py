"""/v2.0/agents/AGENT/l3-routers[/ROUTER] and /v2.0/routers/ROUTER/l3-agents: where gateways of routers are."""

from typing import Any

import msgspec

from tunbridge.api import body, http, policy
from tunbridge.api.controller import Answer, Controller, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.policy_rules import Who
from tunbridge.model.validators import plain
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
        found = [
            {**self._shown(self._agents, agent, request), "ha_state": state}
            for agent, state in l3_agents.agents_of(self._database.store, router)
        ]
        return Answer(200, body.encode({"agents": found}))

    async def of_agent(self, exchange: Exchange, request: Request, agent: str, parts: list[str]) -> Answer:
        """Answer for /agents/AGENT/l3-routers. Raises NetworkingError."""
        if exchange.method == "GET" and not parts:
            return await self._list(request, agent)
        if exchange.method == "POST" and not parts:
            return await self._add(request, agent, await exchange.content())
        if exchange.method == "DELETE" and len(parts) == 1:
            return await self._remove(request, agent, parts[0])
        raise http.not_allowed()

    async def _list(self, request: Request, agent: str) -> Answer:
        _must(request, "get_l3-routers")
        await self._database.current()
        store = self._database.store
        rows = l3_agents.routers_of(store, self._agents.rules.get(store, agent))
        return Answer(200, body.encode({"routers": [self._shown(self._routers, row, request) for row in rows]}))

    async def _add(self, request: Request, agent: str, content: bytes) -> Answer:
        _must(request, "create_l3-router")
        router = body.parse(content).get("router_id")
        reason = plain.uuid.refuse(router)
        if reason is not None:
            raise http_bad_request(f"Invalid input for router_id. Reason: {reason}.")
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


def _must(request: Request, action: str) -> None:
    if not policy.may(Who.ADMIN, request.caller, Target(None)):
        raise policy.forbidden(action)

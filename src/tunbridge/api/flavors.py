"""What stands below a flavor, /v2.0/flavors/FLAVOR/service_profiles and next_providers, and /v2.0/service-providers."""

from typing import Any

from tunbridge.api import body, http, policy, query
from tunbridge.api.controller import Answer, Controller, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Resource
from tunbridge.model.resources.flavor import PROVIDER, SERVICE_TYPE
from tunbridge.model.validators import plain
from tunbridge.rules import flavors
from tunbridge.rules.errors import http_bad_request, no_such_resource
from tunbridge.rules.request import Request


class FlavorApi:
    """Answers which profiles a flavor has, and who carries it out."""

    def __init__(self, controller: Controller, database: Database) -> None:
        self._flavors = controller
        self._rules: Any = controller.rules
        self._database = database

    async def profiles(self, exchange: Exchange, request: Request, flavor: str, parts: list[str]) -> Answer:
        """Answer for /flavors/FLAVOR/service_profiles[/PROFILE]. Raises NetworkingError."""
        if exchange.method == "POST" and not parts:
            _must(request, "create_flavor_service_profile")
            profile = _profile(body.parse(await exchange.content()))
            await self._database.commit(lambda txn: self._rules.add_profile(txn, self._rules.get(txn, flavor), profile))
            return Answer(201, body.encode({"service_profile": {"id": flavor}}))  # as Neutron has it
        if exchange.method == "DELETE" and len(parts) == 1:
            _must(request, "delete_flavor_service_profile")
            await self._database.commit(
                lambda txn: self._rules.remove_profile(txn, self._rules.get(txn, flavor), parts[0])
            )
            return Answer(204, b"")
        raise http.not_allowed()

    async def next_providers(self, exchange: Exchange, request: Request, flavor: str, parts: list[str]) -> Answer:
        """Answer for /flavors/FLAVOR/next_providers. Raises NetworkingError."""
        if exchange.method != "GET" or parts:
            raise http.not_allowed()
        await self._database.current()
        store = self._database.store
        found = flavors.provider(store, self._flavors.visible(store, request.caller, flavor))
        return Answer(200, body.encode({"next_providers": [found]}))


class ProvidersApi:
    """Answers who carries out services: this server's hosts."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    async def answer(self, exchange: Exchange, request: Request, parts: list[str]) -> Answer:
        """Answer for /service-providers. Raises NetworkingError."""
        if parts:
            raise no_such_resource()
        if exchange.method != "GET":
            raise http.not_allowed()
        asked = query.parse(self._resource, exchange.query)
        only = {"service_type": SERVICE_TYPE, "name": PROVIDER, "default": True}
        seen = policy.may(self._resource.get_by, request.caller, Target(None))
        matches = all(only[name] in wanted for name, wanted in asked.filters.items())
        shown = {name: value for name, value in only.items() if not asked.fields or name in asked.fields}
        return Answer(200, body.encode({"service_providers": [shown] if seen and matches else []}))


def _profile(given: dict[str, Any]) -> str:
    """Give the profile's id in a body. Raises BadRequest."""
    inside = given.get("service_profile")
    if not isinstance(inside, dict) or "id" not in inside:
        raise http_bad_request("Failed to parse request. Required attribute 'id' not specified")
    id = inside["id"]
    reason = plain.uuid.refuse(id)
    if reason is not None:
        raise http_bad_request(f"Invalid input for id. Reason: {reason}.")
    return str(id)


def _must(request: Request, action: str) -> None:
    if not policy.may(Who.ADMIN, request.caller, Target(None)):
        raise policy.forbidden(action)

"""The ASGI application under /v2.0: finds the controller of a path, and turns what it says into an answer."""

import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from tunbridge.api import http
from tunbridge.api.below import Below
from tunbridge.api.body import encode
from tunbridge.api.controller import Answer, Controller
from tunbridge.api.http import Exchange
from tunbridge.api.offer import Offer, path_names, why_not
from tunbridge.api.tags import answer_tags
from tunbridge.model.resource import Extension
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, NetworkingError, NotFound, http_bad_request, no_such_resource
from tunbridge.rules.request import Request
from tunbridge.rules.settings import NetworkingSettings

_REVISION = re.compile("[+-]?[0-9]{1,18}")
CORE = ("network", "subnet", "subnetpool", "port")
"""Resources that GET /v2.0/ lists."""
TAGGED = ("network_segment_ranges", "policies")
"""Collections of which Neutron has the tags at /COLLECTION/ID/tags, which is not below their own path."""
Special = Callable[[Exchange, Request, list[str]], Awaitable[Answer]]
"""Answers for paths that are no resource's: gets the path's parts after the first."""
Beside = Callable[[Exchange, Request, str, list[str]], Awaitable[Answer]]
"""Answers for paths below a thing that no resource stands for: gets the thing's id, and the parts after the name."""


class NetworkingApi:
    """Answers everything under /v2.0/."""

    def __init__(
        self,
        offer: Offer,
        controllers: Mapping[str, Controller],
        specials: Mapping[str, Special],
        beside: Mapping[tuple[str, str], Beside],
        settings: NetworkingSettings,
    ) -> None:
        self.offer = offer
        self._settings = settings
        self._beside = beside
        """By the name of the resource above and the part of the path."""
        self._random = random.SystemRandom()
        self._specials = {"extensions": self._extensions, **specials}
        self._paths: dict[str, Controller] = {}
        self._below: dict[tuple[str, str], Controller] = {}
        """By the name of the resource above and the part of the path."""
        self._tagged = {c.resource.collection: c for c in controllers.values() if c.resource.collection in TAGGED}
        for controller in controllers.values():
            above = controller.resource.parent
            for name in path_names(controller.resource):
                if above is None:
                    self._paths[name] = controller
                else:
                    self._below[above, name] = controller

    def collection(self, path: str) -> str:
        """Give the name of a path's collection for figures: never what a client made up."""
        parts = path.strip("/").removesuffix(".json").split("/")
        controller, _ = self._found(parts)
        if controller is not None:
            return controller.resource.collection
        return parts[0] if parts[0] in self._specials else "other"

    def _found(self, parts: list[str]) -> tuple[Controller | None, int]:
        """Give the controller of a path, and how many of the path's parts name it."""
        for count in (1, 2):
            controller = self._paths.get("/".join(parts[:count]))
            if controller is not None and len(parts) >= count:
                return controller, count
        if len(parts) > 2 and parts[2] == "tags":
            return self._tagged.get(parts[0]), 1
        return None, 0

    async def answer(self, exchange: Exchange, caller: Caller) -> Answer:
        """Answer a request by its path below /v2.0. Raises NetworkingError."""
        parts = [unquote(part) for part in exchange.path.removesuffix(".json").split("/") if part]
        if any("\0" in part for part in parts):
            raise http_bad_request("A path with the character NUL (%00) names nothing")
        request = self._request(exchange, caller)
        if not parts:
            return self._index(exchange)
        special = self._specials.get(parts[0])
        if special is not None:
            return await special(exchange, request, parts[1:])
        controller, count = self._found(parts)
        if controller is None:
            raise self._absent(parts)
        return await self._resource(exchange, request, controller, parts[count:])

    def _request(self, exchange: Exchange, caller: Caller) -> Request:
        now = datetime.fromtimestamp(time.time(), UTC)
        return Request(caller, self._settings, now, self._random, if_match(exchange.headers))

    async def _resource(self, exchange: Exchange, request: Request, controller: Controller, parts: list[str]) -> Answer:
        method = exchange.method
        if not parts:
            if method == "GET" and controller.resource.has_list:
                return await controller.list(request, exchange.query, exchange.url)
            if method == "POST" and controller.resource.has_post:
                return await controller.create(request, await exchange.content())
            raise http.not_allowed()
        id = parts[0]
        if len(parts) == 1:
            if method == "GET":
                return await controller.show(request.caller, id, exchange.query)
            if method == "PUT" and controller.resource.has_put:
                return await controller.update(request, id, await exchange.content())
            if method == "DELETE" and controller.resource.has_delete:
                return await controller.delete(request, id, await exchange.content())
            raise http.not_allowed()
        if parts[1] == "tags" and controller.resource.tags and len(parts) <= 3:
            return await answer_tags(exchange, request, controller, id, parts[2:])
        beside = self._beside.get((controller.resource.name, parts[1]))
        if beside is not None:
            return await beside(exchange, request, id, parts[2:])
        below = self._below.get((controller.resource.name, parts[1]))
        if below is not None and len(parts) <= 3:
            return await self._resource(exchange, request, Below(below, controller, id), parts[2:])
        if len(parts) == 2 and parts[1] in controller.rules.actions:
            if controller.rules.actions[parts[1]].extension in self.offer.waiting:
                raise no_such_resource()
            if method != controller.rules.actions[parts[1]].method:
                raise http.not_allowed()
            if method == "GET":
                return await controller.tell(request, id, parts[1])
            return await controller.act(request, id, parts[1], await exchange.content())
        raise no_such_resource()

    # What the API says of itself

    def _index(self, exchange: Exchange) -> Answer:
        if exchange.method != "GET":
            raise http.not_allowed()
        url = exchange.url.rstrip("/")
        found = [self.offer.resources[name] for name in CORE if name in self.offer.resources]
        listed = [
            {
                "name": resource.name,
                "collection": resource.collection,
                "links": [{"rel": "self", "href": f"{url}/{resource.collection}"}],
            }
            for resource in found
        ]
        return Answer(200, encode({"resources": listed}))

    async def _extensions(self, exchange: Exchange, _request: Request, parts: list[str]) -> Answer:
        if exchange.method != "GET":
            raise http.not_allowed()
        if not parts:
            return Answer(200, encode({"extensions": [_described(e) for e in self.offer.extensions]}))
        for extension in self.offer.extensions:
            if parts == [extension.alias]:
                return Answer(200, encode({"extension": _described(extension)}))
        why = f": {why_not(parts[0])}" if parts[0] in self.offer.waiting else ""
        raise NotFound("HTTPNotFound", f"Extension with alias {parts[0]} does not exist{why}")

    def _absent(self, parts: list[str]) -> NetworkingError:
        """Give the error for a path that leads nowhere: now, or ever."""
        alias = self.offer.withheld.get(parts[0]) or self.offer.withheld.get("/".join(parts[:2]))
        if alias is None:
            return no_such_resource()
        return NotFound("HTTPNotFound", f"The resource could not be found: {why_not(alias)}")


def _described(extension: Extension) -> dict[str, Any]:
    return {
        "name": extension.name,
        "alias": extension.alias,
        "description": extension.description,
        "updated": extension.updated,
        "links": [],
    }


def if_match(headers: Mapping[str, str]) -> int | None:
    """Give the revision that a request is for. Raises BadRequest."""
    found: int | None = None
    for tag in headers.get("if-match", "").split(","):
        name, _, value = tag.strip().strip('"').partition("=")
        if name != "revision_number":
            continue
        if found is not None:
            raise BadRequest("BadRequest", "Bad if-match request: Multiple revision_number etags are not supported.")
        if not _REVISION.fullmatch(value):
            message = "Bad if-match request: Revision number etag must be in the format of revision_number=<int>."
            raise BadRequest("BadRequest", message)
        found = int(value)
    return found


def error_content(error: NetworkingError) -> bytes:
    """Give the body of an error."""
    body = {"type": error.type, "message": error.message, "detail": error.detail}
    return msgspec.json.encode({"NeutronError": body})

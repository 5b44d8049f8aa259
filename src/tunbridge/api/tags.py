"""Tags: /COLLECTION/ID/tags and /COLLECTION/ID/tags/TAG."""

from typing import Any

from tunbridge.api import body, http
from tunbridge.api.controller import Answer, Controller
from tunbridge.api.http import Exchange
from tunbridge.model.validators.containers import duplicates
from tunbridge.rules.base import check_tag_count
from tunbridge.rules.errors import BadRequest, NotFound, invalid
from tunbridge.rules.request import Request

MAX_LENGTH = 255


async def answer_tags(
    exchange: Exchange, request: Request, controller: Controller, id: str, parts: list[str]
) -> Answer:
    """Answer a request for the tags of one thing. Raises NetworkingError."""
    if parts:
        return await _one(exchange, request, controller, id, _checked(parts[0]))
    if exchange.method == "GET":
        return await controller.tags(request.caller, id)
    if exchange.method == "PUT":
        wanted = _several(controller, await exchange.content())
        row = await controller.set_tags(request, id, "update", lambda _: wanted)
        return Answer(200, body.encode({"tags": list(row.tags)}))
    if exchange.method == "POST":
        more = _several(controller, await exchange.content())
        await controller.set_tags(request, id, "create", lambda old: _limited(controller, (*old, *more)))
        return Answer(200, body.encode({"tags": sorted(more)}))
    if exchange.method == "DELETE":
        await controller.set_tags(request, id, "delete", lambda _: ())
        return Answer(204, b"")
    raise http.not_allowed()


async def _one(exchange: Exchange, request: Request, controller: Controller, id: str, tag: str) -> Answer:
    if exchange.method == "GET":
        return await controller.tag(request.caller, id, tag)
    if exchange.method == "PUT":
        await controller.set_tags(request, id, "update", lambda old: _limited(controller, (*old, tag)))
        return Answer(201, b"")
    if exchange.method == "DELETE":
        await controller.set_tags(request, id, "delete", lambda old: _without(old, tag))
        return Answer(204, b"")
    raise http.not_allowed()


def _without(tags: tuple[str, ...], tag: str) -> tuple[str, ...]:
    if tag not in tags:
        raise NotFound("TagNotFound", f"Tag {tag} could not be found.")
    return tuple(one for one in tags if one != tag)


def _limited(controller: Controller, tags: tuple[str, ...]) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tags))
    check_tag_count(controller.resource, tags)
    return tags


def _several(controller: Controller, content: bytes) -> tuple[str, ...]:
    given = {} if content.strip() in (b"", b"{}") else body.parse(content)
    if "tags" not in given:
        raise invalid("Invalid tags body")
    tags = given["tags"]
    if not isinstance(tags, list):
        raise invalid(f"'{tags}' is not a list")
    body.refuse_many("tags", tags)
    twice = duplicates(tags)
    if twice:
        raise invalid(f"Duplicate items in the list: '{', '.join(map(str, twice))}'")
    return _limited(controller, tuple(_checked(tag) for tag in tags))


def _checked(tag: Any) -> str:
    if not isinstance(tag, str):
        raise invalid(f"'{tag}' is not a valid string")
    if not tag.strip() or len(tag) > MAX_LENGTH:
        message = f"Invalid input for operation: '{tag}' is not a tag: text of 1 to {MAX_LENGTH} characters."
        raise BadRequest("InvalidInput", message)
    return tag

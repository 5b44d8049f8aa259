"""Answers in Keystone's form: JSON, links that follow the request, errors."""

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from tunbridge.api.addresses import is_host
from tunbridge.api.auth.base import RefusedError

PATH = "/identity"
_HEADERS = {"Vary": "X-Auth-Token"}


def json(value: Any, status: int = 200, **headers: str) -> Response:
    """Answer with JSON; in names of headers _ stands for -."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(msgspec.json.encode(value), status, _HEADERS | named, media_type="application/json")


def nothing() -> Response:
    """Answer 204."""
    return Response(None, 204, _HEADERS)


def server_url(scheme: str, host: str | None, fallback: str) -> str:
    """Give the server's URL as the request named it, or `fallback` where it named none that can be one."""
    if host is None or not is_host(host):
        return fallback
    return f"{scheme}://{host}"


def refuse_bad_request(what: str) -> RefusedError:
    """Give a 400."""
    return RefusedError(
        400,
        f"{what} The server could not comply with the request since it is either malformed or otherwise incorrect."
        " The client is assumed to be in error.",
    )


def refuse_missing(kind: str, id: str) -> RefusedError:
    """Give a 404."""
    return RefusedError(404, f"Could not find {kind}: {quote(id[:64], safe=' @+,')}.")


def refuse_token() -> RefusedError:
    """Give the 404 for a token in question that is not valid (where the asker's own is not, it is a 401)."""
    return RefusedError(404, "Failed to validate token")


def refuse_action(action: str) -> RefusedError:
    """Give a 403."""
    return RefusedError(403, f"You are not authorized to perform the requested action: {action}.")


def collection(name: str, url: str, items: list[dict[str, Any]], place: str | None = None) -> Response:
    """Answer with a list, each with a link to itself; `place` is the list's path where it is not its name."""
    here = f"{url}/v3/{place or name}"
    for item in items:
        item["links"] = {"self": f"{here}/{item['id']}"}
    links = {"next": None, "self": here, "previous": None}
    return json({name: items, "links": links})


def one(name: str, plural: str, url: str, item: dict[str, Any], status: int = 200) -> Response:
    """Answer with one thing."""
    item["links"] = {"self": f"{url}/v3/{plural}/{item['id']}"}
    return json({name: item}, status)

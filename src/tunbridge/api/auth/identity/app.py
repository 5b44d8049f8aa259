"""The identity service as one application, to be mounted at /identity: versions, pages, errors."""

import re
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from tunbridge.api.auth.base import RefusedError
from tunbridge.api.auth.files import PrivateFileError
from tunbridge.api.auth.identity.answers import PATH, json
from tunbridge.api.auth.identity.credential_pages import CredentialPages
from tunbridge.api.auth.identity.reading_pages import ReadingPages
from tunbridge.api.auth.identity.service import Service
from tunbridge.api.auth.identity.token_pages import TokenPages

_MEDIA_TYPE = "application/vnd.openstack.identity-v3+json"


class _VersionPages:
    """What there is, for clients that start with `auth_url` alone."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route("/", self.versions, methods=["GET"]),
            Route("/v3", self.version, methods=["GET"]),
            Route("/v3/", self.version, methods=["GET"]),
        ]

    def _version(self, request: Request) -> dict[str, Any]:
        return {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{self._service.url(request)}/v3/"}],
            "media-types": [{"base": "application/json", "type": _MEDIA_TYPE}],
        }

    async def versions(self, request: Request) -> Response:
        """List the one version."""
        return json(
            {"versions": {"values": [self._version(request)]}}, 300, Location=f"{self._service.url(request)}/v3/"
        )

    async def version(self, request: Request) -> Response:
        """Show it."""
        return json({"version": self._version(request)})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response()


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "The resource could not be found.", 405: "The method is not allowed for this resource."}
    return RefusedError(error.status_code, messages.get(error.status_code, error.detail), error.headers).response()


def routes(service: Service) -> list[BaseRoute]:
    """Give what to mount: everything under /identity, and /identity itself."""

    async def not_stored(_request: Request, error: Exception) -> Response:
        service.log.error("a change could not be stored", reason=str(error))
        return RefusedError(503, "The change could not be stored; the server's log tells why.").response()

    versions = _VersionPages(service)
    pages = [
        *versions.routes(),
        *TokenPages(service).routes(),
        *ReadingPages(service).routes(),
        *CredentialPages(service).routes(),
    ]
    app = Starlette(
        routes=pages,
        exception_handlers={RefusedError: _refused, HTTPException: _http_error, PrivateFileError: not_stored},
    )
    app.router.redirect_slashes = False
    below = Mount(PATH, app=app)
    below.path_regex = re.compile(below.path_regex.pattern, re.DOTALL)  # else a line feed in a path leads elsewhere
    return [Route(PATH, versions.versions, methods=["GET"]), below]

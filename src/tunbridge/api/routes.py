"""What the server serves besides the Networking API: versions, health, metrics, OpenAPI, identity where it is ours."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tunbridge.api import metrics
from tunbridge.rules.errors import NetworkingError

Ready = Callable[[], str | None]
"""Tells what the server waits for; None when it is ready."""


def pages(
    ready: Ready, routes: list[BaseRoute], openapi: Callable[[], bytes], browse: Callable[[], bytes]
) -> Starlette:
    """Give the application for everything but /v2.0."""

    async def versions(request: Request) -> Response:
        link = {"rel": "self", "href": f"{_base(request)}/v2.0/"}
        return JSONResponse({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        waiting = ready()
        if waiting is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "waiting", "for": waiting}, 503)

    async def figures(_: Request) -> Response:
        metrics.READY.set(ready() is None)
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    async def described(_: Request) -> Response:
        return Response(openapi(), media_type="application/json")

    async def browsed(_: Request) -> Response:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return Response(browse(), media_type="text/html", headers={"Content-Security-Policy": policy})

    own = [
        Route("/", versions),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", figures),
        Route("/openapi.json", described),
        Route("/docs", browsed),
    ]
    return Starlette(routes=[*own, *routes], exception_handlers={HTTPException: _http_error, NetworkingError: _refused})


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host') or 'localhost'}"


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    name, message = {
        404: ("HTTPNotFound", "The resource could not be found."),
        405: ("HTTPMethodNotAllowed", "The method is not allowed for this resource."),
    }.get(status, ("HTTPError", str(error)))
    return JSONResponse({"NeutronError": {"type": name, "message": message, "detail": ""}}, status)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, NetworkingError)
    body = {"type": error.type, "message": error.message, "detail": error.detail}
    return JSONResponse({"NeutronError": body}, error.status)

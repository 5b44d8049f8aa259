"""A server on loopback that authenticates for real, with one page that tells who it took the caller for."""

import contextlib
import io
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tunbridge.api.auth.base import RefusedError
from tunbridge.api.auth.bootstrap import ADMIN, admin_password
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.factory import make
from tunbridge.log import Log, Logfmt

JsonObject = dict[str, Any]


class Running:
    """A server that runs: where, with which users, and what it has logged."""

    def __init__(self, config: AuthConfig, url: str, log: io.StringIO) -> None:
        self.config = config
        self.url = url
        self.log = log
        self.http = httpx.Client(base_url=url, timeout=30)

    @property
    def directory(self) -> Path:
        return self.config.path

    @property
    def password(self) -> str:
        """The first user's."""
        password = admin_password(self.directory)
        assert password is not None
        return password

    def login(self, name: str = ADMIN, password: str | None = None, **scope: Any) -> httpx.Response:
        """Ask for a token with a password."""
        user = {"name": name, "domain": {"id": "default"}, "password": password or self.password}
        auth: JsonObject = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if scope:
            auth["scope"] = scope
        return self.post_auth(auth)

    def post_auth(self, auth: JsonObject) -> httpx.Response:
        return self.http.post("/identity/v3/auth/tokens", json={"auth": auth})

    def token(self, name: str = ADMIN, password: str | None = None, **scope: Any) -> str:
        """Give a token."""
        reply = self.login(name, password, **scope)
        assert reply.status_code == 201, reply.text
        token: str = reply.headers["X-Subject-Token"]
        return token

    def get(self, path: str, token: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers={"X-Auth-Token": token, **headers})

    def who(self, **headers: str) -> httpx.Response:
        """Ask the page that tells who calls."""
        return self.http.get("/v2.0/networks", headers={k.replace("_", "-"): v for k, v in headers.items()})


@contextlib.contextmanager
def running(config: AuthConfig, uds: Path | None = None) -> Iterator[Running]:
    """Run a server until the end of the block."""
    text = io.StringIO()
    told = logging.Logger("server", logging.DEBUG)
    written = logging.StreamHandler(text)
    written.setFormatter(Logfmt())
    told.addHandler(written)
    socket = uvicorn.Config("", port=0).bind_socket() if uds is None else None
    url = f"http://127.0.0.1:{socket.getsockname()[1]}" if socket else "http://tunbridge"
    authenticator = make(config, url, Log(told))

    async def whoami(request: Request) -> Response:
        try:
            caller = await authenticator.authenticate(request.headers, request.client.host if request.client else "")
        except RefusedError as e:
            return e.response()
        return JSONResponse({"networks": [], "caller": msgspec.to_builtins(caller)})

    async def versions(_: Request) -> Response:
        links = [{"rel": "self", "href": f"{url}/v2.0/"}]
        return JSONResponse({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await authenticator.start()
        yield
        await authenticator.close()

    own = [Route("/", versions), Route("/v2.0/networks", whoami)]
    app = Starlette(routes=[*own, *authenticator.routes()], lifespan=life)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=True, log_level="trace", uds=str(uds) if uds else None)
    )
    handler = logging.StreamHandler(text)
    for name in ("uvicorn", "uvicorn.access"):
        logging.getLogger(name).addHandler(handler)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket] if socket else None})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), text.getvalue()
            thread.join(0.01)
        ran = Running(config, url, text)
        with ran.http:
            yield ran
    finally:
        server.should_exit = True
        thread.join()
        for name in ("uvicorn", "uvicorn.access"):
            logging.getLogger(name).removeHandler(handler)

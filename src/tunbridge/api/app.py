"""The whole server as one ASGI application: who calls, what they get, and a line in the log for each request."""

import time
import uuid
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette

from tunbridge.api import events, metrics
from tunbridge.api.addresses import Proxies, is_host
from tunbridge.api.auth.base import Authenticator, RefusedError
from tunbridge.api.body import encode
from tunbridge.api.controller import Answer
from tunbridge.api.events import Events
from tunbridge.api.http import Exchange, Gone, Receive, Scope, Send
from tunbridge.api.networking import NetworkingApi, error_content
from tunbridge.database.errors import DatabaseError, DatabaseUnavailable, MinimumConflict
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Conflict, NetworkingError, Unavailable, http_bad_request

PREFIX = "/v2.0"
_WATCHED = ("/healthz", "/readyz", "/metrics")
"""Asked for all the time by who watches the server: a line is written only when they do not succeed."""
RETRY_AFTER = "1"
"""Seconds that a client is asked to wait when the database is away."""


class Application:
    """Sends what is under /v2.0 to the Networking API, and the rest to the pages of `others`.

    `access` gets a line for each request (None: none are written), `log` what goes wrong. What `proxies` say of their
    clients takes the place of what the connection tells.
    """

    def __init__(
        self,
        api: NetworkingApi,
        events: Events,
        authenticator: Authenticator,
        others: Starlette,
        access: Any,
        log: Any,
        proxies: Proxies,
    ) -> None:
        self._api = api
        self.events = events
        self._authenticator = authenticator
        self._others = others
        self._access = access
        self._log = log
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._others(scope, receive, send)
            return
        self._look_behind_proxies(scope)
        call = _Call(scope, send)
        try:
            path = scope["raw_path"].decode("latin-1")
            if not _names_host(scope):
                await call.answer(400, error_content(http_bad_request("The Host header names no host")), ())
            elif path == PREFIX + events.PATH and scope["method"] == "GET":
                await self._follow(call, scope, receive)
            elif path == PREFIX or path.startswith(PREFIX + "/"):
                await self._networking(call, scope, receive)
            else:
                await self._others(scope, receive, call.send)
        except Gone:
            call.status = 499
        except Exception:
            self._log.exception("request failed", request_id=call.id, method=call.method, path=call.shown_path)
            if not call.status:
                await call.answer(500, _failure(), ())
        finally:
            self._account(call)

    def _look_behind_proxies(self, scope: Scope) -> None:
        """Put the client and the scheme that a trusted proxy tells in the place of its own."""
        client = scope.get("client")
        peer = client[0] if client else None
        if not self._proxies.trusts(peer):
            return
        headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
        found = self._proxies.client(peer, [value for name, value in headers if name == b"x-forwarded-for"])
        scope["client"] = None if found is None else (found, 0)
        for name, value in headers:
            if name == b"x-forwarded-proto" and value in ("http", "https"):
                scope["scheme"] = value

    async def _follow(self, call: "_Call", scope: Scope, receive: Receive) -> None:
        """Send a stream of events."""
        exchange = Exchange(scope, receive, PREFIX)
        call.collection = "events"
        client = (scope.get("client") or ("",))[0]

        async def caller() -> Caller:
            return await self._authenticator.authenticate(exchange.headers, client)

        try:
            call.caller = await caller()
            names = self.events.wanted(exchange.query)
            await self.events.serve(call.caller, names, caller, receive, call.send)
        except RefusedError as e:
            await call.refuse(e)
        except NetworkingError as e:
            answer = _refused(e)
            await call.answer(answer.status, answer.content, answer.headers)

    async def _networking(self, call: "_Call", scope: Scope, receive: Receive) -> None:
        exchange = Exchange(scope, receive, PREFIX)
        call.collection = self._api.collection(exchange.path)
        try:
            client = scope.get("client") or ("",)
            caller = await self._authenticator.authenticate(exchange.headers, client[0])
            call.caller = caller
            answer = await self._api.answer(exchange, caller)
        except RefusedError as e:
            await call.refuse(e)
            return
        except NetworkingError as e:
            answer = _refused(e)
        except DatabaseError as e:
            if not isinstance(e, DatabaseUnavailable):
                self._log.warning("the database refused", request_id=call.id, reason=str(e))
            answer = _refused(from_database(e))
        await call.answer(answer.status, answer.content, answer.headers)

    def _account(self, call: "_Call") -> None:
        seconds = time.perf_counter() - call.began
        metrics.REQUESTS.labels(call.method_label, call.collection, str(call.status)).inc()
        metrics.SECONDS.labels(call.method_label, call.collection).observe(seconds)
        if self._access is not None and not (call.path in _WATCHED and call.status < 400):
            caller: Caller | None = call.caller
            self._access.info(
                "request",
                method=call.method,
                path=call.shown_path,
                status=call.status,
                ms=round(seconds * 1000, 2),
                bytes=call.size,
                client=call.client,
                user=None if caller is None else caller.user_id,
                project=None if caller is None else caller.project_id,
                request_id=call.id,
            )


def _names_host(scope: Scope) -> bool:
    """Whether the request has no Host header, or one that names a host: links in answers are made of it."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host" and value]
    return len(hosts) < 2 and all(map(is_host, hosts))


def _refused(error: NetworkingError) -> Answer:
    headers = (("Retry-After", RETRY_AFTER),) if isinstance(error, Unavailable) else ()
    return Answer(error.status, error_content(error), headers)


def from_database(error: DatabaseError) -> NetworkingError:
    """Give what a client is told when the database did not take a transaction, however often it was built."""
    if isinstance(error, MinimumConflict) and error.table == "Quota_Usage":
        return Conflict("OverQuota", "Quota exceeded for resources.")
    if isinstance(error, DatabaseUnavailable):
        return Unavailable("ServiceUnavailable", "The database cannot be reached now. Try again later.")
    return Unavailable("ServiceUnavailable", "The request could not be carried out now. Try again later.")


def _failure() -> bytes:
    message = "Request Failed: internal server error while processing your request."
    return encode({"NeutronError": {"type": "HTTPInternalServerError", "message": message, "detail": ""}})


class _Call:
    """One request under way: what the log and the figures need of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = f"req-{uuid.uuid4()}"
        self.began = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.shown_path = quote(self.path)
        """For the log: nothing in it that a terminal would obey."""
        self.client: str = (scope.get("client") or ("-",))[0]
        self.collection = "-"
        self.caller: Caller | None = None
        self.status = 0
        self.size = 0
        self._send = send

    @property
    def method_label(self) -> str:
        """Give the method for figures: never what a client made up."""
        return self.method if self.method in ("GET", "POST", "PUT", "DELETE", "HEAD") else "other"

    async def send(self, message: Any) -> None:
        """Pass a message on, with the request's id in the headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-openstack-request-id", self.id.encode())]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, error: RefusedError) -> None:
        """Answer whom the authenticator does not let in."""
        response = error.response()
        headers = tuple((k, v) for k, v in response.headers.items() if k not in ("content-type", "content-length"))
        await self.answer(response.status_code, bytes(response.body), headers)

    async def answer(self, status: int, content: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        """Send a whole answer."""
        sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if status != 204:
            sent += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": sent})
        await self.send({"type": "http.response.body", "body": content})

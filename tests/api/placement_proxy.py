"""What stands between a server and its Placement, so that a test decides what becomes of changes of allocations."""

import contextlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

import httpx

from tests.api.local_http import serving
from tests.api.placement_service import Placement

_PASSED = ("X-Auth-Token", "OpenStack-API-Version", "Content-Type", "Accept")


class Question(NamedTuple):
    """A request of the server."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    def ask(self, there: Placement) -> httpx.Response:
        """Pass it on."""
        return httpx.request(self.method, there.url + self.path, headers=self.headers, content=self.content, timeout=60)


class Proxy:
    """Passes on what it is asked; changes of allocations as the test says."""

    def __init__(self, there: Placement) -> None:
        self.there = there
        self.type, self.token, self.logins = there.type, there.token, 0
        self.url = ""
        self.change: Callable[[Question], httpx.Response | None] = self.ask
        """What becomes of a change; None: no answer."""

    def ask(self, question: Question) -> httpx.Response:
        return question.ask(self.there)


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def pass_on(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name in _PASSED if (value := self.headers[name]) is not None}
        question = Question(self.command, self.path, headers, content)
        is_change = self.command == "PUT" and self.path.startswith("/allocations/")
        reply = (self.proxy.change if is_change else self.proxy.ask)(question)
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status_code)
        self.send_header("Content-Type", reply.headers.get("content-type", "application/json"))
        if reply.status_code != 204:
            self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def proxy(there: Placement) -> Iterator[Proxy]:
    """Run it."""
    made = Proxy(there)
    methods = {f"do_{method}": _Handler.pass_on for method in ("GET", "PUT", "POST", "DELETE")}
    with serving(type("Handler", (_Handler,), {"proxy": made, **methods})) as made.url:
        yield made

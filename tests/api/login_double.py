"""A Keystone's login, for a service user: it gives the service's token, and a catalog that has the service alone."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol


class Service(Protocol):
    """What is logged in for."""

    type: str
    """In the catalog."""
    url: str
    token: str
    logins: int
    """How often somebody has logged in."""


class _Login(BaseHTTPRequestHandler):
    service: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.service.logins += 1
        endpoint = {"interface": "internal", "url": self.service.url, "region_id": "RegionOne"}
        body = {"token": {"catalog": [{"type": self.service.type, "endpoints": [endpoint]}]}}
        content = json.dumps(body).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Subject-Token", self.service.token)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def login(service: Service) -> Iterator[str]:
    """Run it; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Login", (_Login,), {"service": service}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/identity"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

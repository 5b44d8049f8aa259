"""Verifies what nova-api-metadata verifies of a proxy's request, and answers; run as a program on a host.

Written after nova/api/metadata/handler.py (`service_metadata_proxy`): each header once, the signature of the instance's
id with the shared secret, the project that owns the instance. What it took is in the answer.
"""

import hashlib
import hmac
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    secret = b""
    projects: ClassVar[dict[str, str]] = {}
    """Instance -> project."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        names = ("X-Instance-ID", "X-Tenant-ID", "X-Instance-ID-Signature", "X-Forwarded-For")
        given = {name: self.headers.get_all(name, []) for name in names}
        if any(len(values) != 1 for values in given.values()):
            return self._answer(400, "each header once")
        instance, project, signature, address = (values[0] for values in given.values())
        expected = hmac.new(self.secret, instance.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            return self._answer(403, "Invalid proxy request signature.")
        if self.projects.get(instance) != project:
            return self._answer(404, "no such instance in this project")
        if self.path == "/broken":
            return self._answer(502, "secrets of the cloud")
        size = int(self.headers.get("Content-Length", "0"))
        told = {
            "path": self.path, "method": self.command, "instance": instance, "address": address,
            "body": self.rfile.read(size).decode(), "passed_on": sorted(set(self.headers) - set(names)),
        }  # fmt: skip
        return self._answer(200, json.dumps(told), "application/json")

    def _answer(self, status: int, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Arguments: port, the file of the secret, and projects by instance as JSON. Ends with its input."""
    Handler.secret = Path(sys.argv[2]).read_bytes().strip()
    Handler.projects = json.loads(sys.argv[3])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("up", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

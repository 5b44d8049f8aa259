"""Nova's API as far as events and aggregates go, as its reference says, and a Keystone's login.

A real Nova needs a cloud of its own. What is sent is held against the reference's table of the request, and refused
with 400 as Nova refuses it.
"""

import contextlib
import itertools
import json
import re
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.api.local_http import serving

_NAMES = {"network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"}
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Aggregates:
    """Host aggregates: names are unique, hosts are known compute services, one with hosts is not deleted."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        """Hosts with a compute service."""
        self.all: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def named(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.all.values() if one["name"] == name), None)

    def make(self, name: str, **metadata: str) -> dict[str, Any]:
        id = next(self._numbers)
        one = {"id": id, "uuid": str(uuid.uuid4()), "name": name, "hosts": [], "metadata": dict(metadata)}
        self.all[str(id)] = one | {"availability_zone": None, "created_at": "2026-01-01T00:00:00.0", "deleted": False}
        return self.all[str(id)]

    def ask(self, method: str, path: list[str], body: dict[str, Any], has_uuid: bool) -> tuple[int, dict[str, Any]]:
        id, action = path[0], path[1:] == ["action"]
        if method == "POST" and not id:
            (values,) = body.values()
            assert set(values) <= {"name", "availability_zone"}
            if self.named(values["name"]):
                return 409, {}
            return 200, {"aggregate": self._shown(self.make(values["name"]), has_uuid)}
        if method == "GET" and not id:
            return 200, {"aggregates": [self._shown(one, has_uuid) for one in self.all.values()]}
        if id not in self.all:
            return 404, {}
        one = self.all[id]
        if method == "DELETE" and not action:
            assert not one["hosts"]
            del self.all[id]
            return 200, {}
        assert method == "POST" and action
        ((name, values),) = body.items()
        if name == "set_metadata":
            one["metadata"] |= values["metadata"]
        elif name == "add_host":
            if values["host"] not in self.known:
                return 404, {}
            if values["host"] in one["hosts"]:
                return 409, {}
            one["hosts"].append(values["host"])
        else:
            assert name == "remove_host"
            if values["host"] not in one["hosts"]:
                return 404, {}
            one["hosts"].remove(values["host"])
        return 200, {"aggregate": self._shown(one, has_uuid)}

    @staticmethod
    def _shown(one: dict[str, Any], has_uuid: bool) -> dict[str, Any]:
        return {key: value for key, value in one.items() if has_uuid or key != "uuid"}


class NovaDouble:
    """What was sent, and how to answer. Every event is taken, but those of servers in `unknown`; one for those in
    `refused` makes the request a bad one, as an event does that this version of Nova does not know."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []
        self.aggregates = Aggregates()
        self.requests = 0
        self.unknown: set[str] = set()
        self.refused: set[str] = set()
        self.tokens: set[str] = set()
        self.any_token = False
        self.logins: list[dict[str, Any]] = []
        self.down = False
        self.url = ""

    def login(self, body: dict[str, Any]) -> str:
        self.logins.append(body["auth"])
        self.tokens.add(f"token-{len(self.logins)}")
        return f"token-{len(self.logins)}"

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert set(body) == {"events"}
        told = []
        for event in body["events"]:
            assert set(event) <= {"name", "server_uuid", "status", "tag"}, event
            assert event["name"] in _NAMES, event
            assert _UUID.match(event["server_uuid"]), event
            assert event.get("status", "completed") in ("completed", "failed", "in-progress"), event
            assert event["server_uuid"] not in self.refused
            code = 404 if event["server_uuid"] in self.unknown else 200
            told.append({"status": "completed", **event, "code": code})
        self.events += [event for event in told if event["code"] == 200]
        codes = {event["code"] for event in told}
        return (404, {}) if codes == {404} else (207 if 404 in codes else 200, {"events": told})

    def catalog(self) -> list[dict[str, Any]]:
        endpoint = {"interface": "internal", "url": f"{self.url}/v2.1", "region_id": "RegionOne"}
        other = endpoint | {"interface": "public", "url": "http://192.0.2.1/nowhere"}
        return [{"type": "compute", "endpoints": [other, endpoint]}, {"type": "image", "endpoints": [endpoint]}]


class _Handler(BaseHTTPRequestHandler):
    nova: NovaDouble

    def do_GET(self) -> None:
        self._ask_aggregates({})

    def do_DELETE(self) -> None:
        self._ask_aggregates({})

    def _ask_aggregates(self, body: dict[str, Any]) -> None:
        if self.headers.get("X-Auth-Token") not in self.nova.tokens:
            return self._answer(401, {})
        path = self.path.removeprefix("/v2.1/os-aggregates").strip("/").split("/")
        version = self.headers.get("OpenStack-API-Version") == "compute 2.41"
        try:
            return self._answer(*self.nova.aggregates.ask(self.command, path, body, version))
        except AssertionError as e:
            return self._answer(400, {"badRequest": str(e)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.nova.down:
            return self._answer(503, {})
        if self.path.startswith("/v2.1/os-aggregates"):
            return self._ask_aggregates(body)
        if self.path == "/identity/v3/auth/tokens":
            token = self.nova.login(body)
            return self._answer(201, {"token": {"catalog": self.nova.catalog()}}, {"X-Subject-Token": token})
        if self.path != "/v2.1/os-server-external-events":
            return self._answer(404, {})
        if not self.nova.any_token and self.headers.get("X-Auth-Token") not in self.nova.tokens:
            return self._answer(401, {})
        self.nova.requests += 1
        try:
            return self._answer(*self.nova.take(body))
        except AssertionError as e:
            return self._answer(400, {"badRequest": str(e)})

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def nova_double() -> Iterator[NovaDouble]:
    nova = NovaDouble()
    with serving(type("Handler", (_Handler,), {"nova": nova})) as nova.url:
        yield nova

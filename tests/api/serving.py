"""A whole server for tests: the real process, on a real ovsdb-server, with users in several projects.

with serving(folder) as cloud:
    mia = cloud.user("mia")
    network = mia.create("network", name="blue")        # asserts 201, gives what is in the body
    reply = mia.get("/networks", name="blue")           # httpx.Response
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests import certificates
from tests.api.auth.cheap import cheap_hashes
from tests.database.members import Member, member
from tunbridge.api.auth.bootstrap import ADMIN, admin_password, make_admin
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.users import Role, add_user, edit
from tunbridge.model import catalog

PASSWORD = "correct horse battery"
PEOPLE: dict[str, tuple[str, Role]] = {
    "mia": ("demo", "member"),
    "mara": ("demo", "manager"),
    "rita": ("demo", "reader"),
    "otto": ("other", "member"),
    "nova": ("service", "service"),
}
"""Name -> project and role, besides the first user: `admin` of the project admin."""
READY_S = 60


class User:
    """Somebody who calls the API, in one project or (None) for the system."""

    def __init__(self, cloud: "Cloud", name: str, project: str | None) -> None:
        self.cloud = cloud
        self.name = name
        password = PASSWORD if name != ADMIN else cloud.admin_password
        user = {"name": name, "domain": {"id": "default"}, "password": password}
        scope: dict[str, Any] = {"system": {"all": True}}
        if project is not None:
            scope = {"project": {"name": project, "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
        reply = cloud.http.post(f"{cloud.url}/identity/v3/auth/tokens", json={"auth": auth})
        assert reply.status_code == 201, reply.text
        self.token: str = reply.headers["X-Subject-Token"]
        self.project_id: str = reply.json()["token"].get("project", {}).get("id", "")

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call any path under /v2.0; a body is given as `json` or `content`."""
        headers = {"X-Auth-Token": self.token, **more.pop("headers", {})}
        return self.cloud.http.request(method, f"{self.cloud.url}/v2.0{path}", headers=headers, **more)

    def get(self, path: str, params: Any = None, **filters: Any) -> httpx.Response:
        return self.request("GET", path, params=params if params is not None else filters)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.request("POST", path, json=body)

    def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.request("PUT", path, json=body, headers=headers)

    def delete(self, path: str, **headers: str) -> httpx.Response:
        return self.request("DELETE", path, headers=headers)

    # What tests mostly do: it works, and gives the thing itself

    def create(self, resource: str, **values: Any) -> dict[str, Any]:
        reply = self.post(path_of(resource), {resource: values})
        assert reply.status_code == 201, reply.text
        made: dict[str, Any] = reply.json()[resource]
        return made

    def show(self, resource: str, id: str) -> dict[str, Any]:
        reply = self.get(f"{path_of(resource)}/{id}")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()[resource]
        return found

    def update(self, resource: str, id: str, **values: Any) -> dict[str, Any]:
        reply = self.put(f"{path_of(resource)}/{id}", {resource: values})
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()[resource]
        return found

    def remove(self, resource: str, id: str) -> None:
        reply = self.delete(f"{path_of(resource)}/{id}")
        assert reply.status_code == 204, reply.text

    def list(self, resource: str, params: Any = None, **filters: Any) -> list[dict[str, Any]]:
        reply = self.get(path_of(resource), params, **filters)
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()[catalog.resource(resource).collection]
        return found


def path_of(resource: str) -> str:
    """Give the path of a resource's collection."""
    found = catalog.resource(resource)
    return "/" + (found.path or found.collection.replace("_", "-"))


def error(reply: httpx.Response) -> tuple[int, str, str]:
    """Give status, type and message of an error in Neutron's form."""
    body = reply.json()["NeutronError"]
    assert set(body) == {"type", "message", "detail"}
    return reply.status_code, body["type"], body["message"]


class Cloud:
    """A server's process and its database."""

    def __init__(self, folder: Path, database: Member, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.database = database
        self.settings = settings
        self.http = httpx.Client(timeout=60, **{"verify": certificates.NONE, **settings.get("client", {})})
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._users: dict[tuple[str, str | None], User] = {}

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def admin_password(self) -> str:
        found = admin_password(self.folder / "auth")
        assert found is not None
        return found

    @property
    def clouds_yaml(self) -> Path:
        """For OS_CLIENT_CONFIG_FILE; the cloud's name is `tunbridge`."""
        return self.folder / "auth" / "clouds.yaml"

    def user(self, name: str = ADMIN, project: str | None = None) -> User:
        """Log somebody in, in their own project or another one where they have a role."""
        if (name, project) not in self._users:
            own = "admin" if name == ADMIN else PEOPLE[name][0]
            self._users[name, project] = User(self, name, project or own)
        return self._users[name, project]

    def system(self) -> User:
        """Log the first user in for the system, which is no project."""
        return User(self, ADMIN, None)

    def start(self) -> None:
        """Start the server; it answers, and shows the database, when this returns."""
        lines = [f"listen = [{self.settings.get('listen', '127.0.0.1:0')!r}]"]
        if "state_dir" in self.settings:
            lines += [f"state_dir = {self.settings['state_dir']!r}", f"run_dir = {self.settings['run_dir']!r}"]
        else:
            lines.append(f"database = {self.settings.get('remotes', [self.database.remote])!r}")
        lines += self.settings.get("top", [])
        lines += [
            "[auth]",
            *self.settings.get("auth", []),
            f"directory = {str(self.folder / 'auth')!r}",
            "[networking]",
            f"preview = {'true' if self.settings.get('preview', True) else 'false'}",
        ]
        lines += [f"{name} = {value}" for name, value in self.settings.get("networking", {}).items()]
        config = self.folder / "server.toml"
        config.write_text("\n".join(lines).replace("'", '"') + "\n")
        log = (self.folder / "server.log").open("wb")
        argv = [sys.executable, "-m", "tunbridge", "server", "--config", str(config)]
        self.process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.log}"
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        for line in self.log.splitlines():
            if "event=serving" in line:
                self.url = next(word.partition("=")[2] for word in line.split() if word.startswith("url="))
        if not self.url:
            return False
        with contextlib.suppress(httpx.TransportError):
            return self.http.get(f"{self.url}/readyz").status_code == 200
        return False

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the server's process by a signal, and wait for its end."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None
            self.url = ""
            (self.folder / "server.log").write_bytes(b"")

    def add_people(self) -> None:
        """Make the first user, as the server does where there is none, and the others."""
        with cheap_hashes():
            make_admin(self.folder / "auth")
            with edit(self.folder / "auth") as users:
                for name, (project, role) in PEOPLE.items():
                    add_user(users, name, hashed(PASSWORD), project, role)


@contextlib.contextmanager
def serving(folder: Path, database: Member | None = None, **settings: Any) -> Iterator[Cloud]:
    """Run a server until the end of the block: with a database of its own, or on one that runs already.

    With `state_dir` and `run_dir` the server runs its embedded one; with `preview=False` it offers what hosts carry
    out, and nothing that is only declared.
    """
    with contextlib.ExitStack() as stack:
        if database is None and "state_dir" in settings:
            database = Member(Path(settings["state_dir"]), catalog.tables())
            database.remote = f"unix:{settings['run_dir']}/db.sock"
        if database is None:
            database = stack.enter_context(member(catalog.tables()))
        cloud = Cloud(folder, database, settings)
        stack.enter_context(cloud.http)
        stack.callback(cloud.kill)
        if not settings.get("no_people"):
            cloud.add_people()
        cloud.start()
        yield cloud

"""A real Placement (SQLite) on loopback, from the virtual environment of the tests' Keystone; and a Keystone's login.

Placement's own `noauth2` takes `admin:PROJECT` as a token of an admin, and validates none, so no Keystone has to run.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests import certificates
from tests.api.auth.keystone_service import BIN, ROOT

TOKEN = "admin:service"
VERSION = {"OpenStack-API-Version": "placement 1.39", "X-Auth-Token": TOKEN, "Accept": "application/json"}
START_S = 240
"""A busy machine takes its time."""
SERVE = """
import os, sys, threading
from werkzeug.serving import run_simple
port = int(sys.argv.pop())
from placement.wsgi import init_application
application, turn = init_application(), threading.Lock()

def one_after_the_other(environ, start_response):  # SQLite refuses a second transaction that begins to write
    with turn:
        return list(application(environ, start_response))

run_simple("127.0.0.1", port, one_after_the_other, threaded=True)
"""


class Placement:
    """A Placement, and what it holds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.type = "placement"
        self.token = TOKEN
        self.logins = 0

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, headers=VERSION, timeout=60, verify=certificates.NONE, **more)

    def get(self, path: str) -> Any:
        reply = self.ask("GET", path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def make_root(self, name: str) -> str:
        """Make what Nova makes for a compute host; its uuid."""
        reply = self.ask("POST", "/resource_providers", json={"name": name})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["uuid"])

    def names(self, root: str) -> set[str]:
        """Names of the providers below a root."""
        found = self.get(f"/resource_providers?in_tree={root}")["resource_providers"]
        return {one["name"] for one in found if one["uuid"] != root}

    def tree(self, root: str) -> dict[str, dict[str, Any]]:
        """The providers below a root: name -> uuid, name of the parent, traits, inventories."""
        found = self.get(f"/resource_providers?in_tree={root}")["resource_providers"]
        names = {one["uuid"]: one["name"] for one in found}
        return {
            one["name"]: {
                "uuid": one["uuid"],
                "parent": names[one["parent_provider_uuid"]],
                "traits": set(self.get(f"/resource_providers/{one['uuid']}/traits")["traits"]),
                "inventories": self.get(f"/resource_providers/{one['uuid']}/inventories")["inventories"],
            }
            for one in found
            if one["uuid"] != root
        }


@contextlib.contextmanager
def placement(folder: Path) -> Iterator[Placement]:
    """Run it."""
    subprocess.run([ROOT / "tools" / "service.sh", "keystone"], check=True, capture_output=True, timeout=600)
    (folder / "placement.conf").write_text(
        f"[placement_database]\nconnection = sqlite:///{folder}/placement.db\nsync_on_startup = true\n"
        "[api]\nauth_strategy = noauth2\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    env = os.environ | {"OS_PLACEMENT_CONFIG_DIR": str(folder)}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [BIN / "python", "-c", SERVE, str(port)], stdout=log, stderr=log, env=env, cwd=folder
        )
    made = Placement(f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + START_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(made.url, timeout=60, verify=certificates.NONE).status_code == 200:
                    break
            assert time.monotonic() < end and process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield made
    finally:
        process.kill()
        process.wait()

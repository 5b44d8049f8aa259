"""A real Keystone (SQLite, Fernet tokens) on loopback, from a virtual environment of its own."""

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests import certificates

ROOT = Path(__file__).parents[3]
BIN = ROOT / ".venv-keystone" / "bin"
SERVE = """
import json, os, signal, sys
answers = os.dup(1)
os.dup2(2, 1)  # the log goes to standard output, too
from werkzeug.serving import run_simple
from keystone.cmd import cli
from keystone.conf import CONF
from keystone.server import wsgi
port = int(sys.argv.pop())  # Keystone reads the command line, too
application = None
child = 0
for line in sys.stdin:  # importing takes seconds, so it is done once, and each command and each start is a fork
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        child = 0
    command, *arguments = json.loads(line)
    status = 0
    if command == "start":
        application = application or wsgi.initialize_public_application()
        child = os.fork()
        if not child:
            CONF.reload_config_files()
            run_simple("127.0.0.1", port, application, threaded=True)
    elif command != "stop":
        made = os.fork()
        if not made:
            try:
                cli.main(["keystone-manage", command, *arguments], os.environ["OS_KEYSTONE_CONFIG_FILES"])
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        status = os.waitpid(made, 0)[1]
    os.write(answers, b"failed\\n" if status else b"done\\n")
if child:
    os.kill(child, signal.SIGKILL)
"""


TIMEOUT_S = 120
"""A Keystone on a busy machine takes its time."""
SHORT_S = 8
"""Longer than a login and a validation take on a loaded machine: the server's own token ends as soon."""


class KeystoneService:
    """Made once; started and stopped at will, always at the same URL."""

    def __init__(self, directory: Path, cache: bool = False) -> None:
        """`cache`: it keeps what it has read in memory, and answers several times as fast."""
        self._cache = cache
        subprocess.run([ROOT / "tools" / "service.sh", "keystone"], check=True, capture_output=True, timeout=600)
        self.password = secrets.token_urlsafe(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._directory = directory
        self._process: subprocess.Popen[str] | None = None
        self._admin = ""
        self._configure()
        self._tell("db_sync")
        self._tell(
            "bootstrap",
            "--bootstrap-public-url",
            f"{self.url}/v3",
            "--bootstrap-region-id",
            "RegionOne",
            "--bootstrap-password",
            self.password,
        )

    @contextlib.contextmanager
    def short_lived_tokens(self) -> Iterator[None]:
        """Have tokens that are made from now on end after `SHORT_S`; it is restarted before and after."""
        self._set_lifetime(SHORT_S)
        try:
            yield
        finally:
            self._set_lifetime(3600)

    def _set_lifetime(self, seconds: int) -> None:
        self.stop()
        self._write_configuration(seconds)
        self.start()

    def _configure(self) -> None:
        keys = self._directory / "keys"
        keys.mkdir(mode=0o700)
        for number in (0, 1):
            (keys / str(number)).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        self._write_configuration(3600)

    def _write_configuration(self, lifetime: int) -> None:
        keys = self._directory / "keys"
        (self._directory / "keystone.conf").write_text(
            f"[database]\nconnection = sqlite:///{self._directory}/keystone.db\n"
            f"[fernet_tokens]\nkey_repository = {keys}\n"
            f"[fernet_receipts]\nkey_repository = {keys}\n"
            f"[credential]\nkey_repository = {keys}\n"
            "[identity]\npassword_hash_rounds = 4\n"
            f"[cache]\nenabled = {str(self._cache).lower()}\nbackend = dogpile.cache.memory\n"
            f"[token]\nexpiration = {lifetime}\n"
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._tell("start")
        end = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{self.url}/v3", timeout=TIMEOUT_S, verify=certificates.NONE).status_code == 200
                return
            except httpx.TransportError:
                assert time.monotonic() < end, self.log()
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop, if it runs."""
        self._tell("stop")

    def _tell(self, *command: str) -> None:
        """Have it do something; anything but `start` and `stop` is a command of keystone-manage."""
        if self._process is None:
            argv: list[str | Path] = [BIN / "python", "-c", SERVE, str(self._port)]
            with (self._directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | {"OS_KEYSTONE_CONFIG_FILES": str(self._directory / "keystone.conf")},
                    cwd=self._directory,
                    text=True,
                )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin and stdout
        print(json.dumps(command), file=stdin, flush=True)
        assert stdout.readline() == "done\n", self.log()

    def close(self) -> None:
        """End for good."""
        if self._process is not None:
            with self._process as process:
                assert process.stdin
                process.stdin.close()
            self._process = None

    def log(self) -> str:
        """Give what it has logged."""
        return (self._directory / "log").read_text(errors="replace")

    def validations(self) -> int:
        """Count how often it was asked about a token."""
        return self.log().count("GET /v3/auth/tokens")

    def token(self, name: str = "admin", password: str | None = None, project: str = "admin") -> str:
        """Give a user's token for a project."""
        domain = {"id": "default"}
        user = {"name": name, "domain": domain, "password": password or self.password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": project, "domain": domain}}
        reply = httpx.post(
            f"{self.url}/v3/auth/tokens",
            json={"auth": {"identity": identity, "scope": scope}},
            timeout=TIMEOUT_S,
            verify=certificates.NONE,
        )
        assert reply.status_code == 201, reply.text
        token: str = reply.headers["X-Subject-Token"]
        return token

    def admin_token(self) -> str:
        """Give an admin's token, got once."""
        self._admin = self._admin or self.token()
        return self._admin

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """Do something as admin, and give the answer's body."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {"X-Auth-Token": self.admin_token(), **named}
        reply = httpx.request(
            method, f"{self.url}/v3{path}", json=body, headers=sent, timeout=TIMEOUT_S, verify=certificates.NONE
        )
        assert reply.is_success, reply.text
        return reply.json() if reply.content else None

    def add_user(self, name: str, project: str, role: str) -> str:
        """Make a user (password: the name, twice) with a role in a project that is made as well; give the user's id."""
        made = self.admin("POST", "/projects", {"project": {"name": project, "domain_id": "default"}})["project"]
        body = {"user": {"name": name, "password": name + name, "domain_id": "default"}}
        user: str = self.admin("POST", "/users", body)["user"]["id"]
        role_id = self.admin("GET", f"/roles?name={role}")["roles"][0]["id"]
        self.admin("PUT", f"/projects/{made['id']}/users/{user}/roles/{role_id}")
        return user

    def replace_keys(self) -> None:
        """Make every token given out so far invalid."""
        self._admin = ""
        for key in (self._directory / "keys").iterdir():
            key.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))

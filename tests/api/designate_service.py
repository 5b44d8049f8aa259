"""A real Designate (SQLite) on loopback, from a virtual environment of its own; and a Keystone's login.

Its API and its central service are one process, joined by the `fake` transport of oslo.messaging; it serves one request
after the other, since SQLite has one writer. No worker and no DNS server are there: zones and recordsets stay PENDING.
What Keystone's middleware would say of a token, the process says.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests import certificates
from tests.api.auth.keystone_service import ROOT

BIN = ROOT / ".venv-designate" / "bin"
SERVICE_PROJECT = "service"
SECRET = "gAAAA-token-of-the-service-user"
START_S = 400
"""Some 6 s on a machine that has nothing else to do."""
CONF = """
[DEFAULT]
transport_url = fake://
state_path = {folder}
quota_zones = 1000
[oslo_messaging_notifications]
driver = noop
[oslo_concurrency]
lock_path = {folder}
[storage:sqlalchemy]
connection = sqlite:///{folder}/designate.db
[service:api]
auth_strategy = noauth
[service:central]
managed_resource_tenant_id = service
"""
SERVE = """
import sys
from pathlib import Path
from wsgiref.simple_server import make_server
folder, port = Path(sys.argv[1]), int(sys.argv[2])
import designate.conf, oslo_messaging
from designate import context, objects, policy, rpc
from designate.central.service import Service
from designate.common import config
from designate.manage import database
from oslo_log import log
from paste import deploy
oslo_messaging.set_transport_defaults("designate")
conf = designate.conf.CONF
log.register_options(conf)
conf([], project="designate", default_config_files=[str(folder / "designate.conf")])
config.set_defaults()
log.setup(conf, "designate")
policy.init()
rpc.init(conf)
database.DatabaseCommands().sync()
central = Service()
admin = context.DesignateContext.get_admin_context(all_tenants=True)
pool = central.storage.get_pool(admin, conf["service:central"].default_pool_id)
pool.ns_records = objects.PoolNsRecordList(objects=[objects.PoolNsRecord(priority=1, hostname="ns1.example.net.")])
central.storage.update_pool(admin, pool)
central.start()
app = deploy.loadapp(f"config:{sys.prefix}/etc/designate/api-paste.ini", name="osapi_dns")
def authenticated(environ, start_response):
    token, _, roles = (folder / "token").read_text().partition(" ")
    if environ["PATH_INFO"] != "/" and environ.pop("HTTP_X_AUTH_TOKEN", "") != token:
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return [b""]
    environ |= {"HTTP_X_ROLES": roles, "HTTP_X_AUTH_PROJECT_ID": "service"}
    return app(environ, start_response)
make_server("127.0.0.1", port, authenticated).serve_forever()
"""
ADMIN = "admin,member,reader"


class Designate:
    """A Designate, which can be stopped and started again, and what it holds."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([ROOT / "tools" / "service.sh", "designate"], check=True, capture_output=True, timeout=900)
        self.folder = folder
        (folder / "designate.conf").write_text(CONF.format(folder=folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.type = "dns"
        self.logins = 0
        self.token = SECRET
        self._process: subprocess.Popen[bytes] | None = None
        self.roles()

    def roles(self, roles: str = ADMIN) -> None:
        """What the service user may."""
        (self.folder / "token").write_text(f"{self.token} {roles}")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            argv = [str(BIN / "python"), "-c", SERVE, str(self.folder), str(self._port)]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + START_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(self.url, timeout=60, verify=certificates.NONE).status_code in (200, 300):
                    return
            assert time.monotonic() < end and self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    # What it holds

    def ask(self, method: str, path: str, project: str | None = None, body: Any = None) -> Any:
        whose = {"X-Auth-Sudo-Project-ID": project} if project else {"X-Auth-All-Projects": "true"}
        headers = {"X-Auth-Token": self.token, **whose}
        reply = httpx.request(
            method, f"{self.url}/v2{path}", headers=headers, json=body, timeout=60, verify=certificates.NONE
        )
        assert reply.status_code in (200, 201, 202, 204), reply.text
        return reply.json() if reply.content else None

    def make_zone(self, name: str, project: str) -> str:
        """Make a zone of a project; its id."""
        made = self.ask("POST", "/zones", project, {"name": name, "email": "hostmaster@example.org"})
        return str(made["id"])

    def share(self, zone: str, owner: str, project: str) -> None:
        self.ask("POST", f"/zones/{zone}/shares", owner, {"target_project_id": project})

    def make(self, zone: str, project: str, name: str, *records: str, **more: Any) -> str:
        """Make a recordset; its id."""
        body = {"name": name, "type": "A", "records": list(records), **more}
        return str(self.ask("POST", f"/zones/{zone}/recordsets", project, body)["id"])

    def records(self, suffix: str) -> dict[tuple[str, str], list[str]]:
        """What there is besides SOA and NS: name and type -> records."""
        found = self.ask("GET", f"/recordsets?limit=1000&name=*{suffix}")["recordsets"]
        return {(one["name"], one["type"]): sorted(one["records"]) for one in found if one["type"] not in ("SOA", "NS")}


@contextlib.contextmanager
def designate(folder: Path) -> Iterator[Designate]:
    """Run it."""
    made = Designate(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()

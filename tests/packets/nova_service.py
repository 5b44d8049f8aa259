"""A real Nova (SQLite), from a virtual environment of its own: nova-api-metadata, and what nova-compute does at a boot.

One process. Its WSGI application is Nova's (`nova.wsgi.metadata`, Nova's own paste pipeline), its databases and cells
are made by the commands of nova-manage. `boot` makes an instance with Nova's objects and allocates its port with Nova's
client of the Networking API, so ports, security groups and the cached network information are the server's.
No scheduler, no compute host and no message queue are there.
"""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.api.auth.keystone_service import ROOT

VENV = ROOT / ".venv-nova"
PORT = 8775
CONF = """
[DEFAULT]
host = controller
state_path = {folder}
transport_url = fake://
[api]
dhcp_domain = cloud.example.org
metadata_cache_expiration = 1
[api_database]
connection = sqlite:///{folder}/api.db
[database]
connection = sqlite:///{folder}/cell1.db
[oslo_concurrency]
lock_path = {folder}
[neutron]
auth_type = password
auth_url = {auth_url}
username = {username}
password = {password}
project_name = {project_name}
project_domain_name = {project_domain_name}
user_domain_name = {user_domain_name}
region_name = {region}
service_metadata_proxy = true
metadata_proxy_shared_secret = {secret}
"""
SERVE = """
import json, os, socket, sys, threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
listener = int(sys.argv.pop())
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # the commands of nova-manage print
from nova.cmd import manage
from nova.api.openstack import wsgi_app
wsgi_app.init_global_data(wsgi_app._get_config_files(), "metadata", "nova-api-metadata")
from nova import context, objects
from nova.network import model, neutron
from oslo_serialization import base64
cells = manage.CellV2Commands()
manage.ApiDbCommands().sync()
cells.map_cell0()
manage.DbCommands().sync()
cells.create_cell(name="cell1")
from nova.wsgi import metadata

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

server = Server(("127.0.0.1", 0), Quiet, bind_and_activate=False)
server.socket = socket.socket(fileno=listener)
server.server_name, server.server_port = server.socket.getsockname()
server.setup_environ()
server.set_app(metadata.application)
threading.Thread(target=server.serve_forever, daemon=True).start()

def boot(order):
    admin = context.get_admin_context()
    cell = next(c for c in objects.CellMappingList.get_all(admin) if not c.is_cell0())
    flavor = objects.Flavor(admin, name=f"m-{order['id']}", flavorid=order["id"], memory_mb=512, vcpus=1, root_gb=1,
        ephemeral_gb=0, swap=0, rxtx_factor=1.0, vcpu_weight=0, disabled=False, is_public=True, extra_specs={})
    flavor.create()
    key = objects.KeyPair(admin, user_id="mia", name=order["key_name"], public_key=order["key"], type="ssh",
        fingerprint=order["id"])
    key.create()
    objects.InstanceMapping(admin, instance_uuid=order["id"], cell_mapping=cell, project_id=order["project"],
        user_id="mia", queued_for_delete=False).create()
    with context.target_cell(admin, cell) as ctx:
        instance = objects.Instance(ctx, uuid=order["id"], project_id=order["project"], user_id="mia",
            display_name=order["name"], hostname=order["name"], key_name=key.name, key_data=key.public_key,
            keypairs=objects.KeyPairList(objects=[key]), user_data=base64.encode_as_text(order["user_data"]),
            launch_index=0, reservation_id="r-1", availability_zone="nova", host=order["host"],
            vm_state="active", image_ref=order["id"], metadata=order["metadata"], system_metadata={},
            flavor=flavor, old_flavor=None, new_flavor=None,
            info_cache=objects.InstanceInfoCache(instance_uuid=order["id"], network_info=model.NetworkInfo()))
        instance.create()
        requested = objects.NetworkRequestList(objects=[objects.NetworkRequest(port_id=order["port"])])
        neutron.API().allocate_for_instance(ctx, instance, requested, bind_host_id=order["host"])

told.write("up\\n")
told.flush()
for line in sys.stdin:
    boot(json.loads(line))
    told.write("booted\\n")
    told.flush()
"""


class Nova:
    """A Nova that serves on a socket that listens, with the databases in a folder."""

    def __init__(self, folder: Path, listener: socket.socket, secret: str, clouds_yaml: Path) -> None:
        """Start it. `clouds_yaml`: the login of the Networking API's admin."""
        subprocess.run([ROOT / "tools" / "service.sh", "nova"], check=True, capture_output=True, timeout=900)
        cloud = yaml.safe_load(clouds_yaml.read_text())["clouds"]["tunbridge"]
        conf = CONF.format(folder=folder, secret=secret, region=cloud["region_name"], **cloud["auth"])
        (folder / "nova.conf").write_text(conf)
        (folder / "api-paste.ini").symlink_to(VENV / "etc" / "nova" / "api-paste.ini")
        self._log = folder / "log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [VENV / "bin" / "python", "-c", SERVE, str(listener.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
                env={"OS_NOVA_CONFIG_DIR": str(folder), "OS_NOVA_DISABLE_EVENTLET_PATCHING": "true"},
                pass_fds=[listener.fileno()],
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it serves."""
        self._expect("up")

    def boot(self, **order: Any) -> None:
        """Make an instance, and allocate its port."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._expect("booted")

    def log(self) -> str:
        return self._log.read_text()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        assert said == word, f"{said}\n{self.log()}"

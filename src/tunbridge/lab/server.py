"""The lab's server: `tunbridge server` on this machine's loopback, with the lab's hosts registered in its database.

It runs outside the hosts, where a person's `openstack` command is. Everything of it is in the folder `<lab>/server/`:

    server.toml, server.log       its configuration, and what it says
    run/db.sock                   its database, which hosts see as /run/central/db.sock
    auth/clouds.yaml              for OS_CLIENT_CONFIG_FILE
    state/                        the database itself
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tunbridge.lab import namespaces
from tunbridge.lab.machine import environment, wait_until
from tunbridge.lab.namespaces import LabError

READY_S = 60.0
PORT = 9696
"""Where OpenStack's networking listens."""
_CONFIG = """\
listen = ["{listen}"]
state_dir = "{folder}/state"
run_dir = "{folder}/run"

[auth]
directory = "{folder}/auth"

[networking]
project_network_types = {tunnel_types}
overlay_ip_version = {ip_version}
preview = {preview}
"""


def free_address() -> str:
    """Give `127.0.0.1:9696`, or, where something else listens there, a free port of loopback."""
    for port in (PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{probe.getsockname()[1]}"
    raise LabError("no port of 127.0.0.1 is free")


class LabServer:
    """The server of one lab."""

    def __init__(
        self, lab: str, folder: Path, listen: str, tunnel_types: Sequence[str], ip_version: int, preview: bool = False
    ) -> None:
        """`tunnel_types`: of the hosts' tunnels, and so of networks; `ip_version`: of what is under the tunnels."""
        self.lab = lab
        self.folder = folder
        self.listen = listen
        self._networking: dict[str, object] = {
            "tunnel_types": json.dumps(list(tunnel_types)),
            "ip_version": ip_version,
            "preview": str(preview).lower(),
        }

    @property
    def url(self) -> str:
        """Give where its API is."""
        return f"http://{self.listen}"

    @property
    def clouds_yaml(self) -> Path:
        """Give the file for OS_CLIENT_CONFIG_FILE; the cloud's name is tunbridge."""
        return self.folder / "auth" / "clouds.yaml"

    def prepare(self) -> None:
        """Make the folder of its database's socket, which hosts get into view when they are made."""
        (self.folder / "run").mkdir(mode=0o700, parents=True, exist_ok=True)

    def pid(self) -> int | None:
        """Give its process, if it runs."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "pid").read_text())
            process = Path(f"/proc/{pid}")
            mark = f"{namespaces.MARK}={self.lab}".encode()
            if mark in (process / "environ").read_bytes().split(b"\0") and not namespaces.is_zombie(process):
                return pid
        return None

    def start(self) -> float:
        """Start it; give the seconds until it was ready. Raises LabError."""
        self.prepare()
        config = self.folder / "server.toml"
        config.write_text(_CONFIG.format(listen=self.listen, folder=self.folder, **self._networking), encoding="utf-8")
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        begun = time.monotonic()
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
            (self.folder / "server.log").open("ab") as log,
        ):
            manager.bind(str(notify))
            manager.settimeout(0.1)
            process = subprocess.Popen(
                [sys.executable, "-m", "tunbridge", "server", "--config", str(config)],
                env=environment(**{namespaces.MARK: self.lab, "NOTIFY_SOCKET": str(notify)}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
            (self.folder / "pid").write_text(f"{process.pid}\n")
            while not _is_told(manager):
                if process.poll() is not None or time.monotonic() > begun + READY_S:
                    raise LabError(f"the server is not ready; the end of {self.folder}/server.log:\n{self._tail()}")
        return time.monotonic() - begun

    def _tail(self) -> str:
        lines = (self.folder / "server.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-5:])

    def stop(self) -> None:
        """End it, and its database."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: self.pid() is None, "the server's end")


def _is_told(manager: socket.socket) -> bool:
    """Say whether the server has said that it is ready (sd_notify(3))."""
    with contextlib.suppress(TimeoutError):
        return b"READY=1" in manager.recv(4096).split(b"\n")
    return False

"""A real ovs-vswitchd on the dummy datapath: needs no root and starts in half a second."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tunbridge.openvswitch import unixctl

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PORTS = 3
FILES = {"log-file": "log", "pidfile": "pid", "unixctl": "ctl"}
"""Options of the daemons -> what the names of these files end with."""


class Dummy:
    """A running Open vSwitch; each bridge has the ports NAMEp1 to NAMEp3."""

    options: tuple[str, ...] = ("--enable-dummy=override",)
    """Of ovs-vswitchd."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rundir = str(directory)
        self._ovsdb = f"unix:{directory}/db.sock"

    def start(self) -> None:
        d = self.rundir
        self._run("ovsdb-tool", "create", f"{d}/conf.db", SCHEMA)
        self._start("ovsdb", "ovsdb-server", f"{d}/conf.db", f"--remote=punix:{d}/db.sock")
        self.start_vswitchd()

    def start_vswitchd(self) -> None:
        self._start("vswitchd", "ovs-vswitchd", self._ovsdb, *self.options)

    def _start(self, name: str, *command: str) -> None:
        files = [f"--{option}={self.rundir}/{name}.{ending}" for option, ending in FILES.items()]
        self._run(*command, "--detach", "--no-chdir", *files)

    def crash_vswitchd(self) -> None:
        pid = int(Path(f"{self.rundir}/vswitchd.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.01)

    def stop(self) -> None:
        for name in ("vswitchd", "ovsdb"):
            self._run("ovs-appctl", "-t", f"{self.rundir}/{name}.ctl", "exit")

    def add_bridge(self, name: str) -> None:
        arguments = ["add-br", name, "--", "set", "bridge", name, "datapath_type=dummy", "fail_mode=secure"]
        for number in range(1, PORTS + 1):
            port = f"{name}p{number}"
            arguments += ["--", "add-port", name, port, "--", "set", "interface", port]
            arguments += ["type=dummy", f"ofport_request={number}"]
        self.vsctl(*arguments)

    def vsctl(self, *arguments: str) -> str:
        return self._run("ovs-vsctl", f"--db={self._ovsdb}", *arguments)

    def ofctl(self, command: str, bridge: str, *arguments: str, text: str = "") -> str:
        target = f"unix:{self.rundir}/{bridge}.mgmt"
        return self._run("ovs-ofctl", "-O", "OpenFlow14", "--no-names", command, target, *arguments, text=text)

    def appctl(self, command: str, *arguments: str) -> str:
        """Ask over a new connection: it is answered in a later round of the daemon's loop than the question before."""
        return unixctl.call(self.directory / "vswitchd.ctl", command, *arguments, timeout=60)

    def receive(self, port: str, packet: bytes) -> None:
        """Let a packet come in at a port."""
        self.appctl("netdev-dummy/receive", port, packet.hex())

    def _run(self, *argv: str, text: str = "") -> str:
        environment = os.environ | {"OVS_RUNDIR": self.rundir}
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, check=False, env=environment, timeout=60
        )
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout


D = TypeVar("D", bound=Dummy)


@contextmanager
def running(kind: type[D]) -> Iterator[D]:
    # A socket's path may have no more than 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="dmy", dir="/tmp"))
    dummy = kind(directory)
    try:
        dummy.start()
        yield dummy
    finally:
        dummy.stop()
        shutil.rmtree(directory, ignore_errors=True)  # the daemons remove their files when they end

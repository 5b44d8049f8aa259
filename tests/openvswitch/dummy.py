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

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PORTS = 3


class Dummy:
    """A running Open vSwitch; each bridge has the ports NAMEp1 to NAMEp3."""

    def __init__(self, directory: Path) -> None:
        self.rundir = str(directory)
        self._ovsdb = f"unix:{directory}/db.sock"

    def start(self) -> None:
        d = self.rundir
        self._run("ovsdb-tool", "create", f"{d}/conf.db", SCHEMA)
        detach = ["--detach", "--no-chdir", f"--log-file={d}/ovsdb.log", f"--pidfile={d}/ovsdb.pid"]
        self._run("ovsdb-server", f"{d}/conf.db", *detach, f"--unixctl={d}/ovsdb.ctl", f"--remote=punix:{d}/db.sock")
        self.start_vswitchd()

    def start_vswitchd(self) -> None:
        d = self.rundir
        detach = ["--detach", "--no-chdir", f"--log-file={d}/vswitchd.log", f"--pidfile={d}/vswitchd.pid"]
        self._run("ovs-vswitchd", self._ovsdb, "--enable-dummy=override", *detach, f"--unixctl={d}/vswitchd.ctl")

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

    def appctl(self, *arguments: str) -> str:
        return self._run("ovs-appctl", "-t", f"{self.rundir}/vswitchd.ctl", *arguments)

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


@contextmanager
def running() -> Iterator[Dummy]:
    # A socket's path may have no more than 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="dmy", dir="/tmp"))
    dummy = Dummy(directory)
    try:
        dummy.start()
        yield dummy
        dummy.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

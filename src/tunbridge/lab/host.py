"""One host of a lab: its own network, mount and UTS namespace, its own Open vSwitch, and the agent as on a real host.

The host's folder stands at /run inside it, so plain `ovs-vsctl`, `ovs-ofctl`, `ovs-appctl` address this host's Open
vSwitch and the agent finds its sockets where they always are. Outside it is `<lab>/<host>/`:

    openvswitch/db.sock   the OVSDB socket, for `tunbridge check lab:`
    etc, lib              the host's /etc/openvswitch and /var/lib/openvswitch
    log                   the host's /var/log/openvswitch, and agent.log
    tunbridge             agent.toml, and the agent's state
    holder.pid            a process that keeps the namespaces

`Host` is what the lab and the tests work with. What "inside" means is in `run` and `start` alone, so that another kind
of host (a User Mode Linux kernel) has these to provide, and `attach`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tunbridge.agent.config import AgentConfig
from tunbridge.lab import namespaces
from tunbridge.lab.namespaces import LabError

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
UNDERLAY_DEVICE = "enunderlay0"
"""Named as udev names NICs, so that whoever looks at the host takes it for one."""
UNDERLAY_BRIDGE = "br-phy"
WAIT_S = 30.0
AGENT_WAIT_S = 60.0
_INSIDE = {"etc": "/etc/openvswitch", "lib": "/var/lib/openvswitch", "log": "/var/log/openvswitch"}
_HOLD = """
set -e
mount --make-rprivate /
for pair in $BINDS; do mount --bind "${pair%%:*}" "${pair#*:}"; done
mount --bind "$FOLDER" /run
mount -t sysfs sysfs /sys
hostname "$NAME"
echo $$ > /run/holder.pid.new
mv /run/holder.pid.new /run/holder.pid
exec sleep infinity
"""


def wait_until(condition: Callable[[], bool], what: str, timeout: float = WAIT_S) -> float:
    """Wait until the condition holds; give the seconds it took. Raises LabError after `timeout` seconds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout:
            raise LabError(f"{what}: not within {timeout:g} s")
        time.sleep(0.01)
    return time.monotonic() - start


class Host:
    """A host made of namespaces. `datapath_type` None: the kernel's datapath."""

    def __init__(self, lab: str, name: str, folder: Path, datapath_type: str | None) -> None:
        self.name = name
        self.folder = folder
        self.datapath_type = datapath_type
        self.namespace = namespaces.namespace(lab, name)

    # Making it

    def create(self) -> None:
        """Make the namespaces and the process that keeps them."""
        for part in (*_INSIDE, "openvswitch", "tunbridge/state"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        namespaces.add(self.namespace)
        self._hold()

    def _hold(self) -> None:
        (self.folder / "holder.pid").unlink(missing_ok=True)
        binds = " ".join(f"{self.folder / part}:{place}" for part, place in _INSIDE.items())
        environment = {**os.environ, "BINDS": binds, "FOLDER": str(self.folder), "NAME": self.name}
        with (self.folder / "log" / "holder.log").open("ab") as log:
            subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "--uts", "sh", "-c", _HOLD],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            )  # fmt: skip
        wait_until(lambda: self.holder() is not None, f"{self.name}: its namespaces (see {self.folder}/log/holder.log)")

    def holder(self) -> int | None:
        """Give the process that keeps the namespaces, None when it is gone."""
        return self._alive(self.folder / "holder.pid")

    def _alive(self, pidfile: Path) -> int | None:
        """Give the process of a pid file if it runs in this host: a reused number is not taken for it."""
        try:
            pid = int(pidfile.read_text())
        except (OSError, ValueError):
            return None
        return pid if self._inside(pid) else None

    def _inside(self, pid: int) -> bool:
        """Whether this process runs in this host."""
        try:
            home = Path(f"/run/netns/{self.namespace}").stat().st_ino
            ours = Path(f"/proc/{pid}/ns/net").stat().st_ino == home
            return ours and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def attach(self, device: str, switch_namespace: str, switch: str, port: str) -> None:
        """Give the host a NIC that leads to a switch."""
        namespaces.wire(self.namespace, device, switch_namespace, switch, port)

    # Running things inside

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside."""
        holder = self.holder()
        if holder is None:
            raise LabError(f"{self.name}: is not running; `tunbridge lab up` starts it again")
        return ["nsenter", f"--target={holder}", "--net", "--mount", "--uts", "--", *argv]

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False."""
        return namespaces.run(*self.command(*argv), stdin=stdin, check=check)

    def start(self, log: str, *argv: str, environ: dict[str, str] | None = None) -> int:
        """Start a process inside that outlives this one; its output goes to a file in log/. Gives its id."""
        with (self.folder / "log" / log).open("ab") as file:
            process = subprocess.Popen(
                self.command(*argv), env={**os.environ, **(environ or {})}, stdin=subprocess.DEVNULL,
                stdout=file, stderr=file, start_new_session=True, cwd="/",
            )  # fmt: skip
        _children.append(process)
        # nsenter enters the namespaces after it was started: only then is the process known as this host's.
        wait_until(lambda: process.poll() is not None or self._inside(process.pid), f"{self.name}: {argv[0]}")
        return process.pid

    def vsctl(self, *arguments: str) -> str:
        """Run ovs-vsctl inside and give its output."""
        return self.run("ovs-vsctl", *arguments).stdout.strip()

    # Its Open vSwitch

    def start_ovs(self) -> None:
        """Start what does not run of the database and the switch."""
        if self.pid("ovsdb-server") is None:
            self.start_ovsdb()
        if self.pid("ovs-vswitchd") is None:
            self.start_vswitchd()

    def start_ovsdb(self) -> None:
        """Start the database server, with an empty database at the first time; it answers when this returns."""
        if not (self.folder / "etc" / "conf.db").exists():
            self.run("ovsdb-tool", "create", "/etc/openvswitch/conf.db", SCHEMA)
        self.run(
            "ovsdb-server", "/etc/openvswitch/conf.db", "--remote=punix:/run/openvswitch/db.sock",
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options", "--pidfile", "--detach", "--no-chdir",
            "--log-file", "-vconsole:off",
        )  # fmt: skip

    def start_vswitchd(self) -> None:
        """Start the switch; it has done what the database says when this returns."""
        version = self.run("ovs-vswitchd", "--version").stdout.split()[3]
        self.vsctl(
            "--no-wait", "init", "--", "set", "Open_vSwitch", ".", f"ovs-version={version}",
            f"external_ids:hostname={self.name}", "external_ids:rundir=/run/openvswitch",
        )  # fmt: skip
        self.run("ovs-vswitchd", "--pidfile", "--detach", "--no-chdir", "--log-file", "-vconsole:off")
        self.vsctl("--timeout=20", "set", "Open_vSwitch", ".", "external_ids:tunbridge-lab=true")

    def pid(self, daemon: str) -> int | None:
        """Give the process of `ovsdb-server`, `ovs-vswitchd` or `agent`, None when it does not run."""
        pidfile = self.folder / ("agent.pid" if daemon == "agent" else f"openvswitch/{daemon}.pid")
        return self._alive(pidfile)

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """End a daemon by a signal and wait until it is gone."""
        pid = self.pid(daemon)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        wait_until(lambda: self.pid(daemon) is None, f"{self.name}: {daemon} does not end")
        _reap()

    def plug_underlay(self, address: str) -> None:
        """Give the tunnel address to the underlay NIC; in the userspace datapath to the bridge that holds it."""
        if self.datapath_type is None:
            device = UNDERLAY_DEVICE
        else:
            device = UNDERLAY_BRIDGE
            self.vsctl(
                "--may-exist", "add-br", device, "--", "set", "bridge", device, f"datapath_type={self.datapath_type}",
                "--", "--may-exist", "add-port", device, UNDERLAY_DEVICE,
            )  # fmt: skip
        self.run("ip", "addr", "replace", address, "dev", device, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", device, "up")

    # Its agent

    def configure_agent(self, config: AgentConfig) -> None:
        """Write the agent's configuration."""
        (self.folder / "tunbridge" / "agent.toml").write_text(to_toml(config), encoding="utf-8")

    def start_agent(self, argv: list[str], wait: bool = True) -> float:
        """Start the agent; with `wait`, give the seconds until it said that the host is in sync."""
        notify = self.folder / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(notify))
            manager.settimeout(AGENT_WAIT_S)
            start = time.monotonic()
            pid = self.start("agent.log", *argv, environ={"NOTIFY_SOCKET": "/run/notify"})
            (self.folder / "agent.pid").write_text(f"{pid}\n")
            if wait:
                self._await_ready(manager, pid)
            return time.monotonic() - start

    def _await_ready(self, manager: socket.socket, pid: int) -> None:
        manager.settimeout(0.1)
        deadline = time.monotonic() + AGENT_WAIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in manager.recv(4096).split(b"\n"):
                    return
                continue
            _reap()
            if self.pid("agent") != pid:
                break
        raise LabError(f"{self.name}: the agent did not become ready; the end of its log:\n{self.agent_log(10)}")

    def agent_log(self, lines: int) -> str:
        """Give the last lines of the agent's log."""
        path = self.folder / "log" / "agent.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


_children: list[subprocess.Popen[bytes]] = []


def _reap() -> None:
    """Take the exit status of children that ended, so that they do not linger."""
    for process in list(_children):
        if process.poll() is not None:
            _children.remove(process)


def to_toml(config: AgentConfig) -> str:
    """Write a configuration as a file that `load` reads back as the same configuration."""
    plain: dict[str, object] = msgspec.to_builtins(config)
    peers = plain.pop("peers")
    providers = plain.pop("providers")
    assert isinstance(peers, list)
    assert isinstance(providers, dict)
    lines = [f"{key} = {_value(value)}" for key, value in plain.items() if value is not None]
    for peer in peers:
        lines += ["", "[[peers]]", *(f"{k} = {_value(v)}" for k, v in peer.items())]
    for network, provider in providers.items():
        lines += ["", f'[providers."{network}"]', *(f"{k} = {_value(v)}" for k, v in provider.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """A string, boolean or list of strings as TOML; JSON's escapes are TOML's."""
    return msgspec.json.encode(value).decode()

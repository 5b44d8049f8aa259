"""One host of a lab: a machine, its Open vSwitch, and the agent as on a real host.

Seen from outside, a host is the folder `<lab>/<host>/`:

    openvswitch/db.sock   the OVSDB socket, for `tunbridge check lab:`
    etc, lib              the host's /etc/openvswitch and /var/lib/openvswitch
    log                   the host's /var/log/openvswitch, and agent.log
    tunbridge             the host's /etc/tunbridge (agent.toml), and in state/ its /var/lib/tunbridge

`Host` is what the lab and the tests work with:

    host.run("ip", "addr"), host.vsctl("show")     a command inside, to its end
    host.start("x.log", "ping", …)                 a process inside that stays
    host.pid("ovs-vswitchd"), host.kill("agent")   a daemon: ovsdb-server, ovs-vswitchd, agent
    host.start_ovs(), start_ovsdb(), start_vswitchd()
    host.configure_agent(config), start_agent(argv)

What a machine is made of is in machine.py.
"""

import contextlib
import signal
import subprocess
import time
from typing import NoReturn

from tunbridge.agent.config import AgentConfig
from tunbridge.lab.machine import Machine, NamespaceMachine, wait_until
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import UNDERLAY_BRIDGE, UNDERLAY_DEVICE
from tunbridge.lab.toml import to_toml

__all__ = ["Host", "StartedAgent", "to_toml", "wait_until"]

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
AGENT_WAIT_S = 300.0
"""An emulated kernel needs 20 s for it, and several times as much on a busy machine."""
_WRITE_PID = 'echo $$ > /run/agent.pid.new && mv /run/agent.pid.new /run/agent.pid && exec "$0" "$@"'
"""The agent's process writes its own id, so that a killed `lab up` leaves no agent that the next one does not see."""


class Host:
    """A host. `datapath_type` None: the kernel's. `underlay`: its tunnel address with the prefix length."""

    def __init__(self, machine: Machine, datapath_type: str | None, underlay: str) -> None:
        self.machine = machine
        self.name = machine.name
        self.folder = machine.folder
        self.datapath_type = datapath_type
        self.underlay = underlay

    @property
    def namespace(self) -> str:
        """Name of its network namespace, for `ip netns`; a machine of another kind has none."""
        assert isinstance(self.machine, NamespaceMachine)
        return self.machine.namespace

    def attach(self, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
        """Give the host a NIC that leads to a switch (None: to nothing). False when it has it."""
        return self.machine.attach(device, switch_namespace, switch, port)

    # Running things inside

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside."""
        return self.machine.command(*argv)

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside, with these environment variables besides: its end is this process's end."""
        self.machine.enter(*argv, **environ)

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False."""
        return self.machine.run(*argv, stdin=stdin, check=check)

    def start(self, log: str, *argv: str, environ: dict[str, str] | None = None) -> int:
        """Start a process inside that outlives this one; its output goes to a file in log/. Gives its id."""
        return self.machine.start(log, *argv, environ=environ)

    def vsctl(self, *arguments: str) -> str:
        """Run ovs-vsctl inside and give its output."""
        return self.run("ovs-vsctl", *arguments).stdout.strip()

    # Its daemons

    def pid(self, daemon: str) -> int | None:
        """Give the process of `ovsdb-server`, `ovs-vswitchd` or `agent`, None when it does not run."""
        return self.machine.pid(self.folder / ("agent.pid" if daemon == "agent" else f"openvswitch/{daemon}.pid"))

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """End a daemon by a signal and wait until it is gone."""
        pid = self.pid(daemon)
        if pid is None:
            return
        self.machine.signal(pid, number)
        wait_until(lambda: self.pid(daemon) is None, f"{self.name}: {daemon} does not end")

    # Its Open vSwitch

    def start_ovs(self) -> list[str]:
        """Start what does not run of the database and the switch, and name it."""
        started = []
        for daemon, start in (("ovsdb-server", self.start_ovsdb), ("ovs-vswitchd", self.start_vswitchd)):
            if self.pid(daemon) is None:
                start()
                started.append(daemon)
        return started

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
        """Start the switch; it has done what the database says, and the underlay is up, when this returns."""
        version = self.run("ovs-vswitchd", "--version").stdout.split()[3]
        self.vsctl(
            "--no-wait", "init", "--", "set", "Open_vSwitch", ".", f"ovs-version={version}",
            f"external_ids:hostname={self.name}", "external_ids:rundir=/run/openvswitch",
        )  # fmt: skip
        self.run("ovs-vswitchd", "--pidfile", "--detach", "--no-chdir", "--log-file", "-vconsole:off")
        self.vsctl("--timeout=60", "set", "Open_vSwitch", ".", "external_ids:tunbridge-lab=true")
        self.plug_underlay()

    def plug_underlay(self) -> None:
        """Give the tunnel address to the underlay NIC; in the userspace datapath to the bridge that holds it.

        That bridge's device is vswitchd's, and goes with it: so this is done after each of its starts, as a real host's
        network tool does.
        """
        if self.datapath_type is None:
            device = UNDERLAY_DEVICE
        else:
            device = UNDERLAY_BRIDGE
            self.vsctl(
                "--may-exist", "add-br", device, "--", "set", "bridge", device, f"datapath_type={self.datapath_type}",
                "--", "--may-exist", "add-port", device, UNDERLAY_DEVICE,
            )  # fmt: skip
        self.run("ip", "addr", "replace", self.underlay, "dev", device, *(["nodad"] if ":" in self.underlay else []))
        self.run("ip", "link", "set", device, "up")

    # Its agent

    def configure_agent(self, config: AgentConfig) -> None:
        """Write the agent's configuration: inside, since a kernel of its own may remember what it read of a file."""
        self.run("sh", "-c", 'cat > "$0"', "/etc/tunbridge/agent.toml", stdin=to_toml(config))

    def start_agent(self, argv: list[str], wait: bool = True) -> float:
        """Start the agent; with `wait`, give the seconds until it said that the host is in sync. Raises LabError."""
        with self.launch_agent(argv) as started:
            return started.wait() if wait else 0.0

    def launch_agent(self, argv: list[str]) -> "StartedAgent":
        """Start the agent, and give what tells when the host is in sync."""
        return StartedAgent(self, argv)

    def agent_log(self, lines: int) -> str:
        """Give the last lines of the agent's log: read inside, a kernel of its own writes files out later."""
        done = self.run("tail", "-n", str(lines), "/var/log/openvswitch/agent.log", check=False)
        return done.stdout.rstrip("\n")


class StartedAgent(contextlib.AbstractContextManager["StartedAgent"]):
    """An agent that was started, and the service manager's end of its notify socket (sd_notify(3))."""

    def __init__(self, host: Host, argv: list[str]) -> None:
        self.host = host
        self._manager = host.machine.listen("notify")
        self._manager.settimeout(0.1)
        self._began = time.monotonic()
        self.pid = host.start("agent.log", "sh", "-c", _WRITE_PID, *argv, environ={"NOTIFY_SOCKET": "/run/notify"})
        # Both: the process may be slow to come so far, and what looks for it before would find none.
        host.run("sh", "-c", 'echo "$1" > /run/agent.pid', "sh", str(self.pid))

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def wait(self, timeout: float = AGENT_WAIT_S) -> float:
        """Wait until it says READY=1; give the seconds since its start. Raises LabError when it does not."""
        why = f"did not become ready within {timeout:g} s"
        while time.monotonic() < self._began + timeout:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self._manager.recv(4096).split(b"\n"):
                    return time.monotonic() - self._began
                continue
            if self.host.pid("agent") != self.pid:
                why = "ended before it was ready"
                break
        log = self.host.folder / "log" / "agent.log"
        raise LabError(f"{self.host.name}: the agent {why}; the end of {log}:\n{self.host.agent_log(10)}")

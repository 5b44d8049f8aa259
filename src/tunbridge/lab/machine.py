"""What a host of a lab is made of: something with a file system and a network of its own, that commands run in.

`Machine` is all that the rest of the lab asks of it, so another kind has these to provide: qemu_machine.py does.
`NamespaceMachine` is a network, a mount and a UTS namespace, kept by a process that only sleeps. Its folder stands at
/run inside it, and parts of the folder where Open vSwitch and the agent look for them (`PLACES`): so plain `ovs-vsctl`,
`ovs-ofctl`, `ovs-appctl` address this host's Open vSwitch, and the agent reads /etc/tunbridge/agent.toml.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol

from tunbridge.lab import namespaces
from tunbridge.lab.namespaces import LabError

WAIT_S = 30.0
PLACES = {
    "etc": "/etc/openvswitch",
    "lib": "/var/lib/openvswitch",
    "log": "/var/log/openvswitch",
    "tunbridge": "/etc/tunbridge",
    "tunbridge/state": "/var/lib/tunbridge",
}
"""Part of the host's folder -> where it stands inside."""
_PRIVATE = ("OVS_", "OVN_", "TUNBRIDGE_", "NOTIFY_", "WATCHDOG_")
"""Environment variables that would lead a command inside to something outside."""
_HOLD = """
set -e
mount --make-rprivate /
for pair in $BINDS; do
    place=${pair#*:} parent=$(dirname "${pair#*:}")
    [ -d "$place" ] && continue
    # This machine has no such folder, and is not to get one: add it over a read-only view of its parent.
    layer=$FOLDER/overlay$(echo "$parent" | tr / -)
    mkdir -p "$layer"
    mount -t tmpfs tmpfs "$layer"
    mkdir "$layer/upper" "$layer/work"
    mount -t overlay overlay -o "lowerdir=$parent,upperdir=$layer/upper,workdir=$layer/work" "$parent" || {
        echo "mkdir $place makes this overlay unnecessary" >&2
        exit 1
    }
    mkdir "$place"
done
for pair in $BINDS; do mount --bind "${pair%%:*}" "${pair#*:}"; done
[ ! -f /etc/hosts ] || mount --bind "$FOLDER/hosts" /etc/hosts
if [ -d "$CENTRAL" ]; then
    mkdir -p "$FOLDER/central"
    mount --bind "$CENTRAL" "$FOLDER/central"
fi
mount --rbind "$FOLDER" /run
mount -t sysfs sysfs /sys
hostname "$NAME"
echo $$ > /run/holder.pid.new
mv /run/holder.pid.new /run/holder.pid
exec sleep infinity
"""


class Machine(Protocol):
    """What a host of a lab runs in. All of it raises LabError."""

    name: str
    folder: Path
    """The host's files, as seen from outside; its sockets are in `openvswitch/`."""

    def create(self) -> None:
        """Make it, with the folder's parts where the host's programs look for them (`PLACES`)."""

    def is_running(self) -> bool:
        """Say whether commands can run in it."""

    def problem(self) -> str | None:
        """Say why no command can run in it, for a person; None when it runs."""

    def attach(self, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
        """Give it a NIC that leads to a Linux bridge in a namespace (None: to nothing). False when it has it."""

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside, with its standard streams and its exit status."""

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside, with these environment variables besides: its end is this process's end."""

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False."""

    def start(self, log: str, *argv: str, environ: dict[str, str] | None = None) -> int:
        """Start a process inside that outlives this one; its output goes to a file in log/. Gives its id."""

    def pid(self, pidfile: Path) -> int | None:
        """Give the process of a pid file of the folder if it runs inside: a reused number is not taken for it."""

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process inside; one that has ended is no error."""

    def listen(self, name: str) -> socket.socket:
        """Give a datagram socket that receives what processes inside send to /run/NAME. The caller closes it."""


def wait_until(condition: Callable[[], bool], what: str, timeout: float = WAIT_S) -> float:
    """Wait until the condition holds; give the seconds it took. Raises LabError after `timeout` seconds.

    Asking may start a process: what takes long is asked for less often, or waiting would slow what is waited for.
    """
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        if waited > timeout:
            raise LabError(f"{what}: not within {timeout:g} s")
        time.sleep(min(max(waited / 10, 0.01), 0.05))
    return time.monotonic() - start


def environment(**more: str) -> dict[str, str]:
    """Give the environment for commands inside: ours, without what names another Open vSwitch, agent or manager."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith(_PRIVATE)}, **more}


class NamespaceMachine:
    """A machine made of namespaces; see `Machine`."""

    def __init__(self, lab: str, name: str, folder: Path) -> None:
        self.lab = lab
        self.name = name
        self.folder = folder
        self.namespace = namespaces.namespace(lab, name)

    # Making it

    def create(self) -> None:
        """Make the namespaces and the process that keeps them; whatever is left of an earlier one goes."""
        if (namespaces.NETNS_DIR / self.namespace).exists():
            namespaces.remove([self.namespace])
        for part in (*PLACES, "openvswitch"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").touch()
        namespaces.add(self.namespace)
        self._hold()

    def _hold(self) -> None:
        (self.folder / "holder.pid").unlink(missing_ok=True)
        binds = " ".join(f"{self.folder / part}:{place}" for part, place in PLACES.items())
        log = self.folder / "log" / "holder.log"
        argv = ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "--uts", "sh", "-c", _HOLD]
        central = self.folder.parent / "server" / "run"  # the sockets of the lab's server, where it has one
        variables = {"BINDS": binds, "FOLDER": str(self.folder), "NAME": self.name, "CENTRAL": str(central)}
        process = self._popen(argv, log, variables)
        wait_until(lambda: self.is_running() or process.poll() is not None, f"{self.name}: its namespaces (see {log})")
        if not self.is_running():
            raise LabError(f"{self.name}: its namespaces cannot be made: {log.read_text().strip()}")

    def is_running(self) -> bool:
        """Say whether the process that keeps the namespaces is there."""
        return self._holder() is not None

    def problem(self) -> str | None:
        """Say that it does not run, None when it does."""
        return None if self.is_running() else f"{self.name}: is not running; `tunbridge lab up` starts it again"

    def _holder(self) -> int | None:
        return self.pid(self.folder / "holder.pid")

    def attach(self, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
        """Give the host a NIC that leads to a switch."""
        return namespaces.wire(self.namespace, device, switch_namespace, switch, port)

    # Running things inside

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside."""
        holder = self._holder()
        if holder is None:
            raise LabError(self.problem() or f"{self.name}: has just been stopped")
        return ["nsenter", f"--target={holder}", "--net", "--mount", "--uts", "--", *argv]

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside."""
        line = self.command(*argv)
        os.execvpe(line[0], line, environment(**{namespaces.MARK: self.lab}, **environ))  # noqa: S606 - no shell on purpose

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False."""
        environ = environment(**{namespaces.MARK: self.lab})
        return namespaces.run(*self.command(*argv), stdin=stdin, check=check, environ=environ)

    def start(self, log: str, *argv: str, environ: dict[str, str] | None = None) -> int:
        """Start a process inside that outlives this one; its output goes to a file in log/. Gives its id."""
        process = self._popen(self.command(*argv), self.folder / "log" / log, environ or {})
        # nsenter enters the namespaces after it was started: only then is the process known as this host's.
        wait_until(lambda: process.poll() is not None or self._inside(process.pid), f"{self.name}: {argv[0]}")
        return process.pid

    def _popen(self, argv: list[str], log: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        with log.open("ab") as file:
            process = subprocess.Popen(
                argv, env=environment(**{namespaces.MARK: self.lab}, **variables), stdin=subprocess.DEVNULL,
                stdout=file, stderr=file, start_new_session=True, cwd="/",
            )  # fmt: skip
        _children.append(process)
        return process

    def pid(self, pidfile: Path) -> int | None:
        """Give the process of a pid file if it runs in this host's network namespace."""
        _reap()
        try:
            pid = int(pidfile.read_text())
        except (OSError, ValueError):
            return None
        return pid if self._inside(pid) else None

    def _inside(self, pid: int) -> bool:
        process = Path(f"/proc/{pid}")
        try:
            home = (namespaces.NETNS_DIR / self.namespace).stat().st_ino
            return (process / "ns/net").stat().st_ino == home and not namespaces.is_zombie(process)
        except OSError:
            return False

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process inside."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def listen(self, name: str) -> socket.socket:
        """Give a datagram socket that receives what processes inside send to /run/NAME."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(path))
        return listener


_children: list[subprocess.Popen[bytes]] = []


def _reap() -> None:
    """Take the exit status of children that ended, so that they do not linger as zombies of a long-lived caller."""
    for process in list(_children):
        if process.poll() is not None:
            _children.remove(process)

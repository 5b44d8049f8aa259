"""A host of a lab that is a kernel of its own: User Mode Linux, with its openvswitch module.

The kernel is a process in the namespace `tb-<lab>.<host>`, so what removes a lab's namespaces ends it. Its taps come
when it opens them and go when it ends. It shares this machine's file system (hostfs); `uml.sh` is its first process.

The channel into it is OpenSSH over a tap that only this namespace has: streams, exit status, terminals and the
forwarding of the OVSDB socket to the host's folder (Unix sockets do not cross kernels) come with it, so there is no
protocol of ours. One shared connection makes a command cheap.
"""

import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from tunbridge.lab import namespaces
from tunbridge.lab.machine import PLACES, environment, wait_until
from tunbridge.lab.namespaces import LabError

MODULES = Path("/usr/lib/uml/modules")
BOOT_S = 90.0
_TAP = "mgmt"
_OUTER, _INNER = "169.254.255.1", "169.254.255.2"
_INIT = Path(__file__).with_name("uml.sh")
_PACKAGES = {
    "linux.uml": "user-mode-linux", "depmod": "kmod", "ssh": "openssh-client", "ssh-keygen": "openssh-client",
    "/usr/sbin/sshd": "openssh-server",
}  # fmt: skip
_MCONSOLE = struct.Struct("III512s")
_MAGIC, _VERSION = 0xCAFEBABE, 2
"""Of the kernel's management console: arch/um/drivers/mconsole.h."""

_RELAY = """
import os, select, socket, sys
path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
os.write(1, b".")
while True:
    ready, _, _ = select.select([listener, 0], [], [])
    if 0 in ready:
        break
    os.write(1, listener.recv(4096) + b"\\n")
"""
"""Inside: print what comes to a datagram socket, until standard input ends."""


def missing() -> str | None:
    """Name the first package that kernel hosts need and this machine lacks, None when all are there."""
    return next((package for command, package in _PACKAGES.items() if shutil.which(command) is None), None)


class UmlMachine:
    """A machine that is a User Mode Linux kernel; see `Machine`."""

    def __init__(self, lab: str, name: str, folder: Path) -> None:
        self.lab = lab
        self.name = name
        self.folder = folder
        self.namespace = namespaces.namespace(lab, name)

    # Making it

    def create(self) -> None:
        """Boot the kernel; whatever is left of an earlier one goes. Takes 12 s or more: see `uml.sh`."""
        package = missing()
        if package is not None:
            raise LabError(f"kernel hosts need the package {package} (Debian, Ubuntu: apt-get install {package})")
        if (namespaces.NETNS_DIR / self.namespace).exists():
            namespaces.remove([self.namespace])
        shutil.rmtree(self.folder / "uml", ignore_errors=True)
        for part in (*PLACES, "openvswitch", "uml"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").touch()
        namespaces.add(self.namespace)
        self._keys()
        self._boot(self._modules())

    def _keys(self) -> None:
        for key in ("host_key", "key"):
            namespaces.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "uml" / key))

    def _modules(self) -> Path:
        """Index the kernel's modules for modprobe; the package's folder is not ours to write to."""
        versions = sorted(MODULES.iterdir()) if MODULES.is_dir() else []
        if not versions:
            raise LabError(f"{MODULES}: has no modules; apt-get install --reinstall user-mode-linux")
        index = self.folder / "uml" / "index"
        shutil.copytree(versions[-1], index / "lib" / "modules" / versions[-1].name)
        namespaces.run("depmod", "-b", str(index), versions[-1].name)
        return index

    def _boot(self, index: Path) -> None:
        log = self.folder / "log" / "kernel.log"
        binds = ",".join(f"{self.folder / part}:{place}" for part, place in PLACES.items())
        argv = [
            "ip", "netns", "exec", self.namespace, "linux.uml", "umid=kernel", f"uml_dir={self.folder}/uml/",
            "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "mem=512M", f"init={_INIT}",
            f"vec0:transport=tap,ifname={_TAP},depth=128,gro=1", "con=null", "con0=fd:0,fd:1", "quiet",
            f"TB_MODULES={index}", f"TB_FOLDER={self.folder}", f"TB_NAME={self.name}", f"TB_BINDS={binds}",
            f"TB_ADDRESS={_INNER}/30",
        ]  # fmt: skip
        with log.open("ab") as file:
            process = subprocess.Popen(
                argv, env=environment(**{namespaces.MARK: self.lab}), stdin=subprocess.DEVNULL, stdout=file,
                stderr=file, start_new_session=True, cwd="/",
            )  # fmt: skip

        def tap() -> bool:
            return namespaces.run("ip", "-n", self.namespace, "link", "show", _TAP, check=False).returncode == 0

        wait_until(lambda: tap() or process.poll() is not None, f"{self.name}: its kernel (see {log})")
        namespaces.run("ip", "-n", self.namespace, "addr", "replace", f"{_OUTER}/30", "dev", _TAP)
        namespaces.run("ip", "-n", self.namespace, "link", "set", _TAP, "up")
        wait_until(
            lambda: self._connect() or process.poll() is not None, f"{self.name}: its kernel (see {log})", BOOT_S
        )
        if not self.is_running():
            raise LabError(f"{self.name}: its kernel ended: see {log}")

    def _connect(self) -> bool:
        """Open the connection that all commands share; it forwards the OVSDB socket out, and the central one in."""
        sock = "openvswitch/db.sock"
        central = self.folder.parent / "server" / "run" / "db.sock"  # of the lab's server, where it has one
        line = self._ssh(
            "-M", "-N", "-f", "-o", "StreamLocalBindUnlink=yes", "-L", f"{self.folder}/{sock}:/run/{sock}",
            "-R", f"/run/central/db.sock:{central}",
        )  # fmt: skip
        with (self.folder / "log" / "ssh.log").open("ab") as log:
            done = subprocess.run(
                [*line, _INNER], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                env=environment(**{namespaces.MARK: self.lab}),
            )  # fmt: skip
        return done.returncode == 0

    def is_running(self) -> bool:
        """Say whether the kernel runs, and the shared connection into it is there."""
        return self._lives() and namespaces.run(*self._ssh("-O", "check"), _INNER, check=False).returncode == 0

    def _lives(self) -> bool:
        """Say whether the kernel runs: the connection hears of its end only half a minute later."""
        try:
            pid = int((self.folder / "uml" / "kernel" / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return False
        return os.fsencode(f"uml_dir={self.folder}/uml/") in command.split(b"\0")

    def attach(self, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
        """Give it a NIC: a tap that its kernel opens, then moved to the switch. False when it has it."""
        if self.run("ip", "link", "show", device, check=False).returncode == 0:
            return False
        there = self.run("sh", "-c", "ls -d /sys/class/net/*/device | wc -l").stdout
        number = int(there)  # the kernel numbers its NICs from 0, and all are kept until it ends
        self._mconsole(f"config vec{number}:transport=tap,ifname={port},depth=128,gro=1")
        self.run("ip", "link", "set", f"vec{number}", "name", device)
        self.run("ip", "link", "set", device, "up")  # opens the tap
        # Packets that the kernel left to a NIC to complete would reach the switch incomplete.
        self.run("ethtool", "-K", device, "tx", "off", "gso", "off", "gro", "off")
        namespaces.run("ip", "-n", self.namespace, "link", "set", port, "netns", switch_namespace)
        if switch is not None:
            namespaces.run("ip", "-n", switch_namespace, "link", "set", port, "master", switch)
        namespaces.run("ip", "-n", switch_namespace, "link", "set", port, "up")
        return True

    def _mconsole(self, request: str) -> None:
        """Ask the kernel's management console for something. Raises LabError when it refuses."""
        own = self.folder / "uml" / f"mconsole-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as console:
            console.settimeout(10)
            console.bind(str(own))
            try:
                data = request.encode()
                message = _MCONSOLE.pack(_MAGIC, _VERSION, len(data), data)
                console.sendto(message, str(self.folder / "uml" / "kernel" / "mconsole"))
                reply = console.recv(_MCONSOLE.size)
            except OSError as e:
                raise LabError(f"{self.name}: {request}: its kernel does not answer: {e}") from e
            finally:
                own.unlink(missing_ok=True)
        if int.from_bytes(reply[:4], sys.byteorder) != 0:  # an error's number; the text comes after two more
            raise LabError(f"{self.name}: {request}: {reply[12:].decode(errors='replace').strip()}")

    # Running things inside

    def _ssh(self, *options: str) -> list[str]:
        keys = self.folder / "uml"
        given = (
            "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
            "ConnectTimeout=2", "IdentitiesOnly=yes", "ServerAliveInterval=10", f"ControlPath={keys}/ssh",
        )  # fmt: skip
        line = ["nsenter", f"--net=/run/netns/{self.namespace}", "--", "ssh", "-F", "none", "-l", "root"]
        return [*line, "-i", str(keys / "key"), *(f"-o{option}" for option in given), *options]

    def _line(self, *argv: str, terminal: bool = False, **environ: str) -> list[str]:
        """Give the command line; ssh hands one string to a shell there, so each word is quoted."""
        variables = [f"{k}={v}" for k, v in {"PATH": os.environ.get("PATH", os.defpath), **environ}.items()]
        words = ["env", "-C", "/", *variables, *argv]
        return [*self._ssh("-tt" if terminal else "-T"), _INNER, "exec " + shlex.join(words)]

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside."""
        return self._line(*argv)

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside, on a terminal if this process is on one."""
        if not self.is_running():
            raise LabError(f"{self.name}: is not running; `tunbridge lab up` starts it again")
        line = self._line(*argv, terminal=sys.stdin.isatty() and sys.stdout.isatty(), **environ)
        os.execvpe(line[0], line, environment(**{namespaces.MARK: self.lab}))  # noqa: S606 - no shell on purpose

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False."""
        if not self._lives():
            raise LabError(f"{self.name}: its kernel does not run; `tunbridge lab up` starts it again")
        environ = environment(**{namespaces.MARK: self.lab})
        done = namespaces.run(*self.command(*argv), stdin=stdin or "", check=False, environ=environ)
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
            raise LabError(f"{self.name}: {' '.join(argv)}: {said}")
        return done

    def start(self, log: str, *argv: str, environ: dict[str, str] | None = None) -> int:
        """Start a process inside that outlives this one; its output goes to a file in log/. Gives its id there."""
        script = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!'
        variables = [f"{k}={v}" for k, v in (environ or {}).items()]
        given = ("sh", "-c", script, "sh", str(self.folder / "log" / log), "env", *variables, *argv)
        return int(self.run(*given).stdout)

    def pid(self, pidfile: Path) -> int | None:
        """Give the process of a pid file of the folder, which inside is /run, if it runs there."""
        if not self._lives():
            return None
        inside = f"/run/{pidfile.relative_to(self.folder)}"
        script = 'read -r pid < "$1" && grep -q "^State:[[:space:]]*[^ZX]" "/proc/$pid/status" && echo "$pid"'
        done = self.run("sh", "-c", script, "sh", inside, check=False)
        return int(done.stdout) if done.returncode == 0 else None

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process inside."""
        self.run("sh", "-c", 'kill -s "$1" "$2"', "sh", str(int(number)), str(pid), check=False)

    def listen(self, name: str) -> socket.socket:
        """Give a socket that receives what is sent to /run/NAME inside, by a relay that ends when it is closed."""
        ours, relays = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with relays:
            subprocess.Popen(
                self.command(sys.executable, "-c", _RELAY, f"/run/{name}"), stdin=relays.fileno(),
                stdout=relays.fileno(), stderr=subprocess.DEVNULL, env=environment(**{namespaces.MARK: self.lab}),
                start_new_session=True,
            )  # fmt: skip
        ours.settimeout(30)
        try:
            bound = ours.recv(1)
        except TimeoutError:
            bound = b""
        if not bound:
            ours.close()
            raise LabError(f"{self.name}: /run/{name} cannot be listened to")
        return ours

"""A host of a lab that is a kernel of its own: a virtual machine under QEMU, with the kernel's Open vSwitch datapath.

    namespace tb-<lab>.<host>    QEMU (KVM or emulation: qemu.py), the shared ssh connection (ssh.py), the tap `mgmt`
    virtiofsd                    gives the kernel this machine's file system: no disk image
    <lab>/<host>/qemu/           keys, QEMU's monitor, pid files; log/kernel.log is the kernel's console

Inside, `qemu-init.sh` and `qemu-host.sh` run until sshd answers. The kernel's other NICs are plugged in when the lab
wires the host: taps of QEMU that are then moved to the namespace of the switch. What removes a lab's namespaces ends
the kernel.

A kernel that panicked, or whose QEMU was killed, is reported by what is asked of it next, with its last words.
"""

import os
import platform
import shutil
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tunbridge.lab import kernel, namespaces, qemu, ssh
from tunbridge.lab.machine import PLACES, WAIT_S, environment, wait_until
from tunbridge.lab.namespaces import LabError

BOOT_S = 120.0
MEMORY_MB = 512
STALE_S = 2
"""For so long the kernel believes what it knows of a file of this machine (with virtiofsd in Rust: for a day)."""
CONSOLE_LINES, PANIC_LINES = 40, 120
"""How much of a dead kernel's console is shown: its end, and what it said since it panicked."""
_TAP = "mgmt"
_SCRIPT = Path(__file__).with_name("qemu-host.sh")
_VIRTIOFSD = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")
"""Where it is when it is not on the PATH: the one in Rust (Debian 13), and the one in C of QEMU before 8.0."""
_PACKAGES = {
    qemu.PROGRAM: "qemu-system-x86", "busybox": "busybox-static", "modprobe": "kmod", "depmod": "kmod",
    "ssh": "openssh-client", "ssh-keygen": "openssh-client", "/usr/sbin/sshd": "openssh-server",
    "apt-get": "apt", "dpkg-deb": "dpkg",
}  # fmt: skip

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

_NAME_NIC = """
for second in $(seq 300); do
    for nic in /sys/class/net/*; do
        if [ "$(cat "$nic/address")" = "$1" ]; then
            ip link set "${nic##*/}" name "$2" && exec ip link set "$2" up
        fi
    done
    sleep 0.1
done
echo "the kernel does not see the NIC that was plugged in" >&2
exit 1
"""


def why_not() -> str | None:
    """Give why this machine cannot have kernel hosts, with all packages that are missing; None when it can."""
    if platform.machine() != "x86_64":
        return f"kernel hosts need an x86_64 machine, and this one is {platform.machine()}"
    packages = {package for command, package in _PACKAGES.items() if shutil.which(command) is None}
    if _virtiofsd() is None:
        packages.add("virtiofsd" if _is_package("virtiofsd") else "qemu-system-common")
    if not packages:
        return None
    names = " ".join(sorted(packages))
    return f"kernel hosts need packages that are not installed: {names} (Debian, Ubuntu: apt-get install {names})"


def _is_package(name: str) -> bool:
    """Whether apt knows a package: in Debian 12 virtiofsd is not one of its own."""
    argv = ["apt-cache", "show", name]
    return shutil.which(argv[0]) is None or subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _virtiofsd() -> str | None:
    return shutil.which("virtiofsd") or next((path for path in _VIRTIOFSD if os.access(path, os.X_OK)), None)


def prepare(progress: Callable[[str], None]) -> tuple[kernel.Kernel, qemu.Accelerator]:
    """Have a kernel to boot, and know how; takes some seconds the first time on a machine. Raises LabError."""
    reason = why_not()
    if reason is not None:
        raise LabError(reason)
    found = kernel.fetch(progress)
    return found, qemu.accelerator(found)


class QemuMachine:
    """A machine that is a kernel of its own; see `Machine`."""

    def __init__(self, lab: str, name: str, folder: Path) -> None:
        self.lab = lab
        self.name = name
        self.folder = folder
        self.namespace = namespaces.namespace(lab, name)
        self._own = folder / "qemu"
        self._console = folder / "log" / "kernel.log"
        self._channel = ssh.Channel(lab, self.namespace, self._own)

    # Making it

    def create(self) -> None:
        """Boot the kernel; whatever is left of an earlier one goes."""
        found, how = prepare(lambda _: None)
        if (namespaces.NETNS_DIR / self.namespace).exists():
            namespaces.remove([self.namespace])
        shutil.rmtree(self._own, ignore_errors=True)
        for part in (*PLACES, "openvswitch", "qemu"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").touch()
        if self._console.exists():
            self._console.replace(self._console.with_suffix(".log.1"))
        namespaces.add(self.namespace)
        self._channel.make_keys()
        self._write_initrd(found)
        self._boot(found, how)

    def _write_initrd(self, found: kernel.Kernel) -> None:
        environ = {
            "PROBE": "", "SCRIPT": str(_SCRIPT), "FOLDER": str(self.folder), "NAME": self.name,
            "BINDS": " ".join(f"{self.folder / part}:{place}" for part, place in PLACES.items()),
            "ADDRESS": f"{ssh.INNER}/30", "MODULES": str(found.folder),
        }  # fmt: skip
        (self._own / "initrd").write_bytes(kernel.initrd(found, environ))

    def _boot(self, found: kernel.Kernel, how: qemu.Accelerator) -> None:
        self._serve_files()
        argv = [
            qemu.PROGRAM, *how.arguments, *qemu.machine(MEMORY_MB), *qemu.boot(found, self._own / "initrd", how),
            "-chardev", f"socket,id=files,path={self._own}/files", "-serial", f"file:{self._console}",
            "-device", "vhost-user-fs-pci,chardev=files,tag=machine", "-pidfile", str(self._own / "pid"),
            "-netdev", f"tap,id={_TAP},ifname={_TAP},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev={_TAP},romfile=", "-qmp", f"unix:{self._own}/qmp,server=on,wait=off",
        ]  # fmt: skip
        process = self._popen(["ip", "netns", "exec", self.namespace, *argv], "qemu.log")

        def until(condition: Callable[[], bool], seconds: float) -> None:
            wait_until(lambda: condition() or process.poll() is not None, f"{self.name}: its kernel boots", seconds)
            if process.poll() is not None:
                raise LabError(self.problem() or f"{self.name}: QEMU does not start")

        until(lambda: _TAP in namespaces.devices(self.namespace), WAIT_S)
        namespaces.run("ip", "-n", self.namespace, "addr", "replace", f"{ssh.OUTER}/30", "dev", _TAP)
        namespaces.run("ip", "-n", self.namespace, "link", "set", _TAP, "up")
        until((self._own / "ready").exists, BOOT_S)
        central = self.folder.parent / "server" / "run" / "db.sock"  # of the lab's server, where it has one
        sock = "openvswitch/db.sock"
        opened = self._channel.open(
            self.folder / "log" / "ssh.log", {self.folder / sock: f"/run/{sock}"}, {"/run/central/db.sock": central}
        )
        if not opened:
            raise LabError(self.problem() or self._silent())

    def _serve_files(self) -> None:
        """Start what gives the kernel this machine's files; it ends with QEMU."""
        program = _virtiofsd()
        assert program is not None, "checked by prepare()"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(self._own / "files"))
            listener.listen(1)
            fd = listener.fileno()
            # Without its cache an emulated kernel would read, and QEMU translate, each program anew at each start.
            given = ["-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=always", "-o", f"timeout={STALE_S}"]
            if b"shared-dir" in subprocess.run([program, "--help"], capture_output=True, check=False).stdout:
                given = ["--shared-dir=/", "--sandbox=chroot", "--cache=always"]
            self._popen([program, f"--fd={fd}", *given], "virtiofsd.log", fd)

    def _popen(self, argv: list[str], log: str, *fds: int) -> subprocess.Popen[bytes]:
        with (self.folder / "log" / log).open("wb") as file:
            return subprocess.Popen(
                argv, env=environment(**{namespaces.MARK: self.lab}), stdin=subprocess.DEVNULL, stdout=file,
                stderr=file, start_new_session=True, cwd="/", pass_fds=fds,
            )  # fmt: skip

    def attach(self, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
        """Give it a NIC: a tap of QEMU, then moved to the switch. False when it has it."""
        if port in namespaces.devices(switch_namespace):
            return False
        if port in self._plugged():  # its tap went with the switch's namespace, or its plugging was cut short
            self._unplug(port)
        mac = _mac(f"{self.lab} {self.name} {device}")
        nic = {"driver": "virtio-net-pci", "id": port, "netdev": port, "mac": mac, "romfile": ""}
        self._qmp(
            ("netdev_add", {"type": "tap", "id": port, "ifname": port, "script": "no", "downscript": "no"}),
            ("device_add", nic),
        )
        self.run("sh", "-c", _NAME_NIC, "sh", mac, device)
        namespaces.run("ip", "-n", self.namespace, "link", "set", port, "netns", switch_namespace)
        if switch is not None:
            namespaces.run("ip", "-n", switch_namespace, "link", "set", port, "master", switch)
        namespaces.run("ip", "-n", switch_namespace, "link", "set", port, "up")
        return True

    def _unplug(self, port: str) -> None:
        self._qmp(("device_del", {"id": port}))
        wait_until(lambda: port not in self._plugged(), f"{self.name}: its kernel lets go of {port}", BOOT_S)
        self._qmp(("netdev_del", {"id": port}))

    def _plugged(self) -> set[str]:
        """Name the devices that were plugged in."""
        (devices,) = self._qmp(("qom-list", {"path": "/machine/peripheral"}))
        return {device["name"] for device in devices}

    def _qmp(self, *commands: tuple[str, dict[str, str]]) -> list[Any]:
        try:
            return qemu.qmp(self._own / "qmp", *commands)
        except LabError as e:
            raise LabError(self.problem() or f"{self.name}: {e}") from e

    # Whether it lives

    def is_running(self) -> bool:
        """Whether the kernel runs, and the shared connection into it is there."""
        return self._lives() and self._channel.is_open()

    def _lives(self) -> bool:
        """Whether QEMU runs: the connection hears of its end only half a minute later."""
        pidfile = self._own / "pid"
        try:
            command = Path(f"/proc/{int(pidfile.read_text())}/cmdline").read_bytes()
        except (OSError, ValueError):
            return False
        return os.fsencode(pidfile) in command.split(b"\0")

    def problem(self) -> str | None:
        """Say that its kernel has ended, with the end of its console and what QEMU said. None while it runs."""
        if self._lives():
            return None
        if not self._console.exists():
            return f"{self.name}: its kernel does not run; `tunbridge lab up` starts it"
        return f"{self.name}: its kernel has ended (`tunbridge lab up` boots it again){self._last_words()}"

    def _silent(self) -> str:
        return f"{self.name}: its kernel runs, but does not answer{self._last_words()}"

    def _last_words(self) -> str:
        said = [line for log in (self._console, self.folder / "log" / "qemu.log") for line in _end(log)]
        return "\n".join([f"; the end of {self._console}:", *said]) if said else f"; {self._console} is empty"

    # Running things inside

    def command(self, *argv: str) -> list[str]:
        """Give the command line that runs `argv` inside."""
        return self._channel.line(*argv, PATH=os.environ.get("PATH", os.defpath))

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside, on a terminal if this process is on one."""
        if not self.is_running():
            raise LabError(self.problem() or self._silent())
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        line = self._channel.line(*argv, terminal=terminal, PATH=os.environ.get("PATH", os.defpath), **environ)
        os.execvpe(line[0], line, environment(**{namespaces.MARK: self.lab}))  # noqa: S606 - no shell on purpose

    def run(self, *argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end. Raises LabError when it fails, unless `check` is False.

        A kernel that has ended, or ends meanwhile, is always an error.
        """
        dead = self.problem()
        if dead is not None:
            raise LabError(dead)
        environ = environment(**{namespaces.MARK: self.lab})
        done = namespaces.run(*self.command(*argv), stdin=stdin or "", check=False, environ=environ)
        if done.returncode == ssh.FAILED and not self.is_running():
            raise LabError(self.problem() or self._silent())
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
                self.command(sys.executable, "-I", "-S", "-c", _RELAY, f"/run/{name}"), stdin=relays.fileno(),
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
            raise LabError(self.problem() or f"{self.name}: /run/{name} cannot be listened to")
        return ours


def _mac(of: str) -> str:
    """Give a locally administered MAC address that is always the same for the same NIC."""
    number = zlib.crc32(of.encode())
    return "52:54:" + ":".join(f"{(number >> shift) & 255:02x}" for shift in (24, 16, 8, 0))


def _end(log: Path) -> list[str]:
    """Give the last lines of a log, and those since a panic, without what would move a terminal's cursor."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = ["".join(c for c in line if c.isprintable()) for line in text.splitlines()]
    lines = [f"  {line}" for line in lines if line.strip()]
    panics = [number for number, line in enumerate(lines) if "Kernel panic" in line]
    return lines[max(0, min(len(lines) - CONSOLE_LINES, panics[0] - 1 if panics else len(lines))) :][:PANIC_LINES]

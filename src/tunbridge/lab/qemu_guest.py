"""A VM that is a machine of its own: QEMU on its host, Debian's kernel, busybox, and a tap plugged into br-int.

    on its host    QEMU, in the host's namespaces; the tap; the folder /run/vm/NAME with all that follows
    pid, initrd    QEMU's process, and the guest's first and only files (qemu-guest.sh)
    console        the guest's first serial line: a shell
    commands       the second one: a line is a command, see qemu-guest.sh; commands.log has what came out of it

The guest gets its address by DHCP as any other would, so nothing of the network is known to it beforehand. Where KVM
does not work it is emulated: then it is up after some ten seconds.
"""

import base64
import contextlib
import os
import re
import secrets
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path
from typing import NoReturn

from tunbridge.lab import kernel, qemu
from tunbridge.lab.guest import DEVICE, UDHCPC, Vm, not_running
from tunbridge.lab.host import Host
from tunbridge.lab.machine import NamespaceMachine, wait_until
from tunbridge.lab.namespaces import LabError
from tunbridge.openvswitch import plugging

MEMORY_MB = 192
ANSWER_S = 120.0
_INIT = Path(__file__).with_name("qemu-guest.sh")
_MODULES = ("virtio_pci", "virtio_net", "8021q")
"""8021q: VLAN interfaces, for networks that carry VLAN tags of VMs, and for trunks."""
_PACKAGES = {qemu.PROGRAM: "qemu-system-x86", "busybox": "busybox-static", "modprobe": "kmod", "depmod": "kmod",
             "apt-get": "apt", "dpkg-deb": "dpkg"}  # fmt: skip
_END = re.compile(rb"\x1e(\d+)\n")
_LEAVE = b"\x1d"
_ADDRESS = re.compile(r"^\d+: \S+ +inet6? ([0-9a-f.:]+)/\d+ (?!.*tentative).*scope global", re.MULTILINE)


class QemuGuest:
    """A VM that is a machine; see `guest.Guest`."""

    def __init__(self, vm: Vm, host: Host) -> None:
        self._vm = vm
        self._host = host
        self._folder = host.folder / "vm" / vm.name
        """As it is seen from outside the host, which has it at `vm.folder`."""

    def device(self, mtu: int, owner: str) -> plugging.Device:
        vm = self._vm
        return plugging.Device(port_id=vm.port_id, name=self._tap, mac=vm.mac, mtu=mtu, tap=True, vm=owner)

    @property
    def _tap(self) -> str:
        return f"tap{self._vm.port_id[:11]}"

    def prepare(self) -> None:
        if not isinstance(self._host.machine, NamespaceMachine):
            raise LabError(f"{self._host.name} is a kernel of its own: a machine under QEMU needs a host of namespaces")
        if missing := sorted({p for command, p in _PACKAGES.items() if shutil.which(command) is None}):
            raise LabError(f"a machine under QEMU needs packages that are not installed: {' '.join(missing)}")
        found = kernel.fetch(lambda _: None)
        self._folder.mkdir(parents=True)
        environ, scripts = {"NAME": self._vm.name}, {"udhcpc.sh": UDHCPC.encode()}
        (self._folder / "initrd").write_bytes(kernel.initrd(found, environ, _INIT, _MODULES, scripts))

    def start(self, ipv6: bool) -> None:  # noqa: ARG002 - its kernel makes addresses of what is advertised, or does not
        found, inside = kernel.fetch(lambda _: None), Path(self._vm.folder)
        how = qemu.accelerator(found)
        serials = []
        for name in ("console", "commands"):
            where = f"path={inside}/{name},server=on,wait=off,logfile={inside}/{name}.log"
            serials += ["-chardev", f"socket,id={name},{where}", "-serial", f"chardev:{name}"]
        self._host.start(
            f"vm-{self._vm.name}.log", qemu.PROGRAM, *how.arguments, *qemu.machine(MEMORY_MB),
            *qemu.boot(found, inside / "initrd", how, "8250.nr_uarts=2"), *serials,
            # Nobody completes a checksum that is left to a device: the switch may be a userspace datapath.
            "-netdev", f"tap,id=net,ifname={self._tap},script=no,downscript=no,vnet_hdr=off",
            "-device", f"virtio-net-pci,netdev=net,mac={self._vm.mac},romfile=", "-pidfile", f"{inside}/pid",
        )  # fmt: skip

    def pid(self) -> int | None:
        return self._host.machine.pid(self._folder / "pid")

    def addresses(self) -> list[str]:
        if not self._is_up():
            return []
        return _ADDRESS.findall(self.run("ip", "-o", "addr", "show", "dev", DEVICE).stdout)

    def _is_up(self) -> bool:
        """Whether it reads commands by now: it has said so on their line."""
        with contextlib.suppress(OSError):
            return _END.search((self._folder / "commands.log").read_bytes()) is not None
        return False

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        status, output = self._ask(*argv)
        if status != 0:
            raise LabError(f"{self._vm.name}: {' '.join(argv)}: {output.strip() or f'exit status {status}'}")
        return subprocess.CompletedProcess(argv, status, output, "")

    def _ask(self, *argv: str) -> tuple[int, str]:
        """Have a command done; its exit status, and all that it prints."""
        if self.pid() is None:
            raise not_running(self._vm)
        if not self._is_up():
            raise LabError(f"VM {self._vm.name} has not booted yet; see {self._folder}/console.log")
        mark = secrets.token_hex(8)
        line = base64.b64encode(f"echo {mark}\n{shlex.join(argv)}\n".encode()) + b"\n"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
                channel.settimeout(ANSWER_S)
                channel.connect(str(self._folder / "commands"))
                channel.sendall(line)
                return _answer(channel, f"{mark}\n".encode())
        except OSError as e:
            raise LabError(f"VM {self._vm.name} does not answer: {e}; see {self._folder}/console.log") from e

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        variables = [f"{name}={value}" for name, value in environ.items()]
        status, output = self._ask("env", *variables, *argv)
        sys.stdout.write(output)
        sys.stdout.flush()
        raise SystemExit(status)

    def shell(self) -> NoReturn:
        if self.pid() is None:
            raise not_running(self._vm)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
            console.connect(str(self._folder / "console"))
            sys.stderr.write(f"console of {self._vm.name}; Ctrl-] leaves it\r\n")
            console.sendall(b"\n")
            _talk(console)
        raise SystemExit(0)

    def stop(self) -> None:
        if (process := self.pid()) is not None:
            self._host.machine.signal(process, signal.SIGKILL)
            wait_until(lambda: self.pid() is None, f"{self._vm.name}: QEMU's end")
        with contextlib.suppress(plugging.PlugError):
            plugging.unplug(self._host.run, self._vm.port_id)
        shutil.rmtree(self._folder, ignore_errors=True)


def _answer(channel: socket.socket, mark: bytes) -> tuple[int, str]:
    """What follows a mark, up to the exit status behind it."""
    received, deadline = b"", time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        _, found, output = received.partition(mark)
        if found and (end := _END.search(output)) is not None:
            return int(end[1]), output[: end.start()].decode(errors="replace")
        if not (more := channel.recv(65536)):
            raise ConnectionError("QEMU has ended")
        received += more
    raise TimeoutError(f"no answer within {ANSWER_S:g} s")


def _talk(console: socket.socket) -> None:
    """Join this process's terminal, or its standard streams, with a console until one of them ends."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal) if os.isatty(terminal) else None
    try:
        if before is not None:
            tty.setraw(terminal)
        while True:
            ready, _, _ = select.select([terminal, console], [], [])
            if console in ready:
                if not (said := console.recv(4096)):
                    return
                os.write(sys.stdout.fileno(), said)
            if terminal in ready:
                typed = os.read(terminal, 4096)
                if not typed or _LEAVE in typed:
                    return
                console.sendall(typed)
    finally:
        if before is not None:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

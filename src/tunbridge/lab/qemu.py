"""QEMU as kernel hosts use it: which acceleration works here, and its monitor's protocol (QMP).

A `/dev/kvm` is no proof that KVM works: on some virtual machines a kernel hangs on it before its first line, or QEMU
aborts. So a kernel is booted on it once, up to its first process, within `PROBE_S`; what came of it is remembered until
this machine boots again or has another QEMU or kernel. Where KVM does not work, QEMU emulates the processor.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tunbridge.lab.kernel import CACHE, Kernel, cache_lock, initrd
from tunbridge.lab.namespaces import LabError

PROGRAM = "qemu-system-x86_64"
PROBE_S = 10.0
"""A kernel takes less than 1 s to its first process with KVM."""
QMP_S = 30.0
_KVM = Path("/dev/kvm")
_MARK = "tunbridge-kvm-works"
_COMMON = "console=ttyS0 quiet panic=-1 oops=panic cryptomgr.notests 8250.nr_uarts=1"
"""A kernel that fails ends, with its last words on the console; and two waits of the boot are left out."""

_EMULATED = "norandmaps mitigations=off random.trust_cpu=on tsc=reliable nowatchdog"


class Accelerator(Struct, frozen=True):
    """How QEMU runs a kernel: `name` is "kvm" or "tcg" (emulation); `why` says it in words."""

    name: str
    why: str

    @property
    def arguments(self) -> list[str]:
        """The part of QEMU's command line. Emulated code is kept in up to 256 MiB."""
        if self.name == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        # What makes address translation and entering the kernel longer is only cost here.
        return ["-accel", "tcg,tb-size=256", "-cpu", "max,la57=off,smap=off,smep=off,pku=off"]

    @property
    def kernel_line(self) -> str:
        """The kernel's command line.

        Emulation translates code by its address: with the same addresses in each process most is translated once, and
        an emulated processor has no hardware flaws to guard against.
        """
        return _COMMON if self.name == "kvm" else f"{_COMMON} {_EMULATED}"


KVM = Accelerator("kvm", "KVM")


class _Answer(Struct):
    """What a probe found, and for which boot of this machine, QEMU and kernel."""

    of: list[str]
    problem: str | None


def accelerator(
    kernel: Kernel, cache: Path = CACHE, device: Path = _KVM, program: str = PROGRAM, seconds: float = PROBE_S
) -> Accelerator:
    """Give KVM where a kernel was seen to boot on it, else emulation. Takes up to `seconds`, once."""
    if not os.access(device, os.R_OK | os.W_OK):
        return _emulated(f"there is no {device} to use")
    of = [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), kernel.release, _identity(program)]
    remembered = cache / "kvm.json"
    with cache_lock(cache):
        answer = _read(remembered)
        if answer is None or answer.of != of:
            answer = _Answer(of, _probe(kernel, program, seconds))
            remembered.write_bytes(msgspec.json.encode(answer))
    return KVM if answer.problem is None else _emulated(answer.problem)


def _emulated(problem: str) -> Accelerator:
    return Accelerator("tcg", f"emulated, since {problem}")


def _identity(program: str) -> str:
    path = shutil.which(program)
    return f"{path} {Path(path).stat().st_mtime_ns}" if path else program


def _read(remembered: Path) -> _Answer | None:
    try:
        return msgspec.json.decode(remembered.read_bytes(), type=_Answer)
    except (OSError, msgspec.DecodeError):
        return None


def _probe(kernel: Kernel, program: str, seconds: float) -> str | None:
    """Boot the kernel with KVM to its first process; give what went wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "initrd")
        first.write_bytes(initrd(kernel, {"PROBE": _MARK}))
        argv = [program, *KVM.arguments, *machine(256), *boot(kernel, first, KVM), "-serial", "stdio"]
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False, cwd="/"
            )
        except subprocess.TimeoutExpired:
            return f"a kernel did not boot with KVM within {seconds:g} s"
        except OSError as e:
            return f"{program} cannot be run: {e.strerror}"
    if _MARK.encode() in done.stdout:
        return None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return f"a kernel does not boot with KVM ({said[0] if said else f'QEMU ended with {done.returncode}'})"


def machine(megabytes: int) -> list[str]:
    """Give the command line of a machine with one processor and no devices; a panic or reboot ends it.

    Its memory is a file without a name, so that another process (virtiofsd) can be given it.
    """
    return [
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", str(megabytes),
        "-object", f"memory-backend-memfd,id=memory,size={megabytes}M,share=on", "-machine", "pc,memory-backend=memory",
    ]  # fmt: skip


def boot(kernel: Kernel, first: Path, how: Accelerator, more: str = "") -> list[str]:
    """Give the command line that boots a kernel with its first files; `more`: of the kernel's own command line."""
    return ["-kernel", str(kernel.image), "-initrd", str(first), "-append", f"{how.kernel_line} {more}".rstrip()]


def qmp(path: Path, *commands: tuple[str, dict[str, str]]) -> list[Any]:
    """Have a running QEMU's monitor do commands, in order, and give what they return. Raises LabError.

    https://www.qemu.org/docs/master/interop/qmp-spec.html
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as monitor:
            monitor.settimeout(QMP_S)
            monitor.connect(str(path))
            with monitor.makefile("rw", encoding="utf-8") as stream:
                stream.readline()  # its greeting
                returned = []
                for name, arguments in (_NEGOTIATE, *commands):
                    stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                    stream.flush()
                    returned.append(_await_return(stream.readline, name))
                return returned[1:]
    except (OSError, ValueError) as e:
        raise LabError(f"QEMU's monitor does not answer: {e}") from e


_NEGOTIATE: tuple[str, dict[str, str]] = ("qmp_capabilities", {})


def _await_return(readline: Callable[[], str], name: str) -> Any:
    """Read events until the command's answer. Raises LabError when it is an error or the connection ends."""
    while line := readline():
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(f"QEMU: {name}: {answer['error'].get('desc', answer['error'])}")
        if "return" in answer:
            return answer["return"]
    raise LabError(f"QEMU: {name}: it ended")

"""The Linux kernel that kernel hosts boot: Debian's own, unpacked into a cache and not installed, and its first files.

Debian's cloud kernel has Open vSwitch, its tunnels, connection tracking, IPv6, virtio and virtiofs as modules. The
package is downloaded once by `apt-get download`, which checks its signature, and kept:

    /var/cache/tunbridge/kernel/RELEASE/    boot/vmlinuz-RELEASE, lib/modules/RELEASE (with depmod's index)

Delete that folder to have the newest kernel fetched again. `initrd` packs what the kernel needs to reach this machine's
file system: busybox, what it is linked with, the modules for virtiofs, `qemu-init.sh`, and variables for it.
"""

import contextlib
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from tunbridge.lab import namespaces
from tunbridge.lab.namespaces import LabError

CACHE = Path("/var/cache/tunbridge")
PACKAGE = "linux-image-cloud-amd64"
"""A package without files that depends on the newest kernel's."""
_INIT = Path(__file__).with_name("qemu-init.sh")
_FIRST_MODULES = ("virtio_pci", "virtiofs")
"""What reaching this machine's file system takes; all other modules are loaded from there."""
_LIBRARY = re.compile(r"(?:=> |^\s+)(/\S+) \(0x", re.MULTILINE)


class Kernel(Struct, frozen=True):
    """An unpacked kernel package."""

    folder: Path
    release: str

    @property
    def image(self) -> Path:
        """The compressed kernel, for `qemu -kernel`."""
        return self.folder / "boot" / f"vmlinuz-{self.release}"


@contextlib.contextmanager
def cache_lock(cache: Path = CACHE) -> Iterator[None]:
    """Let one process at a time fetch or probe, so that the others find the result. Raises LabError."""
    import fcntl  # not on every platform where hosts can be drawn

    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as e:
        raise LabError(f"{cache}: kernels for hosts cannot be kept there: {e.strerror}") from e


def fetch(progress: Callable[[str], None], cache: Path = CACHE) -> Kernel:
    """Give the cached kernel; download and unpack it the first time (27 MB, 110 MB unpacked). Raises LabError."""
    kernels = cache / "kernel"
    with cache_lock(cache):
        found = sorted(p.name for p in kernels.iterdir()) if kernels.is_dir() else []
        if found:
            return Kernel(kernels / found[-1], found[-1])
        progress(f"downloading Debian's {PACKAGE} into {kernels}, this once")
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = _unpack(Path(folder))
            kernels.mkdir(exist_ok=True)
            (made.folder).rename(kernels / made.release)
        return Kernel(kernels / made.release, made.release)


def _unpack(folder: Path) -> Kernel:
    package = _package()
    _apt("apt-get", "download", "-q", package, folder=folder)
    (file,) = folder.glob("*.deb")
    namespaces.run("dpkg-deb", "-x", str(file), str(folder / "kernel"))
    release = next(folder.glob("kernel/lib/modules/*")).name
    namespaces.run("depmod", "-b", str(folder / "kernel"), release)
    return Kernel(folder / "kernel", release)


def _package() -> str:
    """Name the package of the newest kernel, that `PACKAGE` depends on."""
    shown = _apt("apt-cache", "show", "--no-all-versions", PACKAGE)
    depends = next((line for line in shown.splitlines() if line.startswith("Depends: ")), "")
    name = depends.removeprefix("Depends: ").partition(" ")[0]
    if not name.startswith("linux-image-"):
        raise LabError(f"kernel hosts boot Debian's {PACKAGE}, which apt-get does not find here")
    return name


def _apt(*argv: str, folder: Path | None = None) -> str:
    """Run apt; refresh its package lists and try again when that fails, as in a new container. Raises LabError."""
    for again in (False, True):
        if again:
            subprocess.run(["apt-get", "update"], capture_output=True, check=False)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode == 0:
            return done.stdout
    said = done.stderr.strip() or f"exit status {done.returncode}"
    raise LabError(f"kernel hosts boot Debian's {PACKAGE}, which cannot be fetched: {' '.join(argv)}: {said}")


def initrd(
    kernel: Kernel,
    environ: Mapping[str, str],
    init: Path = _INIT,
    modules: Iterable[str] = _FIRST_MODULES,
    more: Mapping[str, bytes] = MappingProxyType({}),
) -> bytes:
    """Pack the kernel's first files; `init` finds `environ` as shell variables; `more`: scripts. Raises LabError."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "among the programs that are checked before"
    files = {
        "init": (0o755, init.read_bytes()),
        **{name: (0o755, content) for name, content in more.items()},
        "busybox": (0o755, Path(busybox).read_bytes()),
        "environ": (0o644, "".join(f"{k}={shlex.quote(v)}\n" for k, v in environ.items()).encode()),
    }
    libraries = _libraries(busybox)
    files |= {path.lstrip("/"): (0o755, Path(path).read_bytes()) for path in libraries}
    for number, module in enumerate(_modules(kernel, modules)):
        files[f"modules/{number:02}-{module.name}"] = (0o644, module.read_bytes())
    parents = {str(parent) for path in libraries for parent in Path(path.lstrip("/")).parents} - {"."}
    return cpio(["proc", "sys", "dev", "modules", "machine", *sorted(parents)], files)


def _libraries(program: str) -> list[str]:
    """The shared libraries of a program and its loader: none of Debian's busybox-static, some of its busybox."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return _LIBRARY.findall(done.stdout)


def _modules(kernel: Kernel, names: Iterable[str]) -> Iterable[Path]:
    """Give the files of the first modules, each after those that it needs."""
    argv = ("modprobe", "-d", str(kernel.folder), "-S", kernel.release, "--show-depends")
    lines = [line for module in names for line in namespaces.run(*argv, module).stdout.splitlines()]
    return dict.fromkeys(Path(line.split()[1]) for line in lines if line.startswith("insmod "))


def cpio(folders: Iterable[str], files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """Make an archive of the kind that kernels unpack at boot: "newc" of cpio(5). `files`: name -> mode, content."""
    entries = [(name, 0o040755, b"") for name in folders]
    entries += [(name, 0o100000 | mode, content) for name, (mode, content) in files.items()]
    out = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        encoded = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)

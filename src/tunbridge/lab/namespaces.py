"""Network namespaces of a lab: make, wire, list the processes in them, remove. A thin edge over iproute2.

Everything of a lab is in namespaces named `tb-<lab>.<part>`, and what it starts carries the lab's name in its
environment. Whatever else was lost (a killed `up`, a deleted folder), these two are enough to find all processes and
interfaces again and to remove them. A lab's name has no dot, so that no lab's name is the beginning of another's.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from tunbridge.errors import TunbridgeError

PREFIX = "tb-"
NETNS_DIR = Path("/run/netns")
MARK = "TUNBRIDGE_LAB"
"""Environment variable of every process that a lab starts: the lab's name."""
KILL_TIMEOUT_S = 10.0
_PACKAGES = {
    "ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux", "ethtool": "ethtool", "ping": "iputils-ping",
    "ovs-vsctl": "openvswitch-switch", "ovsdb-server": "openvswitch-switch", "ovsdb-tool": "openvswitch-switch",
    "ovs-vswitchd": "openvswitch-switch",
}  # fmt: skip


class LabError(TunbridgeError):
    """A step of a lab failed; the text names the step and what the system said."""

    exit_status = 1


def run(
    *argv: str, stdin: str | None = None, check: bool = True, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises LabError when it fails (unless `check` is False) or is not installed."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, env=environ)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed{_package(argv[0])}") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip() or f'exit status {done.returncode}'}")
    return done


def _package(command: str) -> str:
    package = _PACKAGES.get(command)
    return f" (Debian, Ubuntu: apt-get install {package})" if package else ""


def require(*commands: str) -> None:
    """Raise LabError unless this is root with these commands installed."""
    if os.geteuid() != 0:
        raise LabError("a lab needs root, since its hosts are network namespaces; try again with sudo")
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        packages = " ".join(sorted({_PACKAGES[command] for command in missing}))
        are = "is" if len(missing) == 1 else "are"
        raise LabError(f"{', '.join(missing)} {are} not installed (Debian, Ubuntu: apt-get install {packages})")


def namespace(lab: str, part: str) -> str:
    """Name the namespace of one part of a lab."""
    return f"{PREFIX}{lab}.{part}"


def names(lab: str) -> list[str]:
    """Name the namespaces of a lab that exist."""
    return sorted(p.name for p in NETNS_DIR.glob(f"{PREFIX}{lab}.*")) if NETNS_DIR.is_dir() else []


def labs() -> set[str]:
    """Name the labs that have a namespace."""
    if not NETNS_DIR.is_dir():
        return set()
    return {p.name.removeprefix(PREFIX).split(".")[0] for p in NETNS_DIR.glob(f"{PREFIX}*.*")}


def add(name: str) -> None:
    """Make a namespace, unless it is there, with its loopback up. It forwards nothing, whatever this machine does."""
    if not (NETNS_DIR / name).exists():
        run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    set_ipv4(name, "ip_forward", 0)


def set_ipv4(name: str, setting: str, value: int) -> None:
    """Write a setting of /proc/sys/net/ipv4 of a namespace; a new one has those of the root namespace."""
    run("ip", "netns", "exec", name, "sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{setting}")


def processes(remaining: Collection[str], lab: str | None = None) -> list[int]:
    """Give the ids of the processes in these namespaces; with `lab`, also of those that carry its mark."""
    homes = {inode for name in remaining if (inode := _inode(NETNS_DIR / name)) is not None}
    mark = f"{MARK}={lab}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            ours = _inode(folder / "ns/net") in homes
            ours = ours or (lab is not None and mark in (folder / "environ").read_bytes().split(b"\0"))
            if ours and int(folder.name) != os.getpid() and not is_zombie(folder):
                found.append(int(folder.name))
    return found


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def is_zombie(folder: Path) -> bool:
    """Say whether the process of this /proc folder has ended, and waits only for its parent. Raises OSError."""
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def remove(remaining: Collection[str], lab: str | None = None) -> None:
    """End every process of these namespaces (and of `lab`), then remove them with all interfaces. Raises LabError."""
    _end(remaining, lab)
    for name in remaining:
        run("ip", "netns", "del", name)
    _end((), lab)  # what was on its way into a namespace


def _end(remaining: Collection[str], lab: str | None) -> None:
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while pids := processes(remaining, lab):
        if time.monotonic() > deadline:
            raise LabError(f"processes do not end: {', '.join(map(str, pids))}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def devices(name: str) -> set[str]:
    """Name the network devices in a namespace. Raises LabError when it is not there."""
    return {link["ifname"] for link in msgspec.json.decode(run("ip", "-j", "-n", name, "link", "show").stdout)}


def bridge(name: str, device: str, address: str | None = None, alias: str = "") -> None:
    """Make a Linux bridge in a namespace, unless it is there: a switch that learns and floods."""
    if device not in devices(name):
        run("ip", "-n", name, "link", "add", device, "type", "bridge", "forward_delay", "0", "stp_state", "0")
    run("ip", "-n", name, "link", "set", device, "alias", alias, "up")
    if address is not None:
        run("ip", "-n", name, "addr", "replace", address, "dev", device)


def wire(name: str, device: str, switch_namespace: str, switch: str | None, port: str) -> bool:
    """Lay a wire, unless it is there, from a device in one namespace to a switch in another (None: to no switch).

    True when it was not there.
    """
    new = device not in devices(name)
    if new:
        run("ip", "-n", name, "link", "add", device, "type", "veth", "peer", "name", port, "netns", switch_namespace)
    if switch is not None:
        run("ip", "-n", switch_namespace, "link", "set", port, "master", switch)
    # A userspace datapath does not complete the checksums that veth leaves to hardware.
    for place, end in ((name, device), (switch_namespace, port)):
        run("ip", "netns", "exec", place, "ethtool", "-K", end, "tx", "off")
        run("ip", "-n", place, "link", "set", end, "up")
    return new

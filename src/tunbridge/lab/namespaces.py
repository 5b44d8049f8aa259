"""Network namespaces of a lab: make, wire, list the processes in them, remove. A thin edge over iproute2.

Everything of a lab is in namespaces named `tb-<lab>-…`. Whatever else was lost (a killed `up`, a deleted folder), these
names are enough to find all its processes and interfaces again and to remove them.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tunbridge.errors import TunbridgeError

PREFIX = "tb-"
NETNS_DIR = Path("/run/netns")
KILL_TIMEOUT_S = 10.0


class LabError(TunbridgeError):
    """A step of a lab failed; the text names the step and what the system said."""

    exit_status = 1


def run(*argv: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises LabError when it fails (unless `check` is False) or is not installed."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed{_package(argv[0])}") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip() or f'exit status {done.returncode}'}")
    return done


def _package(command: str) -> str:
    packages = {
        "ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux", "ethtool": "ethtool",
        "ovs-vsctl": "openvswitch-switch", "ovsdb-server": "openvswitch-switch", "ovsdb-tool": "openvswitch-switch",
        "ovs-vswitchd": "openvswitch-switch",
    }  # fmt: skip
    return f" (Debian, Ubuntu: apt-get install {packages[command]})" if command in packages else ""


def require(*commands: str) -> None:
    """Raise LabError unless this is root with these commands installed."""
    if os.geteuid() != 0:
        raise LabError("a lab needs root: it makes network namespaces")
    for command in commands:
        if shutil.which(command) is None:
            raise LabError(f"{command} is not installed{_package(command)}")


def namespace(lab: str, part: str) -> str:
    """Name the namespace of one part of a lab."""
    return f"{PREFIX}{lab}-{part}"


def names(lab: str | None = None) -> list[str]:
    """Name the namespaces that exist, of one lab or of all labs."""
    prefix = PREFIX if lab is None else f"{PREFIX}{lab}-"
    return sorted(p.name for p in NETNS_DIR.glob(f"{prefix}*")) if NETNS_DIR.is_dir() else []


def add(name: str) -> None:
    """Make a namespace, with its loopback up."""
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")


def processes(name: str) -> list[int]:
    """Give the ids of the processes whose network namespace this is."""
    done = run("ip", "netns", "pids", name, check=False)
    return [int(word) for word in done.stdout.split()]


def remove(remaining: Sequence[str]) -> None:
    """End every process in these namespaces, then remove them with all their interfaces. Raises LabError."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while pids := [pid for name in remaining for pid in processes(name)]:
        if time.monotonic() > deadline:
            raise LabError(f"processes do not end: {', '.join(map(str, pids))}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    for name in remaining:
        run("ip", "netns", "del", name)


def bridge(name: str, device: str, address: str | None = None) -> None:
    """Make a Linux bridge in a namespace: a switch that learns and floods."""
    run("ip", "-n", name, "link", "add", device, "type", "bridge", "forward_delay", "0", "stp_state", "0")
    run("ip", "-n", name, "link", "set", device, "up")
    if address is not None:
        run("ip", "-n", name, "addr", "add", address, "dev", device)


def wire(name: str, device: str, switch_namespace: str, switch: str, port: str) -> None:
    """Lay a wire from a new device in one namespace to a switch in another; both ends are up."""
    run("ip", "-n", name, "link", "add", device, "type", "veth", "peer", "name", port, "netns", switch_namespace)
    run("ip", "-n", switch_namespace, "link", "set", port, "master", switch)
    # A userspace datapath does not complete the checksums that veth leaves to hardware.
    for place, end in ((name, device), (switch_namespace, port)):
        run("ip", "netns", "exec", place, "ethtool", "-K", end, "tx", "off")
        run("ip", "-n", place, "link", "set", end, "up")

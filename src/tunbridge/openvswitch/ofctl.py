"""Read and write the flows of a bridge with `ovs-ofctl`, through the bridge's management socket.

One OpenFlow version for both, or the text read back differs from the text written. A bundle is one atomic step in
vswitchd: all of it or none.
"""

import contextlib
import socket
import subprocess
from pathlib import Path

from tunbridge.errors import TunbridgeError

VERSION = "OpenFlow14"
TIMEOUT_S = 30


class OfctlError(TunbridgeError):
    """ovs-ofctl failed; the text is what it said."""

    exit_status = 1


def management_socket(rundir: str, bridge: str) -> Path:
    """Give the path of the socket on which vswitchd takes OpenFlow for one bridge."""
    return Path(rundir) / f"{bridge}.mgmt"


def answers(rundir: str, bridge: str) -> bool:
    """Whether somebody listens on the management socket: vswitchd has made the bridge."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.settimeout(1.0)
        try:
            s.connect(str(management_socket(rundir, bridge)))
        except OSError:
            return False
        return True


def dump_flows(rundir: str, bridge: str) -> str:
    """Give all flows as text, port numbers as numbers, without counters. Raises OfctlError."""
    return _run(rundir, bridge, "dump-flows", ["--no-stats", "--no-names"])


def bundle(rundir: str, bridge: str, text: str) -> None:
    """Apply the lines of a bundle (`flow add …`, `flow delete_strict …`) in one step. Raises OfctlError."""
    _run(rundir, bridge, "bundle", [], ["-"], text)


def _run(
    rundir: str, bridge: str, command: str, options: list[str], arguments: list[str] | None = None, text: str = ""
) -> str:
    target = f"unix:{management_socket(rundir, bridge)}"
    argv = ["ovs-ofctl", "-O", VERSION, *options, command, target, *(arguments or [])]
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise OfctlError("ovs-ofctl is not installed (Debian, Ubuntu: package openvswitch-switch)") from None
    except subprocess.TimeoutExpired:
        raise OfctlError(
            f"{bridge}: ovs-ofctl {command} took more than {TIMEOUT_S} s; vswitchd does not answer"
        ) from None
    if done.returncode != 0:
        raise OfctlError(f"{bridge}: ovs-ofctl {command} failed: {done.stderr.strip()}")
    return done.stdout

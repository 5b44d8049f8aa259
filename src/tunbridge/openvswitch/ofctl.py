"""Read and write the flows of a bridge with `ovs-ofctl`, through the bridge's management socket.

One OpenFlow version for both, or the text read back differs from the text written. A bundle is one atomic step in
vswitchd: all of it or none.
"""

import contextlib
import re
import socket
import subprocess
from pathlib import Path

from tunbridge.errors import TunbridgeError

VERSION = "OpenFlow14"
TIMEOUT_S = 30
_UNREACHABLE = re.compile(
    "connecting to unix:|failed to connect to socket|is not a bridge or a socket|connection reset|end of file", re.I
)


class OfctlError(TunbridgeError):
    """ovs-ofctl failed; the text is what it said."""

    exit_status = 1


class UnreachableError(OfctlError):
    """Nobody takes OpenFlow for that bridge: vswitchd is not running, or has not made the bridge yet."""


def management_socket(rundir: str, bridge: str) -> Path:
    """Give the path of the socket on which vswitchd takes OpenFlow for one bridge."""
    return Path(rundir) / f"{bridge}.mgmt"


def answers(rundir: str, bridge: str) -> bool:
    """Whether somebody listens on the management socket.

    Cheap, but vswitchd logs a warning of the dropped connection: to be asked only of one that did not answer before.
    """
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


def command(rundir: str, bridge: str, name: str, *arguments: str) -> str:
    """Run another command of ovs-ofctl on one bridge, as `dump-groups`, and give what it prints. Raises OfctlError."""
    return _run(rundir, bridge, name, [], list(arguments))


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
        error = done.stderr.strip()
        kind = UnreachableError if _UNREACHABLE.search(error) else OfctlError
        raise kind(f"{bridge}: ovs-ofctl {command} failed: {error}")
    return done.stdout

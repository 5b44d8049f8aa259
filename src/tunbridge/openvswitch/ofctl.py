"""Read and write the flows of a bridge with `ovs-ofctl`, through the bridge's management socket.

One OpenFlow version for both, or the text read back differs from the text written. A bundle is one atomic step in
vswitchd: all of it or none.
"""

import asyncio
import contextlib
import re
import socket
import subprocess
from collections.abc import Sequence
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


async def command_async(rundir: str, bridge: str, name: str, *options: str, arguments: Sequence[str] = ()) -> str:
    """Run a command of ovs-ofctl on one bridge without blocking the event loop. Raises OfctlError."""
    return await call(bridge, _argv(rundir, bridge, name, options, arguments))


async def call(subject: str, argv: Sequence[str], text: str = "") -> str:
    """Run ovs-ofctl without blocking the event loop, and give what it prints. Raises OfctlError about `subject`."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError:
        raise _missing() from None
    try:
        async with asyncio.timeout(TIMEOUT_S):  # wait_for swallows a cancellation that comes at its end (Python 3.11)
            output, errors = await process.communicate(text.encode())
    except TimeoutError:
        raise _late(subject, argv) from None
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise _failed(subject, argv, errors.decode(errors="replace"))
    return output.decode(errors="replace")


def _run(
    rundir: str, bridge: str, command: str, options: list[str], arguments: list[str] | None = None, text: str = ""
) -> str:
    argv = _argv(rundir, bridge, command, options, arguments or ())
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise _missing() from None
    except subprocess.TimeoutExpired:
        raise _late(bridge, argv) from None
    if done.returncode != 0:
        raise _failed(bridge, argv, done.stderr)
    return done.stdout


def _argv(
    rundir: str, bridge: str, command: str, options: Sequence[str] = (), arguments: Sequence[str] = ()
) -> list[str]:
    target = f"unix:{management_socket(rundir, bridge)}"
    return ["ovs-ofctl", "-O", VERSION, *options, command, target, *arguments]


def _missing() -> OfctlError:
    return OfctlError("ovs-ofctl is not installed (Debian, Ubuntu: package openvswitch-switch)")


def _late(subject: str, argv: Sequence[str]) -> OfctlError:
    return OfctlError(f"{subject}: {_words(argv)} took more than {TIMEOUT_S} s; vswitchd does not answer")


def _failed(subject: str, argv: Sequence[str], stderr: str) -> OfctlError:
    error = stderr.strip()
    kind = UnreachableError if _UNREACHABLE.search(error) else OfctlError
    return kind(f"{subject}: {_words(argv)} failed: {error}")


def _words(argv: Sequence[str]) -> str:
    """Give what was run without options and target: `ovs-ofctl dump-flows`."""
    return f"ovs-ofctl {next(word for word in argv[3:] if not word.startswith('-'))}"

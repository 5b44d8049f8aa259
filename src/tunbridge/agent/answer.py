"""The Unix socket on which the agent tells its status, and how to ask it.

The loop itself answers: an agent that hangs does not, so who asks can tell `running` from `hung`. Nothing is written
at rest, and nothing on disk can be out of date. The folder and the socket are root's alone; a question has no content,
so there is nothing that could be asked for but to be told.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import ovs.poller

from tunbridge.agent.log import Log
from tunbridge.agent.status import Status, decode, encode
from tunbridge.errors import TunbridgeError

ANSWER_S = 2.0
"""Longest wait for an answer. Most take a millisecond; the loop is longer away only when `ovs-ofctl` hangs."""
_NAME = "status.sock"


class NotRunningError(TunbridgeError):
    """No agent answers on this host."""

    exit_status = 3


class HungError(TunbridgeError):
    """There is an agent, but it does not answer, or not in a way that we understand."""

    exit_status = 4


class Answering:
    """The agent's end. Where the socket cannot be had, that is told in the log, and the agent does its work."""

    def __init__(self, run_dir: str, log: Log) -> None:
        self._path = Path(run_dir) / _NAME
        self._sock: socket.socket | None = None
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                sock.bind(str(new))
            finally:
                os.umask(before)
            sock.listen(8)
            new.rename(self._path)  # in the place of one that a killed agent left
        except OSError as e:
            sock.close()
            log.warning("no status socket: `tunbridge host status` will not find this agent", path=str(self._path),
                        error=str(e))  # fmt: skip
            return
        self._sock = sock

    def run(self, status: Callable[[], Status]) -> None:
        """Answer everybody who asks now."""
        while self._sock is not None:
            try:
                asking, _ = self._sock.accept()
            except BlockingIOError:
                return
            with asking, contextlib.suppress(OSError):
                asking.settimeout(ANSWER_S / 4)  # who asks and does not listen keeps nobody for long
                asking.sendall(encode(status()))

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` wakes when somebody asks."""
        if self._sock is not None:
            poller.fd_wait(self._sock.fileno(), ovs.poller.POLLIN)

    def close(self) -> None:
        """Answer no more."""
        if self._sock is not None:
            self._sock.close()
            self._path.unlink(missing_ok=True)


def ask(run_dir: str, timeout: float = ANSWER_S) -> Status:
    """Ask the agent of this host. Raises NotRunningError, HungError (no answer within `timeout` seconds)."""
    path = Path(run_dir) / _NAME
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect(str(path))
        except PermissionError:
            raise TunbridgeError(f"{path}: only root may ask the agent") from None
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunningError(f"no agent runs here (nobody answers on {path})") from None
        except OSError as e:
            raise HungError(f"{path}: the agent does not answer: {e}") from e
        (pid,) = struct.unpack("i8x", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        try:
            text = b"".join(iter(lambda: sock.recv(1 << 20), b""))
        except OSError:
            raise HungError(f"the agent (process {pid}) has not answered for {timeout:g} s: it hangs") from None
    try:
        return decode(text)
    except msgspec.MsgspecError as e:
        raise HungError(f"the agent (process {pid}) answers in another way than this version expects: {e}") from e

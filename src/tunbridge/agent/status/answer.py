"""The Unix socket on which the agent tells its status, and how to ask it.

A thread answers with what the loop has put on the `Bulletin`, so also while the loop is busy; a process that is stopped
does not answer, and that tells as much. Nothing is written at rest, and nothing on disk can be out of date. The folder
and the socket are root's alone; a question has no content, so nothing can be asked for but to be told.
"""

import contextlib
import socket
import struct
import threading
from pathlib import Path

import msgspec

from tunbridge import unix_sockets
from tunbridge.agent.status.bulletin import HUNG_S, Bulletin
from tunbridge.agent.status.document import Answer, decode, encode
from tunbridge.errors import TunbridgeError
from tunbridge.log import Log

ANSWER_S = 2.0
"""Longest wait for an answer. Most take a millisecond."""
_NAME = "status.sock"


class NotRunningError(TunbridgeError):
    """No agent answers on this host."""

    exit_status = 3


class HungError(TunbridgeError):
    """There is an agent, but it does not answer, or not in a way that we understand."""

    exit_status = 4


class Answering:
    """The agent's end: a thread that answers everybody. Where the socket cannot be had, the log tells so."""

    def __init__(self, run_dir: str, bulletin: Bulletin, log: Log) -> None:
        self._path = Path(run_dir) / _NAME
        self._bulletin = bulletin
        try:
            self._sock: socket.socket | None = _listen(self._path)
        except OSError as e:
            self._sock = None
            log.warning("no status socket: `tunbridge host status` will not find this agent", path=str(self._path),
                        error=str(e))  # fmt: skip
            return
        threading.Thread(target=self._answer, args=(self._sock,), name="status", daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        while True:
            try:
                asking, _ = sock.accept()
            except OSError:
                return  # closed: the agent ends
            with asking, contextlib.suppress(OSError):
                asking.settimeout(ANSWER_S / 4)  # who asks and does not listen keeps others for no longer
                asking.sendall(encode(self._bulletin.read()))

    def close(self) -> None:
        """Answer no more."""
        if self._sock is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)  # wakes the thread
            self._sock.close()


def _listen(path: Path) -> socket.socket:
    """Listen for root alone, in the place of a socket that a killed agent left."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    sock = unix_sockets.bound(new, 8)
    try:
        new.rename(path)
    except OSError:
        sock.close()
        raise
    return sock


def ask(run_dir: str, timeout: float = ANSWER_S) -> Answer:
    """Ask the agent of this host. Raises NotRunningError, HungError (no answer within `timeout` seconds, or stuck)."""
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
        answer = decode(text)
    except msgspec.MsgspecError as e:
        raise HungError(f"the agent (process {pid}) answers in another way than this version expects: {e}") from e
    if answer.busy_s > HUNG_S:
        raise HungError(f"the agent (process {pid}) has been in one step for {answer.busy_s:.0f} s: it hangs")
    return answer

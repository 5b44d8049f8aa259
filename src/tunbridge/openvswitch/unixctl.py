"""Ask a running daemon of Open vSwitch what `ovs-appctl` asks it: JSON-RPC over its control socket (ovs-appctl(8)).

Only what reads is asked here, of the daemon beside a database's socket; one that does not answer is no error.
"""

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunbridge.errors import TunbridgeError

TIMEOUT = 2.0
"""Seconds for all questions together."""
_ANSWER_MAX = 256 * 1024 * 1024


class ControlError(TunbridgeError):
    """A daemon refused a question, or does not answer."""


def control_socket(rundir: Path, daemon: str) -> Path | None:
    """Give the socket of `daemon` in its run directory, by its pidfile; None when it does not run there."""
    try:
        path = rundir / f"{daemon}.{int((rundir / f'{daemon}.pid').read_text())}.ctl"
        return path if path.is_socket() else None
    except (OSError, ValueError):
        return None


def ask(path: Path, questions: Sequence[tuple[str, ...]], timeout: float = TIMEOUT) -> list[str | None]:
    """Ask each question (a command and its arguments) in turn; None for one that was refused or not answered."""
    answers: list[str | None] = [None] * len(questions)
    deadline = time.monotonic() + timeout
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(timeout)
            control.connect(str(path))
            for number, (method, *params) in enumerate(questions):
                control.sendall(json.dumps({"method": method, "params": params, "id": number}).encode())
                answers[number] = _answer(control, deadline)
    except (OSError, ValueError):
        pass  # what was answered before stands
    return answers


def call(path: Path, method: str, *params: str, timeout: float = TIMEOUT) -> str:
    """Ask one question, and give the answer. Raises ControlError with what the daemon says, or that it says nothing."""
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(timeout)
            control.connect(str(path))
            control.sendall(json.dumps({"method": method, "params": params, "id": 0}).encode())
            reply = _reply(control, time.monotonic() + timeout)
    except (OSError, ValueError) as e:
        raise ControlError(f"{path}: does not answer: {e}") from e
    if reply.get("error") is not None:
        raise ControlError(str(reply["error"]).strip())
    return str(reply.get("result") or "")


def _answer(control: socket.socket, deadline: float) -> str | None:
    """Wait for the result of one reply; None when it was refused. Raises as `_reply`."""
    result = _reply(control, deadline).get("result")
    return None if result is None else str(result)


def _reply(control: socket.socket, deadline: float) -> dict[str, Any]:
    """Wait for one reply. Raises OSError when none comes in time, ValueError when it is none."""
    text = bytearray()  # hundreds of megabytes of connections, a piece at a time
    while len(text) < _ANSWER_MAX:
        control.settimeout(max(deadline - time.monotonic(), 0.001))
        part = control.recv(65536)
        if not part:
            raise ConnectionError
        text += part
        if part.rstrip().endswith(b"}"):
            reply = _whole(text)
            if reply is not None:
                return reply if isinstance(reply, dict) else {}
    raise ValueError("an answer without an end")


def _whole(text: bytearray) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # the rest is to come

"""A bundle as the bytes that `ovs-ofctl` sends, to be sent again within a millisecond over a connection that is open.

A process for a bundle takes 10 ms and more. Where each one costs packets, that is too much: so `ovs-ofctl` is run
before, against a socket of ours that answers as a switch does, and what it sent is kept. It stays the only one that
writes flows.
"""

import contextlib
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tunbridge.openvswitch.ofctl import TIMEOUT_S, VERSION, OfctlError, UnreachableError, management_socket
from tunbridge.openvswitch.openflow.wire import ERROR, HEADER, HELLO, OFP14_VERSION, message

BARRIER_REQUEST, BARRIER_REPLY, BUNDLE_CONTROL = 20, 21, 33  # OpenFlow 1.4.1, section 7.1.1
OPEN_REQUEST, COMMIT_REQUEST, COMMIT_REPLY = 0, 4, 5  # enum ofp_bundle_ctrl_type, section 7.3.9.2
ANSWER_S = 5.0
_HELLO = message(HELLO, struct.pack("!HHI", 1, 8, 1 << OFP14_VERSION))


def record(text: str) -> bytes:
    """Give what `ovs-ofctl bundle` sends for this text. Raises OfctlError: it does not take the text."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        path = str(Path(folder) / "switch")
        listening.bind(path)
        listening.listen(1)
        listening.settimeout(TIMEOUT_S)
        argv = ["ovs-ofctl", "-O", VERSION, "--no-names", "bundle", f"unix:{path}", "-"]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdin is not None
                assert process.stderr is not None
                process.stdin.write(text)
                process.stdin.close()
                while True:  # it ends before it connects when it does not understand the text
                    listening.settimeout(0.1)
                    with contextlib.suppress(TimeoutError):
                        calling, _ = listening.accept()
                        break
                    if process.poll() is not None:
                        raise OfctlError(f"ovs-ofctl bundle failed: {process.stderr.read().strip()}")
                with calling:
                    calling.settimeout(TIMEOUT_S)
                    return _answer_as_switch(calling)
            finally:
                process.kill()


def _answer_as_switch(calling: socket.socket) -> bytes:
    """Say yes to everything until the commit, and give what came."""
    calling.sendall(_HELLO)
    sent = b""
    for kind, xid, body, whole in _messages(calling):
        if kind == HELLO:
            continue
        sent += whole
        if kind == BARRIER_REQUEST:
            calling.sendall(message(BARRIER_REPLY, b"", xid))
        elif kind == BUNDLE_CONTROL:
            bundle, step, flags = struct.unpack_from("!IHH", body)
            calling.sendall(message(BUNDLE_CONTROL, struct.pack("!IHH", bundle, step + 1, flags), xid))
            if step == COMMIT_REQUEST:
                return sent
    raise OfctlError("ovs-ofctl bundle ended before its commit")


def _messages(sock: socket.socket) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Give type, transaction id, body and the whole of each message until the connection ends."""
    waiting = b""
    while data := sock.recv(65536):
        waiting += data
        while len(waiting) >= HEADER.size:
            _, kind, length, xid = HEADER.unpack_from(waiting)
            if length < HEADER.size:
                raise OfctlError("not OpenFlow")
            if len(waiting) < length:
                break
            whole, waiting = waiting[:length], waiting[length:]
            yield kind, xid, whole[HEADER.size :], whole


class Player:
    """An open connection to one bridge, and the bundle for it. Raises UnreachableError when nobody answers there."""

    def __init__(self, rundir: str, bridge: str, recorded: bytes) -> None:
        self.bridge = bridge
        self._recorded = recorded
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(ANSWER_S)
        try:
            self._sock.connect(str(management_socket(rundir, bridge)))
            self._sock.sendall(_HELLO)
            self._replies = _messages(self._sock)
            kind, *_ = next(self._replies)
        except (OSError, StopIteration) as e:
            self._sock.close()
            raise UnreachableError(f"{bridge}: ovs-vswitchd does not answer: {e}") from e
        if kind != HELLO:
            self._sock.close()
            raise UnreachableError(f"{bridge}: ovs-vswitchd does not speak {VERSION}")

    def play(self) -> bool:
        """Send the bundle, and wait until it is done. False when the switch refused it. Raises UnreachableError."""
        try:
            self._sock.sendall(self._recorded)
            well = True
            for kind, _, body, _ in self._replies:
                if kind == ERROR:
                    well = False
                if kind == BUNDLE_CONTROL and struct.unpack_from("!IH", body)[1] == COMMIT_REPLY:
                    return well
                if kind == ERROR and self._is_commit(body):
                    return False
        except OSError as e:
            raise UnreachableError(f"{self.bridge}: ovs-vswitchd does not answer: {e}") from e
        raise UnreachableError(f"{self.bridge}: ovs-vswitchd has closed the connection")

    def _is_commit(self, error: bytes) -> bool:
        """Whether an error is the answer to the commit: it holds the beginning of the message that it is about."""
        about = error[4:]
        if len(about) < HEADER.size + 6:
            return False
        return about[1] == BUNDLE_CONTROL and struct.unpack_from("!H", about, HEADER.size + 4)[0] == COMMIT_REQUEST

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

"""Sockets inside the namespaces of workloads, held by the test: connections with both ends at hand, raw frames."""

import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tests.packets.cloud import SLOWNESS, Workload, wait_until
from tunbridge.lab.namespaces import NETNS_DIR

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
PATIENCE_S = 3.0 * SLOWNESS
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10
SO_RCVBUFFORCE, ROOM = 33, 1 << 22
"""Frames of some seconds wait in a socket until they are looked at."""
AUXDATA = struct.Struct("IIIHHHH")
_libc = ctypes.CDLL(None, use_errno=True)


def inside(namespace: str, make: Callable[[], T]) -> T:
    """Call something in a network namespace: a thread of its own enters it, and ends. Sockets stay in theirs."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with (NETNS_DIR / namespace).open() as file:
                if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            results.append(make())
        except BaseException as e:
            errors.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Tcp:
    """A TCP connection between two workloads."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._near, self._far = near, far
        for end in (near, far):
            end.settimeout(0.4 * SLOWNESS)

    def is_alive(self) -> bool:
        """Whether a byte gets there and another one back."""
        try:
            for one, other in ((self._near, self._far), (self._far, self._near)):
                one.send(b"?")
                other.recv(100)
        except OSError:
            return False
        return True

    @property
    def client_port(self) -> int:
        """The port of the client's end."""
        port: int = self._near.getsockname()[1]
        return port

    def until_cut(self) -> None:
        """Wait until nothing passes any more, and find that it stays so."""
        wait_until(lambda: not self.is_alive(), "the connection is cut")
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            assert not self.is_alive()

    def close(self) -> None:
        self._near.close()
        self._far.close()


def connect(
    client: Workload, server: Workload, port: int, seconds: float = PATIENCE_S, address: str | None = None
) -> Tcp | None:
    """Connect to a port that listens just for this; None when that does not succeed in time.

    `address`: of the server, in place of its first IPv4 address.
    """
    address = address or server.address

    def listening() -> socket.socket:
        made = socket.create_server(("", port), family=_family(address))
        made.settimeout(1.0)
        return made

    with inside(server.namespace, listening) as listener:
        near = inside(client.namespace, lambda: socket.socket(_family(address)))
        near.settimeout(seconds)
        try:
            near.connect((address, port))
            return Tcp(near, listener.accept()[0])
        except OSError:
            near.close()
            return None


def connects(
    client: Workload, server: Workload, port: int, seconds: float = PATIENCE_S, address: str | None = None
) -> bool:
    """Whether a connection can be made within a time."""
    made = connect(client, server, port, seconds, address)
    if made is not None:
        made.close()
    return made is not None


def never_connects(client: Workload, server: Workload, port: int, address: str | None = None) -> bool:
    """Whether no connection can be made, once a change that was made just before has come to the hosts."""
    deadline = time.monotonic() + 5 * SLOWNESS
    while connects(client, server, port, 0.5, address):
        if time.monotonic() > deadline:
            return False
    return not connects(client, server, port, 1, address)


def connected(client: Workload, server: Workload, port: int, address: str | None = None) -> Tcp:
    """A connection that has to come about."""
    made = connect(client, server, port, address=address)
    assert made is not None
    return made


def gets_datagram(client: Workload, server: Workload, port: int, size: int, seconds: float = 1.0) -> bool:
    """Whether one of several UDP datagrams arrives whole."""

    def bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("", port))
        made.settimeout(0.2)
        return made

    with (
        inside(server.namespace, bound) as receiver,
        inside(client.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender,
    ):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            sender.sendto(b"d" * size, (server.address, port))
            try:
                return len(receiver.recv(65535)) == size
            except TimeoutError:
                continue
        return False


class Wire:
    """The wire of a workload, or of a device outside: whole frames, sent and seen."""

    def __init__(self, namespace: str, device: str = "eth0") -> None:
        def opened() -> socket.socket:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            made.bind((device, ETH_P_ALL))
            made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
            return made

        self._socket = inside(namespace, opened)

    def send(self, *frames: object) -> None:
        """Send frames: bytes, or packets of scapy."""
        for frame in frames:
            self._socket.send(bytes(frame))  # type: ignore[call-overload]

    def seen(self, until: Callable[[bytes], bool], seconds: float = PATIENCE_S) -> list[bytes]:
        """Frames that came in until one that is looked for, with this one; all of them if it never came."""
        found = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame, told, _, (_, _, kind, *_) = self._socket.recvmsg(65535, 256)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING:
                continue
            frame = _with_tag(frame, told)
            found.append(frame)
            if until(frame):
                break
        return found

    def close(self) -> None:
        self._socket.close()


def _with_tag(frame: bytes, told: list[tuple[int, int, bytes]]) -> bytes:
    """Put the VLAN tag back that the kernel took off and tells beside the frame (packet(7), PACKET_AUXDATA)."""
    for level, kind, data in told:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, protocol = map(int, AUXDATA.unpack(data[: AUXDATA.size]))
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + protocol.to_bytes(2) + tci.to_bytes(2) + frame[12:]
    return frame


@contextmanager
def wire(workload: Workload, device: str = "eth0") -> Iterator[Wire]:
    """The wire of a workload for a while."""
    made = Wire(workload.namespace, device)
    try:
        yield made
    finally:
        made.close()

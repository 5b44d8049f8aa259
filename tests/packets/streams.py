"""Connections that carry something every 10 ms while something happens to their path, and new ones again and again."""

import contextlib
import itertools
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Literal

from tests.packets.cloud import PING_S, SLOWNESS, wait_until
from tests.packets.sockets import inside

_SIZE = 8
_PATIENCE_S = 3.0 * SLOWNESS
_SILENT_S = 0.7


class _Background:
    """Something that goes on in a thread, and notes when it succeeded."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def _start(self, *runs: Callable[[], None]) -> None:
        self.times.append(time.monotonic())
        self._threads = [threading.Thread(target=run, daemon=True) for run in runs]
        for thread in self._threads:
            thread.start()

    def _stop(self) -> float:
        times = [*self.times, time.monotonic()]
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return max(later - earlier for earlier, later in itertools.pairwise(times))


class Talk(_Background):
    """One connection, TCP or UDP: what a client in one namespace sends is sent back from another one."""

    def __init__(
        self, kind: Literal["tcp", "udp"], client: str, server: str, address: str, port: int, own: str = ""
    ) -> None:
        """`address`: by which the client knows the server, `own`: its own one. Raises OSError where it is not there."""
        super().__init__()
        made = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        listener = inside(server, lambda: socket.socket(socket.AF_INET, made))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((own, port))
        self._near = inside(client, lambda: socket.socket(socket.AF_INET, made))
        self._near.settimeout(_PATIENCE_S)
        if kind == "tcp":
            listener.listen()
            listener.settimeout(_PATIENCE_S)
            self._near.connect((address, port))
            self._far = listener.accept()[0]
            listener.close()
            for end in (self._near, self._far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self._far = listener
            self._near.connect((address, port))
        self.sent = self.answered = 0
        self.error: OSError | None = None
        self._near.setblocking(False)
        self._start(self._send, self._answer)

    def _send(self) -> None:
        while not self._ending.wait(PING_S):
            try:
                self.sent += self._near.send(b"?" * _SIZE) // _SIZE
                while select.select([self._near], [], [], 0)[0]:
                    got = self._near.recv(4096)
                    self.answered += len(got) // _SIZE
                    self.times.append(time.monotonic())
            except BlockingIOError:
                continue
            except OSError as e:
                self.error = e
                return

    def _answer(self) -> None:
        self._far.settimeout(0.1)
        while not self._ending.is_set():
            try:
                data, who = self._far.recvfrom(4096)
                if who is None:
                    self._far.sendall(data)
                else:
                    self._far.sendto(data, who)
            except TimeoutError:
                continue
            except OSError as e:
                self.error = self.error or e
                return

    def until_silent(self) -> None:
        """Wait until nothing comes back any more."""
        wait_until(lambda: time.monotonic() - self.times[-1] > _SILENT_S, "nothing comes back", 10)

    def until_answered(self, what: str) -> None:
        """Wait until something comes back that was sent from now on."""
        now = time.monotonic()
        wait_until(lambda: self.times[-1] > now, what, 20)

    def end(self) -> float:
        """The longest time in which nothing came back, in seconds."""
        longest = self._stop()
        self._near.close()
        self._far.close()
        return longest


class Dialling(_Background):
    """New TCP connections, one after the other, each given up after a fifth of a second."""

    def __init__(self, client: str, server: str, address: str, port: int) -> None:
        super().__init__()
        self._client, self._to = client, (address, port)
        self._listener = inside(server, lambda: socket.create_server(("", port), backlog=100))
        self._start(lambda: inside(client, self._dial), self._accept)

    def _dial(self) -> None:
        while not self._ending.wait(0.05):
            with contextlib.suppress(OSError), socket.create_connection(self._to, 0.2) as made:
                if made.recv(1):
                    self.times.append(time.monotonic())

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ending.is_set():
            with contextlib.suppress(OSError):
                made, _ = self._listener.accept()
                with made:
                    made.send(b"!")

    def end(self) -> float:
        """The longest time in which no new connection came about, in seconds."""
        longest = self._stop()
        self._listener.close()
        return longest

"""The TCP connections of VMs with a service of this host, over packet-in and packet-out.

Each connection belongs to the OpenFlow port that it came from. What a VM can hold here is bounded: connections for each
port and altogether, bytes of a request, seconds of silence; its packets have passed a meter. What is said in it is for
the service to know: metadata (metadata/proxy.py), names (name_server.py).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from tunbridge.dataplane.local import Workload
from tunbridge.dataplane.responders.segments import ACK, MODULUS, SYN, Segment, read_tcp
from tunbridge.dataplane.responders.tcp import Connection, State
from tunbridge.log import Log

PER_PORT, ALTOGETHER = 16, 2048
"""Connections at a time."""
R = TypeVar("R")
_Key = tuple[int, str, int, str, int]
"""OpenFlow port, and both ends."""


class Caller(Struct, frozen=True):
    """Who asks: the port of the VM, and the address that it sent from, which is its own if port security is on."""

    port_id: str
    address: str


class Reply(Struct, frozen=True):
    """What goes back to a VM."""

    data: bytes
    keeps: bool = True
    """Whether the connection goes on."""


class RefusedError(Exception):
    """What a VM has sent is no request. `reply` goes back, and the connection ends."""

    def __init__(self, reply: bytes = b"") -> None:
        super().__init__("no request")
        self.reply = reply


class Service(Protocol[R]):
    """What listens on a TCP port."""

    port: int

    def take(self, received: bytearray, /) -> R | None:
        """Take the first request out of what was received; None while it is not all there. Raises RefusedError."""

    async def answer(self, caller: Caller, request: R, /) -> Reply:
        """Answer a request."""

    def fail(self, request: R, /) -> Reply:
        """What goes back when `answer` has raised something: a mistake of ours."""


SendFrame = Callable[[bytes, int], None]
"""Sends a frame out of an OpenFlow port of br-int."""


class _Session:
    """A connection, and what is being done for it."""

    def __init__(self, caller: Caller, connection: Connection, ofport: int) -> None:
        self.caller = caller
        self.connection = connection
        self.ofport = ofport
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.finished = False
        """Whether no further request is taken."""


class Endpoint(Generic[R]):
    """All connections of this host with a service."""

    def __init__(self, service: Service[R], send: SendFrame, log: Log) -> None:
        self._service = service
        self._send = send
        self._log = log
        self._sessions: dict[_Key, _Session] = {}

    def take(self, packet: bytes, workload: Workload, mtu: int) -> bool:
        """Take a packet of a VM; False when it belongs to nothing. Raises MalformedError. `mtu`: of its network."""
        segment = read_tcp(packet)
        key = (workload.ofport, str(segment.src), segment.sport, str(segment.dst), segment.dport)
        session = self._sessions.get(key)
        if session is not None and session.connection.lingers and segment.flags & (SYN | ACK) == SYN:
            self._forget(key)  # a new connection between the same ports (RFC 9293, 3.6.1)
            session = None
        if session is None:
            if (
                segment.flags & (SYN | ACK) != SYN
                or segment.dport != self._service.port
                or not self._make_room(workload.ofport)
            ):
                self._refuse(segment, workload.ofport)
                return False
            session = self._open(segment, workload, mtu)
            self._sessions[key] = session
        else:
            session.connection.take(segment, _now())
            self._read(key, session)
        self._flush(key, session)
        return True

    def close(self) -> None:
        """Forget all connections: who goes on with one is told that it is no more."""
        for session in self._sessions.values():
            self._release(session)
        self._sessions.clear()

    def __len__(self) -> int:
        return len(self._sessions)

    def _make_room(self, ofport: int) -> bool:
        """Whether the VM may have one more connection; one that only lingers gives way to it."""
        own = [key for key in self._sessions if key[0] == ofport]
        if len(own) >= PER_PORT:
            return self._drop_lingering(own)
        return len(self._sessions) < ALTOGETHER or self._drop_lingering(self._sessions)

    def _drop_lingering(self, keys: Iterable[_Key]) -> bool:
        """Forget the first of these connections that only lingers; False when there is none."""
        key = next((key for key in keys if self._sessions[key].connection.lingers), None)
        if key is None:
            return False
        self._forget(key)
        return True

    def _forget(self, key: _Key) -> None:
        self._release(self._sessions.pop(key))

    def _refuse(self, segment: Segment, ofport: int) -> None:
        if (reset := segment.reset()) is not None:
            self._send(reset.encode(), ofport)

    @staticmethod
    def _open(syn: Segment, workload: Workload, mtu: int) -> _Session:
        connection = Connection(syn, secrets.randbelow(MODULUS), mtu, _now())
        return _Session(Caller(workload.port_id, str(syn.src)), connection, workload.ofport)

    def _read(self, key: _Key, session: _Session) -> None:
        """Begin with the next request when it is there, and none is being answered."""
        if session.task is not None or session.finished:
            return
        try:
            request = self._service.take(session.connection.received)
        except RefusedError as e:
            self._answer(session, Reply(e.reply, keeps=False))
            return
        if request is not None:
            session.task = asyncio.create_task(self._answer_request(key, session, request))
        elif session.connection.peer_closed:
            self._finish(session)

    async def _answer_request(self, key: _Key, session: _Session, request: R) -> None:
        try:
            reply = await self._service.answer(session.caller, request)
        except Exception as e:  # whatever it is: the next request is another one
            self._log.error("a request of a VM could not be answered", port=session.caller.port_id, exc_info=e)
            reply = self._service.fail(request)
        session.task = None
        self._answer(session, reply)
        self._read(key, session)
        self._flush(key, session)

    def _answer(self, session: _Session, reply: Reply) -> None:
        session.connection.send(reply.data, _now())
        if not reply.keeps:
            self._finish(session)

    @staticmethod
    def _finish(session: _Session) -> None:
        session.finished = True
        session.connection.close(_now())

    def _flush(self, key: _Key, session: _Session) -> None:
        """Send what is to be sent, and see when the connection wants to be looked at again."""
        connection = session.connection
        for segment in connection.take_output():
            self._send(segment.encode(), session.ofport)
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None
        if connection.state is State.CLOSED:
            if self._sessions.get(key) is session:
                del self._sessions[key]
            self._release(session)
            return
        loop = asyncio.get_running_loop()
        session.timer = loop.call_at(connection.deadline, self._expired, key, session)

    def _expired(self, key: _Key, session: _Session) -> None:
        session.timer = None
        session.connection.expire(_now())
        self._flush(key, session)

    @staticmethod
    def _release(session: _Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
        if session.task is not None:
            session.task.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()

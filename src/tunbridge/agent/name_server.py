"""The DNS server that a workload has: over TCP too, and the names of others, for which the host's resolvers are asked.

What the answers are: dataplane/responders/dns.py.
"""

import asyncio
import secrets
import struct
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from tunbridge.agent.endpoint import Caller, Endpoint, Reply, SendFrame
from tunbridge.dataplane import responders
from tunbridge.dataplane.local import Workload
from tunbridge.dataplane.responders import MalformedError, Settings, Subject, Zones, dns
from tunbridge.dataplane.responders.dns import Forward, Question
from tunbridge.dataplane.view import Key, Source
from tunbridge.log import Log
from tunbridge.shares import Shares

RESOLVE_S = 2.0
"""How long one resolver may take."""
MAX_QUESTIONS = 256
"""So many names are asked for at a time, by all workloads together; of further ones each asks for a share."""
Ask = Callable[[str, bytes], Awaitable[bytes | None]]
"""Asks one resolver; None when it does not answer in time."""


class NameServer:
    """Answers the workloads of this host."""

    port = dns.PORT

    def __init__(self, source: Source, send: SendFrame, log: Log, settings: Settings, resolvers: Iterable[str]) -> None:
        self._source = source
        self._send = send
        self.configure(settings, resolvers)
        self._endpoint = Endpoint(self, send, log)
        self._room = Shares[str](MAX_QUESTIONS)
        """Of ports, by their ids."""
        self._tasks: set[asyncio.Task[None]] = set()

    def configure(self, settings: Settings, resolvers: Iterable[str]) -> None:
        """Answer by these settings from now on."""
        self._settings = settings
        self._resolvers = tuple(resolvers)
        self._zones = Zones(self._source, settings.dns_domain)

    def touch(self, keys: Iterable[Key]) -> None:
        """Note rows that changed."""
        self._zones.touch(keys)

    def close(self) -> None:
        """Forget all connections."""
        self._endpoint.close()

    def subject(self, port_id: str) -> Subject | None:
        """A port, with the names that it may ask for."""
        found = responders.read_subject(self._source, port_id)
        return None if found is None else msgspec.structs.replace(found, zone=self._zones.zone(found.network.id))

    # Over UDP

    def forward(self, asked: Forward, workload: Workload) -> bool:
        """Ask the resolvers; False when too many questions are open, which the workload is told."""
        id = workload.port_id
        if not self._room.take(id):
            self._send(asked.encode(asked.question.fail()), workload.ofport)
            return False
        task = asyncio.create_task(self._answer_later(asked, workload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._room.leave(id))
        return True

    async def _answer_later(self, asked: Forward, workload: Workload) -> None:
        self._send(asked.encode(await self._resolve(asked.question, ask_udp)), workload.ofport)

    async def _resolve(self, question: Question, ask: Ask) -> bytes:
        """The answer of the first resolver that gives one."""
        for resolver in self._resolvers:
            id = secrets.randbelow(1 << 16)
            message = await ask(resolver, question.ask(id))
            reply = None if message is None else question.reply(id, message)
            if reply is not None:
                return reply
        return question.fail()

    # Over TCP (RFC 7766): messages with their length before them

    def take_packet(self, packet: bytes, workload: Workload) -> bool:
        """Take a TCP packet of a workload; False when it is of no use. Raises MalformedError."""
        port = self._source.port(workload.port_id)
        network = None if port is None else self._source.network(port.network_id)
        return network is not None and self._endpoint.take(packet, workload, network.mtu)

    def take(self, received: bytearray) -> bytes | None:
        """Take the first message; of a service, as `answer` and `fail`."""
        length = int.from_bytes(received[:2])
        if len(received) < 2 + length or len(received) < 2:
            return None
        message = bytes(received[2 : 2 + length])
        del received[: 2 + length]
        return message

    async def answer(self, caller: Caller, request: bytes) -> Reply:
        subject = self.subject(caller.port_id)
        try:
            found = None if subject is None else dns.answer_message(request, subject, self._settings, dns.LONGEST)
        except MalformedError:
            found = None
        if isinstance(found, Question):
            found = await self._ask_over_tcp(found, caller.port_id)
        return _framed(found)

    async def _ask_over_tcp(self, question: Question, port_id: str) -> bytes:
        if not self._room.take(port_id):
            return question.fail()
        try:
            return await self._resolve(question, ask_tcp)
        finally:
            self._room.leave(port_id)

    def fail(self, _request: bytes) -> Reply:
        return _framed(None)


def _framed(message: bytes | None) -> Reply:
    return Reply(b"", keeps=False) if message is None else Reply(struct.pack("!H", len(message)) + message)


class _Asking(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def ask_udp(resolver: str, message: bytes) -> bytes | None:
    """Ask one resolver from a port of the system's choosing; None when it does not answer in time."""
    try:
        transport, asking = await asyncio.get_running_loop().create_datagram_endpoint(
            _Asking, remote_addr=(resolver, dns.PORT)
        )
    except OSError:
        return None
    try:
        transport.sendto(message)
        async with asyncio.timeout(RESOLVE_S):
            return await asking.answer
    except (OSError, TimeoutError):
        return None
    finally:
        transport.close()


async def ask_tcp(resolver: str, message: bytes) -> bytes | None:
    """Ask one resolver over a connection of its own; None when it does not answer in time."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            reader, writer = await asyncio.open_connection(resolver, dns.PORT)
            try:
                writer.write(struct.pack("!H", len(message)) + message)
                return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError):
        return None

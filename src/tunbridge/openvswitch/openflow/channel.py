"""One connection to a bridge: framing, requests by transaction id, echo; whatever else comes goes to the owner.

    connecting --hello from both--> open --end of file, error, garbage--> closed (every request that waits fails)

An exception in what handles a message is logged and ends neither the connection nor the loop.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tunbridge.openvswitch.ofctl import UnreachableError
from tunbridge.openvswitch.openflow.errors import error_name
from tunbridge.openvswitch.openflow.wire import (
    BARRIER_REPLY,
    BARRIER_REQUEST,
    BUNDLE_CONTROL,
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    HEADER,
    HELLO,
    HELLO_BODY,
    MORE,
    MULTIPART_REQUEST,
    OFP14_VERSION,
    message,
)  # fmt: skip

TIMEOUT_S = 30
"""vswitchd answers in less than this, or counts as not answering."""
WRITE_BUFFER = 1 << 20
"""Bytes that wait to be sent before `send` waits."""

_MAX_XID = 0xFFFFFFFF
_T = TypeVar("_T")
Handler = Callable[[int, bytes, int], None]
"""Takes type, body and transaction id of a message that nobody waits for."""
Told = Callable[[str], None]


class Channel(asyncio.Protocol):
    """Speaks OpenFlow 1.4 on a connected socket; `handle` gets what is no answer, `lost` the reason of the end."""

    def __init__(self, bridge: str, handle: Handler, lost: Told, failed: Told) -> None:
        self.bridge = bridge
        self.closed = False
        self._handle = handle
        self._lost = lost
        self._failed = failed
        """Told of an exception in `handle`."""
        self._transport: asyncio.Transport | None = None
        self._in = bytearray()
        self._hello: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._parts: dict[int, list[bytes]] = {}
        """What has come of multipart answers."""
        self._tracked = range(0)
        self._errors: dict[int, str] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self._next_xid = 1

    @classmethod
    async def open(cls, path: Path, bridge: str, handle: Handler, lost: Told, failed: Told) -> "Channel":
        """Connect to a management socket and say hello. Raises UnreachableError."""
        loop = asyncio.get_running_loop()
        try:
            _, channel = await loop.create_unix_connection(lambda: cls(bridge, handle, lost, failed), str(path))
        except OSError as e:
            raise UnreachableError(f"{bridge}: cannot connect to {path}: {e.strerror}") from e
        try:
            await channel._in_time(channel._hello)
        except BaseException:
            channel.close()
            raise
        return channel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(WRITE_BUFFER)
        transport.write(message(HELLO, HELLO_BODY))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "vswitchd closed the connection")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._in += data
        at, buffer = 0, self._in
        while len(buffer) - at >= HEADER.size:
            version, kind, length, xid = HEADER.unpack_from(buffer, at)
            if length < HEADER.size or (kind != HELLO and version != OFP14_VERSION):
                self._end("what comes is not OpenFlow 1.4")
                return
            if len(buffer) - at < length:
                break
            self._take(version, kind, bytes(buffer[at + HEADER.size : at + length]), xid)
            at += length
        del buffer[:at]

    def _take(self, version: int, kind: int, body: bytes, xid: int) -> None:
        if kind == HELLO:
            self._take_hello(version, body)
        elif kind == ECHO_REQUEST:
            self.write(message(ECHO_REPLY, body, xid))
        elif kind == ERROR:
            self._take_error(body, xid)
        elif kind in (BARRIER_REPLY, BUNDLE_CONTROL, ECHO_REPLY) or xid in self._waiting:
            self._answer(xid, body)
        else:
            try:
                self._handle(kind, body, xid)
            except Exception as e:
                self._failed(f"message of type {kind} from {self.bridge}: {type(e).__name__}: {e}")

    def _take_hello(self, version: int, body: bytes) -> None:
        if self._hello.done():
            return
        if _speaks(version, body):
            self._hello.set_result(None)
        else:
            self._end("the bridge does not allow OpenFlow 1.4 (see its column `protocols`)")

    def _take_error(self, body: bytes, xid: int) -> None:
        name = error_name(body)
        if xid in self._waiting:
            waiting = self._waiting.pop(xid)
            if not waiting.done():
                waiting.set_exception(RequestError(name))
        elif xid in self._tracked:
            self._errors[xid] = name
        else:
            self._failed(f"{self.bridge}: {name} to a request that nobody waits for")

    def _answer(self, xid: int, body: bytes) -> None:
        parts = self._parts.get(xid)
        if parts is not None:
            parts.append(body[8:])
            if int.from_bytes(body[2:4]) & MORE:
                return
            body = b"".join(parts)
        waiting = self._waiting.pop(xid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(body)

    def _end(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        error = UnreachableError(f"{self.bridge}: {reason}")
        futures: list[asyncio.Future[None] | asyncio.Future[bytes]] = [self._hello, *self._waiting.values()]
        for waiting in futures:
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # whoever waits gets it; nobody waiting is no error
        self._waiting.clear()
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()
        self._lost(reason)

    def close(self) -> None:
        """Close the connection; the requests that wait fail."""
        self._end("closed")

    def xids(self, count: int) -> range:
        """Give transaction ids, in a row, that no other request in flight has."""
        if self._next_xid + count > _MAX_XID:
            self._next_xid = 1
        first, self._next_xid = self._next_xid, self._next_xid + count
        return range(first, first + count)

    @contextlib.contextmanager
    def tracking(self, xids: range) -> Iterator[dict[int, str]]:
        """Collect the errors to messages of these transaction ids; one at a time."""
        assert not self._tracked
        self._tracked, self._errors = xids, {}
        try:
            yield self._errors
        finally:
            self._tracked, self._errors = range(0), {}

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def offer(self, data: bytes) -> bool:
        """Send what may be lost: not sent, and False, while much is not yet taken."""
        if not self._writable.is_set():
            return False
        self.write(data)
        return not self.closed

    async def send(self, data: bytes) -> None:
        """Send; waits while much is not yet taken. Raises UnreachableError."""
        self._check()
        self.write(data)
        if not self._writable.is_set():
            await self._in_time(self._writable.wait())
            self._check()

    def _check(self) -> None:
        if self.closed:
            raise UnreachableError(f"{self.bridge}: no connection to vswitchd")

    async def request(self, data: bytes, xid: int) -> bytes:
        """Send a message and give the body of its answer. Raises RequestError, UnreachableError."""
        self._check()
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[xid] = waiting
        try:
            await self.send(data)
            return await self._in_time(waiting)
        finally:
            self._waiting.pop(xid, None)

    async def multipart(self, kind: int, body: bytes = b"") -> bytes:
        """Ask for what may come in several messages, and give it whole. Raises RequestError, UnreachableError."""
        xid = self.xids(1)[0]
        self._parts[xid] = []
        try:
            return await self.request(message(MULTIPART_REQUEST, struct.pack("!HH4x", kind, 0) + body, xid), xid)
        finally:
            del self._parts[xid]

    async def barrier(self) -> None:
        """Wait until the bridge has dealt with all that was sent. Raises UnreachableError."""
        xid = self.xids(1)[0]
        await self.request(message(BARRIER_REQUEST, b"", xid), xid)

    async def send_all(self, parts: AsyncIterable[bytes]) -> None:
        """Send all, and wait until the bridge has dealt with it. Raises UnreachableError."""
        async for part in parts:
            await self.send(part)
        await self.barrier()

    async def _in_time(self, waiting: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await waiting
        except TimeoutError:
            reason = f"vswitchd did not answer within {TIMEOUT_S} s"
            self._end(reason)
            raise UnreachableError(f"{self.bridge}: {reason}") from None


class RequestError(Exception):
    """The bridge refused a request; the text is the error's name."""


def _speaks(version: int, body: bytes) -> bool:
    """Whether 1.4 is common to both: by the version bitmap of a hello, or its version (section 6.3.1)."""
    if len(body) >= 8 and struct.unpack_from("!HH", body)[0] == 1:
        return bool(struct.unpack_from("!I", body, 4)[0] >> OFP14_VERSION & 1)
    return version >= OFP14_VERSION

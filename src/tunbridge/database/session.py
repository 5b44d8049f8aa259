"""JSON-RPC of OVSDB on one connection (RFC 7047, section 4): requests, replies, notifications, probes; asyncio.

Not Open vSwitch's own `ovs.jsonrpc`: that is made for its poll loop, and its parser takes seconds for a large snapshot.
"""

import asyncio
import itertools
import ssl
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from tunbridge.database.errors import DatabaseError
from tunbridge.database.framing import Framer, FramingError

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

PROBE_S = 5.0
"""After so long without a byte the other side is asked for one, where nothing else is said."""
GIVE_UP_S = 10.0
"""After so long without the answer the connection is given up: `ovsdb-server` may be busy with a snapshot that long."""

logger = structlog.get_logger(__name__)

_CHUNK = 1 << 18
_NULL = msgspec.Raw(b"null")


class SessionError(Exception):
    """The connection cannot be made, or is gone; the text says why."""


class RemoteError(DatabaseError):
    """A remote of the database is written wrongly."""


class Message(msgspec.Struct):
    """A request, reply or notification; its contents are decoded by whoever knows what they are."""

    id: Any = None
    method: str | None = None
    params: msgspec.Raw = _NULL
    result: msgspec.Raw = _NULL
    error: Any = None


_decode_message = msgspec.json.Decoder(Message).decode
_encode = msgspec.json.Encoder().encode

Notified = Callable[[str, msgspec.Raw], Awaitable[None] | None]


_CLOSED = "the database closed the connection"


class Session:
    """One connection. `notified(method, params)` is called for each notification, in the order of arrival."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: str, probe_s: float = PROBE_S
    ) -> None:
        self.remote = remote
        self._probe_s = probe_s
        self.notified: Notified = lambda _method, _params: None
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done when the connection is gone, with the reason."""
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._received = 0
        self._asked: float | None = None
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._probe())]

    async def request(self, method: str, params: list[Any]) -> Message:
        """Send a request and give its reply; what came before it has been handled. Raises SessionError."""
        if self.lost.done():
            raise SessionError(self.lost.result())
        number = next(self._numbers)
        reply = asyncio.get_running_loop().create_future()
        try:
            self._send({"method": method, "params": params, "id": number})
        except RuntimeError as e:  # uvloop's, from when the connection breaks until the reader hears of it
            self.close(str(e))
            raise SessionError(str(e)) from e
        self._replies[number] = reply
        try:
            message: Message = await reply
        finally:
            self._replies.pop(number, None)
        return message

    @property
    def silent_s(self) -> float:
        """Give for how many seconds the other side has owed an answer to a probe; 0 when it owes none."""
        return 0.0 if self._asked is None else asyncio.get_running_loop().time() - self._asked

    def close(self, reason: str) -> None:
        """End the connection; whoever waits for a reply gets a SessionError with this reason."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(SessionError(reason))
        self._replies.clear()
        self._writer.close()
        for task in self._tasks:
            task.cancel()

    def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(_encode(message))

    async def _read(self) -> None:
        framer = Framer()
        try:
            while data := await self._reader.read(_CHUNK):
                self._received += 1
                self._asked = None
                for text in framer.feed(data):
                    going_on = self._handle(_decode_message(text))
                    if going_on is not None:
                        await going_on
            self.close(_CLOSED)
        except (BrokenPipeError, ConnectionResetError):  # also after this process was stopped for longer than a probe
            self.close(_CLOSED)
        except (OSError, FramingError, msgspec.MsgspecError) as e:
            self.close(str(e) or type(e).__name__)
        except Exception as e:  # a mistake of ours: whoever waits for a reply must hear of it all the same
            logger.error("a message could not be handled", traceback=traceback.format_exc())
            self.close(repr(e))

    def _handle(self, message: Message) -> Awaitable[None] | None:
        """Handle a message; gives what is to be awaited before the next one."""
        if message.method is None:
            reply = self._replies.pop(message.id, None)
            if reply is not None and not reply.done():
                reply.set_result(message)
        elif message.method == "echo" and message.id is not None:
            self._send({"result": message.params, "error": None, "id": message.id})
        else:
            return self.notified(message.method, message.params)
        return None

    async def _probe(self) -> None:
        seen = -1
        while True:
            await asyncio.sleep(self._probe_s)
            if self._received != seen:
                seen = self._received
            elif self._asked is None:
                self._asked = asyncio.get_running_loop().time()
                self._send({"method": "echo", "params": [], "id": "echo"})
            elif self.silent_s > GIVE_UP_S:
                self.close(f"{self.remote}: no answer for {GIVE_UP_S:g} s")


async def connect(remote: str, tls: "Files | None" = None, probe_s: float = PROBE_S) -> Session:
    """Connect to `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`. Raises SessionError, and RemoteError if misspelt."""
    kind, _, rest = remote.partition(":")
    try:
        if kind == "unix":
            reader, writer = await asyncio.open_unix_connection(rest, limit=_CHUNK)
        else:
            host, port = host_and_port(remote)
            context = _tls_context(remote, tls) if kind == "ssl" else None
            reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_CHUNK)
    except OSError as e:  # ssl.SSLError is one
        raise SessionError(f"{remote}: {e.strerror or e}") from e
    return Session(reader, writer, remote, probe_s)


def check_remote(remote: str) -> None:
    """Raise RemoteError if a remote is written wrongly."""
    kind, _, rest = remote.partition(":")
    if kind == "unix" and rest:
        return
    host_and_port(remote)


def host_and_port(remote: str) -> tuple[str, int]:
    """Give the host and port of a remote; an IPv6 address stands in brackets. Raises RemoteError."""
    kind, _, rest = remote.partition(":")
    host, _, port = rest.rpartition(":")
    if kind not in ("tcp", "ssl") or not host or not port.isdecimal():
        raise RemoteError(f"{remote}: not a database; expected unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _tls_context(remote: str, tls: "Files | None") -> ssl.SSLContext:
    """Both sides show certificates signed by the CA; names are not compared, as Open vSwitch does not."""
    if tls is None or tls.private_key is None or tls.certificate is None or tls.ca_cert is None:
        raise RemoteError(f"{remote}: needs a private key, a certificate and the CA's certificate")
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls.ca_cert))
        context.check_hostname = False
        context.load_cert_chain(tls.certificate, tls.private_key)
    except OSError as e:
        raise RemoteError(f"{remote}: {tls.certificate}, {tls.private_key}, {tls.ca_cert}: {e}") from e
    return context

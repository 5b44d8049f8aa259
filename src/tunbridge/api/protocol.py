"""HTTP on one connection, with limits that hold before a request is complete and before anybody is known.

      head --complete--> body --complete--> answered by the application --> idle --first byte--> head
        |                  |                                                 |
      HEAD_S             BODY_S                                          KEEP_ALIVE_S

While a connection waits for its client (head, body, idle), it may be closed to make room: `Connections` keeps those in
the order in which they began to wait. uvicorn's protocol does the rest; it has none of these limits.
"""

import asyncio
from collections import OrderedDict
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tunbridge.api.addresses import bucket

MAX_URL = 64 * 1024
"""Bytes of a URL: a query with 1,000 ids."""
MAX_HEADER = 16 * 1024
"""Bytes of one header; a token has at most half of it."""
MAX_HEAD = 64 * 1024
"""Bytes of all headers together."""
MAX_HEADERS = 100
HEAD_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its head; also for the handshake of TLS."""
BODY_S = 40.0
"""From a head to the end of the body, when the application has not refused it before."""
KEEP_ALIVE_S = 30
LINGER_S = 1.0
"""What a refused client still sends is read this long, so that the refusal is not lost in a reset."""
PER_ADDRESS = 256
"""Connections from one address that wait for their client."""
_FRAMING = 8
"""Bytes on the wire for a byte of a body: chunks of one byte have six."""


class _Phase(Enum):
    IDLE = "between requests"
    HEAD = "a head is coming"
    BODY = "a body is coming"
    DONE = "a request is complete, and being answered"


class Connections:
    """All connections of the server. With more than allowed, the one that has waited longest for its client goes."""

    def __init__(self, most: int, per_address: int = PER_ADDRESS) -> None:
        self._most = most
        self._per_address = per_address
        self._open = 0
        self._waiting: OrderedDict[LimitedProtocol, None] = OrderedDict()
        self._by_address: dict[str, OrderedDict[LimitedProtocol, None]] = {}

    def opened(self) -> None:
        """Count a new connection."""
        self._open += 1
        if self._open > self._most and self._waiting:
            next(iter(self._waiting)).drop()

    def closed(self, connection: "LimitedProtocol") -> None:
        """Forget a connection."""
        self._open -= 1
        self.works(connection)

    def waits(self, connection: "LimitedProtocol") -> None:
        """Take note that it waits for its client from now on."""
        self.works(connection)
        self._waiting[connection] = None
        if connection.address is None:
            return
        neighbours = self._by_address.setdefault(connection.address, OrderedDict())
        neighbours[connection] = None
        if len(neighbours) > self._per_address:
            next(iter(neighbours)).drop()

    def works(self, connection: "LimitedProtocol") -> None:
        """Take note that it does not wait for its client any more."""
        self._waiting.pop(connection, None)
        neighbours = self._by_address.get(connection.address or "")
        if neighbours is not None:
            neighbours.pop(connection, None)
            if not neighbours:
                del self._by_address[connection.address or ""]


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    address: str | None = None
    """The client's, as far as it counts for the limit; None: not limited (a Unix socket, a trusted proxy)."""

    def __init__(self, connections: Connections, unlimited: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections
        self._unlimited = unlimited
        self._phase = _Phase.IDLE
        self._message = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._armed: tuple[int, _Phase] | None = None
        self._refused = False
        self._head = 0
        self._partial = 0
        self._wire = 0
        self._payload = 0
        self._unsent = 0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin to wait for a head."""
        super().connection_made(transport)
        if self.client is not None and not self._unlimited(self.client[0]):
            self.address = bucket(self.client[0])
        self._connections.opened()
        self._connections.waits(self)
        self._arm(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """End all timers."""
        self._disarm()
        self._connections.closed(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        self._connections.works(self)
        if not self.transport.is_closing():
            self.transport.abort()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one whose client still reads the last answer goes on, as long as it reads."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent != self._unsent:
            self._unsent = unsent
            self.timeout_keep_alive_task = self.loop.call_later(KEEP_ALIVE_S, self.timeout_keep_alive_handler)
        elif not self.transport.is_closing():
            self.transport.abort()

    # What comes

    def data_received(self, data: bytes) -> None:
        """Parse what has come, if it is within the limits."""
        if self._refused or self.transport.is_closing():
            return
        before = (self._message, self._phase)
        super().data_received(data)
        if self._phase is _Phase.IDLE and before == (self._message, self._phase):
            self._phase = _Phase.HEAD  # line feeds before a request count as its beginning
        if (self._message, self._phase) == before and not self._refused:
            self._count(len(data))
        self._watch()

    def _count(self, size: int) -> None:
        """Refuse what grows without coming to an end; the parser tells of a header only when it is whole."""
        if self._phase is _Phase.HEAD:
            self._partial += size
            if self._partial > MAX_URL + MAX_HEAD:
                self._refuse(431, f"The head is larger than {MAX_HEAD} bytes.")
        elif self._phase is _Phase.BODY:
            self._wire += size
            if self._wire > _FRAMING * self._payload + MAX_HEAD:
                self._refuse(400, "The body has more framing than content.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._message += 1
        self._phase = _Phase.HEAD
        self._head = self._partial = self._wire = self._payload = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        if len(self.url) + len(url) > MAX_URL:
            self._refuse(414, f"The URL is longer than {MAX_URL} bytes.")
        elif not self._refused:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after a chunked body are counted and forgotten."""
        if self._refused or self._phase is not _Phase.HEAD:
            return
        size = len(name) + len(value)
        self._head += size
        if size > MAX_HEADER:
            self._refuse(431, f"A header is larger than {MAX_HEADER} bytes.")
        elif self._head > MAX_HEAD:
            self._refuse(431, f"The head is larger than {MAX_HEAD} bytes.")
        elif len(self.headers) >= MAX_HEADERS:
            self._refuse(431, f"There are more than {MAX_HEADERS} headers.")
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have the request answered."""
        if not self._refused:
            self._phase = _Phase.BODY
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self._refused:
            self._payload += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the client no longer."""
        if self._refused:
            return
        answered = self.cycle.response_complete
        self._phase = _Phase.IDLE if answered else _Phase.DONE
        if not answered:
            self._connections.works(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the client again, unless its next request is here already."""
        if self._phase is _Phase.DONE and self.cycle.response_complete:
            self._phase = _Phase.IDLE
        super().on_response_complete()
        if self._phase is not _Phase.DONE:
            self._unsent = 0
            self._connections.waits(self)

    # Time

    def _watch(self) -> None:
        """Set the time in which what has begun must end."""
        if self._refused:
            return
        if self._phase not in (_Phase.HEAD, _Phase.BODY):
            self._disarm()
        elif self._armed != (self._message, self._phase):
            self._arm(HEAD_S if self._phase is _Phase.HEAD else BODY_S)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._armed = (self._message, self._phase)
        self._deadline = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        self._armed = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm(BODY_S)  # the application has limits of its own for what it answers
        elif self._phase is _Phase.HEAD:
            self._refuse(408, f"The head did not come within {HEAD_S:g} s.")
        else:
            self.drop()

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        """Answer without the application, and read nothing more of this connection."""
        if self._refused:
            return
        self._refused = True
        self._disarm()
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:
            self.drop()  # an answer has been begun, another one cannot come before it
            return
        self.transport.write(_answer(status, message))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_S, self.drop)


def _answer(status: int, message: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    error = {"type": "HTTP" + phrase.title().replace(" ", "").replace("-", ""), "message": message, "detail": ""}
    content = msgspec.json.encode({"NeutronError": error})
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + content


class Server(uvicorn.Server):
    """uvicorn with this protocol; `unlimited` tells of an address whether its connections are not limited."""

    def __init__(self, config: uvicorn.Config, connections: Connections, unlimited: Any) -> None:
        super().__init__(config)
        self._limited = connections
        self._unlimited = unlimited

    async def startup(self, sockets: Any = None) -> None:
        """Listen."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        handshake = None if self.config.ssl is None else HEAD_S

        def connection() -> asyncio.Protocol:
            return LimitedProtocol(
                self._limited,
                self._unlimited,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        self.servers = [
            await loop.create_server(
                connection, sock=one, ssl=self.config.ssl, backlog=2048, ssl_handshake_timeout=handshake
            )
            for one in sockets or ()
        ]
        self.started = True

"""The agent as the controller in a bridge's Controller row: it answers, so that `is_connected` is true, and no more.

A bridge without its controller would fall back to switching by itself where `fail_mode` is `standalone`, and operators
look at `is_connected`. The flows and the packets go over the management socket instead (`switch.py`).

    accepted --hello--> greeted --features reply--> known --end of file, error, wrong version--> closed
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from pathlib import Path

from tunbridge import unix_sockets
from tunbridge.errors import TunbridgeError
from tunbridge.openvswitch.openflow.wire import (
    ECHO_REPLY,
    ECHO_REQUEST,
    FEATURES_REPLY,
    FEATURES_REQUEST,
    HEADER,
    HELLO,
    HELLO_BODY,
    OFP14_VERSION,
    message,
)

MAX_CHANNELS = 256
"""Any local user may connect to a TCP port: more connections than this are not kept."""
BACKLOG = 64


class OpenFlowError(TunbridgeError):
    """The agent cannot listen as OpenFlow controller."""

    exit_status = 1


def listening(target: str) -> tuple[socket.socket, Path | None]:
    """Listen on `tcp:IP:PORT` or `unix:PATH`; gives the socket and its path, if it has one. Raises OpenFlowError."""
    scheme, _, rest = target.partition(":")
    try:
        return (unix_sockets.listen(Path(rest), BACKLOG), Path(rest)) if scheme == "unix" else (_tcp(rest), None)
    except OSError as e:
        if e.errno == errno.EADDRINUSE:
            raise OpenFlowError(
                f"controller {target}: in use by another process: another agent, or another OpenFlow controller"
                " such as neutron-openvswitch-agent? Stop it, or set `controller` to another address"
            ) from e
        raise OpenFlowError(f"controller {target}: cannot listen: {e.strerror}") from e


def _tcp(rest: str) -> socket.socket:
    host, _, port = rest.rpartition(":")
    host = host.strip("[]")
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, int(port)))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


class Listener:
    """Listens on `tcp:IP:PORT` or `unix:PATH`. `changed` is called when a bridge has connected or gone."""

    def __init__(self, target: str, changed: Callable[[], None] = lambda: None) -> None:
        self.target = target
        self._changed = changed
        self._channels: set[_Channel] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self) -> None:
        """Begin to listen. Raises OpenFlowError."""
        sock, self._path = listening(self.target)
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if self._path else loop.create_server
        self._server = await create(lambda: _Channel(self), sock=sock)

    @property
    def datapath_ids(self) -> set[str]:
        """The bridges that are connected at this moment, by 16 hexadecimal digits."""
        return {channel.datapath_id for channel in self._channels if channel.datapath_id is not None}

    @property
    def connections(self) -> int:
        return len(self._channels)

    def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for channel in list(self._channels):
            channel.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _keep(self, channel: "_Channel") -> bool:
        if len(self._channels) >= MAX_CHANNELS:
            return False
        self._channels.add(channel)
        return True

    def _drop(self, channel: "_Channel") -> None:
        if channel in self._channels:
            self._channels.discard(channel)
            if channel.datapath_id is not None:
                self._changed()


class _Channel(asyncio.Protocol):
    """One connection from one bridge."""

    def __init__(self, listener: Listener) -> None:
        self.datapath_id: str | None = None
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._in = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if not self._listener._keep(self):
            transport.abort()
            return
        self._transport = transport
        transport.write(message(HELLO, HELLO_BODY) + message(FEATURES_REQUEST))

    def connection_lost(self, _exc: Exception | None) -> None:
        self._listener._drop(self)

    def data_received(self, data: bytes) -> None:
        self._in += data
        while len(self._in) >= HEADER.size:
            version, kind, length, xid = HEADER.unpack_from(self._in)
            if length < HEADER.size or (kind != HELLO and version != OFP14_VERSION):
                self.close()
                return
            if len(self._in) < length:
                return
            body = bytes(self._in[HEADER.size : length])
            del self._in[:length]
            self._take(kind, body, xid)

    def _take(self, kind: int, body: bytes, xid: int) -> None:
        if kind == ECHO_REQUEST and self._transport is not None:
            self._transport.write(message(ECHO_REPLY, body, xid))
        elif kind == FEATURES_REPLY and len(body) >= 8:
            self.datapath_id = body[:8].hex()
            self._listener._changed()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

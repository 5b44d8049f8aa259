"""The passive endpoint in its former form, for an agent that runs on `ovs.poller`: it goes with that agent."""

import socket
import struct
from typing import Any

import ovs.poller

from tunbridge.openvswitch.openflow.listener import MAX_CHANNELS, listening
from tunbridge.openvswitch.openflow.wire import (
    ECHO_REPLY,
    ECHO_REQUEST,
    FEATURES_REPLY,
    FEATURES_REQUEST,
    HEADER,
    HELLO,
    HELLO_BODY,
    MULTIPART_FLOW_MONITOR,
    MULTIPART_REPLY,
    MULTIPART_REQUEST,
    OFP14_VERSION,
    message,
)

# struct ofp_flow_monitor_request: any port, any group, table 0xff = all, command 0 = add; flags: add, removed, modify
_ANY = 0xFFFFFFFF
_MONITOR = struct.pack("!HH4xIIIHBB", MULTIPART_FLOW_MONITOR, 0, 1, _ANY, _ANY, 0x0002 | 0x0004 | 0x0008, 0xFF, 0)
_EMPTY_MATCH = struct.pack("!HH4x", 1, 4)


class Channel:
    """One connection from one bridge."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.datapath_id: str | None = None
        self.closed = False
        self.changed = False
        """Set by every flow change that the bridge tells; whoever has dealt with it clears it."""
        self._in = bytearray()
        self._out = bytearray(message(HELLO, HELLO_BODY) + message(FEATURES_REQUEST))

    def run(self) -> None:
        """Send and receive what is possible now."""
        self._send()
        try:
            while not self.closed and (data := self.sock.recv(65536)):
                self._in += data
                self._take_messages()
            self.closed = True
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        self._send()

    def _send(self) -> None:
        try:
            while self._out and not self.closed:
                del self._out[: self.sock.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True

    def _take_messages(self) -> None:
        while len(self._in) >= HEADER.size:
            version, kind, length, xid = HEADER.unpack_from(self._in)
            if length < HEADER.size or (kind != HELLO and version != OFP14_VERSION):
                self.closed = True
                return
            if len(self._in) < length:
                return
            body = bytes(self._in[HEADER.size : length])
            del self._in[:length]
            self._take(kind, body, xid)

    def _take(self, kind: int, body: bytes, xid: int) -> None:
        if kind == ECHO_REQUEST:
            self._out += message(ECHO_REPLY, body, xid)
        elif kind == FEATURES_REPLY and len(body) >= 8:
            self.datapath_id = body[:8].hex()
            self.changed = True
            self._out += message(MULTIPART_REQUEST, _MONITOR + _EMPTY_MATCH, xid=2)
        elif kind == MULTIPART_REPLY and len(body) >= 2 and body[:2] == struct.pack("!H", MULTIPART_FLOW_MONITOR):
            self.changed = True

    @property
    def sending(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._out)

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        self.sock.close()


class Listener:
    """The agent's OpenFlow endpoint: `tcp:IP:PORT` or `unix:PATH`. Raises OpenFlowError when it cannot be had."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.channels: list[Channel] = []
        self._sock, self._path = listening(target)
        self._sock.setblocking(False)

    def run(self) -> set[str]:
        """Accept, receive, answer. Gives the datapath ids whose flows may have changed or whose bridge went."""
        self._accept()
        touched: set[str] = set()
        for channel in self.channels:
            channel.run()
            if channel.datapath_id is not None and (channel.changed or channel.closed):
                touched.add(channel.datapath_id)
            channel.changed = False
            if channel.closed:
                channel.close()
        self.channels = [c for c in self.channels if not c.closed]
        return touched

    def _accept(self) -> None:
        try:
            while True:
                sock, _ = self._sock.accept()
                if len(self.channels) < MAX_CHANNELS:
                    self.channels.append(Channel(sock))
                else:
                    sock.close()
        except BlockingIOError:
            pass

    @property
    def datapath_ids(self) -> set[str]:
        """The bridges that are connected at this moment."""
        return {c.datapath_id for c in self.channels if c.datapath_id is not None}

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` (ovs.poller.Poller) wakes when `run()` has something to do."""
        poller.fd_wait(self._sock.fileno(), ovs.poller.POLLIN)
        for channel in self.channels:
            events = ovs.poller.POLLIN | (ovs.poller.POLLOUT if channel.sending else 0)
            poller.fd_wait(channel.sock.fileno(), events)

    def close(self) -> None:
        """Stop listening and close every connection."""
        for channel in self.channels:
            channel.close()
        self._sock.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

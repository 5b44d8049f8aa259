"""A VLAN interface in user space, for kernels without 8021q."""

import fcntl
import os
import select
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.packets.sockets import AUXDATA, ETH_P_ALL, PACKET_AUXDATA, SOL_PACKET, TP_STATUS_VLAN_VALID, inside

PACKET_OUTGOING = 4
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x2, 0x1000
_TAG = bytes.fromhex("8100")


class Relay:
    """A TAP device eth0: what is sent there leaves a device of another namespace with a VLAN tag, and the other way."""

    def __init__(self, namespace: str, device: str, vlan: int, inner: str) -> None:
        self._vlan = vlan
        self._wire = inside(namespace, lambda: _raw(device))
        self._tap = inside(inner, _tap)
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._end)
        self._thread.join()
        self._wire.close()
        for fd in (self._tap, self._ended):
            os.close(fd)

    def _run(self) -> None:
        tag = _TAG + self._vlan.to_bytes(2, "big")
        while True:
            waited: list[Any] = [self._wire, self._tap, self._ended]
            ready, _, _ = select.select(waited, [], [])
            if self._ended in ready:
                return
            # A device that is down, at the VM's end or at this one, loses its frames, as a wire does.
            if self._tap in ready:
                frame = os.read(self._tap, 65536)
                with suppress(OSError):
                    self._wire.send(frame[:12] + tag + frame[12:])
            if self._wire in ready:
                with suppress(OSError):
                    if (found := self._receive()) is not None:
                        os.write(self._tap, found)

    def _receive(self) -> bytes | None:
        """A frame with the tag, without it. The kernel tells a tag that it has taken off beside the frame."""
        frame, beside, _, address = self._wire.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
        if address[2] == PACKET_OUTGOING:
            return None
        for _level, _kind, data in beside:
            status, *_, tci, _tpid = AUXDATA.unpack(data[: AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return frame if tci & 0xFFF == self._vlan else None
        if frame[12:14] == _TAG and int.from_bytes(frame[14:16], "big") & 0xFFF == self._vlan:
            return frame[:12] + frame[16:]
        return None


def _raw(device: str) -> socket.socket:
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    found.bind((device, ETH_P_ALL))
    found.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return found


def _tap() -> int:
    found = os.open(Path("/dev/net/tun"), os.O_RDWR)
    fcntl.ioctl(found, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
    return found

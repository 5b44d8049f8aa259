"""Network devices of the kernel: what addresses and default routes they carry, and a signal when that may have changed.

The signal is a bare netlink socket of which nothing is parsed; the state is then read anew.
"""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from tunbridge.dataplane.nics import NicState

# linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_SCOPE_LINK = 253
# linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h
_NLMSGHDR, _RTATTR = struct.Struct("=IHHII"), struct.Struct("=HH")
_IFADDRMSG, _RTMSG, _RTNEXTHOP = struct.Struct("=BBBBI"), struct.Struct("=BBBBBBBBI"), struct.Struct("=HBBi")
_NLMSG_ERROR, _NLMSG_DONE, _NLM_F_REQUEST, _NLM_F_DUMP = 2, 3, 0x1, 0x300
_GETADDR, _GETROUTE = 22, 26
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH, _RTA_VIA, _RTN_UNICAST = 4, 5, 9, 18, 1
_BUFFER = 1 << 16
"""The kernel fills at most 32 KiB at once."""
_PATIENCE_S = 5.0


def read(names: Iterable[str]) -> dict[str, NicState]:
    """Read the state of these devices; one that does not exist is in the result, with `exists` False. Raises OSError.

    rtnetlink(7), only what is needed of it: a library for it takes 0.4 s of processor and 10 MiB to load.
    """
    index = {name: number for name in set(names) if (number := _index(name)) is not None}
    addresses: dict[int, list[str]] = {}
    routes: dict[int, list[str]] = {}
    if index:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
            sock.settimeout(_PATIENCE_S)
            for device, address in _addresses(sock):
                addresses.setdefault(device, []).append(address)
            for device, gateway in _default_routes(sock):
                routes.setdefault(device, []).extend(gateway)
    return {name: _state(index.get(name), addresses, routes) for name in names}


def _index(name: str) -> int | None:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def _addresses(sock: socket.socket) -> Iterator[tuple[int, str]]:
    """Device index and address with its prefix length, without link-local ones of IPv6."""
    for body in _dump(sock, _GETADDR, bytes(_IFADDRMSG.size)):
        family, length, _, scope, device = _IFADDRMSG.unpack_from(body)
        found = _attributes(body[_IFADDRMSG.size :])
        address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if address is not None and not (family == socket.AF_INET6 and scope == _SCOPE_LINK):
            yield device, f"{socket.inet_ntop(family, address)}/{length}"


def _default_routes(sock: socket.socket) -> Iterator[tuple[int, list[str]]]:
    """Device index and next hop (none: on-link) of each path of the default routes."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for body in _dump(sock, _GETROUTE, bytes([family]) + bytes(_RTMSG.size - 1)):
            got, length, _, _, _, _, _, kind, _ = _RTMSG.unpack_from(body)
            if got != family or length != 0 or kind != _RTN_UNICAST:
                continue
            found = _attributes(body[_RTMSG.size :])
            if _RTA_OIF in found:
                yield int.from_bytes(found[_RTA_OIF], sys.byteorder), _gateway(family, found)
            paths = found.get(_RTA_MULTIPATH, b"")
            while len(paths) >= _RTNEXTHOP.size:
                length, _, _, device = _RTNEXTHOP.unpack_from(paths)
                yield device, _gateway(family, _attributes(paths[_RTNEXTHOP.size : length]))
                paths = paths[length + 3 & ~3 :]


def _gateway(family: int, attributes: Mapping[int, bytes]) -> list[str]:
    if (address := attributes.get(_RTA_GATEWAY)) is not None:
        return [socket.inet_ntop(family, address)]
    if (via := attributes.get(_RTA_VIA)) is not None:  # its family, then the address
        return [socket.inet_ntop(int.from_bytes(via[:2], sys.byteorder), via[2:])]
    return []


def _dump(sock: socket.socket, kind: int, body: bytes) -> Iterator[bytes]:
    """Ask for all objects of a kind. Raises OSError."""
    sock.send(_NLMSGHDR.pack(_NLMSGHDR.size + len(body), kind, _NLM_F_REQUEST | _NLM_F_DUMP, 0, 0) + body)
    while True:
        data = sock.recv(_BUFFER)
        while data:
            length, answer, *_ = _NLMSGHDR.unpack_from(data)
            content, data = data[_NLMSGHDR.size : length], data[length + 3 & ~3 :]
            if answer == _NLMSG_DONE:
                return
            if answer == _NLMSG_ERROR:
                number = -int.from_bytes(content[:4], sys.byteorder, signed=True)
                raise OSError(number, os.strerror(number))
            yield content


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= _RTATTR.size:
        length, kind = _RTATTR.unpack_from(data)
        found[kind] = data[_RTATTR.size : length]
        data = data[max(length, _RTATTR.size) + 3 & ~3 :]
    return found


def _state(index: int | None, addresses: Mapping[int, list[str]], routes: Mapping[int, list[str]]) -> NicState:
    if index is None:
        return NicState()
    return NicState(
        exists=True,
        addresses=tuple(addresses.get(index, ())),
        gateways=tuple(routes.get(index, ())),
        default_route=index in routes,
    )


class DeviceMonitor:
    """Calls `changed` when a link, an address or a route of this host changed."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._sock.bind((0, _GROUPS))
        asyncio.get_running_loop().add_reader(self._sock, self._read)

    def _read(self) -> None:
        try:
            while self._sock.recv(65536):
                pass
        except BlockingIOError:
            pass
        except OSError:  # ENOBUFS: more came than the socket holds
            pass
        self._changed()

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

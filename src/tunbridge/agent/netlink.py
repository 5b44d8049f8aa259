"""Network devices of the kernel: what addresses and default routes they carry, and a signal when that may have changed.

The signal is a bare netlink socket of which nothing is parsed; the state is then read anew.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from tunbridge.dataplane.nics import NicState

# linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_SCOPE_LINK = 253


def read(names: Iterable[str]) -> dict[str, NicState]:
    """Read the state of these devices; one that does not exist is in the result, with `exists` False."""
    wanted = set(names)
    if not wanted:
        return {}
    from pyroute2 import IPRoute  # late: it is large, and a host without provider networks does without

    with IPRoute() as netlink:
        index = {link.get("ifname"): link["index"] for link in netlink.get_links() if link.get("ifname") in wanted}
        addresses: dict[int, list[str]] = {}
        for row in netlink.get_addr():
            if not (row["family"] == socket.AF_INET6 and row["scope"] == _SCOPE_LINK):
                addresses.setdefault(row["index"], []).append(f"{row.get('address')}/{row['prefixlen']}")
        gateways = _default_routes(netlink)
    return {name: _state(index.get(name), addresses, gateways) for name in wanted}


def _default_routes(netlink: Any) -> dict[int, list[str | None]]:
    """Device index -> next hops of its default routes (None: on-link)."""
    found: dict[int, list[str | None]] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        for route in netlink.get_routes(family=family):
            device = route.get("oif")
            if route["dst_len"] == 0 and device is not None and route["type"] == 1:
                found.setdefault(device, []).append(route.get("gateway"))
    return found


def _state(index: int | None, addresses: dict[int, list[str]], gateways: dict[int, list[str | None]]) -> NicState:
    if index is None:
        return NicState()
    return NicState(
        exists=True,
        addresses=tuple(addresses.get(index, ())),
        gateways=tuple(g for g in gateways.get(index, ()) if g is not None),
        default_route=index in gateways,
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

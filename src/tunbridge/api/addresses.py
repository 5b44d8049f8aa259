"""Who a client is by its address, and which proxies are believed when they say for whom they ask."""

import ipaddress
import re
from collections.abc import Iterable, Sequence

from tunbridge.configuration import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
UNIX = "unix"
"""In `trusted_proxies`: whoever connects over the server's Unix socket."""
_PREFIX_V6 = 64
"""What one subscriber has at least of IPv6 (RFC 6177)."""
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


def bucket(address: str) -> str:
    """Give what an address counts as for limits: itself, of IPv6 the network of 64 bits."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, _PREFIX_V6)))
    return address


def is_host(text: str) -> bool:
    """Whether a Host header names a host (RFC 9110, section 7.2), with or without a port."""
    return _HOST.fullmatch(text) is not None


class Proxies:
    """The addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Raises ConfigurationError for what is no address, no network and not `unix`."""
        listed = list(trusted)
        self._unix = UNIX in listed
        self._networks = tuple(_network(one) for one in listed if one != UNIX)

    def trusts(self, address: str | None) -> bool:
        """Whether what a peer says of others is believed; None is the peer of a Unix socket."""
        if address is None:
            return self._unix
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """Give the address of who asks: the last one in X-Forwarded-For that is not a trusted proxy's."""
        if not self.trusts(peer):
            return peer
        found = peer
        for text in reversed([part.strip() for line in forwarded for part in line.split(",")]):
            address = _address(text)
            if address is None:
                break  # whoever wrote this is not to be believed
            found = str(address)
            if not self.trusts(found):
                break
        return found


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        message = f"trusted_proxies: {text!r} is not an address, a network such as 10.0.0.0/24, or unix"
        raise ConfigurationError(message) from None

"""The order of a router's gateways, and that of the hosts which may have them.

Servers choose hosts by it, and hosts among those that were chosen.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

MOST = 16
"""Gateways that a router may have."""


def gateway_ports(first: str | None, further: str) -> tuple[str, ...]:
    """The ports of a router's gateways, the first one first; `further`: JSON of the others, as its column has it."""
    if first is None:
        return ()
    return (first, *_decode(further)) if len(further) > len("null") else (first,)


_decode = msgspec.json.Decoder(tuple[str, ...]).decode


def score(router_id: str, host: str) -> bytes:
    """How much a router is a host's; another one for each pair, so that routers spread over hosts."""
    return blake2b(f"{router_id} {host}".encode(), digest_size=8).digest()


def candidates(router_id: str, first: str | None, others: Iterable[str]) -> list[str]:
    """The hosts that may have a router's gateway, the one that shall have it first."""
    rest = sorted(set(others) - {first}, key=lambda host: score(router_id, host), reverse=True)
    return [host for host in (first, *rest) if host is not None]

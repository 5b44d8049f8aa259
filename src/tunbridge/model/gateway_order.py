"""In which order hosts may have a router's gateway: servers choose by it, and hosts among those that were chosen."""

from collections.abc import Iterable
from hashlib import blake2b


def score(router_id: str, host: str) -> bytes:
    """How much a router is a host's; another one for each pair, so that routers spread over hosts."""
    return blake2b(f"{router_id} {host}".encode(), digest_size=8).digest()


def candidates(router_id: str, first: str | None, others: Iterable[str]) -> list[str]:
    """The hosts that may have a router's gateway, the one that shall have it first."""
    rest = sorted(set(others) - {first}, key=lambda host: score(router_id, host), reverse=True)
    return [host for host in (first, *rest) if host is not None]

"""Addresses as numbers: pools of a subnet, free addresses, prefixes cut out of larger ones. No rows, no API errors.

Networks and addresses are those of the standard library; a pool is the pair of its first and last address.
"""

import ipaddress
import itertools
import random
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_TRIES = 32


class Pool(NamedTuple):
    """A range of addresses, both ends in it."""

    first: Address
    last: Address

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def size(self) -> int:
        """Give the number of addresses."""
        return int(self.last) - int(self.first) + 1

    def holds(self, address: Address) -> bool:
        """Say whether an address is in it."""
        return self.first.version == address.version and int(self.first) <= int(address) <= int(self.last)


def network(cidr: str) -> Network:
    """Give the network of a CIDR, whatever its host bits are. Raises ValueError."""
    return ipaddress.ip_network(cidr, strict=False)


def usable(net: Network) -> Pool:
    """Give the addresses that ports can have: not IPv4's network and broadcast, not IPv6's first (RFC 4291, 2.6.1)."""
    first, last = net.network_address, net.broadcast_address
    if net.version == 4:
        return Pool(first + 1, last - 1) if net.prefixlen <= 30 else Pool(first, last)
    return Pool(first + 1, last) if net.prefixlen < 128 else Pool(first, last)


def default_pools(net: Network, gateway: Address | None) -> list[Pool]:
    """Give all usable addresses but the gateway's."""
    whole = usable(net)
    if gateway is None or not whole.holds(gateway) or whole.size == 1:
        return [whole]
    parts = (
        Pool(whole.first, gateway - 1) if int(gateway) > int(whole.first) else None,
        Pool(gateway + 1, whole.last) if int(gateway) < int(whole.last) else None,
    )
    return [part for part in parts if part is not None]


def overlapping(pools: Sequence[Pool]) -> tuple[Pool, Pool] | None:
    """Give two pools that share an address."""
    ordered = sorted(pools, key=lambda pool: int(pool.first))
    for before, after in itertools.pairwise(ordered):
        if int(after.first) <= int(before.last):
            return before, after
    return None


def valid_on(net: Network, address: Address, owner: str = "") -> bool:
    """Say whether a port may have an address: not IPv4's network and broadcast, not IPv6's first but for routers."""
    if address.version != net.version or address not in net:
        return False
    if net.version == 4:
        return net.prefixlen > 30 or address not in (net.network_address, net.broadcast_address)
    return owner == "" or owner.startswith("network:router") or address != net.network_address


def free_address(
    pools: Sequence[Pool], is_free: Callable[[Address], bool], rng: random.Random, sequential: bool
) -> Address | None:
    """Give a free address of the pools: the first one, or any.

    Random choice finds one at once while the pools are sparse; only where they are nearly full all are looked at.
    """
    sizes = [pool.size for pool in pools]
    if not pools:
        return None
    if not sequential:
        for _ in range(_TRIES):
            pool = rng.choices(pools, sizes)[0]
            address = pool.first + rng.randrange(pool.size)
            if is_free(address):
                return address
        free = [address for _, address in zip(range(_MOST), _free(pools, is_free), strict=False)]
        return rng.choice(free) if free else None
    return next(_free(pools, is_free), None)


_MOST = 256
"""Free addresses among which one is chosen in pools that are nearly full."""


def _free(pools: Sequence[Pool], is_free: Callable[[Address], bool]) -> Iterator[Address]:
    for pool in pools:
        for offset in range(pool.size):
            address = pool.first + offset
            if is_free(address):
                yield address


def eui64(net: Network, mac: str) -> Address:
    """Give the address that a host makes of its MAC (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    identifier = int.from_bytes(bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]]), "big")
    return net.network_address + identifier


def is_eui64(address: Address) -> bool:
    """Say whether an address looks made of a MAC."""
    return address.version == 6 and (int(address) >> 24) & 0xFFFF == 0xFFFE


# Prefixes


class Apart:
    """Networks that do not overlap, in order, so that a further one is held against its neighbours only."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._of: dict[int, list[Network]] = {4: [], 6: []}
        for net in networks:
            self._of[net.version].append(net)
        for of in self._of.values():
            of.sort(key=_start)

    def overlaps(self, net: Network) -> bool:
        """Whether one of them shares an address with a network."""
        of = self._of[net.version]
        at = bisect_right(of, _start(net), key=_start)
        return (at > 0 and of[at - 1].overlaps(net)) or (at < len(of) and of[at].overlaps(net))

    def add(self, net: Network) -> None:
        """Add one that overlaps none."""
        insort(self._of[net.version], net, key=_start)


def _start(net: Network) -> int:
    return int(net.network_address)


def available(prefixes: Iterable[Network], taken: Iterable[Network]) -> list[Network]:
    """Give what is left of prefixes when others are taken out, the smallest first. Sorts, and passes over both once."""
    left: list[Network] = []
    holes = _collapsed(taken)
    whole = _collapsed(prefixes)
    for version in (4, 6):
        apart = [net for net in holes if net.version == version]
        starts = [int(hole.network_address) for hole in apart]
        for prefix in whole:
            if prefix.version == version:
                first = max(0, bisect_right(starts, int(prefix.network_address)) - 1)
                left.extend(_without(prefix, itertools.islice(apart, first, None)))
    return sorted(left, key=lambda net: (-net.prefixlen, int(net.network_address)))


def _without(prefix: Network, holes: Iterable[Network]) -> Iterator[Network]:
    """Give what is left of a prefix without others of its version, which are in order and apart."""
    kind = type(prefix.network_address)
    start, end = int(prefix.network_address), int(prefix.broadcast_address)
    for hole in holes:
        first, last = int(hole.network_address), int(hole.broadcast_address)
        if first > end:
            break
        if first > start:
            yield from ipaddress.summarize_address_range(kind(start), kind(first - 1))
        start = max(start, last + 1)
    if start <= end:
        yield from ipaddress.summarize_address_range(kind(start), kind(end))


def overlap(some: Iterable[Network], others: Iterable[Network]) -> bool:
    """Say whether an address is in prefixes of both."""
    mine = _collapsed(some)
    return set(available(mine, others)) != set(mine)


def collapsed(prefixes: Iterable[str]) -> list[str]:
    """Give the fewest prefixes that hold the same addresses."""
    return [str(net) for net in _collapsed(network(prefix) for prefix in prefixes)]


def _collapsed(prefixes: Iterable[Network]) -> list[Network]:
    nets = list(prefixes)
    v4 = ipaddress.collapse_addresses(net for net in nets if isinstance(net, IPv4Network))
    v6 = ipaddress.collapse_addresses(net for net in nets if isinstance(net, IPv6Network))
    return [*v4, *v6]


def cut(free: Iterable[Network], prefixlen: int) -> Network | None:
    """Give a network of a size out of free prefixes, of the smallest that has room."""
    for prefix in free:
        if prefix.prefixlen <= prefixlen:
            return type(prefix)((int(prefix.network_address), prefixlen))
    return None


def inside(free: Iterable[Network], *wanted: Network) -> bool:
    """Say whether networks lie in free prefixes."""
    return not available(wanted, free)

"""Numbers that stand for something on this host: local VLANs, policy numbers, conjunction ids.

Local VLANs are given out, the smallest free one first, and stay while the network is here; after a restart they are
recovered from the ports that carry them. Policy numbers and conjunction ids are hashes of what they stand for, with
the next free number on a collision, so a restart has nothing to recover.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from tunbridge.dataplane.pipeline import (
    FIRST_NAT_ZONE,
    LAST_NAT_ZONE,
    QOS_METER_COUNT,
    QOS_METERS,
    QUEUES,
    RESTRICTED,
    STATELESS,
)

MAX_VLAN = 4094


class ExhaustedError(Exception):
    """Every local VLAN of this host is in use."""


class Identifiers:
    """The numbers in use."""

    def __init__(self) -> None:
        self._vlans: dict[str, int] = {}
        self._recovered: dict[str, int] = {}
        self._used: set[int] = set()
        self._further: dict[str, set[str]] = {}
        """Router -> its external networks besides the first, as far as they have zones."""
        self._hashed: dict[str, int] = {}
        self._taken: dict[tuple[str, int], str] = {}

    def recover(self, vlans: Mapping[str, int]) -> None:
        """Keep these local VLANs for these networks, should they turn up."""
        self._recovered = {n: v for n, v in vlans.items() if 1 <= v <= MAX_VLAN}

    def vlan(self, network_id: str, unwritten: bool = False) -> int:
        """The network's local VLAN. Raises ExhaustedError.

        Of a network without a workload here no port carries it (`unwritten`): so that a restart finds the same, it is
        the first free one from a hash of the network's id on.
        """
        known = self._vlans.get(network_id)
        if known is None:
            known = self._vlans[network_id] = self._free(network_id, unwritten)
            self._used.add(known)
        return known

    def _free(self, network_id: str, unwritten: bool) -> int:
        if (former := self._recovered.get(network_id)) is not None and former not in self._used:
            return former
        kept = set(self._recovered.values())
        start = hash_of(network_id) % MAX_VLAN if unwritten else 0
        every: list[int] = [*range(start + 1, MAX_VLAN + 1), *range(1, start + 1)]
        free = next((v for v in every if v not in self._used and v not in kept), None)
        if free is None:
            free = next((v for v in every if v not in self._used), None)
        if free is not None:
            return free
        raise ExhaustedError(f"all {MAX_VLAN} local VLANs of this host are in use")

    def vlans(self) -> Mapping[str, int]:
        """Network id -> local VLAN, of the networks that are here."""
        return self._vlans

    def release_vlan(self, network_id: str) -> None:
        """Give the network's local VLAN back."""
        if (vlan := self._vlans.pop(network_id, None)) is not None:
            self._used.discard(vlan)
        self._recovered.pop(network_id, None)

    def policy(self, groups: str, stateless: bool) -> int:
        """The number of a set of security groups, 31 bits and the mark of stateless ones; never 0."""
        number = self._hash("policy", groups, STATELESS - 1)
        return number | STATELESS if stateless else number

    def conjunction(self, what: str) -> int:
        """The id of a conjunction; never 0."""
        return self._hash("conjunction", what, 0xFFFF_FFFF)

    def group(self, network_id: str, community: str | None) -> int:
        """The number of a private VLAN's community, or of its isolated ports (None); never 0."""
        return self._hash("group", f"{network_id} {community or ''}", RESTRICTED - 1) | RESTRICTED

    def router(self, id: str) -> int:
        """The number of a router; never 0."""
        return self._hash("router", id, 0xFFFF_FFFF)

    def nat_zone(self, router_id: str, network_id: str = "") -> int:
        """The conntrack zone in which a router translates addresses, or what else does: a Local IP.

        `network_id`: a further external network, besides the router's first.
        """
        if network_id:
            self._further.setdefault(router_id, set()).add(network_id)
        what = f"{router_id} {network_id}".rstrip()
        return FIRST_NAT_ZONE - 1 + self._hash("nat-zone", what, LAST_NAT_ZONE - FIRST_NAT_ZONE + 1)

    def nat_zones(self) -> Collection[int]:
        """The zones of all that translate."""
        return [FIRST_NAT_ZONE - 1 + number for kind, number in self._taken if kind == "nat-zone"]

    def meter(self, id: str, what: str) -> int:
        """The number of a meter of a QoS policy: of a port or floating IP, and what of it is limited."""
        return QOS_METERS - 1 + self._hash("meter", f"{id} {what}", QOS_METER_COUNT)

    def queue(self, port_id: str) -> int:
        """The number of a port's queue on NICs; never 0."""
        return self._hash("queue", port_id, QUEUES)

    def label(self, id: str, direction: str) -> int:
        """The number of a metering label in one direction; never 0."""
        return self._hash("label", f"{id} {direction}", 0xFFFF_FFFF)

    def label_of(self, number: int) -> tuple[str, str] | None:
        """The label and the direction that a number stands for."""
        name = self._taken.get(("label", number))
        if name is None:
            return None
        _, id, direction = name.split(" ")
        return id, direction

    def next_hop(self, what: str) -> int:
        """The number of a next hop, an address in a network; never 0."""
        return self._hash("next-hop", what, 0xFFFF_FFFF)

    def next_hop_of(self, number: int) -> str | None:
        """The address and the network that a number of a next hop stands for."""
        name = self._taken.get(("next-hop", number))
        return None if name is None else name.removeprefix("next-hop ")

    def router_of(self, number: int) -> str | None:
        """The id of the router with a number."""
        name = self._taken.get(("router", number))
        return None if name is None else name.removeprefix("router ")

    def release_router(self, id: str) -> None:
        """Forget a router, or a Local IP, that is here no more."""
        names = [f"router {id}", f"nat-zone {id}", *(f"nat-zone {id} {one}" for one in self._further.pop(id, ()))]
        for name in names:
            if (number := self._hashed.pop(name, None)) is not None:
                del self._taken[name.split(" ", 1)[0], number]

    def release_meters(self, id: str, whats: Iterable[str]) -> None:
        """Forget the meters of a port or floating IP that is limited no more."""
        for what in whats:
            if (number := self._hashed.pop(f"meter {id} {what}", None)) is not None:
                del self._taken["meter", number]

    def release_queue(self, port_id: str) -> None:
        """Forget the queue of a port that has no minimum bandwidth any more."""
        if (number := self._hashed.pop(f"queue {port_id}", None)) is not None:
            del self._taken["queue", number]

    def _hash(self, kind: str, what: str, highest: int) -> int:
        name = f"{kind} {what}"
        if (known := self._hashed.get(name)) is not None:
            return known
        number = hash_of(name) % highest + 1
        while (kind, number) in self._taken:
            number = number % highest + 1
        self._taken[kind, number] = name
        self._hashed[name] = number
        return number

    def release_policy(self, groups: str) -> None:
        """Forget a policy that no port has any more."""
        if (number := self._hashed.pop(f"policy {groups}", None)) is not None:
            del self._taken["policy", number]


def hash_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())

"""Before this host takes a gateway over, it asks the external network whether the other one still answers there.

BFD says that the tunnel between two hosts is broken; who of them is well it does not say. One that answers for its
routers' addresses outside is, and others may still reach it: two with one address would harm both.

    dead by BFD --asked--> silent: dead, this host takes over
                    +----> answers: asked again each ASK_S; vouched for when it has answered ANSWERS times: it keeps its
                           gateways, and this host lets nothing out in its place
"""

from collections.abc import Callable, Collection
from ipaddress import IPv4Address
from time import monotonic

from msgspec import Struct

from tunbridge.agent.wires import Wires
from tunbridge.dataplane.addresses import host_mac
from tunbridge.dataplane.responders import arp
from tunbridge.dataplane.responders.frames import mac_bytes
from tunbridge.dataplane.view import Source
from tunbridge.model.gateway_order import candidates

ASK_S = 0.15
ANSWERS = 4
MOST = 4
"""So many addresses of a host are asked for: one answer is enough."""

Address = tuple[str, str]
"""Network and address."""


class _Asked(Struct):
    addresses: list[Address]
    at: float
    answers: int = 0
    is_answered: bool = False
    is_dead: bool = False


class Vouching:
    """The hosts that BFD says are dead, and what the wire says of them."""

    def __init__(self, source: Source, wires: Wires, later: Callable[[float], None]) -> None:
        """`later` has `judge` called again after so many seconds."""
        self._source = source
        self._wires = wires
        self._later = later
        self._asked: dict[str, _Asked] = {}
        self.vouched: frozenset[str] = frozenset()
        """Tunnel addresses of hosts that this one does not reach, and that have their gateways still."""

    def judge(self, lost: Collection[str], here: str) -> frozenset[str]:
        """Give those of the tunnel addresses of lost hosts from which this host may take over now."""
        now = monotonic()
        for ip in self._asked.keys() - set(lost):
            del self._asked[ip]
        for ip in set(lost) - self._asked.keys():
            addresses = self._addresses(ip, here)
            self._asked[ip] = _Asked(addresses, now, is_dead=not addresses)
            self._ask(self._asked[ip])
        for asked in self._asked.values():
            self._verdict(asked, now)
        self.vouched = frozenset(ip for ip, a in self._asked.items() if a.answers >= ANSWERS and not a.is_dead)
        return frozenset(ip for ip, asked in self._asked.items() if asked.is_dead)

    def heard(self, address: Address) -> None:
        """Somebody answers for an address."""
        for asked in self._asked.values():
            if address in asked.addresses:
                asked.is_answered = True

    def _verdict(self, asked: _Asked, now: float) -> None:
        if asked.is_dead:
            return
        if now - asked.at >= ASK_S:
            if not asked.is_answered:
                asked.is_dead = True
                return
            asked.answers, asked.is_answered, asked.at = asked.answers + 1, False, now
            self._ask(asked)
        self._later(max(asked.at + ASK_S - now, 0.01))

    def _ask(self, asked: _Asked) -> None:
        host = self._wires.host
        for network, address in asked.addresses if host is not None else ():
            self._wires.send(network, arp.question(IPv4Address(address), mac_bytes(host_mac(host or ""))))

    def _addresses(self, ip: str, here: str) -> list[Address]:
        """Some addresses of routers that the host has and that would be this host's."""
        names = {name for name in self._source.hosts() if (h := self._source.host(name)) and h.tunnel_ip == ip}
        found = []
        for id in self._source.gateways(here):
            router = self._source.router(id)
            if router is None:
                continue
            order = candidates(id, router.gateway_host, router.gateway_standbys)
            if names.isdisjoint(order[: order.index(here)]):
                continue
            for port in (self._source.port(one) for one in router.gateways):
                fixed = () if port is None else port.fixed_ips
                found += [(port.network_id, ip.ip_address) for ip in fixed if port and ":" not in ip.ip_address]
            if len(found) >= MOST:
                break
        return found[:MOST]

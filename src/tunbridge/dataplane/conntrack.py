"""Which connections must end when something that allowed them goes.

Owners state permits: addresses of local ports with their policy, rules of a policy, members of what rules name as their
remote end. A lost permit gives cuts: (zone, address) whose connections the agent reads from conntrack, has judged, and
deletes where they are no longer allowed. All other connections stay.

    ("zone", zone, network)                        the network has this conntrack zone
    ("address", zone, address, policy, port)       a local port and its groups; `UNFILTERED`: none looked at
    ("rule", policy, direction, version, protocol, first, last, remote)      "" is any
    ("member", remote, address)                    remote is "group:ID" or "address-group:ID"
    ("zone", zone, router)                         likewise a router, which translates addresses in this zone
    ("translate", zone, fixed, floating)           of these to one another, whoever began the connection
    ("masquerade", zone, address)                  of any source to this address
    ("forward", zone, fixed, floating, protocol, first, last, inner, 1 or 0)
                                                   of these ports of the floating address, from outside, to the fixed
                                                   one, from port `inner` on, or (0) all to that
"""

import functools
import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from tunbridge.dataplane.pipeline import EGRESS_CHECKED, FIRST_NAT_ZONE, INGRESS_CHECKED

UNFILTERED = "*"
_ICMP = {1, 58}


class Cut(Struct, frozen=True):
    """Connections to judge: those of a zone that have this address or prefix at either end; None: all are to end."""

    zone: int
    address: str | None

    def concerns(self, connection: "Connection") -> bool:
        """Whether a connection is one of these."""
        if connection.zone != self.zone:
            return False
        return self.address is None or any(_within(end, self.address) for end in _ends(connection))


class Connection(Struct, frozen=True, kw_only=True):
    """A connection as conntrack lists it, in its original direction. Addresses in canonical text.

    For ICMP, `src_port` is its type and `dst_port` its code.
    """

    zone: int
    mark: int = 0
    protocol: int
    src: str
    dst: str
    src_port: int | None = None
    dst_port: int | None = None
    icmp_id: int | None = None
    reply_src: str | None = None
    """Source of the replies: another address than `dst` where that was translated; likewise `reply_dst`."""
    reply_dst: str | None = None
    reply_src_port: int | None = None


def cuts(lost: Iterable[tuple[str, ...]], permits: Collection[tuple[str, ...]]) -> list[Cut]:
    """What to judge after these permits were lost; `permits` are those that remain."""
    lost = list(lost)
    if not lost:
        return []
    found: set[Cut] = {Cut(int(p[1]), None) for p in lost if p[0] == "zone"}
    found |= {Cut(int(p[1]), p[2]) for p in lost if p[0] in ("address", "masquerade")}
    found |= {Cut(int(p[1]), p[3]) for p in lost if p[0] in ("translate", "forward")}
    policies = {p[1] for p in lost if p[0] == "rule"}
    members = [p for p in lost if p[0] == "member"]
    if policies or members:
        every = [*permits, *lost]
        found |= {Cut(int(p[1]), p[2]) for p in every if p[0] == "address" and p[3] in policies}
        for _, remote, address in members:
            users = {p[1] for p in every if p[0] == "rule" and p[7] == remote}
            found |= {Cut(int(p[1]), address) for p in every if p[0] == "address" and p[3] in users}
    whole = {c.zone for c in found if c.address is None}
    return sorted(
        (c for c in found if c.address is None or c.zone not in whole), key=lambda c: (c.zone, c.address or "")
    )


class Prefixes:
    """Values by the addresses and prefixes that have them. So many as there are, an address is looked up at once."""

    def __init__(self) -> None:
        self._by_length: dict[tuple[int, int], dict[int, set[str]]] = {}
        """(IP version, bits that do not count) -> those that count, as a number -> values."""

    def add(self, prefix: str, value: str = "") -> None:
        version, number, rest = _prefix(prefix)
        self._by_length.setdefault((version, rest), {}).setdefault(number >> rest, set()).add(value)

    def of(self, address: str) -> Iterator[str]:
        """The values of an address, and of the prefixes that it is in."""
        version, number, _ = _prefix(address)
        for (other, rest), there in self._by_length.items():
            if other == version:
                yield from there.get(number >> rest, ())

    def holds(self, address: str) -> bool:
        """Whether an address is there, or in a prefix that is."""
        return any(True for _ in self.of(address))


@functools.lru_cache(maxsize=1 << 16)
def _prefix(text: str) -> tuple[int, int, int]:
    """IP version, address as a number, and how many of its bits do not count."""
    address, _, length = text.partition("/")
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed), parsed.max_prefixlen - int(length or parsed.max_prefixlen)


class _Known:
    """Permits, by what is asked of them."""

    def __init__(self, permits: Iterable[tuple[str, ...]]) -> None:
        self.policies: defaultdict[int, Prefixes] = defaultdict(Prefixes)
        """Zone -> policies by address."""
        self.rules: defaultdict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
        self.members: defaultdict[str, Prefixes] = defaultdict(Prefixes)
        self.forwards: defaultdict[tuple[str, ...], list[tuple[int, ...]]] = defaultdict(list)
        for permit in permits:
            match permit:
                case ("address", zone, address, policy, _):
                    self.policies[int(zone)].add(address, policy)
                case ("rule", policy, direction, *rest):
                    self.rules[policy, direction].append(tuple(rest))
                case ("forward", zone, fixed, floating, protocol, *ports):
                    self.forwards[zone, fixed, floating, protocol].append(tuple(map(int, ports)))
                case ("member", remote, address):
                    self.members[remote].add(address)


class Judge:
    """Says of connections whether what is wanted now allows them.

    What it knows does not change, so that a thread may ask it about very many while the host goes on.
    """

    def __init__(self, permits: Iterable[tuple[str, ...]]) -> None:
        self._permits = frozenset(permits)

    @functools.cached_property
    def _known(self) -> _Known:
        return _Known(self._permits)

    def no_longer_allowed(self, connections: Iterable[Connection], wanted: Iterable[Cut]) -> list[Connection]:
        """Those of one zone's connections that cuts are about, and that would not be allowed now."""
        wanted = list(wanted)
        among = Prefixes()
        for address in {cut.address for cut in wanted} - {None}:
            among.add(str(address))
        every = any(cut.address is None for cut in wanted)
        return [c for c in connections if (every or any(map(among.holds, _ends(c)))) and not self.allowed(c)]

    def allowed(self, connection: Connection) -> bool:
        """Whether the side, or both sides, that were checked here would be allowed now."""
        c = connection
        if c.zone >= FIRST_NAT_ZONE:
            return self._translates(c)
        if c.mark & EGRESS_CHECKED and not self._passes(c, c.src, c.dst, "egress"):
            return False
        return not c.mark & INGRESS_CHECKED or self._passes(c, c.dst, c.src, "ingress")

    def _translates(self, c: Connection) -> bool:
        """Whether a connection's addresses would be translated now as they were when it began."""
        zone, permits = str(c.zone), self._permits
        if c.reply_src is None or c.reply_dst is None:
            return True
        if c.reply_src != c.dst and ("translate", zone, c.reply_src, c.dst) not in permits and not self._forwarded(c):
            return False
        to = c.reply_dst
        if to == c.src or ("translate", zone, c.src, to) in permits or ("masquerade", zone, to) in permits:
            return True
        return self._resumed(c)

    def _resumed(self, c: Connection) -> bool:
        """Whether it came by a port of a floating IP, and was made known again by what the VM sent."""
        port = c.src_port or 0
        return any(
            inner <= port <= inner + (last - first) * one_to_one
            for first, last, inner, one_to_one in self._known.forwards.get(
                (str(c.zone), c.src, c.reply_dst or "", str(c.protocol)), ()
            )
        )

    def _forwarded(self, c: Connection) -> bool:
        """Whether a port of a floating IP leads where the connection goes."""
        port = c.dst_port or 0
        return any(
            first <= port <= last and c.reply_src_port in (None, inner + (port - first) * one_to_one)
            for first, last, inner, one_to_one in self._known.forwards.get(
                (str(c.zone), c.reply_src or "", c.dst, str(c.protocol)), ()
            )
        )  # fmt: skip

    def _passes(self, connection: Connection, local: str, remote: str, direction: str) -> bool:
        known = self._known
        for policy in known.policies[connection.zone].of(local) if connection.zone in known.policies else ():
            if policy == UNFILTERED or any(
                self._matches(rule, connection, remote) for rule in known.rules.get((policy, direction), ())
            ):
                return True
        return False

    def _matches(self, rule: tuple[str, ...], connection: Connection, remote: str) -> bool:
        version, protocol, first, last, where = rule
        if int(version) != (6 if ":" in remote else 4) or (protocol and int(protocol) != connection.protocol):
            return False
        if connection.protocol in _ICMP:
            ports = (first in ("", str(connection.src_port))) and last in ("", str(connection.dst_port))
        else:
            ports = int(first or 0) <= (connection.dst_port or 0) <= int(last or 65535)
        return ports and self.holds(where, remote)

    def holds(self, where: str, remote: str) -> bool:
        """Whether a rule's remote end, as its permit names it, has an address."""
        if not where:
            return True
        if where.startswith(("group:", "address-group:")):
            members = self._known.members.get(where)
            return members is not None and members.holds(remote)
        return _within(remote, where)


def _ends(connection: Connection) -> Iterator[str]:
    ends = (connection.src, connection.dst, connection.reply_src, connection.reply_dst)
    return (end for end in dict.fromkeys(ends) if end is not None)


def _within(address: str, prefix: str) -> bool:
    version, number, _ = _prefix(address)
    other, net, rest = _prefix(prefix)
    return version == other and number >> rest == net >> rest

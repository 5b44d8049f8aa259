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

import ipaddress
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
        ends = (connection.src, connection.dst, connection.reply_src, connection.reply_dst)
        return self.address is None or any(end is not None and _within(end, self.address) for end in ends)


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


class Judge:
    """Says of connections whether what is wanted now allows them."""

    def __init__(self, permits: Collection[tuple[str, ...]]) -> None:
        self._policies: dict[tuple[int, str], set[str]] = {}
        self._rules: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        self._members: dict[str, list[str]] = {}
        self._forwards: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
        self._permits = permits
        for permit in permits:
            match permit:
                case ("address", zone, address, policy, _):
                    self._policies.setdefault((int(zone), address), set()).add(policy)
                case ("rule", policy, direction, *rest):
                    self._rules.setdefault((policy, direction), []).append(tuple(rest))
                case ("forward", zone, fixed, floating, protocol, *ports):
                    self._forwards.setdefault((zone, fixed, floating, protocol), []).append(tuple(map(int, ports)))
                case ("member", remote, address):
                    self._members.setdefault(remote, []).append(address)

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
        return to == c.src or ("translate", zone, c.src, to) in permits or ("masquerade", zone, to) in permits

    def _forwarded(self, c: Connection) -> bool:
        """Whether a port of a floating IP leads where the connection goes."""
        port = c.dst_port or 0
        return any(
            first <= port <= last and c.reply_src_port in (None, inner + (port - first) * one_to_one)
            for first, last, inner, one_to_one in self._forwards.get(
                (str(c.zone), c.reply_src or "", c.dst, str(c.protocol)), ()
            )
        )  # fmt: skip

    def _passes(self, connection: Connection, local: str, remote: str, direction: str) -> bool:
        for policy in self._policies_of(connection.zone, local):
            if policy == UNFILTERED or any(
                self._matches(rule, connection, remote) for rule in self._rules.get((policy, direction), ())
            ):
                return True
        return False

    def _policies_of(self, zone: int, address: str) -> Iterator[str]:
        yield from self._policies.get((zone, address), ())
        for (other, prefix), policies in self._policies.items():
            if other == zone and "/" in prefix and _within(address, prefix):
                yield from policies

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
            return any(_within(remote, m) for m in self._members.get(where, ()))
        return _within(remote, where)


def _within(address: str, prefix: str) -> bool:
    if address == prefix:
        return True
    if "/" not in prefix or (":" in address) != (":" in prefix):
        return False
    return ipaddress.ip_address(address) in ipaddress.ip_network(prefix, strict=False)

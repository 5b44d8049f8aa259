"""Tunnels: the ends on each host, the hosts' own addresses, and which two ends are one tunnel.

An end names addresses, not hosts. Whose they are is told by `local_ip`; OVN prints none, and then a host's own address
is the one that its peers name and it does not. Everything is looked up in indexes by address, so that the cost grows
with the number of tunnels, not with its square.
"""

import ipaddress
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from tunbridge.inspect.interfaces import is_mirror, is_tunnel
from tunbridge.inspect.model import Bridge, Host, Interface, Port
from tunbridge.inspect.roles import OVN_TUNNEL

FLOW = "flow"
"""An address or key that flows choose for each packet: ovs-vswitchd.conf.db(5), Interface, tunnel options."""
_UDP_PORTS = {"vxlan": 4789, "geneve": 6081, "stt": 7471, "lisp": 4341, "gtpu": 2152}
"""Default destination ports: ovs-vswitchd.conf.db(5), Interface, `options:dst_port`."""
MANY = 64
"""A host with more candidates than this for its own address is ambiguous, whatever the rest says."""


class Tunnel(Struct, frozen=True, kw_only=True, gc=False):
    """One end of a tunnel: the interface, with its options as Open vSwitch takes them.

    Addresses are in canonical form; `remote` is None when the text does not say it. A key that is not given is "0":
    ovs-vswitchd.conf.db(5) calls the two equivalent. `udp_port` is where packets are sent (`dst_port`), None for
    types without ports.
    """

    host: str
    bridge: str
    port: str
    name: str
    type: str
    local: str | None
    remote: str | None
    in_key: str
    out_key: str
    stated_key: str | None
    udp_port: int | None
    mark: str
    datapath: str
    error: str | None
    line: int | None

    @property
    def identity(self) -> tuple[object, ...]:
        """What Open vSwitch tells tunnels of one host apart by: two with the same cannot both exist."""
        return self.type, self.local, self.remote, self.in_key, self.udp_port, self.mark, self.datapath

    def agrees_on_keys(self, other: "Tunnel") -> bool:
        """Say whether each end receives what the other one sends."""
        return self.out_key == other.in_key and self.in_key == other.out_key

    def agrees_on_addresses(self, other: "Tunnel") -> bool:
        """Say whether each end's `remote_ip` is the other's `local_ip`, as far as the two state them."""
        forth = other.local in (None, FLOW, self.remote)
        back = other.remote == FLOW or self.local in (None, FLOW, other.remote)
        return forth and back

    def is_whole_with(self, other: "Tunnel") -> bool:
        """Say whether packets pass between the two ends, as far as their configuration tells."""
        same = self.type == other.type and self.udp_port == other.udp_port and self.agrees_on_addresses(other)
        return same and (other.remote == FLOW or self.agrees_on_keys(other)) and not self.error and not other.error


def tunnels_of(host: Host) -> Iterator[Tunnel]:
    """Give every end of a tunnel to another host, in the order of the dump."""
    for bridge in host.bridges:
        for port in bridge.ports:
            for interface in port.interfaces:
                if is_tunnel(interface) and not is_mirror(interface):
                    yield _tunnel(host.name, bridge, port, interface)


def _tunnel(host: str, bridge: Bridge, port: Port, interface: Interface) -> Tunnel:
    options = interface.options
    key = options.get("key")
    in_key, out_key = options.get("in_key", key), options.get("out_key", key)
    remote = options.get("remote_ip")
    local = options.get("local_ip")
    return Tunnel(
        host=host,
        bridge=bridge.name,
        port=port.name,
        name=interface.name,
        type=interface.type.removeprefix("ipsec_"),
        local=canonical(local) if local else None,
        remote=canonical(remote) if remote else None,
        in_key=_key(in_key),
        out_key=_key(out_key),
        stated_key=_stated(in_key, out_key),
        udp_port=_udp_port(interface),
        mark=options.get("egress_pkt_mark", "0"),
        datapath=bridge.datapath_type or "system",
        error=interface.error,
        line=interface.lines.get("options", interface.lines.get("name")),
    )


def _udp_port(interface: Interface) -> int | None:
    stated = interface.options.get("dst_port", "")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 6 else _UDP_PORTS.get(interface.type)


def _key(text: str | None) -> str:
    """A key in one spelling: decimal, or "flow"; absent is 0."""
    if text is None or text == FLOW:
        return text or "0"
    try:
        return str(int(text, 0)) if len(text) <= 20 else text
    except ValueError:
        return text


def _stated(in_key: str | None, out_key: str | None) -> str | None:
    if in_key == out_key:
        return in_key
    return f"in {in_key or 'none'}, out {out_key or 'none'}"


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""The only spelling of an IPv4 address that is one."""


def canonical(address: str) -> str:
    """Spell an IPv4 or IPv6 address in the one canonical way; leave "flow" and host names as they are."""
    return address if _IPV4.fullmatch(address) else _canonical(address)


@lru_cache(maxsize=65536)
def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def own_addresses(hosts: Sequence[Host], tunnels: Iterable[Tunnel]) -> tuple[dict[str, list[str]], set[str]]:
    """Give host name -> its own tunnel addresses, and the names of those hosts for which they cannot be told.

    Stated ones (`local_ip`, or `addresses` of a host that was read live) go first; the rest is inferred. A host that
    has lost its last tunnel is known by the one address that others name and nobody has.
    """
    stated: dict[str, dict[str, None]] = {h.name: dict.fromkeys(canonical(a) for a in h.addresses) for h in hosts}
    named: dict[str, dict[str, _Peer]] = {}
    for tunnel in tunnels:
        if tunnel.local is not None and tunnel.local != FLOW:
            stated[tunnel.host][tunnel.local] = None
        if tunnel.remote is not None and tunnel.remote != FLOW:
            match = OVN_TUNNEL.fullmatch(tunnel.name) if len(tunnel.name) < 20 else None
            peer = _Peer(match[1] if match else tunnel.remote, tunnel.type)
            named.setdefault(tunnel.host, {})[tunnel.remote] = peer
    addresses = {host: list(own) for host, own in stated.items()}
    silent = [host.name for host in hosts if not addresses[host.name] and _is_in_overlay(host, named)]
    if named and silent:
        _infer(silent, named, addresses)
    return addresses, {name for name in silent if not addresses[name]}


class _Peer(Struct, frozen=True, gc=False):
    """What a tunnel tells of the host at its other end, besides the address."""

    chassis: str
    """OVN's short name of it, else the address: the addresses of one chassis belong together."""
    type: str


def _is_in_overlay(host: Host, named: dict[str, dict[str, _Peer]]) -> bool:
    """Say whether a host takes part in the overlay, even when the last of its tunnels has gone.

    It does with a tunnel bridge, or, where all tunnels are OVN's, with an integration bridge.
    """
    if host.name in named or any(bridge.role == "tunnel" for bridge in host.bridges):
        return True
    all_ovn = bool(named) and all(
        peer.chassis != address for peers in named.values() for address, peer in peers.items()
    )
    return all_ovn and any(bridge.role == "integration" and not bridge.controllers for bridge in host.bridges)


def _infer(silent: list[str], named: dict[str, dict[str, _Peer]], addresses: dict[str, list[str]]) -> None:
    """Work out the own addresses of the `silent` hosts by elimination, and put them into `addresses`.

    A host's own address is one that others name and it does not, and that nobody else owns. Where several remain, those
    go that are named by a host to which it has no tunnel itself, or with another type of tunnel than it has: OVN builds
    tunnels in pairs.
    """
    taken = {address for own in addresses.values() for address in own}
    free: dict[str, _Peer] = {}
    namers: dict[str, list[str]] = defaultdict(list)
    for host, remotes in named.items():
        for remote, peer in remotes.items():
            if remote not in taken:
                free[remote] = peer
                namers[remote].append(host)
    open_ = dict.fromkeys(silent)
    while open_:
        found: dict[str, list[str]] = {}
        for host in open_:
            peers = named.get(host, {})
            if len(free) - len(peers) > MANY:
                continue
            candidates = [a for a in free if a not in peers]
            if len({free[a].chassis for a in candidates}) > 1 and peers:
                types = {peer.type for peer in peers.values()}
                candidates = [a for a in candidates if free[a].type in types and _mutual(peers, namers[a], addresses)]
            if len({free[a].chassis for a in candidates}) == 1:
                found[host] = sorted(candidates)
        claims = Counter(address for own in found.values() for address in own)
        found = {host: own for host, own in found.items() if all(claims[address] == 1 for address in own)}
        if not found:
            return
        for host, own in found.items():
            addresses[host] = own
            del open_[host]
            for address in own:
                del free[address]


def _mutual(named: dict[str, _Peer], namers: list[str], addresses: dict[str, list[str]]) -> bool:
    """Say whether every host that names a candidate, and whose own address is known, is named in return."""
    return all(any(own in named for own in addresses[namer]) for namer in namers if addresses[namer])


class Matching(Struct, frozen=True):
    """Which ends are one tunnel. Indexes are positions in `tunnels`."""

    tunnels: list[Tunnel]
    partner: dict[int, int]
    """Both directions of every pair; a multi-peer end may be the partner of many."""
    peer_host: dict[int, str]
    """End -> the given host that its `remote_ip` belongs to."""
    duplicates: set[int]
    """Ends that an earlier one of the same host makes impossible."""
    unmatched: set[str]
    """Hosts with ends that are the other end of nothing that was given."""


def match(tunnels: list[Tunnel], addresses: dict[str, list[str]]) -> Matching:
    """Pair the ends: first those that agree in everything, then those that differ in key, type, at last in address."""
    owner: dict[str, str] = {}
    for host, own in addresses.items():
        for address in own:
            owner.setdefault(address, host)
    matcher = _Matcher(tunnels, addresses, owner)
    for strictness in (2, 1, 0):
        matcher.pair_up(strictness)
    matcher.accept_multipeer()
    matcher.pair_misaddressed()
    unmatched = {tunnel.host for index, tunnel in enumerate(tunnels) if index not in matcher.partner}
    return Matching(tunnels, matcher.partner, matcher.peer_host, matcher.duplicates, unmatched)


class _Matcher:
    def __init__(self, tunnels: list[Tunnel], addresses: dict[str, list[str]], owner: dict[str, str]) -> None:
        self.tunnels = tunnels
        self.addresses = addresses
        self.partner: dict[int, int] = {}
        self.peer_host: dict[int, str] = {}
        self.duplicates: set[int] = set()
        self._multipeer: dict[tuple[str, str], int] = {}
        """(host, type) -> its first multi-peer end."""
        self._strays: dict[str, list[int]] = defaultdict(list)
        """Host -> its ends whose remote address belongs to no given host and is named by no other one."""
        seen: set[tuple[object, ...]] = set()
        naming: dict[str, set[str]] = defaultdict(set)
        for index, tunnel in enumerate(tunnels):
            identity = (tunnel.host, *tunnel.identity)
            if identity in seen and tunnel.remote is not None:
                self.duplicates.add(index)
            seen.add(identity)
            if tunnel.remote is None:
                continue
            if tunnel.remote == FLOW:
                self._multipeer.setdefault((tunnel.host, tunnel.type), index)
                continue
            peer = owner.get(tunnel.remote)
            if peer is not None:
                self.peer_host[index] = peer
            else:
                naming[tunnel.remote].add(tunnel.host)
        for index, tunnel in enumerate(tunnels):
            if len(naming.get(tunnel.remote or "", ())) == 1:
                self._strays[tunnel.host].append(index)

    def _open(self) -> Iterator[tuple[int, Tunnel, str]]:
        """Give the ends that lead to another given host and have no partner yet."""
        for index, peer in self.peer_host.items():
            if index not in self.partner and index not in self.duplicates and peer != self.tunnels[index].host:
                yield index, self.tunnels[index], peer

    def pair_up(self, strictness: int) -> None:
        """Pair each open end with one of the other host that leads back, of the same type (1) and keys too (2)."""
        waiting: dict[tuple[object, ...], deque[int]] = defaultdict(deque)
        for index, other in enumerate(self.tunnels):
            if index not in self.partner and index not in self.duplicates:
                waiting[other.host, other.remote, *_fitting(other, strictness)].append(index)
        for index, tunnel, peer in self._open():
            fronts = (self._front(waiting, (peer, *key)) for key in self._keys(tunnel, strictness))
            back = min((front for front in fronts if front is not None), default=None)
            if back is not None:
                self.partner[index], self.partner[back] = back, index

    def _front(self, waiting: dict[tuple[object, ...], deque[int]], key: tuple[object, ...]) -> int | None:
        """Return the first end under `key` that has no partner yet; those that have one are taken off."""
        ends = waiting.get(key)
        while ends and ends[0] in self.partner:
            ends.popleft()
        return ends[0] if ends else None

    def _keys(self, tunnel: Tunnel, strictness: int) -> Iterator[tuple[object, ...]]:
        """Return the keys under which ends stand that lead to where `tunnel` begins and fit it."""
        own = [tunnel.local] if tunnel.local not in (None, FLOW) else self.addresses[tunnel.host]
        for address in own:
            if strictness == 0:
                yield (address,)
            elif strictness == 1:
                yield address, tunnel.type
            else:
                for local in (None, tunnel.remote):
                    yield address, tunnel.type, tunnel.out_key, tunnel.in_key, local

    def accept_multipeer(self) -> None:
        """A multi-peer end of the same type on the other host receives from anybody."""
        for index, tunnel, peer in list(self._open()):
            back = self._multipeer.get((peer, tunnel.type))
            if back is not None:
                self.partner[index] = back

    def pair_misaddressed(self) -> None:
        """Pair ends that were meant for each other, but of which one carries an address that nobody has.

        That is so when the one leads to an address that no given host has and no other host names, and it is the
        only such end there, or its name tells.
        """
        waiting: dict[str, list[int]] = defaultdict(list)
        for index, _, peer in self._open():
            waiting[peer].append(index)
        for peer, indexes in waiting.items():
            strays = [s for s in self._strays.get(peer, ()) if s not in self.partner]
            by_name: dict[tuple[str, str | None], deque[int]] = defaultdict(deque)
            by_type: dict[str, list[int]] = defaultdict(list)
            for stray in strays:
                tunnel = self.tunnels[stray]
                by_name[tunnel.type, address_in_name(tunnel.name, tunnel.type)].append(stray)
                by_type[tunnel.type].append(stray)
            for index in indexes:
                near = self.tunnels[index]
                named = (by_name.get((near.type, address)) for address in self.addresses[near.host])
                meant = next((ends.popleft() for ends in named if ends), None)
                same = by_type[near.type]
                if meant is None and len(indexes) == len(same) == 1:
                    meant = same[0]
                if meant is not None:
                    self.partner[index], self.partner[meant] = meant, index


def _fitting(tunnel: Tunnel, strictness: int) -> tuple[object, ...]:
    """Return what an end at the other host must fit, as far as `strictness` wants it."""
    if strictness == 0:
        return ()
    return (tunnel.type,) if strictness == 1 else (tunnel.type, tunnel.in_key, tunnel.out_key, tunnel.local)


def address_in_name(name: str, type_: str) -> str | None:
    """Give the IPv4 address that Neutron's name of a tunnel port tells (`vxlan-0a00001b` is 10.0.0.27), else None."""
    prefix, _, digits = name.rpartition("-")
    if prefix != type_ or len(digits) != 8 or not all(c in "0123456789abcdef" for c in digits):
        return None
    return str(ipaddress.IPv4Address(int(digits, 16)))

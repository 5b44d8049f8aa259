"""A packet from host to host: each host's own `ofproto/trace`, and what is between hosts.

A copy that leaves by a tunnel comes in at the tunnel's other end, where a host with the outer destination address has a
tunnel back. A copy that leaves by a NIC comes in at the NICs of all hosts that have a bridge to the same physical
network; switches between them are not known, so each of these hosts gets it, and those that have no use for it are left
out.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.interfaces import is_local, is_nic_of, is_tunnel
from tunbridge.inspect.model import Bridge, Document, Host, Interface, Port
from tunbridge.inspect.networks import physical
from tunbridge.inspect.trace.actions import Copy, Outer
from tunbridge.inspect.trace.frame import frame
from tunbridge.inspect.trace.packet import INNER_VLAN, Packet, flow
from tunbridge.inspect.trace.text import Round, Step, read
from tunbridge.inspect.tunnels import canonical
from tunbridge.inspect.wiring import FLOW

_IN_PORT = re.compile(r'in_port="?([^",]+)')
"""Names are quoted where they must be (ovs-ofctl(8), --names)."""
MAX_HOSTS = 32
"""Hosts that one packet is followed to: more is a loop."""

Ask = Callable[[str, str, str, str | None], str]
"""(host, bridge, flow, frame) -> what `ofproto/trace` prints there. Raises TunbridgeError.

`frame`: the packet in hexadecimal digits where the words of the flow do not suffice, which then say where it comes in.
"""

MarkOf = Callable[[Step], str | None]
"""The ct_mark of known connections on a host with such a flow; None: whoever made the flow sets none."""

EndKind = Literal["delivered", "answered", "controller", "noted", "host", "outside", "tunnel", "lost", "dropped"]


def _no_mark(_step: Step) -> str | None:
    return None


class Place(Struct, frozen=True, kw_only=True):
    """A port of a bridge of a host."""

    host: str
    bridge: str
    port: str


class Branch(Struct, frozen=True, kw_only=True):
    """What became of one copy, and on which hosts it goes on.

    delivered   to the workload at `port`                  answered    back to the sender, by a flow
    controller  to who programs the bridge                 host        to the host's own IP stack, by `port`
    noted       besides, a copy to who programs the bridge, for its log
    outside     by the NIC `port`, and no host here took it up, unless `visits` says so
    tunnel      encapsulated in `outer`, to `visits`       lost        it cannot leave or arrive, because of `reason`
    dropped     by the flow of `step`
    """

    kind: EndKind
    packet: Packet
    port: str | None = None
    outer: Outer | None = None
    bridge: str | None = None
    """Of `outside`: the provider bridge that the NIC is in, and the physical network that it stands for, if known."""
    physical: str | None = None
    reason: str | None = None
    step: Step | None = None
    visits: tuple["Visit", ...] = ()


class Visit(Struct, frozen=True, kw_only=True):
    """A packet on one host, from the port that it comes in by."""

    at: Place
    packet: Packet
    rounds: tuple[Round, ...]
    branches: tuple[Branch, ...]


def follow(document: Document, start: Place, packet: Packet, ask: Ask, mark: MarkOf = _no_mark) -> Visit:
    """Follow a packet that comes in by `start`. Raises TunbridgeError when that host cannot be asked."""
    return _Follower(document, ask, mark).visit(start, packet, None)


def ends(visit: Visit) -> list[tuple[Visit, Branch]]:
    """Give every end of the packet's ways, with the visit that it is of, in order."""
    found: list[tuple[Visit, Branch]] = []
    for branch in visit.branches:
        if not branch.visits:
            found.append((visit, branch))
        for next_visit in branch.visits:
            found += ends(next_visit)
    return found


class _Follower:
    def __init__(self, document: Document, ask: Ask, mark: MarkOf) -> None:
        self._ask = ask
        self._mark = mark
        self._hosts = {host.name: host for host in document.hosts}
        self._addresses = {canonical(a): host.name for host in document.hosts for a in host.addresses}
        self._ports: dict[str, dict[str, tuple[Bridge, Port, Interface]]] = defaultdict(dict)
        for host in document.hosts:
            for bridge in host.bridges:
                for port in bridge.ports:
                    for interface in port.interfaces:
                        self._ports[host.name][interface.name] = (bridge, port, interface)
        self._visited = 0

    def visit(self, at: Place, packet: Packet, outer: Outer | None) -> Visit:
        self._visited += 1
        around = f"tun_src={outer.source},tun_dst={outer.destination}," if outer is not None else ""
        if outer is not None and ":" in outer.source:
            around = f"tun_ipv6_src={outer.source},tun_ipv6_dst={outer.destination},"
        key = f"tun_id={outer.key}," if outer is not None and outer.key is not None else ""
        around = f"{key}{around}"
        rounds = self._traced(at.host, at.bridge, f'in_port="{at.port}",{around}', packet)
        mark = next(filter(None, (self._mark(step) for one in rounds for step in one.steps)), None)
        if mark is not None:
            rounds = self._marked(at, rounds, mark, around, packet)
        left = [copy for one in rounds for copy in one.copies if copy.kind != "recirculated"]
        branches = tuple(self._branch(at, copy, packet.get("dl_vlan")) for copy in left)
        if all(branch.kind == "noted" for branch in branches):
            left_at = rounds[-1].packet if rounds else packet
            branches = (*branches, Branch(kind="dropped", packet=left_at, step=_last(rounds)))
        return Visit(at=at, packet=packet, rounds=tuple(rounds), branches=branches)

    def _traced(self, host: str, bridge: str, where: str, packet: Packet) -> list[Round]:
        """Ask a host what becomes of a packet; `where`: by which port it comes in, and what else is no header."""
        if INNER_VLAN not in packet:
            return read(self._ask(host, bridge, where + flow(packet), None))
        return read(self._ask(host, bridge, where.rstrip(","), frame(packet)))

    def _marked(self, at: Place, rounds: list[Round], mark: str, around: str, packet: Packet) -> list[Round]:
        """Ask again, with the mark that conntrack has of the connection.

        A trace cannot be told the mark that conntrack would find, but one that a packet comes in with stays. Patch
        ports take it off: where the packet passed one before conntrack was asked, the question begins behind it.
        """
        first = rounds[0]
        entered = next((n for n, step in enumerate(first.steps) if step.bridge != first.steps[0].bridge), None)
        port = _IN_PORT.search(first.steps[entered].match) if entered is not None else None
        if entered is None or port is None or [copy.kind for copy in first.copies] != ["recirculated"]:
            return self._traced(at.host, at.bridge, f'in_port="{at.port}",ct_mark={mark},{around}', packet)
        before = replace(first, steps=first.steps[:entered], copies=())
        bridge = first.steps[entered].bridge
        return [before, *self._traced(at.host, bridge, f'in_port="{port[1]}",ct_mark={mark},', first.left)]

    def _branch(self, at: Place, copy: Copy, vlan: str | None) -> Branch:
        """What becomes of a copy of a packet that came in with this VLAN."""
        if copy.kind in ("controller", "noted"):
            return Branch(kind=copy.kind, packet=copy.packet)
        if copy.kind == "tunnel":
            assert copy.outer is not None
            return self._through(at, copy, copy.outer)
        assert copy.port is not None
        there = self._ports[at.host].get(copy.port)
        if there is None:
            return Branch(kind="delivered", packet=copy.packet, port=copy.port)
        bridge, port, interface = there
        if copy.port == at.port and copy.packet.get("dl_vlan") == vlan:  # not to another sub-port of the same VM
            return Branch(kind="answered", packet=copy.packet, port=copy.port)
        if is_local(bridge, port):
            return Branch(kind="host", packet=copy.packet, port=copy.port)
        if is_nic_of(bridge, port) and not is_tunnel(interface):
            return self._out(at.host, bridge, copy)
        return Branch(kind="delivered", packet=copy.packet, port=copy.port)

    def _through(self, at: Place, copy: Copy, outer: Outer) -> Branch:
        def lost(reason: str) -> Branch:
            return Branch(kind="lost", packet=copy.packet, port=copy.port, outer=outer, reason=reason)

        if copy.port is None:
            return lost(f"{at.host} has no way to {outer.destination}: no route, or no neighbour answers")
        name = self._addresses.get(canonical(outer.destination))
        if name is None:
            return lost(f"no host that was given has the tunnel address {outer.destination}")
        entrance = self._entrance(self._hosts[name], outer)
        if entrance is None:
            return lost(f"{name} has no {outer.type} tunnel to {outer.source}: it drops what comes from there")
        visits = self._further([entrance], copy.packet, outer)
        if not visits:
            return lost(f"it is on its way for {MAX_HOSTS} hosts: a loop")
        return Branch(kind="tunnel", packet=copy.packet, port=copy.port, outer=outer, visits=visits)

    def _entrance(self, host: Host, outer: Outer) -> Place | None:
        """Find the tunnel port by which a host takes what comes in this outer packet."""
        for remote in (canonical(outer.source), FLOW):
            for name, (bridge, _, interface) in self._ports[host.name].items():
                if interface.type == outer.type and canonical(interface.options.get("remote_ip", "")) == remote:
                    return Place(host=host.name, bridge=bridge.name, port=name)
        return None

    def _out(self, host: str, bridge: Bridge, copy: Copy) -> Branch:
        here = self._hosts[host]
        entrances = [
            Place(host=other.name, bridge=far.name, port=interface.name)
            for other in self._hosts.values()
            if other.name != host
            for far in other.bridges
            if far.role == bridge.role and _is_same_network(here, bridge, other, far)
            for port in far.ports
            if is_nic_of(far, port)
            for interface in port.interfaces[:1]
        ]
        visits = tuple(v for v in self._further(entrances, copy.packet, None) if _is_of_use(v))
        network = physical(here, bridge) or None
        return Branch(
            kind="outside", packet=copy.packet, port=copy.port, bridge=bridge.name, physical=network, visits=visits
        )

    def _further(self, entrances: Sequence[Place], packet: Packet, outer: Outer | None) -> tuple[Visit, ...]:
        found: list[Visit] = []
        for entrance in entrances:
            if self._visited >= MAX_HOSTS:
                break
            try:
                found.append(self.visit(entrance, packet, outer))
            except TunbridgeError as e:
                lost = Branch(kind="lost", packet=packet, reason=str(e))
                found.append(Visit(at=entrance, packet=packet, rounds=(), branches=(lost,)))
        return tuple(found)


def _is_same_network(host: Host, bridge: Bridge, other: Host, far: Bridge) -> bool:
    """Whether two bridges are on one physical network: by its name where both hosts tell it, else by the bridges'."""
    names = physical(host, bridge), physical(other, far)
    return names[0] == names[1] if all(names) else bridge.name == far.name


def _last(rounds: Sequence[Round]) -> Step | None:
    """The flow that a packet ends in; not those that a copy of it met, which left it there."""
    steps = rounds[-1].steps if rounds else ()
    parting = (step for step in reversed(steps) if any(action.startswith("clone(") for action in step.actions))
    return next(parting, steps[-1] if steps else None)


def _is_of_use(visit: Visit) -> bool:
    """Tell whether a host does more with a packet from a physical network than to drop it or send it round."""
    return any(branch.kind in ("delivered", "controller", "tunnel") for _, branch in ends(visit))

"""The path that a workload's packet will take, predicted from the wiring: no flow is read, no workload needed.

A path is predicted on one assumption, that whoever programs the flows (Neutron's agent, OVN, Antrea) uses the wiring as
it is meant: workloads plug into the integration bridge, tunnels lead to other hosts, provider bridges to the outside.

    workload - integration bridge - (patch) - tunnel bridge = tunnel = the same on the other host       "overlay"
    workload - integration bridge - (patch) - provider bridge - NIC - physical network                  "outside"
    workload - ... = tunnel = gateway host - (router) - provider bridge - NIC - physical network        "outside"

Where a wire is missing, broken, or leads to what was not given, the path ends there with a `Stop` that says why.
How many are predicted is bounded (`ALL_PAIRS`, `PEERS`), so that their number grows with the hosts and not its square.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from tunbridge.inspect.interfaces import is_enslaved, why_down
from tunbridge.inspect.model import Document, End, Hop, Host, Path
from tunbridge.inspect.routers import passages
from tunbridge.inspect.wiring import Crossing, Wiring, reverse

ALL_PAIRS = 8
"""Up to this many given hosts, the way from each to each is predicted."""
PEERS = 3
"""With more hosts: to one gateway, one other host and one whose tunnel is not in order."""

StepKind = Literal["patch", "veth", "tunnel", "overlay", "router", "nic", "stack"]
Reason = Literal[
    "no-patch",
    "broken-patch",
    "no-tunnel",
    "not-joined",
    "broken-tunnel",
    "unknown-host",
    "which-host",
    "no-way-in",
    "no-entrance",
    "no-nic",
    "broken-nic",
    "dead-nic",
    "host-stack",
    "linux-bridge",
    "unseen",
]

Ends = tuple[str, str | None]
"""The hosts that a path is asked for between: from the first to the second, or to the outside (None)."""

_BY_ABSENCE = ("no-patch", "no-tunnel", "not-joined", "no-way-in", "no-entrance", "no-nic")
"""Reasons that say nothing of a host of whose dump a part is missing: what is not seen may be there."""

GATEWAYS = ("network", "gateway", "all-in-one")
"""Roles of hosts that lead other hosts' packets to the outside."""


class Step(Struct, frozen=True):
    """One wire that the packet crosses: the ports at its ends. `other` is None where it leaves what is known."""

    kind: StepKind
    near: End
    other: End | None = None
    link_type: str | None = None


class Stop(Struct, frozen=True):
    """Why and where a path ends early: the bridge, and the port or host that it is about."""

    reason: Reason
    host: str
    bridge: str | None
    port: End | None = None
    peer: str | None = None


class Route(Struct, frozen=True):
    """A predicted path with the reasons that `Path` leaves out. `start` is the bridge that the workload plugs into."""

    kind: Literal["overlay", "outside"]
    source: str
    start: str
    destination: str | None
    steps: list[Step]
    stop: Stop | None = None
    gateway: str | None = None
    """The other host by which the packet leaves to the outside."""


def predict(document: Document, ends: Ends | None = None) -> Document:
    """Return the document with `paths` filled: all that are predicted, or those between two `ends`."""
    wiring = Wiring(document)
    found = routes(wiring) if ends is None else between(wiring, *ends)
    return msgspec.structs.replace(document, paths=[_path(wiring, route) for route in found])


def routes(wiring: Wiring) -> list[Route]:
    """Predict for every given host that workloads can plug into."""
    return _Predictor(wiring).all()


def between(wiring: Wiring, source: str, destination: str | None) -> list[Route]:
    """Predict from a workload on `source` to one on `destination`, or to the outside (None).

    Where nothing can be predicted because it is not known where workloads plug in, the list is empty. Two hosts that no
    tunnel joins get a path that ends (`not-joined`).
    """
    if wiring.entrance(source) is None:
        return []
    predictor = _Predictor(wiring)
    if destination is None:
        return list(predictor.outside(wiring.hosts[source]))
    return [predictor.overlay(source, destination)]


def _path(wiring: Wiring, route: Route) -> Path:
    ends = [end for step in route.steps for end in (step.near, step.other) if end is not None]
    return Path(
        kind=route.kind,
        source=route.source,
        destination=route.destination,
        hops=[_hop(wiring, end) for end in ends],
        complete=route.stop is None,
    )


def _hop(wiring: Wiring, end: End) -> Hop:
    assert end.bridge is not None
    assert end.port is not None
    port = wiring.ports[end.host, end.bridge, end.port]
    return Hop(host=end.host, bridge=end.bridge, port=end.port, line=port.lines.get("name"))


class _Predictor:
    """The walk over one document, with what it needs to know of all hosts at once."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.sources = [host for host in wiring.known() if wiring.entrance(host.name) is not None]
        self._exits: dict[str, list[Route]] = {}
        self._flow_hosts: dict[tuple[str, str | None], list[str]] = {}
        for host in self.sources:
            for crossing in self._flow_tunnels(host.name):
                group = self._flow_hosts.setdefault(self._flow_group(host.name, crossing), [])
                if host.name not in group[-1:]:  # it may have two such tunnels
                    group.append(host.name)

    def all(self) -> list[Route]:
        found: list[Route] = []
        for host in self.sources:
            found += (self.overlay(host.name, peer) for peer in self._chosen_peers(host))
            found += self.outside(host)
        return found

    # -- to a workload on another host ---------------------------------------------------------------------------

    def overlay(self, source: str, destination: str) -> Route:
        """Predict the way from a workload on `source` to one on `destination`, which has a tunnel with it."""
        crossing = self._tunnel(source, destination)
        if crossing is None:
            return self._without_tunnel(source, destination)
        steps, stop = self._to_bridge(source, crossing.near.bridge or "")
        if stop is None:
            more, stop = self._through_tunnel(crossing, destination)
            steps += more
        return self._route("overlay", source, destination, steps, stop)

    def _tunnel(self, source: str, destination: str) -> Crossing | None:
        """Give the tunnel to take: one in order if there is one, and one that can be reached before one that cannot."""
        reach = self.wiring.reach(source)
        own = list(self.wiring.tunnels_to.get((source, destination), ()))
        own += [c for c in self._flow_tunnels(source) if destination in self._flow_peers(source, c)]
        return min(own, key=lambda c: (not self._carries(c), c.near.bridge not in reach), default=None)

    def _carries(self, crossing: Crossing) -> bool:
        if crossing.kind == "overlay":
            return crossing.state != "broken"
        return crossing.is_passable

    def _through_tunnel(self, crossing: Crossing, destination: str) -> tuple[list[Step], Stop | None]:
        near = crossing.near
        if crossing.kind == "overlay":
            return self._through_overlay(crossing, destination)
        kind = crossing.link.type if crossing.link else None
        if not crossing.is_passable:
            unknown = crossing.state == "unknown" or not self.wiring.hosts[destination].known
            reason: Reason = "unknown-host" if unknown and crossing.state != "broken" else "broken-tunnel"
            stop = Stop(reason, near.host, near.bridge, crossing.far, destination)
            return [Step("tunnel", near, None, kind)], stop
        far = crossing.far
        assert far is not None
        steps, missing = self._to_entrance(far)
        return [Step("tunnel", near, far, kind), *steps], missing

    def _through_overlay(self, crossing: Crossing, destination: str) -> tuple[list[Step], Stop | None]:
        """Cross to the multi-peer port of the same kind on the other host: flows choose its address per packet."""
        kind = crossing.link.type if crossing.link else None
        others = [c for c in self._flow_tunnels(destination) if c.link is not None and c.link.type == kind]
        other = min(others, key=lambda c: not self._carries(c), default=None)
        if not self._carries(crossing) or (other is not None and not self._carries(other)):
            far = other.near if other is not None else None
            stop = Stop("broken-tunnel", crossing.near.host, crossing.near.bridge, far, destination)
            return [Step("overlay", crossing.near, None, kind)], stop
        if other is not None:
            steps, missing = self._to_entrance(other.near)
            return [Step("overlay", crossing.near, other.near, kind), *steps], missing
        stop = Stop("unknown-host", crossing.near.host, crossing.near.bridge, None, destination)
        return [Step("overlay", crossing.near, None, kind)], stop

    def _to_entrance(self, arrived: End) -> tuple[list[Step], Stop | None]:
        """Go on from the bridge where a tunnel ends to the bridge where that host's workloads are."""
        entrance = self.wiring.entrance(arrived.host)
        if entrance is None:
            return [], Stop("no-entrance", arrived.host, arrived.bridge)
        reach = self.wiring.reach(arrived.host)
        if arrived.bridge in reach:
            return _steps(reverse(reach[arrived.bridge])), None
        steps, stop = self._broken(arrived.host, arrived.bridge or "", entrance.name)
        return steps, stop or Stop("no-way-in", arrived.host, arrived.bridge, peer=entrance.name)

    def _without_tunnel(self, source: str, destination: str) -> Route:
        """Go as far as the bridge that holds the other tunnels: the peer has a tunnel to us, and we have none to it."""
        bridges = [b.name for b in self.wiring.hosts[source].bridges if b.role == "tunnel"]
        bridges += [c.near.bridge or "" for c in self.wiring.tunnels.get(source, ())]
        entrance = self.wiring.entrance(source)
        assert entrance is not None
        steps, stop = self._to_bridge(source, bridges[0] if bridges else entrance.name)
        place = bridges[0] if bridges else entrance.name
        reason: Reason = "no-tunnel" if destination in self.wiring.named_by.get(source, ()) else "not-joined"
        stop = stop or Stop(reason, source, place, peer=destination)
        return self._route("overlay", source, destination, steps, stop)

    # -- inside one host -----------------------------------------------------------------------------------------

    def _to_bridge(self, host: str, bridge: str) -> tuple[list[Step], Stop | None]:
        """Go from the entrance to `bridge`, or as far towards it as there is a wire."""
        reach = self.wiring.reach(host)
        if bridge in reach:
            return _steps(reach[bridge]), None
        entrance = self.wiring.entrance(host)
        assert entrance is not None
        steps, stop = self._broken(host, entrance.name, bridge)
        return steps, stop or Stop("no-patch", host, entrance.name, peer=bridge)

    def _broken(self, host: str, start: str, wanted: str) -> tuple[list[Step], Stop | None]:
        """Find the wire that was to lead from `start` to `wanted`, and does not."""
        for crossing in self.wiring.patches.get((host, start), ()):
            if crossing.is_passable:
                continue
            if self._leads_to(crossing, wanted):
                reason: Reason = "unseen" if crossing.state == "unknown" else "broken-patch"
                stop = Stop(reason, host, start, crossing.far, peer=wanted)
                return [Step("patch", crossing.near)], stop
        for crossing in self.wiring.patches.get((host, wanted), ()):
            if not crossing.is_passable and self._leads_to(crossing, start):
                return [], Stop("no-patch", host, start, crossing.near, peer=wanted)
        return [], None

    def _leads_to(self, crossing: Crossing, wanted: str) -> bool:
        """Tell whether a wire that is not in order was meant for `wanted`: by its far end, else by Neutron's names."""
        far, near = crossing.far, crossing.near
        if far is not None and far.bridge is not None and (far.host, far.bridge) in self.wiring.bridges:
            return far.bridge == wanted
        bridge = self.wiring.bridges.get((near.host, wanted))
        own = self.wiring.bridges.get((near.host, near.bridge or ""))
        if bridge is None or own is None:
            return False
        meant = {"tunnel": ("patch-tun",), "integration": ("patch-int", f"phy-{own.name}")}.get(bridge.role, ())
        return near.port in (*meant, f"int-{wanted}")

    # -- to the outside ------------------------------------------------------------------------------------------

    def outside(self, host: Host) -> Iterator[Route]:
        """By the host's own provider bridges, and by one gateway host that it has a tunnel to."""
        own = self.exits(host.name)
        yield from own
        gateway = self._gateway(host, has_exit=any(route.stop is None for route in own))
        if gateway is not None:
            yield from self._by(host.name, gateway)
        elif not own:
            yield from self._outside_unknown(host.name)

    def _gateway(self, host: Host, has_exit: bool) -> str | None:
        """Choose the peer that leads outside: a gateway by its role; without own exit, any peer with one."""
        if host.role in GATEWAYS and has_exit:
            return None
        peers = [p for p in self.wiring.peers(host.name) if self.wiring.hosts[p].known and self.exits(p)]
        leading = [p for p in peers if any(route.stop is None for route in self.exits(p))]
        for candidates in (leading, peers):
            gateways = [peer for peer in candidates if self.wiring.hosts[peer].role in GATEWAYS]
            if gateways:
                return min(gateways, key=lambda peer: self.wiring.hosts[peer].role_guessed)
        return next(iter(leading or peers), None) if not has_exit else None

    def _by(self, source: str, gateway: str) -> Iterator[Route]:
        first = self.overlay(source, gateway)
        if first.stop is not None:
            yield self._route("outside", source, None, first.steps, first.stop, gateway)
            return
        for last in [*self._by_router(gateway, central=True)] or self.exits(gateway):
            yield self._route("outside", source, None, [*first.steps, *last.steps], last.stop, gateway)

    def _outside_unknown(self, source: str) -> Iterator[Route]:
        """Nothing given leads outside: a host that was not given may. Where there is only one, follow its tunnel."""
        tunnels = self.wiring.tunnels.get(source, [])
        leading = [c for c in tunnels if c.far is not None and not self.wiring.hosts[c.far.host].known]
        if not leading:
            return
        first = min(leading, key=lambda c: c.state == "broken")
        bridge = first.near.bridge or ""
        steps, stop = self._to_bridge(source, bridge)
        if stop is None and (len(tunnels) == 1 or first.state == "broken"):
            steps.append(Step("tunnel", first.near, None, first.link.type if first.link else None))
        if stop is None and first.state == "broken" and first.far is not None:
            stop = Stop("broken-tunnel", source, bridge, peer=first.far.host)
        yield self._route("outside", source, None, steps, stop or Stop("which-host", source, bridge))

    def exits(self, host: str) -> list[Route]:
        """Predict the paths from a workload on `host` to the outside that need no other host."""
        if host not in self._exits:
            found = [*self._by_provider(host), *self._by_router(host, central=False), *self._by_host_stack(host)]
            self._exits[host] = found
        return self._exits[host]

    def _by_provider(self, host: str) -> Iterator[Route]:
        entrance = self.wiring.entrance(host)
        if entrance is None:
            return
        reach = self.wiring.reach(host)
        for bridge in self.wiring.hosts[host].bridges:
            is_provider = bridge.role == "provider"
            if bridge.role == "tunnel":
                continue
            if bridge.name in reach and (is_provider or self.wiring.nics.get((host, bridge.name))):
                steps, stop = self._to_nic(host, bridge.name)
                yield self._route("outside", host, None, _steps(reach[bridge.name]) + steps, stop)
            elif is_provider and bridge.name not in reach:
                steps, stop = self._broken(host, entrance.name, bridge.name)
                if stop is not None:
                    yield self._route("outside", host, None, steps, stop)

    def _by_router(self, host: str, central: bool) -> Iterator[Route]:
        """Through a router of this host: out of its outer side's own bridge (br-ex), or on through br-int."""
        entrance = self.wiring.entrance(host)
        for passage in passages(self.wiring, host, central):
            router = Step("router", passage.inside, passage.outside)
            if entrance is not None and passage.outside.bridge == entrance.name:
                onward = [(route.steps, route.stop) for route in self._by_provider(host)]
            else:
                onward = []
            for steps, stop in onward or [self._to_nic(host, passage.outside.bridge or "")]:
                yield self._route("outside", host, None, [router, *steps], stop)

    def _by_host_stack(self, host: str) -> Iterator[Route]:
        """Antrea: to the outside through antrea-gw0, into the host's own IP stack."""
        entrance = self.wiring.entrance(host)
        if entrance is None or self.wiring.flavour(host) != "antrea":
            return
        if (host, entrance.name, "antrea-gw0") in self.wiring.ports:
            end = End(host=host, bridge=entrance.name, port="antrea-gw0")
            stop = Stop("host-stack", host, entrance.name, end)
            yield self._route("outside", host, None, [Step("stack", end)], stop)

    def _to_nic(self, host: str, bridge: str) -> tuple[list[Step], Stop | None]:
        nics = self.wiring.nics.get((host, bridge), [])
        good = [nic for nic in nics if nic.state != "broken"]
        lit = [nic for nic in good if not self._is_down(nic.near)]
        if lit:
            return [Step("nic", lit[0].near)], None
        if not nics and (joined := self._enslaved(host, bridge)) is not None:
            return [Step("stack", joined)], Stop("linux-bridge", host, bridge, joined)
        reason: Reason = "dead-nic" if good else "broken-nic" if nics else "no-nic"
        return [], Stop(reason, host, bridge, (good or nics)[0].near if nics else None)

    def _enslaved(self, host: str, bridge: str) -> End | None:
        """Return the internal port of `bridge` that is in a Linux bridge too."""
        ports = self.wiring.bridges[host, bridge].ports
        name = next((port.name for port in ports if any(map(is_enslaved, port.interfaces))), None)
        return End(host=host, bridge=bridge, port=name) if name is not None else None

    def _is_down(self, end: End) -> bool:
        """Whether every member of a NIC's port is down, as far as a live source tells."""
        port = self.wiring.ports[end.host, end.bridge or "", end.port or ""]
        return bool(port.interfaces) and all(why_down(interface) for interface in port.interfaces)

    # -- which peers ---------------------------------------------------------------------------------------------

    def _chosen_peers(self, host: Host) -> list[str]:
        peers = list(dict.fromkeys([*self.wiring.peers(host.name), *self._all_flow_peers(host.name)]))
        peers.sort(key=lambda peer: not self.wiring.hosts[peer].known)
        if len(self.sources) <= ALL_PAIRS:
            return peers[:ALL_PAIRS]
        gateways = [p for p in peers if self.wiring.hosts[p].role in GATEWAYS]
        others = [p for p in peers if p not in gateways[:1]]
        wrong = [p for p in peers if self._is_wrong(host.name, p)] if self._has_wrong(host.name) else []
        return list(dict.fromkeys([*gateways[:1], *others[:1], *wrong[:1]]))[:PEERS]

    def _has_wrong(self, host: str) -> bool:
        return bool(self.wiring.named_by.get(host)) or any(
            c.state in ("broken", "one-way") for c in self.wiring.tunnels.get(host, ())
        )

    def _is_wrong(self, host: str, peer: str) -> bool:
        crossing = self._tunnel(host, peer)
        return self.wiring.hosts[peer].known and (crossing is None or crossing.state in ("broken", "one-way"))

    def _flow_group(self, host: str, crossing: Crossing) -> tuple[str, str | None]:
        return self.wiring.flavour(host), crossing.link.type if crossing.link else None

    def _flow_tunnels(self, host: str) -> list[Crossing]:
        return [c for c in self.wiring.tunnels.get(host, ()) if c.kind == "overlay"]

    def _flow_peers(self, host: str, crossing: Crossing) -> list[str]:
        return self._flow_hosts.get(self._flow_group(host, crossing), [])

    def _all_flow_peers(self, host: str) -> Iterable[str]:
        """Give other hosts with a multi-peer port of the same kind; the one after it in the document comes first."""
        for crossing in self._flow_tunnels(host):
            group = self._flow_peers(host, crossing)
            if host in group:
                here = group.index(host)
                yield from (group[here + 1 :] + group[:here])[:ALL_PAIRS]

    # -- the result ----------------------------------------------------------------------------------------------

    def _route(
        self,
        kind: Literal["overlay", "outside"],
        source: str,
        destination: str | None,
        steps: list[Step],
        stop: Stop | None,
        gateway: str | None = None,
    ) -> Route:
        entrance = self.wiring.entrance(source)
        assert entrance is not None
        if stop is not None and stop.reason in _BY_ABSENCE and not self.wiring.hosts[stop.host].is_whole:
            stop = Stop("unseen", stop.host, stop.bridge)
        return Route(kind, source, entrance.name, destination, steps, stop, gateway)


def _steps(crossings: Iterable[Crossing]) -> list[Step]:
    return [Step("veth" if c.kind == "veth" else "patch", c.near, c.far) for c in crossings]

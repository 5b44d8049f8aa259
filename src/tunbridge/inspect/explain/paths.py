"""The paths of a packet, step by step: one example of each kind in full, the others as one line each."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from tunbridge.inspect.explain import cite
from tunbridge.inspect.explain.statement import Chapter, Citation, Fact, Names, Term, Value, fact
from tunbridge.inspect.explain.tunnels import addresses
from tunbridge.inspect.interfaces import tunnel_name
from tunbridge.inspect.model import End, Host
from tunbridge.inspect.paths import ALL_PAIRS, GATEWAYS, Route, Step, Stop
from tunbridge.inspect.paths import between as predicted
from tunbridge.inspect.routers import inner_sides
from tunbridge.inspect.wiring import Wiring

SHOWN = 4
"""Of paths that are like the example, this many are listed; the rest are counted."""
PAIRS_SHOWN = 6
"""Of pairs of hosts that no tunnel joins, this many are named; the rest are counted."""
_ARROWS = {"tunnel": "⇒", "overlay": "⇒", "router": "⇢"}


def chapters(wiring: Wiring, routes: list[Route]) -> Iterator[Chapter]:
    """Yield a chapter for the paths of each shape: to another host first, then to the outside."""
    shapes: dict[tuple[object, ...], list[Route]] = {}
    for route in sorted(routes, key=lambda route: _rank(wiring, route)):
        shapes.setdefault(_shape(wiring, route), []).append(route)
    for alike in shapes.values():
        yield _chapter(wiring, alike)


def _rank(wiring: Wiring, route: Route) -> tuple[bool, ...]:
    """Order of the chapters; the best example of paths that are alike is one between compute nodes."""
    roles = [wiring.hosts[host].role for host in (route.source, route.destination) if host is not None]
    return (route.kind != "overlay", route.gateway is not None, *(role in GATEWAYS for role in roles))


def in_one_place(wiring: Wiring, routes: list[Route]) -> Route:
    """Return the path that stands for all: one that arrives, between two hosts, if there is such a one."""
    return min(routes, key=lambda route: (route.stop is not None, _rank(wiring, route)))


def nowhere(wiring: Wiring, routes: list[Route]) -> Iterator[Fact]:
    """Name the hosts from which no path is predicted: none at all, or none to the outside, not even a broken one."""
    sources = {route.source for route in routes}
    leading = {route.source for route in routes if route.kind == "outside"}
    groups: dict[str, list[Host]] = {}
    for host in wiring.known():
        if wiring.entrance(host.name) is None:
            groups.setdefault("path.noentrance" if host.bridges else "path.nobridge", []).append(host)
        elif host.name not in sources:
            groups.setdefault("path.none" if host.is_whole else "path.none.unseen", []).append(host)
        elif host.name not in leading and host.is_whole:
            groups.setdefault("path.nowhere", []).append(host)
    for key, hosts in groups.items():
        cites = [c for host in hosts for c in cite.host(host)]
        yield fact(key, cites, hosts=Names([host.name for host in hosts]))
    yield from _not_joined(wiring)


def _not_joined(wiring: Wiring) -> Iterator[Fact]:
    """Name the pairs of hosts that have tunnels, but not to each other; of those without any, the overview tells."""
    hosts = [h for h in wiring.known() if h.is_whole and wiring.entrance(h.name) and list(wiring.peers(h.name))]
    hosts = [h for h in hosts if all(crossing.kind != "overlay" for crossing in wiring.tunnels.get(h.name, ()))]
    if len(hosts) > ALL_PAIRS:
        return
    pairs = [(a, b) for a, b in combinations(hosts, 2) if b.name not in wiring.peers(a.name)]
    if pairs:
        cites = [c for pair in pairs for host in pair for c in cite.host(host)]
        yield fact("path.notjoined", cites, pairs=Names([f"{a.name} - {b.name}" for a, b in pairs]))


def between(wiring: Wiring, source: str, destination: str | None) -> list[Chapter]:
    """Explain the paths from one host to another (None: to the outside)."""
    found = predicted(wiring, source, destination)
    title = fact("title.path.outside", (), host=source)
    if destination is not None:
        title = fact("title.path", (), host=source, peer=destination)
    if not found:
        return [Chapter(title, [fact for fact in nowhere(wiring, []) if source in _hosts_of(fact)])]
    (first, *_) = found
    chapters = [_chapter(wiring, [route]) for route in found]
    if destination is None or first.stop is None or first.stop.reason != "not-joined":
        return chapters
    ways_out = [[r for r in predicted(wiring, host, None) if _is_provided(r)] for host in (source, destination)]
    if not all(ways_out):
        return chapters
    cites = [*cite.host(wiring.hosts[source]), *cite.host(wiring.hosts[destination])]
    said = fact("path.physical", cites, host=source, peer=destination)
    return [Chapter(title, [said, *(_short(wiring, route) for routes in ways_out for route in routes)])]


def _is_provided(route: Route) -> bool:
    """Whether a path leads by the host's own provider bridge to a physical network."""
    return route.stop is None and route.gateway is None and not any(step.kind == "router" for step in route.steps)


def _hosts_of(said: Fact) -> Sequence[str]:
    hosts = said.values.get("hosts")
    return hosts.names if isinstance(hosts, Names) else ()


def _shape(wiring: Wiring, route: Route) -> tuple[object, ...]:
    """What two paths have in common that are explained as one: roles of bridges, kinds of wire, and how it ends."""
    steps = [(step.kind, _role(wiring, step.near), _role(wiring, step.other)) for step in route.steps]
    reason = route.stop.reason if route.stop else None
    inside = route.gateway is None
    return (route.kind, inside, reason, wiring.flavour(route.source), *steps)


def _role(wiring: Wiring, end: End | None) -> str | None:
    if end is None or end.bridge is None:
        return None
    bridge = wiring.bridges[end.host, end.bridge]
    return bridge.name if bridge.role == "other" else bridge.role


def _chapter(wiring: Wiring, alike: list[Route]) -> Chapter:
    first = alike[0]
    facts = [_short(wiring, first), *_told(wiring, first)]
    others = alike[1:]
    if others:
        shown = others[:SHOWN]
        cites = [c for route in alike[: SHOWN + 1] for c in _first_cites(wiring, route)]
        facts.append(fact("path.alike", cites))
        facts += (_short(wiring, route) for route in shown)
        rest = others[SHOWN:]
        if rest:
            cites = [c for route in rest for c in _first_cites(wiring, route)]
            facts.append(fact("path.more", cites, count=len(rest)))
    return Chapter(_title(wiring, first), facts)


def _title(wiring: Wiring, route: Route) -> Fact:
    values: dict[str, Value] = {"host": route.source, "workload": _workload(wiring, route.source)}
    if route.kind == "overlay" and route.destination is not None:
        other = _workload(wiring, route.destination)
        return fact("title.overlay", (), **values, other=other, peer=route.destination)
    if route.gateway is None:
        routed = any(step.kind == "router" for step in route.steps)
        provided = not routed and route.stop is None and wiring.flavour(route.source) in ("neutron", "ovn")
        return fact(f"title.outside{'.router' if routed else '.provider' if provided else ''}", (), **values)
    return fact("title.gateway", (), **values, gateway=route.gateway)


def _workload(wiring: Wiring, host: str) -> Term:
    """What is at the ends of a path: on a network node, DHCP and routers rather than VMs."""
    found = wiring.hosts[host]
    system = wiring.flavour(host)
    if found.role in ("network", "gateway") or not found.known:
        return Term("word.workload")
    return Term({"antrea": "word.pod", "plain": "word.workload"}.get(system, "word.vm"))


def _first_cites(wiring: Wiring, route: Route) -> list[Citation]:
    """Cite the step that makes a path different from those like it: its tunnel or NIC, else where it begins."""
    for step in route.steps:
        if step.kind in ("tunnel", "overlay", "nic", "stack"):
            return cite.end(wiring, step.near)
    for step in route.steps:
        return cite.end(wiring, step.near)
    return cite.bridge(wiring.hosts[route.source], wiring.bridges[route.source, route.start])


# -- in one line ------------------------------------------------------------------------------------------------------


def _short(wiring: Wiring, route: Route) -> Fact:
    """Return the whole path as one chain: `host: bridge (port) → (port) bridge (port) ⇒ host: (port) bridge ...`."""
    chain = f"{route.source}: {route.start}"
    for step in route.steps:
        chain += f" ({step.near.port}) {_ARROWS.get(step.kind, '→')} "
        if step.other is not None:
            host = f"{step.other.host}: " if step.other.host != step.near.host else ""
            chain += f"{host}({step.other.port}) {step.other.bridge}"
    cites = list(cite.ends(wiring, (end for step in route.steps for end in (step.near, step.other) if end is not None)))
    cites = cites or cite.bridge(wiring.hosts[route.source], wiring.bridges[route.source, route.start])
    if route.stop is not None:
        known = route.stop.reason in ("unknown-host", "which-host", "host-stack", "linux-bridge", "no-nic", "unseen")
        return fact("chain.unknown" if known else "chain.stopped", cites, chain=chain.rstrip(" →⇒⇢"))
    if route.kind == "outside":
        return fact("chain.outside", cites, chain=chain.rstrip(" →"))
    return fact("chain.workload", cites, chain=chain, workload=_workload(wiring, route.destination or route.source))


# -- in words ---------------------------------------------------------------------------------------------------------


def _told(wiring: Wiring, route: Route) -> Iterator[Fact]:
    start = wiring.bridges[route.source, route.start]
    cites = cite.bridge(wiring.hosts[route.source], start)
    workload = _workload(wiring, route.source)
    yield fact("path.start", cites, workload=workload, bridge=route.start, host=route.source)
    for step in route.steps:
        yield _step(wiring, step)
        if route.gateway is not None and route.stop is None and step.other is not None:
            yield from _router_to_come(wiring, route, step.other)
    if route.gateway is not None:
        yield from _other_gateways(wiring, route)
    if route.kind == "outside" and route.gateway is None and route.stop is None:
        yield from _only_provider(wiring, route)
    if route.stop is not None:
        yield _stop(wiring, route, route.stop)
    elif route.kind == "overlay" and route.destination is not None:
        entrance = wiring.entrance(route.destination)
        assert entrance is not None
        cites = cite.bridge(wiring.hosts[route.destination], entrance)
        workload = _workload(wiring, route.destination)
        yield fact("path.end", cites, workload=workload, bridge=entrance.name, host=route.destination)


def _step(wiring: Wiring, step: Step) -> Fact:
    near, other = step.near, step.other
    values: dict[str, Value] = {"bridge": near.bridge or "", "port": near.port or ""}
    ends = [end for end in (near, other) if end is not None]
    if step.kind in ("tunnel", "overlay"):
        cites = list(cite.ends(wiring, ends, "options"))
        return _tunnel(wiring, step, values, cites)
    nics = wiring.nics.get((near.host, near.bridge or ""), ())
    if step.kind == "nic" and len(nics) > 1:
        cites = list(cite.ends(wiring, (nic.near for nic in nics)))
        return fact("step.nics", cites, **values, nics=Names([nic.near.port or "" for nic in nics]))
    if step.kind in ("nic", "stack"):
        return fact(f"step.{step.kind}", cite.ends(wiring, ends), **values)
    if other is None:
        return fact("step.half", cite.end(wiring, near, "options"), **values)
    attributes = ("options",) if step.kind == "patch" else ("name", "tag")
    floating = step.kind == "router" and (other.port or "").startswith("fg-")
    return fact(
        f"step.{step.kind}{'.floating' if floating else ''}",
        cite.ends(wiring, ends, *attributes),
        **values,
        other=other.port or "",
        joined=other.bridge or "",
        host=near.host,
    )


def _tunnel(wiring: Wiring, step: Step, values: dict[str, Value], cites: list[Citation]) -> Fact:
    values["type"] = tunnel_name(step.link_type)
    near, other = step.near, step.other
    if step.kind == "overlay":
        if other is None:
            return fact("step.overlay.out", cites, **values)
        return fact("step.overlay", cites, **values, other=other.port or "", peer=other.host)
    crossing = wiring.tunnel_at[near]
    local, remote = addresses(crossing)
    values["remote"] = remote
    key = "step.tunnel"
    if local is None:
        key += ".nolocal"
    else:
        values["local"] = local
    if other is None:
        return fact(f"{key}.out", cites, **values)
    return fact(key, cites, **values, other=other.port or "", joined=other.bridge or "", peer=other.host)


def _router_to_come(wiring: Wiring, route: Route, arrived: End) -> Iterator[Fact]:
    """Between a tenant network and the outside stands a router; before there is one, say where it will be."""
    gateway = route.gateway or ""
    entrance = wiring.entrance(gateway)
    if entrance is None or (arrived.host, arrived.bridge) != (gateway, entrance.name):
        return
    if any(step.kind == "router" for step in route.steps) or wiring.flavour(gateway) not in ("ovn", "neutron"):
        return
    host = wiring.hosts[gateway]
    inner = inner_sides(entrance)
    key = "ovn" if wiring.flavour(gateway) == "ovn" else "inner" if inner else "none" if host.is_whole else "unseen"
    values: dict[str, Value] = {"ports": Names(inner)} if key == "inner" else {}
    yield fact(f"router.{key}", cite.bridge(host, entrance), bridge=entrance.name, host=gateway, **values)


def _other_gateways(wiring: Wiring, route: Route) -> Iterator[Fact]:
    """The path is explained through one gateway host; where there are several, the router's place decides."""
    tunnels = [c for c in wiring.tunnels.get(route.source, ()) if c.is_passable and c.far is not None]
    others = {c.far.host: c.near for c in tunnels if c.far is not None and c.far.host != route.gateway}
    others = {host: near for host, near in others.items() if wiring.hosts[host].role in GATEWAYS}
    if others:
        yield fact("path.gateways", cite.ends(wiring, others.values()), hosts=Names(list(others)))


def _only_provider(wiring: Wiring, route: Route) -> Iterator[Fact]:
    """By the host's own provider bridge goes what is on a provider network; other networks need a router first."""
    if wiring.flavour(route.source) in ("neutron", "ovn") and not any(s.kind == "router" for s in route.steps):
        cites = cite.end(wiring, route.steps[-1].near)
        yield fact("path.provider", cites, workload=_workload(wiring, route.source))


def _stop(wiring: Wiring, route: Route, stop: Stop) -> Fact:
    """Say why it ends, resting on the port it ends at, on the one that is at fault, or on the bridge."""
    host = wiring.hosts[stop.host]
    faults: list[End] = [route.steps[-1].other or route.steps[-1].near] if route.steps else []
    faults += [stop.port] if stop.port is not None else []
    attributes = ("options", "error") if stop.reason in ("broken-tunnel", "broken-patch", "no-patch") else ()
    cites = list(cite.ends(wiring, faults, *attributes))
    if stop.bridge is not None and (not cites or stop.reason not in ("broken-tunnel", "broken-patch")):
        cites += cite.bridge(host, wiring.bridges[stop.host, stop.bridge])
    values: dict[str, Value] = {"host": stop.host, "bridge": stop.bridge or ""}
    if stop.peer is not None:
        values["peer"] = stop.peer
    if stop.reason == "which-host":
        values["hosts"] = Names([peer for peer in wiring.peers(stop.host) if not wiring.hosts[peer].known])
    if stop.reason in ("broken-patch", "broken-tunnel"):
        values["port"] = route.steps[-1].near.port or ""
    if stop.reason in ("broken-nic", "dead-nic", "linux-bridge"):
        values["port"] = (stop.port.port if stop.port else None) or ""
    unseen = ".unseen" if stop.reason == "which-host" and not host.is_whole else ""
    return fact(f"stop.{stop.reason}{unseen}", cites or cite.host(host), **values)

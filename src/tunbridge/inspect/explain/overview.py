"""The overview: which hosts there are, and what joins them."""

from collections import Counter
from collections.abc import Iterator

from tunbridge.inspect.explain import cite
from tunbridge.inspect.explain.statement import Chapter, Citation, Fact, Names, Term, fact
from tunbridge.inspect.explain.tunnels import addresses
from tunbridge.inspect.interfaces import tunnel_name
from tunbridge.inspect.model import Host
from tunbridge.inspect.wiring import Crossing, Wiring

SHOWN = 6
"""Routers of a host, and workloads with floating IPs, that are named; more are counted."""
PAIRS_SHOWN = 6
"""Up to this many tunnels are named with their addresses; more are counted by type."""


def chapter(wiring: Wiring) -> Chapter:
    """Say which hosts were given, which were not, and what joins them."""
    facts = [*_hosts(wiring), *_joined(wiring), *_apart(wiring), *_not_given(wiring), *_outside(wiring)]
    return Chapter(fact("title.overview"), facts)


def assumption(wiring: Wiring) -> Fact:
    """Say on what the predicted paths rest, beside the wiring."""
    hosts = [host for host in wiring.known() if wiring.entrance(host.name) is not None]
    kinds = {wiring.flavour(host.name) for host in hosts}
    key = f"assumed.{kinds.pop()}" if len(kinds) == 1 else "assumed.plain"
    return fact(key, [c for host in hosts for c in cite.host(host)])


def _hosts(wiring: Wiring) -> Iterator[Fact]:
    groups: dict[tuple[str, bool], list[Host]] = {}
    for host in wiring.known():
        groups.setdefault((host.role, host.role_guessed), []).append(host)
    for (role, guessed), hosts in groups.items():
        cites = [c for host in hosts for c in cite.host(host)]
        key = "overview.hosts.guessed" if guessed else "overview.hosts"
        yield fact(key, cites, role=Term(f"role.{role}"), hosts=Names([host.name for host in hosts]))


def _joined(wiring: Wiring) -> Iterator[Fact]:
    """The tunnels whose two ends agree, each once."""
    pairs = [
        crossing
        for host in wiring.known()
        for crossing in wiring.tunnels.get(host.name, ())
        if crossing.is_passable and crossing.link is not None and crossing.near is crossing.link.a
    ]
    if len(pairs) > PAIRS_SHOWN:
        yield from _counted(wiring, pairs)
        return
    for crossing in pairs:
        assert crossing.far is not None
        local, remote = addresses(crossing)
        ends = (crossing.near, crossing.far)
        values = {
            "type": tunnel_name(crossing.link.type if crossing.link else None),
            "host": crossing.near.host,
            "peer": crossing.far.host,
            "remote": remote,
        }
        cites = list(cite.ends(wiring, ends, "options"))
        if local is None:
            yield fact("overview.tunnel.nolocal", cites, **values)
        else:
            yield fact("overview.tunnel", cites, **values, local=local)


def _counted(wiring: Wiring, pairs: list[Crossing]) -> Iterator[Fact]:
    types: dict[str, list[Crossing]] = {}
    for crossing in pairs:
        types.setdefault(tunnel_name(crossing.link.type if crossing.link else None), []).append(crossing)
    totals = Counter(
        tunnel_name(link.type)
        for link in wiring.document.links
        if link.kind == "tunnel" and link.b is not None and wiring.hosts[link.b.host].known
    )
    for kind, members in types.items():
        ends = (end for c in members for end in (c.near, c.far) if end is not None)
        cites = cite.ends(wiring, ends, "options")
        if totals[kind] > len(members):
            yield fact("overview.tunnels.some", cites, type=kind, count=len(members), total=totals[kind])
        else:
            yield fact("overview.tunnels", cites, type=kind, count=len(members))


def _apart(wiring: Wiring) -> Iterator[Fact]:
    """Hosts that no tunnel joins to any other: with a NIC, they can still meet on a physical network."""
    known = list(wiring.known())
    groups: dict[str, list[Host]] = {}
    for host in known if len(known) > 1 else []:
        if wiring.tunnels.get(host.name) or wiring.named_by.get(host.name) or wiring.entrance(host.name) is None:
            continue
        key = "overview.apart" if wiring.has_nic(host.name) else "overview.alone" if host.is_whole else ""
        groups.setdefault(key or "overview.apart.unseen", []).append(host)
    for key, hosts in groups.items():
        cites: list[Citation] = [c for host in hosts for c in cite.host(host)]
        yield fact(key, cites, hosts=Names([host.name for host in hosts]))


def _not_given(wiring: Wiring) -> Iterator[Fact]:
    """Hosts that tunnels lead to, and of which no more is known."""
    missing: dict[str, None] = {}
    cites: list[Citation] = []
    for host in wiring.known():
        for crossing in wiring.tunnels.get(host.name, ()):
            far = crossing.far
            if far is not None and not wiring.hosts[far.host].known:
                missing[far.host] = None
                cites += cite.end(wiring, crossing.near, "options")
    if missing:
        yield fact("overview.notgiven", cites, hosts=Names(list(missing)))


def _outside(wiring: Wiring) -> Iterator[Fact]:
    """How workloads reach the outside through routers, and are reached from there: what the Networking API told."""
    for host in wiring.known():
        for gateway in host.gateways[:SHOWN]:
            yield fact(
                "overview.gateway.snat" if gateway.snat else "overview.gateway",
                cite.host(host),
                router=gateway.router,
                networks=Names(gateway.networks or ["-"]),
                external=gateway.external,
                addresses=Names(gateway.addresses),
                host=host.name,
            )
        if len(host.gateways) > SHOWN:
            yield fact("overview.gateways.more", cite.host(host), host=host.name, count=len(host.gateways) - SHOWN)
    reached = [
        (host, bridge, port)
        for host in wiring.known()
        for bridge in host.bridges
        for port in bridge.ports
        if port.floating_ips
    ]
    for host, bridge, port in reached[:SHOWN]:
        names = Names(port.floating_ips)
        workload = port.workload or port.name
        yield fact(
            "overview.floating", cite.port(host, bridge, port), workload=workload, host=host.name, addresses=names
        )
    if len(reached) > SHOWN:
        cites = [c for host, bridge, port in reached[SHOWN:] for c in cite.port(host, bridge, port)]
        yield fact("overview.floating.more", cites, count=len(reached) - SHOWN)

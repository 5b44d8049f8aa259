"""Explain a document in words: what hosts and bridges are for, how they hang together, and the way of a packet.

Every sentence cites the lines that it rests on, and says nothing that the source does not show: `ovs-vsctl show` shows
wiring and no flows, so the paths are predicted, and say on what assumption.
"""

from tunbridge.inspect.explain import bridges, cite, en, hosts, ko, overview, paths, state, tunnels
from tunbridge.inspect.explain.statement import (
    Chapter,
    Citation,
    Lang,
    Names,
    Section,
    Sentence,
    Speaker,
    Term,
    fact,
)
from tunbridge.inspect.explain.text import to_text
from tunbridge.inspect.model import Document, Host
from tunbridge.inspect.paths import predict, routes
from tunbridge.inspect.wiring import Wiring, in_order

__all__ = ["Citation", "Lang", "Section", "Sentence", "explain", "predict", "to_text"]

BRIDGES_TOLD = 64
"""Of a host with more bridges than this, the rest are counted."""
ALIKE = 3
"""From this many hosts that are wired alike, the first is explained and the others are named."""

_SPEAKERS = {"en": Speaker(en.MESSAGES), "ko": Speaker(ko.MESSAGES)}


def explain(document: Document, lang: Lang = "en") -> list[Section]:
    """Explain the document: the overview, each host and bridge, then the paths of a packet.

    The sentences of both languages are the same statements with the same citations.
    """
    speaker = _SPEAKERS[lang]
    return [speaker.section(chapter) for chapter in _chapters(Wiring(document)) if chapter.facts]


def _chapters(wiring: Wiring) -> list[Chapter]:
    found = [overview.chapter(wiring)]
    for alike in _alike(wiring):
        if len(alike) < ALIKE:
            for host in alike:
                found += _host(wiring, host)
        else:
            found += _host(wiring, alike[0])
            found.append(_others(alike))
    found.append(Chapter(fact("title.options"), list(tunnels.options(wiring))))
    ahead = routes(wiring)
    if ahead:
        found.append(Chapter(fact("title.ways"), [overview.assumption(wiring), *paths.nowhere(wiring, ahead)]))
        found += paths.chapters(wiring, ahead)
    return found


def _host(wiring: Wiring, host: Host) -> list[Chapter]:
    found = [Chapter(fact("title.host", host=host.name), list(hosts.facts(wiring, host)))]
    ordered = in_order(host)
    for bridge in ordered[:BRIDGES_TOLD]:
        title = fact("title.bridge", host=host.name, bridge=bridge.name, role=Term(f"bridge.role.{bridge.role}"))
        found.append(Chapter(title, list(bridges.facts(wiring, host, bridge))))
    if len(ordered) > BRIDGES_TOLD:
        more = fact("host.bridges.more", cite.host(host), host=host.name, count=len(ordered) - BRIDGES_TOLD)
        found.append(Chapter(fact("title.host", host=host.name), [more]))
    return found


def _others(alike: list[Host]) -> Chapter:
    cites = [c for host in alike for c in cite.host(host)]
    names = Names([host.name for host in alike[1:]])
    facts = [fact("host.alike", cites, hosts=names, host=alike[0].name)]
    return Chapter(fact("title.alike", host=alike[0].name), facts)


def _alike(wiring: Wiring) -> list[list[Host]]:
    """Group the given hosts by how they are wired, in the order of the document."""
    groups: dict[object, list[Host]] = {}
    for host in wiring.known():
        groups.setdefault(_shape(wiring, host), []).append(host)
    return list(groups.values())


def _shape(wiring: Wiring, host: Host) -> object:
    """How a host is wired, without what differs from host to host: workloads, tags, tunnels' names and addresses."""
    managers = tuple((manager.target, manager.is_connected) for manager in host.managers)
    shape: list[object] = [host.role, wiring.flavour(host.name), managers, tuple(host.missing_parts)]
    for bridge in in_order(host):
        key = (host.name, bridge.name)
        wires = sorted((c.near.port or "", c.state) for c in wiring.patches.get(key, ()))
        nics = sorted((c.near.port or "", c.state) for c in wiring.nics.get(key, ()))
        controllers = sorted((c.target, str(c.is_connected)) for c in bridge.controllers)
        tunnels = {(c.kind, c.state, c.link.type if c.link else None) for c in wiring.tunnels_of.get(key, ())}
        wrong = any(interface.error is not None for port in bridge.ports for interface in port.interfaces)
        shape.append((bridge.name, bridge.role, bridge.fail_mode, tuple(wires), tuple(nics), tuple(controllers)))
        shape.append((frozenset(tunnels), wrong))
    return *shape, state.shape(host)

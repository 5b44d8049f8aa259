"""Explain a document in words: what hosts and bridges are for, how they are joined, and the path of a packet.

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
from tunbridge.inspect.explain.text import to_markdown, to_text
from tunbridge.inspect.model import Document, Host
from tunbridge.inspect.paths import Ends, predict, routes
from tunbridge.inspect.wiring import Wiring, in_order

__all__ = ["Citation", "Lang", "Section", "Sentence", "explain", "predict", "to_markdown", "to_text"]

BRIDGES_SHOWN = 64
"""Of a host with more bridges than this, the rest are counted."""
ALIKE = 3
"""From this many hosts that are wired alike, the first is explained and the others are named."""

_SPEAKERS = {"en": Speaker(en.MESSAGES), "ko": Speaker(ko.MESSAGES)}


def explain(document: Document, lang: Lang = "en", *, brief: bool = False, ends: Ends | None = None) -> list[Section]:
    """Explain the document: the overview, each host and bridge, then the paths of a packet.

    `brief`: the overview, a sentence about each kind of host, and one path. `ends`: only the paths from the first host
    to the second, or to the outside (None). The sentences of both languages are the same statements with the same
    citations.
    """
    wiring = Wiring(document)
    chapters = _between(wiring, ends) if ends else _in_brief(wiring) if brief else _chapters(wiring)
    speaker = _SPEAKERS[lang]
    return [speaker.section(chapter) for chapter in chapters if chapter.facts]


def _between(wiring: Wiring, ends: Ends) -> list[Chapter]:
    chapters = paths.between(wiring, *ends)
    if wiring.entrance(ends[0]) is not None:
        chapters.append(Chapter(fact("title.paths"), [overview.assumption(wiring)]))
    return chapters


def _in_brief(wiring: Wiring) -> list[Chapter]:
    """Overview, one sentence for each kind of host, and the path that stands for all; how many end early is counted."""
    first = overview.chapter(wiring)
    roles = [hosts.role(wiring, alike[0]) for alike in _alike(wiring)]
    found = routes(wiring)
    stopped = sum(route.stop is not None for route in found)
    rest = list(paths.nowhere(wiring, found))
    chapters = [Chapter(first.title, [*first.facts, *roles])]
    if found:
        example = paths.in_one_place(wiring, found)
        if stopped:
            cites = [c for host in wiring.known() for c in cite.host(host)]
            rest.append(fact("path.stopped", cites, count=stopped, total=len(found)))
        chapters += paths.chapters(wiring, [example])
    return [*chapters, Chapter(fact("title.paths"), rest)]


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
    predicted = routes(wiring)
    assumed = [overview.assumption(wiring)] if predicted else []
    found.append(Chapter(fact("title.paths"), [*assumed, *paths.nowhere(wiring, predicted)]))
    return [*found, *paths.chapters(wiring, predicted)]


def _host(wiring: Wiring, host: Host) -> list[Chapter]:
    found = [Chapter(fact("title.host", host=host.name), list(hosts.facts(wiring, host)))]
    ordered = in_order(host)
    for bridge in ordered[:BRIDGES_SHOWN]:
        role = "underlay" if wiring.is_underlay(host.name, bridge.name) else bridge.role
        title = fact("title.bridge", host=host.name, bridge=bridge.name, role=Term(f"bridge.role.{role}"))
        found.append(Chapter(title, list(bridges.facts(wiring, host, bridge))))
    if len(ordered) > BRIDGES_SHOWN:
        more = fact("host.bridges.more", cite.host(host), host=host.name, count=len(ordered) - BRIDGES_SHOWN)
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
    shape: list[object] = [host.role, host.role_guessed, wiring.flavour(host.name), managers]
    shape.append(tuple(host.missing_parts))
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

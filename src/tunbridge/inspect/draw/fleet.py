"""Hosts that are alike, drawn as one.

Alike are hosts of one role with the same bridges, patch pairs and numbers of NICs, with the same types of tunnels, and
in which the same kinds of things are wrong at the same bridges. What may differ is told as a range or a count: names,
addresses, versions, workloads, how many tunnels. So a host with a fault of its own is always drawn on its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tunbridge.inspect.draw.marks import Mark, Marks, Place, worst
from tunbridge.inspect.draw.names import ranges
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.views import BridgeView, Glyphs, HostView, Pair, PortKind, PortView, Words, walk
from tunbridge.inspect.model import Bridge, Host, Link, Port
from tunbridge.inspect.translation import say

Grouping = Literal["auto", "always", "never"]

MANY = 24
"""More hosts than this are grouped, unless it is said otherwise."""

Kind = Callable[[Host, Bridge, Port], PortKind]
Look = Callable[[Host, Bridge], object]
"""What else two bridges must have in common."""


@dataclass(slots=True)
class Tally:
    """One host, counted: what it has in common with those alike, and what may differ, by bridge."""

    host: Host
    key: object
    workloads: dict[str, int] = field(default_factory=dict)
    tunnels: dict[str, int] = field(default_factory=dict)
    nics: dict[str, list[str]] = field(default_factory=dict)
    marks: list[tuple[str | None, PortKind | None, Mark]] = field(default_factory=list)


def alike(tallies: Iterable[Tally]) -> list[list[Tally]]:
    """Sort hosts into groups: by role, the larger groups of a role before hosts that stand alone."""
    groups: dict[object, list[Tally]] = {}
    for tally in tallies:
        groups.setdefault(tally.key, []).append(tally)
    roles = list(dict.fromkeys(group[0].host.role for group in groups.values()))
    return sorted(groups.values(), key=lambda group: (roles.index(group[0].host.role), len(group) == 1))


def count(host: Host, kind: Kind, look: Look, patches: Sequence[Link], marks: Marks) -> Tally:
    """Count one host. The cost is that of looking at each port once."""
    tally = Tally(host, None)
    linked = {(end.bridge, end.port) for link in patches for end in (link.a, link.b) if end is not None}
    kinds: dict[Place, PortKind] = {}
    bridges = []
    for bridge in host.bridges:
        patched: list[str] = []
        types: set[str] = set()
        for port in bridge.ports:
            place = (host.name, bridge.name, port.name)
            is_patched = (bridge.name, port.name) in linked
            kinds[place] = what = "patch" if is_patched else kind(host, bridge, port)
            if what == "patch":
                patched.append(port.name)
            elif what == "tunnel":
                types.update([interface.type for interface in port.interfaces])
                tally.tunnels[bridge.name] = tally.tunnels.get(bridge.name, 0) + 1
            elif what == "nic":
                tally.nics.setdefault(bridge.name, []).append(port.name)
            elif port.name != bridge.name:
                tally.workloads[bridge.name] = tally.workloads.get(bridge.name, 0) + 1
        nics = len(tally.nics.get(bridge.name, ()))
        states = tuple(sorted(str(controller.is_connected) for controller in bridge.controllers))
        own = (bridge.name, bridge.role, look(host, bridge), bridge.fail_mode, bridge.datapath_type, states)
        bridges.append((*own, tuple(sorted(patched)), frozenset(types), nics))
    tally.marks = [(place[1], kinds.get(place), mark) for place, mark in marks.of(host.name)]
    wrong = frozenset((bridge, what, mark.number) for bridge, what, mark in tally.marks if mark.is_wrong)
    pairs = frozenset(
        (link.a.bridge, link.a.port, link.b and (link.b.bridge, link.b.port), link.state) for link in patches
    )
    tally.key = (host.role, tuple(sorted(bridges, key=str)), pairs, wrong)
    return tally


def join(view: HostView, group: list[Tally], marks: Marks, glyphs: Glyphs, host_count: int) -> HostView:
    """Make the view of the first host of a group one of all of it."""
    return _Joint(group, marks, glyphs, host_count).host(view)


class _Joint:
    def __init__(self, group: list[Tally], marks: Marks, glyphs: Glyphs, host_count: int) -> None:
        self.group, self.marks, self.glyphs, self.host_count = group, marks, glyphs, host_count
        self.hosts = [tally.host for tally in group]

    def safe(self, text: str) -> str:
        return visible(text, self.glyphs.is_ascii)

    def host(self, view: HostView) -> HostView:
        hosts = self.hosts
        role = "" if view.role == "unknown" else f"{say(view.role)} "
        names = ranges(self.safe(host.name) for host in hosts)
        view.count = len(hosts)
        view.name = say("{count} {role}hosts, alike", count=len(hosts), role=role)
        view.tip = f"{view.name}: {names}\n{say('as in')} {view.tip}"
        view.words = [Words(names), *self.words()]
        view.places = tuple((host.name, None, None) for host in hosts)
        view.mark = self.mark(None, None)
        for bridge in walk(view.roots):
            self.bridge(bridge)
        return view

    def words(self) -> list[Words]:
        """Tell the tunnel addresses and versions, and managers if any is not connected."""
        addresses = [self.safe(host.addresses[0]) for host in self.hosts if host.addresses]
        versions = sorted({self.safe(host.ovs_version) for host in self.hosts if host.ovs_version})
        words = [Words(_span(addresses, self.glyphs.ellipsis))] if addresses else []
        words += [Words(f"OVS {', '.join(versions)}")] if versions else []
        away = sum(any(manager.is_connected is False for manager in host.managers) for host in self.hosts)
        return words + [Words(say("manager {sign} on {count}", sign=self.glyphs.no, count=away), is_bad=False)] * bool(
            away
        )

    def bridge(self, view: BridgeView) -> None:
        name = view.places[0][1] or ""
        view.places = tuple((host.name, name, None) for host in self.hosts)
        each = say(
            "on each of {count} hosts, as here on {host}:", count=len(self.hosts), host=self.safe(self.hosts[0].name)
        )
        view.tip = f"{each}\n{view.tip}"
        view.mark = self.mark(name, None)
        view.workloads = self.workloads(name)
        view.tunnels = self.tunnels(name, view.tunnels)
        view.nics = [self.nic(name, index, port) for index, port in enumerate(view.nics)]
        view.stubs = [self.port(port) for port in view.stubs]
        view.loose = [self.port(port) for port in view.loose]
        view.pairs = [Pair(self.port(pair.upper), self.port(pair.lower), pair.state) for pair in view.pairs]

    def mark(self, bridge: str | None, kind: PortKind | None) -> Mark | None:
        found = [mark for tally in self.group for b, k, mark in tally.marks if b == bridge and k == kind]
        return worst(found)

    def port(self, view: PortView) -> PortView:
        """Give a port that each host has by the same name."""
        places = tuple((host.name, *view.places[0][1:]) for host in self.hosts)
        mark = worst([mark for mark in (self.marks.at(*place) for place in places) if mark])
        return replace(view, mark=mark, places=places)

    def workloads(self, bridge: str) -> list[PortView]:
        counts = [tally.workloads.get(bridge, 0) for tally in self.group]
        total = sum(counts)
        if not total:
            return []
        name = say("{count} workloads" if total > 1 else "{count} workload", count=total)
        return [
            PortView(
                name,
                "workload",
                say("{count} each", count=_least_most(counts)),
                name,
                self.mark(bridge, "workload"),
                total,
            )
        ]

    def tunnels(self, bridge: str, shown: list[PortView]) -> list[PortView]:
        counts = [tally.tunnels.get(bridge, 0) for tally in self.group]
        if not shown or not sum(counts):
            return []
        types = sorted({view.name.split(" ", 1)[0] for view in shown if view.count > 1})
        what = types[0] if types else "tunnels"
        is_all = min(counts) == self.host_count - 1
        where = say("all others") if is_all else say("{count} each", count=_least_most(counts))
        note = f"{self.glyphs.arrow} {where}" if is_all else where
        name = f"{what} {self.glyphs.times}{sum(counts):,}"
        return [PortView(name, "tunnel", note, f"{name}, {note}", self.mark(bridge, "tunnel"), sum(counts))]

    def nic(self, bridge: str, index: int, view: PortView) -> PortView:
        names = {tally.nics[bridge][index] for tally in self.group if index < len(tally.nics.get(bridge, ()))}
        if len(names) == 1 and view.count == 1:
            return self.port(view)
        mark = self.mark(bridge, "nic")
        return replace(view, name=ranges(sorted(self.safe(name) for name in names)), note="", mark=mark, places=())


def _least_most(counts: list[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,}-{most:,}"


def _span(texts: list[str], ellipsis: str) -> str:
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} {ellipsis} {texts[-1]}"

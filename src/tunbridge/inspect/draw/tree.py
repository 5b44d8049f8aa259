"""The bridges of one host hung under each other along their patch pairs, and what of very many is shown.

Bridges hang under the integration bridge as an administrator draws them: br-tun first, then the provider bridges, and
below those whatever is patched to them. A patch pair that would close a loop is not a line of the tree: both its ends
become chips that name the other end, so that no line ever has to cross another.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Protocol

import msgspec

from tunbridge.inspect.draw.marks import Marks, worst
from tunbridge.inspect.draw.names import Natural, natural
from tunbridge.inspect.draw.views import BridgeView, Glyphs, Pair, PortKind, PortView
from tunbridge.inspect.model import Bridge, BridgeRole, Host, Link, LinkState, Port
from tunbridge.inspect.translation import say

MAX_PORTS = 2000
"""Of a bridge with more ports, those in which nothing is wrong are counted beyond so many, and not sorted by name."""
MAX_BRIDGES = 64
"""A host with more bridges shows this many: those with something wrong or something in them come first."""
MAX_DEPTH = 16
"""A chain of more bridges goes on at the top of the host: it is seldom longer than three."""


class Maker(Protocol):
    """What makes the views of bridges and ports."""

    marks: Marks
    glyphs: Glyphs
    patches: dict[str, list[Link]]

    def safe(self, text: str) -> str: ...
    def bridge(self, host: Host, bridge: Bridge) -> BridgeView: ...
    def port(self, host: Host, bridge: Bridge, port: Port) -> PortView: ...
    def kind(self, host: Host, bridge: Bridge, port: Port) -> PortKind: ...


_RANK: dict[BridgeRole, int] = {"integration": 0, "other": 1, "tunnel": 2, "provider": 3}
"""Which bridge stands at the top of those that are patched together: the one of the lowest rank."""


class Tree:
    """The bridges of one host hung under each other along their patch pairs."""

    def __init__(self, maker: Maker, host: Host) -> None:
        self.maker = maker
        self.folded = max(0, len(host.bridges) - MAX_BRIDGES) if len(host.bridges) > MAX_BRIDGES + 1 else 0
        self.host = host = msgspec.structs.replace(host, bridges=self._shown(host)) if self.folded else host
        self.views = [maker.bridge(host, bridge) for bridge in host.bridges]
        self.ports: dict[tuple[int, str], PortView] = {}
        self.edges: dict[int, list[tuple[int, str, str, LinkState]]] = defaultdict(list)
        self.linked: set[tuple[int, str]] = set()
        patches: list[tuple[int, str]] = []
        for index, bridge in enumerate(host.bridges):
            for port in self._ports(index, bridge):
                view = maker.port(host, bridge, port)
                self.ports.setdefault((index, port.name), view)
                if view.kind == "patch":
                    patches.append((index, port.name))
                else:
                    self._hang(index, bridge, port, view)
        self._connect()
        for index, name in dict.fromkeys(patches):
            if (index, name) not in self.linked:
                view = self.ports[index, name]
                self.views[index].loose.append(view if host.is_whole else _unseen(view))

    def _shown(self, host: Host) -> list[Bridge]:
        """Choose the bridges that are shown of very many."""
        ranks: dict[BridgeRole, int] = {"integration": 0, "tunnel": 1, "provider": 2, "other": 3}
        wrong = {place[1] for place, mark in self.maker.marks.of(host.name) if mark.is_wrong}
        order = sorted(
            range(len(host.bridges)),
            key=lambda i: (
                ranks[host.bridges[i].role],
                host.bridges[i].name not in wrong,
                len(host.bridges[i].ports) < 2,
            ),
        )
        return [host.bridges[i] for i in sorted(order[:MAX_BRIDGES])]

    def _ports(self, index: int, bridge: Bridge) -> list[Port]:
        """Give the ports to show, in their order; of very many workloads some are only counted, wrong ones last."""
        if len(bridge.ports) <= MAX_PORTS:
            return sorted(bridge.ports, key=_order)
        wrong = {place[2]: mark for place, mark in self.maker.marks.of(self.host.name) if place[1] == bridge.name}
        shown: list[Port] = []
        marked: list[Port] = []
        plain: list[Port] = []
        for port in bridge.ports:
            is_workload = self.maker.kind(self.host, bridge, port) == "workload" and port.name != bridge.name
            (shown if not is_workload else marked if port.name in wrong else plain).append(port)
        workloads = marked + plain
        if hidden := workloads[MAX_PORTS:]:
            mark = worst([wrong[port.name] for port in hidden if port.name in wrong])
            tip = say("{count} more ports", count=len(hidden))
            more = PortView(say("+{count} more", count=len(hidden)), "workload", tip=tip, mark=mark, count=len(hidden))
            self.views[index].workloads.append(more)
        return shown + sorted(workloads[:MAX_PORTS], key=_order)

    def _hang(self, index: int, bridge: Bridge, port: Port, view: PortView) -> None:
        if view.kind == "tunnel":
            self.views[index].tunnels.append(view)
        elif view.kind == "nic":
            self.views[index].nics.append(view)
        elif port.name != bridge.name or view.mark is not None:
            self.views[index].workloads.append(view)

    def _connect(self) -> None:
        """Turn the host's patch links into edges between bridges; a port takes part in one edge at most."""
        cables: set[int] = set()
        bridges: dict[str, int] = {}
        for index, bridge in enumerate(self.host.bridges):
            bridges.setdefault(bridge.name, index)
        for link in self.maker.patches.get(self.host.name, []):
            if link.b is None or link.b.host != self.host.name:
                continue
            near = (bridges.get(link.a.bridge or "", -1), link.a.port or "")
            far = (bridges.get(link.b.bridge or "", -1), link.b.port or "")
            ends = {near, far}
            if len(ends) < 2 or not ends <= self.ports.keys() or ends & self.linked:
                continue
            self.linked |= ends
            for (i, name), (j, other) in ((near, far), (far, near)):
                self.edges[i].append((j, name, other, link.state))
                cables.add(id(self.ports[i, name]))
        for view in self.views:  # an old veth pair between bridges, which links call a patch, is no workload
            view.workloads = [port for port in view.workloads if id(port) not in cables]

    def roots(self) -> list[BridgeView]:
        """Hang everything; give the bridges at the top, the integration bridge first."""
        seen: set[int] = set()
        roots: list[BridgeView] = []
        main: BridgeView | None = None
        for index in sorted(range(len(self.views)), key=self._rank):
            if index in seen:
                continue
            view = self.views[index]
            self._grow(index, seen)
            if main is not None and view.role in ("tunnel", "provider"):
                main.children.append(view)
            else:
                roots.append(view)
                main = main or (view if view.role == "integration" else None)
        if self.folded:
            roots.append(
                BridgeView(say("+{count} more bridges", count=self.folded), "other", [], say("not drawn"), None)
            )
        for view in self.views:
            view.children.sort(key=lambda child: (child.role != "tunnel", not child.pairs, natural(child.name)))
        return roots

    def _rank(self, index: int) -> tuple[int, int, Natural]:
        view = self.views[index]
        return (_RANK[view.role], len(view.nics), natural(view.name))

    def _grow(self, root: int, seen: set[int]) -> None:
        """Hang what is patched to `root`, and to that, breadth first: a bridge hangs as high as it can."""
        seen.add(root)
        above = {root: -1}
        depths = {root: 0}
        queue = [root]
        for index in queue:
            for other, _, _, _ in self.edges[index]:
                if other not in seen and depths[index] < MAX_DEPTH:
                    seen.add(other)
                    above[other] = index
                    depths[other] = depths[index] + 1
                    queue.append(other)
                    self.views[index].children.append(self.views[other])
        for index in queue:
            for other, name, far, state in self.edges[index]:
                if above.get(index) == other and index != other:
                    self.views[index].pairs.append(Pair(self.ports[other, far], self.ports[index, name], state))
                elif above.get(other) != index or index == other:
                    self.views[index].stubs.append(self._stub(index, name, other, far))

    def _stub(self, index: int, name: str, other: int, far: str) -> PortView:
        port = self.ports[index, name]
        bridge = self.views[other].name if other != index else "itself"
        note = f"{self.maker.glyphs.arrow} {self.maker.safe(far)} ({bridge})"
        return PortView(port.name, "patch", note, port.tip, port.mark, places=port.places)


def _unseen(view: PortView) -> PortView:
    return replace(view, is_unseen=True, note=" ".join(text for text in (view.note, "(other end not shown)") if text))


def _order(port: Port) -> tuple[int, int, Natural]:
    """Order ports as people look for them: by network (tag), then by name with its numbers as numbers."""
    return (port.tag is None, port.tag or 0, natural(port.name))

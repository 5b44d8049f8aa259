"""The picture as nodes and edges, for pens that place things themselves (Graphviz, Mermaid).

It is made of the same scene as the SVG, so it folds the same: a mesh of tunnels is one overlay node with one edge for
each row of a host's tunnels, and many workloads are a few nodes and a count. Names are visible text already.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.folding import fold
from tunbridge.inspect.draw.marks import Mark
from tunbridge.inspect.draw.notes import UNDERLAY
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.views import BridgeView, HostView, PortView, Scene
from tunbridge.inspect.model import Document

MAX_WORKLOADS = 12
"""More workloads of one bridge than this are folded into a count."""

MAX_BESIDE = 4
"""More hosts than this stand one below the other."""

Kind = Literal["integration", "tunnel", "provider", "other", "workload", "physical", "overlay", "ghost", "missing"]


@dataclass(frozen=True, slots=True)
class Node:
    """One shape. `lines` are its text; `severity` is "" unless something is wrong there."""

    id: str
    kind: Kind
    lines: tuple[str, ...]
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A wire between two nodes. `count` > 1: it stands for that many."""

    a: str
    b: str
    label: str = ""
    severity: str = ""
    is_dim: bool = False
    count: int = 1


@dataclass(slots=True)
class Group:
    """One host and its nodes."""

    id: str
    title: str
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Graph:
    """All of it; `nodes` are those outside of every host, `remarks` what was found, one line for each code."""

    groups: list[Group] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def direction(self) -> str:
        """Give "TB" for hosts side by side, or, with more than a page's width of them, "LR" for one below the other."""
        return "TB" if len(self.groups) <= MAX_BESIDE else "LR"


def graph(document: Document, group: Grouping = "auto") -> Graph:
    """Give what is to be drawn, in the order of the document."""
    return _Maker(build(document, group=group)).graph


class _Maker:
    def __init__(self, scene: Scene) -> None:
        self.graph = Graph()
        self.count = 0
        self.overlay = ""
        self.networks: dict[str, str] = {}
        if scene.overlay:
            self.overlay = self.node(self.graph.nodes, "overlay", scene.overlay)
        for host in scene.hosts:
            self.host(host)
        for line in scene.legend:
            self.graph.remarks.append(f"{line.severity} {visible(line.code)}: {'; '.join(line.items()[:40])}")
            self.graph.remarks += [line.sentence()] * bool(line.message)
        self.graph.remarks += [f"{line.what}: {line.who}" for line in scene.exceptions]

    def node(self, to: list[Node], kind: Kind, *lines: str, severity: str = "") -> str:
        self.count += 1
        made = Node(f"n{self.count}", kind, tuple(line for line in lines if line) or (" ",), severity)
        to.append(made)
        return made.id

    def host(self, host: HostView) -> None:
        words = [word.text for word in host.words]
        if not host.known:
            node = self.node(self.graph.nodes, "ghost", host.name, *words, "not given")
            if self.overlay:
                self.graph.edges.append(Edge(node, self.overlay, is_dim=True, count=max(1, len(host.members))))
            return
        role = "" if host.role == "unknown" or host.count > 1 else host.role
        group = Group(f"h{len(self.graph.groups) + 1}", ", ".join(text for text in (host.name, role, *words) if text))
        self.graph.groups.append(group)
        for root in host.roots:
            self.bridge(group, root, above="")
        if not group.nodes:
            self.node(group.nodes, "other", "no bridges")

    def bridge(self, group: Group, view: BridgeView, above: str) -> None:
        words = " ".join(word.text for word in view.words)
        stubs = [f"{stub.name} {stub.note}" for stub in view.stubs]
        node = self.node(
            group.nodes, view.role, view.name, view.label or view.role, words, *stubs, severity=_severity(view.mark)
        )
        for pair in view.pairs:
            severity = "error" if pair.state in ("broken", "one-way") else ""
            self.graph.edges.append(Edge(above, node, f"{pair.upper.name} - {pair.lower.name}", severity))
        self.ports(group, view, node)
        for child in view.children:
            self.bridge(group, child, node)

    def physical(self, network: str) -> str:
        """Give the node of a physical network: one for all of a name, one for each NIC where it is not known."""
        if network and network in self.networks:
            return self.networks[network]
        node = self.node(self.graph.nodes, "physical", *(["physical network"] if network != UNDERLAY else []), network)
        self.networks[network] = node
        return node

    def ports(self, group: Group, view: BridgeView, bridge: str) -> None:
        for port, kind in _leaves(view):
            severity = _severity(port.mark)
            leaf = self.node(group.nodes, kind, port.name, port.note, severity=severity)
            self.graph.edges.append(Edge(leaf, bridge, severity=severity))
        for port in view.loose:
            what, severity = ("peer is not there", "error") if not port.is_unseen else ("peer is not shown", "")
            leaf = self.node(group.nodes, "missing" if severity else "other", what, severity=severity)
            self.graph.edges.append(Edge(bridge, leaf, port.name, severity))
        for port in view.tunnels:
            if self.overlay:
                label = f"{port.name} {port.note}".strip()
                self.graph.edges.append(Edge(bridge, self.overlay, label, _severity(port.mark), count=port.count))
        for port in view.nics:
            leaf = self.physical(port.network)
            label = f"{port.name} {port.note}".strip()
            self.graph.edges.append(Edge(bridge, leaf, label, _severity(port.mark)))


def _leaves(view: BridgeView) -> Iterator[tuple[PortView, Kind]]:
    for port in fold(view.workloads, MAX_WORKLOADS, "workload"):
        yield port, "workload"


def _severity(mark: Mark | None) -> str:
    return mark.severity if mark is not None and mark.is_wrong else ""

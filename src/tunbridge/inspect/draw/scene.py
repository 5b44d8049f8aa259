"""What a picture shows, before anybody knows where: hosts, their bridges as trees of patch pairs, and what is folded.

Bridges hang under the integration bridge as an administrator draws them: br-tun first, then the provider bridges, and
below those whatever is patched to them. A patch pair that would close a loop is not a line of the tree: both its ends
become chips that name the other end, so that no line ever has to cross another.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import msgspec

from tunbridge.inspect import networks
from tunbridge.inspect.draw.fleet import MANY, Grouping, alike, count, join
from tunbridge.inspect.draw.marks import Mark, Marks, Place, worst
from tunbridge.inspect.draw.mesh import mesh
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.views import (
    UNICODE,
    BridgeView,
    Glyphs,
    HostView,
    Pair,
    PortKind,
    PortView,
    Scene,
    Words,
    walk,
)
from tunbridge.inspect.model import Bridge, BridgeRole, Document, Host, Link, LinkState, Port
from tunbridge.inspect.translation import say

Natural = tuple[tuple[int, str], ...]

TUNNEL_TYPES = frozenset({"vxlan", "gre", "geneve", "stt", "lisp", "gtpu", "bareudp", "srv6", "erspan", "ip6gre"})
_TYPE_NAMES = {"geneve": "Geneve", "tunnel": "Tunnel"}
DEAD_VLAN = 4095

MAX_TUNNELS = 4
"""More tunnels of one host than this are one row, "vxlan ×19"; wrong ones stay on their own."""
MAX_NICS = 4
MAX_WIRES = 16
"""More patch pairs between two bridges, or patch ports of one bridge that lead to nothing, are folded."""
MAX_PORTS = 2000
"""Of a bridge with more ports, those in which nothing is wrong are counted beyond so many, and not sorted by name."""
MAX_BRIDGES = 64
"""A host with more bridges shows this many: those with something wrong or something in them come first."""
MAX_DEPTH = 16
"""A chain of more bridges goes on at the top of the host: it is seldom longer than three."""
MAX_GHOSTS = 8
"""More hosts that were not given than this share one frame."""


def build(document: Document, glyphs: Glyphs = UNICODE, group: Grouping = "auto", marks: Marks | None = None) -> Scene:
    """Decide what a picture of `document` shows; `group` says whether hosts that are alike stand as one.

    `marks` are those of the document, if they are known already.
    """
    maker = _Maker(document, glyphs, marks or Marks(document))
    given = [host for host in document.hosts if host.known]
    is_grouped = group == "always" or (group == "auto" and len(given) > MANY)
    known = maker.groups(given) if is_grouped else [maker.host(host) for host in given]
    ghosts = [maker.ghost(host) for host in document.hosts if not host.known]
    if len(ghosts) > MAX_GHOSTS:
        ghosts = [maker.ghosts(ghosts)]
    types = sorted({link.type or "tunnel" for link in document.links if link.kind == "tunnel"} | maker.types)
    overlay = ""
    if types or ghosts:
        names = " + ".join(visible(_TYPE_NAMES.get(t, t.upper()), glyphs.is_ascii) for t in types[:3])
        overlay = say("{types} overlay", types=names).strip()
    scene = Scene(known + ghosts, overlay, maker.marks.legend, glyphs)
    if is_grouped and overlay:
        whole = mesh(document, glyphs)
        scene.overlay = ": ".join(text for text in (overlay, whole.words) if text)
        scene.exceptions = whole.exceptions
    return scene


class _Maker:
    """The document indexed once, so that the cost stays linear."""

    def __init__(self, document: Document, glyphs: Glyphs, marks: Marks) -> None:
        self.glyphs = glyphs
        self.marks = marks
        self.host_count = len(document.hosts)
        self.types: set[str] = set()
        self.patches: dict[str, list[Link]] = defaultdict(list)
        self.tunnels: dict[tuple[str, str | None, str | None], Link] = {}
        self.physical: set[tuple[str, str | None, str | None]] = set()
        for link in document.links:
            if link.kind == "patch":
                self.patches[link.a.host].append(link)
            elif link.kind == "physical":
                self.physical.add((link.a.host, link.a.bridge, link.a.port))
            else:
                for end in (link.a, link.b):
                    if end is not None and end.port is not None:
                        self.tunnels.setdefault((end.host, end.bridge, end.port), link)

    def safe(self, text: str) -> str:
        return visible(text, self.glyphs.is_ascii)

    def groups(self, hosts: list[Host]) -> list[HostView]:
        """Give one view for all hosts that are alike."""
        views = []
        for group in alike(count(host, self.kind, self.patches.get(host.name, ()), self.marks) for host in hosts):
            view = self.host(group[0].host)
            views.append(join(view, group, self.marks, self.glyphs, self.host_count) if group[1:] else view)
        return views

    def host(self, host: Host) -> HostView:
        words = [Words(self.safe(address)) for address in host.addresses]
        if host.ovs_version:
            words.append(Words(f"OVS {self.safe(host.ovs_version)}"))
        words += self.connected(say("manager"), [manager.is_connected for manager in host.managers], is_bad=False)
        tip = [host.name, *([] if host.role == "unknown" else [say(host.role)])]
        tip += [say("tunnel address {address}", address=address) for address in host.addresses]
        tip += [f"OVS {host.ovs_version}"] * bool(host.ovs_version)
        tip += [f"{say('manager')} {manager.target}{_state(manager.is_connected)}" for manager in host.managers]
        mark = self.marks.at(host.name)
        view = HostView(
            self.safe(host.name), True, host.role, words, self.tip(tip, mark), mark, _Tree(self, host).roots()
        )
        view.places = ((host.name, None, None),)
        for bridge in walk(view.roots):
            bridge.tunnels = self.fold_tunnels(bridge.tunnels)
            bridge.nics = fold(bridge.nics, MAX_NICS, "nic")
            bridge.loose = fold(bridge.loose, MAX_WIRES, "patch")
            bridge.stubs = fold(bridge.stubs, MAX_WIRES, "patch")
            bridge.pairs = fold_pairs(bridge.pairs)
        return view

    def ghost(self, host: Host) -> HostView:
        mark = self.marks.at(host.name)
        words = [Words(self.safe(address)) for address in host.addresses if address != host.name]
        tip = self.tip([host.name, *host.addresses, say("not given: only other hosts' tunnels tell of it")], mark)
        return HostView(self.safe(host.name), False, host.role, words, tip, mark, places=((host.name, None, None),))

    def ghosts(self, views: list[HostView]) -> HostView:
        names = [view.name for view in views]
        mark = worst([view.mark for view in views if view.mark])
        return HostView(
            say("{count} hosts not given", count=len(names)),
            False,
            "unknown",
            [],
            ", ".join(names),
            mark,
            members=names,
            places=_places(views),
        )

    def bridge(self, host: Host, bridge: Bridge) -> BridgeView:
        words = [Words(self.safe(bridge.fail_mode))] if bridge.fail_mode else []
        if bridge.datapath_type and bridge.datapath_type != "system":
            words.append(Words(self.safe(bridge.datapath_type)))
        words += self.connected(say("controller"), [controller.is_connected for controller in bridge.controllers])
        mode = bridge.fail_mode or say("standalone (not set)")
        tip = [bridge.name, f"{say('role')}: {say(bridge.role)}", f"{say('fail mode')}: {mode}"]
        tip += [f"{say('datapath')}: {bridge.datapath_type}"] * bool(bridge.datapath_type)
        tip += [f"{say('controller')} {c.target}{_state(c.is_connected)}" for c in bridge.controllers]
        mark = self.marks.at(host.name, bridge.name)
        places = ((host.name, bridge.name, None),)
        label = "" if bridge.role == "other" else say(bridge.role)
        return BridgeView(
            self.safe(bridge.name), bridge.role, words, self.tip(tip, mark), mark, places=places, label=label
        )

    def connected(self, what: str, states: list[bool | None], is_bad: bool = True) -> list[Words]:
        if not states:
            return []
        if any(states):
            return [Words(f"{what} {self.glyphs.yes}")]
        if all(state is None for state in states):
            return [Words(what)]
        return [Words(f"{what} {self.glyphs.no}", is_bad)]

    def port(self, host: Host, bridge: Bridge, port: Port) -> PortView:
        kind = self.kind(host, bridge, port)
        mark = self.marks.at(host.name, bridge.name, port.name)
        tip = [say("port {port} of {bridge}", port=port.name, bridge=bridge.name)]
        tip += [f"{say('tag')}: {port.tag}"] * (port.tag is not None)
        tip += [f"{say('network')}: {networks.full(port)}"] * bool(networks.full(port))
        tip += [f"{say('trunks')}: {', '.join(map(str, port.trunks))}"] * bool(port.trunks)
        tip += [f"bond of {', '.join(i.name for i in port.interfaces)}"] * (len(port.interfaces) > 1)
        for interface in port.interfaces:
            options = ", ".join(f"{key}={value}" for key, value in sorted(interface.options.items()))
            tip.append(f"{interface.type} {options}".strip())
            tip += [f"{say('error')}: {interface.error}"] * bool(interface.error)
        places = ((host.name, bridge.name, port.name),)
        note = self.note(host, bridge, port, kind)
        return PortView(self.safe(port.name), kind, note, self.tip(tip, mark), mark, places=places)

    def kind(self, host: Host, bridge: Bridge, port: Port) -> PortKind:
        types = [interface.type for interface in port.interfaces]
        place = (host.name, bridge.name, port.name)
        if "patch" in types:
            return "patch"
        overlay = TUNNEL_TYPES.intersection(types)
        if overlay or place in self.tunnels:
            self.types |= overlay
            return "tunnel"
        return "nic" if place in self.physical else "workload"

    def note(self, host: Host, bridge: Bridge, port: Port, kind: PortKind) -> str:
        if kind == "tunnel":
            return self.peer(host, bridge, port)
        notes = []
        if len(port.interfaces) > 1:
            notes.append("+".join(self.safe(interface.name) for interface in port.interfaces))
        if port.tag == DEAD_VLAN:
            notes.append(say("dead VLAN"))
        elif port.tag is not None:
            notes.append(f"{say('tag')} {port.tag}")
        if (network := networks.label(port)) is not None and port.tag != DEAD_VLAN:
            notes.append(f"{say('net')} {self.safe(network)}")
        if port.trunks:
            notes.append(f"{say('trunk')} {','.join(map(str, port.trunks))}")
        return f" {self.glyphs.dot} ".join(notes)

    def peer(self, host: Host, bridge: Bridge, port: Port) -> str:
        remote = next((i.options["remote_ip"] for i in port.interfaces if "remote_ip" in i.options), None)
        link = self.tunnels.get((host.name, bridge.name, port.name))
        if remote is None and link is not None:
            far = link.b if (link.a.host, link.a.port) == (host.name, port.name) else link.a
            remote = link.remote_address if far is link.b else link.local_address
            remote = remote or (far.host if far else None)
        if remote is None:
            return ""
        return f"{self.glyphs.arrow} {say('any host') if remote == 'flow' else self.safe(remote)}"

    def tip(self, lines: list[str], mark: Mark | None) -> str:
        notes = [f"! {note}" for note in mark.notes] if mark else []
        return "\n".join(self.safe(line) for line in lines + notes)

    def fold_tunnels(self, tunnels: list[PortView]) -> list[PortView]:
        tunnels = sorted(tunnels, key=lambda tunnel: (_natural(tunnel.note), _natural(tunnel.name)))
        if len(tunnels) <= MAX_TUNNELS:
            return tunnels
        wrong = [t for t in tunnels if t.mark and t.mark.is_wrong]
        shown = wrong[: MAX_TUNNELS - 1]
        hidden = _without(tunnels, shown)
        return [*shown, self.many(hidden, is_all=not shown)]

    def many(self, tunnels: list[PortView], is_all: bool) -> PortView:
        types = sorted({_type(tunnel.tip) for tunnel in tunnels})
        peers = len({tunnel.note for tunnel in tunnels})
        where = say("all others") if is_all and peers == self.host_count - 1 else say("{count} hosts", count=peers)
        mark = worst([t.mark for t in tunnels if t.mark])
        name = f"{'+'.join(self.safe(t) for t in types[:2])} {self.glyphs.times}{len(tunnels)}"
        tip = "\n".join(f"{t.name} {t.note}" for t in tunnels[:40])
        return PortView(
            name, "tunnel", f"{self.glyphs.arrow} {where}", tip, mark, len(tunnels), places=_places(tunnels)
        )


def _places(views: Iterable[PortView] | Iterable[HostView]) -> tuple[Place, ...]:
    return tuple(place for view in views for place in view.places)


def _type(tip: str) -> str:
    """Give the interface type that a tunnel's tip states (it is on the line after the name and VLAN)."""
    words = [line.split(" ", 1)[0] for line in tip.split("\n")]
    return next((word for word in words if word in TUNNEL_TYPES), "tunnel")


def _without(ports: list[PortView], shown: list[PortView]) -> list[PortView]:
    ids = {id(port) for port in shown}
    return [port for port in ports if id(port) not in ids]


def fold(ports: list[PortView], limit: int, kind: PortKind) -> list[PortView]:
    """Keep `limit` chips at most: wrong ones are kept first, and the last chip counts those that are folded away."""
    if len(ports) <= limit:
        return ports
    order = sorted(range(len(ports)), key=lambda i: 0 if ports[i].mark else 1)
    kept = set(order[: limit - 1])
    hidden = [port for i, port in enumerate(ports) if i not in kept]
    mark = worst([port.mark for port in hidden if port.mark])
    more = PortView(
        say("+{count} more", count=sum(p.count for p in hidden)),
        kind,
        tip="\n".join(p.name for p in hidden[:40]),
        mark=mark,
        places=_places(hidden),
    )
    return [port for i, port in enumerate(ports) if i in kept] + [more]


def fold_pairs(pairs: list[Pair]) -> list[Pair]:
    """Keep some patch pairs between two bridges, wrong ones first; the last one counts the others."""
    if len(pairs) <= MAX_WIRES:
        return pairs
    order = sorted(range(len(pairs)), key=lambda i: pairs[i].state == "ok")
    kept = set(order[: MAX_WIRES - 1])
    hidden = [pair for i, pair in enumerate(pairs) if i not in kept]
    (upper,), (lower,) = (fold(ports, 1, "patch") for ports in ([p.upper for p in hidden], [p.lower for p in hidden]))
    wrong: LinkState = next((pair.state for pair in hidden if pair.state != "ok"), "ok")
    return [pair for i, pair in enumerate(pairs) if i in kept] + [Pair(upper, lower, wrong)]


def _state(is_connected: bool | None) -> str:
    return "" if is_connected is None else say(", connected") if is_connected else say(", not connected")


_RANK: dict[BridgeRole, int] = {"integration": 0, "other": 1, "tunnel": 2, "provider": 3}
"""Which bridge stands at the top of those that are patched together: the one of the lowest rank."""


class _Tree:
    """The bridges of one host hung under each other along their patch pairs."""

    def __init__(self, maker: _Maker, host: Host) -> None:
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
        return shown + workloads[:MAX_PORTS]

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
            view.children.sort(key=lambda child: (child.role != "tunnel", not child.pairs, _natural(child.name)))
        return roots

    def _rank(self, index: int) -> tuple[int, int, Natural]:
        view = self.views[index]
        return (_RANK[view.role], len(view.nics), _natural(view.name))

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
    return (port.tag is None, port.tag or 0, _natural(port.name))


_NUMBER = re.compile(r"([0-9]{1,18})")


@lru_cache(maxsize=16384)
def _natural(name: str) -> Natural:
    """Split a name into text and numbers: eth2 sorts before eth10. A mesh asks for the same names again and again."""
    parts = _NUMBER.split(name)
    return tuple((int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts))

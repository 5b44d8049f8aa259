"""What a picture shows, before anybody knows where: hosts, their bridges as trees, and what of very many is folded."""

from collections import defaultdict

from tunbridge.inspect import networks
from tunbridge.inspect.draw.fleet import MANY, Grouping, alike, count, join
from tunbridge.inspect.draw.folding import MAX_WIRES, fold, fold_pairs, places_of
from tunbridge.inspect.draw.marks import Mark, Marks, worst
from tunbridge.inspect.draw.mesh import mesh
from tunbridge.inspect.draw.names import natural
from tunbridge.inspect.draw.notes import Notes
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.tree import Tree
from tunbridge.inspect.draw.views import (
    UNICODE,
    BridgeView,
    Glyphs,
    HostView,
    PortKind,
    PortView,
    Scene,
    Words,
    walk,
)
from tunbridge.inspect.interfaces import TUNNEL_TYPES, tunnel_name
from tunbridge.inspect.model import Bridge, Document, Host, Link, Port
from tunbridge.inspect.translation import say

MAX_TUNNELS = 4
"""More tunnels of one host than this are one row, "vxlan ×19"; wrong ones stay on their own."""
MAX_NICS = 4
GATEWAYS_SHOWN = 3
"""Routers that are named on a host whose way out they have."""
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
    unknown = [host for host in document.hosts if not host.known]
    ghosts = [maker.ghosts(unknown)] if len(unknown) > MAX_GHOSTS else [maker.ghost(host) for host in unknown]
    types = sorted({link.type or "tunnel" for link in document.links if link.kind == "tunnel"} | maker.types)
    overlay = ""
    if types or ghosts:
        names = " + ".join(visible(tunnel_name(t), glyphs.is_ascii) for t in types[:3])
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
        self.notes = Notes(glyphs)
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
        tallies = (
            count(host, self.kind, self.notes.look, self.patches.get(host.name, ()), self.marks) for host in hosts
        )
        for group in alike(tallies):
            view = self.host(group[0].host)
            views.append(join(view, group, self.marks, self.glyphs, self.host_count) if group[1:] else view)
        return views

    def host(self, host: Host) -> HostView:
        words = [Words(self.safe(address)) for address in host.addresses]
        if host.ovs_version:
            words.append(Words(f"OVS {self.safe(host.ovs_version)}"))
        words += self.connected(say("manager"), [manager.is_connected for manager in host.managers], is_bad=False)
        words += self.gateways(host)
        tip = [host.name, *([] if host.role == "unknown" else [say(host.role)])]
        tip += [say("tunnel address {address}", address=address) for address in host.addresses]
        tip += [f"OVS {host.ovs_version}"] * bool(host.ovs_version)
        tip += [f"{say('manager')} {manager.target}{_state(manager.is_connected)}" for manager in host.managers]
        mark = self.marks.at(host.name)
        view = HostView(
            self.safe(host.name), True, host.role, words, self.tip(tip, mark), mark, Tree(self, host).roots()
        )
        view.places = ((host.name, None, None),)
        for bridge in walk(view.roots):
            bridge.tunnels = self.fold_tunnels(bridge.tunnels)
            bridge.nics = fold(bridge.nics, MAX_NICS, "nic")
            bridge.loose = fold(bridge.loose, MAX_WIRES, "patch")
            bridge.stubs = fold(bridge.stubs, MAX_WIRES, "patch")
            bridge.pairs = fold_pairs(bridge.pairs)
        return view

    def gateways(self, host: Host) -> list[Words]:
        """Say which routers' way out is here."""
        routers: dict[tuple[str, ...], list[str]] = {}
        for gateway in host.gateways:  # a router may have several, all for the same networks
            routers.setdefault((gateway.router, *gateway.networks), []).extend(map(self.safe, gateway.addresses[:1]))
        words = [
            Words(f"{say('router')} {self.safe(router)} {', '.join(addresses)}".rstrip())
            for (router, *_), addresses in list(routers.items())[:GATEWAYS_SHOWN]
        ]
        more = len(routers) - GATEWAYS_SHOWN
        return [*words, *([Words(say("{count} more routers", count=more))] if more > 0 else [])]

    def ghost(self, host: Host) -> HostView:
        mark = self.marks.at(host.name)
        words = [Words(self.safe(address)) for address in host.addresses if address != host.name]
        tip = self.tip([host.name, *host.addresses, say("not given: only other hosts' tunnels tell of it")], mark)
        return HostView(self.safe(host.name), False, host.role, words, tip, mark, places=((host.name, None, None),))

    def ghosts(self, hosts: list[Host]) -> HostView:
        names = [self.safe(host.name) for host in hosts]
        mark = worst([mark for host in hosts if (mark := self.marks.at(host.name))])
        return HostView(
            say("{count} hosts not given", count=len(names)),
            False,
            "unknown",
            [],
            ", ".join(names),
            mark,
            members=names,
            places=tuple((host.name, None, None) for host in hosts),
        )

    def bridge(self, host: Host, bridge: Bridge) -> BridgeView:
        words = [Words(self.safe(bridge.fail_mode))] if bridge.fail_mode else []
        if bridge.datapath_type and bridge.datapath_type != "system":
            words.append(Words(self.safe(bridge.datapath_type)))
        words += self.connected(say("controller"), [controller.is_connected for controller in bridge.controllers])
        label = self.notes.label(host, bridge)
        mode = bridge.fail_mode or say("standalone (not set)")
        tip = [bridge.name, f"{say('role')}: {label or say(bridge.role)}", f"{say('fail mode')}: {mode}"]
        tip += [f"{say('datapath')}: {bridge.datapath_type}"] * bool(bridge.datapath_type)
        tip += [f"{say('controller')} {c.target}{_state(c.is_connected)}" for c in bridge.controllers]
        mark = self.marks.at(host.name, bridge.name)
        places = ((host.name, bridge.name, None),)
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
        if port.tag is not None:
            tip.append(f"{say('tag')}: {port.tag}")
        if in_network := networks.full(port):
            tip.append(f"{say('network')}: {in_network}")
        if port.trunks:
            tip.append(f"{say('trunks')}: {', '.join(map(str, port.trunks))}")
        if len(port.interfaces) > 1:
            tip.append(say("bond of {names}", names=", ".join(i.name for i in port.interfaces)))
        for interface in port.interfaces:
            options = ", ".join(f"{key}={value}" for key, value in sorted(interface.options.items()))
            tip.append(f"{interface.type} {options}".strip())
            if interface.error:
                tip.append(f"{say('error')}: {interface.error}")
        place = (host.name, bridge.name, port.name)
        shorter: list[str] = []
        if kind == "tunnel":
            note = self.notes.peer(host, port, self.tunnels.get(place))
        else:
            note, *shorter = self.notes.note(host, bridge, port, kind)
        network = self.notes.network(host, bridge) if kind == "nic" else ""
        if network:
            tip.append(f"{say('physical network')}: {network}")
        return PortView(
            self.safe(port.name), kind, note, self.tip(tip, mark), mark, places=(place,), network=network,
            shorter=tuple(shorter),
        )  # fmt: skip

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

    def tip(self, lines: list[str], mark: Mark | None) -> str:
        notes = [f"! {note}" for note in mark.notes] if mark else []
        return "\n".join(self.safe(line) for line in lines + notes)

    def fold_tunnels(self, tunnels: list[PortView]) -> list[PortView]:
        tunnels = sorted(tunnels, key=lambda tunnel: (natural(tunnel.note), natural(tunnel.name)))
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
            name, "tunnel", f"{self.glyphs.arrow} {where}", tip, mark, len(tunnels), places=places_of(tunnels)
        )


def _type(tip: str) -> str:
    """Give the interface type that a tunnel's tip states (it is on the line after the name and VLAN)."""
    words = [line.split(" ", 1)[0] for line in tip.split("\n")]
    return next((word for word in words if word in TUNNEL_TYPES), "tunnel")


def _without(ports: list[PortView], shown: list[PortView]) -> list[PortView]:
    ids = {id(port) for port in shown}
    return [port for port in ports if id(port) not in ids]


def _state(is_connected: bool | None) -> str:
    return "" if is_connected is None else say(", connected") if is_connected else say(", not connected")

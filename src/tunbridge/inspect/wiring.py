"""How the bridges of a document hang together, indexed for walking: what a packet can cross, and to where.

A `Document` lists links; whoever follows a packet asks "which ports lead out of this bridge?". Everything here is one
pass over the document, so that a thousand hosts cost a thousand times one host. It decides nothing about packets: that
is `paths`.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from tunbridge.inspect.model import Bridge, Document, End, Host, Link, LinkState, Port
from tunbridge.inspect.roles import underlays
from tunbridge.openvswitch import ours

CrossingKind = Literal["patch", "veth", "tunnel", "overlay"]
MAX_CROSSINGS = 64
"""Patch ports that a packet passes at most: Open vSwitch drops it then (MAX_DEPTH in ofproto-dpif-xlate.c)."""

Flavour = Literal["antrea", "ovn", "neutron", "plain"]

FLOW = "flow"
"""`remote_ip=flow`: flows choose the peer of each packet (ovs-vswitchd.conf.db(5), Interface options)."""

_OVN_PREFIXES = ("ovn-", "ovn0", "patch-br-int-to-", "patch-provnet-")
_NEUTRON_PREFIXES = ("patch-tun", "patch-int", "int-", "phy-", "qvo", "qr-", "qg-", "sg-", "fg-")


class Crossing(Struct, frozen=True):
    """A wire as seen from one of its ends. `far` is None, or lacks bridge and port, if that end is not known."""

    kind: CrossingKind
    near: End
    far: End | None
    state: LinkState
    link: Link | None = None

    @property
    def is_passable(self) -> bool:
        """Tell whether a packet comes out at the other end."""
        return self.state == "ok" and self.far is not None and self.far.bridge is not None and self.far.port is not None


class Wiring:
    """Indexes over one document: bridges and ports by name, and the wires at each bridge."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.hosts: dict[str, Host] = {host.name: host for host in document.hosts}
        self.bridges: dict[tuple[str, str], Bridge] = {}
        self.ports: dict[tuple[str, str, str], Port] = {}
        for host in document.hosts:
            for bridge in host.bridges:
                self.bridges[host.name, bridge.name] = bridge
                for port in bridge.ports:
                    self.ports[host.name, bridge.name, port.name] = port
        self.patches: dict[tuple[str, str], list[Crossing]] = defaultdict(list)
        self.tunnels: dict[str, list[Crossing]] = defaultdict(list)
        self.tunnels_of: dict[tuple[str, str], list[Crossing]] = defaultdict(list)
        """(host, bridge) -> the tunnels that end there."""
        self.tunnel_at: dict[End, Crossing] = {}
        self.tunnels_to: dict[tuple[str, str], list[Crossing]] = defaultdict(list)
        self.named_by: dict[str, list[str]] = defaultdict(list)
        """Host -> the hosts that have a tunnel to it, whether or not it has one back."""
        self.nics: dict[tuple[str, str], list[Crossing]] = defaultdict(list)
        for link in document.links:
            self._add(link)
        self._routes: dict[str, dict[str, list[Crossing]]] = {}
        self._flavours: dict[str, Flavour] = {}
        self._entrances: dict[str, Bridge | None] = {}
        self._ranks: dict[str, dict[str, int]] = {}
        self._underlays: dict[str, set[str]] = {}

    def _add(self, link: Link) -> None:
        kinds: dict[str, CrossingKind] = {"patch": "patch", "physical": "patch", "tunnel": "tunnel"}
        kind: CrossingKind = "overlay" if link.remote_address == FLOW and link.b is None else kinds[link.kind]
        for near, far in ((link.a, link.b), (link.b, link.a)):
            if near is None:
                continue
            crossing = Crossing(kind, near, far, link.state, link)
            if link.kind == "tunnel":
                if self._exists(near):
                    self.tunnels[near.host].append(crossing)
                    self.tunnels_of[near.host, near.bridge or ""].append(crossing)
                    self.tunnel_at.setdefault(near, crossing)
                    if far is not None:
                        self.tunnels_to[near.host, far.host].append(crossing)
                elif far is not None:
                    self.named_by[near.host].append(far.host)
            elif link.kind == "patch":
                self._add_patch(msgspec.structs.replace(crossing, kind=self._cable(near)))
            elif near is link.a and self._exists(near):
                self.nics[near.host, near.bridge or ""].append(crossing)

    def _add_patch(self, crossing: Crossing) -> None:
        near = crossing.near
        if self._exists(near) and near.bridge is not None:
            self.patches[near.host, near.bridge].append(crossing)

    def _cable(self, end: End) -> Literal["patch", "veth"]:
        """Tell what joins two bridges: before it used patch ports, Neutron used veth pairs, whose ends are plain."""
        port = self.ports.get((end.host, end.bridge or "", end.port or ""))
        return "veth" if port is not None and all(i.type == "system" for i in port.interfaces) else "patch"

    def _exists(self, end: End) -> bool:
        named = end.bridge is not None and end.port is not None
        return named and (end.host, end.bridge or "", end.port or "") in self.ports

    def known(self) -> Iterator[Host]:
        """Give the hosts that were given."""
        return (host for host in self.document.hosts if host.known)

    def entrance(self, host: str) -> Bridge | None:
        """Give the bridge that workloads of `host` plug into: the integration bridge, or the only bridge there is.

        None when that cannot be told: several bridges, and none of them the integration bridge.
        """
        if host not in self._entrances:
            self._entrances[host] = self._find_entrance(host)
        return self._entrances[host]

    def flavour(self, host: str) -> Flavour:
        """Tell what wired `host`: see the function `flavour`."""
        if host not in self._flavours:
            self._flavours[host] = flavour(self.hosts[host])
        return self._flavours[host]

    def rank(self, host: str, bridge: str) -> int:
        """Return the place of a bridge in the order in which a workload's packet meets them."""
        if host not in self._ranks:
            self._ranks[host] = {b.name: rank for rank, b in enumerate(in_order(self.hosts[host]))}
        return self._ranks[host][bridge]

    def _find_entrance(self, host: str) -> Bridge | None:
        bridges = self.hosts[host].bridges
        integration = [bridge for bridge in bridges if bridge.role == "integration"]
        for bridge in integration:
            if bridge.name == "br-int":
                return bridge
        if integration:
            return integration[0]
        return bridges[0] if len(bridges) == 1 else None

    def reach(self, host: str) -> dict[str, list[Crossing]]:
        """Give, for each bridge that a packet can reach inside `host` from its entrance, the wires on the way there."""
        if host not in self._routes:
            self._routes[host] = self._search(host)
        return self._routes[host]

    def _search(self, host: str) -> dict[str, list[Crossing]]:
        start = self.entrance(host)
        if start is None:
            return {}
        found: dict[str, list[Crossing]] = {start.name: []}
        waiting = deque([start.name])
        while waiting:
            bridge = waiting.popleft()
            for crossing in self.patches.get((host, bridge), ()):
                far = crossing.far
                if crossing.is_passable and far is not None and far.bridge is not None and far.bridge not in found:
                    if len(found[bridge]) == MAX_CROSSINGS:
                        continue
                    found[far.bridge] = [*found[bridge], crossing]
                    waiting.append(far.bridge)
        return found

    def is_underlay(self, host: str, bridge: str) -> bool:
        """Whether the tunnels' outer packets leave `host` by `bridge`."""
        if host not in self._underlays:
            self._underlays[host] = underlays(self.hosts[host])
        return bridge in self._underlays[host]

    def has_nic(self, host: str) -> bool:
        """Whether a NIC is in a bridge of `host` that carries networks, and not the tunnels' outer packets."""
        bridges = self.hosts[host].bridges
        return any(self.nics.get((host, b.name)) and not self.is_underlay(host, b.name) for b in bridges)

    def peers(self, host: str) -> Iterable[str]:
        """Give the hosts that `host` has a tunnel to or that have one to it, each once, its own tunnels first."""
        own = (c.far.host for c in self.tunnels.get(host, ()) if c.far is not None)
        return dict.fromkeys(peer for peer in (*own, *self.named_by.get(host, ())) if peer != host)


def in_order(host: Host) -> list[Bridge]:
    """Give the bridges in the order in which a packet of a workload meets them."""
    ranks = {"integration": 0, "tunnel": 1, "provider": 2, "other": 3}
    return sorted(host.bridges, key=lambda bridge: ranks[bridge.role])


def reverse(crossings: list[Crossing]) -> list[Crossing]:
    """Give the same wires walked the other way. Only for passable ones."""
    back = []
    for crossing in reversed(crossings):
        assert crossing.far is not None
        back.append(Crossing(crossing.kind, crossing.far, crossing.near, crossing.state, crossing.link))
    return back


def is_internal(bridge: Bridge, port: Port) -> bool:
    """Tell whether it is the bridge's own port, by which the host itself is attached to it."""
    return port.name == bridge.name


def flavour(host: Host) -> Flavour:
    """Tell by the names of its ports what wired this host: each of these systems has names of its own."""
    names = [port.name for bridge in host.bridges for port in bridge.ports]
    if any(name.startswith("antrea-") for name in names):
        return "antrea"
    if any(name.startswith(_OVN_PREFIXES) for name in names):
        return "ovn"
    if any(name.startswith(_NEUTRON_PREFIXES) for name in names):
        return "neutron"
    return "plain"


def is_tunbridge(host: Host) -> bool | None:
    """Whether Tunbridge's agent wired this host, as it marks its bridges; None where the source does not tell."""
    if any(bridge.external_ids is None for bridge in host.bridges):
        return None
    return any(ours.ORIGIN in (bridge.external_ids or {}) for bridge in host.bridges)


def typical_ports(host: Host, kind: Flavour) -> list[tuple[Bridge, Port]]:
    """Give the ports by whose names `flavour` told what wired the host."""
    prefixes = {"antrea": ("antrea-",), "ovn": _OVN_PREFIXES, "neutron": _NEUTRON_PREFIXES}.get(kind, ())
    return [(b, p) for b in host.bridges for p in b.ports if prefixes and p.name.startswith(prefixes)]

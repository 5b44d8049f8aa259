"""What the page tells of each host, bridge and port: numbered, in the order of the document, as plain rows of text.

Everything is decided here and made visible text; the page's script only shows it. The keys are those of its JSON.
"""

from collections.abc import Iterator

from tunbridge.inspect import networks
from tunbridge.inspect.draw.marks import Marks, Place
from tunbridge.inspect.draw.notes import DEAD_VLAN
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.interfaces import TUNNEL_TYPES
from tunbridge.inspect.model import Bridge, Document, End, Host, Interface, Link, Port
from tunbridge.inspect.translation import say

MAX_THINGS = 20_000
"""With more ports than this, tunnels that are in order are left out (a mesh of 500 hosts has 249,500 of their ends),
and then all that comes after so many things."""

Rows = list[tuple[str, str]]


class Things:
    """`rows` are the things, `numbers` where each is found, `left_out` how many ports were left out."""

    def __init__(self, document: Document) -> None:
        self.numbers: dict[Place, int] = {}
        self.rows: list[dict[str, object]] = []
        self.left_out = 0
        self.marks = Marks(document)
        self._far: dict[Place, tuple[Link, End]] = {}
        self._peers: list[tuple[int, Place]] = []
        total = sum(len(bridge.ports) for host in document.hosts for bridge in host.bridges)
        self._is_full = total > MAX_THINGS
        self._link(document)
        for host in document.hosts:
            self._host(host)
        for number, place in self._peers:
            if place in self.numbers:
                self.rows[number]["peer"] = self.numbers[place]

    def _link(self, document: Document) -> None:
        for link in document.links:
            is_left_out = self._is_full and link.kind == "tunnel" and link.state == "ok"
            if link.b is not None and not is_left_out:
                self._far.setdefault(_place(link.a), (link, link.b))
                self._far.setdefault(_place(link.b), (link, link.a))

    def _add(self, kind: str, place: Place, note: str, rows: Rows, up: int | None, source: str) -> int:
        mark = self.marks.at(*place)
        name = next(part for part in reversed(place) if part is not None)
        shown = [(say(label), visible(value)) for label, value in [*rows, ("source", source)] if value]
        number = len(self.rows)
        row: dict[str, object] = {"kind": kind, "name": visible(name) or '""', "up": up}
        row |= {"note": visible(note), "rows": shown}
        if mark is not None:
            row |= {"severity": mark.severity, "notes": [visible(text) for text in mark.notes]}
        self.rows.append(row)
        self.numbers.setdefault(place, number)
        return number

    def _host(self, host: Host) -> None:
        rows = [
            ("role", "" if host.role == "unknown" else say(host.role)),
            ("tunnel address", ", ".join(host.addresses)),
            ("Open vSwitch", host.ovs_version or ""),
            ("system-id", host.chassis_id or ""),
            *(("manager", f"{m.target}{_state(m.is_connected)}") for m in host.managers),
            *(
                ("router", f"{g.router}: {', '.join(g.networks)} → {g.external} {', '.join(g.addresses)}")
                for g in host.gateways
            ),
            ("", "" if host.known else say("not given: only other hosts' tunnels tell of it")),
        ]
        note = ", ".join(host.addresses) if host.known else say("not given")
        number = self._add("host", (host.name, None, None), note, rows, None, _source(host, host.lines.get("name")))
        for bridge in host.bridges:
            self._bridge(host, bridge, number)

    def _bridge(self, host: Host, bridge: Bridge, up: int) -> None:
        rows = [
            ("role", say(bridge.role)),
            ("fail mode", bridge.fail_mode or say("standalone (not set)")),
            ("datapath", bridge.datapath_type or ""),
            ("physical network", networks.physical(host, bridge)),
            *(("controller", f"{c.target}{_state(c.is_connected)}") for c in bridge.controllers),
        ]
        place = (host.name, bridge.name, None)
        number = self._add("bridge", place, say(bridge.role), rows, up, _source(host, bridge.lines.get("name")))
        for port in bridge.ports:
            if self._leaves_out(port) and not self.marks.at(host.name, bridge.name, port.name):
                self.left_out += 1
            else:
                self._port(host, bridge, port, number)

    def _leaves_out(self, port: Port) -> bool:
        """Whether a port is one of too many: tunnels first, then whatever is beyond the limit."""
        return self._is_full and (_is_tunnel(port) or len(self.rows) >= MAX_THINGS)

    def _port(self, host: Host, bridge: Bridge, port: Port, up: int) -> None:
        place = (host.name, bridge.name, port.name)
        rows = _port(port)
        network = networks.label(port)
        note = f"{say('tag')} {port.tag}" if port.tag is not None else ""
        note += f" {say('net')} {network}" if network else ""
        note = " ".join(filter(None, (port.workload, note, *port.floating_ips)))
        link, far = self._far.get(place, (None, None))
        if link is not None and far is not None:
            where = " on ".join(part for part in (far.port, far.bridge, far.host) if part)
            rows += [("other end", where), ("link", link.state)]
            note = say("to {where}", where=far.host if link.kind == "tunnel" else far.bridge or where)
            self._peers.append((len(self.rows), _place(far) if far.port else (far.host, None, None)))
        kind = "tunnel" if _is_tunnel(port) else "port"
        self._add(kind, place, note, rows, up, _source(host, port.lines.get("name")))


def _port(port: Port) -> Rows:
    rows = [
        ("tag", "" if port.tag is None else f"{port.tag}{' (dead VLAN)' * (port.tag == DEAD_VLAN)}"),
        ("workload", port.workload or ""),
        ("network", networks.full(port)),
        ("floating IPs", ", ".join(port.floating_ips)),
        ("trunks", ", ".join(map(str, port.trunks))),
        ("bond", (port.bond_mode or "yes") if len(port.interfaces) > 1 else ""),
        ("LACP", port.lacp or ""),
    ]
    for interface in port.interfaces:
        is_own = interface.name == port.name
        rows.append(("type", interface.type) if is_own else ("interface", f"{interface.name} ({interface.type})"))
        rows += _interface(interface)
    return rows


def _interface(interface: Interface) -> Iterator[tuple[str, str]]:
    yield from sorted(interface.options.items())
    yield "error", interface.error or ""
    yield "link", interface.link_state or ""
    yield "speed", "" if not interface.link_speed else f"{interface.link_speed / 1e9:g} Gbit/s"
    yield "MTU", "" if interface.mtu is None else str(interface.mtu)
    yield "MAC", interface.mac_in_use or ""
    yield "BFD", (interface.bfd_status or {}).get("state", "")
    for key in ("iface-id", "attached-mac"):
        yield key, (interface.external_ids or {}).get(key, "")
    for key, count in (interface.statistics or {}).items():
        if count and ("err" in key or "drop" in key):
            yield key, f"{count:,}"


def _is_tunnel(port: Port) -> bool:
    return not TUNNEL_TYPES.isdisjoint([interface.type for interface in port.interfaces])


def _place(end: End) -> Place:
    return (end.host, end.bridge, end.port)


def _source(host: Host, line: int | None) -> str:
    if line is None:
        return ""
    return f"{host.source}, line {line}" if host.source else f"line {line}"


def _state(is_connected: bool | None) -> str:
    return "" if is_connected is None else say(", connected") if is_connected else say(", not connected")

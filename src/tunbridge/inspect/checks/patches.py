"""Checks of the wires inside a host: patch ports whose other end is missing or elsewhere, circles, mixed datapaths."""

from collections import deque
from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_patch
from tunbridge.inspect.model import Bridge, Finding, Host, Interface, Link, NotChecked, Port
from tunbridge.inspect.roles import OVN_PATCH


def patch_peers(view: View) -> Iterator[Finding | NotChecked]:
    """Report patch ports whose peer does not exist or does not name them in return."""
    for host in view.given:
        interfaces = {i.name: i for b in host.bridges for p in b.ports for i in p.interfaces}
        named_by = {i.options.get("peer"): i.name for i in interfaces.values() if is_patch(i)}
        for bridge in host.bridges:
            for port in bridge.ports:
                for interface in filter(is_patch, port.interfaces):
                    peer = interface.options.get("peer")
                    if peer not in interfaces:
                        yield _missing(host, bridge, interface, named_by.get(interface.name))
                    elif not _names(interfaces[peer], interface):
                        yield _one_sided(host, interface, interfaces[peer])


def _names(peer: Interface, interface: Interface) -> bool:
    return is_patch(peer) and peer is not interface and peer.options.get("peer") == interface.name


def _missing(host: Host, bridge: Bridge, interface: Interface, candidate: str | None) -> Finding | NotChecked:
    """Report a port without a peer. `candidate` is a patch port that names it, and thus is meant to be its peer."""
    peer = interface.options.get("peer")
    if host.system_id is None and peer is not None:
        return NotChecked(
            code="patch-peer-missing",
            host=host.name,
            reason=f"the beginning of the dump is missing, and {peer}, the peer of {interface.name}, may stand there",
        )
    if peer is None:
        text = f"patch port {interface.name} of {bridge.name} names no peer: it leads nowhere"
        fix = f"ovs-vsctl set interface {quote(interface.name)} options:peer={quote(candidate or 'PEER')}"
    else:
        text = (
            f"patch port {interface.name} of {bridge.name} leads to {peer}, which does not exist on this host: "
            f"what {bridge.name} sends there is dropped"
        )
        fix = (
            f"ovs-vsctl add-port {quote(home_of(host, bridge, peer))} {quote(peer)} -- set interface {quote(peer)} "
            f"type=patch options:peer={quote(interface.name)}"
        )
        if candidate is not None:
            fix = f"ovs-vsctl set interface {quote(interface.name)} options:peer={quote(candidate)}"
    line = interface.lines.get("options", interface.lines.get("name"))
    return finding("patch-peer-missing", host.name, interface.name, text, fix, line)


def home_of(host: Host, bridge: Bridge, peer: str) -> str:
    """Name the bridge that `peer`, missing and named by a port of `bridge`, belongs into: Neutron's and OVN's names."""
    names = [other.name for other in host.bridges if other.name != bridge.name]
    if peer == "patch-tun" or peer.startswith(("int-", "patch-br-int-to-")):
        wanted = [b.name for b in host.bridges if b.role == "integration"]
    elif peer == "patch-int":
        wanted = [b.name for b in host.bridges if b.role == "tunnel"] or ["br-tun"]
    else:
        wanted = [name for name in names if peer == f"phy-{name}" or peer.endswith(f"-to-{name}")]
    if wanted:
        return wanted[0]
    return names[0] if len(names) == 1 else "BRIDGE"


def _one_sided(host: Host, interface: Interface, peer: Interface) -> Finding:
    back = peer.options.get("peer")
    if peer is interface:
        text = f"patch port {interface.name} is its own peer"
    elif not is_patch(peer):
        text = f"patch port {interface.name} leads to {peer.name}, which is no patch port but of type {peer.type}"
    else:
        text = f"patch port {interface.name} leads to {peer.name}, which itself leads to {back or 'nothing'}"
    fix = f"ovs-vsctl set interface {quote(peer.name)} type=patch options:peer={quote(interface.name)}"
    if peer is interface:
        fix = f"ovs-vsctl set interface {quote(interface.name)} options:peer=PEER"
    line = interface.lines.get("options", interface.lines.get("name"))
    return finding("patch-peer-one-sided", host.name, interface.name, f"{text}: no packet passes", fix, line)


def loops(view: View) -> Iterator[Finding]:
    """Report each wire that closes a circle of bridges."""
    for host in view.given:
        neighbours: dict[str, dict[str, None]] = {}
        for link in view.patches(host.name):
            if link.state != "ok" or link.b is None or _is_kept_apart(view, link):
                continue
            here, there = str(link.a.bridge), str(link.b.bridge)
            circle = _way(neighbours, there, here)
            if circle is not None:
                yield _loop(view, host, link, circle)
            neighbours.setdefault(here, {})[there] = None
            neighbours.setdefault(there, {})[here] = None


def _is_kept_apart(view: View, link: Link) -> bool:
    """Say whether flows are known to keep networks apart on this wire: OVN's localnet ports, Neutron's trunks."""
    assert link.b is not None
    if any(str(bridge).startswith("tbr-") for bridge in (link.a.bridge, link.b.bridge)):
        return True
    port = view.port(link.a)
    return port is not None and len(port.name) < 256 and OVN_PATCH.fullmatch(port.name) is not None


def _way(neighbours: dict[str, dict[str, None]], start: str, goal: str) -> list[str] | None:
    """Give the bridges on the shortest way from `start` to `goal`, both included, if there is one."""
    before: dict[str, str] = {start: start}
    waiting = deque([start])
    while waiting:
        bridge = waiting.popleft()
        if bridge == goal:
            way = [bridge]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way
        for neighbour in neighbours.get(bridge, ()):
            if neighbour not in before:
                before[neighbour] = bridge
                waiting.append(neighbour)
    return None


def _loop(view: View, host: Host, link: Link, circle: list[str]) -> Finding:
    assert link.b is not None
    port = view.port(link.a)
    circle = circle[::-1]  # from the far bridge of the wire around to its near one
    text = (
        f"the wire {link.a.port} - {link.b.port} closes a circle: {' - '.join([*circle, circle[0]])}"
        if len(circle) > 1
        else f"the wire {link.a.port} - {link.b.port} joins {circle[0]} to itself"
    )
    return finding(
        "bridge-loop",
        host.name,
        ", ".join(dict.fromkeys(circle)),
        f"{text}; a broadcast can go round without end",
        f"ovs-vsctl del-port {quote(str(link.a.port))} -- del-port {quote(str(link.b.port))}",
        port.lines.get("name") if port else None,
    )


def mixed_datapaths(view: View) -> Iterator[Finding]:
    """Report patch pairs between bridges of different datapath types; a type that is not stated is `system`."""
    for host in view.given:
        bridges = {bridge.name: bridge for bridge in host.bridges}
        done: set[frozenset[str]] = set()
        for link in view.patches(host.name):
            if link.b is None or not _is_patch_port(view.port(link.a)):
                continue
            one, other = bridges[str(link.a.bridge)], bridges[str(link.b.bridge)]
            types = [bridge.datapath_type or "system" for bridge in (one, other)]
            pair = frozenset((one.name, other.name))
            if types[0] != types[1] and pair not in done:
                done.add(pair)
                system = one if types[0] == "system" else other
                yield finding(
                    "mixed-datapaths",
                    host.name,
                    f"{one.name}, {other.name}",
                    f"{one.name} is in datapath {types[0]} and {other.name} in {types[1]}, and {link.a.port} joins "
                    "them: a patch pair does not cross datapaths, so no packet passes",
                    f"ovs-vsctl set bridge {quote(system.name)} datapath_type=netdev",
                    (one if system is other else other).lines.get("datapath_type"),
                )


def _is_patch_port(port: Port | None) -> bool:
    return port is not None and any(map(is_patch, port.interfaces))

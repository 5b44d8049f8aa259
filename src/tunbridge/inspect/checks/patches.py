"""Checks of the wires inside a host: patch ports whose other end is missing or elsewhere, circles, mixed datapaths."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from itertools import pairwise
from shlex import quote

from tunbridge.inspect.checks.advice import by_agent, restart
from tunbridge.inspect.checks.homes import Home, conventional_peer
from tunbridge.inspect.checks.view import View, finding, what_is_missing
from tunbridge.inspect.interfaces import is_patch
from tunbridge.inspect.model import Bridge, Finding, Host, Interface, Link, NotChecked, Port
from tunbridge.inspect.roles import OVN_PATCH


def patch_peers(view: View) -> Iterator[Finding | NotChecked]:
    """Report patch ports whose peer does not exist or does not name them in return."""
    for host in view.given:
        interfaces = view.named(host)
        candidates = _candidates(interfaces)
        for bridge in host.bridges:
            for port in bridge.ports:
                for interface in filter(is_patch, port.interfaces):
                    peer = interfaces.get(interface.options.get("peer", ""))
                    if peer is None:
                        yield _missing(view, host, bridge, port, interface, candidates.get(interface.name))
                    elif _names(peer, interface):
                        continue
                    elif not host.is_whole and "peer" not in peer.options:
                        reason = f"{what_is_missing(host)}, and the options of {peer.name} may stand there"
                        yield NotChecked(code="patch-peer-one-sided", host=host.name, reason=reason)
                    else:
                        yield _one_sided(view, host, bridge, port, interface, peer)


def _candidates(interfaces: dict[str, Interface]) -> dict[str, str]:
    """Return, for each interface that exactly one patch port names as its peer, the name of that one."""
    patches = [i for i in interfaces.values() if is_patch(i) and "peer" in i.options]
    named = Counter(i.options["peer"] for i in patches)
    return {i.options["peer"]: i.name for i in patches if named[i.options["peer"]] == 1}


def _names(peer: Interface, interface: Interface) -> bool:
    return is_patch(peer) and peer is not interface and peer.options.get("peer") == interface.name


def _missing(
    view: View, host: Host, bridge: Bridge, port: Port, interface: Interface, candidate: str | None
) -> Finding:
    """Report a port without a peer. `candidate` is the patch port that names it, and thus is meant to be its peer."""
    peer = interface.options.get("peer")
    home = view.homes(host).of(peer) if peer is not None else None
    if peer is None:
        text = f"patch port {interface.name} of {bridge.name} names no peer: it leads nowhere"
        candidate = candidate or _free_conventional_peer(view, host, bridge, interface)
    else:
        text = f"patch port {interface.name} of {bridge.name} leads to {peer}, which does not exist on this host"
        text += f", nor does its {home.kind} {home.bridge}" if home is not None and not home.exists else ""
        text += f": what {bridge.name} sends there is dropped"
    if candidate is not None:
        fix = f"ovs-vsctl set interface {quote(interface.name)} options:peer={quote(candidate)}"
    elif peer is None:
        fix = f"set its options:peer to the other end of the wire, or, {_left_over(bridge, port)}"
    else:
        fix = _make_peer(view, host, bridge, port, interface, peer, home)
    line = interface.lines.get("options", interface.lines.get("name"))
    return finding("patch-peer-missing", host.name, interface.name, text, fix, line)


def _free_conventional_peer(view: View, host: Host, bridge: Bridge, interface: Interface) -> str | None:
    """Return the peer that the names tell, if it is there and names nobody else."""
    peer = view.named(host).get(conventional_peer(bridge, interface.name) or "")
    is_free = peer is not None and is_patch(peer) and peer.options.get("peer") in (None, interface.name)
    return peer.name if peer is not None and is_free else None


def _left_over(bridge: Bridge, port: Port) -> str:
    return f"if this half is left over: ovs-vsctl del-port {quote(bridge.name)} {quote(port.name)}"


def _make_peer(
    view: View, host: Host, bridge: Bridge, port: Port, interface: Interface, peer: str, home: Home | None
) -> str:
    owner = view.owners[host.name]
    left_over = _left_over(bridge, port)
    if owner in ("ovn", "antrea"):
        return f"{restart(owner)}, which makes and removes such pairs; {left_over}"
    if home is None or home.bridge == bridge.name:
        return f"make {peer} in the bridge that it is meant for, as a patch port with this one as its peer, or, " + (
            left_over
        )
    if home.exists:
        command = (
            f"ovs-vsctl add-port {quote(home.bridge)} {quote(peer)} -- set interface {quote(peer)} type=patch "
            f"options:peer={quote(interface.name)}"
        )
        return by_agent("neutron", "which makes the pair anew", command)
    if home.kind == "bridge":
        return (
            f"if {home.bridge} is still in bridge_mappings: make the bridge again, with its NIC, and {restart(owner)}, "
            f"which makes the pair; {left_over}"
        )
    return f"{restart(owner)}, which makes the {home.kind} and its patch ports; {left_over}"


def _one_sided(view: View, host: Host, bridge: Bridge, port: Port, interface: Interface, peer: Interface) -> Finding:
    back = peer.options.get("peer")
    if peer is interface:
        text = f"patch port {interface.name} is its own peer"
    elif not is_patch(peer):
        text = f"patch port {interface.name} leads to {peer.name}, which is no patch port but of type {peer.type}"
    else:
        text = f"patch port {interface.name} leads to {peer.name}, which itself leads to {back or 'nothing'}"
    line = interface.lines.get("options", interface.lines.get("name"))
    fix = _one_sided_fix(view, host, bridge, port, interface, peer)
    return finding("patch-peer-one-sided", host.name, interface.name, f"{text}: no packet passes", fix, line)


def _one_sided_fix(view: View, host: Host, bridge: Bridge, port: Port, interface: Interface, peer: Interface) -> str:
    """Return a fix that touches the other end only if that is a patch port that is in use by nobody else."""
    meant = _free_conventional_peer(view, host, bridge, interface)
    if meant is not None and meant != peer.name:
        return f"ovs-vsctl set interface {quote(interface.name)} options:peer={quote(meant)}"
    third = view.named(host).get(peer.options.get("peer", ""))
    in_use = third is not None and _names(third, peer)
    if peer is not interface and is_patch(peer) and not in_use:
        return f"ovs-vsctl set interface {quote(peer.name)} options:peer={quote(interface.name)}"
    whose = f"; {peer.name} is in use as it is, leave it" if in_use or not is_patch(peer) else ""
    return f"set options:peer of {interface.name} to the other end of its wire, or, {_left_over(bridge, port)}{whose}"


def loops(view: View) -> Iterator[Finding]:
    """Report each wire that closes a circle of bridges."""
    for host in view.given:
        groups = _Groups()
        wires: dict[str, dict[str, list[Link]]] = defaultdict(dict)
        for link in view.patches(host.name):
            if link.state != "ok" or link.b is None or _is_kept_apart(view, link):
                continue
            here, there = str(link.a.bridge), str(link.b.bridge)
            if not groups.join(here, there):
                yield _loop(view, host, link, _circle(wires, there, here))
            for one, other in ((here, there), (there, here)):
                wires[one].setdefault(other, []).append(link)


class _Groups:
    """Bridges that hang together: union-find, so that a wire costs the same however many bridges there are."""

    def __init__(self) -> None:
        self._up: dict[str, str] = {}

    def join(self, one: str, other: str) -> bool:
        """Make the two one group; False when they were already."""
        a, b = self._root(one), self._root(other)
        self._up[a] = b
        return a != b

    def _root(self, name: str) -> str:
        up = self._up
        while (above := up.setdefault(name, name)) != name:
            up[name] = up.setdefault(above, above)
            name = up[name]
        return name


def _is_kept_apart(view: View, link: Link) -> bool:
    """Whether flows are known to keep networks apart on this wire: OVN's localnet ports, Neutron's trunks."""
    assert link.b is not None
    if any(str(bridge).startswith("tbr-") for bridge in (link.a.bridge, link.b.bridge)):
        return True
    port = view.port(link.a)
    return port is not None and len(port.name) < 256 and OVN_PATCH.fullmatch(port.name) is not None


LONGEST_CIRCLE = 64
"""A circle of more bridges than this is reported without their names: to search further would cost their square."""


def _circle(wires: dict[str, dict[str, list[Link]]], start: str, goal: str) -> tuple[list[str], list[Link]]:
    """Return the bridges on a shortest path from `start` to `goal`, both included, and the wires on it."""
    before: dict[str, str] = {start: start}
    waiting = deque([start])
    while waiting and goal not in before:
        bridge = waiting.popleft()
        if goal in wires.get(bridge, ()):
            before[goal] = bridge
            break
        for neighbour in wires.get(bridge, ()):
            if len(before) > LONGEST_CIRCLE:
                return [start, goal], []
            if neighbour not in before:
                before[neighbour] = bridge
                waiting.append(neighbour)
    if goal not in before:
        return [start, goal], []
    path = [goal]
    while path[-1] != start:
        path.append(before[path[-1]])
    between = [wires[one][other][0] for one, other in pairwise(path)]
    return path, between


def _loop(view: View, host: Host, link: Link, found: tuple[list[str], list[Link]]) -> Finding:
    assert link.b is not None
    circle, others = found
    port = view.port(link.a)
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
        _break_circle(view, host, [link, *others]),
        port.lines.get("name") if port else None,
    )


def _break_circle(view: View, host: Host, wires: list[Link]) -> str:
    """Return the command for the one wire that no agent made; where that cannot be told, the choice."""
    bridges = {bridge.name: bridge for bridge in host.bridges}
    odd = [wire for wire in wires if not _is_conventional(view, host, bridges, wire)]
    if len(odd) == 1 and odd[0].b is not None:
        return f"ovs-vsctl del-port {quote(str(odd[0].a.port))} -- del-port {quote(str(odd[0].b.port))}"
    pairs = ", ".join(f"{wire.a.port} - {wire.b.port}" for wire in odd or wires if wire.b is not None)
    return f"delete both ports of the one wire that is not meant to be: {pairs}"


def _is_conventional(view: View, host: Host, bridges: dict[str, Bridge], wire: Link) -> bool:
    """Whether both ends are where, and named as, Neutron's agent makes them."""
    if wire.b is None:
        return False
    near, far = bridges[str(wire.a.bridge)], bridges[str(wire.b.bridge)]
    ends = ((near, str(wire.a.port), str(wire.b.port)), (far, str(wire.b.port), str(wire.a.port)))
    homes = [view.homes(host).of(str(port)) for port in (wire.a.port, wire.b.port)]
    placed = all(h is not None and h.bridge == b.name for h, b in zip(homes, (near, far), strict=True))
    return placed and all(conventional_peer(bridge, name) == peer for bridge, name, peer in ends)


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
                yield _mixed(view, host, link, one, other)


def _mixed(view: View, host: Host, link: Link, one: Bridge, other: Bridge) -> Finding:
    types = [bridge.datapath_type or "system" for bridge in (one, other)]
    system = one if types[0] == "system" else other
    user = other if system is one else one
    owner = view.owners[host.name]
    by_hand = (
        f"by hand, which makes the bridge anew: ovs-vsctl set bridge {quote(system.name)} "
        f"datapath_type={quote(user.datapath_type or 'system')}"
    )
    return finding(
        "mixed-datapaths",
        host.name,
        f"{one.name}, {other.name}",
        f"{one.name} is in datapath {types[0]} and {other.name} in {types[1]}, and {link.a.port} joins "
        "them: a patch pair does not cross datapaths, so no packet passes",
        f"give both the same datapath_type; in the agent's configuration (datapath_type), then {restart(owner)}"
        if owner == "neutron"
        else f"give both the same datapath_type, if {system.name} is meant to be in user space too; {by_hand}",
        user.lines.get("datapath_type"),
    )


def _is_patch_port(port: Port | None) -> bool:
    return port is not None and any(map(is_patch, port.interfaces))

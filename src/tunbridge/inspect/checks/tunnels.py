"""Checks of the overlay: whether the two ends of each tunnel fit, and the addresses and names that they go by."""

from collections import Counter
from collections.abc import Collection, Iterator
from shlex import quote

from tunbridge.inspect.checks.advice import by_agent, restart
from tunbridge.inspect.checks.view import View, finding, what_is_missing
from tunbridge.inspect.model import Bridge, Finding, Host, Link, NotChecked
from tunbridge.inspect.roles import is_ovn
from tunbridge.inspect.tunnels import FLOW, Tunnel, address_in_name, canonical, tunnels_of
from tunbridge.inspect.wiring import Flavour


class Overlay:
    """The tunnel ends of a document, found by the ends of its links."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.tunnels: list[Tunnel] = [tunnel for host in view.given for tunnel in tunnels_of(host)]
        self.at: dict[tuple[str, str, str], Tunnel] = {}
        self.bridges: dict[tuple[str, str], str] = {}
        """(host, type of tunnel) -> the bridge that holds such tunnels there."""
        for tunnel in self.tunnels:
            self.at.setdefault((tunnel.host, tunnel.bridge, tunnel.port), tunnel)
            self.bridges.setdefault((tunnel.host, tunnel.type), tunnel.bridge)
        self._addresses = {h.name: dict.fromkeys(map(canonical, h.addresses)) for h in view.given}

    def links(self) -> Iterator[tuple[Link, Tunnel, Tunnel | None]]:
        """Give every tunnel link with its near end, and its far end where that is known."""
        for link in self.view.document.links:
            if link.kind != "tunnel":
                continue
            near = self.at.get((link.a.host, str(link.a.bridge), str(link.a.port)))
            far = self.at.get((link.b.host, str(link.b.bridge), str(link.b.port))) if link.b is not None else None
            if near is not None:
                yield link, near, far

    def addresses(self, host: str) -> Collection[str]:
        """Give the host's own tunnel addresses."""
        return self._addresses.get(host, {})


def pairs(overlay: Overlay) -> Iterator[Finding]:
    """Report what the two ends of each tunnel do not agree on."""
    missing: list[tuple[Tunnel, str]] = []
    for link, near, far in overlay.links():
        if far is None:
            if link.state == "one-way" and link.b is not None:
                missing.append((near, link.b.host))
            elif near.remote in overlay.addresses(near.host):
                yield _to_itself(near)
            continue
        if near.type != far.type:
            yield _type_mismatch(overlay, near, far)
        elif far.remote != FLOW and not near.agrees_on_keys(far):
            yield _key_mismatch(near, far)
        if near.type == far.type and near.udp_port != far.udp_port:
            yield _port_mismatch(near, far)
        if not near.agrees_on_addresses(far):
            yield _address_mismatch(overlay, near, far)
    yield from _one_way(overlay, missing)


def _one_way(overlay: Overlay, missing: list[tuple[Tunnel, str]]) -> Iterator[Finding]:
    """Report missing ends: several at one host as one finding on that host, the others each on its own.

    Of a pair, the host that more of them concern is the one at fault: it has lost its tunnels, or kept old ones.
    """
    counts = Counter(host for near, peer in missing for host in (near.host, peer))
    lost: dict[str, list[Tunnel]] = {}
    kept: dict[str, list[tuple[Tunnel, str]]] = {}
    for near, peer in missing:
        if counts[peer] > 1 and counts[peer] >= counts[near.host]:
            lost.setdefault(peer, []).append(near)
        elif counts[near.host] > 1:
            kept.setdefault(near.host, []).append((near, peer))
        else:
            yield _one_end_missing(overlay, near, peer)
    for peer, tunnels in lost.items():
        yield _lost(overlay, peer, tunnels) if len(tunnels) > 1 else _one_end_missing(overlay, tunnels[0], peer)
    for host, ends in kept.items():
        yield _without_ends(overlay, host, ends) if len(ends) > 1 else _one_end_missing(overlay, *ends[0])


NAMED = 5
"""Hosts that a message names; the others are counted."""


def _names(hosts: list[str]) -> str:
    hosts = list(dict.fromkeys(hosts))
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    return ", ".join(hosts[:NAMED]) + more


def _lost(overlay: Overlay, host: str, tunnels: list[Tunnel]) -> Finding:
    bridge = _tunnel_bridge(overlay.view.hosts[host], overlay.bridges.get((host, tunnels[0].type)))
    names = [tunnel.host for tunnel in tunnels]
    return finding(
        "tunnel-one-way",
        host,
        bridge.name if bridge is not None else host,
        f"{len(set(names))} hosts have a tunnel to {host}, which has none back to them ({_names(names)}): it drops "
        "what arrives from there",
        f"on {host}: {_anew(overlay.view.owners[host])}",
        bridge.lines.get("name") if bridge is not None else None,
    )


def _tunnel_bridge(host: Host, name: str | None) -> Bridge | None:
    """Return the bridge of that name, else the one that tunnels belong into."""
    ranks = {"tunnel": 1, "integration": 2}
    found = [bridge for bridge in host.bridges if bridge.name == name or bridge.role in ranks]
    return min(found, key=lambda bridge: 0 if bridge.name == name else ranks[bridge.role], default=None)


def _without_ends(overlay: Overlay, host: str, ends: list[tuple[Tunnel, str]]) -> Finding:
    peers = [peer for _, peer in ends]
    first = ends[0][0]
    return finding(
        "tunnel-one-way",
        host,
        first.bridge,
        f"{host} has tunnels to {len(set(peers))} hosts that have none back ({_names(peers)}): they drop what arrives "
        "from it",
        f"on those hosts: {_anew(overlay.view.owners[host])}; if {host} is no longer part of the cloud, its own "
        "tunnels are left over",
        first.line,
    )


def _anew(owner: Flavour) -> str:
    """Return what makes all tunnels of a host again."""
    if owner == "neutron":
        return (
            f"is its agent up (openstack network agent list), with the same tunnel_types and l2_population? "
            f"{restart(owner)}, which makes its tunnels anew"
        )
    if owner == "ovn":
        return f"is ovn-controller running, and connected to the southbound database? {restart(owner)}"
    return f"{restart(owner)}, and see why it has no tunnels"


def _one_end_missing(overlay: Overlay, near: Tunnel, peer: str) -> Finding:
    own = near.local or next(iter(overlay.addresses(near.host)), None)
    return finding(
        "tunnel-one-way",
        near.host,
        near.port,
        f"{near.type} tunnel {near.port} leads to {peer} ({near.remote}), but {peer} has no {near.type} tunnel back to "
        f"{own or 'this host'}: it drops what arrives",
        _add_back(overlay, near, peer, own),
        near.line,
    )


def _add_back(overlay: Overlay, near: Tunnel, peer: str, own: str | None) -> str:
    """Return what makes the missing end on `peer`: its agent, or where that does not mind, a command."""
    owner = overlay.view.owners[peer]
    bridge = overlay.bridges.get((peer, near.type))
    if bridge is None:
        named = {b.name: b for b in overlay.view.hosts[peer].bridges}.get(near.bridge)
        bridge = named.name if named is not None and named.role in ("tunnel", "integration") else None
    if bridge is None or own is None or owner in ("ovn", "antrea"):
        return f"on {peer}: {_anew(owner)}"
    name = _neutron_name(near.type, own) or f"{near.type}-to-{near.host}"[:15]
    key = f" options:in_key={near.out_key} options:out_key={near.in_key}"
    local = f" options:local_ip={near.remote}" if near.local else ""
    command = (
        f"ovs-vsctl add-port {quote(bridge)} {quote(name)} -- set interface {quote(name)} "
        f"type={near.type}{local} options:remote_ip={quote(own)}{key}"
    )
    return f"on {peer}: {by_agent(owner, 'which makes its tunnels anew', command)}"


def _neutron_name(type_: str, address: str) -> str | None:
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return f"{type_}-" + "".join(f"{int(part):02x}" for part in parts)


def _to_itself(near: Tunnel) -> Finding:
    return finding(
        "tunnel-address-mismatch",
        near.host,
        near.port,
        f"{near.type} tunnel {near.port} leads to {near.remote}, which is this host's own address",
        "set its options:remote_ip to the other host's tunnel address; if no host is meant: "
        f"ovs-vsctl del-port {quote(near.bridge)} {quote(near.port)}",
        near.line,
    )


def _type_mismatch(overlay: Overlay, near: Tunnel, far: Tunnel) -> Finding:
    by_hand = f"ovs-vsctl set interface {quote(near.name)} type={quote(far.type)}, or the other end to {near.type}"
    configured = {"neutron": "the same tunnel_types in the agents' configuration", "ovn": "the same ovn-encap-type"}
    owner = overlay.view.owners[near.host]
    return finding(
        "tunnel-type-mismatch",
        near.host,
        near.port,
        f"{near.port} is {near.type}, but {far.host}'s {far.port}, which leads back, is {far.type}: each end drops "
        "what the other sends",
        f"give both hosts {configured[owner]}, and {restart(owner)} on both" if owner in configured else by_hand,
        near.line,
    )


def _key_mismatch(near: Tunnel, far: Tunnel) -> Finding:
    return finding(
        "tunnel-key-mismatch",
        near.host,
        near.port,
        f"{near.port} sends key {near.out_key} and expects {near.in_key}, but {far.host}'s {far.port} expects "
        f"{far.in_key} and sends {far.out_key}",
        f"ovs-vsctl set interface {quote(near.name)} options:in_key={quote(far.out_key)} "
        f"options:out_key={quote(far.in_key)}",
        near.line,
    )


def _port_mismatch(near: Tunnel, far: Tunnel) -> Finding:
    return finding(
        "tunnel-port-mismatch",
        near.host,
        near.port,
        f"{near.port} uses UDP port {near.udp_port}, but {far.host}'s {far.port} uses {far.udp_port}",
        f"ovs-vsctl set interface {quote(near.name)} options:dst_port={far.udp_port}",
        near.line,
    )


def _address_mismatch(overlay: Overlay, near: Tunnel, far: Tunnel) -> Finding:
    if near.remote in overlay.addresses(far.host) and far.remote not in overlay.addresses(near.host):
        near, far = far, near  # the end that leads to where nobody is
    expected = far.local or next(iter(overlay.addresses(far.host)), None)
    if expected is None:
        text = f"{near.port} leads to {near.remote}, but {far.host}'s end of the tunnel, {far.port}, is not there"
        fix = f"set options:remote_ip of {near.name} to the tunnel address of {far.host}"
    elif near.remote != expected:
        text = f"{near.port} leads to {near.remote}, but {far.host}'s end of the tunnel, {far.port}, is at {expected}"
        fix = f"ovs-vsctl set interface {quote(near.name)} options:remote_ip={quote(str(expected))}"
    else:
        text = f"{near.port} sends from {near.local}, but {far.host}'s {far.port} expects {far.remote}"
        fix = f"ovs-vsctl set interface {quote(near.name)} options:local_ip={quote(str(far.remote))}"
    return finding("tunnel-address-mismatch", near.host, near.port, f"{text}: packets are dropped", fix, near.line)


def duplicates(overlay: Overlay) -> Iterator[Finding]:
    """Report tunnels that Open vSwitch cannot tell from an earlier one of the same host."""
    first: dict[tuple[object, ...], Tunnel] = {}
    for tunnel in overlay.tunnels:
        if tunnel.remote is None:
            continue
        earlier = first.setdefault((tunnel.host, *tunnel.identity), tunnel)
        if earlier is not tunnel:
            yield _duplicate(tunnel, earlier)


def _duplicate(tunnel: Tunnel, earlier: Tunnel) -> Finding:
    named = [t for t in (earlier, tunnel) if address_in_name(t.name, t.type) == t.remote]
    odd = earlier if named == [tunnel] else tunnel
    return finding(
        "tunnel-duplicate",
        tunnel.host,
        tunnel.port,
        f"{tunnel.port} of {tunnel.bridge} and {earlier.port} of {earlier.bridge} are both {tunnel.type} to "
        f"{tunnel.remote} with the same local address and key: Open vSwitch can make only one of them",
        f"delete the one that no agent keeps: ovs-vsctl del-port {quote(odd.bridge)} {quote(odd.port)}",
        tunnel.line,
    )


def names(overlay: Overlay) -> Iterator[Finding]:
    """Report tunnel ports whose Neutron name tells another address than they lead to."""
    for tunnel in overlay.tunnels:
        named = address_in_name(tunnel.name, tunnel.type)
        if named is not None and tunnel.remote not in (None, FLOW, named):
            wanted = _neutron_name(tunnel.type, str(tunnel.remote))
            yield finding(
                "tunnel-name-mismatch",
                tunnel.host,
                tunnel.port,
                f"the name of {tunnel.port} tells {named}, but it leads to {tunnel.remote}"
                + (f", for which it would be {wanted}" if wanted else ""),
                f"if the name is right: ovs-vsctl set interface {quote(tunnel.name)} options:remote_ip={named}; if "
                f"{tunnel.remote} is: ovs-vsctl del-port {quote(tunnel.bridge)} {quote(tunnel.port)}, and at once "
                + restart(overlay.view.owners[tunnel.host])
                + ", which makes the tunnel anew under its right name",
                tunnel.line,
            )


def local_addresses(overlay: Overlay) -> Iterator[Finding]:
    """Report tunnel addresses that more than one host states."""
    owners: dict[str, list[Host]] = {}
    for host in overlay.view.given:
        for address in overlay.addresses(host.name):
            owners.setdefault(address, []).append(host)
    lines = {(t.host, t.local): t.line for t in reversed(overlay.tunnels)}
    for address, hosts in owners.items():
        for host in hosts[1:]:
            yield finding(
                "local-ip-duplicate",
                host.name,
                address,
                f"{host.name} has the tunnel address {address}, and {hosts[0].name} has it too: their peers reach "
                "only one of them",
                "give one of them another address (`local_ip` in the agent's configuration, `ovn-encap-ip` in OVN)",
                lines.get((host.name, address)),
            )


def system_ids(view: View) -> Iterator[Finding]:
    """Report hosts that go by one id; one host given twice is no longer in the document by now.

    The id is the UUID of the database, or `external_ids:system-id`. Of copies that share both, the UUID is reported.
    """
    by_uuid: dict[str, Host] = {}
    by_chassis: dict[str, Host] = {}
    for host in view.given:
        earlier = by_uuid.setdefault(host.system_id, host) if host.system_id is not None else host
        if earlier is not host:
            yield _same_uuid(host, earlier)
            continue
        earlier = by_chassis.setdefault(host.chassis_id, host) if host.chassis_id else host
        if earlier is not host:
            yield _same_chassis(host, earlier)


def _same_uuid(host: Host, earlier: Host) -> Finding:
    return finding(
        "system-id-duplicate",
        host.name,
        str(host.system_id),
        f"{host.name} and {earlier.name} have the same system UUID but different tunnels: copies of one "
        "database, or one host before and after its address changed",
        "on the clone, if it is one: stop Open vSwitch, remove /etc/openvswitch/conf.db and system-id.conf, start it "
        "again; that removes all its bridges, also one that holds the host's own address",
        host.lines.get("system_id"),
    )


def _same_chassis(host: Host, earlier: Host) -> Finding:
    return finding(
        "system-id-duplicate",
        host.name,
        str(host.chassis_id),
        f"{host.name} and {earlier.name} both have external_ids:system-id={host.chassis_id}: OVN and other "
        "controllers take them for one host, and each takes away what was made for the other",
        "on one of them: uuidgen > /etc/openvswitch/system-id.conf, then ovs-vsctl set Open_vSwitch . "
        "external_ids:system-id=$(cat /etc/openvswitch/system-id.conf), and restart ovn-controller",
        severity="error" if is_ovn(host) or is_ovn(earlier) else None,
    )


def unknown_peers(overlay: Overlay) -> Iterator[NotChecked]:
    """Say what could not be checked because the other end was not given, or may be in what is missing of a dump."""
    missing: dict[str, dict[str, None]] = {}
    unseen: dict[str, dict[str, None]] = {}
    for link, near, far in overlay.links():
        if far is not None or link.b is None:
            continue
        peer = overlay.view.hosts[link.b.host]
        if not peer.known:
            missing.setdefault(near.host, {})[str(near.remote)] = None
        elif not peer.is_whole and link.state == "unknown":
            unseen.setdefault(peer.name, {})[near.host] = None
    for host, addresses in missing.items():
        shown = ", ".join(list(addresses)[:NAMED]) + (", ..." if len(addresses) > NAMED else "")
        yield NotChecked(
            code="tunnel-one-way",
            host=host,
            reason=f"the hosts at the other end of {len(addresses)} tunnels were not given: {shown}"
            if len(addresses) > 1
            else f"the host at the other end of a tunnel was not given: {shown}",
        )
    for host, peers in unseen.items():
        what = what_is_missing(overlay.view.hosts[host])
        reason = f"{what}, and its ends of tunnels may stand there: {_names(list(peers))}"
        yield NotChecked(code="tunnel-one-way", host=host, reason=reason)

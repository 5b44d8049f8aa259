"""What a bridge is for and what is in it: workloads and their local VLANs, patch pairs, NICs, tunnels, errors."""

from collections.abc import Iterator

from tunbridge.inspect import networks
from tunbridge.inspect.explain import cite, state, tunnels
from tunbridge.inspect.explain.statement import Fact, Names, Term, fact
from tunbridge.inspect.model import Bridge, Host, Port
from tunbridge.inspect.wiring import Crossing, Flavour, Wiring, is_internal

DEAD_VLAN = 4095
"""Neutron's tag for a port that belongs to no network (yet, or any more): its frames are dropped."""
WIRES_TOLD = 24
"""Of the patch ports and of the errors in a bridge, this many are told of one by one; the rest are counted."""
TAGGED_SHOWN = 4
"""Of the ports that have one tag, this many are named; the rest are counted."""

_WORKLOAD_TYPES = ("system", "internal", "tap", "dpdkvhostuser", "dpdkvhostuserclient")
_KINDS = {
    "qvo": "vm",
    "vnet": "vm",
    "vhu": "vm",
    "qr-": "router",
    "qg-": "gateway",
    "sg-": "snat",
    "fg-": "floating",
    "ha-": "ha",
    "antrea-gw": "antrea-gw",
}
"""Prefixes by which Neutron, libvirt and Antrea name what they plug in; `tap` depends on the interface's type."""


def facts(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    """Say what `bridge` is for, then what is in it."""
    yield _purpose(wiring, host, bridge)
    yield from _plugged(wiring, host, bridge)
    yield from _tags(wiring, host, bridge)
    yield from _errors(host, bridge)
    yield from _patches(wiring, host, bridge)
    yield from _nics(wiring, host, bridge)
    yield from tunnels.facts(wiring, host, bridge)
    yield from state.of_bridge(host, bridge)
    if bridge.datapath_type == "netdev":
        yield fact("bridge.netdev", cite.bridge(host, bridge, "datapath_type"), bridge=bridge.name)


def _purpose(wiring: Wiring, host: Host, bridge: Bridge) -> Fact:
    cites = cite.bridge(host, bridge)
    nics = wiring.nics.get((host.name, bridge.name), [])
    if bridge.role == "integration":
        return fact(f"bridge.integration.{wiring.flavour(host.name)}", cites, bridge=bridge.name, host=host.name)
    if bridge.role == "tunnel":
        return fact("bridge.tunnel", cites, bridge=bridge.name)
    if bridge.role == "provider" and (nics or not host.is_whole):
        return fact("bridge.provider", cites, bridge=bridge.name)
    if bridge.role == "provider":
        return fact("bridge.provider.nonic", cites, bridge=bridge.name)
    if len(host.bridges) == 1:
        return fact("bridge.only", cites, bridge=bridge.name, host=host.name)
    wired = nics or wiring.patches.get((host.name, bridge.name))
    return fact("bridge.other" if wired else "bridge.switch", cites, bridge=bridge.name)


# -- workloads --------------------------------------------------------------------------------------------------------


def workloads(wiring: Wiring, host: Host, bridge: Bridge) -> list[Port]:
    """Give the ports that are no wiring: neither the bridge's own, nor a patch, a tunnel or a NIC."""
    wired = {c.near.port for c in wiring.patches.get((host.name, bridge.name), ())}
    wired |= {c.near.port for c in wiring.nics.get((host.name, bridge.name), ())}
    return [
        port
        for port in bridge.ports
        if not is_internal(bridge, port) and port.name not in wired
        if all(interface.type in _WORKLOAD_TYPES for interface in port.interfaces)
    ]


def _plugged(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    groups: dict[str, list[Port]] = {}
    found = workloads(wiring, host, bridge)
    system = wiring.flavour(host.name)
    for port in found:
        groups.setdefault(_kind(system, port), []).append(port)
    for kind, ports in groups.items():
        cites = [c for port in ports for c in cite.port(host, bridge, port)]
        yield fact(f"plugged.{kind}", cites, ports=Names([port.name for port in ports]))
    if not found and bridge.role == "integration" and host.is_whole:
        yield fact("plugged.none", cite.bridge(host, bridge), bridge=bridge.name)


def _kind(system: Flavour, port: Port) -> str:
    for prefix, kind in _KINDS.items():
        if port.name.startswith(prefix):
            return kind
    if port.name.startswith("tap"):
        internal = any(interface.type == "internal" for interface in port.interfaces)
        if system == "ovn":
            return "ovn"
        return "dhcp" if internal and system == "neutron" else "vm"
    if system == "antrea":
        return "pod"
    return "unknown"


def _tags(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    tags: dict[int, list[Port]] = {}
    for port in bridge.ports:
        if port.tag is not None:
            tags.setdefault(port.tag, []).append(port)
    dead = tags.pop(DEAD_VLAN, [])
    if tags:
        cites = [c for tag in sorted(tags) for port in tags[tag] for c in cite.port(host, bridge, port, "tag")]
        listed = [_listed(tag, tags[tag]) for tag in sorted(tags)]
        local = bridge.role == "integration" and wiring.flavour(host.name) == "neutron"
        known = local and all(networks.label(ports[0]) for ports in tags.values())
        yield fact(
            "tags.networks" if known else "tags.local" if local else "tags.access",
            cites,
            tags=Names(listed),
            bridge=bridge.name,
        )
    if dead:
        cites = [c for port in dead for c in cite.port(host, bridge, port, "tag")]
        yield fact("tags.dead", cites, ports=Names([port.name for port in dead]))
    for port in bridge.ports:
        if port.trunks:
            vlans = Names([str(vlan) for vlan in port.trunks])
            yield fact("tags.trunks", cite.port(host, bridge, port, "trunks"), port=port.name, vlans=vlans)
        if len(port.interfaces) > 1:
            members = Names([interface.name for interface in port.interfaces])
            cites = cite.port(host, bridge, port, "name", "bond_mode")
            yield fact("port.bond", cites, port=port.name, members=members, mode=port.bond_mode or Term("bond.default"))


def _listed(tag: int, ports: list[Port]) -> str:
    more = f" (+{len(ports) - TAGGED_SHOWN})" if len(ports) > TAGGED_SHOWN else ""
    network = networks.label(ports[0])
    name = f"{tag} ({network})" if network else str(tag)
    return f"{name}: {' '.join(port.name for port in ports[:TAGGED_SHOWN])}{more}"


def _errors(host: Host, bridge: Bridge) -> Iterator[Fact]:
    gone: list[Port] = []
    told = 0
    for port in bridge.ports:
        for interface in port.interfaces:
            if interface.error is None:
                continue
            if "No such device" in interface.error:
                gone.append(port)
                continue
            told += 1
            if told <= WIRES_TOLD:
                yield fact("port.error", cite.port(host, bridge, port, "error"), port=port.name, error=interface.error)
    if told > WIRES_TOLD:
        yield fact("port.error.more", cite.bridge(host, bridge), count=told - WIRES_TOLD, bridge=bridge.name)
    if gone:
        cites = [c for port in gone for c in cite.port(host, bridge, port, "error")]
        yield fact("port.gone", cites, ports=Names([port.name for port in gone]))


# -- wires ------------------------------------------------------------------------------------------------------------


def _patches(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    """Tell each pair once: where the first of its two bridges, in the order of `order`, is told of."""
    here = wiring.rank(host.name, bridge.name)
    told = [
        crossing
        for crossing in wiring.patches.get((host.name, bridge.name), ())
        if not (crossing.is_passable and crossing.far is not None)
        or wiring.rank(host.name, crossing.far.bridge or "") >= here
    ]
    for crossing in told[:WIRES_TOLD]:
        yield _patch(wiring, crossing, bridge)
    if len(told) > WIRES_TOLD:
        yield fact("wire.more", cite.bridge(host, bridge), count=len(told) - WIRES_TOLD, bridge=bridge.name)


def _patch(wiring: Wiring, crossing: Crossing, bridge: Bridge) -> Fact:
    near, far = crossing.near, crossing.far
    if crossing.is_passable and far is not None:
        attributes = ("name",) if crossing.kind == "veth" else ("options",)
        both = cite.ends(wiring, (near, far), *attributes)
        names = {"port": near.port or "", "other": far.port or "", "bridge": bridge.name, "joined": far.bridge or ""}
        return fact(f"wire.{crossing.kind}", both, **names)
    peer = _peer(wiring, crossing)
    cites = cite.end(wiring, near, "options")
    if crossing.state == "unknown":
        return fact("wire.patch.unseen", cites, port=near.port or "", bridge=bridge.name, peer=peer or "?")
    if peer is None:
        return fact("wire.patch.nopeer", cites, port=near.port or "", bridge=bridge.name)
    key = "wire.patch.unanswered" if far is not None else "wire.patch.missing"
    return fact(key, cites, port=near.port or "", bridge=bridge.name, peer=peer)


def _peer(wiring: Wiring, crossing: Crossing) -> str | None:
    near = crossing.near
    port = wiring.ports[near.host, near.bridge or "", near.port or ""]
    return next((i.options["peer"] for i in port.interfaces if "peer" in i.options), None)


def _nics(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    nics = wiring.nics.get((host.name, bridge.name), [])
    if not nics:
        return
    cites = list(cite.ends(wiring, (nic.near for nic in nics)))
    joined = bridge.name in wiring.reach(host.name)
    names = Names([nic.near.port or "" for nic in nics])
    if joined or wiring.entrance(host.name) is None:
        yield fact("nic.joined", cites, nics=names, bridge=bridge.name)
        return
    yield fact("nic.joined", cites, nics=names, bridge=bridge.name)
    if wiring.patches.get((host.name, bridge.name)) or not host.is_whole:
        return  # a wire that is not in order was told of above
    entrance = wiring.entrance(host.name)
    assert entrance is not None
    routed = any(port.name.startswith("qg-") for port in bridge.ports)
    key = f"nic.apart.{'router' if routed else 'ovn' if wiring.flavour(host.name) == 'ovn' else 'other'}"
    yield fact(key, cite.bridge(host, bridge), bridge=bridge.name, entrance=entrance.name)

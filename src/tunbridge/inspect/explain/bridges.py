"""What a bridge is for and what is in it: workloads and their local VLANs, patch pairs, NICs, tunnels, errors."""

from collections.abc import Iterator

from tunbridge.inspect import networks, plugged
from tunbridge.inspect.explain import cite, state, tunnels
from tunbridge.inspect.explain.statement import Fact, Names, Term, fact
from tunbridge.inspect.model import Bridge, Host, Port
from tunbridge.inspect.wiring import Crossing, Wiring, is_internal
from tunbridge.openvswitch import sub_ports

DEAD_VLAN = 4095
"""Neutron's tag for a port that belongs to no network (yet, or any more): its frames are dropped."""
WIRES_TOLD = 24
"""Of the patch ports and of the errors in a bridge, this many are explained one by one; the rest are counted."""
TAGGED_SHOWN = 4
"""Of the ports that have one tag, this many are named; the rest are counted."""

_WORKLOAD_TYPES = ("system", "internal", "tap", "dpdkvhostuser", "dpdkvhostuserclient")


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
    if wiring.is_underlay(host.name, bridge.name):
        devices = [device.name for device in host.underlay or () if device.name in {port.name for port in bridge.ports}]
        known = {"port": devices[0]} if devices else {}
        return fact("bridge.underlay" if devices else "bridge.underlay.guessed", cites, bridge=bridge.name, **known)
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
    system, with_pods = wiring.flavour(host.name), plugged.of_pods(bridge.ports)
    for port in found:
        groups.setdefault(plugged.kind(system, port, with_pods), []).append(port)
    for kind, ports in groups.items():
        cites = [c for port in ports for c in cite.port(host, bridge, port)]
        yield fact(f"plugged.{kind}", cites, ports=Names([_called(kind, port) for port in ports]), bridge=bridge.name)
    if not found and bridge.role == "integration" and host.is_whole:
        yield fact("plugged.none", cite.bridge(host, bridge), bridge=bridge.name)


def _called(kind: str, port: Port) -> str:
    """Return a port's name with what makes it known: the pod that it is of, or the VLAN that it is."""
    if kind == "pod" and (pod := plugged.pod_name(port)) is not None:
        return f"{pod} ({port.name})"
    return f"{port.name} (VLAN {port.tag})" if kind in ("fake", "vlan") and port.tag is not None else port.name


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
        if records := list(sub_ports.records_of((port.other_config or {}).get(sub_ports.KEY, ""))):
            vlans = Names([f"{one.vlan} ({one.network_id[:8]}, local VLAN {one.local_vlan})" for one in records])
            yield fact("tags.sub-ports", cite.port(host, bridge, port, "other_config"), port=port.name, vlans=vlans)
        if len(port.interfaces) > 1:
            members = Names([interface.name for interface in port.interfaces])
            cites = cite.port(host, bridge, port, "name", "bond_mode")
            yield fact("port.bond", cites, port=port.name, members=members, mode=port.bond_mode or Term("bond.default"))


def _listed(tag: int, ports: list[Port]) -> str:
    more = f" (+{len(ports) - TAGGED_SHOWN:,})" if len(ports) > TAGGED_SHOWN else ""
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
    """Yield each pair once: with the first of its two bridges, in the order of `in_order`."""
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
    names = Names([nic.near.port or "" for nic in nics])
    underlay = wiring.is_underlay(host.name, bridge.name)
    yield fact("nic.underlay" if underlay else "nic.joined", cites, nics=names, bridge=bridge.name)
    if underlay or bridge.name in wiring.reach(host.name) or wiring.entrance(host.name) is None:
        return
    if wiring.patches.get((host.name, bridge.name)) or not host.is_whole:
        return  # a wire that is not in order was explained above
    entrance = wiring.entrance(host.name)
    assert entrance is not None
    routed = any(port.name.startswith("qg-") for port in bridge.ports)
    key = f"nic.apart.{'router' if routed else 'ovn' if wiring.flavour(host.name) == 'ovn' else 'other'}"
    yield fact(key, cite.bridge(host, bridge), bridge=bridge.name, entrance=entrance.name)

"""What a host is, and who programs it: its role, its managers, controllers, fail modes, its own port in each bridge."""

import re
from collections.abc import Iterator

from tunbridge.inspect.explain import cite
from tunbridge.inspect.explain.state import of_host
from tunbridge.inspect.explain.statement import Citation, Fact, Names, Term, fact
from tunbridge.inspect.model import Bridge, Controller, Host, Manager
from tunbridge.inspect.roles import joined_bridges
from tunbridge.inspect.wiring import Flavour, Wiring, is_internal, typical_ports

_LOOPBACK = ("127.", "[::1]", "localhost")
_MININET = re.compile(r"s\d+")


def facts(wiring: Wiring, host: Host) -> Iterator[Fact]:
    """Say what `host` is, by what, and who programs it."""
    yield role(wiring, host)
    yield from _named_by(wiring, host)
    if host.ovs_version is not None:
        yield fact("host.version", cite.host(host, "ovs_version"), host=host.name, version=host.ovs_version)
    if not host.is_whole:
        parts = host.missing_parts or ["beginning"]
        key = parts[0] if len(parts) == 1 else "several"
        yield fact(f"host.missing.{key}", cite.host(host), host=host.name)
    for manager in host.managers:
        yield _manager(host, manager)
    yield from _controllers(wiring, host)
    yield from _fail_modes(host)
    yield from _local_ports(host)
    yield from of_host(host)


def role(wiring: Wiring, host: Host) -> Fact:
    """Say what the host is for, and what of that is a guess."""
    if host.role_guessed:
        joined = joined_bridges(host)
        providers = [bridge for bridge in host.bridges if bridge.role == "provider" and joined.get(bridge.name)]
        cites = [*cite.host(host), *(c for bridge in providers for c in cite.bridge(host, bridge))]
        names = {"bridges": Names([bridge.name for bridge in providers])} if providers else {}
        key = f"host.{host.role}.guessed{'.provider' if providers else ''}"
        return fact(key, cites, host=host.name, **names)
    if host.role != "unknown":
        return fact(f"host.{host.role}", cite.host(host), host=host.name)
    if wiring.entrance(host.name) is not None or not host.bridges:
        empty = "host.empty" if host.is_whole else "host.empty.unseen"
        return fact("host.unknown" if host.bridges else empty, cite.host(host), host=host.name)
    cites = [c for bridge in host.bridges for c in cite.bridge(host, bridge)]
    key = "host.mininet" if all(_is_mininet(bridge) for bridge in host.bridges) else "host.switches"
    return fact(key, cites, host=host.name, bridges=Names([bridge.name for bridge in host.bridges]))


def _is_mininet(bridge: Bridge) -> bool:
    """Mininet calls its switches s1, s2 ..., and their ports s1-eth1, s1-eth2 ..."""
    others = [port.name for port in bridge.ports if not is_internal(bridge, port)]
    return bool(_MININET.fullmatch(bridge.name)) and all(name.startswith(f"{bridge.name}-eth") for name in others)


def _named_by(wiring: Wiring, host: Host) -> Iterator[Fact]:
    kind: Flavour = wiring.flavour(host.name)
    if kind != "plain":
        found = typical_ports(host, kind)
        cites = [c for bridge, port in found for c in cite.port(host, bridge, port)]
        yield fact(f"host.by.{kind}", cites, host=host.name, ports=Names([port.name for _, port in found]))


def _manager(host: Host, manager: Manager) -> Fact:
    listens = manager.target.startswith(("ptcp:", "pssl:", "punix:"))
    local = listens and any(place in manager.target for place in _LOOPBACK)
    form = "local" if local else "listens" if listens else "dials"
    state = Term(f"connected.{_state(manager)}" if not listens else f"client.{_state(manager)}")
    return fact(f"manager.{form}", cite.manager(host, manager), target=manager.target, state=state)


def _state(remote: Manager | Controller) -> str:
    return {True: "yes", False: "no", None: "unknown"}[remote.is_connected]


def _controllers(wiring: Wiring, host: Host) -> Iterator[Fact]:
    """One sentence for all bridges that have the same controller in the same state."""
    programmer = "neutron" if wiring.flavour(host.name) == "neutron" else "other"
    groups: dict[tuple[str, str], list[tuple[Bridge, Controller]]] = {}
    for bridge in host.bridges:
        for controller in bridge.controllers:
            listens = controller.target.startswith(("ptcp:", "pssl:", "punix:"))
            # A switch that listens is never "connected" for long: ovs-ofctl comes and goes.
            group = ("", "listens") if listens else (controller.target, _state(controller))
            groups.setdefault(group, []).append((bridge, controller))
    for (target, state), members in groups.items():
        cites = [c for bridge, controller in members for c in cite.controller(host, bridge, controller)]
        bridges = Names(list(dict.fromkeys(bridge.name for bridge, _ in members)))
        if state == "listens":
            targets = Names([controller.target for _, controller in members])
            yield fact("controller.listens", cites, bridges=bridges, targets=targets)
            continue
        form = "unix" if target.startswith("unix:") else "local" if _is_loopback(target) else "remote"
        key = f"controller.{'local' if form == 'unix' else form}.{programmer}"
        yield fact(key, cites, bridges=bridges, target=target, state=Term(f"connected.{state}"))


def _is_loopback(target: str) -> bool:
    return any(target.partition(":")[2].startswith(place) for place in _LOOPBACK)


def _fail_modes(host: Host) -> Iterator[Fact]:
    """What happens without a controller: one sentence for all bridges that behave alike."""
    groups: dict[str, list[Bridge]] = {}
    for bridge in host.bridges:
        if bridge.fail_mode not in ("secure", "standalone") and not host.is_whole:
            continue  # the line may be among what is missing, or cut
        active = any(not c.target.startswith(("ptcp:", "pssl:", "punix:")) for c in bridge.controllers)
        mode = "secure" if bridge.fail_mode == "secure" else "standalone"
        groups.setdefault(f"fail.{mode}.{'controller' if active else 'alone'}", []).append(bridge)
    for key, bridges in groups.items():
        cites: list[Citation] = [c for bridge in bridges for c in cite.bridge(host, bridge, "fail_mode")]
        yield fact(key, cites, bridges=Names([bridge.name for bridge in bridges]))


def _local_ports(host: Host) -> Iterator[Fact]:
    found = [(b, p) for b in host.bridges for p in b.ports if is_internal(b, p)]
    if found:
        cites = [c for bridge, port in found for c in cite.port(host, bridge, port)]
        yield fact("host.local_ports", cites, ports=Names([port.name for _, port in found]))

"""From the configuration and the local OVSDB to what the data plane computes on: what is wanted, and what there is."""

from collections.abc import Iterator

from tunbridge.agent.config import AgentConfig
from tunbridge.dataplane import changes, names
from tunbridge.dataplane.changes import Problem
from tunbridge.dataplane.host import HostSpec, ProviderSpec, WantedHost
from tunbridge.dataplane.local import Local, Workload
from tunbridge.dataplane.operations import ORIGIN
from tunbridge.dataplane.responders import Settings
from tunbridge.openvswitch.rows import BridgeRow, InterfaceRow, PortRow, Snapshot


def host_spec(config: AgentConfig, remote_ips: list[str]) -> HostSpec:
    """What the operator wants, in the terms of the data plane."""
    return HostSpec(
        local_ip=config.local_ip,
        tunnel_type=config.tunnel_type,
        remote_ips=tuple(sorted(set(remote_ips))),
        providers=tuple(
            ProviderSpec(physical_network=network, bridge=p.bridge, nics=tuple(p.nics))
            for network, p in sorted(config.providers.items())
        ),
        datapath_type=config.datapath_type,
        manager=None if config.manager is False else config.manager,
        controller=config.controller,
    )


def relevant_devices(wanted: WantedHost, now: Snapshot) -> set[str]:
    """The NICs whose addresses decide: those that are configured, and those in a bridge yet to be taken over."""
    names = {nic for b in wanted.bridges for nic in b.nics}
    for bridge in wanted.bridges:
        row = now.bridges.get(bridge.name)
        if row is not None and ORIGIN not in row.external_ids:
            names |= {i.name for p in row.ports for i in p.interfaces if i.type in ("", "system")}
    return names


def responder_settings(config: AgentConfig) -> Settings:
    return Settings(lease_time=config.dhcp_lease_duration, dns_domain=config.dns_domain, forward=bool(config.resolvers))


def local_of(
    config: AgentConfig, wanted: WantedHost, now: Snapshot, before: Local | None
) -> tuple[Local, list[Problem]]:
    """What the host has now. `before` decides who keeps a port id that two interfaces claim."""
    usable = {row.name: row for row in changes.usable(wanted, now)}
    workloads, problems = _workloads(usable.get(names.INTEGRATION_BRIDGE), before)
    return Local(
        host=config.host,
        tunnel_ip=config.local_ip,
        tunnel_type=config.tunnel_type,
        ofports={name: row.ofports() for name, row in usable.items()},
        providers={b.physical_network: b.name for b in wanted.bridges if b.physical_network and b.name in usable},
        tunnels=_tunnels(usable.get(names.TUNNEL_BRIDGE), config.tunnel_type),
        workloads=workloads,
        vlans=before.vlans if before is not None else _vlans(usable.get(names.INTEGRATION_BRIDGE)),
    ), problems


def _tunnels(bridge: BridgeRow | None, tunnel_type: str) -> dict[str, str]:
    """Remote address -> port, of tunnels of the type that is in use."""
    if bridge is None:
        return {}
    interfaces = (i for p in bridge.ports for i in p.interfaces)
    return {i.options["remote_ip"]: i.name for i in interfaces if i.type == tunnel_type and "remote_ip" in i.options}


def _plugged(bridge: BridgeRow) -> Iterator[tuple[PortRow, InterfaceRow]]:
    """Interfaces that somebody has plugged a workload into, in the order of their port numbers."""
    found = [
        (port, port.interfaces[0])
        for port in bridge.ports
        if len(port.interfaces) == 1
        and "iface-id" in port.interfaces[0].external_ids
        and (port.interfaces[0].ofport or 0) > 0
    ]
    yield from sorted(found, key=lambda pair: pair[1].ofport or 0)


def _workloads(bridge: BridgeRow | None, before: Local | None) -> tuple[dict[str, Workload], list[Problem]]:
    found: dict[str, Workload] = {}
    problems = []
    for _port, interface in _plugged(bridge) if bridge is not None else ():
        id = interface.external_ids["iface-id"]
        workload = Workload(
            port_id=id,
            name=interface.name,
            ofport=interface.ofport or 0,
            mac=interface.external_ids.get("attached-mac"),
        )
        there = found.setdefault(id, workload)
        if there is workload:
            continue
        former = before.workloads.get(id) if before is not None else None
        if former is not None and former.name == interface.name:
            found[id], there, workload = workload, workload, there
        message = (
            f"is plugged twice: {there.name} has it, {workload.name} is left unwired; take the iface-id off one:"
            f" ovs-vsctl remove interface {workload.name} external_ids iface-id"
        )
        problems.append(Problem(subject=f"port {id}", message=message))
    return found, problems


def _vlans(bridge: BridgeRow | None) -> dict[str, int]:
    """Network -> local VLAN, as the ports tell that were wired by a former run."""
    found: dict[str, int] = {}
    for port in bridge.ports if bridge is not None else ():
        network, tag = port.other_config.get("net_uuid"), port.tag
        if network and tag is not None and 0 < tag < 4095 and tag not in found.values():
            found.setdefault(network, tag)
    return found

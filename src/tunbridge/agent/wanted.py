"""From the configuration and the local OVSDB to what the data plane computes on: what is wanted, and what there is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tunbridge.agent.cloud import Cloud
from tunbridge.agent.config import AgentConfig
from tunbridge.dataplane import diff, host, names
from tunbridge.dataplane.host import Collector, Export, HostSpec, ProviderSpec, WantedHost
from tunbridge.dataplane.local import Local, Workload
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.dataplane.queues import Uplinks
from tunbridge.dataplane.responders import Settings
from tunbridge.openvswitch import sub_ports
from tunbridge.openvswitch.ours import ORIGIN
from tunbridge.openvswitch.rows import BridgeRow, PortRow, Snapshot, changed

MOST_TAGS = 2
"""VLAN tags that Open vSwitch can look behind (FLOW_MAX_VLAN_HEADERS, lib/flow.h)."""


def host_spec(config: AgentConfig, remote_ips: list[str], collectors: Iterable[Collector] = ()) -> HostSpec:
    """What the operator wants, in the terms of the data plane."""
    export = config.flow_export
    return HostSpec(
        local_ip=config.local_ip,
        tunnel_types=config.tunnel_types,
        tunnel_dscp=config.tunnel_dscp,
        remote_ips=tuple(sorted(set(remote_ips))),
        collectors=tuple(sorted(collectors)),
        providers=tuple(
            ProviderSpec(physical_network=network, bridge=p.bridge, nics=tuple(p.nics))
            for network, p in sorted(config.providers.items())
        ),
        datapath_type=config.datapath_type,
        manager=None if config.manager is False else config.manager,
        controller=config.controller,
        export=None if export is None else Export(
            table="IPFIX" if export.protocol == "ipfix" else "sFlow",
            targets=tuple(export.targets), sampling=export.sampling,
        ),
    )  # fmt: skip


def uplinks(config: AgentConfig) -> dict[str, Uplinks]:
    """What the configuration says of the NICs of each provider bridge."""
    rates = config.resource_provider_bandwidths
    return {
        p.bridge: Uplinks(tuple(p.nics), rates[p.bridge].egress if p.bridge in rates else None)
        for p in config.providers.values()
    }


def destinations(remote_ips: set[str], cloud: Cloud, now: Snapshot | None) -> tuple[set[str], set[Collector]]:
    """The hosts and collectors to have ports to. Those that are there stay until all that there are are known."""
    collectors = {Collector(one.kind, one.remote_ip) for one in cloud.source.all_mirrors()}
    if now is not None and not cloud.complete:
        return remote_ips | diff.tunnel_addresses(now), collectors | diff.collectors(now)
    return remote_ips, collectors


def wanted_host(config: AgentConfig, remote_ips: set[str], cloud: Cloud, now: Snapshot | None) -> WantedHost:
    """What the host shall look like."""
    hosts, collectors = destinations(remote_ips, cloud, now)
    return host.wanted(host_spec(config, sorted(hosts), collectors))


def relevant_devices(wanted: WantedHost, now: Snapshot) -> set[str]:
    """The NICs whose addresses decide: those that are configured, and those in a bridge yet to be taken over."""
    names = {nic for b in wanted.bridges for nic in b.nics}
    for bridge in wanted.bridges:
        row = now.bridges.get(bridge.name)
        if row is not None and ORIGIN not in row.external_ids:
            names |= {i.name for p in row.ports for i in p.interfaces if i.type in ("", "system")}
    return names


def responder_settings(config: AgentConfig) -> Settings:
    return Settings(
        lease_time=config.dhcp_lease_duration, dns_domain=config.dns_domain, forward=bool(config.resolvers),
        metadata=config.metadata.enabled,
    )  # fmt: skip


class LocalOf:
    """Says what the host has now. What was before decides who keeps a port id that two interfaces claim.

    Workloads are the same object as before while no interface with a port id has changed: whoever compares them,
    with a thousand of them there, is done at once.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        """Of the last call."""
        self.coming: frozenset[str] = frozenset()
        """Port ids of interfaces that Open vSwitch has not made yet: what they need can be asked for meanwhile."""
        self._ports: dict[str, tuple[PortRow, ...]] = {}
        """The ports of each bridge, as last seen."""
        self._ofports: dict[str, dict[str, int]] = {}
        self._plugged: dict[int, PortRow] = {}
        """Ports with a workload, by their address in memory."""
        self._made: dict[str, tuple[PortRow, Workload]] = {}
        """What was made of a port's row, by the row's id."""
        self._workloads: dict[str, Workload] = {}
        self._vlans: dict[str, int] | None = None
        self.numbers: Mapping[str, int] = {}
        """Sub-port -> its OpenFlow port number, as a former run has left it."""

    def __call__(self, config: AgentConfig, wanted: WantedHost, now: Snapshot) -> Local:
        usable = {row.name: row for row in diff.usable(wanted, now)}
        integration = usable.get(names.INTEGRATION_BRIDGE)
        for name in self._ports.keys() | usable.keys():
            self._look(name, usable.get(name))
        if self._vlans is None:
            self._vlans = _vlans(integration)
            self.numbers = {record.port_id: record.number for record in _records(integration)}
        return Local(
            host=config.host,
            tunnel_ip=config.local_ip,
            ofports={name: self._ofports[name] for name in usable},
            providers={
                b.physical_network: b.name
                for b in wanted.bridges
                if b.physical_network and b.name in usable and not diff.is_apart(usable[b.name], wanted, now)
            },
            tunnels={type: _tunnels(usable.get(names.TUNNEL_BRIDGE), type) for type in config.tunnel_types},
            workloads=self._workloads,
            vlans=self._vlans,
            userspace=integration is not None and integration.datapath_type == "netdev",
            vlan_limit=_vlan_limit(now.other_config.get("vlan-limit", "")),
            metadata=config.metadata.enabled,
            log_rate=(config.network_log.rate_limit, config.network_log.burst_limit),
        )

    def _look(self, name: str, bridge: BridgeRow | None) -> None:
        """Take what has changed of a bridge's ports."""
        ports = () if bridge is None else bridge.ports
        gone, new = changed(self._ports.get(name, ()), ports)
        self._ports[name] = ports
        before, there = _numbers(gone), _numbers(new)
        if before != there or name not in self._ofports:
            kept = {device: number for device, number in self._ofports.get(name, {}).items() if device not in before}
            self._ofports[name] = kept | there
        if name == names.INTEGRATION_BRIDGE:
            self._look_for_workloads(gone, new)

    def _look_for_workloads(self, gone: Sequence[PortRow], new: Sequence[PortRow]) -> None:
        left = [at for at in map(id, gone) if at in self._plugged]
        came = [port for port in new if _is_plugged(port)]
        if not left and not came:
            return
        for at in left:
            del self._plugged[at]
        self._plugged |= {id(port): port for port in came}
        plugged = self._plugged.values()
        made = [port for port in plugged if port.interfaces[0].ofport is not None]
        coming = (port.interfaces[0] for port in plugged if port.interfaces[0].ofport is None)
        self.coming = frozenset(interface.external_ids["iface-id"] for interface in coming)
        self._made = {port.uuid: self._workload(port) for port in made}
        found = [workload for _, workload in self._made.values()]
        self._workloads, self.problems = _workloads(found, self._workloads)

    def _workload(self, port: PortRow) -> tuple[PortRow, Workload]:
        known = self._made.get(port.uuid)
        if known is not None and known[0] is port:
            return known
        (interface,) = port.interfaces
        id, mac = interface.external_ids["iface-id"], interface.external_ids.get("attached-mac")
        workload = Workload(port_id=id, name=interface.name, ofport=interface.ofport or 0, mac=mac)
        return port, known[1] if known is not None and known[1] == workload else workload


def _vlan_limit(text: str) -> int:
    """The VLAN tags that Open vSwitch looks behind (ovs-vswitchd.conf.db(5)): one; 0 means two, which is the most."""
    if not text.isdecimal():
        return 1
    return min(int(text), MOST_TAGS) or MOST_TAGS


def _tunnels(bridge: BridgeRow | None, tunnel_type: str) -> dict[str, str]:
    """Remote address -> port, of tunnels of a type."""
    if bridge is None:
        return {}
    interfaces = (i for p in bridge.ports for i in p.interfaces)
    return {i.options["remote_ip"]: i.name for i in interfaces if i.type == tunnel_type and "remote_ip" in i.options}


def _is_plugged(port: PortRow) -> bool:
    """Whether somebody has plugged a workload into it, and Open vSwitch can make its interface."""
    if len(port.interfaces) != 1:
        return False
    (interface,) = port.interfaces
    return "iface-id" in interface.external_ids and (interface.ofport is None or interface.ofport > 0)


def _numbers(ports: Sequence[PortRow]) -> dict[str, int]:
    """Interface name -> OpenFlow port number, of those that exist."""
    return {i.name: i.ofport for p in ports for i in p.interfaces if i.ofport is not None and i.ofport > 0}


def _workloads(
    plugged: Sequence[Workload], before: Mapping[str, Workload]
) -> tuple[dict[str, Workload], list[Problem]]:
    """The workloads by port id; of two with the same one, the former one or the smaller port number counts."""
    found = {workload.port_id: workload for workload in plugged}
    if len(found) == len(plugged):
        return found, []
    found = {}
    problems = []
    for workload in sorted(plugged, key=lambda workload: workload.ofport):
        id = workload.port_id
        there = found.setdefault(id, workload)
        if there is workload:
            continue
        former = before.get(id)
        if former is not None and former.name == workload.name:
            found[id], there, workload = workload, workload, there
        message = (
            f"is plugged twice: {there.name} has it, {workload.name} is left unwired; take the iface-id off one:"
            f" ovs-vsctl remove interface {workload.name} external_ids iface-id"
        )
        problems.append(Problem(code=Code.PLUGGED_TWICE, subject=f"port {id}", message=message))
    return found, problems


def _vlans(bridge: BridgeRow | None) -> dict[str, int]:
    """Network -> local VLAN, as the ports tell that were wired by a former run."""
    found: dict[str, int] = {}
    for port in bridge.ports if bridge is not None else ():
        network, tag = port.other_config.get("net_uuid"), port.tag
        if network and tag is not None and 0 < tag < 4095 and tag not in found.values():
            found.setdefault(network, tag)
    for record in _records(bridge):
        if 0 < record.local_vlan < 4095 and record.local_vlan not in found.values():
            found.setdefault(record.network_id, record.local_vlan)
    return found


def _records(bridge: BridgeRow | None) -> Iterator[sub_ports.Record]:
    """What a former run has kept of sub-ports."""
    for port in bridge.ports if bridge is not None else ():
        yield from sub_ports.records_of(port.other_config.get(sub_ports.KEY, ""))

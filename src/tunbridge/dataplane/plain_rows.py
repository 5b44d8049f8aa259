"""Rows of a cloud as plain dictionaries: the source of a host that stands alone, of a page's example, of tests."""

from collections.abc import Collection

from msgspec import Struct

from tunbridge.dataplane.view import (
    FloatingIp,
    Host,
    LocalIp,
    Location,
    LoggedTraffic,
    MeteringLabel,
    Mirror,
    Network,
    Port,
    PortForwarding,
    QosPolicy,
    Router,
    SecurityGroup,
    Subnet,
    Tap,
    TapService,
)


class Rows(Struct):
    """A source of plain dictionaries, by id."""

    networks: dict[str, Network] = {}
    subnets: dict[str, Subnet] = {}
    ports: dict[str, Port] = {}
    groups: dict[str, SecurityGroup] = {}
    address_groups: dict[str, tuple[str, ...]] = {}
    known_hosts: dict[str, Host] = {}
    routers: dict[str, Router] = {}
    floating_ips: dict[str, FloatingIp] = {}
    qos_policies: dict[str, QosPolicy] = {}
    statuses: dict[str, str] = {}
    locations: tuple[Location, ...] = ()
    port_forwardings: dict[str, tuple[PortForwarding, ...]] = {}
    """By the floating IP's id in the API."""
    logged: tuple[LoggedTraffic, ...] = ()
    mirrored: tuple[Mirror, ...] = ()
    tapped: tuple[Tap, ...] = ()
    services: dict[str, TapService] = {}
    metered: dict[str, tuple[MeteringLabel, ...]] = {}
    """By project."""
    local_addresses: dict[str, tuple[LocalIp, ...]] = {}
    """By port."""

    def logs(self) -> Collection[LoggedTraffic]:
        return self.logged

    def mirrors(self, port_id: str) -> Collection[Mirror]:
        return [one for one in self.mirrored if one.port_id == port_id]

    def all_mirrors(self) -> Collection[Mirror]:
        return self.mirrored

    def taps(self, port_id: str) -> Collection[Tap]:
        return [one for one in self.tapped if one.port_id == port_id]

    def tap(self, id: str) -> Tap | None:
        return next((one for one in self.tapped if one.id == id), None)

    def tap_services(self, port_id: str) -> Collection[str]:
        return [one.id for one in self.services.values() if one.port_id == port_id]

    def tap_service(self, id: str) -> TapService | None:
        return self.services.get(id)

    def local_ips(self, port_id: str) -> Collection[LocalIp]:
        return self.local_addresses.get(port_id, ())

    def metering_labels(self, project_id: str) -> Collection[MeteringLabel]:
        return self.metered.get(project_id, ())

    def network(self, id: str) -> Network | None:
        return self.networks.get(id)

    def subnet(self, id: str) -> Subnet | None:
        return self.subnets.get(id)

    def port(self, id: str) -> Port | None:
        return self.ports.get(id)

    def port_status(self, id: str) -> str | None:
        return self.statuses.get(id)

    def network_locations(self, network_id: str) -> Collection[Location]:
        return [one for one in self.locations if one.network_id == network_id]

    def host_locations(self, host: str) -> Collection[Location]:
        return [one for one in self.locations if one.host == host]

    def group(self, id: str) -> SecurityGroup | None:
        return self.groups.get(id)

    def address_group(self, id: str) -> Collection[str]:
        return self.address_groups.get(id, ())

    def host(self, name: str) -> Host | None:
        return self.known_hosts.get(name)

    def hosts(self) -> Collection[str]:
        return self.known_hosts

    def network_ports(self, network_id: str) -> Collection[str]:
        return [p.id for p in self.ports.values() if p.network_id == network_id]

    def network_subnets(self, network_id: str) -> Collection[str]:
        return [s.id for s in self.subnets.values() if s.network_id == network_id]

    def group_members(self, group_id: str) -> Collection[str]:
        return [p.id for p in self.ports.values() if group_id in p.security_groups]

    def router(self, id: str) -> Router | None:
        return self.routers.get(id)

    def network_routers(self, network_id: str) -> Collection[str]:
        return [r.id for r in self.routers.values() if network_id in r.networks]

    def gateways(self, host: str) -> Collection[str]:
        return [r.id for r in self.routers.values() if host in (r.gateway_host, *r.gateway_standbys)]

    def floating_ip(self, id: str) -> FloatingIp | None:
        return self.floating_ips.get(id)

    def router_floating_ips(self, router_id: str) -> Collection[str]:
        return [f.id for f in self.floating_ips.values() if f.router_id == router_id]

    def forwardings(self, floating_ip_id: str) -> Collection[PortForwarding]:
        return self.port_forwardings.get(floating_ip_id, ())

    def qos_policy(self, id: str) -> QosPolicy:
        return self.qos_policies.get(id, QosPolicy(id=id))

    def sub_ports(self) -> Collection[str]:
        return [p.id for p in self.ports.values() if p.trunk_parent is not None]

"""Whom a responder answers: a port with its network and subnets, and what is the same for all ports of a host."""

import ipaddress
from collections.abc import Iterable

from msgspec import Struct

from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.responders.frames import Address, address
from tunbridge.dataplane.responders.names import DEFAULT_DOMAIN, Zone
from tunbridge.dataplane.responders.options import domain_names
from tunbridge.dataplane.view import Network, Port, Router, Source, Subnet, View

INFINITE = -1
"""A lease time: for ever, as Neutron's `dhcp_lease_duration = -1`."""


class Settings(Struct, frozen=True, kw_only=True):
    """What is the same for all ports. Times are seconds."""

    lease_time: int = 86400
    """Of DHCP leases; INFINITE for ever."""
    dns_domain: str = DEFAULT_DOMAIN
    """The cloud's own domain: names of ports end in it, whatever their network's `dns_domain` is. The API's setting."""
    dns_ttl: int = 30
    metadata: bool = False
    """Whether the host has the metadata service: clients get a route to it where their gateway is no router of ours."""
    forward: bool = False
    """Whether the caller asks resolvers for names that are not the cloud's; else they are refused."""
    ra_interval: int = 600
    """Between unsolicited router advertisements; a default route lasts for three of them."""
    prefix_valid: int = 86400
    prefix_preferred: int = 14400

    def __post_init__(self) -> None:
        """Raises OptionError (a ValueError) for a domain that cannot be one."""
        domain_names([self.dns_domain])


class Subject(Struct, frozen=True, kw_only=True):
    """A port whose packet is answered."""

    port: Port
    network: Network
    subnets: tuple[Subnet, ...]
    """All of the network."""
    routed: frozenset[str] = frozenset()
    """Ids of subnets whose gateway is a router of Tunbridge: only these get a default route by advertisement."""
    routers: tuple["RouterPort", ...] = ()
    """Interfaces of routers on the network."""
    zone: Zone | None = None
    """The names of the network; only DNS needs them."""

    def router_address(self, mac: bytes, version: int) -> str | None:
        """The address of the interface that a packet to this MAC address is for: to the service's, the gateway's."""
        found = (a for r in self._named(mac) for a in r.addresses if (":" in a) == (version == 6))
        return next(found, None)

    def mtu_towards(self, mac: bytes, target: Address) -> int | None:
        """The MTU of the network that the router with this MAC address forwards to, on its way to an address."""
        return _longest([one for r in self._named(mac) for one in r.mtus], target)

    def _named(self, mac: bytes) -> list["RouterPort"]:
        text = mac.hex(":")
        named = [r for r in self.routers if r.mac == text]
        if not named and text == service_mac(self.network.id):
            named = [r for r in self.routers if r.is_gateway]
        return named

    def leases(self, version: int) -> list["Lease"]:
        """The port's addresses in subnets with DHCP, in the port's order."""
        subnets = {s.id: s for s in self.subnets if s.ip_version == version and s.enable_dhcp}
        return [
            Lease(address(fixed.ip_address), subnets[fixed.subnet_id])
            for fixed in self.port.fixed_ips
            if fixed.subnet_id in subnets
        ]


class RouterPort(Struct, frozen=True):
    """An interface of a router; `is_gateway`: it has the address of a subnet's gateway."""

    mac: str
    addresses: tuple[str, ...]
    is_gateway: bool
    mtus: tuple[tuple[str, int], ...] = ()
    """Prefixes that its router has a route for -> MTU of the network that it forwards to, in bytes."""


class Arrival(Struct, frozen=True):
    """Where a router got a packet: the network that the packet came from, and what the router is there."""

    network_id: str
    mac: str
    addresses: tuple[str, ...]
    mtus: tuple[tuple[str, int], ...]
    """As of a RouterPort."""

    def router_address(self, _mac: bytes, version: int) -> str | None:
        """The address there that an answer comes from."""
        return next((address for address in self.addresses if (":" in address) == (version == 6)), None)

    def mtu_towards(self, _mac: bytes, target: Address) -> int | None:
        """The MTU of the network that the router forwards to, on its way to an address."""
        return _longest(self.mtus, target)


class Lease(Struct, frozen=True):
    """An address of a port that it may get by DHCP."""

    address: Address
    subnet: Subnet


def read_subject(source: Source | View, port_id: str) -> Subject | None:
    """A port as the database has it; None when it, or its network, is not there."""
    port = source.port(port_id)
    network = None if port is None else source.network(port.network_id)
    if port is None or network is None:
        return None
    subnets = [s for id in sorted(source.network_subnets(network.id)) if (s := source.subnet(id)) is not None]
    own = {s.segment_id for s in subnets if any(ip.subnet_id == s.id for ip in port.fixed_ips)}
    subnets = [s for s in subnets if s.segment_id is None or s.segment_id in own]  # others are not on its link
    gateways = {s.gateway_ip: s.id for s in subnets if s.gateway_ip is not None}
    routers = _routers(source, network.id, set(gateways))
    routed = frozenset(gateways[a] for r in routers for a in r.addresses if a in gateways)
    return Subject(port=port, network=network, subnets=tuple(subnets), routed=routed, routers=tuple(routers))


def _routers(source: Source | View, network_id: str, gateways: set[str]) -> list[RouterPort]:
    found = []
    for router_id in sorted(source.network_routers(network_id)):
        router = source.router(router_id)
        ports = [] if router is None or not router.admin_state_up else [source.port(id) for id in router.interfaces]
        for port in ports:
            if port is not None and port.network_id == network_id and port.admin_state_up:
                addresses = tuple(ip.ip_address for ip in port.fixed_ips)
                is_gateway = not gateways.isdisjoint(addresses)
                found.append(RouterPort(port.mac_address, addresses, is_gateway, _mtus(source, router)))
    return found


def read_arrival(source: Source | View, router_id: str, mac: str) -> Arrival | None:
    """Where a router gets packets to a MAC address: on a network of an interface, or outside.

    To a floating IP an answer comes from its fixed IP: that is translated, and so is what the answer quotes.
    """
    router = source.router(router_id)
    if router is None:
        return None
    mtus = _mtus(source, router)
    for port in (source.port(id) for id in (*router.interfaces, *router.gateways)):
        addresses = () if port is None else tuple(ip.ip_address for ip in port.fixed_ips)
        # By router advertisement the way leads to the network's service address, and that is for IPv6 alone.
        is_advertised = port is not None and mac == service_mac(port.network_id) and any(":" in a for a in addresses)
        if port is not None and (mac == port.mac_address or is_advertised):
            return Arrival(port.network_id, port.mac_address, addresses, mtus)
    for id in source.router_floating_ips(router_id):
        port, floating = source.port(id), source.floating_ip(id)
        if port is not None and floating is not None and port.mac_address == mac:
            return Arrival(port.network_id, mac, (floating.fixed_ip or floating.address,), mtus)
    return None


def _mtus(source: Source | View, router: Router | None) -> tuple[tuple[str, int], ...]:
    found = _mtus_outside(source, router)
    for port in [source.port(id) for id in router.interfaces] if router is not None else []:
        network = None if port is None else source.network(port.network_id)
        for ip in port.fixed_ips if port is not None and network is not None else ():
            subnet = source.subnet(ip.subnet_id)
            if subnet is not None and network is not None:
                found.append((subnet.cidr, network.mtu))
    for route in router.routes if router is not None else ():
        mtu = next((mtu for cidr, mtu in found if _holds(cidr, address(route.nexthop))), None)
        if mtu is not None:
            found.append((route.destination, mtu))
    return tuple(found)


def _mtus_outside(source: Source | View, router: Router | None) -> list[tuple[str, int]]:
    """All that is elsewhere is outside: of several external networks, in that with the smallest MTU."""
    found: list[tuple[str, int]] = []
    mtus: list[int] = []
    for port in (source.port(id) for id in router.gateways) if router is not None else ():
        network = None if port is None else source.network(port.network_id)
        subnets = [] if network is None else [source.subnet(id) for id in source.network_subnets(network.id)]
        found += [(subnet.cidr, network.mtu) for subnet in subnets if subnet is not None and network is not None]
        mtus += [] if network is None else [network.mtu]
    return [*([(prefix, min(mtus)) for prefix in ("0.0.0.0/0", "::/0")] if mtus else ()), *found]


def _longest(mtus: Iterable[tuple[str, int]], target: Address) -> int | None:
    found = [(cidr, mtu) for cidr, mtu in mtus if _holds(cidr, target)]
    return max(found, key=lambda one: ipaddress.ip_network(one[0]).prefixlen)[1] if found else None


def _holds(cidr: str, one: Address) -> bool:
    return one in ipaddress.ip_network(cidr)

"""A port on a network with subnets of every kind, for the tests of responders."""

from typing import Any

from msgspec.structs import replace

from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import Settings, Subject, Zones
from tunbridge.dataplane.view import DhcpOption, FixedIp, HostRoute, Network, Port, Subnet

MAC = "fa:16:3e:00:00:05"
NETWORK = Network(id="11111111-0000-0000-0000-000000000001", name="blue", mtu=1442, network_type="vxlan")
V4 = Subnet(id="4", network_id=NETWORK.id, ip_version=4, cidr="10.0.0.0/24", gateway_ip="10.0.0.1")
V6 = Subnet(
    id="6", network_id=NETWORK.id, ip_version=6, cidr="2001:db8::/64", gateway_ip="2001:db8::1",
    ipv6_ra_mode="dhcpv6-stateful", ipv6_address_mode="dhcpv6-stateful",
)  # fmt: skip
SLAAC = Subnet(
    id="s", network_id=NETWORK.id, ip_version=6, cidr="2001:db8:1::/64", gateway_ip="2001:db8:1::1",
    ipv6_ra_mode="slaac", ipv6_address_mode="slaac", dns_nameservers=("2001:db8::53",),
)  # fmt: skip
PORT = Port(
    id="p", network_id=NETWORK.id, mac_address=MAC, fixed_ips=(FixedIp("4", "10.0.0.5"), FixedIp("6", "2001:db8::5"))
)
SETTINGS = Settings()


def subject(*subnets: Subnet, network: dict[str, Any] | None = None, **port: Any) -> Subject:
    """The port with these subnets (none: V4 and V6), and with these of its and its network's fields changed."""
    changed = replace(NETWORK, **(network or {}))
    return Subject(port=replace(PORT, **port), network=changed, subnets=subnets or (V4, V6))


def with_options(*options: tuple[str, str | None], version: int = 4, **more: Any) -> Subject:
    """The port with these `extra_dhcp_opts`."""
    return subject(extra_dhcp_opts=tuple(DhcpOption(name, value, version) for name, value in options), **more)


def with_zone(of: Subject, *others: Port, domain: str = SETTINGS.dns_domain) -> Subject:
    """The subject with the names of its network's ports."""
    rows = Rows(networks={of.network.id: of.network}, ports={p.id: p for p in (of.port, *others)})
    return replace(of, zone=Zones(rows, domain).zone(of.network.id))


def routes(*pairs: tuple[str, str]) -> tuple[HostRoute, ...]:
    return tuple(HostRoute(*pair) for pair in pairs)

"""What an operator chooses about networks; the names and defaults are Neutron's options where it has them."""

from typing import Literal

import msgspec
from msgspec import field

from tunbridge.errors import TunbridgeError


class SettingsError(TunbridgeError):
    """A setting is wrong."""

    exit_status = 2


QUOTAS = {
    "network": 100,
    "subnet": 100,
    "port": 500,
    "subnetpool": -1,
    "security_group": 10,
    "security_group_rule": 100,
    "rbac_policy": 10,
    "address_group": 10,
    "router": 10,
    "floatingip": 50,
    "trunk": -1,
    "metering_label": 10,
    "metering_label_rule": 100,
}
"""Neutron's defaults; it has none for address groups and metering, a project could then fill the database."""


ProjectNetworkType = Literal["vxlan", "geneve", "gre", "vlan", "local"]


class VlanRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """VLANs of a physical network that project networks are given; without one an admin still names any."""

    physical_network: str
    minimum: int = 1
    maximum: int = 4094


class VniRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Identifiers that tunnelled project networks are given: VNIs, or keys of GRE."""

    minimum: int = 1
    maximum: int = 16_777_215


class NetworkingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of the server's configuration that rules know."""

    base_mac: str = "fa:16:3e:00:00:00"
    """Ports are given addresses that begin with its first three bytes (four when the fourth is not 00)."""
    global_physnet_mtu: int = 1500
    """MTU of the network under the tunnels and of physical networks, in bytes."""
    physical_network_mtus: dict[str, int] = {}
    path_mtu: int = 0
    """Largest packet of a tunnel, in bytes; 0: as global_physnet_mtu."""
    overlay_ip_version: Literal[4, 6] = 4
    physical_networks: list[str] = field(default_factory=lambda: ["*"])
    """Names that flat and VLAN networks may use; * for any."""
    project_network_types: list[ProjectNetworkType] = field(default_factory=lambda: ["vxlan"])
    """Types that are tried in this order for a network whose creator named none. Geneve and GRE are offered only here
    named: hosts have networks of the types of their tunnels (`tunnel_types` of their agents)."""
    vlan_ranges: list[VlanRange] = []
    vni_ranges: list[VniRange] = field(default_factory=lambda: [VniRange()])
    default_quotas: dict[str, int] = {}
    """Most things of a kind in a project, over Neutron's defaults; -1 for no limit."""
    max_allowed_address_pair: int = 10
    max_dns_nameservers: int = 5
    max_subnet_host_routes: int = 20
    max_fixed_ips_per_port: int = 64
    ipam: str = "random"
    """Which free address a port gets: random or sequential."""
    mirror_collectors: list[str] = field(default_factory=lambda: ["0.0.0.0/0", "::/0"])
    """Networks in which collectors of mirrors may be, but for an admin's: hosts send to them by their own routes."""
    dns_domain: str = "openstacklocal"
    external_dns_driver: Literal["", "designate"] = ""
    """The DNS service that names of ports and floating IPs are published in; "": none."""
    agent_down_time: int = 75
    """Seconds without a heartbeat after which an agent counts as dead."""
    pagination_max_limit: int = -1
    """Most things in one answer to a list; -1 for no limit."""
    preview: bool = False
    """Offer extensions whose data plane is not there yet."""

    def quota(self, resource: str) -> int:
        """Give the default limit of a resource."""
        return self.default_quotas.get(resource, QUOTAS.get(resource, -1))

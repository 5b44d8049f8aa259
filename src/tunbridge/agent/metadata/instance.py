"""What the metadata service knows of the VM that asks: its port, the VM's other ports here, and its boot configuration.

A VM is the ports of one project with one `device_id`; a port without one is a VM of its own.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tunbridge.agent.cloud import BootConfig
from tunbridge.dataplane.responders import Subject, read_subject
from tunbridge.dataplane.responders.dhcp4 import default_gateway, dns_servers
from tunbridge.dataplane.responders.names import host_name
from tunbridge.dataplane.view import FixedIp, Port, Source, Subnet


class Instance(Struct, frozen=True, kw_only=True):
    """A VM as its metadata tells it. `subjects`: its ports on this host, the one that asks first."""

    id: str
    project_id: str
    hostname: str
    name: str
    zone: str
    boot: BootConfig
    subjects: tuple[Subject, ...]
    floating_ips: tuple[str, ...]

    @property
    def port(self) -> Port:
        return self.subjects[0].port

    def address(self, version: int) -> str | None:
        """Its first address of a version, on the port that asks."""
        found = (ip.ip_address for ip in self.port.fixed_ips if (":" in ip.ip_address) == (version == 6))
        return next(found, None)


def read_instance(
    source: Source, port_id: str, boot: BootConfig, plugged: Iterable[str], domain: str, zone: str | None
) -> Instance | None:
    """The VM of a port; None when the port is not known. `plugged`: the ports that are on this host."""
    subject = read_subject(source, port_id)
    if subject is None:
        return None
    port = subject.port
    subjects = [subject, *_others(source, port, plugged)]
    address = next((ip.ip_address for ip in port.fixed_ips), "")
    name = host_name(port, address, domain) if address or port.dns_name else f"host-{port.id}"
    return Instance(
        id=port.device_id or port.id, project_id=port.project_id, name=port.name or name,
        hostname=boot.hostname or f"{name}.{domain.strip('.')}", zone=zone or "nova", boot=boot,
        subjects=tuple(subjects), floating_ips=tuple(_floating_ips(source, port)),
    )  # fmt: skip


def _others(source: Source, port: Port, plugged: Iterable[str]) -> list[Subject]:
    if not port.device_id:
        return []
    found = []
    for id in sorted(plugged):
        other = source.port(id) if id != port.id else None
        if other is None or (other.device_id, other.project_id) != (port.device_id, port.project_id):
            continue  # a device_id is anybody's to set: the project decides as well
        if (subject := read_subject(source, id)) is not None:
            found.append(subject)
    return found


def _floating_ips(source: Source, port: Port) -> list[str]:
    routers = source.network_routers(port.network_id)
    ids = {id for router in routers for id in source.router_floating_ips(router)}
    found = [one for id in ids if (one := source.floating_ip(id)) is not None and one.port_id == port.id]
    return sorted(one.address for one in found)


def network_data(instance: Instance) -> dict[str, Any]:
    """`network_data.json` of OpenStack: links, networks on them, name servers."""
    links = [_link(subject) for subject in instance.subjects]
    networks = [_network(subject, ip) for subject in instance.subjects for ip in subject.port.fixed_ips]
    found = [network for network in networks if network is not None]
    for number, network in enumerate(found):
        network["id"] = f"network{number}"
    servers = dict.fromkeys(server["address"] for network in found for server in network["services"])
    return {
        "links": links,
        "networks": found,
        "services": [{"type": "dns", "address": address} for address in servers],
    }


def _device(port: Port) -> str:
    """The name of a VM's device on its host, as Nova gives it."""
    return f"tap{port.id[:11]}"


def _link(subject: Subject) -> dict[str, Any]:
    port = subject.port
    return {
        "id": _device(port), "vif_id": port.id, "type": "ovs", "mtu": subject.network.mtu,
        "ethernet_mac_address": port.mac_address,
    }  # fmt: skip


def _network(subject: Subject, ip: FixedIp) -> dict[str, Any] | None:
    subnet = next((s for s in subject.subnets if s.id == ip.subnet_id), None)
    if subnet is None:
        return None
    found: dict[str, Any] = {
        "id": "", "type": _type(subnet), "link": _device(subject.port), "network_id": subject.network.id,
        "services": [{"type": "dns", "address": address} for address in dns_servers(subnet)],
    }  # fmt: skip
    if found["type"] in ("ipv4", "ipv6"):
        prefix = ipaddress.ip_network(subnet.cidr)
        found |= {"ip_address": ip.ip_address, "netmask": str(prefix.netmask), "routes": _routes(subnet)}
    return found


def _type(subnet: Subnet) -> str:
    """How a VM gets an address of a subnet: by hand, or as Nova names the ways."""
    if subnet.ip_version == 4:
        return "ipv4_dhcp" if subnet.enable_dhcp else "ipv4"
    if subnet.ipv6_address_mode is not None:
        mode = subnet.ipv6_address_mode
        return "ipv6_slaac" if mode == "slaac" else f"ipv6_{mode}"
    return "ipv6_dhcp" if subnet.enable_dhcp else "ipv6"


def _routes(subnet: Subnet) -> list[dict[str, str]]:
    found = [(route.destination, route.nexthop) for route in subnet.host_routes]
    anywhere = "0.0.0.0/0" if subnet.ip_version == 4 else "::/0"
    if (gateway := default_gateway(subnet)) is not None and anywhere not in dict(found):
        found.append((anywhere, gateway))
    parts = [(ipaddress.ip_network(destination), hop) for destination, hop in found]
    return [
        {"network": str(net.network_address), "netmask": str(net.netmask), "gateway": hop} for net, hop in parts
    ]  # fmt: skip

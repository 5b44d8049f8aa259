"""The addresses that Tunbridge answers for itself."""

import ipaddress

from tunbridge.dataplane.addresses import dhcp_address, service_link_local, service_mac
from tunbridge.dataplane.view import Subnet

ID = "6b1c8a4e-0f0e-4c7a-9d35-1d3e0c7c7a11"


def subnet(version: int, cidr: str, gateway: str | None) -> Subnet:
    return Subnet(id=ID, network_id=ID, ip_version=version, cidr=cidr, gateway_ip=gateway)


def test_a_subnet_has_one_mac_and_its_link_local_address_follows_from_it() -> None:
    mac = service_mac(ID)
    assert mac == service_mac(ID) != service_mac(ID[::-1])
    assert mac.startswith("fa:16:3f:") and len(mac) == 17
    tail = ipaddress.IPv6Address(service_link_local(ID)).packed[8:]
    assert tail == bytes.fromhex("f8163ffffe" + mac[9:].replace(":", ""))


def test_the_dhcp_server_has_the_gateways_address_where_there_is_one() -> None:
    assert dhcp_address(subnet(4, "10.0.0.0/24", "10.0.0.1")) == "10.0.0.1"
    assert dhcp_address(subnet(4, "10.0.0.0/24", None)) == "169.254.169.254"
    assert dhcp_address(subnet(6, "2001:db8::/64", None)) == service_link_local(ID)

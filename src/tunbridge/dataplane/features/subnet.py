"""Services of a subnet: requests that workloads send and the agent answers.

The contract with the agent. A packet-in of ours comes from table 61 of br-int, by `controller(id=CONTROLLER_ID)`; its
fields hold `in_port` (the workload's OpenFlow port, and so its port id) and reg3, whose bits 8 to 15 (`SERVICE`) are the
number of the service in `pipeline.SERVICES`. reg6 is the network's local VLAN. No userdata. The agent answers with a
packet-out whose action is `output:in_port`; nothing else sees the request.

    dhcpv4  UDP 68 -> 67 to broadcast, or to the subnet's DHCP address          subnets with DHCP
    dhcpv6  UDP 546 -> 547 to ff02::1:2                                         stateful and stateless DHCPv6
    ra      router solicitation                                                 subnets with ipv6_ra_mode
    dns     UDP 53 to the subnet's DHCP address                                 subnets with DHCP
    nd      neighbour solicitation for the subnet's IPv6 DHCP address           where no port owns it

The DHCP address is the subnet's gateway. In a tunnelled network where no port owns it, it has the MAC address
`address_mac(subnet id)`, so that unicast renewals and DNS queries arrive here.
"""

import hashlib

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import neighbour, port_security
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.view import Network, Subnet

LINK_LOCAL_SERVER = "169.254.169.254"
"""DHCP server identifier of a subnet without a gateway."""
_BROADCAST = "255.255.255.255"
_ALL_DHCPV6 = "ff02::1:2"


def dhcp_address(subnet: Subnet) -> str:
    """The address under which the subnet's DHCP and DNS are reached."""
    return subnet.gateway_ip or LINK_LOCAL_SERVER


def address_mac(subnet_id: str) -> str:
    """The MAC address of a DHCP address that no port owns: fa:16:3f and 24 bits of a hash."""
    digest = hashlib.blake2b(subnet_id.encode(), digest_size=3).hexdigest()
    return f"fa:16:3f:{digest[:2]}:{digest[2:4]}:{digest[4:]}"


def compute(context: Context, subnet_id: str) -> None:
    """Flows of one subnet of a network that is here."""
    subnet = context.view.subnet(subnet_id)
    network = None if subnet is None else context.view.network(subnet.network_id)
    if subnet is None or network is None:
        return
    vlan = context.identifiers.vlan(network.id)
    owners = () if subnet.gateway_ip is None else context.facts("owner", f"{subnet.gateway_ip} {network.id}")
    if subnet.ip_version == 4 and subnet.enable_dhcp:
        _dhcpv4(context, vlan, dhcp_address(subnet))
    if subnet.ip_version == 6 and subnet.enable_dhcp:
        _ipv6(context, vlan, subnet)
    if not subnet.enable_dhcp or subnet.gateway_ip is None:
        return
    if all(str(o).startswith("network:") for o in owners):
        where: Match = {"ipv6_dst" if subnet.ip_version == 6 else "nw_dst": subnet.gateway_ip, "tp_dst": 53}
        _service(context, vlan, "dns", {"proto": "udp" if subnet.ip_version == 4 else "udp6", **where})
    if not owners and network.is_tunnelled:
        _address(context, network, vlan, subnet)


def _dhcpv4(context: Context, vlan: int, server: str) -> None:
    ports: Match = {"proto": "udp", "tp_src": 68, "tp_dst": 67}
    _service(context, vlan, "dhcpv4", {**ports, "nw_dst": _BROADCAST})
    _service(context, vlan, "dhcpv4", {**ports, "nw_dst": server})


def _ipv6(context: Context, vlan: int, subnet: Subnet) -> None:
    if subnet.ipv6_address_mode in ("dhcpv6-stateful", "dhcpv6-stateless"):
        match: Match = {"proto": "udp6", "ipv6_dst": _ALL_DHCPV6, "tp_src": 546, "tp_dst": 547}
        _service(context, vlan, "dhcpv6", match)
    if subnet.ipv6_ra_mode is not None:
        _service(context, vlan, "ra", {"proto": "icmp6", "icmp_type": 133})


def _service(context: Context, vlan: int, service: str, match: Match) -> None:
    load = flow.load(pipeline.SERVICE, pipeline.SERVICES[service])
    where = {**pipeline.NETWORK(vlan), **match}
    context.flow(names.INTEGRATION_BRIDGE, pipeline.SERVICE_TABLE, 20, where, load, goto(pipeline.TO_AGENT))


def _address(context: Context, network: Network, vlan: int, subnet: Subnet) -> None:
    """Make the DHCP address answer, though nobody has it; what else is sent to it ends here."""
    bridge, mac, address = names.INTEGRATION_BRIDGE, address_mac(subnet.id), str(subnet.gateway_ip)
    where = pipeline.NETWORK(vlan)
    if subnet.ip_version == 4:
        asked = {**where, "proto": "arp", "arp_op": 1, "arp_tpa": address, "dl_dst": pipeline.MULTICAST}
        context.flow(bridge, pipeline.SERVICE_TABLE, 10, asked, *neighbour.answer_arp(address, mac))
    else:
        _service(context, vlan, "nd", {"proto": "icmp6", "icmp_type": port_security.NS, "nd_target": address})
    context.flow(bridge, pipeline.DESTINATION, 30, {**where, "dl_dst": mac})

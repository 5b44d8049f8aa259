"""Requests of workloads that the agent answers: DHCP, router solicitations, names; by subnet.

The contract with the agent. A packet-in of ours comes from table 96 of br-int, by `controller(id=CONTROLLER_ID)`: its
`in_port` is the OpenFlow port of the workload, and its userdata is one byte that `kind_of` reads. The agent answers by
a packet-out to that port; nothing else sees the request, nor the answer.

    dhcp4      UDP 68 -> 67 to broadcast or to the subnet's DHCP address      subnets with DHCP
               UDP 68 -> 67 from an address that the port has no longer       every network
    dhcp6      UDP 546 -> 547 to ff02::1:2                                    subnets that DHCPv6 serves
    router     router solicitation                                            subnets that the cloud advertises
    dns        UDP 53 to the subnet's DHCP address                            subnets with DHCP
    neighbour  neighbour solicitation for addresses of Tunbridge itself       IPv6 subnets with DHCP, routers
    metadata   TCP to the metadata service's addresses                        every network, metadata.py
    expired, no_route, no_host, closed, too_big   what a router cannot forward, or not take   router.py
    no_port    what conntrack has no port left for                            gateway.py
    egress_allowed, egress_dropped, ingress_allowed, ingress_dropped   what is logged   logged.py

In a tunnelled network where no port owns the DHCP address, ARP for it is answered with the subnet's service MAC, so
that unicast renewals and DNS queries arrive here. Where a port that is not the network's own has it (a VM that
routes), or the subnet names it as its resolver, names are its business.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.addresses import dhcp_address, service_link_local, service_mac
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import neighbour, port_security
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.responders import LOGGED, Kind, dhcp6, ra
from tunbridge.dataplane.view import Subnet, View

NUMBERS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.dhcp4: 1,
        Kind.dhcp6: 2,
        Kind.router: 3,
        Kind.neighbour: 4,
        Kind.dns: 5,
        Kind.expired: 6,
        Kind.no_route: 7,
        Kind.no_host: 8,
        Kind.closed: 9,
        Kind.too_big: 10,
        Kind.resolve: 11,
        Kind.resolved: 12,
        Kind.solicited: 13,
        Kind.metadata: 14,
        Kind.no_port: 15,
        Kind.egress_allowed: 16,
        Kind.egress_dropped: 17,
        Kind.ingress_allowed: 18,
        Kind.ingress_dropped: 19,
        Kind.claimed: 20,
        Kind.dns_tcp: 21,
    }
)
"""Kind of request -> its number in the `service` register and in the userdata."""
_KINDS = {number: kind for kind, number in NUMBERS.items()}
_BROADCAST = "255.255.255.255"
_ALL_DHCPV6 = "ff02::1:2"
_DHCP4: Match = {"proto": "udp", "tp_src": 68, "tp_dst": 67}
_DHCP6: Match = {"proto": "udp6", "tp_src": 546, "tp_dst": 547, "ipv6_dst": _ALL_DHCPV6}
_UNTAGGED: Match = {"vlan_tci": "0x0000/0x1000"}


def kind_of(userdata: bytes) -> Kind | None:
    """What a packet-in asks for; None when its userdata is not ours."""
    return _KINDS.get(userdata[0]) if len(userdata) == 1 else None


def common() -> list[Flow]:
    """Flows that are the same for every subnet."""
    table = pipeline.TO_AGENT
    meters = {Kind.no_port: pipeline.UNTRANSLATED_METER, **dict.fromkeys(LOGGED, pipeline.HOST_LOG_METER)}
    passed = {kind: [flow.meter(meters[kind])] if kind in meters else [] for kind in NUMBERS}
    flows = [
        flow.make(table, 10, pipeline.SERVICE(n), [*passed[kind], flow.to_agent(n)]) for kind, n in NUMBERS.items()
    ]
    # A client whose address was taken away renews its lease from that address. The agent alone hears it, and refuses.
    flows.append(flow.make(pipeline.ADDRESS_SECURITY, 5, {**_DHCP4, **_UNTAGGED}, ask(Kind.dhcp4)))
    return flows


def compute(context: Context, subnet_id: str) -> None:
    """Flows of one subnet of a network that is here."""
    subnet = context.view.subnet(subnet_id)
    network = None if subnet is None else context.network(subnet.network_id)
    if subnet is None or network is None or not subnet.enable_dhcp:
        return
    vlan = context.vlan(network.id)
    address = dhcp_address(subnet)
    owners = context.facts("owner", f"{address} {network.id}")
    if subnet.ip_version == 4:
        _request(context, vlan, Kind.dhcp4, {**_DHCP4, "nw_dst": _BROADCAST})
        _request(context, vlan, Kind.dhcp4, {**_DHCP4, "nw_dst": address})
    else:
        _ipv6(context, vlan, subnet, address, bool(owners))
    is_elsewhere = address in subnet.dns_nameservers  # a resolver that somebody else runs there
    if not is_elsewhere and all(str(o).startswith("network:") for o in owners):
        for kind, protocol in ((Kind.dns, "udp"), (Kind.dns_tcp, "tcp")):
            _request(context, vlan, kind, {**_to(protocol, address), "tp_dst": 53})
    if subnet.ip_version == 4 and not owners and network.is_tunnelled:
        _resolve(context, vlan, address, service_mac(subnet.id))


def _to(protocol: str, address: str) -> Match:
    return {"proto": f"{protocol}6", "ipv6_dst": address} if ":" in address else {"proto": protocol, "nw_dst": address}


def _ipv6(context: Context, vlan: int, subnet: Subnet, address: str, is_owned: bool) -> None:
    if dhcp6.serves(subnet):
        _request(context, vlan, Kind.dhcp6, _DHCP6)
    if ra.is_advertised(subnet):
        _request(context, vlan, Kind.router, {"proto": "icmp6", "icmp_type": 133})
    for target in {service_link_local(subnet.network_id)} | ({address} if not is_owned else set()):
        asked: Match = {"proto": "icmp6", "icmp_type": port_security.NS, "nd_target": target}
        _request(context, vlan, Kind.neighbour, asked)
    # What else is sent to the MAC address with which the agent answers ends here.
    _end(context, vlan, service_mac(subnet.network_id))


def ask(kind: Kind) -> list[Action]:
    """The actions that hand a packet to the agent."""
    return [flow.load(pipeline.SERVICE, NUMBERS[kind]), goto(pipeline.AGENT_METER)]


def note(kind: Kind) -> list[Action]:
    """The actions that have the agent note a packet, and end it."""
    return [flow.load(pipeline.SERVICE, NUMBERS[kind]), goto(pipeline.TO_AGENT)]


def gateways(view: View, network_id: str) -> set[str]:
    """Interfaces of routers that have the gateway's address of an IPv6 subnet which the cloud advertises."""
    found = set()
    for router_id in view.network_routers(network_id):
        router = view.router(router_id)
        ports = [] if router is None or not router.admin_state_up else [view.port(id) for id in router.interfaces]
        for port in ports:
            if port is None or port.network_id != network_id:
                continue
            for ip in port.fixed_ips:
                subnet = view.subnet(ip.subnet_id)
                if subnet is not None and ra.is_advertised(subnet) and subnet.gateway_ip == ip.ip_address:
                    found.add(port.id)
    return found


def _request(context: Context, vlan: int, kind: Kind, match: Match) -> None:
    where = {**pipeline.NETWORK(vlan), **match}
    context.flow(names.INTEGRATION_BRIDGE, pipeline.SERVICE_TABLE, 20, where, *ask(kind))


def _resolve(context: Context, vlan: int, address: str, mac: str) -> None:
    """Answer ARP for the DHCP address, though nobody has it; also who asks by unicast whether it is still there."""
    asked: Match = {**pipeline.NETWORK(vlan), "proto": "arp", "arp_op": 1, "arp_tpa": address}
    actions = neighbour.answer_arp(address, mac)
    context.flow(names.INTEGRATION_BRIDGE, pipeline.SERVICE_TABLE, 10, asked, *actions)
    _end(context, vlan, mac)


def _end(context: Context, vlan: int, mac: str) -> None:
    context.flow(names.INTEGRATION_BRIDGE, pipeline.DESTINATION, 30, {**pipeline.NETWORK(vlan), "dl_dst": mac})

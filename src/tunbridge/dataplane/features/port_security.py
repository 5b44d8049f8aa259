"""What a workload may send from: its own addresses and the allowed address pairs. Tables 24 to 26.

Always allowed with the port's MAC address: asking for an address by DHCP, probing for a duplicate (ARP probe, DAD),
router solicitation, and multicast listener reports. Never: DHCP replies, router advertisements, redirects.
"""

import ipaddress

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.flow import Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.view import Port

_ANY = "0.0.0.0"  # noqa: S104 an address in packets
_NONE = "00:00:00:00:00:00"
"""What Open vSwitch reads as the link-layer address option of a packet without one."""
RA, NS, NA, REDIRECT = 134, 135, 136, 137
_FROM_UNSPECIFIED = (131, 132, 133, NS, 143)
"""ICMPv6 types that a node without an address sends: listener reports, router solicitation, DAD."""


def trusted(port: Port) -> bool:
    """Whether the port may send anything: port security is off, or it is the network's own."""
    return not port.port_security_enabled or port.device_owner.startswith("network:")


def macs(port: Port) -> list[str]:
    """MAC addresses that the port may send from, its own first."""
    return list(dict.fromkeys([port.mac_address, *(p.mac_address for p in port.allowed_address_pairs)]))


def link_local(mac: str) -> str:
    """The link-local address that a node makes of its MAC address (RFC 4291, appendix A)."""
    octets = bytearray(bytes.fromhex(mac.replace(":", "")))
    octets[0] ^= 0x02
    interface = bytes(octets[:3]) + b"\xff\xfe" + bytes(octets[3:])
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + interface))


def sources(port: Port) -> list[tuple[str, str]]:
    """(MAC address, address or prefix) that the port may send from."""
    found = [(port.mac_address, ip.ip_address) for ip in port.fixed_ips]
    found += [(p.mac_address, p.ip_address) for p in port.allowed_address_pairs]
    found += [(mac, link_local(mac)) for mac in macs(port)]
    return list(dict.fromkeys(found))


def common() -> list[Flow]:
    """Flows that are the same for every port."""
    nd, address = pipeline.ND_SECURITY, pipeline.ADDRESS_SECURITY
    allow, services = [goto(address)], [goto(pipeline.SERVICE_TABLE)]
    flows = [flow.make(nd, 30, _icmp6(kind), []) for kind in (RA, REDIRECT)]
    flows += [flow.make(nd, 20, _icmp6(NS, nd_sll=_NONE), allow), flow.make(nd, 20, _icmp6(NA, nd_tll=_NONE), allow)]
    flows += [flow.make(nd, 10, _icmp6(kind), []) for kind in (NS, NA)]
    flows += [
        # A workload is no DHCP server.
        flow.make(address, 60, {"proto": "udp", "tp_src": 67, "tp_dst": 68}, []),
        flow.make(address, 60, {"proto": "udp6", "tp_src": 547, "tp_dst": 546}, []),
        # DHCP of a workload that has no address yet.
        flow.make(
            address, 30,
            {"proto": "udp", "nw_src": _ANY, "nw_dst": "255.255.255.255", "tp_src": 68, "tp_dst": 67}, services,
        ),
    ]  # fmt: skip
    flows += [flow.make(address, 30, _icmp6(kind, ipv6_src="::"), services) for kind in _FROM_UNSPECIFIED]
    flows.append(flow.make(address, 20, _icmp6(NA), []))
    # A hypervisor announces a workload's MAC address after a live migration, for the switches of physical networks.
    flows.append(flow.make(address, 10, {"proto": "rarp"}, services))
    return flows


def _icmp6(kind: int, **match: str) -> Match:
    return {"proto": "icmp6", "icmp_type": kind, **match}


def compute(context: Context, port: Port, ofport: int) -> None:
    """Flows of one port."""
    if trusted(port):
        where: Match = {"in_port": ofport}
        context.flow(names.INTEGRATION_BRIDGE, pipeline.PORT_SECURITY, 5, where, goto(pipeline.SERVICE_TABLE))
        return
    for mac in macs(port):
        _mac(context, mac, ofport)
    for mac, address in sources(port):
        (_ipv6 if ":" in address else _ipv4)(context, mac, address, ofport)


def _mac(context: Context, mac: str, ofport: int) -> None:
    bridge, address = names.INTEGRATION_BRIDGE, goto(pipeline.ADDRESS_SECURITY)
    context.flow(bridge, pipeline.PORT_SECURITY, 10, {"in_port": ofport, "dl_src": mac}, goto(pipeline.ND_SECURITY))
    # Solicitations and advertisements that tell a link-layer address.
    context.flow(bridge, pipeline.ND_SECURITY, 20, {"in_port": ofport, **_icmp6(NS, nd_sll=mac)}, address)
    context.flow(bridge, pipeline.ND_SECURITY, 20, {"in_port": ofport, **_icmp6(NA, nd_tll=mac)}, address)
    # An ARP probe for a duplicate address (RFC 5227).
    probe = {"in_port": ofport, "proto": "arp", "dl_src": mac, "arp_sha": mac, "arp_spa": _ANY}
    context.flow(bridge, pipeline.ADDRESS_SECURITY, 10, probe, goto(pipeline.SERVICE_TABLE))


def _ipv4(context: Context, mac: str, address: str, ofport: int) -> None:
    where, source = {"in_port": ofport, "dl_src": mac}, flow.prefix(address)
    ip = {**where, "proto": "ip"} | ({"nw_src": source} if source else {})
    arp = {**where, "proto": "arp", "arp_sha": mac} | ({"arp_spa": source} if source else {})
    for match in (ip, arp):
        bridge = names.INTEGRATION_BRIDGE
        context.flow(bridge, pipeline.ADDRESS_SECURITY, 10, match, goto(pipeline.SERVICE_TABLE))


def _ipv6(context: Context, mac: str, address: str, ofport: int) -> None:
    where, source = {"in_port": ofport, "dl_src": mac}, flow.prefix(address)
    ip = {**where, "proto": "ipv6"} | ({"ipv6_src": source} if source else {})
    advertised = {**where, **_icmp6(NA)} | ({"nd_target": source} if source else {})
    services = goto(pipeline.SERVICE_TABLE)
    context.flow(names.INTEGRATION_BRIDGE, pipeline.ADDRESS_SECURITY, 10, ip, services)
    context.flow(names.INTEGRATION_BRIDGE, pipeline.ADDRESS_SECURITY, 25, advertised, services)


def has_unknown_macs(port: Port) -> bool:
    """Whether the port may use MAC addresses that are not its own, so that they have to be learned."""
    return trusted(port) or any(p.mac_address != port.mac_address for p in port.allowed_address_pairs)

"""Rows of the central database as values of the data plane. Each is made of a row and of others that belong to it."""

import ipaddress
from typing import Any

import msgspec

from tunbridge.database.rows import Row
from tunbridge.dataplane import view
from tunbridge.model import protocols
from tunbridge.model.gateway_order import gateway_ports
from tunbridge.model.resources import local_ip as local_ips
from tunbridge.model.resources import tap_mirror
from tunbridge.model.resources.qos import DIRECTIONS
from tunbridge.model.validators.plain import as_integer

_LARGEST_KBIT = 525
"""64 KiB, which a workload may hand over as one packet (GSO); a meter never lets one pass that is above its burst."""
_ANY_PROTOCOL = 0
"""A rule for protocol 0 lets all protocols pass, as the API's documentation says."""


def network(rows: tuple[Row, ...]) -> view.Network:
    (row,) = rows
    return view.Network(
        id=row.id,
        name=row.name,
        mtu=row.mtu,
        network_type=row.provider_network_type or "",
        physical_network=row.provider_physical_network,
        segmentation_id=row.provider_segmentation_id,
        admin_state_up=row.admin_state_up,
        dns_domain=row.dns_domain,
        external=row.router_external,
        is_private=row.pvlan,
        is_transparent=row.vlan_transparent or row.qinq,
        is_qinq=row.qinq,
        qos_policy_id=row.qos_policy_id,
        segments=tuple(
            view.Segment(one["network_type"], one["physical_network"], one["segmentation_id"])
            for one in _json(row.segments)
        ),
    )


def subnet(rows: tuple[Row, ...]) -> view.Subnet:
    (row,) = rows
    return view.Subnet(
        id=row.id,
        network_id=row.network_id,
        ip_version=row.ip_version,
        cidr=row.cidr,
        gateway_ip=row.gateway_ip,
        enable_dhcp=row.enable_dhcp,
        ipv6_ra_mode=row.ipv6_ra_mode,
        ipv6_address_mode=row.ipv6_address_mode,
        dns_nameservers=tuple(_json(row.dns_nameservers)),
        host_routes=tuple(view.HostRoute(one["destination"], one["nexthop"]) for one in _json(row.host_routes)),
        segment_id=row.segment_id,
    )


def port(rows: tuple[Row, ...]) -> view.Port:
    row, *bindings = rows
    return view.Port(
        id=row.id,
        network_id=row.network_id,
        name=row.name,
        mac_address=row.mac_address.lower(),
        fixed_ips=tuple(view.FixedIp(one["subnet_id"], one["ip_address"]) for one in _json(row.fixed_ips)),
        admin_state_up=row.admin_state_up,
        port_security_enabled=row.port_security_enabled,
        security_groups=row.security_groups,
        allowed_address_pairs=tuple(
            view.AddressPair(one["mac_address"].lower(), _canonical(one["ip_address"]))
            for one in _json(row.allowed_address_pairs)
        ),
        device_owner=row.device_owner,
        device_id=row.device_id,
        project_id=row.project_id,
        dns_name=row.dns_name,
        dns_domain=row.dns_domain,
        extra_dhcp_opts=tuple(
            view.DhcpOption(one["opt_name"], one["opt_value"], int(one["ip_version"]))
            for one in _json(row.extra_dhcp_opts)
        ),
        qos_policy_id=row.qos_policy_id,
        bindings=tuple(view.Binding(b.host, b.status, b.vif_type, b.vnic_type) for b in bindings if b.host),
        trunk_parent=row.trunk_parent,
        trunk_vlan=row.trunk_vlan,
        private_kind=row.pvlan_type,
        community=row.pvlan_community,
        tx_steering=_steering(_json(row.hints)),
    )


def _steering(hints: Any) -> str | None:
    """The one hint that Neutron takes, of the dictionaries that it stands in."""
    for key in ("openvswitch", "other_config"):
        hints = hints.get(key) if isinstance(hints, dict) else None
    found = hints.get("tx-steering") if isinstance(hints, dict) else None
    return found if isinstance(found, str) else None


def group(rows: tuple[Row, ...]) -> view.SecurityGroup:
    row, *rules = rows
    return view.SecurityGroup(id=row.id, stateful=row.stateful, rules=tuple(map(_rule, rules)))


def _rule(row: Row) -> view.Rule:
    """Give a rule with its protocol as a number, and its prefix in canonical text; a prefix of any address is none."""
    protocol = protocols.spellings(row.protocol, row.ethertype)
    prefix = row.normalized_cidr or row.remote_ip_prefix
    return view.Rule(
        id=row.id,
        direction=row.direction,
        ip_version=6 if row.ethertype == "IPv6" else 4,
        protocol=None if protocol == _ANY_PROTOCOL else protocol,
        port_min=row.port_range_min,
        port_max=row.port_range_max,
        remote_ip_prefix=None if prefix is None or prefix.endswith("/0") else _canonical(prefix),
        remote_group_id=row.remote_group_id,
        remote_address_group_id=row.remote_address_group_id,
    )


def address_group(rows: tuple[Row, ...]) -> tuple[str, ...]:
    (row,) = rows
    return tuple(row.addresses)


def router(rows: tuple[Row, ...]) -> view.Router:
    (row,) = rows
    return view.Router(
        id=row.id,
        project_id=row.project_id,
        admin_state_up=row.admin_state_up,
        interfaces=row.interfaces,
        networks=row.networks,
        routes=tuple(view.HostRoute(_canonical(one["destination"]), one["nexthop"]) for one in _json(row.routes)),
        gateway_port=row.gateway_port,
        further_gateways=gateway_ports(row.gateway_port, row.further_gateways)[1:],
        shares_default=row.enable_default_route_ecmp is True,
        gateway_host=row.gateway_host,
        gateway_standbys=row.gateway_standbys,
        gateway_qos_policy_id=row.gateway_qos_policy_id,
        enable_snat=row.enable_snat,
        is_distributed=row.distributed is not False,
        helpers=row.helpers,
        ndp_addresses=row.ndp_addresses if row.enable_ndp_proxy else None,
    )


def location(rows: tuple[Row, ...]) -> view.Location:
    (row,) = rows
    return view.Location(
        network_id=row.network_id, address=row.address, host=row.host, port_id=row.port_id,
        mac_address=row.mac_address, claim=row.claim,
    )  # fmt: skip


def floating_ip(rows: tuple[Row, ...]) -> view.FloatingIp:
    (row,) = rows
    return view.FloatingIp(
        id=row.floating_port,
        api_id=row.id,
        address=row.floating_ip_address,
        router_id=row.router_id,
        port_id=row.port_id,
        fixed_ip=row.fixed_ip_address,
        qos_policy_id=row.qos_policy_id,
    )


def forwarding(rows: tuple[Row, ...]) -> view.PortForwarding:
    (row,) = rows
    return view.PortForwarding(
        id=row.id,
        port_id=row.internal_port_id,
        fixed_ip=row.internal_ip_address,
        protocol=protocols.NUMBERS[row.protocol],
        first=row.external_first,
        last=row.external_last,
        inner=row.internal_first,
        one_to_one=row.internal_last > row.internal_first or row.external_last == row.external_first,
    )


def logged_traffic(rows: tuple[Row, ...]) -> view.LoggedTraffic:
    (row,) = rows
    return view.LoggedTraffic(
        id=row.id, project_id=row.project_id, resource_id=row.resource_id, target_id=row.target_id, event=row.event
    )  # fmt: skip


def mirror(rows: tuple[Row, ...]) -> view.Mirror:
    (row,) = rows
    ids = {name: as_integer(value) for name, value in msgspec.json.decode(row.directions).items()}
    both = ids.get(tap_mirror.BOTH)
    return view.Mirror(
        id=row.id, port_id=row.port_id, kind="gre" if row.mirror_type == tap_mirror.GRE else "erspan",
        remote_ip=_canonical(row.remote_ip), sent=ids.get(tap_mirror.OUT, both), received=ids.get(tap_mirror.IN, both),
    )  # fmt: skip


def tap_service(rows: tuple[Row, ...]) -> view.TapService:
    row, *bindings = rows
    host = next((b.host for b in bindings if b.host and b.status == "ACTIVE"), None)
    return view.TapService(id=row.id, port_id=row.port_id, tunnel_id=row.tunnel_id, host=host)


def tap(rows: tuple[Row, ...]) -> view.Tap:
    (row,) = rows
    return view.Tap(
        id=row.id, port_id=row.source_port, service_id=row.tap_service_id,
        sent=row.direction != tap_mirror.IN, received=row.direction != tap_mirror.OUT,
    )  # fmt: skip


def local_ip(rows: tuple[Row, ...]) -> view.LocalIp:
    (row,) = rows
    return view.LocalIp(
        id=row.local_ip_id, address=row.address, fixed_ip=row.fixed_ip, is_translated=row.ip_mode == local_ips.TRANSLATE
    )


def metering_label(rows: tuple[Row, ...]) -> view.MeteringLabel:
    row, *rules = rows
    return view.MeteringLabel(id=row.id, name=row.name, rules=tuple(map(_metering_rule, rules)))


def _metering_rule(row: Row) -> view.MeteringRule:
    """`remote_ip_prefix` is the address inside, as Neutron's agent takes it."""
    inside = row.remote_ip_prefix
    ends = (row.source_ip_prefix, row.destination_ip_prefix)
    if inside:
        ends = (inside, None) if row.direction == "egress" else (None, inside)
    version = next(ipaddress.ip_interface(end).version for end in ends if end)
    source, destination = (None if end is None or end.endswith("/0") else _canonical(end) for end in ends)
    return view.MeteringRule(
        id=row.id, direction=row.direction, ip_version=version, source=source, destination=destination,
        excluded=row.excluded,
    )  # fmt: skip


def qos_policy(rows: tuple[Row, ...]) -> view.QosPolicy:
    """What rules come to; a limit of 0 is none, as for Neutron's agent."""
    rates: dict[tuple[str, str], view.Rate] = {}
    dscp = minimum = None
    for row in rows:
        if (mark := getattr(row, "dscp_mark", None)) is not None:
            dscp = mark
        elif (least := getattr(row, "min_kbps", None)) is not None:
            minimum = least or None if row.direction == "egress" else minimum
        elif (kbps := getattr(row, "max_kbps", None)) is not None:
            rates["bandwidth", row.direction] = _rate(kbps, row.max_burst_kbps, _LARGEST_KBIT)
        elif hasattr(row, "max_kpps"):  # a minimum of packets is for Placement alone, as for Neutron's agent
            rates["packets", row.direction] = _rate(row.max_kpps * 1000, row.max_burst_kpps * 1000)
    limits = {
        direction: view.Limits(*(_limited(rates.get((kind, direction))) for kind in ("bandwidth", "packets")))
        for direction in DIRECTIONS
    }
    return view.QosPolicy(id="", sent=limits["egress"], received=limits["ingress"], dscp=dscp, minimum=minimum)


def _rate(rate: int, burst: int, least: int = 0) -> view.Rate:
    """A limit that OpenFlow can say, with Neutron's burst where none is given."""
    most = 2**32 - 1
    return view.Rate(min(rate, most), min(max(burst or -(-rate * 4 // 5), least), most))


def _limited(rate: view.Rate | None) -> view.Rate | None:
    return None if rate is None or not rate.rate else rate


def host(rows: tuple[Row, ...]) -> view.Host:
    (row,) = rows
    told = _json(row.configurations)
    told = told if isinstance(told, dict) else {}
    types, mappings = told.get("tunnel_types", []), told.get("bridge_mappings", {})
    return view.Host(
        host=row.host,
        tunnel_ip=_address(told.get("tunneling_ip")),
        tunnel_types=tuple(sorted(str(kind) for kind in types)) if isinstance(types, list) else (),
        physical_networks=tuple(sorted(map(str, mappings))) if isinstance(mappings, dict) else (),
    )


def _canonical(text: str) -> str:
    """Give an address or prefix in one spelling: host bits are cleared, and a prefix of one address is the address."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return text
    return str(found.network_address) if found.prefixlen == found.max_prefixlen else str(found)


def _address(text: Any) -> str | None:
    """Give what another host says is its address, if it is one."""
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else None
    except ValueError:
        return None


def _json(text: str) -> Any:
    return (msgspec.json.decode(text) if text else None) or []

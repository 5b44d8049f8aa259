"""The rows of the central database as the data plane reads them: converted once, as long as they do not change."""

import ipaddress
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter, is_
from typing import Any, Generic, TypeVar

import msgspec

from tunbridge.agent.central.registration import AGENT_TYPE
from tunbridge.database.rows import Row
from tunbridge.database.store import Store
from tunbridge.dataplane import view
from tunbridge.dataplane.view import Key
from tunbridge.model import protocols
from tunbridge.model.resources import local_ip, tap_mirror
from tunbridge.model.resources.qos import DIRECTIONS, RULES
from tunbridge.model.validators.plain import as_integer

T = TypeVar("T")
_by_id = attrgetter("id")
_by_host = attrgetter("host", "id")
_QOS = "Qos_Policy"
_QOS_TABLES = {rule.table for rule in RULES}
_LARGEST_KBIT = 525
"""64 KiB, which a workload may hand over as one packet (GSO); a meter never lets one pass that is above its burst."""
_ANY_PROTOCOL = 0
"""A rule for protocol 0 lets all protocols pass, as the API's documentation says."""


class _Memo(Generic[T]):
    """Results by id, each with the rows that it was made of."""

    def __init__(self, make: Callable[[tuple[Row, ...]], T]) -> None:
        self._make = make
        self._made: dict[str, tuple[tuple[Row, ...], T]] = {}

    def get(self, id: str, rows: tuple[Row, ...]) -> T:
        found = self._made.get(id)
        if found is not None and len(found[0]) == len(rows) and all(map(is_, found[0], rows)):
            return found[1]
        made = self._make(rows)
        self._made[id] = (rows, made)
        return made

    def forget(self, id: str) -> None:
        self._made.pop(id, None)


class CentralSource:
    """A `view.Source` over a store."""

    def __init__(self, store: Store, host: str) -> None:
        self._store = store
        self._host = host
        self._memos: dict[str, _Memo[Any]] = {
            "Network": _Memo(_network),
            "Subnet": _Memo(_subnet),
            "Port": _Memo(_port),
            "Security_Group": _Memo(_group),
            "Address_Group": _Memo(lambda rows: tuple(rows[0].addresses)),
            "Host": _Memo(_host),
            "Router": _Memo(_router),
            _QOS: _Memo(_limits),
            "Floating_Ip": _Memo(_floating_ip),
            "Port_Forwarding": _Memo(_forwarding),
            "Log": _Memo(_log),
            "Tap_Mirror": _Memo(_mirror),
            "Tap_Service": _Memo(_tap_service),
            "Tap_Flow": _Memo(_tap),
            "Metering_Label": _Memo(_metering_label),
            "Local_Ip_Association": _Memo(_local_ip),
        }
        self._hosts: dict[str, Row] = {}
        """Rows of other hosts' agents, by the name of the host."""
        store.listen(self._changed)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table in self._memos and old is not None and new is None:
            self._memos[table].forget(old.id)
        if table == "Host":
            self._host_changed(old, new)

    def _host_changed(self, old: Row | None, new: Row | None) -> None:
        if old is not None:
            before = self._hosts.pop(old.host, None)
            if before is not None and before is not old:  # another agent of this host, or a row that took its name
                self._hosts[old.host] = before
        if new is not None and new.agent_type == AGENT_TYPE and new.host != self._host:
            self._hosts[new.host] = new

    def _one(self, table: str, id: str) -> Any:
        row = self._store.get(table, id)
        return None if row is None else self._memos[table].get(id, (row,))

    def network(self, id: str) -> view.Network | None:
        found: view.Network | None = self._one("Network", id)
        return found

    def subnet(self, id: str) -> view.Subnet | None:
        found: view.Subnet | None = self._one("Subnet", id)
        return found

    def port(self, id: str) -> view.Port | None:
        row = self._store.get("Port", id)
        if row is None:
            return None
        bindings = sorted(self._store.find("Port_Binding", "port_id", id), key=_by_host)
        found: view.Port = self._memos["Port"].get(id, (row, *bindings))
        return found

    def port_status(self, id: str) -> str | None:
        told = {row.status for row in self._store.find("Port_Status", "port_id", id)}
        return "ACTIVE" if "ACTIVE" in told else next(iter(sorted(told)), None)

    def network_locations(self, network_id: str) -> Collection[view.Location]:
        return [_location(row) for row in self._store.find("Address_Location", "network_id", network_id)]

    def host_locations(self, host: str) -> Collection[view.Location]:
        return [_location(row) for row in self._store.find("Address_Location", "host", host)]

    def group(self, id: str) -> view.SecurityGroup | None:
        row = self._store.get("Security_Group", id)
        if row is None:
            return None
        rules = sorted(self._store.find("Security_Group_Rule", "security_group_id", id), key=_by_id)
        found: view.SecurityGroup = self._memos["Security_Group"].get(id, (row, *rules))
        return found

    def address_group(self, id: str) -> Collection[str]:
        return self._one("Address_Group", id) or ()

    def host(self, name: str) -> view.Host | None:
        row = self._hosts.get(name)
        return None if row is None else self._memos["Host"].get(row.id, (row,))

    def hosts(self) -> Collection[str]:
        """The names of the other hosts."""
        return self._hosts.keys()

    def network_ports(self, network_id: str) -> Collection[str]:
        return [row.id for row in self._store.find("Port", "network_id", network_id)]

    def network_subnets(self, network_id: str) -> Collection[str]:
        return [row.id for row in self._store.find("Subnet", "network_id", network_id)]

    def group_members(self, group_id: str) -> Collection[str]:
        return [row.id for row in self._store.find("Port", "security_groups", group_id)]

    def router(self, id: str) -> view.Router | None:
        found: view.Router | None = self._one("Router", id)
        return found

    def network_routers(self, network_id: str) -> Collection[str]:
        return [row.id for row in self._store.find("Router", "networks", network_id)]

    def qos_policy(self, id: str) -> view.QosPolicy:
        rows = (row for rule in RULES for row in self._store.find(rule.table, "qos_policy_id", id))
        found: view.QosPolicy = self._memos[_QOS].get(id, tuple(sorted(rows, key=_by_id)))
        return msgspec.structs.replace(found, id=id)

    def sub_ports(self) -> Collection[str]:
        return [row.id for row in self._store.having("Port", "trunk_parent")]

    def logs(self) -> Collection[view.LoggedTraffic]:
        return [self._memos["Log"].get(row.id, (row,)) for row in self._store.all("Log") if row.enabled]

    def mirrors(self, port_id: str) -> Collection[view.Mirror]:
        rows = self._store.find("Tap_Mirror", "port_id", port_id)
        return [self._memos["Tap_Mirror"].get(row.id, (row,)) for row in sorted(rows, key=_by_id)]

    def all_mirrors(self) -> Collection[view.Mirror]:
        """Those of this host's ports."""
        rows = list(self._store.all("Tap_Mirror"))
        if not rows:
            return []  # on nearly every host, and asked in each pass: its bindings may be a thousand
        here = {row.port_id for row in self._store.find("Port_Binding", "host", self._host)}
        return [self._memos["Tap_Mirror"].get(row.id, (row,)) for row in rows if row.port_id in here]

    def taps(self, port_id: str) -> Collection[view.Tap]:
        rows = sorted(self._store.find("Tap_Flow", "source_port", port_id), key=_by_id)
        return [self._memos["Tap_Flow"].get(row.id, (row,)) for row in rows]

    def tap(self, id: str) -> view.Tap | None:
        found: view.Tap | None = self._one("Tap_Flow", id)
        return found

    def tap_services(self, port_id: str) -> Collection[str]:
        return [row.id for row in self._store.find("Tap_Service", "port_id", port_id)]

    def tap_service(self, id: str) -> view.TapService | None:
        row = self._store.get("Tap_Service", id)
        if row is None:
            return None
        bindings = sorted(self._store.find("Port_Binding", "port_id", row.port_id), key=_by_host)
        found: view.TapService = self._memos["Tap_Service"].get(id, (row, *bindings))
        return found

    def local_ips(self, port_id: str) -> Collection[view.LocalIp]:
        rows = self._store.find("Local_Ip_Association", "fixed_port_id", port_id)
        return [self._memos["Local_Ip_Association"].get(row.id, (row,)) for row in sorted(rows, key=_by_id)]

    def metering_labels(self, project_id: str) -> Collection[view.MeteringLabel]:
        rows = [row for row in self._store.all("Metering_Label") if row.shared or row.project_id == project_id]
        return [self._metering_label(row) for row in rows]

    def _metering_label(self, row: Row) -> view.MeteringLabel:
        rules = sorted(self._store.find("Metering_Label_Rule", "metering_label_id", row.id), key=_by_id)
        found: view.MeteringLabel = self._memos["Metering_Label"].get(row.id, (row, *rules))
        return found

    def gateways(self, host: str) -> Collection[str]:
        first, others = (self._store.find("Router", name, host) for name in ("gateway_host", "gateway_standbys"))
        return [row.id for row in (*first, *others)]

    def floating_ip(self, id: str) -> view.FloatingIp | None:
        row = next(iter(self._store.find("Floating_Ip", "floating_port", id)), None)
        if row is None or row.router_id is None:
            return None
        found: view.FloatingIp = self._memos["Floating_Ip"].get(row.id, (row,))
        return found

    def forwardings(self, floating_ip_id: str) -> Collection[view.PortForwarding]:
        rows = self._store.find("Port_Forwarding", "floatingip_id", floating_ip_id)
        return [self._memos["Port_Forwarding"].get(row.id, (row,)) for row in rows]

    def router_floating_ips(self, router_id: str) -> Collection[str]:
        """The ids of their ports."""
        return [row.floating_port for row in self._store.find("Floating_Ip", "router_id", router_id)]


def keys_of(table: str, old: Row | None, new: Row | None) -> set[Key]:
    """The keys of the view that a changed row touches."""
    rows = [row for row in (old, new) if row is not None]
    match table:
        case "Network":
            return {("network", row.id) for row in rows}
        case "Subnet":
            return view.subnet_keys(old, new)
        case "Port":
            return view.port_keys(old, new)
        case "Port_Binding":
            return {("port", row.port_id) for row in rows}
        case "Router":
            return view.router_keys(old, new)
        case "Floating_Ip":
            return _floating_keys(rows)
        case "Port_Forwarding":
            return {("forwardings", row.floatingip_id) for row in rows}
        case "Port_Status":
            return {("port-status", row.port_id) for row in rows}
        case "Address_Location":
            return {("network-locations", row.network_id) for row in rows}
        case "Log":
            return {("logs", "")}
        case "Tap_Mirror":
            return {("mirrors", row.port_id) for row in rows}
        case "Tap_Service":
            return {key for row in rows for key in (("tap-service", row.id), ("tap-services", row.port_id))}
        case "Tap_Flow":
            return {key for row in rows for key in (("tap", row.id), ("taps", row.source_port))}
        case "Local_Ip_Association":
            return {("local-ips", row.fixed_port_id) for row in rows}
        case "Metering_Label":
            return {("metering", "" if row.shared else row.project_id) for row in rows}
        case "Metering_Label_Rule":
            return {("metering-label", row.metering_label_id) for row in rows}
        case "Security_Group":
            return {("group", row.id) for row in rows}
        case "Security_Group_Rule":
            return {("group", row.security_group_id) for row in rows}
        case "Address_Group":
            return {("address-group", row.id) for row in rows}
        case table if table in _QOS_TABLES:
            return {("qos-policy", row.qos_policy_id) for row in rows}
        case "Host":
            names: set[Key] = {("host", row.host) for row in rows}
            return names if len(rows) == 2 and len(names) == 1 else names | {("hosts", "")}
    return set()


def _floating_keys(rows: Iterable[Row]) -> set[Key]:
    routers: set[Key] = {("router-floating", row.router_id) for row in rows if row.router_id is not None}
    return routers | {("floating", row.floating_port) for row in rows}


def _network(rows: tuple[Row, ...]) -> view.Network:
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
        qos_policy_id=row.qos_policy_id,
        segments=tuple(
            view.Segment(one["network_type"], one["physical_network"], one["segmentation_id"])
            for one in _json(row.segments)
        ),
    )


def _subnet(rows: tuple[Row, ...]) -> view.Subnet:
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


def _port(rows: tuple[Row, ...]) -> view.Port:
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
            view.AddressPair(one["mac_address"].lower(), canonical(one["ip_address"]))
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
        tx_steering=_steering(_json(row.hints)),
    )


def _steering(hints: Any) -> str | None:
    """The one hint that Neutron takes, of the dictionaries that it stands in."""
    for key in ("openvswitch", "other_config"):
        hints = hints.get(key) if isinstance(hints, dict) else None
    found = hints.get("tx-steering") if isinstance(hints, dict) else None
    return found if isinstance(found, str) else None


def _group(rows: tuple[Row, ...]) -> view.SecurityGroup:
    row, *rules = rows
    return view.SecurityGroup(id=row.id, stateful=row.stateful, rules=tuple(map(rule_of, rules)))


def rule_of(row: Row) -> view.Rule:
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
        remote_ip_prefix=None if prefix is None or prefix.endswith("/0") else canonical(prefix),
        remote_group_id=row.remote_group_id,
        remote_address_group_id=row.remote_address_group_id,
    )


def _router(rows: tuple[Row, ...]) -> view.Router:
    (row,) = rows
    return view.Router(
        id=row.id,
        project_id=row.project_id,
        admin_state_up=row.admin_state_up,
        interfaces=row.interfaces,
        networks=row.networks,
        routes=tuple(view.HostRoute(canonical(one["destination"]), one["nexthop"]) for one in _json(row.routes)),
        gateway_port=row.gateway_port,
        gateway_host=row.gateway_host,
        gateway_standbys=row.gateway_standbys,
        gateway_qos_policy_id=row.gateway_qos_policy_id,
        enable_snat=row.enable_snat,
        is_distributed=row.distributed is not False,
        helpers=row.helpers,
        ndp_addresses=row.ndp_addresses if row.enable_ndp_proxy else None,
    )


def _location(row: Row) -> view.Location:
    return view.Location(
        network_id=row.network_id, address=row.address, host=row.host, port_id=row.port_id,
        mac_address=row.mac_address, claim=row.claim,
    )  # fmt: skip


def _floating_ip(rows: tuple[Row, ...]) -> view.FloatingIp:
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


def _forwarding(rows: tuple[Row, ...]) -> view.PortForwarding:
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


def _log(rows: tuple[Row, ...]) -> view.LoggedTraffic:
    (row,) = rows
    return view.LoggedTraffic(
        id=row.id, project_id=row.project_id, resource_id=row.resource_id, target_id=row.target_id, event=row.event
    )  # fmt: skip


def _mirror(rows: tuple[Row, ...]) -> view.Mirror:
    (row,) = rows
    ids = {name: as_integer(value) for name, value in msgspec.json.decode(row.directions).items()}
    both = ids.get(tap_mirror.BOTH)
    return view.Mirror(
        id=row.id, port_id=row.port_id, kind="gre" if row.mirror_type == tap_mirror.GRE else "erspan",
        remote_ip=canonical(row.remote_ip), sent=ids.get(tap_mirror.OUT, both), received=ids.get(tap_mirror.IN, both),
    )  # fmt: skip


def _tap_service(rows: tuple[Row, ...]) -> view.TapService:
    row, *bindings = rows
    host = next((b.host for b in bindings if b.host and b.status == "ACTIVE"), None)
    return view.TapService(id=row.id, port_id=row.port_id, tunnel_id=row.tunnel_id, host=host)


def _tap(rows: tuple[Row, ...]) -> view.Tap:
    (row,) = rows
    return view.Tap(
        id=row.id, port_id=row.source_port, service_id=row.tap_service_id,
        sent=row.direction != tap_mirror.IN, received=row.direction != tap_mirror.OUT,
    )  # fmt: skip


def _local_ip(rows: tuple[Row, ...]) -> view.LocalIp:
    (row,) = rows
    return view.LocalIp(
        id=row.local_ip_id, address=row.address, fixed_ip=row.fixed_ip, is_translated=row.ip_mode == local_ip.TRANSLATE
    )


def _metering_label(rows: tuple[Row, ...]) -> view.MeteringLabel:
    row, *rules = rows
    return view.MeteringLabel(id=row.id, name=row.name, rules=tuple(map(_metering_rule, rules)))


def _metering_rule(row: Row) -> view.MeteringRule:
    """`remote_ip_prefix` is the address inside, as Neutron's agent takes it."""
    inside = row.remote_ip_prefix
    ends = (row.source_ip_prefix, row.destination_ip_prefix)
    if inside:
        ends = (inside, None) if row.direction == "egress" else (None, inside)
    version = next(ipaddress.ip_interface(end).version for end in ends if end)
    source, destination = (None if end is None or end.endswith("/0") else canonical(end) for end in ends)
    return view.MeteringRule(
        id=row.id, direction=row.direction, ip_version=version, source=source, destination=destination,
        excluded=row.excluded,
    )  # fmt: skip


def _limits(rows: tuple[Row, ...]) -> view.QosPolicy:
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


def _host(rows: tuple[Row, ...]) -> view.Host:
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


def canonical(text: str) -> str:
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

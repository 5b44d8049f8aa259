"""Ports: their addresses, MAC, security and names. Where they are plugged in: bindings.py."""

import functools
import ipaddress
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from tunbridge.model.convert import canonical_mac
from tunbridge.model.resource import UNSET
from tunbridge.rules import (
    bindings,
    boot_configs,
    ipam,
    local_ip_ports,
    logs,
    qos,
    qos_minimums,
    rbac,
    routed,
    sub_ports,
    tap_mirrors,
    taps,
    trunks,
)
from tunbridge.rules.base import Rules, check_tag_count
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, http_bad_request, invalid
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.settings import NetworkingSettings
from tunbridge.rules.subnets import is_auto_address, pools_of

GATEWAYS = ("network:router_gateway", "network:floatingip")
ROUTER_OWNERS = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
    "network:router_centralized_snat",
)
ROUTER_PORTS = ("network:ha_router_replicated_interface", "network:router_interface", *GATEWAYS)
"""Owners whose ports go by requests for routers and floating IPs, and not by one for the port."""
SEQUENTIAL_OWNERS = ("network:dhcp", *ROUTER_OWNERS[:3])
"""Neutron gives these the first free address, not any."""
BINDING = ("binding:host_id", "binding:vnic_type", "binding:profile")
SPELLING = "mac_address_as_given"
"""Key of an address pair in the database: clients that compare (Terraform) want their own spelling back, hosts one."""
_ADDRESS_KEY = ("subnet", "ip_address")
_MAC_TRIES = 16


class PortRules(Rules):
    """The rules of ports."""

    name = "Port"
    first_revision = 1
    dns_domain = NetworkingSettings().dns_domain
    """What names of ports end in."""

    def create(self, txn: Txn, request: Request, values: Values, limited: bool = True) -> str:
        """Make a port with its addresses and binding; `limited` by the quota. Raises NetworkingError."""
        values = dict(values)
        _check_dns_name(given(values.get("dns_name")), self.dns_domain)
        check_tag_count(self.resource, given(values.get("tags")) or ())
        network = self._network(txn, request, values)
        values["mac_address"] = self._mac(txn, request, network.id, given(values.get("mac_address")))
        host, vnic_type, profile = (given(values.pop(name, None)) for name in BINDING)
        wanted = given(values.pop("fixed_ips", UNSET))
        addresses, allocation = self._first_addresses(txn, request, network, values, wanted, host or "")
        self._secure(txn, request, values, network)
        values["extra_dhcp_opts"] = _dhcp_options(values.get("extra_dhcp_opts") or [], [])
        bound = bindings.values(
            txn,
            request,
            network,
            host or "",
            vnic_type or "normal",
            profile or {},
            bindings.ACTIVE,
            routed.segments_of(txn, addresses),
        )
        _rely_on_subnets(txn, network)
        id = str(uuid4())
        qos.take(self, txn, request, values)
        qos.check_port(txn, network, values, id, vnic_type or "normal")
        return self.insert(
            txn,
            request,
            values,
            id,
            limited,
            addresses=tuple(addresses),
            fixed_ips=fixed_ips_text(txn, addresses),
            ip_allocation=allocation,
            bindings=(txn.insert(bindings.TABLE, {**bound, "port_id": id}),),
        )

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a port. Raises NetworkingError."""
        if "fixed_ips" in values and row.device_owner in ROUTER_OWNERS and _moves_ipv4(txn, row, values["fixed_ips"]):
            raise BadRequest("BadRequest", f"Bad ports request: IP updates for port {row.id} are not allowed.")
        self.move(txn, request, row, values)

    def move(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a port, a router's too. Raises NetworkingError."""
        values = dict(values)
        self.check_revision(request, row)
        _check_dns_name(values.get("dns_name"), self.dns_domain)
        network = self.others["network"].get(txn, row.network_id)
        columns: Values = {}
        if "mac_address" in values:
            self._move_mac(txn, request, row, values)
        mac = values.get("mac_address", row.mac_address)
        if "fixed_ips" in values or mac != row.mac_address:
            wanted = values.pop("fixed_ips", None)
            owner = values.get("device_owner", row.device_owner)
            host = self._host_after(txn, row, values)
            columns["addresses"] = self._moved_addresses(txn, request, network, row, wanted, mac, owner, host)
            _check_floating(txn, row, columns["addresses"])
            self._leave_led(txn, request, row, columns["addresses"])
        elif "binding:host_id" in values and (host := self._host_after(txn, row, values)) != routed.host_of(txn, row):
            columns |= routed.settle(self, txn, request, row, host)
            if host:
                routed.check_move(txn, network, row, host)
        merged = self._merged(row, values)
        self._secure(txn, request, merged, network, row)
        values |= {name: merged[name] for name in merged if name in values}
        if "extra_dhcp_opts" in values:
            there = msgspec.json.decode(row.extra_dhcp_opts or "[]")
            values["extra_dhcp_opts"] = _dhcp_options(values["extra_dhcp_opts"] or [], there)
        asked = {name: values.pop(name) for name in BINDING if name in values}
        if asked:
            on = routed.segments_of(txn, columns.get("addresses", row.addresses))
            found = bindings.changed(txn, request, row, network, asked, on)
            if found is not None:
                columns["bindings"] = found
                # The binding is a row of its own: count the port's revision up even where the list stays as it is.
                if found == row.bindings:
                    self.touch(txn, request, row, {})
                    row = txn.get(self.table, row.id)
                    request = request.unconditional
        qos.change(self, txn, request, network, row, {**values, **asked})
        self.save(txn, request, row, values, **columns)
        if "bindings" in columns:
            sub_ports.follow(self, txn, request, txn.get(self.table, row.id))

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a port, unless a router or floating IP has it; its floating IPs lead nowhere. Raises Conflict."""
        kept_by = {"network:floatingip": "Floating_Ip"}.get(row.device_owner, "Router")
        if row.device_owner in ROUTER_PORTS and txn.get(kept_by, row.device_id) is not None:
            reason = f"has device owner {row.device_owner}"
            message = f"Port {row.id} cannot be deleted directly via the port API: {reason}."
            raise Conflict("ServicePortInUse", message)
        trunks.check_deletable(txn, row)
        local_ip_ports.check_unused(txn, row.id)
        floating: Any = self.others["floatingip"]
        floating.leave(txn, request, row)
        self._leave_led(txn, request, row, ())
        self.remove(txn, request, row)

    def _leave_led(self, txn: Txn, request: Request, row: Row, left: Iterable[str]) -> None:
        """Remove what leads to addresses that are not left: port forwardings and NDP proxies."""
        there = frozenset(address.ip_address for id in left if (address := txn.get("Address", id)) is not None)
        for name in ("port_forwarding", "ndp_proxy"):
            rules: Any = self.others[name]
            rules.leave(txn, request, row, there)

    def remove(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a port with its boot configuration."""
        boot_configs.remove_of(txn, row.id)
        logs.remove_of(txn, "target_id", row.id)
        tap_mirrors.remove_of(txn, row.id)
        taps.remove_of(txn, row.id)
        local_ip_ports.remove_of(txn, row.id)
        super().remove(txn, request, row)

    def touch(self, txn: Txn, request: Request, row: Row, columns: Mapping[str, Any]) -> None:
        """Count up a port's revision, with changes; hosts read its addresses as text."""
        if "addresses" in columns:
            columns = {**columns, "fixed_ips": fixed_ips_text(txn, columns["addresses"])}
        super().touch(txn, request, row, columns)

    # Reading

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give addresses, names, binding and status."""
        fixed, network = fixed_ips(reader, row.addresses), reader.get("Network", row.network_id)
        bound = bindings.body(reader, row)
        return {
            "fixed_ips": fixed,
            "status": bindings.status(reader, row),
            "dns_assignment": [_dns(row, ip["ip_address"], self.dns_domain) for ip in fixed],
            "allowed_address_pairs": _as_given(row),
            "qos_network_policy_id": None if network is None else network.qos_policy_id,
            "resource_request": qos_minimums.resource_request(reader, row, network, bound["binding:vnic_type"]),
            "ip_allocation": row.ip_allocation or routed.IMMEDIATE,
            **bound,
            **trunks.details(reader, row),
        }

    def network_project(self, reader: Reader, row: Row) -> str | None:
        """Give the owner of the port's network."""
        network = reader.get("Network", row.network_id)
        return None if network is None else str(network.project_id)

    def alike(self, row: Row) -> Hashable | None:
        """Ports of one project on one network for the same kind of device are the same for policy."""
        return (row.project_id, row.network_id, row.device_owner)

    def shared_with(self, reader: Reader, row: Row, project: str | None) -> bool:
        """Say whether the port's network is shared with a project."""
        network = reader.get("Network", row.network_id)
        return network is not None and self.others["network"].shared_with(reader, network, project)

    def candidates(self, reader: Reader, caller: Caller) -> list[Row] | None:
        """Give the ports of a caller's project and those on its networks."""
        if "service" in caller.roles or caller.project_id is None:
            return None
        found = {row.id: row for row in reader.find("Port", "project_id", caller.project_id)}
        for network in reader.find("Network", "project_id", caller.project_id):
            found.update((row.id, row) for row in reader.find("Port", "network_id", network.id))
        return list(found.values())

    def check_parent(self, reader: Reader, values: Values, caller: Caller) -> None:
        """Refuse a port on a network that is not there for the caller. Raises NotFound."""
        super().check_parent(reader, values, caller)
        rules = self.others["network"]
        network = rules.get(reader, values["network_id"])
        mine = caller.project_id in (network.project_id, None) or caller.is_admin or "service" in caller.roles
        if not (mine or rules.shared_with(reader, network, caller.project_id)):
            external = rules.external_for(reader, network, caller.project_id)
            if not external:
                raise rules.absent(network.id)

    # Parts

    def _network(self, txn: Txn, request: Request, values: Values) -> Row:
        """Give the network; a caller who may not use it does not learn that it is there."""
        rules = self.others["network"]
        network = rules.get(txn, values["network_id"])
        caller = request.caller
        if caller.is_admin or "service" in caller.roles or network.project_id == values["project_id"]:
            return network
        if caller.project_id == network.project_id or rbac.lets_use(txn, rules, network, caller.project_id):
            return network
        raise rules.absent(network.id)

    def _mac(self, txn: Txn, request: Request, network: str, wanted: str | None) -> str:
        key = ("network_id", "mac_address")
        if wanted is not None:
            if txn.find_unique("Port", key, (network, wanted)) is not None:
                raise mac_in_use(network, wanted)
            return wanted
        base = request.settings.base_mac.lower().split(":")
        fixed = base[:3] if base[3] == "00" else base[:4]
        for _ in range(_MAC_TRIES):
            rest = [f"{request.random.randrange(256):02x}" for _ in range(6 - len(fixed))]
            mac = ":".join([*fixed, *rest])
            if txn.find_unique("Port", key, (network, mac)) is None:
                return mac
        message = f"Unable to generate unique mac on network {network}."
        raise Conflict("MacAddressGenerationFailure", message)

    def _move_mac(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        wanted = values["mac_address"]
        if wanted == row.mac_address:
            return
        host = bindings.body(txn, row)
        if host["binding:host_id"] and host["binding:vif_type"] not in (bindings.UNBOUND, bindings.FAILED):
            message = (
                f"Unable to complete operation on port {row.id}, port is already bound, port type:"
                f" {host['binding:vif_type']}, old_mac {row.mac_address}, new_mac {wanted}."
            )
            raise Conflict("PortBound", message)
        if row.device_owner.startswith("network:"):
            message = (
                f"Operation mac address update is not supported for device_owner {row.device_owner} on port {row.id}."
            )
            raise Conflict("UnsupportedPortDeviceOwner", message)
        values["mac_address"] = self._mac(txn, request, row.network_id, wanted)

    @staticmethod
    def _host_after(txn: Txn, row: Row, values: Values) -> str:
        return str(values.get("binding:host_id", routed.host_of(txn, row)) or "")

    # Addresses

    def _first_addresses(
        self,
        txn: Txn,
        request: Request,
        network: Row,
        values: Values,
        wanted: list[dict[str, str]] | None,
        host: str,
    ) -> tuple[list[str], str | None]:
        """Take the addresses of a new port; give their rows, and when it gets its addresses (None: now)."""
        addresses = self._new_addresses(txn, request, network, values, wanted, host)
        if wanted is not None:
            return addresses, routed.NONE if not wanted else None
        if addresses or host or not routed.is_routed(txn.find("Subnet", "network_id", network.id)):
            return addresses, None
        if values.get("device_owner") in GATEWAYS:
            raise no_address_without_host(network.id)
        return addresses, routed.DEFERRED

    def addresses_on(self, txn: Txn, request: Request, port: Row, host: str) -> list[str]:
        """Take the addresses of a port that gets a host only now, and give their rows. Raises NetworkingError."""
        network = self.others["network"].get(txn, port.network_id)
        _rely_on_subnets(txn, network)
        values = {"device_owner": port.device_owner, "mac_address": port.mac_address}
        return self._new_addresses(txn, request, network, values, None, host)

    def _new_addresses(
        self,
        txn: Txn,
        request: Request,
        network: Row,
        values: Values,
        wanted: list[dict[str, str]] | None,
        host: str,
    ) -> list[str]:
        """Take the addresses of a new port, and give their rows."""
        owner, mac = values.get("device_owner") or "", values["mac_address"]
        subnets = routed.reachable(txn, network, self._candidates(txn, network, owner), host, wanted)
        taker = _Taker(txn, request, network, owner, mac)
        if wanted is None:
            taker.any_of([s for s in subnets if s.ip_version == 4])
            taker.any_of([s for s in subnets if s.ip_version == 6 and not is_auto_address(s)])
        else:
            self._check_count(request, wanted)
            self._take_wanted(txn, taker, subnets, network, wanted)
        taker.automatic(subnets)
        return taker.rows

    def _take_wanted(
        self, txn: Txn, taker: "_Taker", subnets: list[Row], network: Row, wanted: list[dict[str, str]]
    ) -> None:
        """Take what a request names: addresses first, so that none of them is given to an entry that names a subnet."""
        places = [(self._subnet_for(txn, subnets, network, entry, taker.owner), entry) for entry in wanted]
        for subnet, entry in places:
            if "ip_address" in entry:
                taker.this(subnet, entry["ip_address"])
        for subnet, entry in places:
            if "ip_address" not in entry and (not is_auto_address(subnet) or taker.owner in ROUTER_OWNERS):
                taker.any_of([subnet])

    def _moved_addresses(
        self,
        txn: Txn,
        request: Request,
        network: Row,
        row: Row,
        wanted: list[dict[str, str]] | None,
        mac: str,
        owner: str,
        host: str,
    ) -> tuple[str, ...]:
        """Take and give back addresses so that a port has those that it should: kept ones stay the same rows."""
        _rely_on_subnets(txn, network)
        there: dict[str, Any] = {id: txn.get("Address", id) for id in row.addresses}
        automatic = {s.id for s in txn.find("Subnet", "network_id", network.id) if is_auto_address(s)}
        if wanted is None:
            wanted = [
                {"subnet_id": a.subnet, "ip_address": a.ip_address} for a in there.values() if a.subnet not in automatic
            ]
        self._check_count(request, wanted)
        subnets = routed.reachable(txn, network, self._candidates(txn, network, owner), host, wanted)
        taker = _Taker(txn, request, network, owner, mac)
        kept: dict[str, Row] = {}
        rest: list[dict[str, str]] = []
        for entry in wanted:
            same = next((a for a in there.values() if a.id not in kept and _is_same(entry, a)), None)
            if same is None:
                rest.append(entry)
            else:
                kept[same.id] = same
        still: list[dict[str, str]] = []
        for entry in rest:
            reuse = None
            if "ip_address" not in entry:
                reuse = next(
                    (
                        a
                        for a in there.values()
                        if a.id not in kept and a.subnet == entry.get("subnet_id") and a.subnet not in automatic
                    ),
                    None,
                )
            if reuse is None:
                still.append(entry)
            else:
                kept[reuse.id] = reuse
        if mac == row.mac_address and owner not in ROUTER_OWNERS:
            # Addresses that hosts make themselves cannot be taken away while their subnets are there.
            kept.update((a.id, a) for a in there.values() if a.subnet in automatic)
        for address in there.values():
            if address.id not in kept:
                txn.delete("Address", address.id)
        self._take_wanted(txn, taker, subnets, network, still)
        taker.automatic([s for s in subnets if s.id not in {a.subnet for a in kept.values()}])
        return (*kept, *taker.rows)

    @staticmethod
    def _candidates(txn: Txn, network: Row, owner: str) -> list[Row]:
        """Give the subnets that a port may have addresses of: by service type where subnets have one."""
        subnets = txn.find("Subnet", "network_id", network.id)
        special = [s for s in subnets if owner and (owner in s.service_types or _serves_dhcp(s, owner))]
        found = [*special, *(s for s in subnets if not s.service_types)]
        if subnets and not found:
            message = f"No valid service subnet for the given device owner, network {network.id}, service type {owner}."
            raise Conflict("IpAddressGenerationFailureNoMatchingSubnet", message)
        return found

    def _subnet_for(self, txn: Txn, subnets: list[Row], network: Row, entry: dict[str, str], owner: str) -> Row:
        if not subnets:
            raise invalid("IP allocation requires subnets for network")
        if "subnet_id" in entry:
            subnet = next((s for s in subnets if s.id == entry["subnet_id"]), None)
            if subnet is None:
                self.others["subnet"].get(txn, entry["subnet_id"])
                raise invalid(
                    f"Failed to create port on network {network.id}, because fixed_ips included invalid subnet"
                    f" {entry['subnet_id']}"
                )
            if "ip_address" in entry and not _fits(subnet, entry["ip_address"], owner):
                message = f"IP address {entry['ip_address']} is not a valid IP for the specified subnet."
                raise BadRequest("InvalidIpForSubnet", message)
            return subnet
        if "ip_address" not in entry:
            raise invalid("IP allocation requires subnet_id or ip_address")
        for subnet in subnets:
            if _fits(subnet, entry["ip_address"], owner):
                return subnet
        message = f"IP address {entry['ip_address']} is not a valid IP for any of the subnets on the specified network."
        raise BadRequest("InvalidIpForNetwork", message)

    @staticmethod
    def _check_count(request: Request, wanted: list[Any]) -> None:
        most = request.settings.max_fixed_ips_per_port
        if len(wanted) > most:
            raise invalid(f"Exceeded maximum amount of fixed ips per port: a port has at most {most}")

    def subnet_added(self, txn: Txn, request: Request, subnet: Row) -> None:
        """Give the ports of a network their address on a new subnet on which hosts make their own."""
        txn.verify_rows("Port", "network_id", subnet.network_id)  # a new port that did not see it is given one, too
        for port in txn.find("Port", "network_id", subnet.network_id):
            if port.device_owner in ROUTER_OWNERS:
                continue
            network = txn.get("Network", subnet.network_id)
            if not routed.concerns(txn, network, port, subnet):
                continue
            taker = _Taker(txn, request, network, port.device_owner, port.mac_address)
            taker.automatic([subnet])
            plain = request.unconditional
            self.touch(txn, plain, port, {"addresses": (*port.addresses, *taker.rows)})

    # Security

    def _merged(self, row: Row, values: Values) -> Values:
        return {
            "project_id": row.project_id,
            "port_security_enabled": row.port_security_enabled,
            "security_groups": list(row.security_groups),
            "allowed_address_pairs": _as_given(row),
            "mac_address": row.mac_address,
            "device_owner": row.device_owner,
            **values,
        }

    def _secure(self, txn: Txn, request: Request, values: Values, network: Row, row: Row | None = None) -> None:
        """See to port security, groups and address pairs, which depend on each other. Raises NetworkingError."""
        trusted = (values.get("device_owner") or "").startswith("network:")
        enabled = given(values.get("port_security_enabled"))
        if enabled is None:
            enabled = False if trusted else network.port_security_enabled
        values["port_security_enabled"] = enabled
        groups = given(values.get("security_groups", UNSET))
        if row is None and groups is None:
            wants_default = enabled and not trusted
            groups = [self._default_group(txn, request, values["project_id"])] if wants_default else []
        if groups and not enabled:
            if row is not None and set(groups) == set(row.security_groups):
                message = (
                    "Port has security group associated. Cannot disable port security or IP address until security"
                    " group is removed."
                )
                raise Conflict("PortSecurityPortHasSecurityGroup", message)
            message = "Port security must be enabled and port must have an IP address in order to use security groups."
            raise BadRequest("PortSecurityAndIPRequiredForSecurityGroups", message)
        values["security_groups"] = groups or []
        self._check_groups(txn, request, values["security_groups"], values["project_id"], row)
        pairs = given(values.get("allowed_address_pairs")) or []
        if pairs and not enabled:
            message = "Port Security must be enabled in order to have allowed address pairs on a port."
            raise Conflict("AddressPairAndPortSecurityRequired", message)
        values["allowed_address_pairs"] = _pairs(request, pairs, values["mac_address"])

    def _default_group(self, txn: Txn, request: Request, project: str) -> str:
        rules: Any = self.others["security_group"]
        return str(rules.default(txn, request, project))

    def _check_groups(self, txn: Txn, request: Request, ids: list[str], project: str, row: Row | None) -> None:
        rules = self.others["security_group"]
        kept = set() if row is None else set(row.security_groups)
        found = []
        for id in dict.fromkeys(ids):
            group = rules.get(txn, id)
            mine = group.project_id in (project, request.caller.project_id) or request.caller.is_admin
            if id not in kept and not mine and not rbac.lets_use(txn, rules, group, request.caller.project_id):
                raise rules.absent(id)
            found.append(group)
        for group in found if len(found) > 1 else ():
            txn.verify("Security_Group", group.id, "stateful")
        if len({group.stateful for group in found}) > 1:
            reason = "Cannot apply both stateful and stateless security groups on the same port at the same time"
            raise Conflict("SecurityGroupConflict", f"Error {reason} while attempting the operation.")


def fixed_ips(reader: Reader, addresses: Iterable[str]) -> list[dict[str, str]]:
    """Give the fixed IPs of a port by the ids of its addresses, IPv4 first."""
    found = [reader.get("Address", id) for id in addresses]
    ordered = sorted((a for a in found if a is not None), key=lambda a: (":" in a.ip_address, a.ip_address))
    return [{"subnet_id": a.subnet, "ip_address": a.ip_address} for a in ordered]


def fixed_ips_text(reader: Reader, addresses: Iterable[str]) -> str:
    """Give the column `fixed_ips` of a port by the ids of its addresses."""
    return msgspec.json.encode(fixed_ips(reader, addresses)).decode()


def _moves_ipv4(reader: Reader, row: Row, wanted: list[dict[str, str]]) -> bool:
    """Whether a port would not have the IPv4 addresses that it has."""
    there = {ip["ip_address"] for ip in fixed_ips(reader, row.addresses) if ":" not in ip["ip_address"]}
    return there != {ip["ip_address"] for ip in wanted if ":" not in ip.get("ip_address", ":")}


def _check_floating(txn: Txn, row: Row, left: Iterable[str]) -> None:
    """Refuse to take an address away that a floating IP leads to. Raises BadRequest."""
    txn.verify_rows("Floating_Ip", "port_id", row.id)
    there = {address.ip_address for id in left if (address := txn.get("Address", id)) is not None}
    for floating in txn.find("Floating_Ip", "port_id", row.id):
        if floating.fixed_ip_address not in there:
            message = (
                f"Bad port request: Cannot update the fixed_ips of the port {row.id}, because its original fixed_ip has"
                " been associated to a floating ip."
            )
            raise BadRequest("BadRequest", message)


def _serves_dhcp(subnet: Row, owner: str) -> bool:
    """Whether a port of a DHCP server has an address there, whatever the subnet is for."""
    return bool(subnet.service_types) and subnet.enable_dhcp and owner == "network:dhcp"


def _rely_on_subnets(txn: Txn, network: Row) -> None:
    """Rely on the network's subnets being those that are seen now: each new one counts its revision up."""
    txn.verify("Network", network.id, "revision_number")


def _has_fixed_ip(reader: Reader, row: Row, wanted: list[Any], _caller: Caller) -> bool:
    """Filter by `fixed_ips=KEY=VALUE`: one of the port's addresses has one of the values for each key."""
    tests = {
        "ip_address": lambda a, values: any(_equal(a.ip_address, value) for value in values),
        "ip_address_substr": lambda a, values: any(value in a.ip_address for value in values),
        "subnet_id": lambda a, values: a.subnet in values,
        "subnet": lambda a, values: a.subnet in values,
    }
    for pairs in wanted:
        unknown = pairs.keys() - tests.keys()
        if unknown:
            raise invalid(f"fixed_ips cannot be filtered by {', '.join(sorted(unknown))}")
        found = [reader.get("Address", id) for id in row.addresses]
        if not any(all(tests[key](a, values) for key, values in pairs.items()) for a in found if a is not None):
            return False
    return True


def _equal(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def _is_bound_to(reader: Reader, row: Row, wanted: list[Any], _caller: Caller) -> bool:
    """Filter by host: also one that the port is on its way to or from."""
    if host := bindings.gateway_host(reader, row):
        return host in wanted
    return any(binding.host in wanted for binding in bindings.of(reader, row)) or (not row.bindings and "" in wanted)


PortRules.filters = {
    "fixed_ips": _has_fixed_ip,
    "binding:host_id": _is_bound_to,
}


class _Taker:
    """Takes addresses for one port."""

    def __init__(self, txn: Txn, request: Request, network: Row, owner: str, mac: str) -> None:
        self._txn = txn
        self._request = request
        self._network = network
        self.owner = owner
        self._mac = mac
        self.rows: list[str] = []

    def _is_free(self, subnet: Row, address: Any) -> bool:
        return self._txn.find_unique("Address", _ADDRESS_KEY, (subnet.id, str(address))) is None

    def _take(self, subnet: Row, address: Any) -> None:
        values = {"subnet": subnet.id, "network": self._network.id, "ip_address": str(address)}
        self.rows.append(self._txn.insert("Address", values))

    def this(self, subnet: Row, text: str) -> None:
        """Take an address that a request names. Raises NetworkingError."""
        address = ipaddress.ip_address(text)
        made = is_auto_address(subnet) and self.owner not in ROUTER_OWNERS
        if made and address != ipam.eui64(ipam.network(subnet.cidr), self._mac):
            message = (
                f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet.id} as the subnet is"
                " configured for automatic addresses"
            )
            raise BadRequest("AllocationOnAutoAddressSubnet", message)
        if not self._is_free(subnet, address):
            raise Conflict("IpAddressAlreadyAllocated", f"IP address {address} already allocated in subnet {subnet.id}")
        self._take(subnet, address)

    def any_of(self, subnets: list[Row]) -> None:
        """Take one free address of the first subnet that has any; of none when there are no subnets."""
        settings = self._request.settings
        sequential = settings.ipam == "sequential" or self.owner in SEQUENTIAL_OWNERS
        for subnet in subnets:
            is_free = functools.partial(self._is_free, subnet)
            found = ipam.free_address(pools_of(subnet), is_free, self._request.random, sequential)
            if found is not None:
                self._take(subnet, found)
                return
        if subnets:
            message = f"No more IP addresses available on network {self._network.id}."
            raise Conflict("IpAddressGenerationFailure", message)

    def automatic(self, subnets: list[Row]) -> None:
        """Take the address that the port's MAC makes on each subnet where hosts make their own."""
        if self.owner in ROUTER_OWNERS:
            return
        for subnet in subnets:
            if not is_auto_address(subnet):
                continue
            address = ipam.eui64(ipam.network(subnet.cidr), self._mac)
            if self._has(subnet, address):
                continue
            if not self._is_free(subnet, address):
                message = f"IP address {address} already allocated in subnet {subnet.id}"
                raise Conflict("IpAddressAlreadyAllocated", message)
            self._take(subnet, address)

    def _has(self, subnet: Row, address: Any) -> bool:
        row = self._txn.find_unique("Address", _ADDRESS_KEY, (subnet.id, str(address)))
        return row is not None and row.id in self.rows


def _is_same(entry: dict[str, str], row: Row) -> bool:
    if entry.get("ip_address") is None or entry.get("subnet_id", row.subnet) != row.subnet:
        return False
    return ipaddress.ip_address(entry["ip_address"]) == ipaddress.ip_address(row.ip_address)


def _fits(subnet: Row, address: str, owner: str) -> bool:
    return ipam.valid_on(ipam.network(subnet.cidr), ipaddress.ip_address(address), owner)


def _pairs(request: Request, pairs: list[dict[str, str]], mac: str) -> list[dict[str, str]]:
    """Give address pairs with the port's own MAC where none is named. Raises NetworkingError."""
    most = request.settings.max_allowed_address_pair
    if len(pairs) > most:
        message = f"The number of allowed address pair exceeds the maximum {most}."
        raise BadRequest("AllowedAddressPairExhausted", message)
    found = []
    seen = set()
    for pair in pairs:
        given = pair.get("mac_address") or mac
        made = {"mac_address": canonical_mac(given), "ip_address": pair["ip_address"]}
        key = (made["mac_address"], made["ip_address"])
        if given != made["mac_address"]:
            made[SPELLING] = given
        if key in seen:
            message = f"Request contains duplicate address pair: mac_address {key[0]} ip_address {key[1]}."
            raise BadRequest("DuplicateAddressPairInRequest", message)
        seen.add(key)
        found.append(made)
    return found


def _as_given(row: Row) -> list[dict[str, str]]:
    """Give a port's address pairs as they were asked for."""
    pairs = msgspec.json.decode(row.allowed_address_pairs or "[]")
    return [{"mac_address": p.get(SPELLING, p["mac_address"]), "ip_address": p["ip_address"]} for p in pairs]


def _dhcp_options(wanted: list[dict[str, Any]], there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give DHCP options after a request: one with a value is set, one without is removed, others stay."""
    found = {(o["opt_name"], o["ip_version"]): o for o in there}
    for option in wanted:
        key = (option["opt_name"], int(option.get("ip_version") or 4))
        if option.get("opt_value") is None:
            found.pop(key, None)
        else:
            found[key] = {"opt_name": key[0], "opt_value": option["opt_value"], "ip_version": key[1]}
    return list(found.values())


def _dns(row: Row, address: str, domain: str) -> dict[str, str]:
    name = row.dns_name or f"host-{address.replace('.', '-').replace(':', '-')}"
    if name.endswith("."):
        return {"ip_address": address, "hostname": name, "fqdn": name}
    return {"ip_address": address, "hostname": name, "fqdn": f"{name}.{domain.rstrip('.')}."}


def _check_dns_name(name: str | None, domain: str) -> None:
    """Refuse a whole name that is not in the domain of this cloud. Raises BadRequest."""
    domain = f"{domain.rstrip('.')}."
    if name and name.endswith(".") and (len(name) <= len(domain) + 1 or not name.endswith(f".{domain}")):
        raise http_bad_request(
            "Invalid input for dns_name. Reason: The dns_name passed is a FQDN. Its higher level labels must be equal"
            f" to the dns_domain option in neutron.conf, that has been set to '{domain}'. It must also include one or"
            f" more valid DNS labels to the left of '{domain}'."
        )


def no_address_without_host(network: str) -> Conflict:
    """Give the error for a port of a router on a network that gives addresses by host: it is on none."""
    message = (
        f"No more IP addresses available on network {network}: its subnets are on segments, so routers of the cloud get"
        " an address there only by naming one."
    )
    return Conflict("IpAddressGenerationFailure", message)


def mac_in_use(network: str, mac: str) -> Conflict:
    """Give the error for a MAC that a port of the network has."""
    message = f"Unable to complete operation for network {network}. The mac address {mac} is in use."
    return Conflict("MacAddressInUse", message)

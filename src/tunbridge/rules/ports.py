"""Ports, with their MAC, names and DHCP options.

Their addresses: port_addresses.py. Their security: port_security.py. Where they are plugged in: bindings.py.
"""

import ipaddress
from collections.abc import Hashable, Iterable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from tunbridge.model import device_owners
from tunbridge.model.resource import UNSET
from tunbridge.rules import (
    bindings,
    boot_configs,
    local_ip_ports,
    logs,
    port_security,
    private_vlans,
    publication,
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
from tunbridge.rules.port_addresses import ROUTER_OWNERS, Addresses, Wanted, fixed_ips, fixed_ips_text, moves_ipv4
from tunbridge.rules.publication import Publishing
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.settings import NetworkingSettings

ROUTER_PORTS = ("network:ha_router_replicated_interface", device_owners.ROUTER_INTERFACE, *device_owners.OUTSIDE)
"""Owners whose ports go by requests for routers and floating IPs, and not by one for the port."""
BINDING = ("binding:host_id", "binding:vnic_type", "binding:profile")
_MAC_TRIES = 16


class PortRules(Rules):
    """The rules of ports."""

    name = "Port"
    first_revision = 1
    dns_domain = NetworkingSettings().dns_domain
    """What names of ports end in."""
    publishing: Publishing | None = None
    """Decides which names an external DNS service has, if there is one."""

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
        port_security.settle(self, txn, request, values, network)
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
        private_vlans.settle(values, network, id)
        return self.insert(
            txn,
            request,
            values,
            id,
            limited,
            addresses=tuple(addresses),
            fixed_ips=fixed_ips_text(txn, addresses),
            ip_allocation=allocation,
            dns_words=publication.words(request.caller, given(values.get("dns_domain")) or network.dns_domain),
            bindings=(txn.insert(bindings.TABLE, {**bound, "port_id": id}),),
        )

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a port. Raises NetworkingError."""
        if "fixed_ips" in values and row.device_owner in ROUTER_OWNERS and moves_ipv4(txn, row, values["fixed_ips"]):
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
            _rely_on_subnets(txn, network)
            columns["addresses"] = self._addresses(txn, request, network, owner, mac, host).replace(row, wanted)
            _check_floating(txn, row, columns["addresses"])
            self._leave_led(txn, request, row, columns["addresses"])
        elif "binding:host_id" in values and (host := self._host_after(txn, row, values)) != routed.host_of(txn, row):
            columns |= routed.settle(self, txn, request, row, host)
            if host:
                routed.check_move(txn, network, row, host)
        merged = port_security.merged(row, values)
        port_security.settle(self, txn, request, merged, network, row)
        private_vlans.settle(merged, network, row.id, row)
        for name in private_vlans.FIELDS:
            values.pop(name, None)
        values |= {name: merged[name] for name in merged if name in (*values, *private_vlans.FIELDS)}
        if "extra_dhcp_opts" in values:
            there = msgspec.json.decode(row.extra_dhcp_opts or "[]")
            values["extra_dhcp_opts"] = _dhcp_options(values["extra_dhcp_opts"] or [], there)
        if "dns_name" in values or "dns_domain" in values:
            of = (values.get("dns_domain", row.dns_domain), network.dns_domain)
            columns["dns_words"] = publication.words(request.caller, *of)
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
        kept_by = {device_owners.FLOATING_IP: "Floating_Ip"}.get(row.device_owner, "Router")
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
            "dns_assignment": self._assignment(reader, row, fixed),
            "allowed_address_pairs": port_security.pairs_as_given(row),
            "qos_network_policy_id": None if network is None else network.qos_policy_id,
            "resource_request": qos_minimums.resource_request(reader, row, network, bound["binding:vnic_type"]),
            "ip_allocation": row.ip_allocation or routed.IMMEDIATE,
            **bound,
            **trunks.details(reader, row),
        }

    def _assignment(self, reader: Reader, row: Row, fixed: list[dict[str, str]]) -> list[dict[str, str]]:
        """Give the name of each address, in the domain of the cloud or in the one where it is published."""
        published = None if self.publishing is None else self.publishing.of_port(reader, row)
        found = [_dns(row, ip["ip_address"], self.dns_domain) for ip in fixed]
        return found if published is None else [{**one, "fqdn": published.name} for one in found]

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

    def _addresses(self, txn: Txn, request: Request, network: Row, owner: str, mac: str, host: str) -> Addresses:
        return Addresses(self.others["subnet"], txn, request, network, owner, mac, host)

    def _first_addresses(
        self, txn: Txn, request: Request, network: Row, values: Values, wanted: Wanted | None, host: str
    ) -> tuple[list[str], str | None]:
        """Take the addresses of a new port; give their rows, and when it gets its addresses (None: now)."""
        owner = values.get("device_owner") or ""
        addresses = self._addresses(txn, request, network, owner, values["mac_address"], host)
        addresses.take(wanted)
        if wanted is not None:
            return addresses.rows, routed.NONE if not wanted else None
        if addresses.rows or host or not routed.is_routed(txn.find("Subnet", "network_id", network.id)):
            return addresses.rows, None
        if owner in device_owners.OUTSIDE:
            raise no_address_without_host(network.id)
        return addresses.rows, routed.DEFERRED

    def addresses_on(self, txn: Txn, request: Request, port: Row, host: str) -> list[str]:
        """Take the addresses of a port that gets a host only now, and give their rows. Raises NetworkingError."""
        network = self.others["network"].get(txn, port.network_id)
        _rely_on_subnets(txn, network)
        addresses = self._addresses(txn, request, network, port.device_owner or "", port.mac_address, host)
        addresses.take(None)
        return addresses.rows

    def subnet_added(self, txn: Txn, request: Request, subnet: Row) -> None:
        """Give the ports of a network their address on a new subnet on which hosts make their own."""
        txn.verify_rows("Port", "network_id", subnet.network_id)  # a new port that did not see it is given one, too
        for port in txn.find("Port", "network_id", subnet.network_id):
            if port.device_owner in ROUTER_OWNERS:
                continue
            network = txn.get("Network", subnet.network_id)
            if not routed.concerns(txn, network, port, subnet):
                continue
            addresses = self._addresses(txn, request, network, port.device_owner, port.mac_address, "")
            addresses.follow(subnet)
            self.touch(txn, request.unconditional, port, {"addresses": (*port.addresses, *addresses.rows)})


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

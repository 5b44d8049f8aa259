"""Floating IPs: an address of an external network that reaches a fixed IP behind a router.

Each has a port of its own on the external network, which belongs to no project. Its status is ACTIVE when the host
that carries it says so.
"""

import ipaddress
from typing import Any
from uuid import uuid4

from tunbridge.model import device_owners
from tunbridge.model.resource import UNSET
from tunbridge.rules import bindings, gateway_hosts, port_forwardings, qos
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound
from tunbridge.rules.networks import given
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import addresses_of, external_network, make_port, remove_port, trusted

_DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "device_id", "device_owner")
_KEPT = ("floating_network_id", "floating_ip_address", "project_id")
_NOTHING = {"port_id": None, "fixed_ip_address": None, "router_id": None}


def bad_floating_ip(message: str) -> BadRequest:
    """Give Neutron's BadRequest for floating IPs."""
    return BadRequest("BadRequest", f"Bad floatingip request: {message}.")


def _check_name(request: Request, values: Values) -> None:
    """Refuse half a name where names are published. Raises BadRequest."""
    name, domain = (given(values.get(part)) for part in ("dns_name", "dns_domain"))
    if request.settings.external_dns_driver and bool(name) != bool(domain):
        there, missing = ("dns_name", "dns_domain") if name else ("dns_domain", "dns_name")
        raise bad_floating_ip(f"{there} cannot be specified without a {missing}")


def _two_ways(address: str, id: str, port: Row, other: Row) -> Conflict:
    """Refuse a second floating IP of one fixed IP by one router: by which of its gateways would answers leave?"""
    message = (
        f"Cannot associate floating IP {address} ({id}) with port {port.id} using fixed IP {other.fixed_ip_address}, as"
        f" router {other.router_id} already leads floating IP {other.floating_ip_address} of external network"
        f" {other.floating_network_id} there, by which all that it sends leaves."
    )
    return Conflict("FloatingIPPortAlreadyAssociated", message)


class FloatingIpRules(Rules):
    """The rules of floating IPs."""

    name = "Floating IP"
    first_revision = 1

    def absent(self, id: str) -> Exception:
        """Give Neutron's FloatingIPNotFound."""
        return NotFound("FloatingIPNotFound", f"Floating IP {id} could not be found")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Take an address of an external network, and lead it to a port if one is named. Raises NetworkingError."""
        values = dict(values)
        _check_name(request, values)
        qos.take(self, txn, request, values)
        network = self._network(txn, request, values["floating_network_id"])
        wanted = {"subnet_id": values.pop("subnet_id", None), "ip_address": values.get("floating_ip_address")}
        entry = {name: value for name, value in wanted.items() if value}
        id = str(uuid4())
        port = make_port(
            self, txn, request, network.id, device_owners.FLOATING_IP, id, fixed_ips=[entry] if entry else UNSET
        )
        address = next((a.ip_address for a in addresses_of(txn, port) if ":" not in a.ip_address), None)
        if address is None:
            message = f"Unable to find any IP address on external network {network.id}."
            raise BadRequest("ExternalIpAddressExhausted", message)
        values |= {"floating_ip_address": address, "router_id": None}
        asked: Values = {name: given(values.pop(name, None)) for name in ("port_id", "fixed_ip_address")}
        values |= self._association(txn, request, values, asked, id)
        return self.insert(txn, request, values, id, floating_port=port.id)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Lead a floating IP elsewhere, or nowhere. Raises NetworkingError."""
        values = dict(values)
        if qos.FIELD in values:
            qos.take(self, txn, request, values, row.qos_policy_id)
        asked: Values = {name: values.pop(name) for name in ("port_id", "fixed_ip_address") if name in values}
        if asked or not values:  # nothing at all leads it nowhere, as in Neutron
            there: Values = {name: getattr(row, name) for name in _KEPT}
            if asked.get("port_id"):
                port_forwardings.check_unused(txn, row)
            found = self._association(txn, request, there, asked, row.id, row.port_id)
            if row.router_id and not row.port_id and found == _NOTHING:
                found = {}  # the router stays that of its port forwardings
            values |= found
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Give the address back. Raises NetworkingError."""
        port = txn.get("Port", row.floating_port)
        port_forwardings.check_unused(txn, row)
        self.remove(txn, request, row)
        if port is not None:
            remove_port(self, txn, request, port)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the status, and what a port looks like that it leads to."""
        port = reader.get("Port", row.port_id) if row.port_id else None
        details = None
        if port is not None:
            details = {name: getattr(port, name) for name in _DETAILS} | {"status": bindings.status(reader, port)}
        forwardings: Any = self.others["port_forwarding"]
        network = reader.get("Network", row.floating_network_id)
        return {
            "qos_network_policy_id": None if network is None else network.qos_policy_id,
            "status": self._status(reader, row),
            "port_details": details,
            "port_forwardings": forwardings.shown(reader, row),
        }

    @staticmethod
    def _status(reader: Reader, row: Row) -> str:
        """ACTIVE when a host says that it carries it."""
        told = reader.find("Port_Status", "port_id", row.floating_port) if row.router_id else []
        return "ACTIVE" if any(one.status == "ACTIVE" for one in told) else "DOWN"

    # For others

    def leave(self, txn: Txn, request: Request, port: Row) -> None:
        """Lead the floating IPs of a port that goes nowhere. Raises Neutron's FipAssociated for those of others."""
        txn.verify_rows("Floating_Ip", "port_id", port.id)
        caller = request.caller
        for row in txn.find("Floating_Ip", "port_id", port.id):
            if not (caller.is_admin or "service" in caller.roles or row.project_id == caller.project_id):
                message = (
                    f"Unable to complete the operation on port {port.id} because the port still has an associated"
                    " floating IP."
                )
                raise Conflict("FipAssociated", message)
            self.touch(txn, trusted(request), row, _NOTHING)

    # Parts

    def _network(self, txn: Txn, request: Request, id: str) -> Row:
        network = external_network(self, txn, request, id)
        if not network.router_external:
            raise bad_floating_ip(f"Network {id} is not a valid external network")
        if not any(subnet.ip_version == 4 for subnet in txn.find("Subnet", "network_id", id)):
            raise bad_floating_ip(f"Network {id} does not contain any IPv4 subnet")
        return network

    def _association(
        self, txn: Txn, request: Request, floating: Values, asked: Values, id: str, before: str | None = None
    ) -> Values:
        """Give port, fixed IP and router of a floating IP as asked for. Raises NetworkingError."""
        if asked.get("fixed_ip_address") and not asked.get("port_id"):
            raise bad_floating_ip("fixed_ip_address cannot be specified without a port_id")
        if not asked.get("port_id"):
            return dict(_NOTHING)
        port = self._port(txn, request, asked["port_id"], floating["project_id"])
        address = self._fixed_ip(txn, port, asked.get("fixed_ip_address"))
        port_forwardings.check_port(txn, port.id)
        router = self.router_of(txn, port, address, floating["floating_network_id"])
        network = floating["floating_network_id"]
        if before != port.id:
            txn.verify_rows("Floating_Ip", "port_id", port.id)
            for other in txn.find("Floating_Ip", "port_id", port.id):
                same = (other.floating_network_id, other.fixed_ip_address) == (network, address.ip_address)
                if same and other.id != id:
                    message = (
                        f"Cannot associate floating IP {floating['floating_ip_address']} ({id}) with port {port.id}"
                        f" using fixed IP {address.ip_address}, as that fixed IP already has a floating IP on external"
                        f" network {network}."
                    )
                    raise Conflict("FloatingIPPortAlreadyAssociated", message)
                if other.id != id and (other.router_id, other.fixed_ip_address) == (router.id, address.ip_address):
                    raise _two_ways(floating["floating_ip_address"], id, port, other)
        txn.verify("Port", port.id, "addresses")
        txn.verify("Router", router.id, "interfaces", "gateway_port", "further_gateways")
        return {"port_id": port.id, "fixed_ip_address": address.ip_address, "router_id": router.id}

    def _port(self, txn: Txn, request: Request, id: str, project: str) -> Row:
        ports: Any = self.others["port"]
        port, caller = ports.get(txn, id), request.caller
        if not caller.is_admin and caller.project_id not in (port.project_id, ports.network_project(txn, port)):
            raise ports.absent(id)
        if port.project_id != project and not caller.is_admin:
            raise bad_floating_ip(
                f"Cannot process floating IP association with Port {id}, since that port is owned by a different"
                " project"
            )
        if port.device_owner == "network:dhcp":
            raise bad_floating_ip(f"Port {id} is unable to be assigned a floating IP")
        return port

    @staticmethod
    def _fixed_ip(reader: Reader, port: Row, wanted: str | None) -> Row:
        """Give the address that a floating IP leads to. Raises BadRequest."""
        ipv4 = [a for a in addresses_of(reader, port) if ":" not in a.ip_address]
        if wanted:
            if ipaddress.ip_address(wanted).version != 4:
                raise bad_floating_ip(
                    f"Cannot process floating IP association with {wanted}, since that is not an IPv4 address"
                )
            named = next((a for a in ipv4 if a.ip_address == wanted), None)
            if named is None:
                raise bad_floating_ip(f"Port {port.id} does not have fixed ip {wanted}")
            return named
        if not ipv4:
            raise bad_floating_ip(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
        if len(ipv4) > 1:
            raise bad_floating_ip(
                f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when"
                " assigning a floating IP"
            )
        return ipv4[0]

    @staticmethod
    def router_of(reader: Reader, port: Row, address: Row, network: str) -> Row:
        """Give the router from the address's subnet to the external network; that with the subnet's gateway first."""
        subnet = reader.get("Subnet", address.subnet)
        found: list[tuple[bool, str, Row]] = []
        for one in reader.find("Port", "network_id", port.network_id):
            router = reader.get("Router", one.device_id) if one.device_owner == device_owners.ROUTER_INTERFACE else None
            if router is None or all(external.id != network for external in gateway_hosts.externals(reader, router)):
                continue
            for ip in fixed_ips(reader, one.addresses):
                if subnet is not None and ip["subnet_id"] == subnet.id:
                    found.append((ip["ip_address"] != subnet.gateway_ip, router.id, router))
        if not found:
            message = (
                f"External network {network} is not reachable from subnet {address.subnet}.  Therefore, cannot"
                f" associate Port {port.id} with a Floating IP."
            )
            raise NotFound("ExternalGatewayForFloatingIPNotFound", message)
        return min(found, key=lambda one: one[:2])[2]

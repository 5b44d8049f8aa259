"""Local IPs: an address of a network that is on each host another port's, of those that it is associated with.

The address is reserved by a port: one of the project, or one that is made for it and belongs to `network:local_ip`.
Texts are Neutron's. Unlike there, a Local IP and the ports that have it are in one network: else it could take any
address in the other one. Likewise, in a network that is shared with it, a project does not choose the address, which
might be that of a gateway without a port.
"""

import ipaddress
from typing import Any
from uuid import uuid4

from tunbridge.model import device_owners
from tunbridge.model.resource import UNSET
from tunbridge.rules import bindings
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, Forbidden, NotFound
from tunbridge.rules.local_ip_ports import BELOW, TABLE
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import addresses_of, make_port, remove_port

ABOVE = "local_ip_id"
_ASSOCIATION = "local_ip_port_association"
"""Device owner of a port that was made for a Local IP."""


class LocalIpRules(Rules):
    """The rules of Local IPs."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's LocalIPNotFound."""
        return NotFound("LocalIPNotFound", f"Local IP {id} could not be found.")

    def check_parent(self, reader: Reader, values: Values, caller: Any) -> None:
        """The network is looked at below, where it counts."""

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Reserve an address for a Local IP, or take that of a port. Raises NetworkingError."""
        values, id = dict(values), str(uuid4())
        names = ("local_port_id", "network_id", "local_ip_address")
        port_id, network_id, wanted = (given(values.pop(name, UNSET)) for name in names)
        if port_id:
            port = _port(txn, request, port_id, "local_ip")
            address = _address(txn, port, wanted)
        elif network_id:
            port = self._reserved(txn, request, values["project_id"], network_id, wanted, id)
            reserved = [str(one.ip_address) for one in addresses_of(txn, port)]
            if not reserved:  # it would get one once it was bound: of a network whose segments have subnets
                raise _no_ip(port)
            address = min(reserved, key=lambda text: ":" in text)
        else:
            message = "Either Port ID or Network ID must be specified for Local IP create."
            raise BadRequest("LocalIPPortOrNetworkRequired", message)
        values |= {"local_port_id": port.id, "network_id": port.network_id, "local_ip_address": address}
        txn.verify("Port", port.id, "addresses")
        return self.insert(txn, request, values, id)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Give the address back, unless a port has it. Raises NetworkingError."""
        txn.verify_rows(BELOW, ABOVE, row.id)
        if txn.count(BELOW, ABOVE, row.id):
            raise Conflict("LocalIPInUse", f"Local IP {row.id} is still associated with one or more ports.")
        port = txn.get("Port", row.local_port_id)
        self.remove(txn, request, row)
        if port is not None and (port.device_owner, port.device_id) == (device_owners.LOCAL_IP, row.id):
            remove_port(self, txn, request, port)

    def _reserved(self, txn: Txn, request: Request, project: str, network_id: str, address: str | None, id: str) -> Row:
        """Make the port of a Local IP. Raises NetworkingError."""
        network, networks = txn.get("Network", network_id), self.others["network"]
        caller = request.caller
        if network is None or not (
            caller.is_admin
            or network.project_id == caller.project_id
            or networks.shared_with(txn, network, caller.project_id)
        ):
            raise networks.absent(network_id)
        if address and not (caller.is_admin or network.project_id == caller.project_id):
            rule = "(rule:create_local_ip and rule:create_local_ip:local_ip_address)"
            raise Forbidden("PolicyNotAuthorized", f"{rule} is disallowed by policy")
        txn.verify("Network", network.id, "shares")
        version4 = [subnet for subnet in txn.find("Subnet", "network_id", network_id) if subnet.ip_version == 4]
        if not version4:
            raise _bad("local_ip", f"Network {network_id} does not contain any IPv4 subnet")
        fixed = [{"ip_address": address}] if address else UNSET
        return make_port(
            self, txn, request, network_id, device_owners.LOCAL_IP, id, project_id=project, fixed_ips=fixed
        )


class PortAssociationRules(Rules):
    """The rules of ports that have a Local IP."""

    above = ABOVE
    cached = False  # the host is the port's binding's

    def absent(self, id: str) -> Exception:
        """Give an error that names no Local IP."""
        return NotFound("LocalIPAssociationNotFound", f"Local IP association with port {id} could not be found.")

    def absent_below(self, id: str, parent: str) -> Exception:
        """Give Neutron's LocalIPAssociationNotFound."""
        return NotFound(
            "LocalIPAssociationNotFound", f"Local IP {parent} association with port {id} could not be found."
        )

    def row_below(self, reader: Reader, parent: str, id: str) -> Row | None:
        """Give the association of a Local IP with a port."""
        rows = reader.find(BELOW, ABOVE, parent)
        return next((row for row in rows if row.fixed_port_id == id), None)

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Lead the Local IP in `local_ip_id` to a port. Raises NetworkingError."""
        local: Row = self.others["local_ip"].get(txn, values[ABOVE])
        port = _port(txn, request, values["fixed_port_id"], _ASSOCIATION)
        if port.network_id != local.network_id:
            raise _bad(_ASSOCIATION, f"Port {port.id} is not in the network of Local IP {local.id}")
        fixed = _address(txn, port, values["fixed_ip"])
        if ipaddress.ip_address(fixed).version != ipaddress.ip_address(local.local_ip_address).version:
            raise _bad(_ASSOCIATION, f"{fixed} is of another IP version than Local IP {local.local_ip_address}")
        txn.verify_rows(BELOW, ABOVE, local.id)
        if self.row_below(txn, local.id, port.id) is not None:
            raise Conflict(
                "LocalIPAssociationExists", f"Local IP {local.id} association with port {port.id} already exists."
            )
        txn.verify("Port", port.id, "addresses")
        txn.exists(TABLE, local.id)
        columns = {"address": local.local_ip_address, "network_id": local.network_id, "ip_mode": local.ip_mode}
        more = {"local_ip_id": local.id, "project_id": local.project_id, **columns}
        return self.insert(txn, request, {**values, "fixed_ip": fixed}, **more)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the host of the port."""
        port = reader.get("Port", row.fixed_port_id)
        return {"host": "" if port is None else bindings.body(reader, port)["binding:host_id"]}


def _port(txn: Txn, request: Request, id: str, what: str) -> Row:
    """A port of the caller's project, or any for an admin. Raises BadRequest, as Neutron does."""
    port: Row | None = txn.get("Port", id)
    if port is None or not (request.caller.is_admin or port.project_id == request.caller.project_id):
        raise _bad(what, f"Port {id} not found")
    return port


def _address(reader: Reader, port: Row, wanted: str | None) -> str:
    """The address of a port that is meant: the one that is named, or its only one. Raises BadRequest."""
    fixed = [str(address.ip_address) for address in addresses_of(reader, port)]
    if wanted in fixed:
        return wanted
    if not fixed:
        raise _no_ip(port)
    if wanted:
        message = f"Specified Port {port.id} does not have requested IP address: {wanted}."
        raise BadRequest("LocalIPRequestedIPNotFound", message)
    if len(fixed) > 1:
        message = f"Specified Port {port.id} has several IPs, should specify exact IP address to use for Local IP."
        raise BadRequest("LocalIPNoRequestedIP", message)
    return fixed[0]


def _no_ip(port: Row) -> BadRequest:
    return BadRequest("LocalIPNoIP", f"Specified Port {port.id} has no fixed IPs configured.")


def _bad(what: str, message: str) -> BadRequest:
    return BadRequest("BadRequest", f"Bad {what} request: {message}.")

"""Tap services and tap flows: what a flow's source port sends and receives is copied to its service's port.

A service is ACTIVE when the host of its port hands copies to the port; a flow, when the host of its source port makes
them besides. Both say so in `Port_Status`, with the id of the service or flow. Texts are Neutron's.
"""

from collections.abc import Collection

from tunbridge.rules import bindings, segments, sub_ports
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict, Forbidden, NetworkingError, NotFound, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

SERVICE, FLOW = "Tap_Service", "Tap_Flow"
ACTIVE, DOWN = "ACTIVE", "DOWN"


class TapServiceRules(Rules):
    """The rules of tap services."""

    name = "Tap Service"

    def absent(self, id: str) -> Exception:
        """Give Neutron's TapServiceNotFound."""
        return NotFound("TapServiceNotFound", f"Tap Service  {id} does not exist")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a service. Raises NetworkingError."""
        port = sub_ports.visible(self, txn, request, values["port_id"])
        if port.project_id != values["project_id"]:
            raise _not_the_projects()
        tunnel_id, rows = _tunnel_id(txn, request, port.id)
        return self.insert(txn, request, values, network_id=port.network_id, tunnel_id=tunnel_id, segments=rows)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a service with its flows, as Neutron does."""
        remove_flows(txn, "tap_service_id", row.id)
        self.remove(txn, request, row)

    def computed(self, reader: Reader, row: Row) -> Values:
        return {"status": status(reader, row)}


class TapFlowRules(Rules):
    """The rules of tap flows."""

    name = "Tap Flow"

    def absent(self, id: str) -> Exception:
        """Give Neutron's TapFlowNotFound."""
        return NotFound("TapFlowNotFound", f"Tap Flow  {id} does not exist")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a flow. Raises NetworkingError."""
        service, project = self._service(txn, request, values["tap_service_id"]), values["project_id"]
        if service.project_id != project:
            message = "Specified Tap Service does not belong to the tenant"
            raise Forbidden("TapServiceNotBelongToTenant", message)
        source = sub_ports.visible(self, txn, request, values["source_port"])
        # An admin may look at any port; whoever only owns the network of another project's port may not.
        if source.project_id != project and not request.caller.is_admin:
            raise _not_the_projects()
        if source.id == service.port_id:
            raise invalid(f"port {source.id} is the port of tap service {service.id}, and cannot be its source as well")
        txn.exists(SERVICE, service.id)
        return self.insert(txn, request, values, network_id=source.network_id)

    def _service(self, txn: Txn, request: Request, id: str) -> Row:
        rules = self.others["tap_service"]
        found, caller = rules.get(txn, id), request.caller
        if found.project_id != caller.project_id and not caller.is_admin:
            raise rules.absent(id)
        return found

    def computed(self, reader: Reader, row: Row) -> Values:
        service = reader.get(SERVICE, row.tap_service_id)
        received = DOWN if service is None else status(reader, service)
        return {"status": received if received != ACTIVE else _told(reader, row.source_port, row.id)}


def _tunnel_id(txn: Txn, request: Request, port_id: str) -> tuple[int, Collection[str]]:
    """A tunnel id for copies to a port, and its rows. One for all services of the port: so they take no more of the
    identifiers of networks than the quota of ports allows.
    """
    there = next(iter(txn.find(SERVICE, "port_id", port_id)), None)
    if there is not None:
        txn.exists(SERVICE, there.id)
        return there.tunnel_id, there.segments
    found = segments.reserve_tunnel_id(txn, request)
    if found is None:
        raise Conflict("OverQuota", "Reached the maximum quota for Tap Services")
    return found


def _not_the_projects() -> NetworkingError:
    return Forbidden("PortDoesNotBelongToTenant", "The specified port does not belong to the tenant")


def status(reader: Reader, service: Row) -> str:
    """The state of a service."""
    return _told(reader, service.port_id, service.id)


def _told(reader: Reader, port_id: str, id: str) -> str:
    """What the host that a port is bound to says of a service or flow."""
    port = reader.get("Port", port_id)
    binding = None if port is None else bindings.active(reader, port)
    if binding is None:
        return DOWN
    said = (row.status for row in reader.find("Port_Status", "port_id", id) if row.host == binding.host)
    return str(next(said, DOWN))


def remove_flows(txn: Txn, column: str, id: str) -> None:
    """Remove the flows of a service (`tap_service_id`) or of a port (`source_port`) which goes."""
    txn.verify_rows(FLOW, column, id)
    for row in txn.find(FLOW, column, id):
        txn.delete(FLOW, row.id)


def remove_of(txn: Txn, port_id: str) -> None:
    """Remove the flows and services of a port which goes."""
    remove_flows(txn, "source_port", port_id)
    txn.verify_rows(SERVICE, "port_id", port_id)
    for row in txn.find(SERVICE, "port_id", port_id):
        remove_flows(txn, "tap_service_id", row.id)
        txn.delete(SERVICE, row.id)


def told(reader: Reader, row: Row) -> list[str]:
    """The flows whose state a host's word is of: the flow itself, or those of a service."""
    return [row.port_id, *(flow.id for flow in reader.find(FLOW, "tap_service_id", row.port_id))]


def flows_of(reader: Reader, port: Row) -> list[str]:
    """The flows whose state depends on where a port is."""
    services = reader.find(SERVICE, "port_id", port.id)
    found = [flow for service in services for flow in reader.find(FLOW, "tap_service_id", service.id)]
    return [flow.id for flow in (*found, *reader.find(FLOW, "source_port", port.id))]

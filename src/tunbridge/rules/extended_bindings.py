"""A port on its way to another host: a second binding that is made beforehand, and activated when the guest has moved.

POST bindings     ACTIVE here (or to no host yet)  INACTIVE there
PUT …/activate    INACTIVE here                    ACTIVE there
DELETE            (gone)                           ACTIVE there
"""

from collections.abc import Collection

import msgspec

from tunbridge.rules import bindings, qos, routed
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

MOVED_OWNERS = ("compute:", "baremetal:", "manila:")
"""How the `device_owner` of ports begins that move with an instance."""


def binding(reader: Reader, port: Row, host: str) -> Row:
    """Give the binding of a port to a host. Raises Neutron's PortBindingNotFound."""
    for row in bindings.of(reader, port):
        if row.host == host:
            return row
    raise NotFound("PortBindingNotFound", f"Binding for port {port.id} for host {host} could not be found.")


def check_moves(port: Row) -> None:
    """Refuse a port that no instance has: it has no bindings of its own. Raises BadRequest."""
    if not port.device_owner.startswith(MOVED_OWNERS):
        message = f"Invalid port {port.id}. Operation only valid on compute and shared filesystem ports."
        raise BadRequest("BadRequest", f"Bad port request: {message}")


def create(rules: Rules, txn: Txn, request: Request, port: Row, network: Row, values: Values) -> Values:
    """Bind a port to one more host. Gives the port's columns that change."""
    host = values["host"]
    if any(row.host == host for row in bindings.of(txn, port)):
        raise Conflict("PortBindingAlreadyExists", f"Binding for port {port.id} on host {host} already exists.")
    status = bindings.ACTIVE if bindings.active(txn, port) is None else bindings.INACTIVE
    vnic_type = values.get("vnic_type") or "normal"
    qos.check_binding(txn, network, port, vnic_type)
    columns = routed.settle(rules, txn, request, port, host) if status == bindings.ACTIVE else {}
    on = routed.segments_of(txn, columns.get("addresses", port.addresses))
    made = _made(txn, request, network, host, vnic_type, given(values.get("profile")), status, on)
    return {**columns, "bindings": (*port.bindings, txn.insert(bindings.TABLE, {**made, "port_id": port.id}))}


def update(rules: Rules, txn: Txn, request: Request, port: Row, network: Row, values: Values) -> Values:
    """Change a binding: `host` of the values is where it is, `new_host` where it shall be."""
    row = binding(txn, port, values["host"])
    host = values.get("new_host") or row.host
    if host != row.host and any(other.host == host for other in bindings.of(txn, port)):
        raise Conflict("PortBindingAlreadyExists", f"Binding for port {port.id} on host {host} already exists.")
    profile = given(values.get("profile"))
    if profile is None:
        profile = msgspec.json.decode(row.profile or "{}")
    vnic_type = values.get("vnic_type") or row.vnic_type
    qos.check_binding(txn, network, port, vnic_type)
    columns = routed.settle(rules, txn, request, port, host) if row.status == bindings.ACTIVE else {}
    on = routed.segments_of(txn, columns.get("addresses", port.addresses))
    made = _made(txn, request, network, host, vnic_type, profile, row.status, on)
    txn.verify(bindings.TABLE, row.id, "host", "status")
    txn.update(bindings.TABLE, row.id, made)
    return columns


def delete(_rules: Rules, txn: Txn, _request: Request, port: Row, _network: Row, values: Values) -> Values:
    """Take a binding away."""
    row = binding(txn, port, values["host"])
    return {"bindings": tuple(id for id in port.bindings if id != row.id)}


def activate(_rules: Rules, txn: Txn, request: Request, port: Row, network: Row, values: Values) -> Values:
    """Put a binding in force, and the one that was not.

    What was found when it was made counts: the guest is on that host by now, whether its agent answers or not.
    """
    row = binding(txn, port, values["host"])
    if row.status == bindings.ACTIVE:
        message = f"Binding for port {port.id} on host {row.host} is already active."
        raise Conflict("PortBindingAlreadyActive", message)
    before = bindings.active(txn, port)
    if before is not None:
        unplugged = {"vif_type": bindings.UNBOUND, "vif_details": "{}"}
        txn.update(bindings.TABLE, before.id, {"status": bindings.INACTIVE, **unplugged})
    made = {"status": bindings.ACTIVE}
    if row.vif_type == bindings.UNBOUND:  # it was in force before
        profile = msgspec.json.decode(row.profile or "{}")
        on = routed.segments_of(txn, port.addresses)
        made = _made(txn, request, network, row.host, row.vnic_type, profile, bindings.ACTIVE, on)
    txn.verify(bindings.TABLE, row.id, "host", "status")
    txn.update(bindings.TABLE, row.id, made)
    return {}


def _made(
    txn: Txn,
    request: Request,
    network: Row,
    host: str,
    vnic_type: str,
    profile: Values | None,
    status: str,
    on: Collection[str],
) -> Values:
    bindings.rely_on_segments(txn, network)
    made = bindings.values(txn, request, network, host, vnic_type, profile or {}, status, on)
    if made["vif_type"] == bindings.FAILED:
        raise Conflict("PortBindingError", f"Binding to host {host} failed: no live agent there reaches the network.")
    return made

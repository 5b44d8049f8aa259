"""Sub-ports of trunks: which ports may become one, and where they are bound: wherever their parent port is.

A port that is a sub-port has `device_owner` trunk:subport and the trunk's id as `device_id`, so that nothing else takes
it; `trunk_parent` and `trunk_vlan` say the same for hosts. It has a binding for each of its parent's, of a live
migration too, in the same transaction.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tunbridge.model.validators.plain import as_integer
from tunbridge.model.validators.ports import INHERIT
from tunbridge.rules import bindings, routed, vlan_tags
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import trusted
from tunbridge.rules.segments import MAX_VLAN

OWNER = "trunk:subport"
_VLAN = "vlan"


class SubPort(NamedTuple):
    """A sub-port, as users see it."""

    segmentation_id: int
    segmentation_type: str
    port_id: str


SubPorts = dict[str, SubPort]
"""By port id, in the order in which they were added."""


def of(trunk: Row) -> SubPorts:
    """Give the sub-ports of a trunk."""
    found = (SubPort(**one) for one in msgspec.json.decode(trunk.sub_ports or "[]") or [])
    return {one.port_id: one for one in found}


def as_values(found: SubPorts) -> list[Values]:
    """Give sub-ports as users see them."""
    return [one._asdict() for one in found.values()]


def trunk_of_parent(reader: Reader, port_id: str) -> Row | None:
    """Give the trunk that a port is the parent port of."""
    return reader.find_unique("Trunk", ("port_id",), (port_id,))


def is_bound(reader: Reader, port: Row) -> bool:
    """Whether a port has a host."""
    return any(binding.host for binding in bindings.of(reader, port))


def not_eligible(id: str) -> Conflict:
    """Give Neutron's ParentPortInUse."""
    message = f"Port {id} is currently in use and is not eligible for use as a parent port."
    return Conflict("ParentPortInUse", message)


def visible(rules: Rules, txn: Txn, request: Request, id: str) -> Row:
    """Give a port that the caller may use in a trunk. Raises Neutron's PortNotFound."""
    port = _found(rules, txn, request, id)
    if port is None:
        raise rules.others["port"].absent(id)
    return port


def _found(rules: Rules, txn: Txn, request: Request, id: str) -> Row | None:
    """Give a port if it is there and the caller may use it."""
    ports, caller = rules.others["port"], request.caller
    port = txn.get("Port", id)
    if port is None or caller.is_admin or "service" in caller.roles:
        return port
    mine = caller.project_id in (port.project_id, ports.network_project(txn, port))
    return port if mine else None


def check_free(txn: Txn, port: Row) -> None:
    """Refuse a port that a trunk has. Raises Conflict."""
    if port.trunk_parent is not None:
        raise Conflict("TrunkPortInUse", f"Port {port.id} is in use by another trunk.")
    if trunk_of_parent(txn, port.id) is not None:
        raise not_eligible(port.id)


# What a request names


def checked(
    rules: Rules, txn: Txn, request: Request, parent: Row, wanted: list[Values], trunk_id: str, there: SubPorts
) -> SubPorts:
    """Give the sub-ports that a request names for a trunk with others there. Raises NetworkingError."""
    found: SubPorts = {}
    taken = {one.segmentation_id for one in there.values()}
    for values in wanted:
        one = _checked(rules, txn, request, parent, values)
        if one.segmentation_id in taken:
            message = (
                f"segmentation_type {one.segmentation_type} and segmentation_id {one.segmentation_id} already in use on"
                f" trunk {trunk_id}."
            )
            raise Conflict("DuplicateSubPort", message)
        taken.add(one.segmentation_id)
        found[one.port_id] = one
    return found


def _checked(rules: Rules, txn: Txn, request: Request, parent: Row, values: Values) -> SubPort:
    id = values["port_id"]
    if id == parent.id:
        raise not_eligible(id)
    port = _found(rules, txn, request, id)
    if port is not None:
        _check_mtu(rules, txn, parent, port)
        if values.get("segmentation_type") == INHERIT:
            values = _inherited(rules, txn, port)
    number = _segmentation(values)
    port = visible(rules, txn, request, id)
    check_free(txn, port)
    if port.device_id:
        message = (
            f"Unable to complete operation on port {id} for network {port.network_id}. Port already has an attached"
            f" device {port.device_id}."
        )
        raise Conflict("PortInUse", message)
    vlan_tags.check_trunk(rules.others["network"].get(txn, port.network_id), id)
    return SubPort(number, _VLAN, id)


def _inherited(rules: Rules, txn: Txn, port: Row) -> Values:
    network = rules.others["network"].get(txn, port.network_id)
    number, kind = network.provider_segmentation_id, network.provider_network_type
    return {"port_id": port.id, "segmentation_id": number, "segmentation_type": kind}


def _segmentation(values: Values) -> int:
    """Give the VLAN of a sub-port. Raises BadRequest."""
    if "segmentation_type" not in values or "segmentation_id" not in values:
        raise invalid(
            f"Invalid subport details '{values}': missing segmentation information. Must specify both segmentation_id"
            " and segmentation_type"
        )
    number = as_integer(values["segmentation_id"])
    if number is None:
        raise invalid(f"Invalid subport details: segmentation_id '{values['segmentation_id']}' is not an integer")
    if values["segmentation_type"] != _VLAN:
        raise invalid(f"Unknown segmentation_type '{values['segmentation_type']}'")
    if not 1 <= number <= MAX_VLAN:
        raise invalid(f"Segmentation ID '{number}' is not in range")
    return number


def _check_mtu(rules: Rules, txn: Txn, parent: Row, port: Row) -> None:
    """Refuse a sub-port whose packets do not fit through its parent port. Raises Conflict."""
    whole, own = (rules.others["network"].get(txn, one.network_id).mtu for one in (parent, port))
    if own > whole:
        message = f"MTU {own} of subport {port.id} cannot be greater than MTU {whole} of trunk {parent.id}."
        raise Conflict("SubPortMtuGreaterThanTrunkPortMtu", message)


# Being one


def join(rules: Rules, txn: Txn, request: Request, trunk_id: str, parent: Row, added: SubPorts) -> None:
    """Make ports sub-ports of a trunk. Raises NetworkingError.

    The parent port's revision is the lock: whoever binds it at the same time sees them.
    """
    rules.others["port"].touch(txn, trusted(request), parent, {})
    for one in added.values():
        port = txn.get("Port", one.port_id)
        columns = {"trunk_parent": parent.id, "trunk_vlan": one.segmentation_id}
        _become(rules, txn, request, port, {"device_owner": OWNER, "device_id": trunk_id}, parent, columns)


def leave(rules: Rules, txn: Txn, request: Request, parent: Row, gone: SubPorts) -> None:
    """Make sub-ports ports of their own again, which no host has."""
    rules.others["port"].touch(txn, trusted(request), parent, {})
    for id in gone:
        port = txn.get("Port", id)
        if port is None:
            continue
        columns = {"trunk_parent": None, "trunk_vlan": None}
        _become(rules, txn, request, port, {"device_owner": "", "device_id": ""}, None, columns)
        # What the host said of it counts no more: else its word would be taken for a claim.
        txn.delete_where("Port_Status", "port_id", id)


def _become(
    rules: Rules, txn: Txn, request: Request, port: Row, values: Values, parent: Row | None, columns: Mapping[str, Any]
) -> None:
    ports: Any = rules.others["port"]
    txn.verify("Port", port.id, "revision_number")
    ports.move(txn, trusted(request), port, values)
    port = txn.get("Port", port.id)
    ports.touch(txn, trusted(request), port, {**columns, **_bound(rules, txn, request, port, parent)})


def follow(rules: Rules, txn: Txn, request: Request, parent: Row) -> None:
    """Bind the sub-ports of a port, if it has any, where it is bound now."""
    for port in txn.find("Port", "trunk_parent", parent.id):
        rules.others["port"].touch(txn, trusted(request), port, _bound(rules, txn, request, port, parent))


def _bound(rules: Rules, txn: Txn, request: Request, port: Row, parent: Row | None) -> Values:
    """Give a port the bindings of its parent port, each as far as the port's own network is there; without: none.

    And the addresses that it gets with its host. Gives the columns that change.
    """
    network = rules.others["network"].get(txn, port.network_id)
    host = "" if parent is None else routed.host_of(txn, parent)
    bindings.rely_on_segments(txn, network)
    columns, can_be_there = routed.settled(rules, txn, request, port, host)
    on = routed.segments_of(txn, columns.get("addresses", port.addresses))
    mine = {row.host: row for row in bindings.of(txn, port)}
    theirs = [] if parent is None else bindings.of(txn, parent)
    wanted = {row.host: (row.status, row.vif_type) for row in theirs} or {"": (bindings.ACTIVE, bindings.UNBOUND)}
    found = []
    for host, (status, vif_type) in wanted.items():
        made = bindings.values(txn, request, network, host, "normal", {}, status, on)
        if vif_type != bindings.OVS or not can_be_there:
            made |= {"vif_type": vif_type if can_be_there else bindings.FAILED, "vif_details": "{}"}
        made["port_id"] = port.id
        row = mine.get(host)
        if row is None:
            found.append(txn.insert(bindings.TABLE, made))
            continue
        txn.verify(bindings.TABLE, row.id, "host", "status")
        txn.update(bindings.TABLE, row.id, made)
        found.append(row.id)
    return {**columns, "bindings": tuple(found)}

"""Trunks: their parent port, their sub-ports, and what state they are in. Texts are Neutron's.

    parent not bound, or not forwarding --> DOWN          parent in error --> ERROR
    parent ACTIVE, of the sub-ports that are up   all ACTIVE --> ACTIVE   one not told of yet --> BUILD   else DEGRADED

A trunk that is not `admin_state_up` cannot be changed; its packets go on, as in Neutron. Where sub-ports are bound:
sub_ports.py.
"""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import MAX_ITEMS
from tunbridge.model.validators import ports as validators
from tunbridge.rules import bindings, sub_ports, vlan_tags
from tunbridge.rules.base import Action, Rules
from tunbridge.rules.errors import Conflict, NotFound, http_bad_request, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.sub_ports import SubPort, SubPorts

_FIELD = "sub_ports"


class TrunkRules(Rules):
    """The rules of trunks."""

    name = "Trunk"
    first_revision = 1

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a trunk of a port that is not bound yet. Raises NetworkingError."""
        values = dict(values)
        wanted = values.pop(_FIELD)
        parent = sub_ports.visible(self, txn, request, values["port_id"])
        sub_ports.check_free(txn, parent)
        if sub_ports.is_bound(txn, parent):
            raise sub_ports.not_eligible(parent.id)
        vlan_tags.check_trunk(self.others["network"].get(txn, parent.network_id), parent.id)
        id = str(uuid4())
        added = sub_ports.checked(self, txn, request, parent, wanted, id, {})
        self.insert(txn, request, {**values, _FIELD: sub_ports.as_values(added)}, id)
        sub_ports.join(self, txn, request, id, parent, added)
        return id

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a trunk whose parent port is not bound. Raises NetworkingError."""
        _check_enabled(row)
        parent = txn.get("Port", row.port_id)
        if sub_ports.is_bound(txn, parent):
            raise Conflict("TrunkInUse", f"Trunk {row.id} is currently in use.")
        sub_ports.leave(self, txn, request, parent, sub_ports.of(row))
        self.remove(txn, request, row)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the state and the sub-ports."""
        return {"status": status(reader, row), _FIELD: sub_ports.as_values(sub_ports.of(row))}

    # Actions

    def add_subports(self, txn: Txn, request: Request, row: Row, wanted: list[Values]) -> Values:
        """Add sub-ports to those that are there. Raises NetworkingError."""
        parent = txn.get("Port", row.port_id)
        there = sub_ports.of(row)
        added = sub_ports.checked(self, txn, request, parent, wanted, row.id, there)
        _check_enabled(row)
        if status(txn, row) == "ERROR":
            message = f"Trunk {row.id} is in error state. Attempt to resolve the error condition before proceeding."
            raise Conflict("TrunkInErrorState", message)
        sub_ports.join(self, txn, request, row.id, parent, added)
        return self._rewritten(txn, request, row, there | added)

    def remove_subports(self, txn: Txn, request: Request, row: Row, wanted: list[Values]) -> Values:
        """Take sub-ports away. Raises NetworkingError."""
        _check_enabled(row)
        left = dict(sub_ports.of(row))
        gone: SubPorts = {}
        for one in wanted:
            found = left.pop(one["port_id"], None)
            if found is None:
                message = f"SubPort {one['port_id']} on trunk {row.id} could not be found."
                raise NotFound("SubPortNotFound", message)
            gone[found.port_id] = found
        sub_ports.leave(self, txn, request, txn.get("Port", row.port_id), gone)
        return self._rewritten(txn, request, row, left)

    def get_subports(self, _reader: Reader, _request: Request, row: Row, _body: Any) -> Values:
        """Give the sub-ports alone."""
        return {_FIELD: sub_ports.as_values(sub_ports.of(row))}

    def _rewritten(self, txn: Txn, request: Request, row: Row, now: SubPorts) -> Values:
        self.save(txn, request, row, {_FIELD: sub_ports.as_values(now)})
        body = self.body(txn, txn.get(self.table, row.id))
        return {**body, "tenant_id": body["project_id"]}

    actions = {  # noqa: RUF012 - annotated in the base class
        "add_subports": Action(Who.ADMIN_OR_MEMBER, add_subports, read=lambda body: _read(body), tells=True),
        "remove_subports": Action(Who.ADMIN_OR_MEMBER, remove_subports, read=lambda body: _read(body), tells=True),
        "get_subports": Action(Who.ADMIN_OR_READER, get_subports, tells=True, method="GET"),
    }


def _read(body: Values) -> list[Values]:
    """Give the sub-ports of an action's body. Raises BadRequest."""
    found = body.get(_FIELD)
    if isinstance(found, list) and len(found) > MAX_ITEMS:
        raise http_bad_request(f"Invalid input for {_FIELD}. Reason: {len(found)} items are more than {MAX_ITEMS}.")
    reason = validators.sub_ports.refuse(found)
    if reason is not None:
        raise invalid(reason)
    assert isinstance(found, list)
    return found


def _check_enabled(row: Row) -> None:
    if not row.admin_state_up:
        raise Conflict("TrunkDisabled", f"Trunk {row.id} is currently disabled.")


def status(reader: Reader, row: Row) -> str:
    """Give the state of a trunk, by what the host of its parent port says of the ports."""
    parent = reader.get("Port", row.port_id)
    found = "DOWN" if parent is None else bindings.status(reader, parent)
    if found != "ACTIVE":
        return found
    return _of_sub_ports(reader, sub_ports.of(row).values())


def _of_sub_ports(reader: Reader, wanted: Iterable[SubPort]) -> str:
    ports = [port for one in wanted if (port := reader.get("Port", one.port_id)) is not None]
    told = [_told(reader, port) for port in ports if port.admin_state_up]
    if all(status == "ACTIVE" for status in told):
        return "ACTIVE"
    return "BUILD" if "BUILD" in told else "DEGRADED"


def _told(reader: Reader, port: Row) -> str:
    binding = bindings.active(reader, port)
    if binding is None or binding.vif_type != bindings.OVS:
        return "DOWN"
    said = {row.status for row in reader.find("Port_Status", "port_id", port.id) if row.host == binding.host}
    return str(next(iter(said), "BUILD"))


def details(reader: Reader, port: Row) -> Values:
    """Give what the parent port of a trunk shows of it; nothing for every other port."""
    row = sub_ports.trunk_of_parent(reader, port.id)
    if row is None:
        return {}
    shown = []
    for one in sub_ports.of(row).values():
        found = reader.get("Port", one.port_id)
        shown.append({**one._asdict(), **({} if found is None else {"mac_address": found.mac_address})})
    return {"trunk_details": {"trunk_id": row.id, _FIELD: shown}}


def check_deletable(txn: Txn, port: Row) -> None:
    """Refuse to delete a port that is a trunk's. Raises Conflict."""
    txn.verify("Port", port.id, "trunk_parent")
    own = sub_ports.trunk_of_parent(txn, port.id)
    if own is not None:
        message = f"Port {port.id} is currently a parent port for trunk {own.id}."
        raise Conflict("PortInUseAsTrunkParent", message)
    if port.trunk_parent is not None:
        row = sub_ports.trunk_of_parent(txn, port.trunk_parent)
        message = f"Port {port.id} is currently a subport for trunk {None if row is None else row.id}."
        raise Conflict("PortInUseAsSubPort", message)

"""Logs of what security groups do: each is about a port, all ports of a group, or all of its project."""

from collections.abc import Collection

import msgspec

from tunbridge.model.resources.log import LOGGABLE, SECURITY_GROUP
from tunbridge.rules import bindings
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE = "Log"
_CARRIED = "normal"
"""The VNIC type whose ports Open vSwitch filters."""


class LogRules(Rules):
    """The rules of logs."""

    name = "Log resource"

    def absent(self, id: str) -> Exception:
        """Give Neutron's LogResourceNotFound."""
        return NotFound("LogResourceNotFound", f"Log resource {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a log. Raises NetworkingError."""
        kind, group, target = values["resource_type"], values.get("resource_id"), values.get("target_id")
        if kind not in LOGGABLE:
            raise BadRequest("InvalidLogResourceType", f"Invalid log resource_type: {kind}.")
        if group and txn.get("Security_Group", group) is None:
            raise NotFound("ResourceNotFound", f"Resource {group} could not be found.")
        if target:
            self._check_target(txn, target, group)
        return self.insert(txn, request, values)

    @staticmethod
    def _check_target(txn: Txn, target: str, group: str | None) -> None:
        port = txn.get("Port", target)
        if port is None:
            raise NotFound("TargetResourceNotFound", f"Target resource {target} could not be found.")
        binding = bindings.active(txn, port)
        if binding is not None and binding.vnic_type != _CARRIED:
            message = f"Logging type {SECURITY_GROUP} is not supported on port {target}."
            raise Conflict("LoggingTypeNotSupported", message)
        if group and group not in port.security_groups:
            raise _unrelated(group, target)


def _unrelated(group: str, target: str) -> NetworkingError:
    return BadRequest(
        "InvalidResourceConstraint",
        f"Invalid resource constraint between resource ({SECURITY_GROUP} {group}) and target resource (port {target}).",
    )


def remove_of(txn: Txn, column: str, id: str) -> None:
    """Remove the logs that are about a port (`target_id`) or a group (`resource_id`) which goes."""
    txn.verify_rows(TABLE, column, id)
    for row in txn.find(TABLE, column, id):
        txn.delete(TABLE, row.id)


class Loggable(msgspec.Struct, frozen=True):
    """A type of things that can be logged."""

    id: str
    type: str


class LoggableResourceRules(Rules):
    """The rules of the types of things that can be logged."""

    name = "Loggable resource"

    def all(self, _reader: Reader) -> Collection[Row]:
        """Give all types."""
        return [Loggable(name, name) for name in LOGGABLE]

    def row(self, _reader: Reader, id: str) -> Row | None:
        """Give a type by its name."""
        return Loggable(id, id) if id in LOGGABLE else None

    def body(self, _reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a type."""
        return {"type": row.type}

    def project(self, _row: Row) -> str | None:
        """Nobody owns a type."""
        return None

"""Boot configurations: one for a port, of the port's project, and gone with it."""

from typing import Any

from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict
from tunbridge.rules.request import Request, Txn, Values

TABLE = "Boot_Config"


class BootConfigRules(Rules):
    """The rules of boot configurations."""

    name = "Boot config"

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make the boot configuration of a port of the caller's project. Raises NotFound, Conflict."""
        ports: Any = self.others["port"]
        port, caller = ports.get(txn, values["port_id"]), request.caller
        if not caller.is_admin and caller.project_id != port.project_id:
            raise ports.absent(port.id)
        txn.verify_rows(TABLE, "port_id", port.id)
        if txn.find(TABLE, "port_id", port.id):
            raise Conflict("BootConfigExists", f"Port {port.id} already has a boot configuration.")
        return self.insert(txn, request, values, project_id=port.project_id)


def remove_of(txn: Txn, port_id: str) -> None:
    """Remove the boot configuration of a port that goes."""
    txn.verify_rows(TABLE, "port_id", port_id)
    for row in txn.find(TABLE, "port_id", port_id):
        txn.delete(TABLE, row.id)

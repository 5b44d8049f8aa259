"""Conntrack helpers of a router. Texts are Neutron's.

Hosts read them in the column `helpers` of the router, each as one text. Open vSwitch knows two, and only on their
own ports in the datapath of userspace, so that others are refused: whoever asked for them would wait in vain.
"""

from tunbridge.model.resources.conntrack_helper import CARRIED
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE, ABOVE = "Conntrack_Helper", "router_id"
_NAMES = ("protocol", "port", "helper")


class ConntrackHelperRules(Rules):
    """The rules of conntrack helpers."""

    above = ABOVE

    def absent(self, id: str) -> Exception:
        """Give Neutron's ConntrackHelperNotFound."""
        return NotFound("ConntrackHelperNotFound", f"Conntrack Helper {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Give the router in `router_id` a helper. Raises NetworkingError."""
        router = self.others["router"].get(txn, values[ABOVE])
        self._check(txn, router, values, None)
        self._tell(txn, router, values["helper"], None)
        return self.insert(txn, request, values, router_id=router.id, project_id=router.project_id)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change one. Raises NetworkingError."""
        router = self.others["router"].get(txn, row.router_id)
        merged = {name: values.get(name, getattr(row, name)) for name in _NAMES}
        self._check(txn, router, merged, row)
        self._tell(txn, router, merged["helper"], row.helper)
        self.save(txn, request.unconditional, row, merged)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Take one away."""
        self._tell(txn, self.others["router"].get(txn, row.router_id), None, row.helper)
        self.remove(txn, request.unconditional, row)

    # For others

    def shown(self, reader: Reader, router: Row) -> list[Values]:
        """Give the helpers as their router shows them."""
        return [{name: getattr(row, name) for name in _NAMES} for row in reader.find(TABLE, ABOVE, router.id)]

    @staticmethod
    def leave(txn: Txn, router: Row) -> None:
        """Remove those of a router that goes."""
        txn.verify_rows(TABLE, ABOVE, router.id)
        for row in txn.find(TABLE, ABOVE, router.id):
            txn.delete(TABLE, row.id)

    # Parts

    @staticmethod
    def _check(txn: Txn, router: Row, values: Values, before: Row | None) -> None:
        helper, protocol, port = values["helper"], values["protocol"], values["port"]
        carried = CARRIED.get(helper)
        if carried is None:
            raise BadRequest("ConntrackHelperNotAllowed", f"Conntrack Helper {helper} is not allowed.")
        if protocol != carried.protocol:
            raise BadRequest(
                "InvalidProtocolForHelper",
                f"Conntrack Helper {helper} does not support: {protocol}. Supported protocols are: {carried.protocol}",
            )
        if port != carried.port:
            raise _bad(f"hosts know {helper} on port {carried.port} only")
        txn.verify_rows(TABLE, ABOVE, router.id)
        for other in txn.find(TABLE, ABOVE, router.id):
            if other.helper == helper and (before is None or other.id != before.id):
                same = {"router_id": router.id, "protocol": protocol, "port": port, "helper": helper}
                raise _bad(
                    "A duplicate conntrack helper entry with same attributes already exists, conflicting values are"
                    f" {same}"
                )

    @staticmethod
    def _tell(txn: Txn, router: Row, new: str | None, old: str | None) -> None:
        """Write for hosts which helpers a router has."""
        helpers = ({*router.helpers} - {old}) | {new}
        txn.verify("Router", router.id, "helpers")
        txn.update("Router", router.id, {"helpers": tuple(sorted(helper for helper in helpers if helper))})


def _bad(message: str) -> BadRequest:
    return BadRequest("BadRequest", f"Bad conntrack_helper request: {message}.")

"""What a port that goes means for Local IPs."""

from tunbridge.rules.errors import Conflict
from tunbridge.rules.request import Txn

TABLE, BELOW = "Local_Ip", "Local_Ip_Association"


def remove_of(txn: Txn, port_id: str) -> None:
    """Remove what leads Local IPs to a port which goes."""
    txn.verify_rows(BELOW, "fixed_port_id", port_id)
    for row in txn.find(BELOW, "fixed_port_id", port_id):
        txn.delete(BELOW, row.id)


def check_unused(txn: Txn, port_id: str) -> None:
    """Refuse to remove a port whose address a Local IP is. Raises Conflict."""
    txn.verify_rows(TABLE, "local_port_id", port_id)
    if txn.count(TABLE, "local_port_id", port_id):
        reason = "still referenced by Local IPs"
        message = f"Port {port_id} cannot be deleted directly via the port API: {reason}."
        raise Conflict("ServicePortInUse", message)

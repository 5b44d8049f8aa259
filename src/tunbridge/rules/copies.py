"""Columns that repeat what other rows say, so that hosts can ask for rows by them (OVSDB's conditions have no joins).

They are written with what they repeat, in the same transaction. A server of an older version does not know them: what
it wrote is completed by a newer one, as are all rows of a database that was made by an older version.
"""

from tunbridge.rules import bindings
from tunbridge.rules.port_addresses import fixed_ips_text
from tunbridge.rules.request import Reader, Row, Txn


def are_right(reader: Reader, port: Row) -> bool:
    """Whether the copies of a port and its bindings say what they should."""
    return bool(port.fixed_ips == fixed_ips_text(reader, port.addresses)) and all(
        (row.port_id, row.network_id) == (port.id, port.network_id) for row in bindings.of(reader, port)
    )


def put_right(txn: Txn, id: str) -> bool:
    """Write the copies of a port and its bindings where they differ; no user sees a change. Gives whether they did."""
    port = txn.get("Port", id)
    if port is None or are_right(txn, port):
        return False
    txn.verify("Port", id, "addresses", "bindings")
    txn.update("Port", id, {"fixed_ips": fixed_ips_text(txn, port.addresses)})
    for row in bindings.of(txn, port):
        txn.update(bindings.TABLE, row.id, {"port_id": id, "network_id": port.network_id})
    return True

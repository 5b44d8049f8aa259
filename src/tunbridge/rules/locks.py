"""Locks for what no index of the database can hold: whoever decides by what several rows say takes one.

A row of Guard by name counts its uses; a transaction relies on the count that it saw, so that of two which decide at
the same time one is built again.
"""

from tunbridge.rules.request import Txn


def lock(txn: Txn, name: str) -> None:
    """Let no other transaction with this lock happen between what this one has read and its end."""
    row = txn.find_unique("Guard", ("name",), (name,))
    if row is None:
        txn.insert("Guard", {"name": name, "uses": 1})
        return
    txn.verify("Guard", row.id, "uses")
    txn.update("Guard", row.id, {"uses": row.uses + 1})

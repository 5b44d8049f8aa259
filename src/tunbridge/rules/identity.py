"""The id of a cloud, made once: services that keep things of several clouds are told whose a thing is."""

from uuid import uuid4

from tunbridge.rules.request import Reader, Txn

TABLE = "Identity"
_NAME = "cloud"


def of(reader: Reader) -> str | None:
    """Give the cloud's id, None before it was made."""
    row = reader.find_unique(TABLE, ("name",), (_NAME,))
    return None if row is None else str(row.value)


def ensure(txn: Txn) -> str:
    """Give the cloud's id; make it if there is none."""
    found = of(txn)
    if found is None:
        found = str(uuid4())
        txn.insert(TABLE, {"name": _NAME, "value": found})
    return found

"""Quotas: how many things of a kind a project may have, kept by the database itself.

Each project and kind has a row in Quota_Usage with what is still `free`. A create takes one from it, a delete gives one
back, both by adding: creates do not wait for each other, and the database refuses to go below 0. When a limit is set
below what is in use, the difference is kept as `debt`, which deletes pay first.
"""

from tunbridge.rules.errors import Conflict
from tunbridge.rules.request import Reader, Request, Row, Txn

UNLIMITED = 2**62
"""What `limit` holds for -1."""
_KEY = ("project_id", "resource")


def limit(reader: Reader, request: Request, project_id: str, resource: str) -> int:
    """Give the limit that is in force, -1 for none."""
    row = reader.find_unique("Quota", _KEY, (project_id, resource))
    return request.settings.quota(resource) if row is None else int(row.limit)


def used(reader: Reader, project_id: str, resource: str) -> int:
    """Give how many things count against the quota."""
    row = reader.find_unique("Quota_Usage", _KEY, (project_id, resource))
    return 0 if row is None else int(row.limit - row.free + row.debt)


def room(reader: Reader, request: Request, project_id: str, resource: str) -> int:
    """Give how many more things the quota lets a project make."""
    most = limit(reader, request, project_id, resource)
    return UNLIMITED if most < 0 else most - used(reader, project_id, resource)


def exceeded(resource: str) -> Conflict:
    """Give Neutron's OverQuota."""
    return Conflict("OverQuota", f"Quota exceeded for resources: ['{resource}'].")


def take(txn: Txn, request: Request, project_id: str, resource: str | None, amount: int = 1) -> None:
    """Count new things. Raises Neutron's OverQuota."""
    if resource is None:
        return
    row = _row(txn, request, project_id, resource)
    if row.free < amount:
        raise exceeded(resource)
    txn.add("Quota_Usage", row.id, "free", -amount)


def count(txn: Txn, request: Request, project_id: str, resource: str) -> None:
    """Count a thing that comes along with another one, and is not refused for the quota."""
    row = _row(txn, request, project_id, resource)
    if row.free > 0:
        txn.add("Quota_Usage", row.id, "free", -1)
    else:
        txn.verify("Quota_Usage", row.id, "free", "debt")
        txn.update("Quota_Usage", row.id, {"debt": row.debt + 1})


def give_back(txn: Txn, request: Request, project_id: str, resource: str | None, amount: int = 1) -> None:
    """Count things that go."""
    if resource is None or amount == 0:
        return
    row = _row(txn, request, project_id, resource)
    txn.verify("Quota_Usage", row.id, "debt")
    paid = min(row.debt, amount)
    if paid:
        txn.update("Quota_Usage", row.id, {"debt": row.debt - paid})
    if amount > paid:
        txn.add("Quota_Usage", row.id, "free", amount - paid)


def _row(txn: Txn, request: Request, project_id: str, resource: str) -> Row:
    """Give the project's row, made or brought to the limit in force first."""
    wanted = limit(txn, request, project_id, resource)
    cap = UNLIMITED if wanted < 0 else wanted
    row = txn.find_unique("Quota_Usage", _KEY, (project_id, resource))
    if row is None:
        values = {"project_id": project_id, "resource": resource, "limit": cap, "free": cap, "debt": 0}
        return txn.get("Quota_Usage", txn.insert("Quota_Usage", values))
    if row.limit != cap:
        count = row.limit - row.free + row.debt
        txn.verify("Quota_Usage", row.id, "limit", "free", "debt")
        changed = {"limit": cap, "free": max(cap - count, 0), "debt": max(count - cap, 0)}
        txn.update("Quota_Usage", row.id, changed)
        row = txn.get("Quota_Usage", row.id)
    return row

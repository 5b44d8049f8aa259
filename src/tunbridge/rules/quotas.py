"""The quota API: limits of a project to see, set and forget, with what is in use."""

from tunbridge.model.resources.quota import LIMITED
from tunbridge.rules import quota
from tunbridge.rules.errors import BadRequest, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

_KEY = ("project_id", "resource")


def shown(reader: Reader, request: Request, project: str, names: tuple[str, ...]) -> Values:
    """Give the limits of a project."""
    return {name: quota.limit(reader, request, project, name) for name in names}


def defaults(request: Request, names: tuple[str, ...]) -> Values:
    """Give the limits of a project for which none were set."""
    return {name: request.settings.quota(name) for name in names}


def details(reader: Reader, request: Request, project: str, names: tuple[str, ...]) -> Values:
    """Give limits with what is in use."""
    return {
        name: {
            "limit": quota.limit(reader, request, project, name),
            "used": quota.used(reader, project, name),
            "reserved": 0,
        }
        for name in names
    }


def projects(reader: Reader) -> list[str]:
    """Give the projects that have a limit of their own."""
    return sorted({row.project_id for row in reader.all("Quota")})


def put(txn: Txn, request: Request, project: str, values: Values) -> None:
    """Set limits. Raises Neutron's HTTPBadRequest when more is in use, unless `force` was given."""
    values = dict(values)
    check = values.pop("force", False) is not True
    for name, wanted in values.items():
        if name not in LIMITED:
            continue
        taken = quota.used(txn, project, name)
        if check and 0 <= wanted < taken:
            message = f"Quota limit {wanted} for {name} must be greater than or equal to already used {taken}"
            raise BadRequest("HTTPBadRequest", message)
        row = txn.find_unique("Quota", _KEY, (project, name))
        if row is None:
            txn.insert("Quota", {"project_id": project, "resource": name, "limit": wanted})
        else:
            txn.update("Quota", row.id, {"limit": wanted})
        _fit(txn, request, project, name)


def forget(txn: Txn, request: Request, project: str) -> None:
    """Go back to the defaults. Raises Neutron's TenantQuotaNotFound when there is nothing to go back from."""
    rows: list[Row] = txn.find("Quota", "project_id", project)
    if not rows:
        raise NotFound("TenantQuotaNotFound", f"Quota for project {project} could not be found.")
    for row in rows:
        txn.delete("Quota", row.id)
        _fit(txn, request, project, row.resource)


def _fit(txn: Txn, request: Request, project: str, name: str) -> None:
    """Bring what is counted to the new limit at once, if anything was counted yet."""
    if txn.find_unique("Quota_Usage", _KEY, (project, name)) is not None:
        quota.take(txn, request, project, name, 0)

"""Whether new security groups are stateful when a request does not say it: by project, or for all that say nothing."""

from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

_TABLE, _KEY = "Default_Statefulness", ("project_id",)
_EVERYBODY = ""
"""What stands in the database for no project."""


def of(txn: Txn, project: str) -> bool:
    """Give the default of a project."""
    for owner in (project, _EVERYBODY):
        row = txn.find_unique(_TABLE, _KEY, (owner,))
        if row is not None:
            txn.verify(_TABLE, row.id, "stateful")
            return bool(row.stateful)
    return True


class DefaultStatefulnessRules(Rules):
    """The rules of such defaults."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's SecurityGroupDefaultStatefulnessNotFound."""
        message = f"Security group default statefulness {id} could not be found."
        return NotFound("SecurityGroupDefaultStatefulnessNotFound", message)

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Set the default of a project, or of all. Raises Conflict."""
        owner = values["project_id"]
        if txn.find_unique(_TABLE, _KEY, (owner or _EVERYBODY,)) is not None:
            message = (
                f"A security group default statefulness setting already exists for project '{owner or 'system-wide'}'."
            )
            raise Conflict("SecurityGroupDefaultStatefulnessAlreadyExists", message)
        return self.insert(txn, request, values)

    def computed(self, _reader: Reader, row: Row) -> Values:
        """Give the project as users see it."""
        return {"project_id": row.project_id or None}

    def project(self, row: Row) -> str | None:
        """Nobody owns that of all projects."""
        return row.project_id or None

"""Types of QoS rules: anybody may list them, and an admin ask what one of them takes."""

from tunbridge.api import policy
from tunbridge.api.controller import Answer, Controller
from tunbridge.api.policy import Target
from tunbridge.model.policy_rules import Who
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Forbidden
from tunbridge.rules.request import Row

_LISTED = frozenset({"type"})


class RuleTypes(Controller):
    """The controller of rule types."""

    async def show(self, caller: Caller, id: str, text: str) -> Answer:
        """Answer GET /qos/rule-types/TYPE. Raises Forbidden, NotFound."""
        if not policy.may(Who.ADMIN, caller, Target(None)):
            raise Forbidden("NotAuthorized", "Not authorized.")
        return await super().show(caller, id, text)

    def listed(self, row: Row, caller: Caller, target: Target, fields: frozenset[str]) -> bytes:
        """Give a type as lists have it: its name."""
        return super().listed(row, caller, target, fields & _LISTED or _LISTED)

"""The roles that policy knows, and which imply which."""

from collections.abc import Iterable

ROLES = ("admin", "manager", "member", "reader", "service")
"""Each of the first four implies those after it; `service` stands alone."""
_CHAIN = ROLES[:4]


def implied(roles: Iterable[str]) -> frozenset[str]:
    """Give `roles` in lower case, with all that they imply (Keystone's bootstrap makes the same implications)."""
    given = {role.lower() for role in roles}
    for number, role in enumerate(_CHAIN):
        if role in given:
            given.update(_CHAIN[number:])
            break
    return frozenset(given)

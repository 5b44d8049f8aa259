"""Who may do a thing: Neutron's default policy rules, by the names of what they allow.

`api/policy.py` decides; a declaration only names the rule. Sources: neutron/conf/policies/*.py (2026.2). An admin may
do everything; "member" and "reader" are roles in the project that owns the thing.
"""

from enum import Enum


class Who(Enum):
    """A rule. Each includes the ones who may more."""

    ANYBODY = "any authenticated user"
    ADMIN = "an admin"
    SERVICE = "an admin or a service user"
    ADMIN_OR_MEMBER = "an admin, or a member of the project that owns it"
    ADMIN_OR_MANAGER = "an admin, or a manager of the project that owns it"
    ADMIN_OR_READER = "an admin, or a reader of the project that owns it"
    ADMIN_OR_NET_OWNER = "an admin, or a member of the project that owns its network"
    ADMIN_OR_NET_OWNER_READER = "an admin, or a reader of the project that owns its network"
    ADMIN_OR_NET_OR_OWNER = "an admin, or a member of the project that owns it or its network"
    SHARED = "whoever it is shared with"
    NOBODY = "nobody"

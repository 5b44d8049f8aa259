"""Who may do a thing: Neutron's default policy rules, by the names of what they allow.

`api/policy.py` decides; a declaration only names the rule. Sources: neutron/conf/policies/*.py (2026.2). An admin may
do everything, unless a rule's text says otherwise; "member", "reader", "manager" are roles that a user has in the
project of the token, and each includes the ones below it (manager, member, reader). "It" is the thing that the request
is about, as it is (update, delete, get) or as it will be (create). A service user has the role `service`.
"""

from enum import Enum


class Who(Enum):
    """A rule; its text is what exactly it means."""

    ANYBODY = "any authenticated user"
    READER = "an admin, or whoever has the role reader in some project"
    ADMIN = "an admin"
    SERVICE = "an admin or a service user"
    SERVICE_ONLY = "a service user, not even an admin without that role"
    ADMIN_OR_MEMBER = "an admin, or a member of the project that owns it"
    ADMIN_OR_MANAGER = "an admin, or a manager of the project that owns it"
    ADMIN_OR_READER = "an admin, or a reader of the project that owns it"
    NOBODY = "nobody"

    # What projects share
    SHARED = "an admin, or anybody whose project it is shared with"
    READER_OR_SHARED = "an admin, a reader of the project that owns it, or anybody whose project it is shared with"
    NETWORK_READER = (
        "an admin, a service user, an advsvc user, a reader of the project that owns it, or anybody when it is "
        "external or shared with their project"
    )
    NETWORK_TAGS_READER = (
        "an admin, an advsvc user, a reader of the project that owns it, or anybody when it is external or shared with "
        "their project"
    )

    # Subnets and ports: "its network" is the one that it is on
    ADMIN_OR_NET_OWNER = "an admin, or a member of the project that owns its network"
    ADMIN_OR_NET_OWNER_READER = "an admin, or a reader of the project that owns its network"
    ADMIN_OR_NET_OR_OWNER = "an admin, or a member of the project that owns it or its network"
    SUBNET_READER = (
        "an admin, a service user, a reader of the project that owns it or its network, or anybody when its network is "
        "external or shared with their project"
    )
    SUBNET_TAGS_READER = (
        "an admin, a reader of the project that owns it or its network, or anybody when its network is external or "
        "shared with their project"
    )
    MEMBER_OR_SERVICE = "an admin, a service user, or a member of the project that owns it"
    MEMBER_OR_ADVSVC = "an admin, an advsvc user, or a member of the project that owns it"
    NET_OWNER_OR_SERVICE = "an admin, a service user, or a member of the project that owns its network"
    NET_OWNER_OR_SERVICE_OR_SHARED = (
        "an admin, a service user, a member of the project that owns its network, or a member of a project that its "
        "network is shared with"
    )
    NET_MANAGER_OR_SERVICE = "an admin, a service user, or a manager of the project that owns its network"
    NET_OWNER_FOR_NETWORK_DEVICE = (
        "anybody for a value that does not begin with `network:`; for one that does an admin, a service user, or a "
        "member of the project that owns its network"
    )
    PORT_READER = "an admin, a service user, or a reader of the project that owns it or its network"
    PORT_TAGS_READER = "an admin, an advsvc user, or a reader of the project that owns it or its network"
    PORT_TAGS_DELETER = "an admin, an advsvc user, or a member of the project that owns it or its network"
    PORT_DELETER = (
        "an admin or a service user; a member of the project that owns it or its network, when its device_owner does "
        "not begin with `compute:`, `baremetal:` or `manila:`, or the request comes with a service token (role service)"
    )
    DATA_PLANE_INTEGRATOR = "an admin, or a user with the role data_plane_integrator"

    # Security groups: "its group" is the one that a rule belongs to
    ADMIN_OR_GROUP_OWNER = "an admin, or a member of the project that owns its group"
    ADMIN_OR_GROUP_READER = "an admin, or a reader of the project that owns its group"
    RBAC_TARGET = "an admin; whoever may create the policy, for a value other than `*`"

"""Who calls: what authentication found out, and what policy decides by."""

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """The user behind a request, in the project that the token is for."""

    user_id: str
    user_name: str
    project_id: str | None
    """None: a token without a project (unscoped, or for the system)."""
    project_name: str | None
    roles: frozenset[str]
    """In lower case, with those that they imply: admin implies manager, that member, that reader."""
    system: bool = False
    """A token for the system (`system_scope=all`)."""
    service_roles: frozenset[str] = frozenset()
    """Roles of the service that calls for the user and showed a token of its own (X-Service-Token)."""

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed in Networking: a token for the system is for other services."""
        return "admin" in self.roles and not self.system

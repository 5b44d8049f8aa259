"""What a token stands for now: its claims against the users as they are, so that whoever is removed is out at once."""

from msgspec import Struct

from tunbridge.api.auth.directory import Directory, held
from tunbridge.api.auth.roles import implied
from tunbridge.api.auth.tokens import Claims, InvalidTokenError, Tokens
from tunbridge.api.auth.users import ApplicationCredential, Project, User
from tunbridge.api.context import Caller


class Session(Struct, frozen=True, kw_only=True):
    """A token that is valid."""

    claims: Claims
    user: User
    project: Project | None
    credential: ApplicationCredential | None
    roles: frozenset[str]
    """With the implied ones."""

    @property
    def is_admin(self) -> bool:
        """Say whether everything is allowed."""
        return "admin" in self.roles

    def caller(self) -> Caller:
        """Give what policy decides by."""
        return Caller(
            user_id=self.user.id,
            user_name=self.user.name,
            project_id=self.project.id if self.project else None,
            project_name=self.project.name if self.project else None,
            roles=self.roles,
            system=self.claims.system,
        )


class Sessions:
    """Turns tokens into sessions."""

    def __init__(self, directory: Directory, tokens: Tokens) -> None:
        self.directory = directory
        self.tokens = tokens

    def read(self, token: str) -> Session:
        """Give the session of a token. Raises InvalidTokenError."""
        return self.of(self.tokens.read(token))

    def of(self, claims: Claims) -> Session:
        """Give what claims stand for now. Raises InvalidTokenError: user, password, project or roles have gone."""
        directory = self.directory.fresh()
        user = directory.users.get(claims.user)
        if user is None or not user.enabled or user.stamp != claims.stamp:
            raise InvalidTokenError
        project = None
        roles: frozenset[str] = frozenset()
        if claims.project is not None:
            project = directory.projects.get(claims.project)
            if project is None or not project.enabled:
                raise InvalidTokenError
            roles = held(claims.roles, directory.roles(user, project))
        elif claims.system:
            roles = held(claims.roles, implied(user.system_roles))
        if (project is not None or claims.system) and not roles:
            raise InvalidTokenError
        return Session(claims=claims, user=user, project=project, credential=self._credential(claims), roles=roles)

    def _credential(self, claims: Claims) -> ApplicationCredential | None:
        if claims.credential is None:
            return None
        credential = self.directory.credentials.get(claims.credential)
        if credential is None:
            raise InvalidTokenError
        return credential

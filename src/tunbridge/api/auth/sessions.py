"""What a token stands for now: its claims against the users as they are, so that whoever is removed is out at once."""

from msgspec import Struct

from tunbridge.api.auth.directory import Directory, held
from tunbridge.api.auth.roles import implied
from tunbridge.api.auth.tokens import Claims, InvalidTokenError, Tokens
from tunbridge.api.auth.users import ApplicationCredential, Project, User
from tunbridge.api.context import Caller

_MAX_KNOWN = 4096


class TokenSession(Struct, frozen=True, kw_only=True):
    """A token that is valid."""

    claims: Claims
    user: User
    project: Project | None
    credential: ApplicationCredential | None
    roles: frozenset[str]
    """With the implied ones."""
    caller: Caller
    """What policy decides by."""

    @property
    def is_admin(self) -> bool:
        """Say whether everything is allowed."""
        return "admin" in self.roles


class Sessions:
    """Turns tokens into sessions; one that is known is looked up, until the users change."""

    def __init__(self, directory: Directory, tokens: Tokens) -> None:
        self.directory = directory
        self.tokens = tokens
        self._known: dict[str, TokenSession] = {}
        self._version = 0

    def read(self, token: str, expired_too: bool = False) -> TokenSession:
        """Give the session of a token. Raises InvalidTokenError."""
        return self.of(self.tokens.read(token, expired_too))

    def of(self, claims: Claims) -> TokenSession:
        """Give what claims stand for now. Raises InvalidTokenError: user, password, project or roles have gone."""
        directory = self.directory.fresh()
        if directory.version != self._version or len(self._known) > _MAX_KNOWN:
            self._known.clear()
            self._version = directory.version
        known = self._known.get(claims.id)
        if known is None:
            known = self._known[claims.id] = self._made(claims)
        return known

    def _made(self, claims: Claims) -> TokenSession:
        directory = self.directory
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
        credential = self._credential(claims)
        caller = Caller(
            user_id=user.id,
            user_name=user.name,
            project_id=project.id if project else None,
            project_name=project.name if project else None,
            roles=roles,
            system=claims.system,
        )
        return TokenSession(
            claims=claims, user=user, project=project, credential=credential, roles=roles, caller=caller
        )

    def _credential(self, claims: Claims) -> ApplicationCredential | None:
        if claims.credential is None:
            return None
        credential = self.directory.credentials.get(claims.credential)
        if credential is None:
            raise InvalidTokenError
        return credential

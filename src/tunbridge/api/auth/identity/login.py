"""POST /v3/auth/tokens: from what a client shows to the claims of a new token.

A password, an application credential or a token (to change the scope) shows who; the scope asked for, or the user's
default project, says what for. Whatever is wrong about who is the same 401, after the same work.
"""

from msgspec import Struct

from tunbridge.api.auth.base import Unauthorized
from tunbridge.api.auth.directory import Directory, is_domain
from tunbridge.api.auth.identity.answers import refuse_action, refuse_bad_request, refuse_token
from tunbridge.api.auth.identity.bodies import (
    Auth,
    CredentialMethod,
    Identity,
    InDomain,
    Scope,
    TokenMethod,
)
from tunbridge.api.auth.passwords import Verifier
from tunbridge.api.auth.sessions import Sessions, TokenSession
from tunbridge.api.auth.tokens import Claims, InvalidTokenError, new_audit_id
from tunbridge.api.auth.users import ApplicationCredential, Project, User


class _Shown(Struct, frozen=True, kw_only=True):
    """Who it is, and what that rests on."""

    user: User
    methods: list[str]
    session: TokenSession | None = None
    """Of the token that was shown."""
    credential: ApplicationCredential | None = None


class Login:
    """Checks what clients show."""

    def __init__(self, sessions: Sessions, verifier: Verifier, lifetime: int) -> None:
        self._sessions = sessions
        self._verifier = verifier
        self._lifetime = lifetime

    @property
    def _directory(self) -> Directory:
        return self._sessions.directory.fresh()

    async def claims(self, auth: Auth, address: str, challenge: str) -> Claims:
        """Give the claims of the token asked for. Raises RefusedError."""
        shown = await self._shown(auth.identity, address, challenge)
        project, system = self._scope(auth, shown, challenge)
        roles = self._roles(shown, project, system)
        if (project is not None or system) and not roles:
            raise Unauthorized(challenge)
        return self._made(shown, project, system, roles)

    async def _shown(self, identity: Identity, address: str, challenge: str) -> _Shown:
        """Check every method; all must show the same user. Raises RefusedError."""
        found: list[_Shown] = []
        for method in dict.fromkeys(identity.methods):
            if method == "password":
                one = await self._by_password(identity, address)
            elif method == "token":
                one = self._by_token(identity.token)
            elif method == "application_credential":
                one = await self._by_credential(identity.application_credential, address)
            else:
                raise _not_supported(challenge)
            if one is None or (found and found[0].user.id != one.user.id):
                raise Unauthorized(challenge)
            found.append(one)
        return _Shown(
            user=found[0].user,
            methods=list(dict.fromkeys(method for one in found for method in one.methods)),
            session=next((one.session for one in found if one.session), None),
            credential=next((one.credential for one in found if one.credential), None),
        )

    async def _by_password(self, identity: Identity, address: str) -> _Shown | None:
        if identity.password is None:
            raise refuse_bad_request("Expecting to find password in identity.")
        asked = identity.password.user
        user = self._user(asked)
        who = asked.id or asked.name or ""
        stored = user.password_hash if user else None
        right = await self._verifier.verify(who, address, stored, asked.password or "")
        return _Shown(user=user, methods=["password"]) if right and user and self._still(user) else None

    def _still(self, user: User) -> bool:
        """Say whether the user, just compared off the loop, is still there with that password, and enabled."""
        now = self._directory.users.get(user.id)
        return now is not None and now.enabled and now.stamp == user.stamp

    def _user(self, asked: InDomain) -> User | None:
        if asked.id is not None:
            return self._directory.users.get(asked.id)
        if asked.name is None:
            raise refuse_bad_request("Expecting to find id or name in user.")
        if asked.domain is None:
            raise refuse_bad_request("Expecting to find domain in user.")
        if not is_domain(asked.domain.id, asked.domain.name):
            return None
        return self._directory.user_named(asked.name)

    def _by_token(self, method: TokenMethod | None) -> _Shown:
        if method is None:
            raise refuse_bad_request("Expecting to find token in identity.")
        try:
            session = self._sessions.read(method.id)
        except InvalidTokenError:
            raise refuse_token() from None
        if session.credential is not None:
            raise refuse_action("Using a delegated token to create another token is not allowed")
        methods = list(dict.fromkeys([*session.claims.methods, "token"]))
        return _Shown(user=session.user, methods=methods, session=session)

    async def _by_credential(self, method: CredentialMethod | None, address: str) -> _Shown | None:
        if method is None:
            raise refuse_bad_request("Expecting to find application_credential in identity.")
        credential = self._credential(method)
        who = method.id or f"{(method.user and (method.user.id or method.user.name)) or ''}/{method.name}"
        stored = credential.secret_hash if credential else None
        right = await self._verifier.verify(f"application credential {who}", address, stored, method.secret)
        if not right or credential is None or credential.id not in self._directory.credentials:
            return None
        if credential.expires_at is not None and credential.expires_at <= self._sessions.tokens.now():
            return None
        user = self._directory.users.get(credential.user_id)
        if user is None or not user.enabled:
            return None
        return _Shown(user=user, methods=["application_credential"], credential=credential)

    def _credential(self, method: CredentialMethod) -> ApplicationCredential | None:
        if method.id is not None:
            return self._directory.credentials.get(method.id)
        if method.name is None or method.user is None:
            raise refuse_bad_request("Expecting to find id, or name and user, in application_credential.")
        user = self._user(method.user)
        return self._directory.credential_named(user, method.name) if user else None

    def _scope(self, auth: Auth, shown: _Shown, challenge: str) -> tuple[Project | None, bool]:
        """Give the project, or True for the system; neither for an unscoped token. Raises RefusedError."""
        scope = auth.scope
        if shown.credential is not None:
            if scope is not None:
                raise Unauthorized(challenge, "Application credentials cannot request a scope.")
            return self._enabled(self._directory.projects.get(shown.credential.project_id), challenge), False
        if isinstance(scope, str):
            if scope != "unscoped":
                raise refuse_bad_request("Expecting scope to be an object, or unscoped.")
            return None, False
        if scope is None:
            return self._directory.home(shown.user), False
        return self._asked_scope(scope, shown, challenge)

    def _asked_scope(self, scope: Scope, shown: _Shown, challenge: str) -> tuple[Project | None, bool]:
        asked = [scope.project, scope.domain, scope.system, scope.trust, scope.unscoped]
        if sum(one is not None for one in asked) != 1:
            raise refuse_bad_request("Expecting to find exactly one of project, domain, system or unscoped in scope.")
        if scope.unscoped is not None:
            return None, False
        if scope.system is not None:
            if not scope.system.all:
                raise refuse_bad_request("Expecting to find all in system.")
            return None, True
        if scope.project is None:
            raise Unauthorized(challenge)  # nobody has roles in a domain, and there are no trusts
        if shown.session is not None and shown.session.claims.system:
            raise refuse_action("Using a system-scoped token to create a project-scoped token is not allowed")
        return self._enabled(self._project(scope.project), challenge), False

    def _project(self, asked: InDomain) -> Project | None:
        if asked.id is not None:
            return self._directory.projects.get(asked.id)
        if asked.name is None:
            raise refuse_bad_request("Expecting to find id or name in project.")
        if asked.domain is None:
            raise refuse_bad_request("Expecting to find domain in project.")
        if not is_domain(asked.domain.id, asked.domain.name):
            return None
        return self._directory.project_named(asked.name)

    def _enabled(self, project: Project | None, challenge: str) -> Project:
        if project is None or not project.enabled:
            raise Unauthorized(challenge)
        return project

    def _roles(self, shown: _Shown, project: Project | None, system: bool) -> list[str]:
        """Give the roles that the token carries, without implied ones."""
        if shown.credential is not None and project is not None:
            held = self._directory.roles(shown.user, project)
            return [role for role in shown.credential.roles if role in held]
        if project is not None:
            return list(shown.user.roles.get(project.id, ()))
        return list(shown.user.system_roles) if system else []

    def _made(self, shown: _Shown, project: Project | None, system: bool, roles: list[str]) -> Claims:
        now = self._sessions.tokens.now()
        parent = shown.session.claims if shown.session else None
        # a token got with a token lasts no longer than it: else one login would last for ever
        exp = parent.exp if parent else int(now) + self._lifetime
        if shown.credential is not None and shown.credential.expires_at is not None:
            exp = min(exp, int(shown.credential.expires_at))
        return Claims(
            id=new_audit_id(),
            parent=(parent.parent or parent.id) if parent else None,
            user=shown.user.id,
            stamp=shown.user.stamp,
            methods=shown.methods,
            roles=roles,
            project=project.id if project else None,
            system=system,
            credential=shown.credential.id if shown.credential else None,
            issued=now,
            exp=exp,
        )


def _not_supported(challenge: str) -> Unauthorized:
    error = Unauthorized(challenge, "Attempted to authenticate with an unsupported method.")
    error.more["identity"] = {"methods": ["password", "token", "application_credential"]}
    return error

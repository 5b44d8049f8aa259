"""What every page of the identity service needs: who asks, the URLs that the request used, who may."""

from typing import Any

from starlette.requests import Request

from tunbridge.api.auth.base import RefusedError, Unauthorized, keystone_challenge
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.directory import Directory
from tunbridge.api.auth.identity.answers import PATH, refuse_action, server_url
from tunbridge.api.auth.identity.login import Login
from tunbridge.api.auth.identity.token_body import catalog
from tunbridge.api.auth.passwords import Verifier
from tunbridge.api.auth.sessions import Sessions, TokenSession
from tunbridge.api.auth.tokens import InvalidTokenError


class Service:
    """The parts that the pages share."""

    def __init__(self, config: AuthConfig, sessions: Sessions, verifier: Verifier, url: str, log: Any) -> None:
        self.log = log
        self.config = config
        self.sessions = sessions
        self.verifier = verifier
        self.login = Login(sessions, verifier, config.token_lifetime)
        self._url = url

    @property
    def directory(self) -> Directory:
        """Give the users as they are now."""
        return self.sessions.directory.fresh()

    def server(self, request: Request) -> str:
        """Give the server's URL, without a slash at its end."""
        return (
            self.config.public_url or server_url(request.url.scheme, request.headers.get("host"), self._url)
        ).rstrip("/")

    def url(self, request: Request) -> str:
        """Give the identity service's URL."""
        return self.server(request) + PATH

    def challenge(self, request: Request) -> str:
        """Give the WWW-Authenticate header of a 401."""
        return keystone_challenge(f"{self.url(request)}/v3")

    def services(self, request: Request) -> list[dict[str, Any]]:
        """Give the catalog."""
        return catalog(self.server(request), self.url(request), self.config.region)

    def session(self, request: Request) -> TokenSession:
        """Tell who asks. Raises RefusedError: 401."""
        try:
            return self.sessions.read(request.headers.get("x-auth-token", ""))
        except InvalidTokenError:
            raise Unauthorized(self.challenge(request)) from None

    def reader(self, request: Request, action: str) -> TokenSession:
        """Tell who asks, who must be admin, or a reader of the system. Raises RefusedError: 401, 403."""
        session = self.session(request)
        if session.is_admin or (session.claims.system and "reader" in session.roles):
            return session
        raise refuse_action(action)

    def self_or_reader(self, request: Request, user_id: str, action: str) -> TokenSession:
        """Tell who asks, who must be that user, or may read everything. Raises RefusedError: 401, 403."""
        session = self.session(request)
        return session if session.user.id == user_id else self.reader(request, action)

    async def unchangeable(self, request: Request) -> RefusedError:
        """Refuse a change of users, projects or roles over HTTP."""
        self.session(request)
        return RefusedError(403, "Users, projects and roles are changed with `tunbridge user` on the server.")

"""Mode `builtin`: a small Keystone inside the server. Users in a file, tokens signed with a key of our own."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.routing import BaseRoute

from tunbridge.api.auth import bootstrap
from tunbridge.api.auth.base import SERVICE_ROLE, Unauthorized, for_user, keystone_challenge
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.directory import Directory
from tunbridge.api.auth.identity import app
from tunbridge.api.auth.identity.answers import PATH, server_url
from tunbridge.api.auth.identity.service import Service
from tunbridge.api.auth.passwords import Verifier
from tunbridge.api.auth.presence import Presence
from tunbridge.api.auth.sessions import Sessions
from tunbridge.api.auth.tokens import InvalidTokenError, Tokens
from tunbridge.api.context import Caller


class BuiltinAuthenticator:
    """Knows the tokens that its own identity service gave out."""

    def __init__(self, config: AuthConfig, url: str, log: Any) -> None:
        self._log = log
        self._config = config
        self._url = url
        self._directory = Directory(config.path, log)
        self._sessions = Sessions(self._directory, Tokens(config.path))
        self._verifier = Verifier()
        self._service = Service(config, self._sessions, self._verifier, url, log)
        self._presence = Presence(config.path, url)

    async def start(self) -> None:
        """Read the users; make the first one where there is none. Raises TunbridgeError."""
        if await asyncio.to_thread(bootstrap.make_admin, self._config.path):
            self._log.info("made the user admin", password_file=str(self._config.path / bootstrap.KEPT_IN))
        self._directory.load()
        self._presence.announce()

    async def close(self) -> None:
        """End the threads that compare passwords."""
        self._presence.close()
        self._verifier.close()

    def routes(self) -> list[BaseRoute]:
        """Give the identity service."""
        return app.routes(self._service)

    async def authenticate(self, headers: Mapping[str, str], address: str = "") -> Caller:  # noqa: ARG002 - not needed for tokens
        """Tell whose token it is, and which service sent it on (X-Service-Token). Raises Unauthorized."""
        try:
            service = self._service_caller(headers.get("x-service-token"))
            session = self._sessions.read(headers.get("x-auth-token", ""), expired_too=service is not None)
        except InvalidTokenError:
            raise Unauthorized(keystone_challenge(f"{self._server(headers)}{PATH}/v3")) from None
        return for_user(session.caller, service)

    def _service_caller(self, token: str | None) -> Caller | None:
        if not token:
            return None
        caller = self._sessions.read(token).caller
        if SERVICE_ROLE not in caller.roles:
            raise InvalidTokenError
        return caller

    def _server(self, headers: Mapping[str, str]) -> str:
        scheme = self._url.partition(":")[0]
        return (self._config.public_url or server_url(scheme, headers.get("host"), self._url)).rstrip("/")

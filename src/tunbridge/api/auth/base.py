"""What every way to authenticate offers the server, and how it refuses.

Refusals have the form of Keystone and its middleware, `{"error": {"code", "title", "message"}}`, because that is what
clients parse where identity is concerned. No refusal repeats what the client sent: it may be a secret.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from tunbridge.api.context import Caller
from tunbridge.errors import TunbridgeError

MAX_TOKEN = 8192
"""Characters of a token; a longer one is refused unread."""
SERVICE_ROLE = "service"
"""What a token in X-Service-Token must have (keystonemiddleware's `service_token_roles`, which it requires)."""
EXPIRED_WINDOW_S = 48 * 3600
"""So long after its end a token still counts beside a service's (Keystone's `allow_expired_window`)."""


class Authenticator(Protocol):
    """One way to find out who calls."""

    async def authenticate(self, headers: Mapping[str, str], address: str = "") -> Caller:
        """Tell who calls. `headers` by lower-case name; `address` is the client's, for the limit on guesses.

        Raises RefusedError: its `response()` is the answer.
        """

    def routes(self) -> list[BaseRoute]:
        """Give what the server must mount besides its own API."""

    async def start(self) -> None:
        """Get ready. Raises TunbridgeError."""

    async def close(self) -> None:
        """Let go of everything."""


class RefusedError(TunbridgeError):
    """A request that ends here: with `status`, a message for the client, and headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.more: dict[str, object] = {}
        """What else stands in the error's body."""
        self.headers = {"Vary": "X-Auth-Token", **(headers or {})}

    def response(self) -> Response:
        """Give the answer for the client."""
        error = {"code": self.status, "title": HTTPStatus(self.status).phrase, "message": str(self)} | self.more
        body = msgspec.json.encode({"error": error})
        return Response(body, self.status, self.headers, media_type="application/json")


class Unauthorized(RefusedError):  # noqa: N818 - the name that HTTP has for it
    """401: no credentials, or not valid ones. `challenge` is what WWW-Authenticate says."""

    def __init__(self, challenge: str, message: str = "The request you have made requires authentication.") -> None:
        super().__init__(401, message, {"WWW-Authenticate": challenge})


class TooManyAttemptsError(RefusedError):
    """429: passwords come faster than they may be tried."""

    def __init__(self, seconds: int, message: str) -> None:
        super().__init__(429, message, {"Retry-After": str(seconds)})


class UnavailableError(RefusedError):
    """503: who calls cannot be found out right now."""

    def __init__(self, message: str, seconds: int = 5) -> None:
        super().__init__(503, message, {"Retry-After": str(seconds)})


def for_user(caller: Caller, service: Caller | None) -> Caller:
    """Give the caller of a request that a service may have sent for a user."""
    return caller if service is None else msgspec.structs.replace(caller, service_roles=service.roles)


def keystone_challenge(auth_url: str) -> str:
    """Give the WWW-Authenticate header that tells clients where tokens are had."""
    return f'Keystone uri="{auth_url}"'

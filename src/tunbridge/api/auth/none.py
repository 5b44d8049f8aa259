"""Mode `none`: whoever reaches the server is admin. `check_listen` keeps it to this host."""

from collections.abc import Mapping

from starlette.routing import BaseRoute

from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.roles import implied
from tunbridge.api.context import Caller


class NoneAuthenticator:
    """Asks nobody."""

    def __init__(self, config: AuthConfig) -> None:
        self._caller = Caller(
            user_id="none",
            user_name="none",
            project_id=config.none_project,
            project_name=config.none_project,
            roles=implied(["admin"]),
        )

    async def authenticate(self, headers: Mapping[str, str], address: str = "") -> Caller:  # noqa: ARG002 - asks nobody
        """Give the one caller there is."""
        return self._caller

    def routes(self) -> list[BaseRoute]:
        """Give nothing."""
        return []

    async def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

"""A service of OpenStack that this server asks: logs in with Keystone, and finds the service in the catalog."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from tunbridge.api.auth import remote
from tunbridge.api.auth.config import ServiceUser, Url
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    import httpx


class ServiceError(TunbridgeError):
    """The service or its Keystone does not answer, or not as expected; it may later."""


class ServiceConfig(ServiceUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a service is, and the service user who asks it."""

    region: str | None = None
    """Of the catalog's endpoints of its type, the one of this region; None: the first."""
    interface: Literal["internal", "public", "admin"] = "internal"
    endpoint: Url | None = None
    """Where it is; None: as the catalog says."""


class _Endpoint(Struct, frozen=True):
    interface: str
    url: str
    region_id: str | None = None


class _Service(Struct, frozen=True):
    type: str
    endpoints: list[_Endpoint] = []


class _Token(Struct, frozen=True):
    catalog: list[_Service] = []


class _Body(Struct, frozen=True):
    token: _Token


class KeystoneService:
    """One service of the catalog, of a type as `compute`; `setting` is where its configuration stands."""

    def __init__(
        self, config: ServiceConfig, type: str, setting: str, error: type[ServiceError], version: str = ""
    ) -> None:
        """`version` is a path that endpoints may end with or not. Raises AuthConfigError for unreadable files."""
        self._config = config
        self._type = type
        self._setting = setting
        self._error = error
        self._version = version
        self._login = remote.login(config, setting)
        self._client = remote.client(config, setting)
        self._token = ""
        self.endpoint = ""
        """Known after the first request."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> "httpx.Response":
        """Ask, with a new token should the old one not do. Raises the service's error: no answer, or no token."""
        for fresh in (False, True):
            if fresh or not self._token:
                await self._log_in()
            more: dict[str, Any] = {"headers": {"X-Auth-Token": self._token, **(headers or {})}}
            if body is not None:
                more["content"] = msgspec.json.encode(body)
                more["headers"]["Content-Type"] = "application/json"
            reply = await self._request(method, self.endpoint + path, **more)
            if reply.status_code != 401:
                break
        return reply

    async def _log_in(self) -> None:
        url = f"{remote.v3(self._config.auth_url)}/auth/tokens"
        reply = await self._request("POST", url, json=self._login)
        token = reply.headers.get("X-Subject-Token", "")
        if reply.status_code != 201 or not token:
            raise self._error(f"{url}: the service user cannot log in: {reply.status_code}")
        endpoint = (self._config.endpoint or self._found(reply)).rstrip("/")
        self.endpoint = endpoint.removesuffix(self._version)
        self._token = token

    def _found(self, reply: "httpx.Response") -> str:
        """Where the catalog says that the service is."""
        config = self._config
        try:
            catalog = msgspec.json.decode(reply.content, type=_Body).token.catalog
        except msgspec.DecodeError as e:
            raise self._error(f"the catalog of {config.auth_url} cannot be read: {e}") from e
        for service in catalog:
            for endpoint in service.endpoints if service.type == self._type else ():
                if endpoint.interface == config.interface and config.region in (None, endpoint.region_id):
                    return endpoint.url
        where = "" if config.region is None else f" in region {config.region}"
        raise self._error(
            f"the catalog of {config.auth_url} has no {config.interface} endpoint of type {self._type}{where};"
            f" set {self._setting}.endpoint, {self._setting}.interface or {self._setting}.region"
        )

    async def _request(self, method: str, url: str, **more: Any) -> "httpx.Response":
        import httpx  # late: takes as long to load as half of the server, which may do without

        try:
            return await self._client.request(method, url, **more)
        except httpx.HTTPError as e:
            raise self._error(f"{url}: {type(e).__name__}: {e}") from e

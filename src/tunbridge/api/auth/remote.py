"""Talking with a Keystone: a token for ourselves, and questions about the tokens of others."""

import ssl
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from tunbridge.api.auth.base import UnavailableError
from tunbridge.api.auth.config import AuthConfigError, KeystoneConfig, ServiceUser

if TYPE_CHECKING:
    import httpx


class _Named(Struct, frozen=True):
    id: str
    name: str


class _Role(Struct, frozen=True):
    name: str


class TokenData(Struct, frozen=True):
    """What Keystone tells about a token, as far as it matters here."""

    user: _Named
    expires_at: str
    project: _Named | None = None
    roles: list[_Role] = []
    system: dict[str, Any] | None = None

    @property
    def expires(self) -> float:
        """Give when it ends, in seconds since 1970. Raises ValueError."""
        return datetime.fromisoformat(self.expires_at).timestamp()


class _TokenBody(Struct, frozen=True):
    token: TokenData


class UnreachableError(UnavailableError):
    """Keystone does not answer, or not as Keystone does; `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__("The Keystone service is temporarily unavailable.")
        self.reason = reason


def v3(auth_url: str) -> str:
    """Give the URL of version 3 of the identity API."""
    bare = auth_url.rstrip("/")
    return bare if bare.endswith("/v3") else f"{bare}/v3"


class Keystone:
    """One Keystone, asked as the service user."""

    def __init__(self, config: KeystoneConfig) -> None:
        self._url = v3(config.auth_url)
        self._login = login(config, "auth.keystone")
        self._client = client(config, "auth.keystone")
        self._own = ""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def token(self, token: str, expired_too: bool = False) -> TokenData | None:
        """Tell what a token stands for; None: nothing. Raises UnreachableError.

        With `expired_too` Keystone also tells of one that expired within its `allow_expired_window`.
        """
        params = {"nocatalog": "", **({"allow_expired": "1"} if expired_too else {})}
        for fresh in (False, True):
            if fresh or not self._own:
                self._own = await self._new_own()
            headers = {"X-Auth-Token": self._own, "X-Subject-Token": token}
            reply = await self._ask("GET", "/auth/tokens", headers=headers, params=params)
            if reply.status_code == 200:
                return _read(reply)
            if reply.status_code == 404:
                return None
            if reply.status_code != 401:
                break
        raise UnreachableError(f"{self._url}: answered {reply.status_code} when asked about a token")

    async def _new_own(self) -> str:
        reply = await self._ask("POST", "/auth/tokens", json=self._login, params={"nocatalog": ""})
        token: str = reply.headers.get("X-Subject-Token", "")
        if reply.status_code != 201 or not token:
            raise UnreachableError(f"{self._url}: the service user cannot log in: {reply.status_code}")
        return token

    async def _ask(self, method: str, path: str, **more: Any) -> "httpx.Response":
        import httpx  # late: takes as long to load as half of the server, which may do without

        try:
            return await self._client.request(method, self._url + path, **more)
        except httpx.HTTPError as e:
            raise UnreachableError(f"{self._url}: {type(e).__name__}: {e}") from e


def _read(reply: "httpx.Response") -> TokenData:
    try:
        data = msgspec.json.decode(reply.content, type=_TokenBody).token
        _ = data.expires
    except (msgspec.DecodeError, ValueError) as e:
        raise UnreachableError(f"what it tells about a token cannot be read: {e}") from e
    return data


def client(config: ServiceUser, where: str) -> "httpx.AsyncClient":
    """Give an HTTP client for the services of a Keystone. Raises AuthConfigError, naming the setting below `where`."""
    if config.cafile is not None and not Path(config.cafile).is_file():
        raise AuthConfigError(f"{where}.cafile: {config.cafile}: there is no such file")
    import httpx  # late, as in Keystone

    context = ssl.create_default_context(cafile=config.cafile)
    return httpx.AsyncClient(verify=context, timeout=config.timeout, follow_redirects=False)


def login(config: ServiceUser, where: str) -> dict[str, Any]:
    """Give the body with which the service user logs in. Raises AuthConfigError, naming the setting below `where`."""
    if config.application_credential_id is not None:
        secret = _first_line(
            f"{where}.application_credential_secret_file", config.application_credential_secret_file or ""
        )
        shown = {"id": config.application_credential_id, "secret": secret}
        return {"auth": {"identity": {"methods": ["application_credential"], "application_credential": shown}}}
    user = {
        "name": config.username,
        "domain": {"name": config.user_domain_name},
        "password": _first_line(f"{where}.password_file", config.password_file or ""),
    }
    project = {"name": config.project_name, "domain": {"name": config.project_domain_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": {"project": project}}}


def _first_line(setting: str, path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise AuthConfigError(f"{setting}: {path}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise AuthConfigError(f"{setting}: {path}: is not UTF-8") from e
    if not lines or not lines[0]:
        raise AuthConfigError(f"{setting}: {path}: its first line is empty")
    return lines[0]

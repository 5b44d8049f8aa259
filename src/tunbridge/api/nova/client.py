"""Nova's API, as far as events go: logs in with Keystone, finds Nova in the catalog, sends."""

from typing import Any

import httpx
import msgspec
from msgspec import Struct

from tunbridge.api.auth import remote
from tunbridge.api.nova.config import NovaConfig
from tunbridge.api.nova.events import Event
from tunbridge.errors import TunbridgeError

PATH = "/os-server-external-events"


class NovaError(TunbridgeError):
    """Nova or its Keystone does not answer, or not as expected; it may later."""


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


class Told(Struct, frozen=True):
    """What Nova says of one event. Codes: 200; 400, refused; 404, no such server; 422, the server is on no host yet."""

    name: str
    server_uuid: str
    code: int
    tag: str = ""


class _Answer(Struct, frozen=True):
    events: list[Told]


class Nova:
    """One Nova, told as the service user."""

    def __init__(self, config: NovaConfig) -> None:
        """Raise AuthConfigError for files that cannot be read."""
        self._config = config
        self._login = remote.login(config, "nova")
        self._client = remote.client(config, "nova")
        self._token = ""
        self._endpoint = ""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, events: list[Event]) -> list[Told]:
        """Send events; what Nova says of each, none when it knows none of the servers. Raises NovaError."""
        for fresh in (False, True):
            if fresh or not self._token:
                await self._log_in()
            content = msgspec.json.encode({"events": events})
            headers = {"X-Auth-Token": self._token, "Content-Type": "application/json"}
            reply = await self._ask("POST", self._endpoint + PATH, content=content, headers=headers)
            if reply.status_code in (200, 207):
                return _read(reply)
            if reply.status_code == 404:
                return []
            if reply.status_code == 400:
                return await self._send_each(events)
            if reply.status_code != 401:
                break
        raise NovaError(f"{self._endpoint}{PATH}: answered {reply.status_code}")

    async def _send_each(self, events: list[Event]) -> list[Told]:
        """Find the one that Nova refuses a request for: the others must not wait for it."""
        if len(events) == 1:
            event = events[0]
            return [Told(event.name, event.server_uuid, 400, event.tag)]
        return [told for event in events for told in await self.send([event])]

    async def _log_in(self) -> None:
        url = f"{remote.v3(self._config.auth_url)}/auth/tokens"
        reply = await self._ask("POST", url, json=self._login)
        token = reply.headers.get("X-Subject-Token", "")
        if reply.status_code != 201 or not token:
            raise NovaError(f"{url}: the service user cannot log in: {reply.status_code}")
        self._endpoint = (self._config.endpoint or self._found(reply)).rstrip("/")
        self._token = token

    def _found(self, reply: httpx.Response) -> str:
        """Where the catalog says that Nova is."""
        config = self._config
        try:
            catalog = msgspec.json.decode(reply.content, type=_Body).token.catalog
        except msgspec.DecodeError as e:
            raise NovaError(f"the catalog of {config.auth_url} cannot be read: {e}") from e
        for service in catalog:
            for endpoint in service.endpoints if service.type == "compute" else ():
                if endpoint.interface == config.interface and config.region in (None, endpoint.region_id):
                    return endpoint.url
        where = "" if config.region is None else f" in region {config.region}"
        raise NovaError(
            f"the catalog of {config.auth_url} has no {config.interface} endpoint of type compute{where};"
            " set nova.endpoint, nova.interface or nova.region"
        )

    async def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return await self._client.request(method, url, **more)
        except httpx.HTTPError as e:
            raise NovaError(f"{url}: {type(e).__name__}: {e}") from e


def _read(reply: httpx.Response) -> list[Told]:
    try:
        return msgspec.json.decode(reply.content, type=_Answer).events
    except msgspec.DecodeError as e:
        raise NovaError(f"Nova's answer cannot be read: {e}") from e

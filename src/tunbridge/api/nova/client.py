"""Nova's API, as far as events go."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tunbridge.api.keystone_service import KeystoneService, ServiceError
from tunbridge.api.nova.config import NovaConfig
from tunbridge.api.nova.events import Event

if TYPE_CHECKING:
    import httpx

PATH = "/os-server-external-events"


class NovaError(ServiceError):
    """Nova or its Keystone does not answer, or not as expected; it may later."""


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
        self._service = KeystoneService(config, "compute", "nova", NovaError)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def send(self, events: list[Event]) -> list[Told]:
        """Send events; what Nova says of each, none when it knows none of the servers. Raises NovaError."""
        reply = await self._service.ask("POST", PATH, {"events": events})
        if reply.status_code in (200, 207):
            return _read(reply)
        if reply.status_code == 404:
            return []
        if reply.status_code == 400:
            return await self._send_each(events)
        raise NovaError(f"{self._service.endpoint}{PATH}: answered {reply.status_code}")

    async def _send_each(self, events: list[Event]) -> list[Told]:
        """Find the one that Nova refuses a request for: the others must not wait for it."""
        if len(events) == 1:
            event = events[0]
            return [Told(event.name, event.server_uuid, 400, event.tag)]
        return [told for event in events for told in await self.send([event])]


def _read(reply: "httpx.Response") -> list[Told]:
    try:
        return msgspec.json.decode(reply.content, type=_Answer).events
    except msgspec.DecodeError as e:
        raise NovaError(f"Nova's answer cannot be read: {e}") from e

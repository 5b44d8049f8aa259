"""Nova's host aggregates, as far as segments need them (compute API reference, "Host aggregates")."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from tunbridge.api.keystone_service import KeystoneService
from tunbridge.api.nova.client import NovaError
from tunbridge.api.nova.config import NovaConfig

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
VERSION = {"OpenStack-API-Version": "compute 2.41"}
"""2.41 tells the uuid of an aggregate, by which Placement knows it."""
MARK = "tunbridge"
"""Key of an aggregate's metadata: the cloud that made it."""
_PATH = "/os-aggregates"


class Aggregate(Struct, frozen=True):
    """An aggregate as Nova has it."""

    id: int
    uuid: str
    name: str
    hosts: list[str] = []
    metadata: dict[str, str] = {}


class _One(Struct, frozen=True):
    aggregate: Aggregate


class _All(Struct, frozen=True):
    aggregates: list[Aggregate]


class Aggregates:
    """Those of one Nova, seen and changed as the service user."""

    def __init__(self, config: NovaConfig) -> None:
        """Raise AuthConfigError for files that cannot be read."""
        self._service = KeystoneService(config, "compute", "nova", NovaError)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def all(self) -> list[Aggregate]:
        """Give all aggregates. Raises NovaError."""
        return self._read(await self._ask("GET", _PATH), _All).aggregates

    async def make(self, name: str, mark: str) -> Aggregate:
        """Make one, marked as a cloud's. Raises NovaError."""
        reply = await self._ask("POST", _PATH, {"aggregate": {"name": name, "availability_zone": None}})
        return await self.take(self._read(reply, _One).aggregate, mark)

    async def take(self, aggregate: Aggregate, mark: str) -> Aggregate:
        """Mark one as a cloud's. Raises NovaError."""
        reply = await self._do(aggregate, {"set_metadata": {"metadata": {MARK: mark}}})
        return self._read(reply, _One).aggregate

    async def add_host(self, aggregate: Aggregate, host: str) -> bool:
        """Add a host, or leave it there; False: Nova does not know it. Raises NovaError."""
        return (await self._do(aggregate, {"add_host": {"host": host}}, 404, 409)).status_code != 404

    async def remove_host(self, aggregate: Aggregate, host: str) -> None:
        """Remove a host. Raises NovaError."""
        await self._do(aggregate, {"remove_host": {"host": host}}, 404)

    async def delete(self, aggregate: Aggregate) -> None:
        """Delete an aggregate, which Nova wants to have no hosts. Raises NovaError."""
        for host in aggregate.hosts:
            await self.remove_host(aggregate, host)
        await self._ask("DELETE", f"{_PATH}/{aggregate.id}", None, 404)

    def _do(self, aggregate: Aggregate, action: Any, *allowed: int) -> "Awaitable[httpx.Response]":
        return self._ask("POST", f"{_PATH}/{aggregate.id}/action", action, *allowed)

    async def _ask(self, method: str, path: str, body: Any = None, *allowed: int) -> "httpx.Response":
        """Give an answer that is none of an error but those in `allowed`. Raises NovaError."""
        reply = await self._service.ask(method, path, body, VERSION)
        where = f"{self._service.endpoint}{path}"
        if reply.status_code == 403:
            raise NovaError(
                f"{where}: the service user may not see and change host aggregates: it needs the role admin"
            )
        if reply.status_code not in (200, 201, 202, 204, *allowed):
            raise NovaError(f"{method} {where}: answered {reply.status_code}")
        return reply

    def _read(self, reply: "httpx.Response", type: type[T]) -> T:
        try:
            return msgspec.json.decode(reply.content, type=type)
        except msgspec.DecodeError as e:
            raise NovaError(f"{self._service.endpoint}{_PATH}: Nova's answer cannot be read: {e}") from e

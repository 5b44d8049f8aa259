"""Placement's API, as far as it is needed to tell it what hosts have: providers, traits, inventories.

Whoever writes to a provider says which generation of it he has seen. When another program was faster, 409 says so,
and it is done again on what is there then (API reference, "Generations").
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tunbridge.api.keystone_service import KeystoneService, ServiceError
from tunbridge.api.placement.config import PlacementConfig
from tunbridge.api.placement.resources import Inventories, Provider

if TYPE_CHECKING:
    import httpx

VERSION = {"OpenStack-API-Version": "placement 1.37", "Accept": "application/json"}
"""1.37 lets a provider be moved to another parent."""
TRIES = 5
"""Of a write that another program is faster with."""
_CONSUMER = ("project_id", "user_id", "consumer_generation")
_FASTER = "placement.concurrent_update"


class PlacementError(ServiceError):
    """Placement or its Keystone does not answer, or refuses; it may not later."""


class NoRoomError(PlacementError):
    """A resource provider has not so much left."""


class NoAllocationError(PlacementError):
    """A server has nothing allocated: it was deleted meanwhile, or moves."""


class Allocation(Struct, frozen=True):
    """What a server has of resource providers, at one moment."""

    consumer: str
    generation: int
    resources: dict[str, Any]
    """Provider -> `resources`; empty for a server that has nothing."""
    about: dict[str, Any]
    """Whose it is, and the generation: as a change has to name it."""


class Placement:
    """One Placement, told as the service user."""

    def __init__(self, config: PlacementConfig) -> None:
        """Raise AuthConfigError for files that cannot be read."""
        self._service = KeystoneService(config, "placement", "placement", PlacementError)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def tell(self, wanted: Sequence[Provider], former: Sequence[str]) -> None:
        """Make the providers of a host what they should be, and remove those that it had; parents come first.

        Raises PlacementError; so it does for one to be removed that something is allocated from.
        """
        roots = {name: await self._root(name) for name in {provider.root for provider in wanted}}
        for trait in sorted({trait for provider in wanted for trait in provider.traits}):
            await self._ask("PUT", f"/traits/{trait}")
        for provider in wanted:
            await self._ensure(provider, provider.parent or roots[provider.root])
            await self._write(provider.uuid, "traits", sorted(provider.traits), sorted)
            await self._write(
                provider.uuid, "inventories", provider.inventories, partial(_like, wanted=provider.inventories)
            )
        kept = {provider.uuid for provider in wanted}
        for uuid in reversed(former):
            if uuid not in kept:
                await self._ask("DELETE", f"/resource_providers/{uuid}", missing=404)

    async def tell_segment(self, uuid: str, name: str, aggregate: str, inventories: Inventories) -> None:
        """Make the provider of a segment what it should be: in an aggregate, with addresses. Raises PlacementError."""
        await self._ensure_root(uuid, name)
        await self._write(uuid, "aggregates", [aggregate], sorted)
        await self._write(uuid, "inventories", inventories, partial(_like, wanted=inventories))

    async def remove_segment(self, uuid: str) -> None:
        """Remove the provider of a segment. Raises PlacementError, also while something is allocated from it."""
        await self._ask("DELETE", f"/resource_providers/{uuid}", missing=404)

    async def allocation(self, consumer: str) -> Allocation:
        """What a server has. Raises PlacementError."""
        there = await self._ask("GET", f"/allocations/{consumer}")
        about = {name: value for name, value in there.items() if name in _CONSUMER}
        return Allocation(consumer, there.get("consumer_generation") or 0, there["allocations"], about)

    async def change_allocation(self, there: Allocation, amounts: Iterable[tuple[str, str, int]]) -> bool:
        """Change what a server had, by (provider, class, difference); False: another program has changed it since.

        Raises PlacementError, after which it may have been changed, and NoRoomError.
        """
        path = f"/allocations/{there.consumer}"
        body = {**there.about, "allocations": _changed(there.resources, amounts)}
        reply = await self._reply("PUT", path, body)
        if reply.status_code == 409 and _FASTER in reply.text:
            return False
        if reply.status_code == 409:
            raise NoRoomError(str(_refused("PUT", path, reply)))
        if reply.status_code != 204:
            raise _refused("PUT", path, reply)
        return True

    async def _ensure_root(self, uuid: str, name: str) -> None:
        if await self._ask("GET", f"/resource_providers/{uuid}", missing=404) is None:
            await self._ask("POST", "/resource_providers", {"uuid": uuid, "name": name})

    async def _root(self, name: str) -> str:
        found = (await self._ask("GET", f"/resource_providers?name={quote(name, safe='')}"))["resource_providers"]
        if not found:
            raise PlacementError(
                f"there is no resource provider {name} yet: Nova makes it when its compute service starts"
            )
        return str(found[0]["uuid"])

    async def _ensure(self, provider: Provider, parent: str) -> None:
        path, body = f"/resource_providers/{provider.uuid}", {"name": provider.name, "parent_provider_uuid": parent}
        there = await self._ask("GET", path, missing=404)
        if there is None:
            await self._ask("POST", "/resource_providers", {**body, "uuid": provider.uuid})
        elif any(there[key] != value for key, value in body.items()):
            await self._ask("PUT", path, body)

    async def _write(self, uuid: str, what: str, wanted: Any, read: Callable[[Any], Any]) -> None:
        """Set the traits or the inventories of a provider, if they differ."""
        path, key = f"/resource_providers/{uuid}/{what}", "resource_provider_generation"
        for _ in range(TRIES):
            there = await self._ask("GET", path)
            if read(there[what]) == wanted:
                return
            reply = await self._reply("PUT", path, {what: wanted, key: there[key]})
            if reply.status_code == 200:
                return
            if reply.status_code != 409 or _FASTER not in reply.text:
                raise _refused("PUT", path, reply)
        raise PlacementError(f"{path}: other programs keep changing it")

    async def _ask(self, method: str, path: str, body: Any = None, missing: int = 0) -> Any:
        """Give the answer's content; None for the status `missing`. Raises PlacementError."""
        reply = await self._reply(method, path, body)
        if reply.status_code == missing:
            return None
        if reply.status_code not in (200, 201, 204):
            raise _refused(method, path, reply)
        try:
            return msgspec.json.decode(reply.content) if reply.content else None
        except msgspec.DecodeError as e:
            raise PlacementError(f"{path}: Placement's answer cannot be read: {e}") from e

    def _reply(self, method: str, path: str, body: Any = None) -> "Awaitable[httpx.Response]":
        return self._service.ask(method, path, body, VERSION)


def _changed(there: dict[str, Any], amounts: Iterable[tuple[str, str, int]]) -> dict[str, Any]:
    """Give allocations after a change; what is 0 then is not named."""
    found = {provider: dict(of["resources"]) for provider, of in there.items()}
    for provider, name, difference in amounts:
        resources = found.setdefault(provider, {})
        resources[name] = resources.get(name, 0) + difference
        if resources[name] <= 0:
            del resources[name]
    return {provider: {"resources": resources} for provider, resources in found.items() if resources}


def _like(there: Inventories, wanted: Inventories) -> Inventories:
    """What inventories hold of what is wanted: what is not said, Placement has defaults for."""
    return {name: {k: v for k, v in found.items() if k in wanted.get(name, found)} for name, found in there.items()}


def _refused(method: str, path: str, reply: "httpx.Response") -> PlacementError:
    try:
        reason = str(msgspec.json.decode(reply.content)["errors"][0]["detail"]).strip()
    except (msgspec.DecodeError, LookupError, TypeError):
        reason = ""
    return PlacementError(f"{method} {path}: answered {reply.status_code} {reason}".rstrip())

"""Hosts without Open vSwitch: what an agent knows of the central database, on a real server and database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from tests.api.serving import Cloud, User, path_of, serving
from tests.api.test_crashes import UNLIMITED
from tunbridge import log
from tunbridge.agent.central import Central, Remembered
from tunbridge.agent.config import AgentConfig, Provider


@contextlib.contextmanager
def cloud(folder: Path, **settings: Any) -> Iterator[Cloud]:
    """Run a server with its database, without quotas."""
    settings["networking"] = {**UNLIMITED, **settings.get("networking", {})}
    with serving(folder, **settings) as made:
        yield made


def config_of(name: str, remote: str, **more: Any) -> AgentConfig:
    number = sum(name.encode()) % 250 + 1
    return AgentConfig(host=name, local_ip=f"10.0.0.{number}", database=[remote], report_interval=1, **more)


@contextlib.asynccontextmanager
async def host(name: str, remote: str, remembered: Remembered | None = None, **more: Any) -> AsyncIterator[Central]:
    """Run what an agent has of the central database; it is registered and complete."""
    made = Central(config_of(name, remote, **more), log.get(), lambda: None, remembered=remembered)
    running = asyncio.create_task(made.run())
    try:
        await until(lambda: made.registered and made.complete, "registered, and all is there")
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], Any], what: str, wait_s: float = 60) -> None:
    try:
        async with asyncio.timeout(wait_s):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {wait_s:g} s: {what}") from None


class Api:
    """Calls of the API that leave the event loop running."""

    def __init__(self, user: User) -> None:
        self.user = user

    async def create(self, resource: str, **values: Any) -> Any:
        return await asyncio.to_thread(self.user.create, resource, **values)

    async def update(self, resource: str, id: str, **values: Any) -> Any:
        return await asyncio.to_thread(self.user.update, resource, id, **values)

    async def remove(self, resource: str, id: str) -> None:
        await asyncio.to_thread(self.user.remove, resource, id)

    async def act(self, resource: str, id: str, action: str, **values: Any) -> Any:
        """Carry out an action on a thing."""
        reply = await asyncio.to_thread(self.user.put, f"{path_of(resource)}/{id}/{action}", values)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def show(self, resource: str, id: str) -> Any:
        return await asyncio.to_thread(self.user.show, resource, id)

    async def network(self, cidr: str = "10.1.0.0/24", **values: Any) -> Any:
        """Make a network with a subnet."""
        made = await self.create("network", **values)
        made["subnet"] = await self.create("subnet", network_id=made["id"], ip_version=4, cidr=cidr)
        return made

    async def port(self, network: Any, host: str | None = None, **values: Any) -> Any:
        if host is not None:
            values["binding:host_id"] = host
        return await self.create("port", network_id=network["id"], **values)

    async def until_status(self, port: Any, status: str) -> None:
        async with asyncio.timeout(60):
            while (await self.show("port", port["id"]))["status"] != status:
                await asyncio.sleep(0.01)


PROVIDERS = {"physnet1": Provider(bridge="br-ex")}
Scene = Callable[[Cloud, Api], Coroutine[Any, Any, None]]
"""What is played on a cloud."""

"""Hosts in the central database, as agents put them there: alive ones, and one that was last heard of long ago."""

import asyncio
import json
import subprocess
from typing import Any

import msgspec

from tests.api.serving import Cloud
from tunbridge import log
from tunbridge.agent.central import Central
from tunbridge.agent.config import AgentConfig, Provider

HOSTS = {
    "compute1": AgentConfig(
        host="compute1",
        local_ip="10.0.0.1",
        availability_zone="east",
        providers={"physnet1": Provider(bridge="br-ex")},
    ),
    "compute2": AgentConfig(host="compute2", local_ip="10.0.0.2", availability_zone="west"),
    "compute3": AgentConfig(host="compute3", local_ip="10.0.0.3", availability_zone="west"),
}
DEAD = "compute3"
_LONG_AGO = "2026-01-01T00:00:00Z"


def register(cloud: Cloud) -> None:
    """Put the hosts into a server's database."""
    remote = cloud.database.remote
    for config in HOSTS.values():
        register_host(remote, config)
    beat(remote, DEAD, _LONG_AGO)


def beat(remote: str, host: str, when: str) -> None:
    """Put the time at which a host was last heard of."""
    where = [["host", "==", host]]
    last = {"op": "update", "table": "Host_Heartbeat", "where": where, "row": {"heartbeat_at": when}}
    assert transact(remote, last) == [{"count": 1}]


def transact(remote: str, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    """Write into the central database, past the server; give the result of each operation."""
    argv = ["ovsdb-client", "transact", remote, json.dumps(["Tunbridge", *operations])]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def register_host(remote: str, config: AgentConfig) -> None:
    """Do what an agent does until its entry is written."""

    async def run() -> None:
        central = Central(msgspec.structs.replace(config, database=[remote]), log.get(), lambda: None)
        running = asyncio.create_task(central.run())
        async with asyncio.timeout(20):
            while not central.registered:
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())

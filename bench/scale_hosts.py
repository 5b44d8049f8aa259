"""Hosts of bench/scale.py, many in one process: the central part of a real agent, and of some the data plane as well.

`python -m bench.scale_hosts REMOTE`: names as JSON on standard input, `{"engines": […], "clients": […]}`. Prints lines
of JSON: one when all have loaded what they need; one whenever all are connected again after all had lost it; and
one for each pass of each host: which keys it has now, and (engines) that its flows are computed. Engines have all
their ports plugged in and a tunnel to each other host.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable

from bench.hosts import memory_mb
from tunbridge import log
from tunbridge.agent.central import Central
from tunbridge.agent.config import AgentConfig
from tunbridge.dataplane import names
from tunbridge.dataplane.desired import Desired, Local, Workload


def config_of(name: str, remote: str) -> AgentConfig:
    """The configuration of host `hostN`."""
    number = int(name.removeprefix("host")) + 1
    address = f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return AgentConfig(host=name, local_ip=address, database=[remote], report_interval=30)


class Host:
    """One host; `engine`: its flows are computed, too."""

    def __init__(self, name: str, remote: str, engine: bool) -> None:
        self.name = name
        self.config = config_of(name, remote)
        self.central = Central(self.config, log.get(), self._kick)
        self.desired = Desired(self.central.source) if engine else None
        self.loaded = asyncio.Event()
        self.cpu_s = 0.0
        """Of the first computation of its flows."""
        self._kicked = asyncio.Event()

    def _kick(self) -> None:
        self._kicked.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.central.run())
            group.create_task(self._passes())

    async def _passes(self) -> None:
        while True:
            await self._kicked.wait()
            self._kicked.clear()
            if self.central.complete:
                self._pass()

    def _pass(self) -> None:
        began = time.process_time()
        touched = self.central.take_touched()
        if self.desired is not None:
            if self.desired.local is None:
                self.desired.set_local(self._local())
            self.desired.touch(touched)
            self.desired.run()
        took = time.process_time() - began
        if self.loaded.is_set():
            told = {"host": self.name, "keys": [list(key) for key in touched], "engine": self.desired is not None}
            print(json.dumps({**told, "at": time.monotonic(), "cpu_ms": took * 1000}), flush=True)
        else:
            self.cpu_s += took
            self.loaded.set()

    def _local(self) -> Local:
        rows = self.central._store.find("Port_Binding", "host", self.name)
        workloads = {r.port_id: Workload(r.port_id, f"tap{n}", n) for n, r in enumerate(rows, 10)}
        tunnels = {ip: names.tunnel_port("vxlan", ip) for ip in self.central.tunnel_ips().values()}
        self.central.plugged(workloads)
        return Local(
            host=self.name,
            tunnel_ip=self.config.local_ip,
            ofports={
                names.INTEGRATION_BRIDGE: {names.PATCH_TO_TUNNEL: 1} | {w.name: w.ofport for w in workloads.values()},
                names.TUNNEL_BRIDGE: {names.PATCH_TO_INTEGRATION: 1}
                | {name: n for n, name in enumerate(tunnels.values(), 2)},
            },
            tunnels={"vxlan": tunnels},
            workloads=workloads,
        )


async def _all(remote: str, engines: list[str], clients: list[str]) -> None:
    before, began = memory_mb(os.getpid()), time.monotonic()
    hosts = [Host(name, remote, engine=True) for name in engines] + [Host(n, remote, engine=False) for n in clients]
    tasks = [asyncio.create_task(host.run()) for host in hosts]
    await asyncio.gather(*(host.loaded.wait() for host in hosts))
    told = {"load_s": time.monotonic() - began, "mib": (memory_mb(os.getpid()) - before) / len(hosts)}
    flows = [sum(len(host.desired.flows(b)) for b in host.desired.bridges()) for host in hosts if host.desired]
    print(json.dumps({**told, "flows": flows, "first_s": [h.cpu_s for h in hosts if h.desired]}), flush=True)
    await asyncio.gather(_reconnects([host.central for host in hosts]), *tasks)


async def _reconnects(hosts: list[Central]) -> None:
    while True:
        await _until(lambda: not any(host.connected for host in hosts))
        loads = sum(host._store.loads for host in hosts)
        await _until(lambda: all(host.connected and host._replica.settled for host in hosts))
        new = sum(host._store.loads for host in hosts) - loads
        print(json.dumps({"again": time.monotonic(), "loads": new}), flush=True)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    log.configure("logfmt", "error")
    given = json.load(sys.stdin)
    asyncio.run(_all(sys.argv[1], given["engines"], given["clients"]))

"""Many routers on one gateway host: what one more change costs, and how long an agent takes that starts beside them.

Each router has a network with a subnet, a port bound to the other host, and a gateway on the host that is measured. All
of it is made through the API, on a real server, database and Open vSwitch; CPU is what the kernel gave to the processes
(schedstat), less what they use at rest.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.figures import Figure
from bench.hosts import cpu_seconds, memory_mb
from tests.packets.cloud import Cloud
from tests.packets.conftest import make_cloud
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import agent_command

_numbers = itertools.count()
_SETTLE_S, _REST_S, _PATIENCE_S = 1.0, 5.0, 300.0
_AT_ONCE = 100
"""Networks and the like that one request makes."""


def routers(counts: Sequence[int], runs: int) -> Iterator[Figure]:
    """Figures beside each number of routers, on one lab that gets more and more of them."""
    cloud = make_cloud(f"b{os.getpid() % 100000}r{next(_numbers)}", apart=["h1"])
    try:
        crowd = _Crowd(cloud)
        for count in counts:
            crowd.grow(count)
            yield from _changes(crowd, runs)
            yield from _starts(crowd, runs)
    finally:
        cloud.lab.down()


class _Crowd:
    """Routers with gateways on h0, the only host with a bridge, and ports on h1 behind them."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.host = cloud.hosts["h0"].host
        self.count = 0
        self.subnets: list[str] = []
        self.ports: list[str] = []
        self.routers: list[str] = []
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
        self.external = cloud.make_network("ext", None, is_router_external=True, **flat)
        cloud.make_subnet(self.external, "203.0.112.0/20", gateway_ip="203.0.112.1", is_dhcp_enabled=False)
        cloud.api.session.put(self._url("/quotas/" + cloud.api.current_project_id), json={"quota": dict.fromkeys(
            ("network", "subnet", "port", "router", "floatingip"), -1)})  # fmt: skip

    def _url(self, path: str) -> str:
        return str(self.cloud.network.get_endpoint()).rstrip("/").removesuffix("/v2.0") + "/v2.0" + path

    def make(self, kind: str, *values: dict[str, Any]) -> list[str]:
        """Make several things by one request; their ids."""
        answer = self.cloud.api.session.post(self._url(f"/{kind}s"), json={f"{kind}s": list(values)})
        return [one["id"] for one in answer.json()[f"{kind}s"]]

    def put(self, path: str, body: dict[str, Any]) -> None:
        self.cloud.api.session.put(self._url(path), json=body)

    def grow(self, count: int) -> None:
        """Have so many routers, all of them carried out by the host."""
        while self.count < count:
            self.add(min(_AT_ONCE, count - self.count))
        self.settle()

    def add(self, count: int) -> None:
        """Add routers with all that is behind them."""
        numbers = range(self.count, self.count + count)
        networks = self.make("network", *({"name": f"n{n}"} for n in numbers))
        cidr = {n: f"10.{n >> 8}.{n & 255}.0/24" for n in numbers}
        subnets = self.make("subnet", *(
            {"network_id": id, "cidr": cidr[n], "ip_version": 4} for n, id in zip(numbers, networks, strict=True)
        ))  # fmt: skip
        self.ports += self.make("port", *({"network_id": id, "binding:host_id": "h1"} for id in networks))
        gateway = {"external_gateway_info": {"network_id": self.external.id}}
        for n, subnet in zip(numbers, subnets, strict=True):
            answer = self.cloud.api.session.post(self._url("/routers"), json={"router": {"name": f"r{n}", **gateway}})
            self.routers.append(answer.json()["router"]["id"])
            self.put(f"/routers/{self.routers[-1]}/add_router_interface", {"subnet_id": subnet})
        self.subnets += subnets
        self.count += count

    def flows(self) -> int:
        """Flows of br-int."""
        told = self.host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-aggregate", "br-int").stdout
        return int(told.rpartition("flow_count=")[2])

    def settle(self) -> None:
        """Wait until the number of flows has not changed for a while."""
        seen = [-1, self.flows()]
        deadline = time.monotonic() + _PATIENCE_S
        while seen[-1] != seen[-2]:
            if time.monotonic() > deadline:
                raise TimeoutError("the flows do not settle")
            time.sleep(2 * _SETTLE_S)
            seen.append(self.flows())

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU of the host's agent and of its switch."""
        return {daemon: cpu_seconds(self.host.pid(daemon) or 0) for daemon in ("agent", "ovs-vswitchd")}


def _changes(crowd: _Crowd, runs: int) -> Iterator[Figure]:
    """CPU of the gateway host for one more router, floating IP and route; and until its flows are there."""
    rest = _at_rest(crowd)
    kinds: dict[str, Callable[[int], object]] = {
        "one more router, with gateway, network and port": lambda _n: crowd.add(1),
        "one more floating IP, of a VM on another host": lambda n: crowd.make_one_floating(n),
        "one more route": lambda n: crowd.route(n),
    }
    for name, change in kinds.items():
        took, agent, switch = [], [], []
        for number in range(runs):
            seconds, cpu = _measured(crowd, lambda number=number, change=change: change(number), rest)  # type: ignore[misc]
            took.append(seconds * 1000)
            agent.append(cpu["agent"] * 1000)
            switch.append(cpu["ovs-vswitchd"] * 1000)
        beside = f"{name}, beside {crowd.count - (runs if 'router' in name else 0)} routers"
        yield Figure(f"{beside}: from the call to its flows", "ms", took)
        yield Figure(f"{beside}: CPU of the agent", "ms", agent)
        yield Figure(f"{beside}: CPU of ovs-vswitchd", "ms", switch)

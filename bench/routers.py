"""Many routers on one gateway host: what one more change costs there, and how long an agent takes to start beside them.

Each router has a network with a subnet, a port bound to the other host, and a gateway on the host that is measured. All
of it is made through the API, on a real server, database and Open vSwitch. CPU is what the kernel gave to the
processes (schedstat), less what they use at rest.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.hosts import children, cpu_seconds, memory_mb
from tests.packets.conftest import make_cloud
from tunbridge.lab.lab import agent_command

_numbers = itertools.count()
_SETTLE_S, _REST_S, _ANNOUNCED_S, _PATIENCE_S = 1.0, 5.0, 8.0, 300.0
_AT_ONCE = 100
"""Networks, subnets and ports that one request makes."""
_RESOURCES = ("network", "subnet", "port", "router", "floatingip")


def routers(counts: Sequence[int], runs: int) -> Iterator[Figure]:
    """Beside each number of routers, in one lab that gets more and more of them."""
    crowd = Crowd(f"b{os.getpid() % 100000}r{next(_numbers)}")
    try:
        for count in counts:
            crowd.grow(count)
            yield from _changes(crowd, runs)
            yield from _starts(crowd, runs)
    finally:
        crowd.cloud.lab.down()


class Crowd:
    """Routers with gateways on h0, the only host with a bridge, and ports bound to h1 behind them."""

    def __init__(self, lab: str) -> None:
        self.cloud = make_cloud(lab, apart=["h1"])
        self.host = self.cloud.hosts["h0"].host
        self.ports: list[str] = []
        self.routers: list[str] = []
        self._fresh = itertools.count()
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
        self.external = self.cloud.make_network("ext", None, is_router_external=True, **flat).id
        self.cloud.make_subnet(self._network(), "100.64.0.0/16", gateway_ip="100.64.0.1", is_dhcp_enabled=False)
        project = self.cloud.api.current_project_id
        self.put(f"quotas/{project}", {"quota": dict.fromkeys(_RESOURCES, -1)})

    def _network(self) -> Any:
        return self.cloud.network.get_network(self.external)

    def post(self, kind: str, *values: dict[str, Any]) -> list[str]:
        """Make things by one request; their ids."""
        answer = self.cloud.network.post(f"/{kind}", json={kind: list(values)})
        answer.raise_for_status()
        return [one["id"] for one in answer.json()[kind]]

    def put(self, path: str, body: dict[str, Any]) -> None:
        self.cloud.network.put(f"/{path}", json=body).raise_for_status()

    def grow(self, count: int) -> None:
        """Have so many routers, all carried out by the host."""
        while len(self.routers) < count:
            self.add(min(_AT_ONCE, count - len(self.routers)))
        self.settle()

    def add(self, count: int) -> None:
        """Add routers with what is behind each."""
        numbers = range(len(self.routers), len(self.routers) + count)
        networks = self.post("networks", *({"name": f"n{n}"} for n in numbers))
        subnets = self.post("subnets", *(
            {"network_id": id, "cidr": f"10.{n >> 8}.{n & 255}.0/24", "ip_version": 4}
            for n, id in zip(numbers, networks, strict=True)
        ))  # fmt: skip
        self.ports += self.post("ports", *({"network_id": id, "binding:host_id": "h1"} for id in networks))
        gateway = {"external_gateway_info": {"network_id": self.external}}
        made = self.post("routers", *({"name": f"r{n}", **gateway} for n in numbers))
        for router, subnet in zip(made, subnets, strict=True):
            self.put(f"routers/{router}/add_router_interface", {"subnet_id": subnet})
        self.routers += made

    def add_floating_ip(self) -> None:
        """A floating IP of the port behind a router that has none."""
        values = {"floating_network_id": self.external, "port_id": self.ports[next(self._fresh)]}
        self.cloud.network.post("/floatingips", json={"floatingip": values}).raise_for_status()

    def add_route(self) -> None:
        """A route of a router that has none."""
        number = next(self._fresh)
        hop = f"10.{number >> 8}.{number & 255}.9"
        route = {"destination": "172.16.0.0/24", "nexthop": hop}
        self.put(f"routers/{self.routers[number]}", {"router": {"routes": [route]}})

    def flows(self) -> int:
        """Flows of br-int."""
        told = self.host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-aggregate", "br-int").stdout
        return int(told.rpartition("flow_count=")[2])

    def settle(self) -> None:
        """Wait until the number of flows stays the same for a while. Raises TimeoutError."""
        deadline, before = time.monotonic() + _PATIENCE_S, -1
        while before != (before := self.flows()):
            if time.monotonic() > deadline:
                raise TimeoutError("the flows do not settle")
            time.sleep(2 * _SETTLE_S)

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU of the host's agent and of its switch, and of the central database."""
        pids = {daemon: self.host.pid(daemon) or 0 for daemon in ("agent", "ovs-vswitchd")}
        return {daemon: cpu_seconds(pid) for daemon, pid in (pids | {"the database": self._database()}).items()}

    def _database(self) -> int:
        """The process of the central database, which the lab's server has started."""
        server = self.cloud.lab.server
        assert server is not None
        names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in children(server.pid() or 0)}
        return next(pid for pid, name in names.items() if name == "ovsdb-server")


def _changes(crowd: Crowd, runs: int) -> Iterator[Figure]:
    """From the call of the API until the host's flows are there, and the CPU that it costs the host."""
    rest = _at_rest(crowd)
    kinds: dict[str, Callable[[], None]] = {
        "one more router with its network": lambda: crowd.add(1),
        "one more floating IP": crowd.add_floating_ip,
        "one more route": crowd.add_route,
    }
    for name, change in kinds.items():
        beside = f"{name} beside {len(crowd.routers)}"
        took = [_seconds(crowd, change) for _ in range(runs)]
        yield Figure(f"{beside}: until flows have come", "ms", [1000 * each for each in took])
        cpu = [_cpu(crowd, change, rest) for _ in range(runs)]
        for daemon in rest:
            yield Figure(f"{beside}: CPU of {daemon}", "ms", [1000 * each[daemon] for each in cpu])


def _at_rest(crowd: Crowd) -> dict[str, float]:
    """What the daemons use of a core when nothing happens: new addresses are announced for some seconds."""
    time.sleep(_ANNOUNCED_S)
    before = crowd.cpu()
    time.sleep(_REST_S)
    return {daemon: (now - before[daemon]) / _REST_S for daemon, now in crowd.cpu().items()}


def _seconds(crowd: Crowd, change: Callable[[], None]) -> float:
    """From a call of the API until the host has other flows than before."""
    flows, began = crowd.flows(), time.monotonic()
    change()
    while crowd.flows() == flows:
        if time.monotonic() > began + _PATIENCE_S:
            raise TimeoutError("no flow has come")
    took = time.monotonic() - began
    crowd.settle()
    return took


def _cpu(crowd: Crowd, change: Callable[[], None], rest: dict[str, float]) -> dict[str, float]:
    """Seconds of CPU of each daemon for a change; nobody looks at the flows meanwhile, which costs the switch some."""
    flows, before, began = crowd.flows(), crowd.cpu(), time.monotonic()
    change()
    time.sleep(2 * _SETTLE_S)
    after, took = crowd.cpu(), time.monotonic() - began
    assert crowd.flows() != flows
    return {daemon: now - before[daemon] - rest[daemon] * took for daemon, now in after.items()}


def _starts(crowd: Crowd, runs: int) -> Iterator[Figure]:
    """An agent that is killed and started, with its flows there and with all flows gone."""
    for what, prepare in (("", None), (" and all flows gone", ("ovs-ofctl", "del-flows", "br-int"))):
        took, cpu = [], []
        for _ in range(runs):
            crowd.host.kill("agent")
            if prepare is not None:
                crowd.host.run(*prepare)
            took.append(crowd.host.start_agent(agent_command()))
            cpu.append(crowd.cpu()["agent"])
            crowd.settle()
        name = f"agent killed{what} beside {len(crowd.routers)} routers, {crowd.flows()} flows"
        yield Figure(f"{name}: from its start until in sync", "s", took)
        yield Figure(f"{name}: its CPU until then", "s", cpu)
    yield Figure(
        f"agent beside {len(crowd.routers)} routers", "MiB resident", [memory_mb(crowd.host.pid("agent") or 0)]
    )

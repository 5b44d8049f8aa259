"""A limit, a mark, a mirror, a tap or a log of a port: what each costs its traffic, and the agent when it changes.

All traffic goes from h0 to a VM on h1, by turns from a VM with the attachment and from one without. The limit is higher
than what comes: each packet passes it. Copies of a mirror leave by the underlay, so two packets are sent for one. The
log is of all connections, of which 100 a second are written.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench import traffic
from bench.figures import Figure
from bench.hosts import cpu_seconds
from tests.packets.cloud import Cloud, Workload
from tests.packets.conftest import make_cloud
from tests.packets.test_mirrors import COLLECTOR, Collector

_SETTLE_S, _REST_S = 1.0, 10.0
_UNREACHED_KBPS = 50_000_000
_DSCP = 26
Attach = Callable[[Workload], Callable[[], None]]
"""Attaches something to a VM's port; what it gives takes it away again."""


def attachments(runs: int) -> Iterator[Figure]:
    """Each kind, `runs` times with and without."""
    cloud = make_cloud(f"b{os.getpid() % 100000}a")
    with contextlib.ExitStack() as stack:
        stack.callback(cloud.lab.down)
        network = cloud.make_network("attached", "10.60.0.0/24")
        bare, far = cloud.vm("h0", network), cloud.vm("h1", network)
        stack.callback(Collector(cloud).close)
        kinds = Kinds(cloud, cloud.vm("h0", cloud.make_network("watch", "10.61.0.0/24"), security_groups=[]))
        rest = _at_rest(cloud)
        for name, attach in kinds.all().items():
            vm = cloud.vm("h0", network)
            yield Figure(f"{name}: agent's CPU to attach or detach it", "ms", _changes(cloud, vm, attach, runs, rest))
            detach = attach(vm)
            time.sleep(_SETTLE_S)
            yield from traffic.compare(cloud, f"with {name}", (vm, far), (bare, far), runs, "without")
            detach()


class Kinds:
    """What may be attached."""

    def __init__(self, cloud: Cloud, receiver: Workload) -> None:
        self._network = cloud.network
        limit, mark = (cloud.network.create_qos_policy(name=name) for name in ("limit", "mark"))
        cloud.network.create_qos_bandwidth_limit_rule(limit, max_kbps=_UNREACHED_KBPS, direction="egress")
        cloud.network.create_qos_dscp_marking_rule(mark, dscp_mark=_DSCP)
        self._policies = limit, mark
        self._service = cloud.network.create_tap_service(port_id=receiver.port.id)

    def all(self) -> dict[str, Attach]:
        limit, mark = self._policies
        return {
            "a limit": lambda vm: self._policy(vm, limit),
            "a mark": lambda vm: self._policy(vm, mark),
            "a mirror by GRE": self._mirror,
            "a tap to a VM on the same host": self._tap,
            "a log of the port": self._log,
        }

    def _policy(self, vm: Workload, policy: Any) -> Callable[[], None]:
        self._network.update_port(vm.port.id, qos_policy_id=policy.id)
        return lambda: self._network.update_port(vm.port.id, qos_policy_id=None)

    def _mirror(self, vm: Workload) -> Callable[[], None]:
        values = {"directions": {"OUT": 7}, "remote_ip": COLLECTOR, "mirror_type": "gre"}
        made = self._network.create_tap_mirror(port_id=vm.port.id, **values)
        return lambda: self._network.delete_tap_mirror(made.id)

    def _tap(self, vm: Workload) -> Callable[[], None]:
        values = {"tap_service_id": self._service.id, "direction": "OUT"}
        made = self._network.create_tap_flow(source_port=vm.port.id, **values)
        return lambda: self._network.delete_tap_flow(made.id)

    def _log(self, vm: Workload) -> Callable[[], None]:
        values = {"resource_type": "security_group", "event": "ALL", "target_id": vm.port.id}
        made = self._network.post("/log/logs", json={"log": values}).json()["log"]
        return lambda: self._network.delete(f"/log/logs/{made['id']}").raise_for_status()


def _agent_cpu(cloud: Cloud) -> float:
    return cpu_seconds(cloud.hosts["h0"].host.pid("agent") or 0)


def _at_rest(cloud: Cloud) -> float:
    """Share of a core that the agent uses when nothing happens."""
    time.sleep(_SETTLE_S)
    before = _agent_cpu(cloud)
    time.sleep(_REST_S)
    return (_agent_cpu(cloud) - before) / _REST_S


def _changes(cloud: Cloud, vm: Workload, attach: Attach, runs: int, rest: float) -> list[float]:
    """Milliseconds of the agent's CPU: the mean of attaching and detaching, each time."""

    def cost(change: Callable[[], Any]) -> tuple[Any, float]:
        before = _agent_cpu(cloud)
        made = change()
        time.sleep(_SETTLE_S)
        return made, max(0.0, _agent_cpu(cloud) - before - rest * _SETTLE_S) * 1000

    found = []
    for _ in range(runs):
        detach, attached = cost(lambda: attach(vm))
        found.append(statistics.mean((attached, cost(detach)[1])))
    return found

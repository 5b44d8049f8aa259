"""Packets of VMs: throughput beside plain OVS, how long a plug takes, and what it costs all processes of two hosts.

Times are of the clock; CPU is what the kernel gave to the processes (schedstat), which a busy machine changes less.
"""

import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench import routed, traffic
from bench.figures import Figure
from bench.hosts import children, children_cpu_seconds, cpu_seconds, memory_mb
from tests.packets.cloud import Cloud, Ping, Workload
from tests.packets.conftest import make_cloud
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import agent_command

_numbers = itertools.count()
DAEMONS = ("ovsdb-server", "ovs-vswitchd", "agent")
_SETTLE_S = 1.5
_API_POLL_S = 0.005
PATIENCE_S = 300.0
"""A machine that is busy with other things is slow, and still measures CPU."""


def packets(runs: int, ports: int, remote: int, beside: int) -> Iterator[Figure]:
    """All of it: `ports` on one host, `remote` ones on the other, and foreign changes beside as many, and `beside`."""
    few = max(3, runs // 2)
    with _cloud() as cloud:
        yield from _plugs(cloud, runs)
        yield from _plug_cpu(cloud, few)
        yield from _many(cloud, ports, remote)
    with _cloud() as cloud:
        yield from traffic.figures(cloud, max(2, runs // 5))
    with _cloud() as cloud:
        yield from routed.figures(cloud, max(2, runs // 5))
    with _cloud() as cloud:
        network = cloud.make_network("beside", "10.40.0.0/16")
        _fill(cloud, network, ports)
        yield from _beside(cloud, network, ports, few)
        _fill(cloud, network, beside - ports)
        yield from _beside(cloud, network, beside, few)


@contextlib.contextmanager
def _cloud() -> Iterator[Cloud]:
    """Two hosts with their server, removed at the end whatever happens."""
    cloud = make_cloud(f"b{os.getpid() % 100000}p{next(_numbers)}")
    try:
        yield cloud
    finally:
        cloud.lab.down()


# CPU


def _pids(cloud: Cloud) -> dict[str, int]:
    """Every process of the cloud: three daemons of each host, the server, the central database."""
    found = {f"{d} {n}": h.host.pid(d) for n, h in cloud.hosts.items() for d in DAEMONS}
    server = cloud.lab.server
    assert server is not None
    found["server"] = server.pid()
    below = {f"server's {n}": pid for n, pid in enumerate(children(found["server"] or 0))}
    return {name: pid for name, pid in (found | below).items() if pid is not None}


def _cpu(cloud: Cloud) -> float:
    return sum(cpu_seconds(pid) + children_cpu_seconds(pid) for pid in _pids(cloud).values())


def _agent_cpu(cloud: Cloud, host: str = "h0") -> float:
    """Of the agent's process, and of those that it has run."""
    pid = cloud.hosts[host].host.pid("agent") or 0
    return cpu_seconds(pid) + children_cpu_seconds(pid)


# One plug


class Prepared(Workload):
    """A workload with its address, which is plugged in later."""

    def attach(self, iface_id: str) -> None:
        """Remember the port id. An unanswered ARP request is sent again after 10 ms instead of 1 s."""
        self.iface_id = iface_id
        self.shell("echo 10 > /proc/sys/net/ipv4/neigh/eth0/retrans_time_ms")

    def plug(self) -> float:
        """Plug it in; the time at which that began."""
        began = time.monotonic()
        super().attach(self.iface_id)
        return began


def _prepare(cloud: Cloud, network: Any, host: str = "h0") -> Prepared:
    made = Prepared(cloud, cloud.hosts[host], cloud.make_port(network))
    made.configure()
    return made


def _plugs(cloud: Cloud, runs: int) -> Iterator[Figure]:
    """Plug to ACTIVE as the API says it; plug to the first answer of a ping to a VM on the other host."""
    network = cloud.make_network("plugs", "10.20.0.0/16")
    far = cloud.vm("h1", network)
    cloud.vm("h0", network)
    active, answered = [], []
    for _ in range(runs):
        vm = _prepare(cloud, network)
        active.append(_until_active(cloud, [vm.port.id], vm.plug()) * 1000)
        vm = _prepare(cloud, network)
        answered.append(_until_answer(vm, far.address) * 1000)
    yield Figure("plug to ACTIVE", "ms", active, "Neutron 29: p50 1860")
    yield Figure("plug to the first ping to the other host", "ms", answered, "Neutron 29: p50 1590")


def _until_active(cloud: Cloud, ids: Sequence[str], began: float) -> float:
    """Seconds since `began` at which the API says ACTIVE of all ports."""
    waiting = set(ids)
    path = f"/ports/{ids[0]}" if len(ids) == 1 else "/ports?status=ACTIVE&fields=id&fields=status"
    while waiting:
        if time.monotonic() > began + PATIENCE_S:
            raise TimeoutError(f"{len(waiting)} of {len(ids)} ports are not ACTIVE after {PATIENCE_S:g} s")
        time.sleep(_API_POLL_S if len(ids) == 1 else 10 * _API_POLL_S)
        answer = cloud.network.get(path).json()
        found = answer["ports"] if "ports" in answer else [answer["port"]]
        waiting -= {p["id"] for p in found if p["status"] == "ACTIVE"}
    return time.monotonic() - began


def _until_answer(vm: Prepared, address: str) -> float:
    ping = vm.start("ping", "-n", "-i", "0.01", address)
    try:
        time.sleep(0.1)
        began = vm.plug()
        assert ping.stdout is not None
        for line in ping.stdout:
            if "bytes from" in line:
                return time.monotonic() - began
        raise AssertionError("ping ended without an answer")
    finally:
        _interrupt(ping)


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def _plug_cpu(cloud: Cloud, runs: int) -> Iterator[Figure]:
    """CPU of all processes for a plug, without anybody who asks the API meanwhile."""
    network = next(cloud.network.networks(name="plugs"))
    found = []
    for _ in range(runs):
        vm = _prepare(cloud, network)
        time.sleep(_SETTLE_S)
        began = _cpu(cloud)
        vm.plug()
        time.sleep(_SETTLE_S)
        found.append((_cpu(cloud) - began) * 1000)
    yield Figure(f"CPU of all processes per plug (in {_SETTLE_S:g} s)", "ms", found, "Neutron 29: 3200")


# Cardinality ports


def _many(cloud: Cloud, count: int, remote: int) -> Iterator[Figure]:
    network = cloud.make_network("many", "10.30.0.0/16")
    far = cloud.vm("h1", network)
    near, peer = cloud.vm("h0", network), cloud.vm("h0", network)
    flows = _flow_count(cloud)
    ids = _make_ports(cloud, network, count)
    devices = [f"q{next(_numbers)}" for _ in ids]
    _make_devices(cloud, devices)
    time.sleep(_SETTLE_S)
    before = _cpu(cloud)
    all_active = _until_active(cloud, ids, _plug_all(cloud, devices, ids))
    time.sleep(3)
    used = _cpu(cloud) - before
    yield Figure(f"{count} ports at once: all ACTIVE", "s", [all_active], "Neutron 29: 34")
    yield Figure(f"{count} ports at once: CPU of all processes", "s", [used], "Neutron 29: 63")
    per_port = (_flow_count(cloud) - flows) / count
    yield Figure("br-int flows per port", "flows", [per_port], "Neutron 29: 57")
    yield from _restarts(cloud, near, peer.address, far.address)
    before = _agent_cpu(cloud)
    time.sleep(20)
    yield Figure(f"idle with {count} ports: agent's CPU per 20 s", "s", [_agent_cpu(cloud) - before], "Neutron 29: 1.5")
    _make_ports(cloud, network, remote, **{"binding:host_id": "h1"})
    time.sleep(5)
    memory = [memory_mb(cloud.hosts["h0"].host.pid("agent") or 0)]
    yield Figure(f"agent's memory, {count} local and {remote} remote ports", "MiB", memory, "Neutron 29: 317 MB")
    _restart(cloud)
    time.sleep(3)
    memory = [memory_mb(cloud.hosts["h0"].host.pid("agent") or 0)]
    yield Figure("the same after a restart of the agent", "MiB", memory)


def _flow_count(cloud: Cloud) -> int:
    dump = cloud.hosts["h0"].host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-aggregate", "br-int").stdout
    return int(dump.rpartition("flow_count=")[2].split()[0])


def _make_ports(cloud: Cloud, network: Any, count: int, **attributes: Any) -> list[str]:
    """Ports by bulk requests of the API."""
    cloud.network.update_quota(cloud.api.current_project_id, port=-1)
    ids: list[str] = []
    while len(ids) < count:
        some = [{"network_id": network.id, **attributes} for _ in range(min(100, count - len(ids)))]
        answer = cloud.network.post("/ports", json={"ports": some}).json()
        assert "ports" in answer, answer
        ids += [port["id"] for port in answer["ports"]]
    return ids


def _make_devices(cloud: Cloud, devices: Sequence[str]) -> None:
    """Pairs of devices on host h0, up."""
    lines = [f"link add {d} up type veth peer name {d}p" for d in devices]
    host = cloud.hosts["h0"].host
    host.run("ip", "-force", "-batch", "-", stdin="\n".join(lines) + "\n")


def _plug_all(cloud: Cloud, devices: Sequence[str], ids: Sequence[str], type: str = "system") -> float:
    """Plug all of them by one transaction; the time at which that began."""
    arguments: list[str] = []
    for device, id in zip(devices, ids, strict=True):
        arguments += _add_port(device) if type == "gre" else ["--", "add-port", "br-int", device]
        arguments += ["--", "set", "interface", device, f"external_ids:iface-id={id}"]
    began = time.monotonic()
    cloud.hosts["h0"].host.vsctl(*arguments)
    return began


def _add_port(device: str) -> list[str]:
    """Add a tunnel to an address of its own: to the agent as good as a VM's port, and nothing to the kernel."""
    number = next(_numbers)
    options = [f"options:remote_ip=198.18.{number // 250}.{1 + number % 250}", f"options:key={number}"]
    return ["--", "add-port", "br-int", device, "--", "set", "interface", device, "type=gre", *options]


def _restart(cloud: Cloud) -> float:
    """Restart the agent of h0; seconds until it is ready."""
    host = cloud.hosts["h0"].host
    host.kill("agent", signal.SIGTERM)
    began = time.monotonic()
    host.start_agent(agent_command())
    return time.monotonic() - began


def _restarts(cloud: Cloud, near: Workload, peer: str, far: str) -> Iterator[Figure]:
    """Restarts of the agent under two pings every 10 ms: to the other host, and on the same one."""
    assert near.reaches(far)
    assert near.reaches(peer)
    ready, cpu, lost = [], [], []
    for _ in range(3):
        pings = [Ping(near, far), Ping(near, peer)]
        time.sleep(0.5)
        ready.append(_restart(cloud))
        time.sleep(2)
        cpu.append(_agent_cpu(cloud))
        lost.append(sum(ping.end()[1] for ping in pings))
    yield Figure("agent restarted: packets lost, pings every 10 ms", "packets", lost, "Neutron 29: up to 2664 of 4868")
    yield Figure("agent restarted: from its start until READY", "s", ready, "Neutron 29: 44")
    yield Figure("agent restarted: its CPU until 2 s after READY", "s", cpu, "Neutron 29: 75")


# What one change costs beside many ports


def _fill(cloud: Cloud, network: Any, count: int) -> None:
    """Plug `count` ports in, and wait until they are ACTIVE. No VM is behind them: `_add_port`."""
    ids = _make_ports(cloud, network, count)
    devices = [f"q{next(_numbers)}" for _ in ids]
    began = time.monotonic()
    for first in range(0, count, 100):
        began = _plug_all(cloud, devices[first : first + 100], ids[first : first + 100], "gre")
    _until_active(cloud, ids, began)
    time.sleep(5)


def _beside(cloud: Cloud, network: Any, count: int, runs: int) -> Iterator[Figure]:
    """CPU of the agent for a port that is none of its own, for one flow, and for a plug, beside `count` ports."""
    host = cloud.hosts["h0"].host
    added = _each(cloud, runs, lambda: host.vsctl(*_add_port(_foreign())))
    yield Figure(f"agent's CPU: a foreign add-port beside {count} ports", "ms", added)
    repaired = _each(cloud, runs, lambda: host.run(*_ONE_FLOW))
    yield Figure(f"agent's CPU: one flow repaired beside {count} ports", "ms", repaired)
    wall = [_repair_s(cloud) * 1000 for _ in range(runs)]
    yield Figure(f"one flow repaired beside {count} ports", "ms", wall, "with ovs-ofctl del-flows and its looks")
    vms = iter(_make_ports(cloud, network, runs))
    plugged = _each(cloud, runs, lambda: _plug_all(cloud, [_foreign()], [next(vms)], "gre"))
    yield Figure(f"agent's CPU: a plug beside {count} ports", "ms", plugged)


_ONE_FLOW = ("ovs-ofctl", "-O", "OpenFlow14", "--strict", "del-flows", "br-tun", "table=22,priority=0")


def _foreign() -> str:
    return f"foreign{next(_numbers)}"


def _each(cloud: Cloud, runs: int, action: Callable[[], object]) -> list[float]:
    """Milliseconds of the agent's CPU in the second after each action."""
    found = []
    for _ in range(runs):
        before = _agent_cpu(cloud)
        action()
        time.sleep(1)
        found.append((_agent_cpu(cloud) - before) * 1000)
    return found


def _repair_s(cloud: Cloud) -> float:
    """Seconds from the start of the command that deletes a flow until it is there again."""
    host = cloud.hosts["h0"].host
    dump = ("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-tun", "table=22")
    began = time.monotonic()
    host.run(*_ONE_FLOW)
    wait_until(lambda: "priority=0" in host.run(*dump).stdout, "the flow is there again", 10)
    return time.monotonic() - began

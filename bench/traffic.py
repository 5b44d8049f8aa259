"""Throughput and new connections a second between VMs, beside plain OVS with one NORMAL flow on the same hosts."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol

from bench.figures import Figure
from bench.hosts import cpu_seconds
from tests.packets.cloud import Cloud, Workload

PLAIN = "br-plain"
_KEY = 999_999
"""Of the plain tunnel: the agent's own takes all other keys."""
_SECONDS = 3

_SERVER = """
import socket
s = socket.create_server(("0.0.0.0", 7000), backlog=4096)
while True:
    s.accept()[0].close()
"""
_CLIENT = """
import socket, sys, time
deadline, count = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < deadline:
    s = socket.create_connection((sys.argv[1], 7000), timeout=5)
    s.recv(1)
    s.close()
    count += 1
print(count)
"""


class End(Protocol):
    """One end of a measurement."""

    @property
    def address(self) -> str: ...
    def start(self, *argv: str) -> Any: ...


class Client(End, Protocol):
    """The end that begins."""

    def run(self, *argv: str) -> Any: ...
    def shell(self, script: str) -> str: ...


def start(command: list[str]) -> "subprocess.Popen[str]":
    """Start a command; whoever starts it ends it."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Plain(Workload):
    """A workload in a bridge of its own with one NORMAL flow, which no agent touches."""

    named: str | None = None
    """An address that it has by hand, in place of its port's."""

    @property
    def address(self) -> str:
        return self.named or super().address

    def attach(self, iface_id: str) -> None:  # noqa: ARG002 - nobody is to see it
        self.host.host.vsctl("add-port", PLAIN, self.tap)


def figures(cloud: Cloud, runs: int) -> Iterator[Figure]:
    """Across hosts and on one, the same number of runs of each, by turns."""
    network = cloud.make_network("traffic", "10.10.0.0/24")
    make_plain(cloud)
    near, peer, far = (cloud.vm(h, network) for h in ("h0", "h0", "h1"))
    plain = [Plain(cloud, cloud.hosts[h], cloud.make_port(network)) for h in ("h0", "h0", "h1")]
    for vm in plain:
        vm.configure()
    for where, ours, theirs in (
        ("across hosts", (near, far), (plain[0], plain[2])),
        ("on one host", (near, peer), (plain[0], plain[1])),
    ):
        neutron = {"across hosts": (0.88, 0.85), "on one host": (0.92, 0.99)}[where]
        yield from compare(cloud, where, ours, theirs, runs, "plain OVS, one NORMAL flow", neutron)


def make_plain(cloud: Cloud) -> None:
    """Two bridges with a tunnel between them; a tunnel with a key of its own goes beside that of the agent."""
    ips = {name: h.config.local_ip for name, h in cloud.hosts.items()}
    for name, wired in cloud.hosts.items():
        other = next(ip for n, ip in ips.items() if n != name)
        datapath = [w for d in wired.datapath for w in ("--", "set", "bridge", PLAIN, d)]
        tunnel = ["--", "add-port", PLAIN, "plain-tun", "--", "set", "interface", "plain-tun", "type=vxlan"]
        wired.host.vsctl("--", "add-br", PLAIN, *datapath, *tunnel, f"options:remote_ip={other}", f"options:key={_KEY}")


def compare(
    cloud: Cloud,
    where: str,
    ours: tuple[Client, End],
    plain: tuple[Client, End],
    runs: int,
    to: str,
    neutron: tuple[float, float] | None = None,
) -> Iterator[Figure]:
    """Throughput and new connections from the first to the second of each pair; `neutron`: its ratios of both."""
    speeds: list[list[list[float]]] = []
    for measure in (_throughput, _connections):
        found: list[list[list[float]]] = [[], []]
        for _ in range(runs):
            for side, pair in zip(found, (ours, plain), strict=True):
                side.append(list(measure(cloud, *pair)))
        speeds.append([[a for a, _ in found[0]], [a for a, _ in found[1]]])
        speeds.append([[b for _, b in found[0]], [b for _, b in found[1]]])
    said = [f"{to} (Neutron 29: {ratio})" for ratio in neutron] if neutron is not None else [to, to]
    yield Figure(f"throughput {where}", "Mbit/s", speeds[0][0], said[0], speeds[0][1])
    yield Figure(f"  vswitchd's CPU per GB {where}", "s", speeds[1][0], to, speeds[1][1])
    yield Figure(f"new connections {where}", "1/s", speeds[2][0], said[1], speeds[2][1])
    yield Figure(f"  vswitchd's CPU per connection {where}", "µs", speeds[3][0], to, speeds[3][1])


def _switch_cpu(cloud: Cloud) -> float:
    return sum(cpu_seconds(h.host.pid("ovs-vswitchd") or 0) for h in cloud.hosts.values())


def _throughput(cloud: Cloud, client: Client, server: End) -> tuple[float, float]:
    """Mbit/s of one TCP stream, and seconds of vswitchd's CPU for each GB."""
    listening = server.start("iperf3", "-s", "-1")
    try:
        time.sleep(0.5)
        before = _switch_cpu(cloud)
        answer: Any = json.loads(client.run("iperf3", "-J", "-c", server.address, "-t", str(_SECONDS)).stdout)
        used = _switch_cpu(cloud) - before
    finally:
        listening.kill()
        listening.wait()
    received = answer["end"]["sum_received"]
    return received["bits_per_second"] / 1e6, used / (received["bytes"] / 1e9)


def _connections(cloud: Cloud, client: Client, server: End) -> tuple[float, float]:
    """TCP connections a second, one after the other, and microseconds of vswitchd's CPU for each."""
    listening = server.start(sys.executable, "-c", _SERVER)
    try:
        time.sleep(0.5)
        client.shell("echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range")
        before = _switch_cpu(cloud)
        count = int(client.run(sys.executable, "-c", _CLIENT, server.address, str(_SECONDS)).stdout)
        used = _switch_cpu(cloud) - before
    finally:
        listening.kill()
        listening.wait()
    return count / _SECONDS, used / count * 1e6

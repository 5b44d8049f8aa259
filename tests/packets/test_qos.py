"""QoS policies with real packets: what passes in a second, who else is hurt, changes under traffic, restarts.

Rates are what the receiver's device counted (Ethernet frames) over the time that really passed. More than the limit and
a whole burst is wrong at once. A rate that is not within 5 % is measured again: another load on this machine may have
been the reason, or TCP that had left a part of the burst for later.
"""

import itertools
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tests.packets.cloud import KERNELS, Cloud, Workload, wait_until
from tests.packets.sockets import Wire, inside, wire
from tests.packets.test_restarts import restart_agent

pytestmark = pytest.mark.ovs
LIMIT, OFFERED, FREE = (2.0, 4.5, 1.5) if KERNELS else (8.0, 18.0, 6.0)
"""Mbit/s; `FREE` is what a neighbour receives beside it. An emulated kernel carries some 10."""
LOWER = LIMIT / 2
WINDOW_S, TRIES = (4.0, 8) if KERNELS else (2.0, 5)
BURST, BURST_S = 0.8, 0.8
"""Of what a second lets pass, and when a burst is used up."""


_ports = itertools.count(6000)


class Vms(NamedTuple):
    """Two on one host, one on the other; `limited` has a port without a policy, that tests give one."""

    limited: Workload
    peer: Workload
    far: Workload


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[Vms]:
    network = cloud.make_network("shop", "10.60.0.0/24")
    cloud.make_subnet(network, "fd60::/64")
    made = Vms(*(cloud.vm(host, network, security_groups=[everything(cloud)]) for host in ("h0", "h0", "h1")))
    for one in made:
        wait_until(lambda one=one: made.peer is one or made.peer.reaches(one.address), "they reach each other")  # type: ignore[misc]
    yield made


def everything(cloud: Cloud) -> str:
    """A group that lets everything in, made once."""
    found = cloud.network.find_security_group("everything")
    if found is None:
        found = cloud.network.create_security_group(name="everything")
        for version in ("IPv4", "IPv6"):
            cloud.network.create_security_group_rule(
                security_group_id=found.id, direction="ingress", ether_type=version
            )  # fmt: skip
    return str(found.id)


@pytest.fixture
def policy(cloud: Cloud, vms: Vms) -> Iterator[Any]:
    """A policy without rules, which the port of `limited` has."""
    made = cloud.network.create_qos_policy(name="gold")
    cloud.network.update_port(vms.limited.port.id, qos_policy_id=made.id)
    yield made
    cloud.network.update_port(vms.limited.port.id, qos_policy_id=None)
    cloud.network.delete_qos_policy(made)


def limit(cloud: Cloud, policy: Any, direction: str, mbits: float = LIMIT) -> Any:
    return cloud.network.create_qos_bandwidth_limit_rule(policy, max_kbps=int(mbits * 1000), direction=direction)


@contextmanager
def load(sender: Workload, receiver: Workload, proto: str, mbits: float = OFFERED, size: int = 1200) -> Iterator[None]:
    """A load from one to the other, by iperf3: as fast as it goes by TCP, so many Mbit/s by UDP."""
    port = ("-p", str(next(_ports)))
    server = receiver.start("iperf3", "-s", *port)
    wait_until(lambda: receiver.run("ss", "-Hltn", f"sport = :{port[1]}").stdout != "", "iperf3 listens")
    options = ("-u", "-b", f"{mbits}M", "-l", str(size)) if proto == "udp" else ()
    client = sender.start("iperf3", "-c", receiver.address, *port, "-t", "300", *options)
    try:
        yield
        assert client.poll() is None, client.communicate()[0]
    finally:
        for process in (client, server):
            process.kill()
            process.communicate()


class Count(NamedTuple):
    """What a device has received."""

    at: float
    bytes: int
    packets: int


def count(workload: Workload) -> Count:
    told = json.loads(workload.run("ip", "-j", "-s", "link", "show", "dev", "eth0").stdout)
    received = told[0]["stats64"]["rx"]
    return Count(time.monotonic(), received["bytes"], received["packets"])


def mbits(before: Count, after: Count) -> float:
    return (after.bytes - before.bytes) * 8 / (after.at - before.at) / 1e6


def kpps(before: Count, after: Count) -> float:
    return (after.packets - before.packets) / (after.at - before.at) / 1e3


def settles_at(expected: dict[Workload, float], rate: Callable[[Count, Count], float] = mbits) -> None:
    """Measure several receivers at once, until each had what is expected within 5 %; none ever has a burst more."""
    time.sleep(BURST_S)
    missing = dict(expected)
    for _ in range(TRIES):
        before = {one: count(one) for one in expected}
        time.sleep(WINDOW_S)
        found = {one: rate(before[one], count(one)) for one in expected}
        for one, value in found.items():
            most = expected[one] * (1 + BURST / WINDOW_S)
            assert value <= 1.02 * most, f"{value:.2f} are more than {expected[one]}"
        missing = {one: value for one, value in missing.items() if not 0.95 * value <= found[one] <= 1.05 * value}
        if not missing:
            return
    raise AssertionError(f"not {[*missing.values()]}: {[*found.values()]}")


@pytest.mark.parametrize("proto", ["udp", "tcp"])
@pytest.mark.parametrize("direction", ["egress", "ingress"])
def test_a_port_has_its_limit_and_its_neighbours_are_unhurt(
    cloud: Cloud, vms: Vms, policy: Any, direction: str, proto: str
) -> None:
    limit(cloud, policy, direction)
    limited, peer, far = vms
    sender, receiver = (limited, far) if direction == "egress" else (far, limited)
    with load(sender, receiver, proto), load(far, peer, "udp", FREE):
        settles_at({receiver: LIMIT, peer: FREE * (1200 + 42) / 1200})


def test_a_limit_is_changed_and_removed_under_traffic(cloud: Cloud, vms: Vms, policy: Any) -> None:
    full = OFFERED * (1200 + 42) / 1200
    rule = limit(cloud, policy, "egress")
    with load(vms.limited, vms.far, "udp"):
        settles_at({vms.far: LIMIT})
        cloud.network.update_qos_bandwidth_limit_rule(rule, policy, max_kbps=int(LOWER * 1000))
        settles_at({vms.far: LOWER})
        cloud.network.delete_qos_bandwidth_limit_rule(rule, policy)
        settles_at({vms.far: full})


def test_a_network_s_policy_is_for_ports_without_one_of_their_own(cloud: Cloud, vms: Vms, policy: Any) -> None:
    limit(cloud, policy, "egress")
    slow = cloud.network.create_qos_policy(name="slow")
    limit(cloud, slow, "egress", LOWER)
    network = vms.limited.port.network_id
    cloud.network.update_network(network, qos_policy_id=slow.id)
    try:
        with load(vms.limited, vms.far, "udp"):
            settles_at({vms.far: LIMIT})
            cloud.network.update_port(vms.limited.port.id, qos_policy_id=None)
            settles_at({vms.far: LOWER})
    finally:
        cloud.network.update_network(network, qos_policy_id=None)
        cloud.network.delete_qos_policy(slow)


def kill_vswitchd(cloud: Cloud) -> None:
    host = cloud.hosts["h0"].host
    host.kill("ovs-vswitchd")
    host.start_vswitchd()


@pytest.mark.parametrize("restart", [lambda cloud: restart_agent(cloud, signal.SIGKILL), kill_vswitchd])
def test_a_limit_outlives_a_restart(cloud: Cloud, vms: Vms, policy: Any, restart: Callable[[Cloud], None]) -> None:
    limit(cloud, policy, "egress")
    with load(vms.limited, vms.far, "udp"):
        settles_at({vms.far: LIMIT})
        before = count(vms.far)
        restart(cloud)
        wait_until(lambda: _meters(cloud) != "", "its meter is there")
        time.sleep(WINDOW_S)
        after = count(vms.far)
        most = LIMIT * (after.at - before.at) + BURST * LIMIT  # a new meter lets a burst pass again
        assert (after.bytes - before.bytes) * 8 / 1e6 <= 1.05 * most
        settles_at({vms.far: LIMIT})


def _meters(cloud: Cloud) -> str:
    dump = cloud.hosts["h0"].host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-meters", "br-int", check=False).stdout
    return "\n".join(line for line in dump.splitlines() if "kbps" in line)


@pytest.mark.parametrize("direction", ["egress", "ingress"])
def test_packets_are_limited_by_their_number(cloud: Cloud, vms: Vms, policy: Any, direction: str) -> None:
    cloud.network.create_qos_packet_rate_limit_rule(policy, max_kpps=1, direction=direction)
    sender, receiver = (vms.limited, vms.far) if direction == "egress" else (vms.far, vms.limited)
    with load(sender, receiver, "udp", mbits=2.4, size=100):  # 3,000 packets a second
        settles_at({receiver: 1.0}, kpps)


def test_what_a_port_sends_is_marked_on_both_hosts_and_nothing_else_is(cloud: Cloud, vms: Vms, policy: Any) -> None:
    rule = cloud.network.create_qos_dscp_marking_rule(policy, dscp_mark=26)
    limited, peer, far = vms
    for receiver in (peer, far):
        wait_until(lambda r=receiver: dscp(limited, r.address, r) == 26, "IPv4 is marked")  # type: ignore[misc]
        wait_until(lambda r=receiver: dscp(limited, r.address6, r) == 26, "IPv6 is marked")  # type: ignore[misc]
    assert dscp(far, limited.address, limited) == 0
    cloud.network.update_qos_dscp_marking_rule(rule, policy, dscp_mark=46)
    wait_until(lambda: dscp(limited, far.address, far) == 46, "marked otherwise")
    cloud.network.delete_qos_dscp_marking_rule(rule, policy)
    wait_until(lambda: dscp(limited, far.address, far) == 0, "not marked any more")


def test_the_outer_header_has_the_mark_of_the_packet_inside_where_the_agent_is_told_so(
    cloud: Cloud, vms: Vms, policy: Any
) -> None:
    cloud.network.create_qos_dscp_marking_rule(policy, dscp_mark=26)
    limited, _, far = vms
    wait_until(lambda: dscp(limited, far.address, far) == 26, "marked")
    assert _outer(cloud, limited, far) == 0
    host = cloud.hosts["h0"]
    config = host.read("/etc/tunbridge/agent.toml")
    for setting, wanted in (('"inherit"', 26), ("10", 10)):
        told = config.replace("tunnel_dscp = 0", f"tunnel_dscp = {setting}")
        host.host.run("sh", "-c", 'cat > "$0"', "/etc/tunbridge/agent.toml", stdin=told)
        host.reload()
        wait_until(lambda w=wanted: _outer(cloud, limited, far) == w, "the outer header is marked")  # type: ignore[misc]
    host.host.run("sh", "-c", 'cat > "$0"', "/etc/tunbridge/agent.toml", stdin=config)
    host.reload()
    wait_until(lambda: _outer(cloud, limited, far) == 0, "not marked any more")


def _outer(cloud: Cloud, sender: Workload, receiver: Workload) -> int | None:
    """The DSCP field of the outer header of a datagram in VXLAN, as it comes from the sender's host h0."""

    def mine(frame: bytes) -> bool:
        packet = Ether(frame)
        return UDP in packet and packet[UDP].dport == 4789 and b"outer?" in frame

    underlay = Wire(cloud.lab.underlay, "h0")
    try:
        with inside(sender.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sending:
            sending.sendto(b"outer?", (receiver.address, 4567))
        frames = underlay.seen(mine, 1.0)
    finally:
        underlay.close()
    return int(Ether(frames[-1])[IP].tos) >> 2 if frames and mine(frames[-1]) else None


def dscp(sender: Workload, address: str, receiver: Workload) -> int | None:
    """The DSCP field with which a datagram arrives."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def mine(frame: bytes) -> bool:
        packet = Ether(frame)
        return UDP in packet and packet[UDP].dport == 4567

    with wire(receiver) as seen, inside(sender.namespace, lambda: socket.socket(family, socket.SOCK_DGRAM)) as sending:
        sending.sendto(b"x", (address, 4567))
        frames = seen.seen(mine, 1.0)
    if not frames or not mine(frames[-1]):
        return None
    packet = Ether(frames[-1])
    return int(packet[IP].tos if IP in packet else packet[IPv6].tc) >> 2

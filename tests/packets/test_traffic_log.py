"""Logs of security groups with real packets: what is written, about whom, how much, and that nothing else changes."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.sockets import inside
from tunbridge.agent.config import NetworkLogConfig

pytestmark = pytest.mark.ovs
FILE = "/var/log/openvswitch/network.log"
RATE, BURST = 20, 10
SO_RCVBUFFORCE = 33


class Vms(NamedTuple):
    """One on each host; the far one may be reached by TCP port 22 and by pings from the group `clients`."""

    near: Workload
    far: Workload
    rules: dict[str, str]
    """Port or word -> the rule's id."""


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[Vms]:
    for wired in cloud.hosts.values():
        wired.configure(network_log=NetworkLogConfig(rate_limit=RATE, burst_limit=BURST, file=FILE))
        wired.restart()
    network = cloud.make_network("shop", "10.70.0.0/24")
    clients = cloud.network.create_security_group(name="clients")
    servers = cloud.network.create_security_group(name="servers")
    rules = {
        "22": rule(cloud, servers, protocol="tcp", port_range_min=22, port_range_max=22),
        "ping": rule(cloud, servers, protocol="icmp", remote_group_id=clients.id),
    }
    near = cloud.vm("h0", network, security_groups=[clients.id])
    far = cloud.vm("h1", network, security_groups=[servers.id])
    wait_until(lambda: near.reaches(far.address), "they reach each other")
    yield Vms(near, far, rules)


def rule(cloud: Cloud, group: Any, **values: Any) -> str:
    made = cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ether_type="IPv4", **values
    )  # fmt: skip
    return str(made.id)


@contextmanager
def log(cloud: Cloud, vm: Workload, **values: Any) -> Iterator[str]:
    """A log in the API, until the end; it has come to the host when this begins."""
    body = {"resource_type": "security_group", **values}
    made = cloud.network.post("/log/logs", json={"log": body}).json()["log"]
    try:
        wait_until(lambda: is_logged(vm), "the host has the log")
        yield str(made["id"])
    finally:
        cloud.network.delete(f"/log/logs/{made['id']}")
        wait_until(lambda: not is_logged(vm), "the host has forgotten the log")


def is_logged(vm: Workload) -> bool:
    return vm.tap in vm.host.ofctl("--names", "dump-flows", "br-int", "table=99")


def lines(vm: Workload) -> list[dict[str, Any]]:
    """What the file of the workload's host says of its port."""
    every = map(json.loads, vm.host.read(FILE).splitlines())
    return [line for line in every if line["port"] == vm.port.id]


def knock(vm: Workload, address: str, port: int) -> None:
    """Try to connect, once."""
    vm.run("timeout", "0.5", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}", check=False)


def test_each_new_connection_is_a_line_with_its_rule_and_each_drop_is_one(cloud: Cloud, vms: Vms) -> None:
    server = vms.far.start("nc", "-lk", "-p", "22")
    try:
        with log(cloud, vms.far, target_id=vms.far.port.id) as id:
            before = len(lines(vms.far))
            knock(vms.near, vms.far.address, 22)
            knock(vms.near, vms.far.address, 80)
            vms.near.run("ping", "-c3", "-i0.2", vms.far.address)
            wait_until(lambda: len(lines(vms.far)) >= before + 3, "three lines")
            time.sleep(0.5)
            found = lines(vms.far)[before:]
    finally:
        server.terminate()
        server.wait()
    what = [(line["action"], line["protocol"], line.get("dst_port"), line.get("rule")) for line in found]
    # A SYN that is not answered is sent again after a second, later than all this.
    assert what == [
        ("ACCEPT", "tcp", 22, vms.rules["22"]), ("DROP", "tcp", 80, None), ("ACCEPT", "icmp", None, vms.rules["ping"]),
    ]  # fmt: skip
    for line in found:
        assert (line["direction"], line["src"], line["dst"]) == ("ingress", vms.near.address, vms.far.address)
        assert (line["logs"], line["project"], line["eth_src"]) == (id, vms.far.port.project_id, vms.near.mac)
    own = [text for text in vms.far.host.log().splitlines() if 'event="security group"' in text and id in text]
    assert len(own) == 3
    assert re.search(r"action=DROP direction=ingress port=\S+ .* protocol=tcp .* dst_port=80", own[1])


def test_a_log_of_a_group_is_about_its_ports_as_senders_too(cloud: Cloud, vms: Vms) -> None:
    group = cloud.network.find_security_group("clients").id
    with log(cloud, vms.near, resource_id=group, event="ACCEPT"):
        assert not is_logged(vms.far)
        before = len(lines(vms.near))
        vms.near.run("ping", "-c1", vms.far.address)
        wait_until(lambda: len(lines(vms.near)) > before, "a line")
        (line,) = lines(vms.near)[before:]
    assert (line["action"], line["direction"], line["protocol"]) == ("ACCEPT", "egress", "icmp")
    assert line["group"] == group


def test_a_flood_is_written_by_its_rate_and_passes_all_the_same(cloud: Cloud, vms: Vms) -> None:
    received = inside(vms.far.namespace, lambda: udp(vms.far.address, 22))
    extra = rule(
        cloud, cloud.network.find_security_group("servers"), protocol="udp", port_range_min=22, port_range_max=22
    )
    try:
        with log(cloud, vms.far, target_id=vms.far.port.id):
            wait_until(lambda: arrives(vms, received), "UDP may come")
            before = len(lines(vms.far))
            began = time.monotonic()
            senders = [inside(vms.near.namespace, lambda: udp()) for _ in range(300)]  # each is a connection
            for sender in senders:
                sender.sendto(b"flood", (vms.far.address, 22))
                time.sleep(0.003)  # a burst of new connections could be more than a busy switch takes at once
            took = time.monotonic() - began
            time.sleep(1.0)
            written = len(lines(vms.far)) - before
            arrived = 0
            with suppress(TimeoutError):
                while received.recv(100):
                    arrived += 1
            assert arrived > len(senders) * 0.95 > 2 * written
            assert 0 < written <= BURST + RATE * (took + 1.0) + 2
            for sender in senders:
                sender.close()
    finally:
        received.close()
        cloud.network.delete_security_group_rule(extra)


def udp(address: str = "", port: int = 0) -> Any:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(2.0)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)  # room for all of a flood
    if address:
        made.bind((address, port))
    return made


def arrives(vms: Vms, received: Any) -> bool:
    """Whether a datagram comes; none is left after it."""
    sender = inside(vms.near.namespace, lambda: udp())
    received.settimeout(0.5)
    try:
        sender.sendto(b"first", (vms.far.address, 22))
        return bool(received.recv(100))
    except TimeoutError:
        return False
    finally:
        sender.close()
        received.settimeout(2.0)

"""A VM moves to another host while it is talked to: two bindings, activation, and nobody answers in its old place."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import openstack
import pytest
from openstack.connection import Connection
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.packets.cloud import PING_S, Cloud, Ping, Workload, attach, ping_during, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.sockets import connected, wire

pytestmark = pytest.mark.ovs
NOVA = "of-nova-in-tests"
ALL = "ff:ff:ff:ff:ff:ff"
RARP = 0x8035
PORT = 7777


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Three hosts: VMs move from h0 to h1, and h2 only talks to them."""
    yield make_cloud(module_lab_name(), hosts=3)


def as_nova(cloud: Cloud) -> Connection:
    """The service that moves VMs, with the roles that it has everywhere."""
    server = cloud.lab.server
    assert server is not None
    where = ("nova", "--project", "service", "--directory", str(server.folder / "auth"))
    for argv in (("add", *where, "--role", "service"), ("grant", *where, "--role", "admin")):
        user = [sys.executable, "-m", "tunbridge", "user", *argv]
        subprocess.run(user, input=f"{NOVA}\n", text=True, check=True, capture_output=True)
    names = {"username": "nova", "password": NOVA, "project_name": "service"}
    return openstack.connect(**{**cloud.api.config.get_auth_args(), **names})


@pytest.fixture(scope="module")
def nova(cloud: Cloud) -> Connection:
    return as_nova(cloud)


class Move:
    """The move of a VM from h0 to h1. Its sockets notice nothing but that another device has its address."""

    def __init__(self, cloud: Cloud, nova: Connection, vm: Workload) -> None:
        self._nova = nova
        self._vm = vm
        self._there = cloud.hosts["h1"]
        self.tap = ""

    def prepare(self) -> None:
        """What Nova does while the guest runs in its old place: the second binding, the interface on the new host."""
        self._nova.network.create_port_binding(self._vm.port, host="h1")
        self.tap = self._vm.wire("eth1", self._there)
        attach(self._there, self.tap, self._vm.port.id, self._vm.mac)
        vsctl = self._there.host.vsctl
        wait_until(lambda: vsctl("get", "port", self.tap, "tag") not in ("[]", "4095"), "wired on the other host")

    def switch(self) -> float:
        """The guest goes on in its new place; QEMU announces it; Nova activates the binding. Takes so many seconds."""
        began = time.monotonic()
        self._vm.shell("ip link set eth0 down; ip addr flush dev eth0; ip link set eth1 up")
        self._vm.configure("eth1")
        with wire(self._vm, "eth1") as announcing:
            announcing.send(Ether(src=self._vm.mac, dst=ALL, type=RARP) / ARP(op=3, hwsrc=self._vm.mac, hwdst=ALL))
        self._nova.network.activate_port_binding(self._vm.port, host="h1")
        return time.monotonic() - began

    def give_up(self) -> None:
        """The guest stays; what was prepared is taken back."""
        self._nova.network.delete_port_binding(self._vm.port, host="h1")


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Iterator[Any]:
    yield cloud.make_network("moving", "10.70.0.0/24")


@pytest.fixture(scope="module")
def peers(cloud: Cloud, network: Any) -> Iterator[list[Workload]]:
    """One on each host."""
    yield [cloud.vm(f"h{number}", network) for number in range(3)]


@pytest.fixture
def vm(cloud: Cloud, network: Any, peers: list[Workload]) -> Iterator[Workload]:
    """A VM of Nova on h0 that all know."""
    made = cloud.vm("h0", network, device_owner="compute:nova", binding_host_id="h0")
    assert all(peer.reaches(made.address) for peer in peers)
    yield made


def test_a_vm_that_moves_is_reached_all_the_time_but_for_the_move_itself(
    cloud: Cloud, nova: Connection, vm: Workload, peers: list[Workload]
) -> None:
    talks = [connected(peer, vm, PORT) for peer in peers]
    pings = [Ping(peer, vm.address) for peer in peers]
    move = Move(cloud, nova, vm)
    move.prepare()
    assert all(talk.is_alive() for talk in talks)
    assert cloud.status(vm.port) == "ACTIVE"
    took = move.switch()
    for talk in talks:
        wait_until(talk.is_alive, "the connection goes on in the new place", 5)
    time.sleep(0.5)
    lost = [ping.end()[1] for ping in pings]
    print(f"moved in {took * 1000:.0f} ms; pings lost, of 100 a second: {lost}")
    assert max(lost) < 100 * (took + 1)
    assert cloud.network.get_port(vm.port.id).binding_host_id == "h1"
    vm.wait_active()
    for talk in talks:
        talk.close()


def test_the_old_place_neither_sends_nor_receives_once_the_vm_has_moved(
    cloud: Cloud, nova: Connection, vm: Workload, peers: list[Workload]
) -> None:
    move = Move(cloud, nova, vm)
    move.prepare()
    move.switch()
    assert all(peer.reaches(vm.address) for peer in peers)
    host = cloud.hosts["h0"].host
    wait_until(lambda: host.vsctl("get", "port", vm.tap, "tag") == "4095", "the old place is dead")
    vm.ip("link", "set", "eth0", "up")
    with wire(vm, "eth0") as old, wire(vm, "eth1") as new:
        for peer in peers:
            with wire(peer) as heard:
                start = Ether(src=vm.mac, dst=peer.mac) / IP(src=vm.address, dst=peer.address) / UDP(dport=9)
                old.send(start / b"from the old place")
                new.send(start / b"from the new place")
                frames = heard.seen(lambda frame: b"from the new place" in frame)
                assert b"from the new place" in frames[-1]
                assert not any(b"from the old place" in frame for frame in frames)
            assert peer.reaches(vm.address)
        assert not any(Ether(frame).src in {peer.mac for peer in peers} for frame in old.seen(lambda _: False, 0.3))
    nova.network.delete_port_binding(vm.port, host="h0")
    vm.detach()
    assert all(peer.reaches(vm.address) for peer in peers)
    assert cloud.status(vm.port) == "ACTIVE"


def test_a_vm_stays_where_it_was_when_its_move_is_given_up(
    cloud: Cloud, nova: Connection, vm: Workload, peers: list[Workload]
) -> None:
    move = Move(cloud, nova, vm)
    move.prepare()
    answered, lost = ping_during(peers[2], vm.address, lambda: move.give_up())
    assert (answered > 1 / PING_S, lost) == (True, 0)
    there = cloud.hosts["h1"].host
    wait_until(lambda: there.vsctl("get", "port", move.tap, "tag") == "4095", "its other place is dead")
    assert all(peer.reaches(vm.address) for peer in peers)
    assert cloud.network.get_port(vm.port.id).binding_host_id == "h0"

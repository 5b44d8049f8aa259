"""The life of a port under traffic: disabled, deleted, plugged twice, on another host."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packets.cloud import PING_S, Cloud, Workload, ping_during, wait_until

pytestmark = pytest.mark.ovs
HASH = {"openvswitch": {"other_config": {"tx-steering": "hash"}}}


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Iterator[Any]:
    yield cloud.make_network("life", "10.50.0.0/24")


@pytest.fixture(scope="module")
def peer(cloud: Cloud, network: Any) -> Iterator[Workload]:
    yield cloud.vm("h1", network)


def test_a_disabled_port_reaches_nobody_until_it_is_enabled(cloud: Cloud, network: Any, peer: Workload) -> None:
    vm = cloud.vm("h0", network)
    assert vm.reaches(peer.address)
    cloud.network.update_port(vm.port.id, admin_state_up=False)
    wait_until(lambda: cloud.status(vm.port) == "DOWN", "disabled port is DOWN")
    assert vm.never_reaches(peer.address)
    assert peer.never_reaches(vm.address)
    cloud.network.update_port(vm.port.id, admin_state_up=True)
    vm.wait_active()
    assert vm.reaches(peer.address)


def test_a_hint_of_the_port_steers_what_its_interface_is_given(cloud: Cloud, peer: Workload) -> None:
    def steering() -> str:
        return peer.host.host.vsctl("--if-exists", "get", "interface", peer.tap, "other_config:tx-steering")

    host = peer.host.host
    assert steering() == ""
    cloud.network.put(f"/ports/{peer.port.id}", json={"port": {"hints": HASH}})
    wait_until(lambda: steering() == "hash", "it is set")
    host.vsctl("set", "interface", peer.tap, "other_config:tx-steering=thread", "other_config:own=1")
    wait_until(lambda: steering() == "hash", "it is set again")
    cloud.network.put(f"/ports/{peer.port.id}", json={"port": {"hints": None}})
    wait_until(lambda: steering() == "", "it is taken away")
    host.vsctl("set", "interface", peer.tap, "other_config:tx-steering=thread")
    peer.host.restart()
    assert steering() == "thread"  # the operator's
    assert host.vsctl("get", "interface", peer.tap, "other_config:own") == '"1"'
    host.vsctl("clear", "interface", peer.tap, "other_config")


def test_a_port_that_is_deleted_while_plugged_reaches_nobody(cloud: Cloud, network: Any, peer: Workload) -> None:
    vm = cloud.vm("h0", network)
    assert vm.reaches(peer.address)
    cloud.network.delete_port(vm.port.id)
    wait_until(lambda: not vm.reaches(peer.address, seconds=0.5), "a deleted port reaches nobody")
    assert vm.host.host.vsctl("get", "port", vm.tap, "tag") == "4095"
    vm.detach()


def test_a_port_may_be_replugged_on_another_host(cloud: Cloud, network: Any, peer: Workload) -> None:
    vm = cloud.vm("h0", network)
    assert vm.reaches(peer.address)
    vm.detach()
    wait_until(lambda: cloud.status(vm.port) == "DOWN", "DOWN after unplugging")
    cloud.network.update_port(vm.port.id, binding_host_id="h1")
    again = cloud.plug("h1", vm.port)
    again.configure()
    again.wait_active()
    assert again.reaches(peer.address)
    assert peer.reaches(vm.address)


def test_a_port_that_is_plugged_before_it_exists_is_wired_once_it_does(
    cloud: Cloud, network: Any, peer: Workload, tmp_path: Path
) -> None:
    steady, port = cloud.vm("h0", network), cloud.make_port(network)
    assert steady.reaches(peer.address)
    cloud.db("backup", str(tmp_path / "backup"))
    cloud.network.delete_port(port)
    vm = cloud.plug("h0", port)
    vm.configure()
    vsctl = vm.host.host.vsctl
    wait_until(lambda: vsctl("get", "port", vm.tap, "tag") == "4095", "a port that nobody knows is dead")
    assert vm.never_reaches(peer.address)
    answered, lost = ping_during(steady, peer.address, lambda: cloud.replace_database(tmp_path / "backup"))
    assert (answered > 1 / PING_S, lost) == (True, 0)
    vm.wait_active()
    assert vm.reaches(peer.address)


def test_of_two_interfaces_with_one_port_one_wins_and_it_is_told(cloud: Cloud, network: Any, peer: Workload) -> None:
    vm = cloud.vm("h0", network)
    twin = cloud.plug("h0", vm.port)
    wait_until(lambda: vm.port.id in vm.host.log() and "problem" in vm.host.log(), "the second one is told")
    assert vm.reaches(peer.address)
    twin.detach()
    assert vm.reaches(peer.address)


def test_a_changed_address_and_mac_count_at_once(cloud: Cloud, network: Any, peer: Workload) -> None:
    vm = cloud.vm("h0", network)
    assert vm.reaches(peer.address)
    vm.ip("addr", "flush", "dev", "eth0", "scope", "global")
    vm.detach()
    wait_until(lambda: cloud.status(vm.port) == "DOWN", "unplugged")  # who has it plugged in would claim it again
    cloud.network.update_port(vm.port.id, binding_host_id="")  # a bound port keeps its MAC address, as in Neutron
    vm.port = cloud.network.update_port(
        vm.port.id, fixed_ips=[{"ip_address": "10.50.0.222"}], mac_address="fa:16:3e:50:50:50"
    )
    vm.mac = "fa:16:3e:50:50:50"
    vm.ip("link", "set", "eth0", "address", vm.mac)
    vm.configure()
    vm.attach(vm.port.id)
    assert peer.reaches("10.50.0.222", seconds=5)
    assert vm.reaches(peer.address)

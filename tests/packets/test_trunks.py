"""Trunks with real packets: VLAN interfaces of a VM that are ports of their own, two hosts, changes under traffic.

A VLAN interface is put into a namespace of its own, so that two of one VM reach each other by the trunk and not inside
the VM.
"""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from tests.packets.cloud import KERNELS, PING_S, Cloud, Workload, ping_during, wait_until
from tests.packets.sockets import wire
from tests.packets.test_qos import dscp, everything
from tests.packets.test_restarts import restart_agent
from tests.packets.vlan import Relay
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs
_numbers = itertools.count(1)
PEER = "203.0.113.1"
"""The machine outside, which every lab gives this address."""


class Tagged(Workload):
    """A VLAN interface of a VM, as eth0 of a namespace of its own."""

    def __init__(self, vm: Workload, port: Any, vlan: int) -> None:
        self.cloud, self.host, self.port, self.mac = vm.cloud, vm.host, port, port.mac_address
        self.tap = f"{vm.tap}.{vlan}"
        self.namespace = namespaces.namespace(vm.host.lab.name, f"vlan{next(_numbers)}")
        namespaces.add(self.namespace)
        self.relay: Relay | None = None
        self._make(vm, f"eth0.{vlan}", vlan)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "eth0", "address", self.mac, "mtu", "1450", "up")

    def _make(self, vm: Workload, device: str, vlan: int) -> None:
        """By the kernel where it can, else in user space."""
        command = ("ip", "link", "add", "link", "eth0", "name", device, "type", "vlan", "id", str(vlan))
        if vm.run(*command, check=False).returncode == 0:
            vm.ip("link", "set", device, "netns", self.namespace)
            self.ip("link", "set", device, "name", "eth0")
            return
        self.relay = Relay(vm.namespace, "eth0", vlan, self.namespace)

    def close(self) -> None:
        if self.relay is not None:
            self.relay.close()


class Trunk(NamedTuple):
    """A VM on h0 with sub-ports in two networks, two of them in one; and a VM of each network on h1."""

    id: str
    vm: Workload
    red: Tagged
    blue: Tagged
    blue2: Tagged
    red_peer: Workload
    blue_peer: Workload


def segment(port: Any, vlan: int) -> dict[str, Any]:
    return {"port_id": port.id, "segmentation_type": "vlan", "segmentation_id": vlan}


def state(cloud: Cloud, trunk: str) -> str:
    return str(cloud.network.get_trunk(trunk).status)


@pytest.fixture(scope="module")
def networks(cloud: Cloud) -> tuple[Any, Any, Any]:
    """The parent port's, and two that have equal addresses."""
    return tuple(
        cloud.make_network(f"t{i}", cidr) for i, cidr in enumerate(("10.70.0.0/24", "10.71.0.0/24", "10.71.0.0/24"))
    )


@pytest.fixture(scope="module")
def trunk(cloud: Cloud, networks: tuple[Any, Any, Any]) -> Iterator[Trunk]:
    base, red, blue = networks
    group: dict[str, Any] = {"security_groups": [everything(cloud)]}
    parent = cloud.make_port(base, **group)
    ports = [cloud.make_port(network, **group) for network in (red, blue, blue)]
    vlans = (101, 102, 103)
    made = cloud.network.create_trunk(
        name="t", port_id=parent.id, sub_ports=[segment(p, v) for p, v in zip(ports, vlans, strict=True)]
    )
    vm = cloud.plug("h0", parent)
    vm.configure()
    tagged = [Tagged(vm, port, vlan) for port, vlan in zip(ports, vlans, strict=True)]
    wait_until(lambda: state(cloud, made.id) == "ACTIVE", "the trunk is ACTIVE")
    for one in tagged:
        one.dhcp()
    yield Trunk(made.id, vm, *tagged, *(cloud.vm("h1", network, **group) for network in (red, blue)))
    for one in tagged:
        one.close()


def test_sub_ports_are_active_where_the_parent_is_and_have_their_addresses_by_dhcp(cloud: Cloud, trunk: Trunk) -> None:
    for one in (trunk.red, trunk.blue, trunk.blue2):
        port = cloud.network.get_port(one.port.id)
        assert (port.status, port.binding_host_id, port.device_owner) == ("ACTIVE", "h0", "trunk:subport")
        assert f"inet {one.address}/24" in one.shell("ip addr show dev eth0")
    details = cloud.network.get_port(trunk.vm.port.id).trunk_details
    assert {one["mac_address"] for one in details["sub_ports"]} == {
        one.port.mac_address for one in (trunk.red, trunk.blue, trunk.blue2)
    }


def test_each_reaches_its_own_network_on_another_host_and_no_other(trunk: Trunk) -> None:
    assert trunk.red.reaches(trunk.red_peer.address)
    assert trunk.blue.reaches(trunk.blue_peer.address)
    assert trunk.blue_peer.reaches(trunk.blue2.address)
    if trunk.blue_peer.address not in (trunk.red.address, trunk.red_peer.address):
        assert trunk.red.never_reaches(trunk.blue_peer.address)
    trunk.red_peer.run("iperf3", "-s", "-1", "-D")
    sent = trunk.red.run("iperf3", "-c", trunk.red_peer.address, "-n", "2M", "-J", check=False)
    assert sent.returncode == 0, sent.stdout[-500:]


def test_two_sub_ports_of_a_vm_on_one_network_reach_each_other(trunk: Trunk) -> None:
    assert trunk.blue.reaches(trunk.blue2.address)
    assert trunk.blue2.reaches(trunk.blue.address)


def test_frames_without_a_tag_are_the_parents(cloud: Cloud, trunk: Trunk, networks: tuple[Any, Any, Any]) -> None:
    peer = cloud.vm("h1", networks[0], security_groups=[everything(cloud)])
    assert trunk.vm.reaches(peer.address)
    assert peer.reaches(trunk.vm.address)


def test_a_sub_port_sends_from_its_own_addresses_only(trunk: Trunk) -> None:
    trunk.red.ip("addr", "add", "10.71.0.250/24", "dev", "eth0")
    assert trunk.red.never_reaches(trunk.red_peer.address, "-I", "10.71.0.250")
    trunk.red.ip("addr", "del", "10.71.0.250/24", "dev", "eth0")
    assert trunk.red.reaches(trunk.red_peer.address)


def test_a_second_tag_goes_nowhere_also_after_frames_with_one(cloud: Cloud, trunk: Trunk) -> None:
    """Also where the kernel's datapath looks behind two tags; that in userspace has no sub-ports then."""
    host = cloud.hosts["h0"].host
    if KERNELS:
        host.vsctl("set", "open_vswitch", ".", "other_config:vlan-limit=2")
    try:
        with wire(trunk.vm) as sender, wire(trunk.red_peer) as seer:
            ether = Ether(src=trunk.red.port.mac_address, dst=trunk.red_peer.mac)
            ip = IP(src=trunk.red.address, dst=trunk.red_peer.address)
            for number in range(3):
                sender.send(ether / Dot1Q(vlan=101) / ip / UDP() / f"one {number}")
                for inner in (101, 102, 4000):
                    sender.send(ether / Dot1Q(vlan=101) / Dot1Q(vlan=inner) / ip / UDP() / "two tags")
            sender.send(ether / Dot1Q(vlan=101) / ip / UDP() / "the end of it")
            seen = seer.seen(lambda frame: b"the end of it" in frame)
        assert sum(b"one " in frame for frame in seen) == 3
        assert not [frame for frame in seen if b"two tags" in frame]
    finally:
        if KERNELS:
            host.vsctl("remove", "open_vswitch", ".", "other_config", "vlan-limit")


def test_a_sub_port_has_its_own_groups(cloud: Cloud, trunk: Trunk) -> None:
    closed = cloud.network.create_security_group(name="closed")
    cloud.network.update_port(trunk.blue2.port.id, security_groups=[closed.id])
    assert trunk.blue_peer.never_reaches(trunk.blue2.address)
    assert trunk.blue2.reaches(trunk.blue_peer.address)  # it may ask, and hears the answer
    assert trunk.blue_peer.reaches(trunk.blue.address)
    cloud.network.update_port(trunk.blue2.port.id, security_groups=[everything(cloud)])
    assert trunk.blue_peer.reaches(trunk.blue2.address)


def test_a_sub_port_has_its_own_quality_of_service(cloud: Cloud, trunk: Trunk) -> None:
    policy = cloud.network.create_qos_policy(name="marked")
    cloud.network.create_qos_dscp_marking_rule(policy, dscp_mark=26)
    cloud.network.update_port(trunk.red.port.id, qos_policy_id=policy.id)
    wait_until(lambda: dscp(trunk.red, trunk.red_peer.address, trunk.red_peer) == 26, "what red sends is marked")
    assert dscp(trunk.blue, trunk.blue_peer.address, trunk.blue_peer) == 0
    cloud.network.update_port(trunk.red.port.id, qos_policy_id=None)
    cloud.network.delete_qos_policy(policy)


def test_a_sub_port_is_told_its_metadata_and_resolves_names(trunk: Trunk) -> None:
    told = trunk.red.run("curl", "-sS", "-m", "5", "http://169.254.169.254/latest/meta-data/local-ipv4").stdout
    assert told == trunk.red.address
    server = next(iter(_nameservers(trunk.red)))
    name = f"host-{trunk.red_peer.address.replace('.', '-')}.openstacklocal"
    answer = trunk.red.run("busybox", "nslookup", name, server, check=False).stdout
    assert trunk.red_peer.address in answer


def _nameservers(vm: Workload) -> list[str]:
    return vm.dhcp()["dns"].split()


def test_a_router_and_a_floating_ip_serve_sub_ports(cloud: Cloud, trunk: Trunk, networks: tuple[Any, Any, Any]) -> None:
    flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
    external = cloud.make_network("ext", None, is_router_external=True, **flat)
    cloud.make_subnet(external, "203.0.113.0/24", gateway_ip=PEER, is_dhcp_enabled=False)
    router = cloud.network.create_router(name="r", external_gateway_info={"network_id": external.id})
    for network in networks[:2]:
        subnet = next(cloud.network.subnets(network_id=network.id))
        cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    trunk.red.dhcp()  # now with a gateway
    trunk.vm.ip("route", "add", "10.71.0.0/24", "via", "10.70.0.1")
    wait_until(lambda: trunk.red.reaches(trunk.vm.address, seconds=1), "the router leads to the parent's own network")
    assert trunk.red.reaches(PEER, seconds=10)
    floating = cloud.network.create_ip(floating_network_id=external.id, port_id=trunk.red.port.id)
    address = floating.floating_ip_address

    def answers() -> bool:
        return cloud.outside("ping", "-c1", "-W1", address, check=False).returncode == 0

    wait_until(answers, "the floating IP of a sub-port answers", 15)
    assert trunk.red.reaches(PEER)


def test_a_trace_says_what_packets_of_a_sub_port_do(cloud: Cloud, trunk: Trunk) -> None:
    def trace(*argv: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tunbridge", "trace", *argv, f"lab:{cloud.lab.name}", "-f", "json"]
        found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
        return found

    red, blue, blue2 = (one.port.id for one in (trunk.red, trunk.blue, trunk.blue2))
    out = trace(f"h0:{trunk.vm.tap}.101", trunk.red_peer.port.id)
    assert (out["outcome"], out["source"]["id"], out["packet"]["dl_vlan"]) == ("arrives", red, "101")
    back = trace(trunk.red_peer.port.id, red)
    (end,) = back["visit"]["branches"][0]["visits"][0]["branches"]
    assert (back["outcome"], end["port"], end["packet"]["dl_vlan"]) == ("arrives", trunk.vm.tap, "101")
    beside = trace(blue, blue2)
    assert (beside["outcome"], beside["visit"]["branches"][0]["kind"]) == ("arrives", "delivered")
    assert beside["visit"]["branches"][0]["packet"]["dl_vlan"] == "103"


# Under traffic


def test_sub_ports_come_and_go_and_the_others_lose_nothing(
    cloud: Cloud, trunk: Trunk, networks: tuple[Any, Any, Any]
) -> None:
    assert trunk.red.reaches(trunk.red_peer.address)
    port = cloud.make_port(networks[2], security_groups=[everything(cloud)])

    def come_and_go() -> None:
        cloud.network.add_trunk_subports(trunk.id, [segment(port, 104)])
        new = Tagged(trunk.vm, port, 104)
        new.configure()
        assert new.reaches(trunk.blue_peer.address, seconds=10)
        assert state(cloud, trunk.id) == "ACTIVE"
        cloud.network.delete_trunk_subports(trunk.id, [{"port_id": port.id}])
        assert new.never_reaches(trunk.blue_peer.address)
        new.wait_down()
        new.close()

    answered, lost = ping_during(trunk.red, trunk.red_peer.address, come_and_go)
    assert (answered > 1 / PING_S, lost) == (True, 0)
    assert cloud.network.get_port(port.id).device_owner == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_agent_loses_no_packet_of_a_sub_port(cloud: Cloud, trunk: Trunk, number: int) -> None:
    assert trunk.blue.reaches(trunk.blue_peer.address)
    before = trunk.vm.host.host.vsctl("get", "port", trunk.vm.tap, "other_config:sub_ports")
    answered, lost = ping_during(trunk.blue, trunk.blue_peer.address, lambda: restart_agent(cloud, number))
    assert (answered > 1 / PING_S, lost) == (True, 0)
    assert trunk.vm.host.host.vsctl("get", "port", trunk.vm.tap, "other_config:sub_ports") == before
    assert state(cloud, trunk.id) == "ACTIVE"


def test_a_vm_that_is_unplugged_takes_its_sub_ports_with_it(cloud: Cloud, trunk: Trunk) -> None:
    trunk.vm.detach()
    for one in (trunk.vm, trunk.red, trunk.blue):
        one.wait_down()
    assert state(cloud, trunk.id) == "DOWN"
    assert trunk.blue_peer.never_reaches(trunk.blue.address)
    trunk.vm.attach(trunk.vm.port.id)
    wait_until(lambda: state(cloud, trunk.id) == "ACTIVE", "plugged in again")
    assert trunk.blue_peer.reaches(trunk.blue.address)

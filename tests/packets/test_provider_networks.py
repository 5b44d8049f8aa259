"""Flat and VLAN provider networks: to and from the physical network, and nowhere else."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.sockets import Wire, wire
from tunbridge.agent.config import Provider
from tunbridge.lab import namespaces
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
PHYSNET, SWITCH, TAG = "physnet1", "phys0", 300
OUTSIDE_FLAT, OUTSIDE_VLAN = "10.30.0.1", "10.31.0.1"
SECOND_PHYSNET, SECOND_SWITCH = "physnet2", "phys1"


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Two hosts that reach two physical networks, each by a bridge and a NIC of its own."""
    yield make_cloud(module_lab_name(), more={SECOND_PHYSNET: Provider(bridge="br-eth2", nics=["eth2"])})


class TaggedMachine:
    """A machine outside that talks with a VLAN tag. Not every kernel has VLAN devices, so it has a mind of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self._wire = Wire(cloud.lab.outside, SWITCH)
        self._mac = cloud.outside("cat", f"/sys/class/net/{SWITCH}/address").stdout.strip()
        self._answers: queue.Queue[str] = queue.Queue()
        self._ending = False
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _live(self) -> None:
        while not self._ending:
            for frame in self._wire.seen(lambda _frame: True, 0.2):
                self._take(Ether(frame))

    def _take(self, frame: Ether) -> None:
        if Dot1Q not in frame or frame[Dot1Q].vlan != TAG:
            return
        start = Ether(src=self._mac, dst=frame.src) / Dot1Q(vlan=TAG)
        if ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst == OUTSIDE_VLAN:
            asker = frame[ARP]
            self._wire.send(start / ARP(op=2, hwsrc=self._mac, psrc=OUTSIDE_VLAN, hwdst=asker.hwsrc, pdst=asker.psrc))
        elif ICMP in frame and frame[IP].dst == OUTSIDE_VLAN:
            if frame[ICMP].type == 0:
                self._answers.put(frame[IP].src)
            elif frame[ICMP].type == 8:
                echo = frame[ICMP]
                back = IP(src=OUTSIDE_VLAN, dst=frame[IP].src) / ICMP(type=0, id=echo.id, seq=echo.seq)
                self._wire.send(start / back / bytes(echo.payload))

    def reaches(self, vm: Workload) -> bool:
        """Whether a VM answers an echo request."""
        start = Ether(src=self._mac, dst=vm.mac) / Dot1Q(vlan=TAG)
        self._wire.send(start / IP(src=OUTSIDE_VLAN, dst=vm.address) / ICMP() / b"from outside")
        try:
            return self._answers.get(timeout=3) == vm.address
        except queue.Empty:
            return False

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        self._wire.close()


class Site:
    """A flat and a VLAN network on one physical network, with a machine outside on each."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        namespaces.run("ip", "-n", cloud.lab.outside, "addr", "add", f"{OUTSIDE_FLAT}/24", "dev", SWITCH)
        self.tagged = TaggedMachine(cloud)
        self.flat = self.network("flat", "10.30.0.0/24")
        self.vlan = self.network("vlan", "10.31.0.0/24", provider_segmentation_id=TAG)

    def network(self, kind: str, cidr: str, physical: str = PHYSNET, **attributes: Any) -> Any:
        made = self.cloud.make_network(
            f"{kind} {physical}", None, provider_network_type=kind, provider_physical_network=physical, **attributes
        )
        self.cloud.make_subnet(made, cidr)
        return made

    def reaches_from_outside(self, kind: str, vm: Workload) -> bool:
        """Whether a VM answers a machine outside that has to ask for it first."""
        if kind == "vlan":
            return self.tagged.reaches(vm)
        self.cloud.outside("ip", "neigh", "flush", "all")
        return self.cloud.outside("ping", "-c1", "-W3", vm.address, check=False).returncode == 0


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Iterator[Site]:
    made = Site(cloud)
    yield made
    made.tagged.close()


@pytest.fixture(scope="module")
def vms(site: Site) -> Iterator[dict[str, list[Workload]]]:
    """Two VMs on h0 and one on h1 in each network; the first of each host has its address by DHCP."""
    found: dict[str, list[Workload]] = {}
    ping = site.cloud.network.create_security_group(name="ping")
    site.cloud.network.create_security_group_rule(security_group_id=ping.id, direction="ingress", protocol="icmp")
    for name, network in (("flat", site.flat), ("vlan", site.vlan)):
        near, beside, far = (
            site.cloud.vm(f"h{n}", network, address=False, security_groups=[ping.id]) for n in (0, 0, 1)
        )
        near.dhcp()
        beside.configure()
        far.dhcp()
        found[name] = [near, beside, far]
    yield found


@pytest.mark.parametrize(("kind", "outside"), [("flat", OUTSIDE_FLAT), ("vlan", OUTSIDE_VLAN)])
def test_vms_reach_each_other_and_the_outside_and_are_reached(
    site: Site, vms: dict[str, list[Workload]], kind: str, outside: str
) -> None:
    near, beside, far = vms[kind]
    for vm in (near, far):
        assert f"inet {vm.address}/24" in vm.shell("ip addr show dev eth0")
    for one, other in itertools.permutations((near, beside, far), 2):
        assert one.reaches(other.address)
    for vm in (near, beside, far):
        assert vm.reaches(outside)
        vm.ip("neigh", "flush", "all")
        assert site.reaches_from_outside(kind, vm)


def test_networks_on_one_wire_do_not_meet(vms: dict[str, list[Workload]]) -> None:
    flat, vlan = vms["flat"][0], vms["vlan"][0]
    with wire(flat) as heard, wire(vlan) as heard_tagged:
        for one, other in ((vms["flat"][2], OUTSIDE_FLAT), (vms["vlan"][2], OUTSIDE_VLAN)):
            one.ip("neigh", "flush", "all")
            assert one.reaches(other)  # asks by broadcast, which each of its own network hears
        assert _asked(heard, OUTSIDE_FLAT) == {OUTSIDE_FLAT}
        assert _asked(heard_tagged, OUTSIDE_VLAN) == {OUTSIDE_VLAN}


def _asked(heard: Wire, last: str) -> set[str]:
    """The addresses outside that were asked for by ARP, until the one that has to be among them."""
    frames = heard.seen(lambda frame: ARP in Ether(frame) and Ether(frame)[ARP].pdst == last)
    asked = {Ether(frame)[ARP].pdst for frame in frames if ARP in Ether(frame)}
    return asked & {OUTSIDE_FLAT, OUTSIDE_VLAN}


def test_a_vm_cannot_choose_its_vlan(cloud: Cloud, vms: dict[str, list[Workload]]) -> None:
    vm = vms["flat"][0]
    outside = Wire(cloud.lab.outside, SWITCH)
    to_all = Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff")
    with wire(vm) as sending:
        sending.send(to_all / Dot1Q(vlan=TAG) / IP(src=vm.address, dst=OUTSIDE_VLAN) / ICMP() / b"tagged by the VM")
        sending.send(to_all / IP(src=vm.address, dst=OUTSIDE_FLAT) / ICMP() / b"the end")
    frames = outside.seen(lambda frame: b"the end" in frame)
    outside.close()
    assert b"the end" in frames[-1]
    assert not any(b"tagged by the VM" in frame for frame in frames)


def test_physical_networks_do_not_meet(cloud: Cloud, site: Site, vms: dict[str, list[Workload]]) -> None:
    """Both have a flat network, with the same addresses."""
    second = site.network("flat", "10.30.0.0/24", physical=SECOND_PHYSNET)
    one, other = (
        cloud.vm(host, second, fixed_ips=[{"ip_address": f"10.30.0.{200 + number}"}])
        for number, host in enumerate(("h0", "h1"))
    )
    assert one.reaches(other.address)
    first, heard = Wire(cloud.lab.outside, SWITCH), Wire(cloud.lab.outside, SECOND_SWITCH)
    for vm, text in ((vms["flat"][0], b"on the first"), (one, b"on the second")):
        with wire(vm) as sending:
            sending.send(Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=vm.address) / ICMP() / text)
    for outside, own, others in (
        (first, b"on the first", b"on the second"),
        (heard, b"on the second", b"on the first"),
    ):
        frames = outside.seen(lambda frame, own=own: own in frame)  # type: ignore[misc]
        assert own in frames[-1]
        frames += outside.seen(lambda _: False, 0.3)
        assert not any(others in frame for frame in frames)
        outside.close()


def test_without_a_mapping_on_the_host_binding_fails_and_no_packet_leaks(cloud: Cloud, site: Site) -> None:
    network = site.network("vlan", "10.32.0.0/24", physical="elsewhere", provider_segmentation_id=TAG + 1)
    port = cloud.make_port(network, binding_host_id="h0")
    assert port.binding_vif_type == "binding_failed"
    vm = cloud.plug("h0", port)
    vm.configure()
    assert vm.never_reaches("10.32.0.77")
    outside = Wire(cloud.lab.outside, SWITCH)
    host = Wire(cloud.lab.outside, "h0n0-0")
    with wire(vm) as sending:
        for _ in range(3):
            sending.send(Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=vm.address) / ICMP() / b"leaked")
    for wires in (outside, host):
        assert not any(b"leaked" in frame for frame in wires.seen(lambda frame: b"leaked" in frame, 0.5))
        wires.close()
    assert cloud.status(port) != "ACTIVE"


def test_a_bridge_that_takes_no_flows_concerns_its_own_networks_alone(cloud: Cloud, site: Site) -> None:
    wired, network = cloud.hosts["h0"], cloud.network
    inside = cloud.make_network("inside", "10.33.0.0/24")
    behind = network.find_network(f"flat {SECOND_PHYSNET}") or site.network("flat", "10.34.0.0/24", SECOND_PHYSNET)
    group = network.create_security_group(name="revoked")
    allowed = {"direction": "ingress", "protocol": "icmp", "remote_ip_prefix": "10.33.0.0/24"}
    rule = network.create_security_group_rule(security_group_id=group.id, **allowed)
    peer, waiting = cloud.vm("h0", inside, security_groups=[group.id]), cloud.vm("h0", behind)
    sockets = "/run/openvswitch/br-eth2"
    wired.stop()
    wired.host.run("mv", f"{sockets}.mgmt", f"{sockets}.away")
    wired.host.start_agent(agent_command(), wait=False)
    try:
        vm, beside = cloud.vm("h0", inside), cloud.vm("h0", behind, wait=False)
        assert vm.reaches(peer.address)
        network.delete_security_group_rule(rule)
        wait_until(lambda: wired.answer().status.counts.connections_cut > 0, "the connection is cut")
        waiting.wait_down()
        status = wired.answer().status
        (silent,) = [problem for problem in status.waits_for if problem.code == "bridge-silent"]
        assert silent.subject == "bridge br-eth2" and f"cannot connect to /var{sockets}.mgmt" in silent.message
        reasons = {told.port_id: told.reason for told in status.workloads}
        assert {reasons[one.port.id] for one in (waiting, beside)} == {"its flows are missing in br-eth2"}
        assert cloud.status(beside.port) == "DOWN" and cloud.status(vm.port) == "ACTIVE"
    finally:
        wired.host.run("mv", f"{sockets}.away", f"{sockets}.mgmt")
    waiting.wait_active()
    beside.wait_active()
    wait_until(lambda: wired.answer().status.in_sync, "in sync")

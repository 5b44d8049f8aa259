"""Private VLANs: every pair of kinds, IPv4 and IPv6, on one host and across hosts, in a VXLAN and in a VLAN network."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from tests.packets import sockets
from tests.packets.cloud import SLOWNESS, Cloud, Ping, Workload
from tests.packets.conftest import make_cloud
from tests.packets.sockets import Wire, wire
from tunbridge.lab.host import wait_until

pytestmark = pytest.mark.ovs
KINDS: dict[str, dict[str, Any]] = {
    "p": {"pvlan_type": "promiscuous"},
    "i": {"pvlan_type": "isolated"},
    "r": {"pvlan_type": "community", "pvlan_community": "red"},
    "g": {"pvlan_type": "community", "pvlan_community": "green"},
}
NAMES = {"p1": "h0", "p2": "h0", "i1": "h0", "i2": "h0", "r1": "h0", "r2": "h0", "g1": "h0"}
NAMES |= {"p3": "h1", "i3": "h1", "r3": "h1", "g3": "h1"}
"""VM -> host; the letter is the kind."""
NETWORKS: dict[str, dict[str, Any]] = {
    "vxlan": {},
    "vlan": {"provider_network_type": "vlan", "provider_physical_network": "physnet1", "provider_segmentation_id": 78},
}
BROADCAST = "ff:ff:ff:ff:ff:ff"
SWITCH = "phys0"
"""The physical network, in the namespace outside."""


def reaches(one: str, other: str) -> bool:
    """What a private VLAN promises."""
    return "p" in (one[0], other[0]) or (one[0] == other[0] and one[0] in "rg")


def reached(one: str) -> set[str]:
    return {other for other in NAMES if other != one and reaches(one, other)}


class Site:
    """A private network with VMs of each kind, all in a group that lets everything in; and their wires."""

    def __init__(self, cloud: Cloud, number: int, **network: Any) -> None:
        self.cloud, self.number = cloud, number
        self.network = cloud.make_network(f"private{number}", None, pvlan=True, **network)
        self.four = cloud.make_subnet(self.network, f"10.{number}.0.0/24")
        self.six = cloud.make_subnet(self.network, f"2001:db8:{number}::/64")
        self.group = cloud.network.create_security_group(name=f"open{number}")
        for version in (4, 6):
            cloud.network.create_security_group_rule(
                security_group_id=self.group.id, direction="ingress", ethertype=f"IPv{version}"
            )
        self.vms = {name: self.vm(host, name) for name, host in NAMES.items()}

    def vm(self, host: str, name: str, **attributes: Any) -> Workload:
        return self.cloud.vm(
            host, self.network, **{"security_groups": [self.group.id], "name": name, **KINDS[name[0]], **attributes}
        )

    def set_kind(self, name: str, kind: str) -> None:
        self.cloud.network.update_port(self.vms[name].port.id, **{"pvlan_community": None, **KINDS[kind]})

    def frame(self, one: str, other: str, version: int, word: str) -> Packet:
        """A frame from one VM to another."""
        source, target = self.vms[one], self.vms[other]
        ether = Ether(src=source.mac, dst=target.mac)
        if version == 4:
            return ether / IP(src=source.address, dst=target.address) / UDP(dport=9) / word.encode()
        return ether / IPv6(src=source.address6, dst=target.address6) / UDP(dport=9) / word.encode()

    def to_all(self, one: str) -> list[Packet]:
        """Frames from a VM to everybody, by each way that there is."""
        vm, word = self.vms[one], f"word {one} all ".encode()
        return [
            Ether(src=vm.mac, dst=BROADCAST)
            / IP(src=vm.address, dst=f"10.{self.number}.0.255")
            / UDP()
            / (word + b"4b"),
            Ether(src=vm.mac, dst="01:00:5e:00:00:7b") / IP(src=vm.address, dst="224.0.0.123") / UDP() / (word + b"4m"),
            Ether(src=vm.mac, dst="33:33:00:00:00:7b") / IPv6(src=vm.address6, dst="ff02::7b") / UDP() / (word + b"6m"),
        ]


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name())


@pytest.fixture(scope="module", params=NETWORKS)
def site(cloud: Cloud, request: pytest.FixtureRequest) -> Site:
    return Site(cloud, 40 + list(NETWORKS).index(request.param), **NETWORKS[request.param])


def words(wires: dict[str, Wire]) -> dict[str, set[str]]:
    """VM -> the words of frames that it is given within a second."""

    def listen(one: Wire) -> set[str]:
        frames = [Ether(frame) for frame in one.seen(lambda _: False, 1.0 * SLOWNESS) if b"word " in frame]
        # Not what an ICMP error quotes: nobody listens at these ports.
        return {bytes(frame[UDP].payload).decode() for frame in frames if UDP in frame}

    with ThreadPoolExecutor(len(wires)) as pool:
        return dict(zip(wires, pool.map(listen, wires.values()), strict=True))


def test_unicast_comes_to_those_whom_the_kind_reaches(site: Site) -> None:
    wait_until(lambda: all(site.vms["p1"].reaches(site.vms[name].address) for name in NAMES), "all are there", 20)
    with ExitStack() as stack:
        wires = {name: stack.enter_context(wire(vm)) for name, vm in site.vms.items()}
        for one in NAMES:
            for other in NAMES.keys() - {one}:
                wires[one].send(*(site.frame(one, other, v, f"word {one} {other} {v}") for v in (4, 6)))
        heard = words(wires)
    for other, found in heard.items():
        wanted = {f"word {one} {other} {v}" for one in NAMES for v in (4, 6) if one != other and reaches(one, other)}
        assert found == wanted, other


def test_what_is_sent_to_all_comes_to_those_whom_the_kind_reaches(site: Site) -> None:
    with ExitStack() as stack:
        wires = {name: stack.enter_context(wire(vm)) for name, vm in site.vms.items()}
        for one in NAMES:
            wires[one].send(*site.to_all(one))
        heard = words(wires)
    for other, found in heard.items():
        wanted = {f"word {one} all {way}" for one in NAMES for way in ("4b", "4m", "6m") if other in reached(one)}
        assert found == wanted, other


def test_vms_find_and_ping_those_whom_they_reach_and_nobody_else(site: Site) -> None:
    """With ARP and neighbour discovery, which nobody answers for a VM that is not reached."""
    pairs = [("i1", o) for o in ("p1", "p3", "i2", "i3", "r1", "g3")]
    pairs += [("r1", o) for o in ("r2", "r3", "p3", "g1", "g3", "i3")]
    pairs += [("p1", o) for o in ("p2", "p3", "i1", "i3", "r3", "g1")] + [("g3", "g1"), ("i3", "i1"), ("r3", "g3")]

    def ping(pair: tuple[str, str, str]) -> bool:
        one, other, address = pair
        count = ("-c1",) if reaches(one, other) else ("-c2", "-i0.3")
        return site.vms[one].run("ping", *count, "-W2", address, check=False).returncode == 0

    asked = [(one, o, a) for one, o in pairs for a in (site.vms[o].address, site.vms[o].address6)]
    with ThreadPoolExecutor(6) as pool:
        answered = dict(zip(asked, pool.map(ping, asked), strict=True))
    assert {pair: is_answered for pair, is_answered in answered.items() if is_answered != reaches(*pair[:2])} == {}
    for one, other, address in asked:
        known = site.vms[one].shell(f"ip neigh show {address}")
        assert ("lladdr" in known) == reaches(one, other), (one, other, known)


def test_a_port_changes_its_kind_under_traffic(site: Site) -> None:
    """r3, on the other host: what it reaches no longer ends, what it reaches all along loses nothing."""
    r1, r3, g1, i1 = (site.vms[name] for name in ("r1", "r3", "g1", "i1"))
    kept = Ping(site.vms["p1"], r3.address)
    connection = sockets.connect(r1, r3, 8080)
    assert connection is not None
    assert connection.is_alive()
    site.set_kind("r3", "i")
    connection.until_cut()
    assert r1.never_reaches(r3.address6)
    site.set_kind("r3", "g")
    assert g1.reaches(r3.address)
    assert g1.reaches(r3.address6)
    assert r1.never_reaches(r3.address)
    site.set_kind("r3", "p")
    for vm in (r1, i1, g1):
        assert vm.reaches(r3.address)
        assert vm.reaches(r3.address6)
    site.set_kind("r3", "r")
    assert g1.never_reaches(r3.address)
    wait_until(connection.is_alive, "the connection goes on", 30)
    connection.close()
    answered, lost = kept.end()
    assert answered > 0
    assert lost == 0


def test_a_restarted_agent_opens_nothing(site: Site) -> None:
    i1, i3, p3 = (site.vms[name] for name in ("i1", "i3", "p3"))
    with wire(i1) as sending, wire(i3) as heard, wire(p3) as also:
        for name in ("h0", "h1"):
            site.cloud.hosts[name].restart()
            for number in range(100):
                sending.send(*(site.frame("i1", other, 4, f"word {number}") for other in ("i3", "p3")))
                sending.send(*site.to_all("i1"))
                time.sleep(0.01)
        assert not any(b"word " in frame for frame in heard.seen(lambda _: False, 0.5))
        assert any(b"word " in frame for frame in also.seen(lambda frame: b"word 99" in frame))


def test_groups_judge_what_a_private_network_lets_through(site: Site) -> None:
    network = site.cloud.network
    closed = network.create_security_group(name=f"closed{site.number}")
    behind = site.vm("h1", "p9", security_groups=[closed.id])
    for one in ("p1", "i1"):
        assert site.vms[one].never_reaches(behind.address)
    rule = {"security_group_id": closed.id, "direction": "ingress", "ethertype": "IPv4", "protocol": "icmp"}
    network.create_security_group_rule(**rule)
    for one in ("p1", "i1"):
        assert site.vms[one].reaches(behind.address)
    network.update_port(behind.port.id, pvlan_type="isolated")
    assert site.vms["i1"].never_reaches(behind.address), "a group that lets it in does not help"
    assert site.vms["p1"].reaches(behind.address)


def test_isolated_vms_have_dhcp_a_router_and_no_way_round(cloud: Cloud, site: Site) -> None:
    network = cloud.network
    beyond = cloud.make_network(f"beyond{site.number}", None)
    subnet = cloud.make_subnet(beyond, f"10.{site.number}.9.0/24")
    router = network.create_router(name=f"private{site.number}")
    for one in (site.four, site.six, subnet):
        network.add_interface_to_router(router, subnet_id=one.id)
    there = cloud.vm("h1", beyond, security_groups=[site.group.id])
    there.ip("route", "add", "default", "via", subnet.gateway_ip)
    lease = site.vms["i2"].dhcp()
    assert lease["ip"] == site.vms["i2"].address
    site.vms["i2"].ip("addr", "add", f"{site.vms['i2'].address6}/64", "dev", "eth0", "nodad")  # the client took it away
    for name in ("i1", "i2", "i3", "r3"):
        site.vms[name].ip("route", "replace", "default", "via", site.four.gateway_ip)
    for name in ("i1", "i2", "i3"):
        assert site.vms[name].reaches(there.address), name
        assert there.reaches(site.vms[name].address), name
    for name, wanted in (("i3", False), ("i2", False), ("r3", False), ("p3", True)):
        other = site.vms[name]
        site.vms["i1"].ip("route", "add", f"{other.address}/32", "via", site.four.gateway_ip)
        site.vms["i1"].ip("-6", "route", "add", f"{other.address6}/128", "via", site.six.gateway_ip)
        if wanted:
            assert site.vms["i1"].reaches(other.address)
        else:
            assert site.vms["i1"].never_reaches(other.address), name
            assert site.vms["i1"].never_reaches(other.address6), name
    interface = next(iter(network.ports(device_id=router.id, network_id=site.network.id)))
    assert interface.pvlan_type == "promiscuous"


def test_a_vm_that_answers_for_others_hears_who_asks_for_them(site: Site) -> None:
    """A firewall on a promiscuous port (local proxy ARP): it alone can lead isolated VMs to each other."""
    i1, i3, p3 = (site.vms[name] for name in ("i1", "i3", "p3"))
    question = ARP(op=1, hwsrc=i1.mac, psrc=i1.address, pdst=i3.address)
    with wire(i1) as sending, wire(p3) as heard, wire(i3) as silent:
        sending.send(Ether(src=i1.mac, dst=BROADCAST) / question)

        def is_question(frame: bytes) -> bool:
            got = Ether(frame)
            return ARP in got and got[ARP].op == 1 and (got[ARP].psrc, got[ARP].pdst) == (i1.address, i3.address)

        assert is_question(heard.seen(is_question)[-1])
        assert not any(is_question(frame) for frame in silent.seen(lambda _: False, 0.5))


@pytest.mark.parametrize("site", ["vlan"], indirect=True)
def test_what_is_no_port_of_a_physical_network_reaches_all(cloud: Cloud, site: Site) -> None:
    with ExitStack() as stack:
        wires = {name: stack.enter_context(wire(vm)) for name, vm in site.vms.items()}
        outside = Wire(cloud.lab.outside, SWITCH)
        stack.callback(outside.close)
        device = cloud.outside("cat", f"/sys/class/net/{SWITCH}/address").stdout.strip()
        for name, vm in site.vms.items():
            tagged = Ether(src=device, dst=vm.mac) / Dot1Q(vlan=site.network.provider_segmentation_id)
            inwards = IP(src=f"10.{site.number}.0.99", dst=vm.address) / UDP() / f"word {name}".encode()
            outside.send(tagged / inwards)
            outwards = IP(src=vm.address, dst=f"10.{site.number}.0.99") / UDP() / f"word from {name}".encode()
            wires[name].send(Ether(src=vm.mac, dst=device) / outwards)
        heard = words({**wires, "outside": outside})
    assert {name: found for name, found in heard.items() if name != "outside"} == {n: {f"word {n}"} for n in NAMES}
    assert heard["outside"] >= {f"word from {name}" for name in NAMES}

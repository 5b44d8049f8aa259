"""VLAN tags of VMs' own: transparent networks, on one host, over VXLAN and in VLANs of a physical network, and QinQ."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from openstack import exceptions
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.packets.cloud import SLOWNESS, Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.sockets import Wire, wire

pytestmark = pytest.mark.ovs
PHYSNET, SWITCH = "physnet1", "phys0"
OPEN, CLOSED = 9, 10
"""UDP ports that the group of the VMs lets in, and does not."""
BROADCAST = "ff:ff:ff:ff:ff:ff"
C, S = 0x8100, 0x88A8
"""Ethernet types of customer and service tags."""
Tags = Sequence[tuple[int, int]]
ONE: list[Tags] = [[(C, 0)], [(C, 1)], [(C, 2)], [(C, 3)], [(C, 0x6000 | 101)], [(C, 4094)], [(S, 10)]]
"""Frames with one tag; also of VLAN 0, of the local VLANs of the hosts, and with a priority."""
MORE: list[Tags] = [[(C, 10), (C, 20), (C, 30)], [(S, 10), (C, 0), (C, 0)]]
"""Frames with more tags than Open vSwitch ever looks behind."""


def tagged(frame: Any, tags: Tags) -> bytes:
    """A frame with tags, the outermost one first."""
    plain = bytes(frame)
    return plain[:12] + b"".join(kind.to_bytes(2, "big") + tci.to_bytes(2, "big") for kind, tci in tags) + plain[12:]


def name_of(tags: Tags) -> bytes:
    return "word{}.".format("-".join(f"{kind:x}:{tci:x}" for kind, tci in tags)).encode()


def datagram(
    one: Workload, other: Workload, tags: Tags, port: int = OPEN, src: str | None = None, dst: str | None = None
) -> bytes:
    """A datagram between two VMs; `src`, `dst`: another MAC address than theirs."""
    addresses = IP(src=one.address, dst=other.address) / UDP(sport=OPEN, dport=port) / name_of(tags)
    return tagged(Ether(src=src or one.mac, dst=dst or other.mac) / addresses, tags)


def heard(wires: dict[str, Wire], seconds: float = 1.0) -> dict[str, set[bytes]]:
    """Who is given which of the frames of this test within a time."""

    def listen(one: Wire) -> set[bytes]:
        return {frame for frame in one.seen(lambda _: False, seconds * SLOWNESS) if b"word" in frame and b"." in frame}

    with ThreadPoolExecutor(len(wires)) as pool:
        return dict(zip(wires, pool.map(listen, wires.values()), strict=True))


def through_a_bridge(frame: bytes) -> bytes:
    """A frame as it comes out of a bridge that switches by itself: a tag of VLAN 0 with priority 0 is none for it."""
    return frame.replace(b"\x81\x00\x00\x00", b"", 1)


class Site(NamedTuple):
    """a and b on h0, c on h1; x and y, on h0 and h1, of another network."""

    cloud: Cloud
    network: Any
    vms: dict[str, Workload]

    def comes(self, frames: set[bytes], one: str, other: str) -> set[bytes]:
        """How frames come from one VM to another."""
        is_near = "c" not in (one, other)
        return frames if is_near or self.is_tunnelled else set(map(through_a_bridge, frames))

    @property
    def is_tunnelled(self) -> bool:
        return bool(self.network.provider_network_type == "vxlan")

    def hear(self, sender: str, *frames: bytes) -> dict[str, set[bytes]]:
        """Send frames from a VM; gives what the others are given."""
        with ExitStack() as stack:
            wires = {name: stack.enter_context(wire(vm)) for name, vm in self.vms.items()}
            wires.pop(sender).send(*frames)
            return {name: found for name, found in heard(wires).items() if found}


def limit(cloud: Cloud, tags: int | None) -> None:
    """How many VLAN tags the hosts look behind."""
    for host in cloud.hosts.values():
        if tags is None:
            host.host.vsctl("remove", "open_vswitch", ".", "other_config", "vlan-limit")
        else:
            host.host.vsctl("set", "open_vswitch", ".", f"other_config:vlan-limit={tags}")


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name())


@pytest.fixture(scope="module")
def others(cloud: Cloud) -> dict[str, Workload]:
    """VMs of an ordinary network without port security: whatever came into it would be seen."""
    network = cloud.make_network("other", "10.60.0.0/24", port_security_enabled=False)
    return {"x": cloud.vm("h0", network), "y": cloud.vm("h1", network)}


def make_site(cloud: Cloud, others: dict[str, Workload], name: str, number: int, **attributes: Any) -> Site:
    network = cloud.make_network(name, f"10.{number}.0.0/24", **attributes)
    settings: dict[str, Any] = {}
    if attributes.get("port_security_enabled", True):
        group = cloud.network.create_security_group(name=name)
        cloud.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", protocol="udp", port_range_min=OPEN, port_range_max=OPEN
        )
        settings = {"security_groups": [group.id]}
    vms = {vm: cloud.vm(host, network, **settings) for vm, host in (("a", "h0"), ("b", "h0"), ("c", "h1"))}
    return Site(cloud, network, {**vms, **others})


def of_vlan(kind: str) -> dict[str, Any]:
    return {"provider_network_type": "vlan", "provider_physical_network": PHYSNET} | (
        {"vlan_transparent": True, "provider_segmentation_id": 300}
        if kind == "vlan"
        else {"qinq": True, "provider_segmentation_id": 301}
    )


def make(cloud: Cloud, others: dict[str, Workload], kind: str, number: int, secured: bool) -> Site:
    """A network whose VMs may have tags."""
    attributes: dict[str, Any] = {"vlan_transparent": True}
    if kind != "vxlan":
        attributes = of_vlan(kind)
        attributes["provider_segmentation_id"] += 0 if secured else 50
        limit(cloud, 2)
    return make_site(cloud, others, f"{kind}{number}", number, port_security_enabled=secured, **attributes)


KINDS = ["vxlan", "vlan", "qinq"]


@pytest.fixture(scope="module", params=KINDS)
def secured(cloud: Cloud, others: dict[str, Workload], request: pytest.FixtureRequest) -> Iterator[Site]:
    yield make(cloud, others, request.param, 61 + KINDS.index(request.param), True)
    limit(cloud, None)


@pytest.fixture(scope="module", params=KINDS)
def free(cloud: Cloud, others: dict[str, Workload], request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same without port security."""
    yield make(cloud, others, request.param, 71 + KINDS.index(request.param), False)
    limit(cloud, None)


def test_frames_arrive_with_the_tag_that_they_were_sent_with(secured: Site) -> None:
    for one, other in (("a", "b"), ("a", "c"), ("c", "a")):
        sender, receiver = secured.vms[one], secured.vms[other]
        frames = {datagram(sender, receiver, tags) for tags in [[], *ONE]}
        assert secured.hear(one, *frames) == {other: secured.comes(frames, one, other)}


def traced(site: Site, one: str, other: str, port: int, vlan: int) -> tuple[str, list[str | None]]:
    """What `tunbridge trace` says of a datagram with a tag, and the tags that it is delivered with."""
    ends = [site.vms[name].port.id for name in (one, other)]
    options = ["--udp", str(port), "--vlan", str(vlan), "-f", "json", f"lab:{site.cloud.lab.name}"]
    command = [sys.executable, "-m", "tunbridge", "trace", *ends, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    found = json.loads(done.stdout)
    return found["outcome"], list(delivered(found["visit"]))


def delivered(visit: dict[str, Any]) -> Iterator[str | None]:
    for branch in visit["branches"]:
        if branch["kind"] == "delivered":
            yield branch["packet"].get("dl_vlan")
        for further in branch["visits"]:
            yield from delivered(further)


def test_trace_says_what_becomes_of_a_tagged_frame(secured: Site) -> None:
    """As the other tests here show with real frames."""
    for other in ("b", "c"):
        assert traced(secured, "a", other, OPEN, 101) == ("arrives", ["101"])
        assert traced(secured, "a", other, CLOSED, 101) == ("does not arrive", [])
    assert traced(secured, "x", "y", OPEN, 101) == ("does not arrive", [])


def test_packets_as_large_as_the_mtu_pass_with_a_tag(secured: Site) -> None:
    a, c, mtu = secured.vms["a"], secured.vms["c"], secured.network.mtu
    start = IP(src=a.address, dst=c.address) / UDP(sport=OPEN, dport=OPEN) / b"word."
    packet = start / bytes(mtu - len(start))
    frame = tagged(Ether(src=a.mac, dst=c.mac) / packet, [(C, 101)])
    assert len(frame) == 14 + 4 + mtu
    assert secured.hear("a", frame) == {"c": {frame}}


def test_broadcasts_with_a_tag_come_to_the_network_alone(secured: Site) -> None:
    a = secured.vms["a"]
    frames = {datagram(a, secured.vms["b"], tags, dst=BROADCAST) for tags in ONE}
    asks = Ether(src=a.mac, dst=BROADCAST) / ARP(hwsrc=a.mac, psrc=a.address, pdst=secured.vms["c"].address)
    frames |= {tagged(asks / name_of(tags), tags) for tags in ONE}
    assert secured.hear("a", *frames) == {"b": frames, "c": secured.comes(frames, "a", "c")}


def test_groups_and_port_security_are_about_what_is_behind_the_tag(secured: Site) -> None:
    a, b, c = (secured.vms[name] for name in "abc")
    refused = [datagram(a, other, tags, CLOSED) for other in (b, c) for tags in ONE]
    spoofed = [datagram(a, other, tags, src="fa:16:3e:99:99:99") for other in (b, c) for tags in ONE]
    addresses = IP(src=b.address, dst=c.address) / UDP(dport=OPEN)
    spoofed += [tagged(Ether(src=a.mac, dst=c.mac) / addresses / name_of(tags), tags) for tags in ONE]
    server = IP(src=a.address, dst=c.address) / UDP(sport=67, dport=68)
    spoofed += [tagged(Ether(src=a.mac, dst=c.mac) / server / name_of(tags), tags) for tags in ONE]
    unknown = [tagged(Ether(src=a.mac, dst=c.mac, type=0x9999) / name_of(tags), tags) for tags in ONE]
    hidden = [datagram(a, other, tags) for other in (b, c) for tags in MORE]
    assert secured.hear("a", *refused, *spoofed, *unknown, *hidden) == {}


def test_answers_are_let_in_with_their_tag(secured: Site) -> None:
    a, c = secured.vms["a"], secured.vms["c"]
    tags = [(C, 77)]

    def exchange(port: int) -> dict[str, set[bytes]]:
        """From c to a, and an answer to a port that no rule lets in."""
        asked = IP(src=c.address, dst=a.address) / UDP(sport=port, dport=OPEN) / b"word."
        assert "a" in secured.hear("c", tagged(Ether(src=c.mac, dst=a.mac) / asked, tags))
        back = IP(src=a.address, dst=c.address) / UDP(sport=OPEN, dport=port) / b"word."
        return secured.hear("a", tagged(Ether(src=a.mac, dst=c.mac) / back, tags))

    assert exchange(3333).keys() == {"c"}


def test_without_port_security_anything_with_a_tag_passes(free: Site) -> None:
    a, c = free.vms["a"], free.vms["c"]
    for one, other in (("a", "b"), ("a", "c"), ("c", "b")):
        sender, receiver = free.vms[one], free.vms[other]
        frames = {datagram(sender, receiver, tags, CLOSED) for tags in ONE}
        frames |= {tagged(Ether(src=sender.mac, dst=receiver.mac, type=0x9999) / name_of(tags), tags) for tags in ONE}
        assert free.hear(one, *frames) == {other: free.comes(frames, one, other)}
    assert free.hear("a", *(datagram(a, c, tags) for tags in MORE)) == {}


def test_addresses_that_nobody_knows_are_found_behind_a_tag(free: Site) -> None:
    """Machines behind a and c, which bridge: their addresses are no port's."""
    a, c = free.vms["a"], free.vms["c"]
    behind_a, behind_c = "02:00:00:00:00:0a", "02:00:00:00:00:0c"
    for one, source, target in (("a", behind_a, behind_c), ("c", behind_c, behind_a), ("a", behind_a, behind_c)):
        frames = {datagram(a, c, tags, src=source, dst=target) for tags in ONE}
        found = free.hear(one, *frames)
        other = "c" if one == "a" else "a"
        assert found.pop(other) == free.comes(frames, one, other)
        assert found.keys() <= {"b"}


def test_no_router_forwards_what_has_a_tag(secured: Site) -> None:
    network, a, y = secured.cloud.network, secured.vms["a"], secured.vms["y"]
    router = network.create_router(name="r")
    subnets = [one.id for vm in (a, y) for one in network.subnets(network_id=vm.port.network_id)]
    for subnet in subnets:
        network.add_interface_to_router(router, subnet_id=subnet)
    (interface,) = network.ports(device_id=router.id, network_id=a.port.network_id)
    plain = datagram(a, y, [], dst=interface.mac_address)
    wait_until(lambda: "y" in secured.hear("a", plain), "a reaches the other network by the router", 20)
    assert secured.hear("a", *(datagram(a, y, tags, dst=interface.mac_address) for tags in ONE)).keys() <= {"c"}
    for subnet in subnets:
        network.remove_interface_from_router(router, subnet_id=subnet)
    network.delete_router(router)


@pytest.mark.parametrize("vlan_limit", [1, 2])
def test_an_ordinary_network_takes_no_tags_but_that_of_vlan_0(
    cloud: Cloud, others: dict[str, Workload], vlan_limit: int
) -> None:
    site = Site(cloud, None, others)
    x, y = others["x"], others["y"]
    taken: list[Tags] = [[(C, 0)], [(C, 0xE000)]]
    below: list[Tags] = [[(outer, 0), (inner, vlan)] for outer in (C, S) for inner in (C, S) for vlan in (1, 2, 3, 300)]
    limit(cloud, vlan_limit)
    try:
        wait_until(lambda: any("dl_vlan=0 " in f for f in x.host.flows("br-int")) == (vlan_limit == 1), "known")
        given = site.hear("x", *(datagram(x, y, tags) for tags in [[], *taken, *ONE, *MORE, *below]))
    finally:
        limit(cloud, None)
    bare = {frame[:12] + frame[16:] for frame in (datagram(x, y, tags) for tags in taken if vlan_limit == 1)}
    assert given == {"y": {datagram(x, y, []), *bare}}


def test_an_ordinary_network_takes_no_second_tag_from_outside(cloud: Cloud) -> None:
    """Where hosts look behind two of them; else it is an Ethernet type that no group lets in."""
    attributes = {**of_vlan("vlan"), "vlan_transparent": False, "provider_segmentation_id": 380}
    vm = cloud.vm("h0", cloud.make_network("ordinary", "10.69.0.0/24", port_security_enabled=False, **attributes))
    there, outer = "02:00:00:00:00:01", (C, 380)
    plain = datagram(vm, vm, [], src=there)
    outside = Wire(cloud.lab.outside, SWITCH)
    limit(cloud, 2)
    try:
        with wire(vm) as inside:
            frames = [tagged(datagram(vm, vm, tags, src=there), [outer]) for tags in ONE if tags[0] != (C, 0)]
            outside.send(*frames, tagged(plain, [outer]))
            assert heard({"vm": inside})["vm"] == {plain}
    finally:
        outside.close()
        limit(cloud, None)


@pytest.mark.parametrize("kind", ["vlan", "qinq"])
def test_on_the_wire_the_tag_is_below_that_of_the_segment(cloud: Cloud, kind: str) -> None:
    limit(cloud, 2)
    attributes = of_vlan(kind)
    attributes["provider_segmentation_id"] += 20
    outer = (S if kind == "qinq" else C, attributes["provider_segmentation_id"])
    network = cloud.make_network(f"wire {kind}", "10.65.0.0/24", port_security_enabled=False, **attributes)
    vm = cloud.vm("h0", network)
    outside = Wire(cloud.lab.outside, SWITCH)
    there = "02:00:00:00:00:01"
    try:
        with wire(vm) as inside:
            sent = {datagram(vm, vm, tags, dst=BROADCAST) for tags in ONE}
            inside.send(*sent)
            there_are = {tagged(through_a_bridge(frame), [outer]) for frame in sent}
            assert heard({"outside": outside})["outside"] == there_are
            sent = {datagram(vm, vm, tags, src=there) for tags in ONE}
            outside.send(*(tagged(frame, [outer]) for frame in sent))
            assert heard({"vm": inside})["vm"] == set(map(through_a_bridge, sent))
    finally:
        outside.close()
        limit(cloud, None)


def test_a_vlan_network_waits_for_hosts_that_look_behind_two_tags(cloud: Cloud) -> None:
    limit(cloud, None)
    attributes = {**of_vlan("vlan"), "provider_segmentation_id": 399}
    network = cloud.make_network("waits", "10.66.0.0/24", **attributes)
    vm = cloud.vm("h0", network, wait=False)
    wait_until(lambda: cloud.status(vm.port) == "ERROR", "the port is in error")
    limit(cloud, 2)
    vm.wait_active()
    limit(cloud, 0)  # as many as Open vSwitch can
    assert cloud.status(vm.port) == "ACTIVE"
    limit(cloud, None)
    wait_until(lambda: cloud.status(vm.port) == "ERROR", "the port is in error again")


def test_ports_of_such_a_network_are_in_no_trunk(cloud: Cloud) -> None:
    network = cloud.make_network("no trunk", "10.67.0.0/24", vlan_transparent=True)
    one, plain = cloud.make_port(network), cloud.make_port(cloud.make_network("plain", "10.68.0.0/24"))
    with pytest.raises(exceptions.BadRequestException, match="cannot be in a trunk"):
        cloud.network.create_trunk(port_id=one.id)
    sub_port = {"port_id": one.id, "segmentation_type": "vlan", "segmentation_id": 5}
    with pytest.raises(exceptions.BadRequestException, match="cannot be in a trunk"):
        cloud.network.create_trunk(port_id=plain.id, sub_ports=[sub_port])

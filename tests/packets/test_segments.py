"""Networks of several segments: each host has a network by one of them, and what is between them is not the cloud's."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openstack.exceptions import ConflictException
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.sockets import Wire, wire
from tunbridge.agent.config import Provider
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs
SWITCHES = {"physnet1": "phys0", "physnet2": "phys1"}
RACKS = {"h0": ("physnet1", "10.41.0.0/24", "10.41.0.1"), "h1": ("physnet2", "10.42.0.0/24", "10.42.0.1")}
"""Host -> its physical network, the subnet there, and its gateway: the physical router, which is `outside`."""


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Two racks, each with a physical network of its own, and a host that has neither."""
    more = {"physnet2": Provider(bridge="br-eth2", nics=["eth2"])}
    only = {host: [physical] for host, (physical, _, _) in RACKS.items()}
    made = make_cloud(module_lab_name(), hosts=4, more=more, only=only, apart=["h3"])
    yield made


def segment(cloud: Cloud, network: Any, kind: str, physical: str | None = None, number: int | None = None) -> Any:
    wanted: dict[str, Any] = {"network_id": network.id, "network_type": kind, "physical_network": physical}
    if number is not None:
        wanted["segmentation_id"] = number
    return cloud.network.create_segment(**{name: value for name, value in wanted.items() if value is not None})


@pytest.fixture(scope="module")
def routed(cloud: Cloud) -> Any:
    """A network with a flat segment and a subnet in each rack; the physical router joins them."""
    for physical, _, gateway in RACKS.values():
        namespaces.run("ip", "-n", cloud.lab.outside, "addr", "add", f"{gateway}/24", "dev", SWITCHES[physical])
    cloud.outside("sysctl", "-qw", "net.ipv4.ip_forward=1")
    first, second = (RACKS[host][0] for host in ("h0", "h1"))
    network = cloud.make_network("racks", None, provider_network_type="flat", provider_physical_network=first)
    (one,) = cloud.network.segments(network_id=network.id)
    other = segment(cloud, network, "flat", second)
    for (_, cidr, _), on in zip(RACKS.values(), (one, other), strict=True):
        cloud.make_subnet(network, cidr, segment_id=on.id)
    return network


@pytest.fixture(scope="module")
def ping(cloud: Cloud) -> Any:
    """A group that lets its own members in, and nobody else: addresses stay as they are between segments."""
    group = cloud.network.create_security_group(name="racks")
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="icmp", remote_group_id=group.id
    )
    return group


@pytest.fixture(scope="module")
def vms(cloud: Cloud, routed: Any, ping: Any) -> dict[str, Workload]:
    """A VM in each rack, plugged in without anybody having said where."""
    found = {}
    for host in RACKS:
        port = cloud.make_port(routed, security_groups=[ping.id])
        assert (port.fixed_ips, port.ip_allocation) == ([], "deferred")
        found[host] = cloud.plug(host, port)
        found[host].wait_active()
        found[host].port = cloud.network.get_port(port.id)
    return found


def test_a_port_gets_an_address_where_it_is_plugged_in(cloud: Cloud, vms: dict[str, Workload]) -> None:
    for host, (_, cidr, _) in RACKS.items():
        vm = vms[host]
        assert vm.port.binding_host_id == host
        assert vm.address.startswith(cidr.removesuffix("0/24"))
        assert vm.port.ip_allocation == "deferred"
    assert cloud.network.get_network(vms["h0"].port.network_id).l2_adjacency is False


def test_dhcp_gives_the_gateway_of_the_segment_and_leads_to_the_others(vms: dict[str, Workload]) -> None:
    for host, other in (("h0", "h1"), ("h1", "h0")):
        lease = vms[host].dhcp()
        _, peer, _ = RACKS[other]
        gateway = RACKS[host][2]
        assert (lease["ip"], lease["router"]) == (vms[host].address, gateway)
        assert f"{peer} {gateway}" in lease["staticroutes"]
        assert "0.0.0.0/0 " + gateway in lease["staticroutes"]


def test_the_physical_router_joins_the_segments(cloud: Cloud, vms: dict[str, Workload]) -> None:
    one, other = vms["h0"], vms["h1"]
    for vm in (one, other):
        vm.dhcp()
    assert one.reaches(other.address)
    assert other.reaches(one.address)
    cloud.outside("sysctl", "-qw", "net.ipv4.ip_forward=0")
    try:
        assert one.never_reaches(other.address)
    finally:
        cloud.outside("sysctl", "-qw", "net.ipv4.ip_forward=1")


def test_a_broadcast_stays_on_its_segment(cloud: Cloud, vms: dict[str, Workload]) -> None:
    near, far = (Wire(cloud.lab.outside, SWITCHES[RACKS[host][0]]) for host in ("h0", "h1"))
    frame = Ether(src=vms["h0"].mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=vms["h0"].address) / ICMP() / b"to my segment"
    with wire(vms["h0"]) as sending:
        sending.send(frame)
    assert b"to my segment" in near.seen(lambda seen: b"to my segment" in seen)[-1]
    assert not any(b"to my segment" in seen for seen in far.seen(lambda _: False, 0.5))
    for one in (near, far):
        one.close()


def test_a_host_that_reaches_no_segment_cannot_have_a_port(cloud: Cloud, routed: Any) -> None:
    waiting = cloud.make_port(routed)
    vm = cloud.plug("h3", waiting)
    wait_until(lambda: cloud.network.get_port(waiting.id).binding_vif_type == "binding_failed", "it cannot be bound")
    vm.wait_down()
    assert cloud.network.get_port(waiting.id).fixed_ips == []
    vm.detach()
    vm.cloud.network.delete_port(waiting.id)


def test_a_bound_port_moves_only_within_its_segment(cloud: Cloud, vms: dict[str, Workload]) -> None:
    with pytest.raises(ConflictException, match="is not connected to a segment where the existing fixed_ips"):
        cloud.network.update_port(vms["h0"].port.id, binding_host_id="h1")
    # h2 reaches both, and has the network by the first of them.
    made = cloud.make_port(cloud.network.get_network(vms["h0"].port.network_id), binding_host_id="h2")
    assert made.fixed_ips[0]["ip_address"].startswith("10.41.0.")


@pytest.fixture(scope="module")
def mixed(cloud: Cloud) -> Any:
    """A network whose hosts have it by a VLAN where they can, and else by a tunnel."""
    network = cloud.network.create_network(
        name="mixed",
        mtu=1450,
        segments=[
            {"provider:network_type": "vlan", "provider:physical_network": "physnet1", "provider:segmentation_id": 301},
            {"provider:network_type": "vxlan", "provider:segmentation_id": 4001},
        ],
    )
    cloud.make_subnet(network, "10.43.0.0/24")
    return network


def test_each_host_takes_the_first_segment_that_it_reaches(cloud: Cloud, mixed: Any, ping: Any) -> None:
    vlan, also_vlan, tunnel, also_tunnel = (
        cloud.vm(host, mixed, security_groups=[ping.id]) for host in ("h0", "h2", "h1", "h3")
    )
    assert vlan.port.ip_allocation == "immediate"
    assert vlan.reaches(also_vlan.address)
    assert tunnel.reaches(also_tunnel.address)
    # Nothing joins them: the one is a wire of the operator's, the other a network of the cloud's.
    assert vlan.never_reaches(tunnel.address)
    assert also_tunnel.never_reaches(also_vlan.address)
    outside = Wire(cloud.lab.outside, SWITCHES["physnet1"])
    for vm, text in ((tunnel, b"by tunnel"), (vlan, b"by vlan")):
        with wire(vm) as sending:
            sending.send(Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=vm.address) / ICMP() / text)
    frames = outside.seen(lambda frame: b"by vlan" in frame)
    outside.close()
    assert Ether(frames[-1])[Dot1Q].vlan == 301
    assert not any(b"by tunnel" in frame for frame in frames)


def test_a_segment_comes_and_goes(cloud: Cloud, ping: Any) -> None:
    network = cloud.make_network(
        "grows",
        "10.44.0.0/24",
        provider_network_type="vlan",
        provider_physical_network="physnet1",
        provider_segmentation_id=302,
    )
    far = cloud.plug("h1", cloud.make_port(network, security_groups=[ping.id]))
    wait_until(lambda: cloud.network.get_port(far.port.id).binding_vif_type == "binding_failed", "h1 does not reach it")
    added = segment(cloud, network, "vlan", "physnet2", 303)
    far.wait_active(seconds=20)
    outside = Wire(cloud.lab.outside, SWITCHES["physnet2"])
    far.configure()
    with wire(far) as sending:
        sending.send(Ether(src=far.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=far.address) / ICMP() / b"on the new one")
    assert Ether(outside.seen(lambda frame: b"on the new one" in frame)[-1])[Dot1Q].vlan == 303
    outside.close()
    far.detach()
    cloud.network.delete_port(far.port.id)
    cloud.network.delete_segment(added.id)
    assert cloud.network.get_network(network.id).provider_segmentation_id == 302

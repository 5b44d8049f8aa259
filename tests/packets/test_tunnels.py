"""Between hosts: Geneve and GRE, tunnels over IPv6, large segment ids, a tunnel address that changes under traffic."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.packets.cloud import PING_S, Cloud, Ping, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.site import REMOTE, Site
from tunbridge.agent.config import TunnelType

pytestmark = pytest.mark.ovs
MAX_VNI = 2**24 - 1


def passes_what_it_says(one: Workload, other: Workload, mtu: int) -> None:
    """Find that packets of the network's MTU pass whole, and that one byte more does not."""
    assert one.cloud.network.get_network(one.port.network_id).mtu == mtu
    assert one.reaches(other.address, "-M", "do", "-s", str(mtu - 28))
    assert one.never_reaches(other.address, "-M", "do", "-s", str(mtu - 27))


@pytest.mark.parametrize(
    ("tunnel_type", "underlay", "mtu"), [("geneve", "fd00:77::/64", 1430), ("gre", "10.0.0.0/24", 1458)]
)
def test_networks_are_carried_by_tunnels_of_other_types_and_over_ipv6(
    lab_name: Callable[[], str], tunnel_type: TunnelType, underlay: str, mtu: int
) -> None:
    cloud = make_cloud(lab_name(), tunnel_types=[tunnel_type], underlay=underlay)
    network = cloud.make_network("other", "10.90.0.0/24")
    assert network.provider_network_type == tunnel_type
    near, far = (cloud.vm(host, network, address=False) for host in ("h0", "h1"))
    for vm in (near, far):
        assert vm.dhcp()["mtu"] == str(mtu)
    passes_what_it_says(near, far, mtu)
    kinds = near.host.host.vsctl("--bare", "--columns=type", "list", "interface").split()
    assert tunnel_type in kinds and "vxlan" not in kinds
    port = near.host.host.vsctl("--bare", "--columns=other_config", "list", "port", near.tap)
    assert {f"network_type={tunnel_type}", f"segmentation_id={network.provider_segmentation_id}"} <= set(port.split())


def test_hosts_have_networks_of_several_types_at_once(lab_name: Callable[[], str]) -> None:
    """Three networks with one address plan and one key: each has its own tunnels, and none is heard in another."""
    cloud = make_cloud(lab_name(), tunnel_types=("vxlan", "geneve", "gre"))
    mtus = {"vxlan": 1450, "geneve": 1450, "gre": 1458}
    pairs = {}
    for number, kind in enumerate(mtus):
        network = cloud.make_network(kind, "10.90.0.0/24", provider_network_type=kind, provider_segmentation_id=4242)
        ips = [[{"ip_address": f"10.90.0.{10 * number + n + 10}"}] for n in (0, 1)]
        pairs[kind] = [cloud.vm(f"h{n}", network, fixed_ips=ips[n]) for n in (0, 1)]
    for kind, (near, far) in pairs.items():
        passes_what_it_says(near, far, mtus[kind])
        for other, (_, foreign) in pairs.items():
            if other != kind:
                assert near.never_reaches(foreign.address), (kind, other)
    host = cloud.hosts["h0"].host
    types = host.vsctl("--bare", "--columns=type", "list", "interface").split()
    assert {kind: types.count(kind) for kind in mtus} == dict.fromkeys(mtus, 1)


def test_a_router_joins_networks_of_two_types_and_leads_both_to_the_gateway(lab_name: Callable[[], str]) -> None:
    """h2 has no way to the outside: its VMs' packets go to the gateway host in the tunnel of their network."""
    cloud = make_cloud(lab_name(), hosts=3, apart=("h2",), tunnel_types=("geneve", "vxlan"))
    site = Site(cloud)
    assert site.blue.provider_network_type == "geneve"
    other = cloud.make_network("vxlan", None, provider_network_type="vxlan")
    subnet = cloud.make_subnet(other, "10.6.0.0/24")
    cloud.network.add_interface_to_router(site.router, subnet_id=subnet.id)
    vm = cloud.vm("h2", other, security_groups=[site.group.id])
    vm.ip("route", "add", "default", "via", "10.6.0.1")
    assert vm.reaches(REMOTE) and site.vms["h2"].reaches(REMOTE)
    assert vm.reaches(site.vms["h0"].address) and site.vms["h1"].reaches(vm.address)


@pytest.fixture(scope="module")
def far_ids(cloud: Cloud) -> Iterator[list[list[Workload]]]:
    """VMs of three networks whose VNIs are the same in the low 12 bits, as local VLANs have them, one on each host."""
    found: list[list[Workload]] = []
    for vni in (5, 5 + 4096, MAX_VNI - 4095 + 5):
        network = cloud.make_network(f"vni {vni}", "10.91.0.0/24", provider_network_type="vxlan",
                                     provider_segmentation_id=vni)  # fmt: skip
        ips = [[{"ip_address": f"10.91.0.{len(found) * 2 + n + 10}"}] for n in (0, 1)]
        found.append([cloud.vm(f"h{n}", network, fixed_ips=ips[n]) for n in (0, 1)])
    yield found


def test_vnis_above_4096_are_told_apart(far_ids: list[list[Workload]]) -> None:
    for near, far in far_ids:
        assert near.reaches(far.address)
    near = far_ids[0][0]
    for _, other in far_ids[1:]:
        assert near.never_reaches(other.address)


def test_a_changed_tunnel_address_moves_the_traffic_with_it(cloud: Cloud, far_ids: list[list[Workload]]) -> None:
    near, far = far_ids[1]
    moving = cloud.hosts["h1"]
    for host in cloud.hosts.values():  # they know each other by the central database alone
        host.configure(peers=[])
        host.reload()
    moving.host.run("ip", "addr", "add", "10.0.0.99/24", "dev", moving.underlay_device)
    assert near.reaches(far.address)
    pings = [Ping(near, far.address), Ping(far, near.address)]
    moving.configure(local_ip="10.0.0.99")
    moving.reload()
    wait_until(lambda: "vxlan-0a000063" in cloud.hosts["h0"].ports("br-tun"), "the other host follows", 10)
    wait_until(lambda: "vxlan-0a00000c" not in cloud.hosts["h0"].ports("br-tun"), "the old one is gone", 10)
    assert near.reaches(far.address)
    time.sleep(1)
    lost = [ping.end() for ping in pings]
    print(f"answered and lost: {lost}")
    assert all(answered > 0.5 / PING_S and missing < 2 / PING_S for answered, missing in lost)

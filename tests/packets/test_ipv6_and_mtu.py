"""IPv6 between hosts, packets at the MTU and above."""

import pytest

from tests.packets.cloud import Cloud, wait_until

pytestmark = pytest.mark.ovs


def test_addresses_by_router_advertisement_reach_across_hosts(cloud: Cloud) -> None:
    network = cloud.make_network("six", "10.60.0.0/24")
    cloud.make_subnet(network, "2001:db8:60::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    near, beside, far = (cloud.vm(host, network, address=False) for host in ("h0", "h0", "h1"))
    for one in (near, beside, far):
        assert one.reaches(near.address6, "-6", seconds=8), one.shell("ip -6 addr")
    assert near.reaches(far.address6, "-6")


def test_vms_send_no_more_from_a_prefix_that_is_gone(cloud: Cloud) -> None:
    """Of a subnet that was replaced by another: port security would drop what they send from its addresses."""
    network = cloud.make_network("renumbered", "10.62.0.0/24")
    slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    old = cloud.make_subnet(network, "2001:db8:62::/64", **slaac)
    near, far = (cloud.vm(host, network, address=False) for host in ("h0", "h1"))
    assert near.reaches(far.address6, "-6", seconds=8)
    cloud.make_subnet(network, "2001:db8:63::/64", **slaac)
    cloud.network.delete_subnet(old)
    for vm in (near, far):
        vm.port = cloud.network.get_port(vm.port.id)
        assert vm.address6.startswith("2001:db8:63:")
        wait_until(
            lambda vm=vm: "2001:db8:62:" in vm.shell("ip -6 addr show dev eth0 deprecated"),  # type: ignore[misc]
            "its old address is deprecated",
        )
        assert "2001:db8:62:" not in vm.shell("ip -6 route show dev eth0")
    assert near.reaches(far.address6, "-6", seconds=8), near.shell("ip -6 addr")


def test_packets_at_the_mtu_pass_and_larger_ones_do_not(cloud: Cloud) -> None:
    network = cloud.make_network("mtu", "10.61.0.0/24")
    near, far = (cloud.vm(host, network) for host in ("h0", "h1"))
    assert near.reaches(far.address, "-M", "do", "-s", str(network.mtu - 28))
    assert near.never_reaches(far.address, "-M", "do", "-s", str(network.mtu - 27))

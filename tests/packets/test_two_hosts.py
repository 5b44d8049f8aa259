"""What a user gets first: networks, ports, DHCP, peers on every host, and nobody else's packets."""

import pytest

from tests.packets.cloud import Cloud, wait_until

pytestmark = pytest.mark.ovs


def test_vms_of_a_network_reach_each_other_on_one_host_and_across_hosts(cloud: Cloud) -> None:
    network = cloud.make_network("blue", "10.5.0.0/24")
    one, two, far = (cloud.vm(host, network) for host in ("h0", "h0", "h1"))
    assert one.reaches(two.address)
    assert one.reaches(far.address)
    assert far.reaches(two.address)


def test_a_vm_gets_its_address_by_dhcp_and_the_api_says_active(cloud: Cloud) -> None:
    network = cloud.make_network("dhcp", None)
    cloud.make_subnet(network, "10.6.0.0/24", dns_nameservers=["10.6.0.53"],
                      host_routes=[{"destination": "10.99.0.0/16", "nexthop": "10.6.0.9"}])  # fmt: skip
    vm = cloud.vm("h0", network, address=False)
    lease = vm.dhcp()
    assert lease["ip"] == vm.address
    assert lease["mask"] == "24"
    assert lease["router"] == "10.6.0.1"
    assert lease["dns"] == "10.6.0.53"
    assert lease["mtu"] == str(network.mtu)
    assert "10.99.0.0/16 10.6.0.9" in lease["staticroutes"]


def test_networks_with_equal_addresses_do_not_meet(cloud: Cloud) -> None:
    red, green = (cloud.make_network(name, "10.7.0.0/24") for name in ("red", "green"))
    one = cloud.vm("h0", red, fixed_ips=[{"ip_address": "10.7.0.10"}])
    same = cloud.vm("h0", green, fixed_ips=[{"ip_address": "10.7.0.11"}])
    far = cloud.vm("h1", green, fixed_ips=[{"ip_address": "10.7.0.12"}])
    assert one.never_reaches("10.7.0.11")
    assert one.never_reaches("10.7.0.12")
    assert same.reaches(far.address)


def test_a_port_is_down_until_it_is_plugged_and_when_it_is_unplugged(cloud: Cloud) -> None:
    network = cloud.make_network("updown", "10.8.0.0/24")
    port = cloud.make_port(network)
    assert cloud.status(port) == "DOWN"
    vm = cloud.plug("h0", port)
    vm.wait_active()
    assert cloud.network.get_port(port.id).binding_host_id == "h0"
    vm.detach()

    wait_until(lambda: cloud.status(port) == "DOWN", "DOWN after unplugging")

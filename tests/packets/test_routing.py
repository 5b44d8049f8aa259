"""Routers between tenants' networks: real VMs on two hosts, each host routes what its own send."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets.cloud import Cloud, Workload
from tests.packets.conftest import make_cloud
from tests.packets.sockets import connects

pytestmark = pytest.mark.ovs


class Site:
    """A router between blue (VXLAN) and red, with a VM of blue on h0 and VMs of red on both hosts."""

    def __init__(self, cloud: Cloud, number: int, **red: Any) -> None:
        self.cloud, self.number = cloud, number
        self.blue = cloud.make_network(f"blue{number}", None)
        self.red = cloud.make_network(f"red{number}", None, **red)
        slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        self.subnets = [
            cloud.make_subnet(self.blue, f"10.{number}.1.0/24"),
            cloud.make_subnet(self.red, f"10.{number}.2.0/24"),
            cloud.make_subnet(self.blue, f"2001:db8:{number}1::/64", **slaac),
            cloud.make_subnet(self.red, f"2001:db8:{number}2::/64", **slaac),
        ]
        self.router = cloud.network.create_router(name=f"r{number}")
        for subnet in self.subnets:
            cloud.network.add_interface_to_router(self.router, subnet_id=subnet.id)
        self.b0 = self.vm("h0", self.blue)
        self.r0 = self.vm("h0", self.red)
        self.r1 = self.vm("h1", self.red)

    def vm(self, host: str, network: Any, subnet: Any = None) -> Workload:
        """A VM with addresses and default routes: by hand for IPv4, by router advertisement for IPv6.

        `subnet`: of its IPv4 address, in place of the network's first.
        """
        subnet = subnet or next(s for s in self.subnets if s.network_id == network.id and s.ip_version == 4)
        fixed, groups = [{"subnet_id": subnet.id}], [self.group().id]
        made = self.cloud.vm(host, network, address=False, fixed_ips=fixed, security_groups=groups)
        made.ip("addr", "add", f"{made.address}/24", "dev", "eth0")
        made.ip("route", "add", "default", "via", subnet.gateway_ip)
        return made

    def group(self) -> Any:
        """A group that lets ping and SSH in, from anywhere."""
        network, name = self.cloud.network, f"site{self.number}"
        found = network.find_security_group(name)
        if found is None:
            found = network.create_security_group(name=name)
            for version, protocol in ((4, "icmp"), (6, "ipv6-icmp")):
                self._rule(found, f"IPv{version}", protocol, None)
                self._rule(found, f"IPv{version}", "tcp", 22)
        return found

    def _rule(self, group: Any, ethertype: str, protocol: str, port: int | None) -> None:
        self.cloud.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ethertype=ethertype, protocol=protocol,
            port_range_min=port, port_range_max=port,
        )  # fmt: skip


KINDS: dict[str, dict[str, Any]] = {
    "vxlan": {},
    "vlan": {"provider_network_type": "vlan", "provider_physical_network": "physnet1", "provider_segmentation_id": 77},
    "flat": {"provider_network_type": "flat", "provider_physical_network": "physnet1"},
}


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Two hosts and a server, which offers routers in preview only."""
    yield make_cloud(module_lab_name(), preview=True)


@pytest.fixture(scope="module", params=KINDS)
def site(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Site]:
    number = 20 + list(KINDS).index(request.param)
    made = Site(cloud, number, **KINDS[request.param])
    yield made
    for vm in (made.b0, made.r0, made.r1):
        vm.detach()
        cloud.network.delete_port(vm.port.id)
    for subnet in made.subnets:
        cloud.network.remove_interface_from_router(made.router, subnet_id=subnet.id)
    cloud.network.delete_router(made.router)
    for network in (made.blue, made.red):
        cloud.network.delete_network(network)


def test_vms_of_two_networks_reach_each_other_on_one_host_and_across_hosts(site: Site) -> None:
    for far in (site.r0, site.r1):
        assert site.b0.reaches(far.address)
        assert far.reaches(site.b0.address)


def test_likewise_with_ipv6_by_the_router_that_is_advertised(site: Site) -> None:
    for far in (site.r0, site.r1):
        assert site.b0.reaches(far.address6)
        assert far.reaches(site.b0.address6)


def test_every_address_of_the_router_answers_ping(site: Site) -> None:
    for subnet in site.subnets:
        assert site.b0.reaches(subnet.gateway_ip)


def test_traceroute_shows_the_router(site: Site) -> None:
    once = site.b0.run("ping", "-c1", "-W2", "-t1", site.r1.address, check=False).stdout
    assert f"From {site.subnets[0].gateway_ip}" in once and "Time to live exceeded" in once
    assert site.b0.reaches(site.r1.address, "-t", "2")
    once = site.b0.run("ping", "-c1", "-W2", "-t1", site.r1.address6, check=False).stdout
    assert f"From {site.subnets[2].gateway_ip}" in once and "Hop limit" in once


def test_what_does_not_exist_is_told(site: Site) -> None:
    def told(address: str) -> str:
        # In a physical network there may be a machine that is no port: it is asked for three seconds.
        return site.b0.run("ping", "-c1", "-W5", address, check=False).stdout

    assert site.b0.reaches(site.subnets[2].gateway_ip)  # its IPv6 address is its own by now, so it gets errors
    assert "Destination Host Unreachable" in told(f"10.{site.number}.2.250")
    assert "Destination Net Unreachable" in told("192.0.2.1")
    assert "Address unreachable" in told(f"2001:db8:{site.number}2::250")
    assert "No route" in told("2001:db8:ffff::1")
    closed = site.b0.python(
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2);"
        f"s.connect(('{site.subnets[1].gateway_ip}', 9)); s.send(b'x')\n"
        "try: s.recv(1); print('answer')\nexcept ConnectionRefusedError: print('refused')"
    )
    assert closed.strip() == "refused"


def test_a_packet_that_is_too_big_for_the_next_network_tells_its_mtu(site: Site) -> None:
    for target, size in ((site.b0.address, site.red.mtu - 28), (site.b0.address6, site.red.mtu - 48)):
        ping = ("ping", "-c1", "-W2", "-M", "do", "-s", str(size), target)
        said = site.r1.run(*ping, check=False).stdout
        if site.red.mtu == site.blue.mtu:
            assert "1 received" in said
        else:
            assert f"mtu = {site.blue.mtu}" in said or f"mtu={site.blue.mtu}" in said
            assert site.r1.reaches(target, "-s", str(size))  # in fragments, now that its host knows


def test_security_groups_hold_through_the_router(site: Site) -> None:
    listen = "import socket; s = socket.create_server(('', {0})); print('up', flush=True); s.accept()[0].send(b'hello')"
    call = "import socket; s = socket.create_connection(('{1}', {0}), 2); print(s.recv(9).decode())"
    for port, expected in ((22, "hello"), (23, "")):
        server = site.r1.start("python3", "-c", listen.format(port))
        try:
            assert server.stdout is not None and server.stdout.readline().strip() == "up"
            said = site.b0.run("python3", "-c", call.format(port, site.r1.address), check=False).stdout
            assert said.strip() == expected
        finally:
            server.kill()
            server.communicate()


def test_an_extra_route_leads_through_a_vm(site: Site) -> None:
    """The VM on the other host has a second network behind it."""
    network = site.cloud.network
    behind = f"172.16.{site.number}.1"
    network.update_port(site.r1.port.id, allowed_address_pairs=[{"ip_address": f"172.16.{site.number}.0/24"}])
    site.r1.ip("addr", "add", f"{behind}/32", "dev", "lo")
    assert site.b0.never_reaches(behind)
    routes = [{"destination": f"172.16.{site.number}.0/24", "nexthop": site.r1.address}]
    network.update_router(site.router, routes=routes)
    assert site.b0.reaches(behind)
    network.update_router(site.router, routes=[])
    assert site.b0.never_reaches(behind)


def test_a_router_that_is_down_forwards_nothing(site: Site) -> None:
    network = site.cloud.network
    network.update_router(site.router, is_admin_state_up=False)
    assert site.b0.never_reaches(site.r1.address)
    network.update_router(site.router, is_admin_state_up=True)
    assert site.b0.reaches(site.r1.address)


def test_an_interface_that_is_taken_away_and_given_back(site: Site) -> None:
    network = site.cloud.network
    network.remove_interface_from_router(site.router, subnet_id=site.subnets[1].id)
    assert site.b0.never_reaches(site.r1.address)
    network.add_interface_to_router(site.router, subnet_id=site.subnets[1].id)
    assert site.b0.reaches(site.r1.address)


def test_a_second_subnet_of_a_network_has_an_interface_of_its_own(site: Site) -> None:
    """From one subnet to the other a packet stays in the network, and is looked up twice in its zone."""
    cloud, network = site.cloud, site.cloud.network
    second = cloud.make_subnet(site.red, f"10.{site.number}.3.0/24")
    network.add_interface_to_router(site.router, subnet_id=second.id)
    vms = [site.vm(host, site.red, second) for host in cloud.hosts]
    for vm in vms:
        for other in (site.b0, site.r0, site.r1):
            for one, far in ((vm, other), (other, vm)):
                assert one.reaches(far.address)
                assert connects(one, far, 22)
                assert not connects(one, far, 23, 0.3)
    for vm in vms:
        vm.detach()
        network.delete_port(vm.port.id)
    network.remove_interface_from_router(site.router, subnet_id=second.id)
    network.delete_subnet(second)
    assert site.b0.reaches(site.r1.address)

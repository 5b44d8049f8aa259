"""What is taken away while it is in use: its traffic stops, nothing of it stays on the hosts, nobody else notices."""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import pytest

from tests.packets.cloud import SLOWNESS, Cloud, Ping, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.site import REMOTE, Site
from tests.packets.streams import Talk
from tunbridge.dataplane.pipeline import LEARNED_COOKIE
from tunbridge.lab.namespaces import LabError

pytestmark = pytest.mark.ovs
KINDS: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
BRIDGES = ("br-int", "br-tun", "br-eth1")
LEARNED = f"cookie={LEARNED_COOKIE >> 48:#x}"
"""How the cookie of flows begins that are learned, and age."""


class Busy(Site):
    """The router of blue, whose VMs are the ones that do not notice, and another router of green, and red beside it."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.kept = self.floating(self.vms["h0"])
        self.green, self.red = (cloud.make_network(name, None) for name in ("green", "red"))
        self.green4 = cloud.make_subnet(self.green, "10.7.0.0/24")
        self.red4 = cloud.make_subnet(self.red, "10.8.0.0/24")
        self.greens = {host: self._member(host, self.green, "10.7.0.1") for host in cloud.hosts}
        self.reds = {host: self._member(host, self.red, "10.8.0.1") for host in cloud.hosts}

    def _member(self, host: str, network: Any, gateway: str) -> Workload:
        made = self.cloud.vm(host, network, security_groups=[self.group.id])
        made.ip("route", "add", "default", "via", gateway)
        return made

    def flows(self, host: str) -> str:
        """All of a host's flows, but for what was learned of neighbours, which ages."""
        flows = (
            flow for bridge in BRIDGES[: 3 if host == "h0" else 2] for flow in self.cloud.hosts[host].flows(bridge)
        )
        return "\n".join(sorted(flow for flow in flows if LEARNED not in flow))

    def pictures(self) -> list[str]:
        """The flows of both hosts once they have settled."""
        found: list[str] = []

        def same() -> bool:
            before = found.copy()
            time.sleep(0.5)
            found[:] = [self.flows(host) for host in self.cloud.hosts]
            return found == before

        wait_until(same, "flows have settled", 20)
        return found

    def until(self, pictures: list[str]) -> None:
        """Wait until the flows of both hosts are as they were."""

        def differ() -> list[str]:
            time.sleep(0.2)
            now = [self.flows(host) for host in self.cloud.hosts]
            pairs = zip(now, pictures, strict=True)
            return [flow for one, other in pairs for flow in set(one.splitlines()) ^ set(other.splitlines())]

        with contextlib.suppress(LabError):
            wait_until(lambda: not differ(), "flows are as before", 15)
        assert differ() == []

    def router_of(self, *subnets: Any, outside: bool = True) -> Any:
        """A router with interfaces in these subnets."""
        gateway = {"external_gateway_info": {"network_id": self.external.id}} if outside else {}
        made = self.cloud.network.create_router(name="busy", **gateway)
        for subnet in subnets:
            self.cloud.network.add_interface_to_router(made, subnet_id=subnet.id)
        return made

    def remove(self, router: Any, *subnets: Any) -> None:
        for subnet in subnets:
            self.cloud.network.remove_interface_from_router(router, subnet_id=subnet.id)
        self.cloud.network.delete_router(router)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """What others do meanwhile, and that they lose nothing."""
        outside = self.cloud.lab.outside
        floating = Talk("tcp", outside, self.vms["h0"].namespace, self.kept.floating_ip_address, 7400)
        ping = Ping(self.vms["h1"], REMOTE)
        beside = Ping(self.greens["h1"], self.greens["h0"].address)
        time.sleep(0.3)
        yield
        time.sleep(0.3)
        for one in (ping, beside):
            answered, lost = one.end()
            assert answered > 20
            assert lost <= 2  # none, if the machine is not busy
        floating.end()
        assert floating.error is None
        assert floating.sent - floating.answered < 5 * SLOWNESS


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Busy:
    """Only h0 has a bridge to the outside."""
    made = Busy(make_cloud(module_lab_name(), apart=["h1"]))
    assert made.vms["h1"].reaches(REMOTE)
    assert made.reached(made.kept.floating_ip_address)
    return made


@contextlib.contextmanager
def cut(site: Busy, *talks: Callable[[], Talk]) -> Iterator[None]:
    """Connections that are there before, and silent after."""
    made = [talk() for talk in talks]
    wait_until(lambda: all(talk.answered for talk in made), "all are answered", 5)
    with site.watched():
        yield
        for talk in made:
            talk.until_silent()
    for talk in made:
        talk.end()


def outwards(site: Busy, vm: Workload, port: int) -> list[Callable[[], Talk]]:
    """Connections of a VM to the outside."""
    outside = site.cloud.lab.outside
    assert vm.reaches(REMOTE, seconds=10)
    return [partial(Talk, kind, vm.namespace, outside, REMOTE, port, REMOTE) for kind in KINDS]


def across(vm: Workload, far: Workload, port: int) -> list[Callable[[], Talk]]:
    """Connections between VMs."""
    assert vm.reaches(far.address)
    return [partial(Talk, kind, vm.namespace, far.namespace, far.address, port) for kind in KINDS]


@pytest.mark.parametrize("host", ["h0", "h1"])
def test_a_floating_ip_is_deleted(site: Busy, host: str) -> None:
    """Of a VM on a host with the bridge, and of one on another host."""
    router, vm, outside = site.router_of(site.green4), site.greens[host], site.cloud.lab.outside
    assert vm.reaches(REMOTE, seconds=10)
    before = site.pictures()
    floating = site.floating(vm)
    address = str(floating.floating_ip_address)
    assert site.reached(address)
    with cut(site, *(partial(Talk, kind, outside, vm.namespace, address, 7401) for kind in KINDS)):
        site.cloud.network.delete_ip(floating)
    site.until(before)
    site.remove(router, site.green4)


def test_a_gateway_is_taken_from_its_router(site: Busy) -> None:
    router, network = site.router_of(site.green4, outside=False), site.cloud.network
    before = site.pictures()
    network.update_router(router, external_gateway_info={"network_id": site.external.id})
    with cut(site, *outwards(site, site.greens["h0"], 7402), *outwards(site, site.greens["h1"], 7403)):
        network.update_router(router, external_gateway_info={})
    site.until(before)
    site.remove(router, site.green4)


def test_an_interface_is_taken_from_its_router(site: Busy) -> None:
    router, network = site.router_of(site.green4), site.cloud.network
    assert site.greens["h0"].reaches(REMOTE, seconds=10)
    before = site.pictures()
    network.add_interface_to_router(router, subnet_id=site.red4.id)
    green = site.greens["h0"]
    with cut(site, *across(green, site.reds["h0"], 7404), *across(green, site.reds["h1"], 7405)):
        network.remove_interface_from_router(router, subnet_id=site.red4.id)
    site.until(before)
    site.remove(router, site.green4)


def test_a_router_is_deleted(site: Busy) -> None:
    before = site.pictures()
    router = site.router_of(site.green4, site.red4)
    green = site.greens["h1"]
    with cut(site, *across(green, site.reds["h0"], 7406), *outwards(site, green, 7407)):
        site.remove(router, site.green4, site.red4)
    site.until(before)


def test_an_interface_that_is_given_up_for_one_with_another_address(site: Busy) -> None:
    """As Neutron does not let an interface have another IPv4 address. Who uses the new one goes on."""
    router, network, vm = site.router_of(site.green4), site.cloud.network, site.greens["h1"]
    assert vm.reaches(REMOTE, seconds=10) and vm.reaches("10.7.0.1")
    with cut(site, *outwards(site, vm, 7408)):
        network.remove_interface_from_router(router, subnet_id=site.green4.id)
        fixed = [{"subnet_id": site.green4.id, "ip_address": "10.7.0.77"}]
        network.add_interface_to_router(router, port_id=site.cloud.make_port(site.green, fixed_ips=fixed).id)
        assert vm.reaches("10.7.0.77")
    assert vm.never_reaches("10.7.0.1")
    vm.ip("route", "replace", "default", "via", "10.7.0.77")
    assert vm.reaches(REMOTE)
    vm.ip("route", "replace", "default", "via", "10.7.0.1")
    site.remove(router, site.green4)


def test_an_interface_that_is_given_up_for_one_with_the_same_address(site: Busy) -> None:
    """And so another MAC address. VMs are told, and do not have to ask again; their connections go on."""
    router, network, vm = site.router_of(site.green4), site.cloud.network, site.greens["h1"]
    talks = [made() for made in outwards(site, vm, 7409)]
    with site.watched():
        network.remove_interface_from_router(router, subnet_id=site.green4.id)
        fixed = [{"subnet_id": site.green4.id, "ip_address": "10.7.0.1"}]
        port = site.cloud.make_port(site.green, fixed_ips=fixed)
        network.add_interface_to_router(router, port_id=port.id)
        wait_until(lambda: port.mac_address in vm.run("ip", "neigh").stdout, "the VM knows", 10)
        assert vm.reaches(REMOTE)
        time.sleep(1)
    longest = max(talk.end() for talk in talks)
    print(f"an interface swapped for one with another MAC address: silent for {longest:.2f} s")
    assert [talk.error for talk in talks] == [None, None]
    assert longest < 5 * SLOWNESS
    site.remove(router, site.green4)


def test_what_is_renamed_is_not_noticed(site: Busy) -> None:
    router, network, vm = site.router_of(site.green4), site.cloud.network, site.greens["h1"]
    before = site.pictures()
    talks = [made() for made in outwards(site, vm, 7410)]
    with site.watched():
        (port,) = network.ports(device_id=router.id, network_id=site.green.id)
        network.update_port(port, name="another")
        network.update_router(router, name="another")
        network.update_network(site.green, name="another")
        time.sleep(0.5)
    for talk in talks:
        talk.end()
        assert talk.error is None
        assert talk.sent - talk.answered < 5 * SLOWNESS
    site.until(before)
    site.remove(router, site.green4)

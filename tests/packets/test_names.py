"""Names of others: a VM asks its DHCP address, the agent its resolvers; a DNS server runs on another host."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.packets.cloud import KERNELS, Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.test_services import flood

pytestmark = pytest.mark.ovs
SERVER = Path(__file__).with_name("dns_server.py")
RESOLVER, SILENT = "10.0.0.12", "10.0.0.11"
"""Tunnel addresses of h1, where the server runs, and of h0, where none does."""
NOWHERE = "10.0.0.99"
"""What is sent there is not even refused."""


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    made = make_cloud(module_lab_name())
    made.hosts["h1"].host.start("dns.log", "python3", "-c", SERVER.read_text(), RESOLVER)
    yield made


@pytest.fixture(scope="module")
def vm(cloud: Cloud) -> Workload:
    """With an address by DHCP, and a router that has the gateway's."""
    network = cloud.make_network("named", None)
    subnet = cloud.make_subnet(network, "10.84.0.0/24")
    cloud.network.add_interface_to_router(cloud.network.create_router(name="named"), subnet_id=subnet.id)
    made = cloud.vm("h0", network, address=False)
    assert made.dhcp()["dns"] == "10.84.0.1"
    return made


def dig(vm: Workload, name: str, *options: str) -> str:
    return vm.run("dig", "@10.84.0.1", "+time=9", "+tries=1", name, *options, check=False).stdout


def resolve_by(cloud: Cloud, *resolvers: str) -> None:
    """Give h0 these resolvers while its agent runs."""
    host = cloud.hosts["h0"]
    reloads = host.log().count("configuration")
    host.configure(resolvers=list(resolvers))
    host.reload()
    wait_until(lambda: host.log().count("configuration") > reloads, "the configuration was read")


def test_without_resolvers_other_names_are_refused(cloud: Cloud, vm: Workload) -> None:
    resolve_by(cloud)
    assert "status: REFUSED" in dig(vm, "www.example.test")


def test_other_names_are_asked_for_elsewhere(cloud: Cloud, vm: Workload) -> None:
    resolve_by(cloud, RESOLVER)
    assert dig(vm, "www.example.test", "+short").split() == ["192.0.2.80"]
    assert dig(vm, "www.example.test", "+short", "+noedns").split() == ["192.0.2.80"]
    assert "status: NXDOMAIN" in dig(vm, "none.example.test")


def test_a_resolver_that_does_not_answer_is_passed_over(cloud: Cloud, vm: Workload) -> None:
    resolve_by(cloud, SILENT, RESOLVER)
    assert dig(vm, "www.example.test", "+short").split() == ["192.0.2.80"]
    resolve_by(cloud, SILENT)
    assert "status: SERVFAIL" in dig(vm, "www.example.test")


@pytest.mark.skipif(KERNELS, reason="an emulated kernel has no CPU left beside a flood")
def test_a_vm_that_asks_for_very_many_names_that_nobody_answers_leaves_the_others_theirs(
    cloud: Cloud, vm: Workload
) -> None:
    resolve_by(cloud, RESOLVER, NOWHERE)
    network = cloud.network.get_network(vm.port.network_id)
    asking = cloud.vm("h0", network)
    names = (
        Ether(src=asking.mac, dst="ff:ff:ff:ff:ff:ff")
        / IP(src=asking.address, dst="10.84.0.1")
        / UDP(sport=4000, dport=53)
        / DNS(qd=DNSQR(qname=f"n{n}.silent.test"))
        for n in range(1000)
    )
    frames = [bytes(name) for name in names]
    with flood(asking, *frames):
        time.sleep(3)  # each of them is waited for
        told = [dig(vm, "www.example.test", "+short").split() for _ in range(10)]
    assert told == [["192.0.2.80"]] * 10


def test_an_answer_that_is_too_long_says_so_and_comes_over_tcp(cloud: Cloud, vm: Workload) -> None:
    resolve_by(cloud, RESOLVER)
    said = dig(vm, "many.example.test", "+ignore")
    assert " tc " in said.split("flags:")[1].split(";")[0] and "ANSWER: 0" in said
    assert len(dig(vm, "many.example.test", "+short").split()) == 100


def test_names_over_tcp(cloud: Cloud, vm: Workload) -> None:
    """Own names, others' in answers of any length, several on one connection, and resolvers that are silent."""
    resolve_by(cloud, RESOLVER)
    named = vm.address.replace(".", "-")
    assert dig(vm, f"host-{named}.openstacklocal", "+tcp", "+short").split() == [vm.address]
    assert len(dig(vm, "more.example.test", "+tcp", "+short").split()) == 3000
    several = ("www.example.test", "host-10-84-0-1.openstacklocal", "none.example.test")
    told = vm.run("dig", "@10.84.0.1", "+tcp", "+keepopen", "+time=9", "+tries=1", *several, check=False).stdout
    assert [line.split("status: ")[1].split(",")[0] for line in told.splitlines() if "status: " in line] == [
        "NOERROR", "NOERROR", "NXDOMAIN",
    ]  # fmt: skip
    resolve_by(cloud, SILENT)
    assert "status: SERVFAIL" in dig(vm, "www.example.test", "+tcp")

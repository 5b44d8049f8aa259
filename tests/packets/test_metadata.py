"""What VMs are told at 169.254.169.254: real clients, networks with equal addresses, with and without routers."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packets import cloud_init, nova_metadata
from tests.packets.cloud import KERNELS, Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.metadata_client import KEY, URL, USER_DATA, configured, get, meta_data, status
from tunbridge.agent.config import MetadataConfig

pytestmark = pytest.mark.ovs
SECRET = "a secret of the cloud"


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name())


def boot(cloud: Cloud, vm: Workload, **values: Any) -> dict[str, Any]:
    """Give a port its boot configuration by the API."""
    body = {"boot_config": {"port_id": vm.port.id, **values}}
    reply = cloud.network.post("/boot-configs", json=body)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()["boot_config"]
    return found


@pytest.fixture(scope="module")
def twins(cloud: Cloud) -> dict[str, Workload]:
    """VMs with one address in two networks, on both hosts; one network has no gateway, the other a router."""
    lonely = cloud.make_network("lonely", None)
    cloud.make_subnet(lonely, "10.70.0.0/24", gateway_ip=None)
    routed = cloud.make_network("routed", None)
    subnet = cloud.make_subnet(routed, "10.70.0.0/24")
    router = cloud.network.create_router(name="r")
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    found = {}
    for name, network, host, last in (
        ("lonely0", lonely, "h0", 10), ("routed0", routed, "h0", 10),
        ("lonely1", lonely, "h1", 11), ("routed1", routed, "h1", 11),
    ):  # fmt: skip
        made = cloud.vm(host, network, address=False, name=name, fixed_ips=[{"ip_address": f"10.70.0.{last}"}])
        found[name] = configured(made)
    return found


def test_each_vm_is_told_its_own_data_with_equal_addresses_with_and_without_a_router(
    twins: dict[str, Workload],
) -> None:
    for name, vm in twins.items():
        told = meta_data(vm)
        assert (told["uuid"], told["name"]) == (vm.port.id, name)
        assert told["hostname"] == f"host-{vm.address.replace('.', '-')}.openstacklocal"
        assert get(vm, "/latest/meta-data/local-ipv4") == vm.address
        (link,) = json.loads(get(vm, "/openstack/latest/network_data.json"))["links"]
        assert link["ethernet_mac_address"] == vm.mac
        assert vm.reaches("169.254.169.254")


@pytest.mark.parametrize("option", ["--http1.1", "--http1.0"])
def test_many_short_connections_one_after_the_other_are_served(twins: dict[str, Workload], option: str) -> None:
    """HTTP 1.1: the VM closes first; 1.0: the service does."""
    ask = f"curl -gsSf -m 20 {option} -o /dev/null {URL}/latest/meta-data/instance-id"
    twins["lonely0"].shell(f"for n in $(seq 40); do {ask} || exit 1; done")


def test_a_vm_without_any_address_is_told_by_ipv6(cloud: Cloud) -> None:
    network = cloud.make_network("bare", None)
    vm = cloud.vm("h0", network, address=False)
    assert vm.port.fixed_ips == []
    wait_until(lambda: "fe80" in vm.shell("ip -6 addr show dev eth0 scope link -tentative"), "link-local")
    assert meta_data(vm, "http://[fe80::a9fe:a9fe%25eth0]")["uuid"] == vm.port.id
    vm.ip("-6", "route", "add", "fd00:ec2::254/128", "dev", "eth0")
    assert meta_data(vm, "http://[fd00:ec2::254]")["uuid"] == vm.port.id


def test_behind_a_router_it_is_told_by_ipv6_as_well(cloud: Cloud) -> None:
    network = cloud.make_network("six", None)
    subnet = cloud.make_subnet(network, "2001:db8:70::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    router = cloud.network.create_router(name="r6")
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    vm = cloud.vm("h1", network, address=False)
    wait_until(lambda: "default" in vm.shell("ip -6 route"), "a default route")
    wait_until(lambda: vm.address6 in vm.shell("ip -6 addr show dev eth0 -tentative"), "an address")
    assert meta_data(vm, "http://[fd00:ec2::254]")["uuid"] == vm.port.id


def test_cloud_init_reads_key_hostname_and_user_data(cloud: Cloud, twins: dict[str, Workload]) -> None:
    vm = twins["lonely0"]
    data = base64.b64encode(USER_DATA.encode()).decode()
    made = boot(cloud, vm, hostname="web.example.com", public_keys=[KEY], user_data=data)
    told = cloud_init.openstack(vm)
    assert (told["instance_id"], told["hostname"], told["name"]) == (vm.port.id, "web.example.com", "lonely0")
    assert (told["keys"], told["user_data"]) == ([KEY], USER_DATA)
    (device,) = [c for c in told["network"]["config"] if c["type"] == "physical"]
    assert (device["mac_address"], device["subnets"]) == (vm.mac, [{"type": "dhcp4"}])
    told = cloud_init.ec2(vm)
    assert (told["instance_id"], told["hostname"], told["address"]) == (vm.port.id, "web.example.com", vm.address)
    assert (told["keys"], told["user_data"]) == ([KEY], USER_DATA)
    assert cloud_init.openstack(twins["routed0"])["keys"] == []  # the other VM with this address
    cloud.network.put(f"/boot-configs/{made['id']}", json={"boot_config": {"hostname": "db"}})
    assert get(vm, "/latest/meta-data/hostname") == "db"


def test_port_security_keeps_a_vm_from_asking_as_another_and_without_it_the_port_counts(
    cloud: Cloud, twins: dict[str, Workload]
) -> None:
    spoofer, victim = twins["lonely0"], twins["lonely1"]
    spoofer.ip("addr", "add", f"{victim.address}/32", "dev", "eth0")
    source = ("--interface", victim.address, "--connect-timeout", "2")
    try:
        assert status(spoofer, "/latest/meta-data/instance-id", *source) == "000"
        cloud.network.update_port(spoofer.port.id, security_groups=[], port_security_enabled=False)
        wait_until(lambda: status(spoofer, "/latest/meta-data/instance-id", *source) == "200", "no port security")
        assert get(spoofer, "/latest/meta-data/instance-id", URL, *source) == spoofer.port.id
    finally:
        cloud.network.update_port(spoofer.port.id, port_security_enabled=True)
        spoofer.ip("addr", "del", f"{victim.address}/32", "dev", "eth0")


def test_what_there_is_not_is_refused(twins: dict[str, Workload]) -> None:
    vm = twins["routed0"]
    assert status(vm, "/openstack/latest/nonsense") == "404"
    assert status(vm, "/latest/user-data") == "404"
    assert status(vm, "/latest/meta-data/hostname", "-X", "DELETE") == "405"
    assert status(vm, "/latest/", "-H", f"X: {'y' * 9000}") == "431"
    refused = vm.run("curl", "-sS", "-m", "5", "https://169.254.169.254/", check=False)
    assert refused.returncode == 7  # a closed port is said to be closed, at once


def test_a_vm_that_floods_the_service_keeps_nobody_from_it(twins: dict[str, Workload]) -> None:
    rude, polite = twins["lonely0"], twins["routed0"]
    loop = f"while :; do curl -s -m 2 -o /dev/null --parallel --parallel-max 30 '{URL}/latest/[1-200]'; done"
    flood = rude.start("timeout", "30", "sh", "-c", loop)
    try:
        for _ in range(5):
            assert get(polite, "/latest/meta-data/instance-id") == polite.port.id
    finally:
        flood.terminate()
        flood.communicate()


def test_after_a_restart_of_the_agent_the_service_is_back(cloud: Cloud, twins: dict[str, Workload]) -> None:
    vm = twins["routed1"]
    cloud.hosts["h1"].restart()
    assert get(vm, "/latest/meta-data/instance-id", URL, "--retry", "3") == vm.port.id


def test_the_host_has_nothing_that_it_had_not_before(cloud: Cloud, twins: dict[str, Workload]) -> None:
    """No address, device, route, rule, open port or namespace of its own: all of it is in flows and the agent."""
    assert twins
    host = cloud.hosts["h0"].host
    address = "169.254.169.254" if KERNELS else "169.254."  # by which a kernel host's management has another one
    assert address not in host.run("ip", "addr").stdout + host.run("ip", "route", "show", "table", "all").stdout
    assert host.run("ss", "-Hltn", "sport = :80").stdout == ""


@pytest.fixture
def nova(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[[dict[str, str]], None]]:
    """A Nova on h0, and h0's agent configured for it."""
    host = cloud.hosts["h0"]
    running: list[subprocess.Popen[str]] = []
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")

    def start(projects: dict[str, str]) -> None:
        command = (sys.executable, nova_metadata.__file__, "8775", str(secret), json.dumps(projects))
        pipe = subprocess.PIPE  # it ends with its input, wherever it is
        running.append(subprocess.Popen(host.host.command(*command), stdin=pipe, stdout=pipe, text=True))
        assert running[0].stdout is not None and running[0].stdout.readline() == "up\n"
        host.configure(metadata=MetadataConfig(nova_url="http://127.0.0.1:8775", shared_secret_file=str(secret)))
        host.restart()

    yield start
    for process in running:
        process.kill()
        process.communicate()
    host.configure(metadata=MetadataConfig())
    host.restart()


def test_with_nova_requests_are_signed_and_handed_on(
    cloud: Cloud, twins: dict[str, Workload], nova: Callable[[dict[str, str]], None]
) -> None:
    vm, other = twins["lonely0"], twins["routed0"]
    instance = "6f2a3c1e-0000-4000-8000-000000000001"
    for one, device in ((vm, instance), (other, "6f2a3c1e-0000-4000-8000-000000000002")):
        cloud.network.update_port(one.port.id, device_id=device, device_owner="compute:nova")
    project = cloud.network.get_port(vm.port.id).project_id
    nova({instance: project})
    wait_until(lambda: status(vm, "/x") == "200", "the agent knows the instance")
    told = json.loads(get(vm, "/openstack/latest/meta_data.json?a=b", URL, "-H", "X-Instance-ID: another"))
    assert told == {
        "path": "/openstack/latest/meta_data.json?a=b", "method": "GET", "instance": instance, "body": "",
        "address": vm.address, "passed_on": ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"],
    }  # fmt: skip
    password = json.loads(get(vm, "/openstack/latest/password", URL, "-d", "secret"))
    assert (password["method"], password["body"]) == ("POST", "secret")
    assert status(other, "/latest/meta-data/") == "404"  # Nova does not know it
    failed = vm.run("curl", "-sS", "-m", "20", f"{URL}/broken").stdout
    assert failed == "502 Bad Gateway\n"
    host = cloud.hosts["h0"]
    assert SECRET not in host.log() + host.host.run("ps", "axww", "-o", "args").stdout


def test_while_nova_is_away_vms_are_told_so_and_try_again(
    cloud: Cloud, twins: dict[str, Workload], nova: Callable[[dict[str, str]], None], tmp_path: Path
) -> None:
    vm = twins["lonely0"]
    nova({})
    host = cloud.hosts["h0"]
    away = MetadataConfig(nova_url="http://127.0.0.1:1", shared_secret_file=str(tmp_path / "secret"))
    host.configure(metadata=away)
    host.restart()
    cloud.network.update_port(vm.port.id, device_id="6f2a3c1e-0000-4000-8000-000000000003")
    wait_until(lambda: status(vm, "/latest/") == "503", "Nova cannot be reached")
    assert "metadata service does not answer" in host.log()

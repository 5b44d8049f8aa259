"""What VMs are told at 169.254.169.254 by a real Nova, which asks the server for its instances' ports and groups."""

import json
import socket
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.packets import cloud_init
from tests.packets.cloud import KERNELS, Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.metadata_client import KEY, URL, USER_DATA, configured, get, meta_data, status
from tests.packets.nova_service import PORT, Nova
from tests.packets.sockets import inside
from tunbridge.agent.config import MetadataConfig

pytestmark = [
    pytest.mark.ovs,
    pytest.mark.timeout(900),  # the first one makes the virtual environment
    pytest.mark.skipif(KERNELS, reason="Nova listens on a socket of this machine's kernel, inside the host"),
]
SECRET = "a secret of the cloud"
DOCUMENTS = ("/openstack/latest/meta_data.json", "/latest/user-data", "/latest/meta-data/instance-id")


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=1)


@pytest.fixture(scope="module")
def ask_nova(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Have the agent ask Nova, with a secret."""
    path = tmp_path_factory.mktemp("agent") / "secret"

    def ask(secret: str) -> None:
        path.write_text(f"{secret}\n")
        found = MetadataConfig(nova_url=f"http://127.0.0.1:{PORT}", shared_secret_file=str(path))
        cloud.hosts["h0"].configure(metadata=found)
        cloud.hosts["h0"].restart()

    return ask


@pytest.fixture(scope="module")
def nova(cloud: Cloud, ask_nova: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nova]:
    """A Nova that asks the cloud's server; it listens inside the host, where the agent reaches it."""
    assert cloud.lab.server is not None
    with inside(cloud.hosts["h0"].host.namespace, lambda: socket.create_server(("127.0.0.1", PORT))) as listener:
        made = Nova(tmp_path_factory.mktemp("nova"), listener, SECRET, cloud.lab.server.clouds_yaml)
    try:
        ask_nova(SECRET)
        made.wait()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def vm(cloud: Cloud, nova: Nova) -> Workload:
    """A VM whose port Nova has allocated to an instance."""
    network = cloud.make_network("of-nova", None)
    cloud.make_subnet(network, "10.71.0.0/24", gateway_ip=None, dns_nameservers=["10.71.0.53"])
    cloud.make_subnet(network, "2001:db8:71::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    group = cloud.network.create_security_group(name="of-nova")
    made = cloud.vm("h0", network, address=False, security_groups=[group.id])
    nova.boot(
        id=str(uuid.uuid4()), project=made.port.project_id, port=made.port.id, host="h0", name="web", key_name="mia",
        key=KEY, user_data=USER_DATA, metadata={"role": "frontend"},
    )  # fmt: skip
    made.port = cloud.network.get_port(made.port.id)
    assert (made.port.device_owner, made.port.binding_host_id) == ("compute:nova", "h0")  # Nova has said so
    wait_until(lambda: "fe80" in made.shell("ip -6 addr show dev eth0 scope link -tentative"), "link-local")
    return configured(made)


def test_a_vm_is_told_what_nova_has_of_its_instance_by_each_address(vm: Workload) -> None:
    vm.ip("-6", "route", "replace", "fd00:ec2::254/128", "dev", "eth0")
    for base in (URL, "http://[fd00:ec2::254]", "http://[fe80::a9fe:a9fe%25eth0]"):
        told = meta_data(vm, base)
        assert (told["uuid"], told["project_id"]) == (vm.port.device_id, vm.port.project_id)
        assert (told["name"], told["hostname"]) == ("web", "web.cloud.example.org")
        assert (told["public_keys"], told["meta"]) == ({"mia": KEY}, {"role": "frontend"})
        assert get(vm, "/openstack/latest/user_data", base) == get(vm, "/latest/user-data", base) == USER_DATA
    ec2 = "/latest/meta-data"
    assert get(vm, f"{ec2}/instance-id") == "i-00000001"
    assert (get(vm, f"{ec2}/public-keys"), get(vm, f"{ec2}/public-keys/0/openssh-key")) == ("0=mia", KEY)
    assert get(vm, f"{ec2}/local-ipv4") == vm.address
    assert status(vm, "/openstack/latest/nonsense") == "404"


def test_nova_tells_of_ports_groups_and_subnets_what_the_server_tells_it(cloud: Cloud, vm: Workload) -> None:
    told = json.loads(get(vm, "/openstack/latest/network_data.json"))
    (link,) = told["links"]
    mtu = cloud.network.get_network(vm.port.network_id).mtu
    assert (link["vif_id"], link["ethernet_mac_address"], link["mtu"]) == (vm.port.id, vm.mac, mtu)
    assert link["type"] == "ovs"
    assert {(one["type"], one["network_id"]) for one in told["networks"]} == {
        ("ipv4_dhcp", vm.port.network_id), ("ipv6_slaac", vm.port.network_id),
    }  # fmt: skip
    assert get(vm, "/latest/meta-data/security-groups") == "of-nova"


def test_cloud_init_reads_what_nova_tells(vm: Workload) -> None:
    told = cloud_init.openstack(vm)
    assert (told["instance_id"], told["hostname"]) == (vm.port.device_id, "web.cloud.example.org")
    assert (told["keys"], told["user_data"]) == ([KEY], USER_DATA)
    (device,) = [one for one in told["network"]["config"] if one["type"] == "physical"]
    assert device["mac_address"] == vm.mac
    told = cloud_init.ec2(vm)
    assert (told["instance_id"], told["keys"], told["address"]) == ("i-00000001", [KEY], vm.address)


def test_nova_takes_the_password_of_an_instance_once(vm: Workload) -> None:
    path = "/openstack/latest/password"
    assert get(vm, path, URL, "-d", "sealed") == ""
    wait_until(lambda: get(vm, path) == "sealed", "Nova forgets what it has cached")
    assert status(vm, path, "-d", "another") == "409"
    assert get(vm, path) == "sealed"


def test_the_port_of_another_project_or_of_no_instance_is_told_nothing(cloud: Cloud, vm: Workload, nova: Nova) -> None:
    network = cloud.make_network("of-another", None)
    cloud.make_subnet(network, "10.71.0.0/24", gateway_ip=None)
    thief = configured(cloud.vm("h0", network, address=False, project_id=uuid.uuid4().hex, device_id=vm.port.device_id))
    assert [status(thief, one) for one in DOCUMENTS] == ["404"] * 3
    assert "does not match tenant_id" in nova.log()
    unknown = str(uuid.uuid4())
    cloud.network.update_port(thief.port.id, device_id=unknown)
    wait_until(
        lambda: status(thief, DOCUMENTS[0]) == "404" and f"Instance mapping for {unknown} not found" in nova.log(),
        "Nova is asked for an instance that it does not have",
    )
    assert meta_data(vm)["uuid"] == vm.port.device_id


def test_with_another_secret_nova_refuses_and_the_agent_says_so(
    cloud: Cloud, vm: Workload, nova: Nova, ask_nova: Callable[[str], None]
) -> None:
    ask_nova("another secret")
    try:
        assert [status(vm, one) for one in DOCUMENTS] == ["403"] * 3
        assert "does not match the expected signature" in nova.log()
        assert "refuses the signature" in cloud.hosts["h0"].log()
    finally:
        ask_nova(SECRET)
    assert meta_data(vm)["uuid"] == vm.port.device_id

"""VMs of a lab as a user makes them: real DHCP clients get what the API promised, and they reach each other."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.api.auth.openstack import openstack
from tests.lab.commands import lab, traces
from tests.lab.test_server import free_port
from tunbridge.cloud import NotFoundError, connect
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import from_numbers
from tunbridge.lab.qemu import PROGRAM
from tunbridge.lab.vm import CLOUD

pytestmark = pytest.mark.ovs


class Cloud:
    """A lab of two compute hosts and a network host, with a network, and its commands."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        assert lab.server is not None
        self.environ = {"OS_CLIENT_CONFIG_FILE": str(lab.server.clouds_yaml), "OS_CLOUD": CLOUD}

    def vm(self, command: str, *arguments: str, status: int = 0) -> str:
        done = lab("vm", command, "--name", self.lab.name, *arguments, **os.environ)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def add(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.vm("add", *arguments, "-f", "json"))
        return found

    def openstack(self, *commands: str) -> None:
        for status, output in openstack(self.environ, *commands):
            assert status == 0, output


@pytest.fixture(scope="module")
def lab_of_hosts(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    made = Lab(module_lab_name())
    plan = replace(from_numbers(made.name, 2, 1), server=f"127.0.0.1:{free_port()}")
    made.up(plan, lambda _part, _what: None)
    cloud = Cloud(made)
    cloud.openstack(
        "network create blue",
        "subnet create --network blue --subnet-range 10.5.0.0/24 blue4",
        "subnet create --network blue --ip-version 6 --subnet-range 2001:db8:5::/64 --ipv6-ra-mode slaac"
        " --ipv6-address-mode slaac blue6",
    )
    yield cloud
    made.down()
    assert traces(made.name) == []


@pytest.fixture
def cloud(lab_of_hosts: Cloud) -> Iterator[Cloud]:
    yield lab_of_hosts
    vms = [vm["name"] for vm in json.loads(lab_of_hosts.vm("list", "-f", "json"))]
    if vms:
        lab_of_hosts.vm("rm", *vms)


def test_two_vms_on_two_hosts_get_their_addresses_and_reach_each_other(cloud: Cloud) -> None:
    web = cloud.add("web", "--network", "blue", "--host", "compute0", "--fixed-ip", "10.5.0.40")
    db = cloud.add("db", "--network", "blue", "--host", "compute1")
    assert web.keys() == {"name", "host", "port_id", "network", "mac", "addresses", "state"}
    assert (web["name"], web["host"], web["network"], web["state"]) == ("web", "compute0", "blue", "ACTIVE")
    assert web["addresses"][0] == "10.5.0.40" and len(web["addresses"]) == len(db["addresses"]) == 2
    assert [vm["name"] for vm in json.loads(cloud.vm("list", "-f", "json"))] == ["db", "web"]
    for address in db["addresses"]:
        assert " 0% packet loss" in cloud.vm("exec", "web", "--", "ping", "-c", "3", "-i", "0.2", address)
    assert cloud.vm("exec", "web", "--", "hostname") == "web\n"
    cloud.vm("rm", "web", "db")
    assert json.loads(cloud.vm("list", "-f", "json")) == []
    for vm in (web, db):
        with connect(CLOUD, cloud.environ) as api, pytest.raises(NotFoundError):
            api.get(f"ports/{vm['port_id']}")
        host = cloud.lab.host(vm["host"])
        assert host.run("ip", "netns").stdout == "" and "tap" not in host.vsctl("list-ports", "br-int")


def test_who_does_not_wait_finds_it_later_with_its_group_and_its_shell(cloud: Cloud) -> None:
    cloud.openstack("security group create open", "security group rule create --protocol icmp open")
    made = cloud.add("web", "--network", "blue", "--host", "compute0", "--security-group", "open", "--no-wait")
    assert made["name"] == "web"

    def is_there() -> bool:
        web = status_of(cloud, "web")
        return web["state"] == "ACTIVE" and len(web["addresses"]) == 2

    wait_until(is_there, "it has its addresses")
    cloud.add("db", "--network", "blue", "--host", "compute1")
    (address,) = (a for a in status_of(cloud, "web")["addresses"] if "." in a)
    assert " 0% packet loss" in cloud.vm("exec", "db", "--", "ping", "-c", "3", "-i", "0.2", address)
    shell = lab("vm", "shell", "--name", cloud.lab.name, "web", stdin="hostname; ip addr; exit 3\n", **os.environ)
    assert shell.returncode == 3 and shell.stdout.startswith("web\n") and address in shell.stdout


def status_of(cloud: Cloud, name: str) -> dict[str, Any]:
    """What `lab vm list` says of a VM."""
    found: list[dict[str, Any]] = json.loads(cloud.vm("list", "-f", "json"))
    return next(vm for vm in found if vm["name"] == name)


def test_a_port_that_is_there_is_taken_and_stays(cloud: Cloud) -> None:
    cloud.openstack("port create --network blue mine")
    cloud.openstack("network create green")
    refused = cloud.vm("add", "web", "--network", "green", "--port", "mine", "--host", "compute1", status=1)
    assert "port mine is in network blue, not in green" in refused
    vm = cloud.add("web", "--network", "blue", "--port", "mine", "--host", "compute1")
    assert vm["state"] == "ACTIVE"
    cloud.vm("rm", "web")
    with connect(CLOUD, cloud.environ) as api:
        assert api.find("ports", "mine")["id"] == vm["port_id"]


def test_a_machine_under_qemu_gets_its_addresses_and_reaches_a_vm_on_the_other_host(cloud: Cloud) -> None:
    if missing := [command for command in (PROGRAM, "busybox", "depmod") if shutil.which(command) is None]:
        assert os.environ.get("CI") != "true", missing
        pytest.skip(f"not installed: {missing}")
    peer = cloud.add("peer", "--network", "blue", "--host", "compute1")
    machine = cloud.add("machine", "--network", "blue", "--host", "compute0", "--qemu")
    assert machine["state"] == "ACTIVE" and len(machine["addresses"]) == 2
    for address in peer["addresses"]:
        assert " 0% packet loss" in cloud.vm("exec", "machine", "--", "ping", "-c", "3", address)
    for address in machine["addresses"]:
        assert " 0% packet loss" in cloud.vm("exec", "peer", "--", "ping", "-c", "3", address)
    assert cloud.vm("exec", "machine", "--", "hostname") == "machine\n"
    tagged = ("ip", "link", "add", "link", "eth0", "name", "eth0.7", "type", "vlan", "id", "7")
    assert cloud.vm("exec", "machine", "--", *tagged) == ""
    assert "eth0.7@eth0" in cloud.vm("exec", "machine", "--", "ip", "link")
    assert cloud.vm("exec", "machine", "--", "sh", "-c", "exit 3", status=3) == ""
    assert "machine# " in (cloud.lab.host("compute0").folder / "vm" / "machine" / "console.log").read_text()
    cloud.vm("rm", "machine", "peer")
    host = cloud.lab.host("compute0")
    assert not list((host.folder / "vm").iterdir()) and "tap" not in host.vsctl("list-ports", "br-int")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("web", "--host", "compute0"), "either a network"),
        (("Web_1", "--network", "blue", "--host", "compute0"), "is not a name of a VM"),
        (("web", "--network", "red", "--host", "compute0"), "there is no network 'red'"),
        (("web", "--network", "blue", "--host", "compute7"), "has no host 'compute7'"),
        (("web", "--network", "blue", "--host", "compute0", "--security-group", "no"), "no security group 'no'"),
    ],
)
def test_what_cannot_be_made_is_told_and_leaves_nothing(cloud: Cloud, arguments: tuple[str, ...], message: str) -> None:
    assert message in cloud.vm("add", *arguments, status=1)
    assert json.loads(cloud.vm("list", "-f", "json")) == []
    assert cloud.lab.host("compute0").run("ip", "netns").stdout == ""


def test_a_vm_that_fails_half_way_is_taken_back(cloud: Cloud) -> None:
    host = cloud.lab.host("compute0")
    host.run("ip", "netns", "add", "vm-web")
    assert "File exists" in cloud.vm("add", "web", "--network", "blue", "--host", "compute0", status=1)
    with connect(CLOUD, cloud.environ) as api:
        assert [p["name"] for p in api.list("ports") if p["name"] == "web"] == []
    assert json.loads(cloud.vm("list", "-f", "json")) == []


def test_why_a_port_is_in_error_is_said_at_once_and_the_vm_is_ready_when_that_is_put_right(cloud: Cloud) -> None:
    cloud.openstack(
        "network create wire --transparent-vlan --provider-network-type vlan --provider-physical-network physnet1"
        " --provider-segment 300",
        "subnet create --network wire --subnet-range 10.6.0.0/24 wire4",
    )
    said = cloud.vm("add", "three", "--network", "wire", "--host", "network0", status=1)
    assert "is ERROR on network0: tags of VMs" in said  # and not: after 60 s
    assert said.count("other_config:vlan-limit=2") == 2  # as progress, and as the error
    assert status_of(cloud, "three")["state"] == "ERROR"
    cloud.lab.host("network0").vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
    wait_until(lambda: len(status_of(cloud, "three")["addresses"]) == 1, "it has its address")
    assert status_of(cloud, "three")["state"] == "ACTIVE"

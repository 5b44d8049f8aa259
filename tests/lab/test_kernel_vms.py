"""VMs on hosts that are kernels of their own: the kernel's datapath carries them as the one in userspace does."""

import os
import re
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.kernels import require
from tests.lab.test_server import free_port
from tests.packets.cloud import Cloud
from tunbridge.cloud import connect
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab, agent_command
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import from_numbers
from tunbridge.lab.vm import CLOUD, Vms, Wish

pytestmark = [
    pytest.mark.ovs,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("TUNBRIDGE_KERNEL_TESTS") != "all", reason="minutes in an emulated kernel: make test-kernel"
    ),
]
SAME = "10.5.0.40"


def quietly(*_: str) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def vms(module_lab_name: Callable[[], str]) -> Iterator[Vms]:
    """Networks blue and red with equal addresses; near and beside are on compute0, far and other on compute1."""
    require()
    lab = Lab(module_lab_name())
    plan = msgspec.structs.replace(from_numbers(lab.name, 2, 0), server=f"127.0.0.1:{free_port()}")
    lab.up(plan, quietly, kind="vm")
    made = Vms(lab)
    assert lab.server is not None
    with connect(CLOUD, {"OS_CLIENT_CONFIG_FILE": str(lab.server.clouds_yaml)}) as cloud:
        for name in ("blue", "red"):
            network = cloud.create("networks", name=name)["id"]
            cloud.create("subnets", network_id=network, ip_version=4, cidr="10.5.0.0/24")
            slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
            cloud.create("subnets", network_id=network, ip_version=6, cidr="2001:db8:5::/64", **slaac)
    for name, host, network, ips in (
        ("near", "compute0", "blue", ()), ("beside", "compute0", "blue", ()), ("far", "compute1", "blue", (SAME,)),
        ("other", "compute1", "red", (SAME,)),
    ):  # fmt: skip
        made.add(Wish(name=name, host=host, network=network, fixed_ips=ips), quietly)
    yield made


def test_they_have_the_addresses_that_were_promised_and_reach_each_other(vms: Vms) -> None:
    statuses = {vm.name: vm for vm in vms.statuses()}
    assert {vm.state for vm in statuses.values()} == {"ACTIVE"}
    for name in ("far", "beside"):
        assert len(statuses[name].addresses) == 2
        for address in statuses[name].addresses:
            assert " 0% packet loss" in vms.run("near", "ping", "-c3", "-i0.2", "-W5", address)


def test_packets_at_the_mtu_pass_and_larger_ones_do_not(vms: Vms) -> None:
    assert " 0% packet loss" in vms.run("near", "ping", "-c2", "-W5", "-M", "do", "-s", str(1450 - 28), SAME)
    with pytest.raises(LabError):
        vms.run("near", "ping", "-c2", "-W5", "-M", "do", "-s", str(1450 - 27), SAME)


def test_networks_with_equal_addresses_do_not_meet_and_addresses_cannot_be_made_up(vms: Vms) -> None:
    vms.run("far", "ip", "link", "set", "eth0", "down")
    with pytest.raises(LabError):
        vms.run("near", "ping", "-c2", "-W2", SAME)  # the one in the other network is up
    vms.run("far", "ip", "link", "set", "eth0", "up")
    vms.run("near", "ip", "addr", "add", "10.5.0.99/24", "dev", "eth0")
    with pytest.raises(LabError):
        vms.run("near", "ping", "-c2", "-W2", "-I", "10.5.0.99", SAME)
    assert " 0% packet loss" in vms.run("near", "ping", "-c2", "-W5", SAME)


def test_no_packet_is_lost_when_the_agent_is_killed_and_started(vms: Vms) -> None:
    host = vms.lab.host("compute0")
    log = "/run/vm/near/ping"
    vms.run("near", "sh", "-c", f"ping -i 0.05 {SAME} > {log} 2>&1 & echo $! > {log}.pid")
    host.kill("agent")
    host.start_agent(agent_command())
    host.run("sh", "-c", f"kill -INT $(cat {log}.pid)")
    told = host.run("sh", "-c", f"sleep 1; cat {log}").stdout
    found = re.search(r"(\d+) packets transmitted, (\d+) received", told)
    assert found is not None and int(found[2]) > 100, told[-500:]
    assert int(found[1]) - int(found[2]) <= 1, found[0]  # one may be under way when it is ended


def test_what_security_groups_allow_and_drop_is_logged(vms: Vms) -> None:
    far = next(vm for vm in vms.statuses() if vm.name == "far")
    body = {"resource_type": "security_group", "target_id": far.port_id}
    made = Cloud(vms.lab).network.post("/log/logs", json={"log": body}).json()["log"]
    host = vms.lab.host("compute1")
    wait_until(lambda: "in_port" in host.run("ovs-ofctl", "dump-flows", "br-int", "table=99").stdout, "it logs", 60)
    vms.run("near", "ping", "-c3", "-W5", SAME)

    def lines() -> list[str]:
        return [line for line in host.agent_log(1000).splitlines() if made["id"] in line and "dst=10.5.0.40" in line]

    wait_until(lambda: lines() != [], "a line", 60)
    (line,) = lines()  # of three packets of one connection
    assert "action=ACCEPT direction=ingress" in line and "protocol=icmp" in line

"""In a kernel's datapath a NIC keeps a port its minimum bandwidth, whatever another port sends (`linux-htb`)."""

import re
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.kernels import EVERY_KERNEL_TEST, TAKES_LONG, require
from tests.lab.test_server import free_port
from tests.packets.cloud import Cloud
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import from_numbers
from tunbridge.lab.vm import Vms, Wish

pytestmark = [
    pytest.mark.ovs,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not EVERY_KERNEL_TEST, reason=TAKES_LONG),
]
NIC_KBPS, KEPT_KBPS, OFFERED_KBPS = 100, 80, 200
"""Little enough for an emulated kernel."""
WINDOW_S = 15
RATES = f'resource_provider_bandwidths = {{ "br-ex" = {{ egress = {NIC_KBPS} }} }}'
SEND = f"""
import socket, time
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while True:
    while sent < (time.monotonic() - began) * {OFFERED_KBPS * 1000 / 8 / 1242}:
        to.sendto(b"x" * 1200, ("10.30.0.1", 7000))
        sent += 1
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def vms(module_lab_name: Callable[[], str]) -> Iterator[Vms]:
    """`gold` and `other` send more than the NIC of their host may; `gold` has a policy without rules."""
    require()
    lab = Lab(module_lab_name())
    plan = msgspec.structs.replace(from_numbers(lab.name, 0, 1), server=f"127.0.0.1:{free_port()}")
    lab.up(plan, lambda _part, _what: None, kind="vm")
    cloud = Cloud(lab)
    made = Vms(lab)
    network = cloud.make_network(
        "flat", "10.30.0.0/24", provider_network_type="flat", provider_physical_network="physnet1"
    )
    assert network.id
    for name in ("gold", "other"):
        made.add(Wish(name=name, host="network0", network="flat", fixed_ips=()), lambda *_: None)
    cloud.outside("ip", "addr", "add", "10.30.0.1/24", "dev", "phys0")
    host = lab.host("network0")
    host.run("sed", "-i", f"s/^resource_provider_bandwidths.*/{RATES}/", "/etc/tunbridge/agent.toml")
    host.run("sh", "-c", "kill -HUP $(cat /run/agent.pid)")
    for name in ("gold", "other"):
        made.run(name, "sh", "-c", f"python3 -c '{SEND}' > /run/vm/{name}/sent 2>&1 &")
    yield made


def queues(vms: Vms) -> dict[str, int]:
    """Bytes that each class of the NIC's queue discipline has sent: minor number -> bytes; none without one."""
    told = vms.lab.host("network0").run("tc", "-s", "class", "show", "dev", "eth1").stdout
    found = re.findall(r"^class htb 1:(\w+) .*\n Sent (\d+) bytes", told, re.MULTILINE)
    return {minor: int(count) for minor, count in found}


def test_a_port_has_what_is_kept_for_it_and_the_other_the_rest(vms: Vms) -> None:
    cloud = Cloud(vms.lab)
    gold = next(vm for vm in vms.statuses() if vm.name == "gold")
    assert queues(vms) == {}
    policy = cloud.network.create_qos_policy(name="gold")
    cloud.network.create_qos_minimum_bandwidth_rule(policy, min_kbps=KEPT_KBPS, direction="egress")
    cloud.network.update_port(gold.port_id, qos_policy_id=policy.id)
    wait_until(lambda: len(queues(vms)) == 3, "the root, the queue of everybody, and that of the port", 60)
    mine = (queues(vms).keys() - {"1", "fffe"}).pop()
    time.sleep(5)  # both have something to send by then
    began, before = time.monotonic(), queues(vms)
    time.sleep(WINDOW_S)
    took, after = time.monotonic() - began, queues(vms)
    kbps = {name: (after[name] - before[name]) * 8 / took / 1000 for name in (mine, "1")}
    # Of each other: an emulated kernel's clock stands still now and then. 80 to 20 is 4 times.
    assert 0 < kbps["1"] * 3 <= kbps[mine], kbps
    assert sum(kbps.values()) <= 1.1 * NIC_KBPS, kbps
    cloud.network.update_port(gold.port_id, qos_policy_id=None)
    wait_until(lambda: queues(vms) == {}, "the NIC is as it was", 60)
    host = vms.lab.host("network0")
    assert host.run("ovs-vsctl", "list", "qos").stdout == host.run("ovs-vsctl", "list", "queue").stdout == ""

"""Nothing leaks before a network exists: real packets of workloads, of tunnels and of the outside."""

import re
import time

import pytest

from tests.agent.hosts import PHYSNET, Wired
from tests.conftest import MakeLab
from tunbridge.lab import namespaces
from tunbridge.lab.host import wait_until
from tunbridge.lab.machine import NamespaceMachine

pytestmark = pytest.mark.ovs
KINDS = ("namespace", "vm")


@pytest.fixture
def pair(make_lab: MakeLab) -> tuple[Wired, Wired]:
    lab = make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27", compute0="10.0.0.25")
    made = Wired(lab, "compute0"), Wired(lab, "network0")
    for host in made:
        host.start()
    return made


class Workload:
    """A namespace with a veth whose other end is in br-int; in a kernel of its own, a namespace there."""

    def __init__(self, host: Wired, name: str, address: str) -> None:
        self.host = host
        self.is_inside = not isinstance(host.host.machine, NamespaceMachine)
        self.namespace = name if self.is_inside else namespaces.namespace(host.lab.name, f"vm{name}")
        if self.is_inside:
            self.ip("netns", "add", self.namespace)
            self.ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        else:
            namespaces.add(self.namespace)
            veth = ("type", "veth", "peer", "name", name, "netns", host.host.namespace)
            self.ip("-n", self.namespace, "link", "add", "eth0", *veth)
        self.ip("netns", "exec", self.namespace, "ethtool", "-K", "eth0", "tx", "off")
        self.ip("-n", self.namespace, "addr", "add", address, "dev", "eth0")
        self.ip("-n", self.namespace, "link", "set", "eth0", "up")
        # The host itself must send nothing by its end: its neighbour discovery would be counted with what leaks.
        host.host.run("ip", "link", "set", name, "addrgenmode", "none")
        host.host.run("ip", "link", "set", name, "up")
        host.host.vsctl("add-port", "br-int", name)

    def ip(self, *arguments: str, check: bool = True) -> int:
        run = self.host.host.run if self.is_inside else namespaces.run
        return run("ip", *arguments, check=check).returncode

    def reaches(self, address: str) -> bool:
        return self.ip("netns", "exec", self.namespace, *_PING, address, check=False) == 0


_PING = ("ping", "-c2", "-i0.2", "-W1")


def reaches(namespace: str, address: str) -> bool:
    return namespaces.run("ip", "netns", "exec", namespace, *_PING, address, check=False).returncode == 0


def sent(host: Wired, bridge: str, port: str) -> int:
    """How many packets a bridge has sent out of a port."""
    text = host.host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-ports", bridge, port).stdout
    match = re.search(r"tx pkts=(\d+)", text)
    assert match is not None
    return int(match[1])


@pytest.mark.kernel_too
def test_workloads_without_a_network_reach_nobody(pair: tuple[Wired, Wired]) -> None:
    compute, network = pair
    one, two = Workload(compute, "tapone", "192.168.1.1/24"), Workload(compute, "taptwo", "192.168.1.2/24")
    Workload(network, "tapthree", "192.168.1.3/24")
    assert not one.reaches("192.168.1.2")
    assert not one.reaches("192.168.1.3")
    assert not two.reaches("192.168.1.255")
    assert sent(compute, "br-int", "patch-tun") == 0
    assert sent(compute, "br-tun", "vxlan-0a00001b") == 0
    # The same wires do carry packets once a flow says so: it is our flows that stop them.
    compute.ofctl("add-flow", "br-int", "table=0,priority=9,actions=NORMAL")
    wait_until(lambda: one.reaches("192.168.1.2"), "with NORMAL in br-int the one reaches the other", 15)


def test_the_outside_reaches_no_workload_and_no_tunnel(pair: tuple[Wired, Wired]) -> None:
    _, network = pair
    Workload(network, "tapthree", "203.0.113.3/24")
    outside = namespaces.namespace(network.lab.name, "outside")
    assert not reaches(outside, "203.0.113.3")
    there = network.ofctl("--names", "dump-flows", "br-int", "table=0").splitlines()
    dropped = [f for f in there if 'in_port="int-br-eth1"' in f]
    assert len(dropped) == 1
    assert "n_packets=0," not in dropped[0], "what came from the physical network is counted where it is dropped"
    assert sent(network, "br-int", "tapthree") == 0
    assert sent(network, "br-int", "patch-tun") == 0


def test_what_comes_out_of_a_tunnel_with_an_unknown_key_goes_nowhere(pair: tuple[Wired, Wired]) -> None:
    compute, network = pair
    compute.ofctl(
        "add-flow", "br-tun", "table=0,priority=9,in_port=LOCAL,actions=set_field:7->tun_id,output:vxlan-0a00001b"
    )
    compute.host.run("ip", "link", "set", "br-tun", "up")
    compute.host.run("ip", "addr", "add", "192.168.9.1/24", "dev", "br-tun")
    before = sent(network, "br-tun", "patch-int")
    compute.host.run("ping", "-c3", "-i0.2", "-W1", "192.168.9.2", check=False)
    assert sent(compute, "br-tun", "vxlan-0a00001b") > 0

    def came() -> bool:
        return any(
            "n_packets=0," not in line for line in network.ofctl("dump-flows", "br-tun", "table=4").splitlines()[1:]
        )

    wait_until(came, "the other host has dropped it in table 4")
    assert sent(network, "br-tun", "patch-int") == before


def test_at_rest_the_agent_does_nothing(pair: tuple[Wired, Wired]) -> None:
    """Woken by events, it does not poll: in 12 s only the probes of four or five connections wake it."""
    _, network = pair
    network.until_connected()
    pid = network.host.pid("agent")
    time.sleep(6)
    before = switches(network, pid)
    time.sleep(12)
    assert switches(network, pid) - before < 60


def switches(host: Wired, pid: int | None) -> int:
    """How often a process of a host has gone to sleep so far."""
    status = host.read(f"/proc/{pid}/status")
    match = re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status)
    assert match is not None
    return int(match[1])

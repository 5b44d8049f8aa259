"""Every address of a router, from VMs of both its subnets on both hosts and from outside; and while agents restart."""

import itertools
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.site import PEER6, REMOTE, REMOTE6, Site
from tests.packets.sockets import Wire, wire
from tunbridge.dataplane.addresses import link_local
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
TRACEROUTE = """
import socket, struct, sys
def hops(target):
    six = ':' in target
    for limit in range(1, 6):
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        level, errors, ttl = (41, 25, 16) if six else (0, 11, 2)  # IPV6_RECVERR, IPV6_UNICAST_HOPS; IP_RECVERR, IP_TTL
        s.setsockopt(level, errors, 1)
        s.setsockopt(level, ttl, limit)
        s.connect((target, 33434))
        s.send(b'where')
        try:
            s.recv(99)
        except OSError as e:
            if isinstance(e, TimeoutError):
                return (yield '*')
        told = s.recvmsg(99, 999, 0x2000)[1][0][2]  # MSG_ERRQUEUE: sock_extended_err, and who told (ip(7))
        yield socket.inet_ntop(s.family, told[24:40] if six else told[20:24])
        if struct.unpack_from('I', told)[0] == 111:  # ECONNREFUSED: it is there
            return
for target in sys.argv[1:]:
    print(target, *hops(target), flush=True)
"""
"""As traceroute does it: UDP to a closed port, each time with one hop more."""


class Routed(Site):
    """With a second network on the router, and a VM of it on each host."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.red = cloud.make_network("red", None)
        slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        pool = cloud.network.find_subnet_pool("six").id
        made = [
            cloud.make_subnet(self.red, "10.6.0.0/24"),
            cloud.make_subnet(self.red, "2001:db8:6::/64", subnet_pool_id=pool, **slaac),
        ]
        for subnet in made:
            cloud.network.add_interface_to_router(self.router, subnet_id=subnet.id)
        blue = sorted(cloud.network.subnets(network_id=self.blue.id), key=lambda subnet: subnet.ip_version)
        self.inside = {name: [subnet.gateway_ip for subnet in of] for name, of in (("blue", blue), ("red", made))}
        self.reds = {host: self._red(host) for host in cloud.hosts}

    def _red(self, host: str) -> Workload:
        made = self.cloud.vm(host, self.red, address=False, security_groups=[self.group.id])
        made.ip("addr", "add", f"{made.address}/24", "dev", "eth0")
        made.ip("route", "add", "default", "via", "10.6.0.1")
        return made

    def everyone(self) -> Iterator[tuple[str, Workload]]:
        """Name of a network, and a VM of it."""
        yield from (("blue", vm) for vm in self.vms.values())
        yield from (("red", vm) for vm in self.reds.values())


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Routed:
    """Only h0 has a bridge to the outside."""
    made = Routed(make_cloud(module_lab_name(), apart=["h1"]))
    (own,) = (address for address in made.gateway_ips() if ":" in address)
    for prefix in ("2001:db8:5::/64", "2001:db8:6::/64"):
        made.cloud.outside("ip", "route", "add", prefix, "via", own)
    for _, vm in made.everyone():
        assert vm.reaches(REMOTE)
        assert vm.reaches(REMOTE6, seconds=10)  # its address is its own by then
    return made


def test_every_address_of_the_router_answers_everybody(site: Routed) -> None:
    """Also with a TTL of 1: to the router it is no hop."""
    addresses = [*site.inside["blue"], *site.inside["red"], *site.gateway_ips()]
    for name, vm in site.everyone():
        for address in addresses:
            assert vm.reaches(address, "-t1"), (name, vm.host.host.name, address)
    inside6 = [address for of in site.inside.values() for address in of if ":" in address]
    for address in (*site.gateway_ips(), *inside6):
        ping = ("ping", "-c1", "-W5", address)
        assert site.cloud.outside(*ping, check=False).returncode == 0, address


def test_traceroute_shows_the_router_and_ends_at_its_addresses(site: Routed) -> None:
    for name, vm in site.everyone():
        first, first6 = site.inside[name]
        far = next(other for other_name, other in site.everyone() if other_name != name)
        expected = {
            far.address: [first, far.address],
            far.address6: [first6, far.address6],
            REMOTE: [first, REMOTE],
            REMOTE6: [first6, REMOTE6],
            PEER6: [first6, PEER6],
        }
        for address in (*site.inside["blue"], *site.inside["red"], *site.gateway_ips()):
            expected[address] = [address]
        lines = vm.run(sys.executable, "-c", TRACEROUTE, *expected).stdout.splitlines()
        found = {target: hops for target, *hops in map(str.split, lines)}
        assert found == expected, (name, vm.host.host.name)


ALL_ROUTERS = "ff02::2"
EVERY_S = 0.1


class Solicitor:
    """A VM that asks ten times a second for a router, and whether the router has its addresses."""

    def __init__(self, vm: Workload, router: str, mac: str) -> None:
        own = link_local(vm.mac)
        every = Ether(src=vm.mac, dst="33:33:00:00:00:02") / IPv6(src=own, dst=ALL_ROUTERS, hlim=255)
        there = Ether(src=vm.mac, dst=mac) / IPv6(src=own, dst=router, hlim=255)
        source = ICMPv6NDOptSrcLLAddr(lladdr=vm.mac)
        self._requests = [bytes(every / ICMPv6ND_RS() / source), bytes(there / ICMPv6ND_NS(tgt=router) / source)]
        self._target = socket.inet_pton(socket.AF_INET6, router)
        self.answered: dict[int, list[float]] = {134: [], 136: []}
        """ICMPv6 type of an answer -> when those came in whose question was answered before the next one."""
        self._vm = vm
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with wire(self._vm) as opened:
            while not self._ending.is_set():
                due = time.monotonic() + EVERY_S
                opened.send(*self._requests)
                self._hear(opened, due)

    def _hear(self, opened: Wire, until: float) -> None:
        missing = set(self.answered)
        while (left := until - time.monotonic()) > 0:
            for frame in opened.seen(lambda _: True, left):
                kind = self._kind(frame)
                if kind in missing:
                    missing.remove(kind)
                    self.answered[kind].append(time.monotonic())

    def _kind(self, frame: bytes) -> int:
        """Type of a router or neighbour advertisement to the VM; 0 for any other frame."""
        if len(frame) < 78 or frame[12:14] != b"\x86\xdd" or frame[20] != socket.IPPROTO_ICMPV6:
            return 0
        to_all = frame[38:40] == b"\xff\x02"
        is_asked = not to_all if frame[54] == 134 else frame[54] == 136 and frame[62:78] == self._target
        return frame[54] if is_asked else 0

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    def gaps(self) -> dict[int, float]:
        """Kind of answer -> the longest time between two, in seconds."""
        return {
            kind: max(later - earlier for earlier, later in itertools.pairwise(times))
            for kind, times in self.answered.items()
        }


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_agent_that_restarts_answers_solicitations_again(site: Routed, how: signal.Signals) -> None:
    """Prints for how long none was answered: `docs/routing.md` has the figure."""
    vm = site.vms["h1"]
    address = next(gateway for gateway in site.inside["blue"] if ":" in gateway)
    port = next(p for p in site.cloud.network.ports(network_id=site.blue.id) if any(
        ip["ip_address"] == address for ip in p.fixed_ips))  # fmt: skip
    host = site.cloud.hosts["h1"].host
    asked = Solicitor(vm, address, port.mac_address)
    try:
        time.sleep(1)
        host.kill("agent", how)
        host.start_agent(agent_command())
        started = time.monotonic()
        both = asked.answered.values()
        wait_until(lambda: all(times and times[-1] > started for times in both), "both are answered", 5)
        time.sleep(1)
    finally:
        asked.end()
    print(f"agent ended by {how.name} and started: longest time without an answer, in seconds, {asked.gaps()}")

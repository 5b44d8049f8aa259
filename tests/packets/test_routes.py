"""Routers seen from afar: errors that outsiders and other hosts are told, several next hops, addresses that move."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.packets.cloud import PING_S, Cloud, Workload, ping_during, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.site import REMOTE, REMOTE6, Site

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=3, preview=True, apart=["h2"])


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Site:
    """With a route from outside to the VMs' IPv6 prefix."""
    made = Site(cloud)
    (own,) = [address for address in made.gateway_ips() if ":" in address]
    cloud.outside("ip", "route", "add", "2001:db8:5::/64", "via", own)
    for vm in made.vms.values():
        assert vm.reaches(REMOTE)
        assert vm.reaches(REMOTE6, seconds=8)
    return made


def outside(site: Site, *argv: str) -> str:
    """What a command outside prints."""
    return str(site.cloud.outside(*argv, check=False).stdout)


@pytest.mark.parametrize("host", ["h0", "h2"])
def test_an_outsider_is_told_of_what_is_too_big_for_a_vms_network(site: Site, host: str) -> None:
    """To a floating IP where its VM is, and to one on the gateway host; by IPv6 to the VM itself."""
    floating, vm = site.floating(site.vms[host]), site.vms[host]
    assert site.reached(floating.floating_ip_address)
    address, mtu = floating.floating_ip_address, site.blue.mtu
    big = ("ping", "-c1", "-W2", "-M", "do", "-s")
    assert f"From {address} icmp_seq=1 Frag needed and DF set (mtu = {mtu})" in outside(site, *big, "1472", address)
    assert "1 received" in outside(site, *big, str(mtu - 28), address)
    assert f"Packet too big: mtu={mtu}" in outside(site, *big, "1452", vm.address6)
    assert "1 received" in outside(site, *big, str(mtu - 48), vm.address6)
    site.cloud.network.delete_ip(floating)
    site.cloud.outside("ip", "route", "flush", "cache")


SEND_BIG = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('{REMOTE}', 9100))
s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER: always
print('up', flush=True)
_, asker = s.recvfrom(9)
s.connect(asker)
s.send(bytes(1472))
s.settimeout(5)
s.connect(asker)
try:
    print(s.recv(9))
except OSError as e:
    print(e.strerror, s.getsockopt(socket.IPPROTO_IP, 14), flush=True)  # IP_MTU
"""


@pytest.mark.parametrize("host", ["h0", "h1", "h2"])
def test_a_server_outside_that_answers_a_vm_with_too_much_is_told(site: Site, host: str) -> None:
    """Through the translation to the router's address."""
    command = ("ip", "netns", "exec", site.cloud.lab.outside, sys.executable, "-c", SEND_BIG)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        assert server.stdout.readline().strip() == "up"
        ask = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('{REMOTE}', 9100))"
        site.vms[host].python(ask)
        assert server.stdout.readline().strip() == f"Message too long {site.blue.mtu}"
    finally:
        server.kill()
        server.communicate()
        site.cloud.outside("ip", "route", "flush", "cache")


@pytest.mark.parametrize("host", ["h0", "h2"])
def test_traceroute_from_outside_shows_the_router(site: Site, host: str) -> None:
    floating = site.floating(site.vms[host])
    address = floating.floating_ip_address
    assert site.reached(address)
    assert f"From {address} icmp_seq=1 Time to live exceeded" in outside(site, "ping", "-c1", "-W2", "-t1", address)
    assert "1 received" in outside(site, "ping", "-c1", "-W2", "-t2", address)
    (own,) = [one for one in site.gateway_ips() if ":" in one]
    said = outside(site, "ping", "-c1", "-W2", "-t1", site.vms[host].address6)
    assert f"From {own} icmp_seq=1 Time exceeded: Hop limit" in said
    site.cloud.network.delete_ip(floating)


def test_what_does_not_exist_outside_is_told_on_every_host(site: Site) -> None:
    for host, vm in site.vms.items():
        assert "Destination Host Unreachable" in vm.run("ping", "-c1", "-W5", "203.0.113.200", check=False).stdout, host
        told = vm.run("ping", "-c1", "-W5", "2001:db8:f::200", check=False).stdout
        assert "Address unreachable" in told, host


def test_an_outsider_is_told_of_a_vm_that_does_not_exist(site: Site) -> None:
    said = outside(site, "ping", "-c1", "-W3", "2001:db8:5::dead")
    assert "Destination unreachable: Address unreachable" in said


# Addresses that several VMs may have

ANNOUNCE = """
import socket
mac, address = bytes.fromhex('{mac}'.replace(':', '')), socket.inet_aton('{address}')
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
head = b'\\xff' * 6 + mac + bytes.fromhex('08060001080006040001')
s.send(head + mac + address + bytes(6) + address)
"""


class Vip:
    """An address of a port that is bound nowhere, which VMs of blue may take; VMs of green are behind the router."""

    def __init__(self, site: Site) -> None:
        self.site = site
        network = site.cloud.network
        self.green = site.cloud.make_network("green", None)
        subnet = site.cloud.make_subnet(self.green, "10.6.0.0/24")
        network.add_interface_to_router(site.router, subnet_id=subnet.id)
        self.port = site.cloud.make_port(site.blue, name="vip")
        self.address = next(str(ip["ip_address"]) for ip in self.port.fixed_ips if "." in ip["ip_address"])
        for vm in site.vms.values():
            network.update_port(vm.port.id, allowed_address_pairs=[{"ip_address": self.address}])
        self.clients = {host: self._client(host) for host in site.cloud.hosts}
        self.holder: Workload | None = None

    def _client(self, host: str) -> Workload:
        made = self.site.cloud.vm(host, self.green, address=False, security_groups=[self.site.group.id])
        made.ip("addr", "add", f"{made.address}/24", "dev", "eth0")
        made.ip("route", "add", "default", "via", "10.6.0.1")
        return made

    def take(self, host: str, announced: bool = True) -> None:
        """Give it to the VM of a host, as keepalived does: the other one does not answer any more."""
        if self.holder is not None:
            self.holder.ip("addr", "del", f"{self.address}/32", "dev", "eth0")
        self.holder = self.site.vms[host]
        self.holder.ip("addr", "add", f"{self.address}/32", "dev", "eth0")
        if announced:
            self.holder.python(ANNOUNCE.format(mac=self.holder.mac, address=self.address))


@pytest.fixture(scope="module")
def vip(site: Site) -> Vip:
    return Vip(site)


def test_an_address_that_moves_between_vms_is_followed(vip: Vip) -> None:
    for host in ("h0", "h1", "h2", "h0"):
        vip.take(host)
        for client in vip.clients.values():
            assert client.reaches(vip.address, seconds=3.0), host


def test_a_floating_ip_follows_its_address_from_vm_to_vm(vip: Vip) -> None:
    """It leads to a port that is bound nowhere: on a host with the bridge there, else on the gateway host."""
    site = vip.site
    floating = site.cloud.network.create_ip(floating_network_id=site.external.id, port_id=vip.port.id)
    address = floating.floating_ip_address
    for host in ("h1", "h2", "h0"):
        vip.take(host)
        assert site.reached(address), host
        site.wait(floating, "ACTIVE")
    site.cloud.network.delete_ip(floating)


def test_who_has_the_address_is_asked_where_nobody_announces_it(vip: Vip) -> None:
    vip.take("h1", announced=False)
    assert vip.clients["h2"].reaches(vip.address, seconds=30)


def test_a_restart_of_agents_keeps_the_address(vip: Vip) -> None:
    vip.take("h1")
    assert vip.clients["h2"].reaches(vip.address)
    for host in ("h1", "h2"):
        got, lost = ping_during(vip.clients["h2"], vip.address, vip.site.cloud.hosts[host].restart)
        assert got > 0.5 / PING_S
        assert lost <= 2


def test_a_route_by_an_address_that_moves(vip: Vip) -> None:
    network, site = vip.site.cloud.network, vip.site
    for vm in site.vms.values():
        network.update_port(
            vm.port.id, allowed_address_pairs=[{"ip_address": vip.address}, {"ip_address": "172.16.9.0/24"}]
        )
        vm.ip("addr", "add", "172.16.9.1/32", "dev", "lo")
    network.update_router(site.router, routes=[{"destination": "172.16.9.0/24", "nexthop": vip.address}])
    for host in ("h2", "h0"):
        vip.take(host)
        site.vms[host].run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")
        for other in {"h0", "h1", "h2"} - {host}:
            site.vms[other].run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        assert vip.clients["h1"].reaches("172.16.9.1", seconds=2), host
    for vm in site.vms.values():
        vm.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")
    network.update_router(site.router, routes=[])


# Several next hops


def test_several_next_hops_share_the_packets_and_one_that_goes_is_left(vip: Vip) -> None:
    """Each VM of blue has a service address behind it; who answers says which way a packet went."""
    site, network, client = vip.site, vip.site.cloud.network, vip.clients["h2"]
    targets = [f"172.17.0.{n}" for n in range(1, 25)]
    for vm in site.vms.values():
        network.update_port(vm.port.id, allowed_address_pairs=[{"ip_address": "172.17.0.0/24"}])
        vm.ip("addr", "add", "172.17.0.0/24", "dev", "lo")
    hops = [vm.address for vm in site.vms.values()]
    network.update_router(site.router, routes=[{"destination": "172.17.0.0/24", "nexthop": hop} for hop in hops])
    assert client.reaches(targets[0])
    first = _ways(site, client, targets)
    assert set(first.values()) == set(site.vms), first
    gone = site.vms["h1"]
    gone.detach()
    gone.wait_down()
    second = _ways(site, client, targets)
    assert set(second.values()) == {"h0", "h2"}
    kept = {target: host for target, host in first.items() if host != "h1"}
    changed = [target for target, host in kept.items() if second[target] != host]
    assert len(changed) <= len(kept) // 4, (first, second)
    gone.attach(gone.port.id)
    gone.wait_active()
    wait_until(lambda: _ways(site, client, targets) == first, "each goes the way that it went")  # datapaths have caches
    network.update_router(site.router, routes=[])


def _ways(site: Site, client: Workload, targets: list[str]) -> dict[str, str]:
    """Target -> the host of the VM that a ping to it came to."""
    before = {host: _received(vm) for host, vm in site.vms.items()}
    found = {}
    for target in targets:
        assert client.reaches(target, seconds=2), target
        now = {host: _received(vm) for host, vm in site.vms.items()}
        (found[target],) = [host for host in now if now[host] != before[host]]
        before = now
    return found


def _received(vm: Workload) -> int:
    """Echo requests that it has received."""
    lines = [line.split() for line in vm.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Icmp:")]
    return int(dict(zip(*lines, strict=True))["InEchos"])

"""A router with gateways to two external networks, on two provider bridges: what leaves and comes in by which of them.

The machine outside is the physical router of both networks, and has a server behind it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from tests.packets import file_servers
from tests.packets.cloud import KERNELS, PING_S, SLOWNESS, Cloud, Ping, Workload, ping_during, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.file_servers import ACTIVE, PASSIVE, fetched
from tests.packets.site import Behind, running
from tests.packets.streams import Talk
from tunbridge.agent.config import Provider
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs
REMOTE, REMOTE6 = "192.0.2.7", "2001:db8:99::7"
"""A server behind the physical router, which serves as that too."""
MORE = [f"192.0.2.{number}" for number in range(64, 112)]
MORE6 = [f"2001:db8:99::{number:x}" for number in range(64, 112)]
"""More addresses of it."""
GATEWAYS = ("203.0.113.1", "198.51.100.1")
GATEWAYS6 = ("2001:db8:a::1", "2001:db8:b::1")
DEVICES = ("phys0", "phys1")
KINDS: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
SERVE = """
import socket
s = socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True)
print('up', flush=True)
while True:
    c, who = s.accept()
    c.sendall((who[0].removeprefix('::ffff:') + ' ' + socket.gethostname()).encode())
    c.close()
"""
"""Tells who asks, by the address that it sees."""
ASK = """
import socket, sys
for address in sys.argv[2:]:
    try:
        with socket.create_connection((address, int(sys.argv[1])), 3) as c:
            c.settimeout(10)
            print(c.recv(100).decode().split()[0])
    except OSError as e:
        print(type(e).__name__)
"""
ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 7007))
print('up', flush=True)
while True:
    _, who = s.recvfrom(100)
    s.sendto(who[0].encode(), who)
"""
"""The same by UDP."""
ASK_UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.bind((sys.argv[1], 0))
s.sendto(b'?', (sys.argv[2], int(sys.argv[3])))
print(s.recv(100).decode())
"""


class Site(Behind):
    """The router, its networks, and a VM on each host; h0 and h1 have both bridges, h2 has none."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.external = [self._external(number) for number in (0, 1)]
        self.router = cloud.network.create_router(name="r")
        self.set(self.external[0], self.external[1])
        super().__init__(cloud, self.router)

    def _external(self, number: int) -> Any:
        flat = {"provider_network_type": "flat", "provider_physical_network": f"physnet{number + 1}"}
        made = self.cloud.make_network(f"ext{number}", None, is_router_external=True, **flat)
        for gateway, length in ((GATEWAYS[number], 24), (GATEWAYS6[number], 64)):
            cidr = f"{gateway.removesuffix('1') + '0' if '.' in gateway else gateway.removesuffix('1')}/{length}"
            self.cloud.make_subnet(made, cidr, gateway_ip=gateway, is_dhcp_enabled=False)
        return made

    def act(self, verb: str, *gateways: dict[str, Any]) -> list[dict[str, Any]]:
        """Add, update or remove gateways; gives what there are now."""
        call = getattr(self.cloud.network, f"{verb}_external_gateways")
        call(self.router, body={"router": {"external_gateways": list(gateways)}})
        return self.gateways()

    def gateways(self) -> list[dict[str, Any]]:
        found = self.cloud.network.get(f"/routers/{self.router.id}").json()["router"]
        return list(found["external_gateways"])

    def set(self, *networks: Any) -> None:
        self.act("update", *({"network_id": one.id} for one in networks))

    def own(self, number: int, version: int = 4) -> str:
        """The router's address on an external network."""
        (found,) = [g for g in self.gateways() if g["network_id"] == self.external[number].id]
        return next(
            str(ip["ip_address"]) for ip in found["external_fixed_ips"] if (":" in ip["ip_address"]) == (version == 6)
        )

    def share(self, on: bool) -> None:
        """Whether the default route is by both."""
        self.cloud.network.put(f"/routers/{self.router.id}", json={"router": {"enable_default_route_ecmp": on}})

    def outside(self, *argv: str) -> str:
        return str(self.cloud.outside(*argv, check=False).stdout)

    def answers(self, address: str, source: str = REMOTE) -> bool:
        """Whether an address answers the machine outside, within some seconds."""
        deadline = time.monotonic() + 6 * SLOWNESS
        while time.monotonic() < deadline:
            if "1 received" in self.outside("ping", "-c1", "-W1", "-I", source, address):
                return True
        return False

    def forward(self, floating: Any, vm: Workload, **ports: Any) -> None:
        """Have ports of a floating IP lead to a VM."""
        inside = {"internal_port_id": vm.port.id, "internal_ip_address": vm.address}
        self.cloud.network.create_floating_ip_port_forwarding(floating, **inside, **ports)

    def delete(self, floating: Any) -> None:
        """Delete a floating IP with its port forwardings."""
        network = self.cloud.network
        for one in network.floating_ip_port_forwardings(floating.id):
            network.delete_floating_ip_port_forwarding(floating.id, one.id)
        network.delete_ip(floating)

    def received(self) -> list[int]:
        """Packets that came in from each of the networks."""
        paths = [f"/sys/class/net/{device}/statistics/rx_packets" for device in DEVICES]
        return [int(self.outside("cat", path)) for path in paths]

    def shares(self, seconds: float) -> list[float]:
        """Which part of the packets of some time came in from each of the networks."""
        before = self.received()
        time.sleep(seconds * SLOWNESS)
        came = [now - then for now, then in zip(self.received(), before, strict=True)]
        return [number / max(1, sum(came)) for number in came]


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    more = {"physnet2": Provider(bridge="br-eth2", nics=["eth2"])}
    made = make_cloud(module_lab_name(), hosts=3, apart=["h2"], more=more)
    made.outside("ip", "link", "set", "lo", "up")
    for address in (*(f"{one}/32" for one in (REMOTE, *MORE)), *(f"{one}/128" for one in (REMOTE6, *MORE6))):
        made.outside("ip", "addr", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    for device, address in zip(DEVICES, GATEWAYS6, strict=True):
        made.outside("ip", "addr", "add", f"{address}/64", "dev", device, "nodad")
    namespaces.set_ipv4(made.lab.outside, "ip_forward", 1)
    yield made


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Iterator[Site]:
    made = Site(cloud)
    with running([made.start_outside(sys.executable, "-c", SERVE.format(port=7000))]):
        for vm in made.vms.values():
            assert vm.reaches(REMOTE)
        yield made


def asked(vm: Workload, *addresses: str, port: int = 7000) -> list[str]:
    """As whom servers see a VM."""
    return vm.run(sys.executable, "-c", ASK, str(port), *addresses).stdout.split()


def test_each_network_sees_the_router_s_address_there(site: Site) -> None:
    """The default route is by the first; what is on the second one's wire is reached by that."""
    first, second = site.own(0), site.own(1)
    for host, vm in site.vms.items():
        assert asked(vm, REMOTE, *GATEWAYS) == [first, first, second], host
        for address in (*GATEWAYS, REMOTE, first, second):
            assert vm.reaches(address), (host, address)
    assert len(site.hosts_of(first)) == 1 and site.hosts_of(first) == site.hosts_of(second)


def test_the_router_answers_pings_by_both_addresses(site: Site) -> None:
    for number in (0, 1):
        for version, source in ((4, GATEWAYS[number]), (6, GATEWAYS6[number])):
            assert site.answers(site.own(number, version), source)


def test_a_shared_default_route_is_by_both(site: Site) -> None:
    first, second = site.own(0), site.own(1)
    site.share(True)
    try:
        for vm in site.vms.values():
            wait_until(lambda vm=vm: {*asked(vm, *MORE)} == {first, second}, "it goes by both")  # type: ignore[misc]
            seen = asked(vm, *MORE)
            assert min(seen.count(first), seen.count(second)) >= len(MORE) // 5
    finally:
        site.share(False)
    wait_until(lambda: {*asked(site.vms["h0"], *MORE)} == {first}, "it goes by the first again")


def silent_next_hops(site: Site) -> list[str]:
    """The next hops that `tunbridge check` says do not answer."""
    check = (sys.executable, "-m", "tunbridge", "check", "-f", "json", f"lab:{site.cloud.lab.name}")
    found = subprocess.run(check, capture_output=True, text=True, timeout=120, check=False).stdout
    return [one["subject"] for one in json.loads(found)["findings"] if one["code"] == "next-hop-silent"]


def test_a_next_hop_that_is_silent_is_left_until_it_answers(site: Site) -> None:
    """Also by connections that were there: their pings go on, with the other address."""
    first, second = site.own(0), site.own(1)
    vm = site.vms["h2"]
    site.share(True)
    pings: list[Ping] = []
    try:
        wait_until(lambda: {*asked(vm, *MORE)} == {first, second}, "it goes by both")
        pings += [Ping(vm, address) for address in MORE[:6]]
        site.outside("ip", "addr", "del", f"{GATEWAYS[1]}/24", "dev", DEVICES[1])
        began = time.monotonic()
        wait_until(lambda: asked(vm, *MORE) == [first] * len(MORE), "all goes by the other one", 20)
        print(f"{time.monotonic() - began:.1f} s until all went by the other one")
        if not KERNELS:  # whose agents `check` does not ask
            wait_until(lambda: silent_next_hops(site) == [GATEWAYS[1]], "check says so")
        time.sleep(1)
        before = site.received()
        time.sleep(2)
        gone = [now - then for now, then in zip(site.received(), before, strict=True)]
        sent = len(pings) * 2 / PING_S
        assert gone[0] > sent / 4 and gone[1] < sent / 24, (sent, gone)
        site.outside("ip", "addr", "add", f"{GATEWAYS[1]}/24", "dev", DEVICES[1])
        wait_until(lambda: {*asked(vm, *MORE)} == {first, second}, "it goes by both again", 20)
        wait_until(lambda: silent_next_hops(site) == [], "check no longer says so")
    finally:
        answered = [ping.end()[0] for ping in pings]
        site.outside("ip", "addr", "add", f"{GATEWAYS[1]}/24", "dev", DEVICES[1])
        site.share(False)
    assert all(answered), answered


def test_an_ipv6_next_hop_that_is_silent_is_left_until_it_answers(site: Site) -> None:
    """Nothing translates IPv6, so no connection notices."""
    vm = site.vms["h2"]
    site.outside("ip", "route", "replace", "2001:db8:5::/64", "via", site.own(0, 6))
    assert vm.reaches(REMOTE6, seconds=8)
    site.share(True)
    pings = [Ping(vm, address) for address in MORE6[:12]]
    try:
        wait_until(lambda: min(site.shares(0.5)) > 0.2, "it goes by both")
        site.outside("ip", "addr", "del", f"{GATEWAYS6[1]}/64", "dev", DEVICES[1])
        began = time.monotonic()
        wait_until(lambda: site.shares(0.2)[1] < 0.05, "all goes by the other one", 20)
        print(f"{time.monotonic() - began:.1f} s until all went by the other one")
        assert site.shares(2)[1] < 0.05, "and stays there"
        site.outside("ip", "addr", "add", f"{GATEWAYS6[1]}/64", "dev", DEVICES[1], "nodad")
        began = time.monotonic()
        wait_until(lambda: min(site.shares(0.2)) > 0.2, "it goes by both again", 20)
        print(f"{time.monotonic() - began:.1f} s until it went by both again")
    finally:
        lost = [ping.end() for ping in pings]
        site.outside("ip", "addr", "add", f"{GATEWAYS6[1]}/64", "dev", DEVICES[1], "nodad")
        site.share(False)
    assert all(answered > 1 / PING_S for answered, _ in lost), lost


@pytest.mark.parametrize("shared", [False, True], ids=["first", "shared"])
def test_a_floating_ip_is_answered_by_its_network(site: Site, shared: bool) -> None:
    """A VM's own connections leave by it too; to the other network's wire it goes as the router."""
    network = site.cloud.network
    site.share(shared)
    try:
        for number in (0, 1):
            for host, vm in site.vms.items():
                floating = site.floating_on(site.external[number], vm)
                address = str(floating.floating_ip_address)
                assert site.answers(address) and site.answers(address, GATEWAYS[number]), (number, host)
                before = site.received()
                said = site.outside("ping", "-c100", "-i0.005", "-W2", "-I", REMOTE, address)
                assert "100 received" in said, (number, host, said)
                came = [now - then for now, then in zip(site.received(), before, strict=True)]
                assert came[number] >= 100 > 50 > came[1 - number], (number, host, came)
                seen = asked(vm, *MORE[:8], GATEWAYS[number], GATEWAYS[1 - number])
                assert seen == [address] * 9 + [site.own(1 - number)], (number, host)
                network.delete_ip(floating)
                wait_until(lambda vm=vm, a=address: a not in asked(vm, *MORE[:4]), "it is gone")  # type: ignore[misc]
    finally:
        site.share(False)


def test_floating_ips_of_both_networks_reach_each_other(site: Site) -> None:
    network, hosts = site.cloud.network, ("h0", "h1", "h2")
    vms = [site.vms[host] for host in hosts]
    found = [site.floating_on(site.external[number], vm) for number, vm in zip((0, 1, 1), vms, strict=True)]
    for vm in vms:
        for floating in found:
            assert vm.reaches(str(floating.floating_ip_address), seconds=8), (vm.address, floating.floating_ip_address)
    for floating in found:
        network.delete_ip(floating)


def test_ports_of_a_floating_ip_of_the_second_network(site: Site) -> None:
    network = site.cloud.network
    floating = network.create_ip(floating_network_id=site.external[1].id)
    address, servers = str(floating.floating_ip_address), []
    try:
        for number, (host, vm) in enumerate(site.vms.items()):
            servers.append(vm.start(sys.executable, "-c", SERVE.format(port=80)))
            assert servers[-1].stdout is not None and servers[-1].stdout.readline().strip() == "up"
            site.forward(floating, vm, protocol="tcp", external_port=8000 + number, internal_port=80)
            ask = ("python3", "-c", ASK, str(8000 + number), address)
            wait_until(lambda ask=ask: site.outside(*ask).split() == [GATEWAYS[1]], f"{host} answers")  # type: ignore[misc]
            from_afar = ASK.replace(
                "(address, int(sys.argv[1])), 3", f"(address, int(sys.argv[1])), 3, ('{REMOTE}', 0)"
            )
            before = site.received()
            for _ in range(20):
                assert site.outside("python3", "-c", from_afar, str(8000 + number), address).split() == [REMOTE], host
            came = [now - then for now, then in zip(site.received(), before, strict=True)]
            assert came[1] > 60 > came[0], came
            assert asked(vm, REMOTE) == [site.own(0)], "what it begins itself is by the default route"
        for host, vm in site.vms.items():
            for number in range(len(site.vms)):
                assert asked(vm, address, port=8000 + number) == [site.own(1)], (host, number)
        for number, vm in enumerate(site.vms.values()):
            ends = {
                "external_port_range": f"{9000 + 10 * number}:{9009 + 10 * number}",
                "internal_port_range": "7000:7009",
            }
            site.forward(floating, vm, protocol="udp", **ends)
            servers.append(vm.start(sys.executable, "-c", ECHO))
            assert servers[-1].stdout is not None and servers[-1].stdout.readline().strip() == "up"
            for source in (GATEWAYS[1], REMOTE):
                by_udp = ("python3", "-c", ASK_UDP, source, address, str(9007 + 10 * number))
                wait_until(lambda by_udp=by_udp, source=source: site.outside(*by_udp).strip() == source, "it answers")  # type: ignore[misc]
    finally:
        for server in servers:
            server.kill()
            server.communicate()
        site.delete(floating)


def test_ftp_and_tftp_pass_translation_by_both_networks(site: Site) -> None:
    """Their servers see who any other server sees: a router's address, or the floating IP of the VM on h0."""
    network, far, near = site.cloud.network, site.vms["h2"], site.vms["h0"]
    site.share(True)
    seen = asked(far, *MORE)
    addresses = [*GATEWAYS, *(MORE[seen.index(site.own(number))] for number in (0, 1))]
    helpers = [
        network.create_conntrack_helper(site.router.id, helper=helper, protocol=protocol, port=port)
        for helper, protocol, port in (("ftp", "tcp", 21), ("tftp", "udp", 69))
    ]
    floating = site.floating_on(site.external[1], near)
    public = str(floating.floating_ip_address)
    serve = ("python3", file_servers.__file__)
    started = [*(site.start_outside(*serve, address) for address in addresses), near.start(*serve, near.address)]
    options = {**ACTIVE, **PASSIVE}
    try:
        with running(started):
            wait_until(lambda: fetched(far.run, f"tftp://{GATEWAYS[0]}/f") == site.own(0), "hosts help")
            for host, vm in site.vms.items():
                for address, own in zip(addresses, asked(vm, *addresses), strict=True):
                    for how in options.values():
                        assert fetched(vm.run, f"ftp://{address}/f", *how) == own, (host, address, how)
                    assert fetched(vm.run, f"tftp://{address}/f") == own, (host, address)
            for how in options.values():
                assert fetched(site.cloud.outside, f"ftp://{public}/f", *how) == GATEWAYS[1], how
            assert fetched(site.cloud.outside, f"tftp://{public}/f") == GATEWAYS[1]
    finally:
        network.delete_ip(floating)
        for helper in helpers:
            network.delete_conntrack_helper(helper, site.router.id)
        site.share(False)


def test_ipv6_goes_by_the_first_and_comes_in_by_both(site: Site) -> None:
    for number in (0, 1):
        site.outside("ip", "route", "replace", "2001:db8:5::/64", "via", site.own(number, 6))
        for host, vm in site.vms.items():
            assert vm.reaches(REMOTE6, seconds=8), (number, host)
            assert asked(vm, REMOTE6, GATEWAYS6[1]) == [vm.address6, vm.address6], (number, host)
            before = site.received()
            assert "50 received" in site.outside("ping", "-c50", "-i0.005", "-W2", "-I", REMOTE6, vm.address6)
            came = [now - then for now, then in zip(site.received(), before, strict=True)]
            assert came[0] >= 50, "the default route is by the first"


def test_the_gateways_move_together(site: Site) -> None:
    """When their host dies, and when the server gives the router to another one."""
    first, second = site.own(0), site.own(1)
    for vm in (site.vms["h2"],):
        assert asked(vm, REMOTE, *GATEWAYS) == [first, first, second]
    (host,) = site.hosts_of(first)
    other = "h1" if host == "h0" else "h0"
    machine = site.cloud.hosts[host].host
    machine.kill("ovs-vswitchd")
    try:
        wait_until(
            lambda: asked(site.vms["h2"], REMOTE, *GATEWAYS) == [first, first, second], "it goes by the other host"
        )
        for address in (first, second):  # it translates before it answers for them
            wait_until(lambda address=address: other in site.hosts_of(address), f"it answers for {address}")  # type: ignore[misc]
    finally:
        machine.start_vswitchd()
    wait_until(lambda: site.hosts_of(first) == [host] == site.hosts_of(second), "they are back", 40)
    agents = {agent.host: agent for agent in site.cloud.network.agents() if agent.agent_type == "L3 agent"}
    site.cloud.network.add_router_to_agent(agents[other], site.router)
    wait_until(lambda: site.hosts_of(first) == [other] == site.hosts_of(second), "they were moved", 20)
    assert asked(site.vms["h2"], REMOTE, *GATEWAYS) == [first, first, second]


def test_floating_ips_and_ports_of_the_second_network_outlive_the_gateway_host(site: Site) -> None:
    """Streams to them go on: by the host that takes over, and by a VM's own host as if nothing were."""
    network, outside, (host,) = site.cloud.network, site.cloud.lab.outside, site.hosts_of(site.own(1))
    other = "h1" if host == "h0" else "h0"
    vms = {"moves": site.vms["h2"], "stays": site.vms[other], "forwarded": site.vm("h2")}
    external = site.external[1].id
    ips = {what: network.create_ip(floating_network_id=external) for what in vms}
    addresses = {what: str(ip.floating_ip_address) for what, ip in ips.items()}
    machine, talks = site.cloud.hosts[host].host, dict[tuple[str, str], Talk]()
    try:
        for kind, port in (("udp", 7100), ("tcp", 80)):
            site.forward(ips["forwarded"], vms["forwarded"], protocol=kind, external_port=port, internal_port=port)
        for what in ("moves", "stays"):
            network.update_ip(ips[what].id, port_id=vms[what].port.id)
        for what, vm in vms.items():
            assert site.answers(addresses[what]), what
            for kind in KINDS if what != "forwarded" else KINDS[1:]:
                talks[what, kind] = Talk(kind, outside, vm.namespace, addresses[what], 7100)
        machine.kill("ovs-vswitchd")
        wait_until(lambda: other in site.hosts_of(addresses["moves"]), "the other host has the floating IP", 20)
        for talked, talk in talks.items():
            talk.until_answered(f"{talked} goes on")
        silent = {talked: talk.end() for talked, talk in talks.items()}
        print(f"longest silences: {silent}")
        assert max(silent["stays", kind] for kind in KINDS) < 3 * SLOWNESS, silent
        assert all(talk.error is None for talk in talks.values())
        assert all(site.answers(address, GATEWAYS[1]) for address in addresses.values())
        with running([vms["forwarded"].start(sys.executable, "-c", SERVE.format(port=80))]):
            ask = ("python3", "-c", ASK, "80", addresses["forwarded"])
            wait_until(lambda: site.outside(*ask).split() == [GATEWAYS[1]], "its TCP port is reached")
        assert asked(vms["moves"], REMOTE, GATEWAYS[1]) == [addresses["moves"]] * 2
    finally:
        machine.start_vswitchd()
        for ip in ips.values():
            site.delete(ip)
    wait_until(lambda: site.hosts_of(site.own(1)) == [host], "it is back", 40)


def test_a_gateway_comes_and_goes_under_traffic_by_the_other(site: Site) -> None:
    second = {"network_id": site.external[1].id}

    def turn() -> None:
        for _ in range(3):
            site.act("remove", second)
            time.sleep(0.5)
            site.act("add", second)
            time.sleep(0.5)

    got, lost = ping_during(site.vms["h2"], REMOTE, turn)
    assert got > 1 / PING_S and lost <= 2
    wait_until(lambda: asked(site.vms["h2"], GATEWAYS[1]) == [site.own(1)], "the second one is there again")


def test_the_second_gateway_takes_the_place_of_the_first(site: Site) -> None:
    first, vm = {"network_id": site.external[0].id}, site.vms["h2"]
    site.act("remove", first)
    second = site.own(1)
    wait_until(lambda: asked(vm, REMOTE) == [second], "all goes by the second one")
    site.act("add", first)
    wait_until(lambda: asked(vm, REMOTE, GATEWAYS[0]) == [second, site.own(0)], "the first one is a further one now")
    site.set(site.external[0], site.external[1])
    wait_until(lambda: asked(vm, REMOTE, GATEWAYS[1]) == [site.own(0), second], "in the order of before")


def test_an_extra_route_by_the_second_network(site: Site) -> None:
    network, vm = site.cloud.network, site.vms["h2"]
    network.update_router(site.router, routes=[{"destination": f"{MORE[0]}/32", "nexthop": GATEWAYS[1]}])
    expected = [site.own(1), site.own(0)]
    wait_until(lambda: asked(vm, MORE[0], MORE[1]) == expected, "one goes by the second network")
    network.update_router(site.router, routes=[])


def test_two_gateways_on_one_network(site: Site) -> None:
    """Both answer; what leaves has the address of the first."""
    network = site.external[0].id
    added = site.act("add", {"network_id": network, "external_fixed_ips": [{"ip_address": "203.0.113.77"}]})
    assert [gateway["network_id"] for gateway in added] == [network, site.external[1].id, network]
    first = added[0]["external_fixed_ips"]
    address = next(ip["ip_address"] for ip in first if "." in ip["ip_address"])
    for one in (address, "203.0.113.77"):
        assert site.answers(one, GATEWAYS[0])
        assert site.vms["h2"].reaches(one)
    assert asked(site.vms["h2"], REMOTE, *GATEWAYS) == [address, address, site.own(1)]
    site.act("remove", {"network_id": network, "external_fixed_ips": [{"ip_address": "203.0.113.77"}]})


def test_a_gateway_with_several_addresses(site: Site) -> None:
    """Each is answered; what leaves has the first one."""
    before = [ip for ip in site.gateways()[0]["external_fixed_ips"] if "." in ip["ip_address"]]
    subnet = before[0]["subnet_id"]
    wanted = [*site.gateways()[0]["external_fixed_ips"], {"subnet_id": subnet, "ip_address": "203.0.113.88"}]
    both = [{"network_id": site.external[0].id, "external_fixed_ips": wanted}, {"network_id": site.external[1].id}]
    found = site.act("update", *both)
    assert len(found[0]["external_fixed_ips"]) == 3
    for ip in found[0]["external_fixed_ips"]:
        source = GATEWAYS6[0] if ":" in ip["ip_address"] else GATEWAYS[0]
        assert site.answers(ip["ip_address"], source), ip
    assert asked(site.vms["h2"], REMOTE)[0] in {before[0]["ip_address"], "203.0.113.88"}


def test_what_is_told_of_the_lab_names_both(site: Site) -> None:
    """Who explains names both ways outside; who checks finds that all addresses are answered for."""
    lab = f"lab:{site.cloud.lab.name}"
    tunbridge = (sys.executable, "-m", "tunbridge")
    explain = [*tunbridge, "explain", "--brief", "--lang", "en", lab]
    said = " ".join(subprocess.run(explain, capture_output=True, text=True, timeout=120, check=True).stdout.split())
    for number in (0, 1):
        assert f"has its way to ext{number} on " in said
        assert site.own(number) in said
    check = [*tunbridge, "check", "-f", "json", lab]
    found = subprocess.run(check, capture_output=True, text=True, timeout=120, check=False).stdout
    wrong = ("router-without-host", "address-unanswered", "address-answered-twice")
    assert '"findings"' in found and not any(f'"{code}"' in found for code in wrong), found

"""Routers and the outside: real VMs on hosts with and without a bridge to it, a router and a web server."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets import file_servers
from tests.packets.cloud import KERNELS, PING_S, Cloud, Ping, Workload, ping_during, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.file_servers import ACTIVE, PASSIVE, fetched
from tests.packets.site import PEER, PEER6, REMOTE, REMOTE6, SWITCH, Site, running

pytestmark = pytest.mark.ovs
SERVE = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(self.client_address[0].encode())
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(('', 8000), Page)
print('up', flush=True)
server.serve_forever()
"""
FETCH = "import urllib.request; print(urllib.request.urlopen('http://{}:8000/', timeout=20).read().decode())"


def seen_as(vm: Workload) -> str:
    """The address that a web server outside sees; "" for a connection that fails, as one does while that changes."""
    return vm.run(sys.executable, "-c", FETCH.format(REMOTE), check=False).stdout.strip()


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=3, preview=True, apart=["h2"])


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Site:
    return Site(cloud)


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[None]:
    """A web server outside that tells who asked."""
    with running([site.start_outside("python3", "-c", SERVE)]):
        yield


def test_vms_on_every_host_reach_the_outside_by_their_router(site: Site) -> None:
    for vm in site.vms.values():
        assert vm.reaches(REMOTE)
        assert vm.reaches(PEER)


@pytest.mark.usefixtures("web")
def test_the_outside_sees_the_router_or_the_floating_ip(site: Site) -> None:
    for host, vm in site.vms.items():
        assert vm.python(FETCH.format(REMOTE)).strip() == site.gateway_ip, host
    floating = site.floating(site.vms["h0"])
    assert site.vms["h0"].python(FETCH.format(REMOTE)).strip() == floating.floating_ip_address
    site.cloud.network.delete_ip(floating)
    assert site.vms["h0"].reaches(REMOTE)


def test_the_router_answers_the_outside_and_nobody_else_does(site: Site) -> None:
    assert site.reached(site.gateway_ip)
    assert site.vms["h2"].reaches(site.gateway_ip)
    assert len(site.gateway_hosts()) == 1
    (port,) = site.cloud.network.ports(device_id=site.router.id, device_owner="network:router_gateway")
    assert port.status == "ACTIVE"


def test_the_first_packet_to_an_unknown_neighbour_is_not_lost(site: Site) -> None:
    assert site.vms["h2"].reaches(REMOTE)  # the gateway host has all flows by now
    site.cloud.outside("ip", "addr", "add", "203.0.113.77/24", "dev", SWITCH)
    assert site.vms["h2"].run("ping", "-c1", "-W3", "203.0.113.77", check=False).returncode == 0


def test_a_neighbour_that_does_not_answer_is_told(site: Site) -> None:
    vm = site.vms[site.gateway_host]
    said = vm.run("ping", "-c1", "-W5", "203.0.113.200", check=False).stdout
    assert "Destination Host Unreachable" in said


def test_traceroute_outside_and_its_errors_come_back_through_the_translation(site: Site) -> None:
    vm = site.vms["h2"]
    once = vm.run("ping", "-c1", "-W2", "-t1", REMOTE, check=False).stdout
    assert "From 10.5.0.1" in once
    closed = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3);"
        f"s.connect(('{REMOTE}', 9)); s.send(b'x')\n"
        "try: s.recv(1); print('answer')\nexcept ConnectionRefusedError: print('refused')"
    )
    assert vm.python(closed).strip() == "refused"


def test_ipv6_goes_in_and_out_as_it_is(site: Site) -> None:
    """The physical router has a route to the VMs' prefix by the router's address, which it asks the agent for."""
    (own,) = [address for address in site.gateway_ips() if ":" in address]
    site.cloud.outside("ip", "route", "add", "2001:db8:5::/64", "via", own)
    for host, vm in site.vms.items():
        assert vm.reaches(REMOTE6, seconds=8), host  # its address is its own after a while
        assert vm.reaches(PEER6), host
        said = vm.run("ping", "-c20", "-i0.05", "-W2", REMOTE6).stdout
        assert "20 received" in said and "DUP" not in said, "only the gateway host sends it on"
        assert site.cloud.outside("ping", "-c1", "-W3", vm.address6, check=False).returncode == 0, host
    site.cloud.outside("ip", "neigh", "flush", "all")
    assert site.cloud.outside("ping", "-c1", "-W3", own, check=False).returncode == 0
    told = site.vms[site.gateway_host].run("ping", "-c1", "-W5", "2001:db8:f::200", check=False).stdout
    assert "Address unreachable" in told


@pytest.mark.usefixtures("web")
def test_floating_ips_on_every_host_are_reached_and_are_the_vms_address(site: Site) -> None:
    made = {host: site.floating(vm) for host, vm in site.vms.items()}
    for host, floating in made.items():
        address = floating.floating_ip_address
        assert site.reached(address), host
        assert site.vms[host].python(FETCH.format(REMOTE)).strip() == address
    # To one's own and to others'.
    for vm in site.vms.values():
        for floating in made.values():
            assert vm.reaches(floating.floating_ip_address)
    for floating in made.values():
        site.cloud.network.delete_ip(floating)


def test_fragments_pass_translation_in_both_directions(site: Site) -> None:
    """Of pings larger than any MTU: by SNAT, and to a floating IP on its VM's host and to one that is central.

    Both ends know the smallest MTU: Open vSwitch makes no fragments, so a router that would have to drops.
    """
    big = ("ping", "-c2", "-i0.3", "-W2", "-s", "4000")
    mtu = str(site.blue.mtu)
    site.cloud.outside("ip", "route", "add", "203.0.113.128/25", "dev", SWITCH, "mtu", mtu)
    site.cloud.outside("ip", "route", "add", "203.0.113.0/25", "dev", SWITCH, "mtu", mtu)
    for host in ("h0", "h2"):
        vm, floating = site.vms[host], site.floating(site.vms[host])
        vm.ip("link", "set", "eth0", "mtu", mtu)
        assert site.reached(floating.floating_ip_address)
        address = floating.floating_ip_address

        def answered(run: Callable[..., Any], target: str) -> Callable[[], bool]:
            return lambda: " 2 received" in run(*big, target, check=False).stdout

        wait_until(answered(site.cloud.outside, address), f"the floating IP on {host} answers")
        site.cloud.network.delete_ip(floating)
        wait_until(answered(vm.run, REMOTE), f"the VM on {host} is answered")  # its connections were cut
    for prefix in ("203.0.113.128/25", "203.0.113.0/25"):
        site.cloud.outside("ip", "route", "del", prefix)


RECEIVE = ("sh", "-c", 'echo up; exec iperf3 -s "$@" > /dev/null', "sh")


@pytest.fixture
def gold(site: Site) -> Iterator[Any]:
    """A policy that limits both directions to 4 Mbit/s."""
    network = site.cloud.network
    made = network.create_qos_policy(name="gold")
    for direction in ("egress", "ingress"):
        network.create_qos_bandwidth_limit_rule(made, max_kbps=4000, max_burst_kbps=400, direction=direction)
    yield made
    network.delete_qos_policy(made)


def is_limited(site: Site, host: str) -> bool:
    """Whether a host has meters of policies."""
    return re.search(r"meter:1\d{5}\b", site.flows(host)) is not None


def received(client: Callable[..., Any], server: str, *options: str) -> float:
    """Mbit/s that arrive of 10 that are sent by UDP for two seconds."""
    said = client("iperf3", "-c", server, "-u", "-b", "10M", "-l", "1200", "-t", "2", "-J", *options, check=False)
    end = json.loads(said.stdout).get("end", {})
    return float(end["sum_received"]["bits_per_second"]) / 1e6 if "sum_received" in end else 0.0


@pytest.mark.skipif(KERNELS, reason="an emulated kernel carries no 10 Mbit/s")
def test_a_floating_ip_is_limited_by_its_policy_in_both_directions(site: Site, gold: Any) -> None:
    cloud, vm, limit = site.cloud, site.vms["h0"], 4.0
    floating = site.floating(vm)
    with running([site.start_outside(*RECEIVE, "-B", REMOTE)]):
        wait_until(lambda: received(vm.run, REMOTE) > 1.5 * limit, "as fast as it is sent", 20)
        wait_until(lambda: received(vm.run, REMOTE, "-R") > 1.5 * limit, "and back", 20)
        cloud.network.update_ip(floating.id, qos_policy_id=gold.id)
        wait_until(lambda: is_limited(site, "h0"), "the host limits it")
        # Ethernet and IP headers count; a burst of a tenth of a second comes on top once.
        assert 0.6 * limit < received(vm.run, REMOTE) < 1.15 * limit
        assert 0.6 * limit < received(vm.run, REMOTE, "-R") < 1.15 * limit
    cloud.network.delete_ip(floating)


@pytest.mark.skipif(KERNELS, reason="an emulated kernel carries no 10 Mbit/s")
def test_a_routers_gateway_is_limited_by_its_policy_in_both_directions(site: Site, gold: Any) -> None:
    network, vm, limit = site.cloud.network, site.vms["h2"], 4.0
    gateway = {"network_id": site.external.id}
    with running([site.start_outside(*RECEIVE, "-B", REMOTE)]):
        wait_until(lambda: received(vm.run, REMOTE) > 1.5 * limit, "as fast as it is sent", 20)
        network.update_router(site.router, external_gateway_info={**gateway, "qos_policy_id": gold.id})
        wait_until(lambda: is_limited(site, site.gateway_host), "the gateway host limits it")
        assert 0.6 * limit < received(vm.run, REMOTE) < 1.15 * limit
        assert 0.6 * limit < received(vm.run, REMOTE, "-R") < 1.15 * limit
        network.update_router(site.router, external_gateway_info={**gateway, "qos_policy_id": None})
        wait_until(lambda: received(vm.run, REMOTE) > 1.5 * limit, "as fast as before", 20)


@pytest.mark.skipif(KERNELS, reason="an emulated kernel carries no 10 Mbit/s")
def test_what_goes_by_forwarded_ports_is_limited_by_the_policy_of_their_floating_ip(site: Site, gold: Any) -> None:
    network, vm, limit = site.cloud.network, site.vms["h2"], 4.0
    floating = site.floating(None)
    ports = {"internal_ip_address": vm.address, "internal_port": 5201, "external_port": 5201}
    forwardings = [
        network.create_floating_ip_port_forwarding(floating, internal_port_id=vm.port.id, protocol=protocol, **ports)
        for protocol in ("tcp", "udp")
    ]
    address, outside = floating.floating_ip_address, site.cloud.outside
    with running([vm.start(*RECEIVE)]):
        wait_until(lambda: received(outside, address) > 1.5 * limit, "as fast as it is sent", 20)
        wait_until(lambda: received(outside, address, "-R") > 1.5 * limit, "and back", 20)
        network.update_ip(floating.id, qos_policy_id=gold.id)
        wait_until(lambda: is_limited(site, site.gateway_host), "the gateway host limits it")
        assert 0.6 * limit < received(outside, address) < 1.15 * limit
        assert 0.6 * limit < received(outside, address, "-R") < 1.15 * limit
    for one in forwardings:
        network.delete_floating_ip_port_forwarding(floating, one)
    network.delete_ip(floating)


def test_a_floating_ip_that_moves_is_reached_at_its_new_vm_at_once(site: Site) -> None:
    """The physical router knows another MAC address only if it is told; each floating IP keeps its own."""
    floating = site.floating(site.vms["h0"])
    assert site.reached(floating.floating_ip_address)
    for host in ("h2", "h1", "h0"):
        site.lead(floating, site.vms[host])
        assert site.reached(floating.floating_ip_address), host
    site.cloud.network.delete_ip(floating)


def test_taking_a_floating_ip_away_ends_its_connections(site: Site) -> None:
    vm = site.vms["h0"]
    listen = "import socket; s = socket.create_server(('', 7000)); print('up', flush=True); c = s.accept()[0]\n"
    listen += "while True: c.send(c.recv(9))"
    floating = site.floating(vm)
    server = vm.start("python3", "-c", listen)
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "up"
    talk = f"import socket, sys; c = socket.create_connection(('{floating.floating_ip_address}', 7000), 3)\n"
    talk += "c.settimeout(2)\nfor line in sys.stdin:\n c.send(b'x')\n"
    talk += " try: print(c.recv(9), flush=True)\n except Exception as e: print(type(e).__name__, flush=True)"
    command = ("ip", "netns", "exec", site.cloud.lab.outside, "python3", "-c", talk)
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def said() -> str:
        assert client.stdin is not None and client.stdout is not None
        client.stdin.write("\n")
        client.stdin.flush()
        return client.stdout.readline().strip()

    def known() -> bool:
        shown = vm.host.host.run("ovs-appctl", "dpctl/dump-conntrack").stdout
        return f"dst={floating.floating_ip_address}" in shown

    try:
        assert said() == "b'x'"
        assert known()
        site.lead(floating, None)
        wait_until(lambda: not known(), "its connections are forgotten")
        assert said() == "TimeoutError"
        site.lead(floating, vm)
    finally:
        for process in (client, server):
            process.kill()
            process.communicate()
        site.cloud.network.delete_ip(floating)


ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7007)); print('up', flush=True)
while True:
    data, who = s.recvfrom(2000); s.sendto(data + who[0].encode(), who)
"""
ASK = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.connect(('{}', {})); s.send(b'hi ')
print(s.recv(2000).decode())
"""


@pytest.fixture
def serving(site: Site) -> Iterator[None]:
    """A web server and a UDP echo in each VM, which tell who asked."""
    with running(vm.start("python3", "-c", script) for vm in site.vms.values() for script in (SERVE, ECHO)):
        yield


@pytest.mark.usefixtures("serving")
def test_ports_of_one_floating_ip_lead_to_vms_on_every_host(site: Site) -> None:
    network, floating = site.cloud.network, site.floating(None)
    address, places = floating.floating_ip_address, list(enumerate(site.vms.values()))

    def forward(vm: Workload, **values: Any) -> Any:
        inside = {"internal_port_id": vm.port.id, "internal_ip_address": vm.address}
        return network.create_floating_ip_port_forwarding(floating, **inside, **values)

    def fetched(port: int) -> str:
        url = f"http://{address}:{port}/"
        return site.cloud.outside("curl", "-s", "-m", "3", url, check=False).stdout

    made = [forward(vm, external_port=8001 + n, internal_port=8000, protocol="tcp") for n, vm in places]
    for n, vm in places:
        ends = {"external_port_range": f"{7000 + 10 * n}:{7009 + 10 * n}", "internal_port_range": "7000:7009"}
        made.append(forward(vm, **ends, protocol="udp"))
    site.wait(floating, "ACTIVE")
    for n, _ in places:
        wait_until(lambda n=n: fetched(8001 + n) == PEER, f"the VM on h{n} is reached")  # type: ignore[misc]
        asked = ASK.format(address, 7007 + 10 * n)
        assert site.cloud.outside("python3", "-c", asked).stdout.strip() == f"hi {PEER}", n
    assert fetched(8009) == ""
    assert site.reached(address)
    for vm in site.vms.values():  # to its own as well
        for n, _ in places:
            there = vm.run("curl", "-s", "-m", "3", f"http://{address}:{8001 + n}/").stdout
            assert there == site.gateway_ip, (vm.host.host.name, n)
    network.update_floating_ip_port_forwarding(floating, made[0], external_port=8009)
    wait_until(lambda: fetched(8009) == PEER, "it leads from another port")
    assert fetched(8001) == ""
    for one in made:
        network.delete_floating_ip_port_forwarding(floating, one)
    wait_until(lambda: fetched(8002) == "", "no port leads anywhere")
    site.wait(floating, "DOWN")
    network.delete_ip(floating)


def test_ndp_proxies_bring_addresses_behind_a_router_to_the_wire(site: Site) -> None:
    """The physical router takes all of the VMs' prefix to be on its own wire."""
    cloud, network, vm = site.cloud, site.cloud.network, site.vms["h2"]
    cloud.outside("ip", "route", "replace", "2001:db8:5::/64", "dev", SWITCH)
    network.update_router(site.router, enable_ndp_proxy=True)

    def reached(vm: Workload) -> bool:
        return cloud.outside("ping", "-c1", "-W1", vm.address6, check=False).returncode == 0

    wait_until(
        lambda: vm.address6 in vm.run("ip", "-6", "addr", "show", "dev", "eth0", "-tentative").stdout, "it is its own"
    )
    assert not reached(vm)
    proxy = network.create_ndp_proxy(router_id=site.router.id, port_id=vm.port.id)
    assert proxy.ip_address == vm.address6
    wait_until(lambda: reached(vm), "the gateway answers for it")
    assert not reached(site.vms["h0"])
    network.delete_ndp_proxy(proxy)
    wait_until(lambda: not reached(vm), "and does so no more")
    network.update_router(site.router, enable_ndp_proxy=False)
    cloud.outside("ip", "route", "del", "2001:db8:5::/64")


@pytest.fixture
def files(site: Site) -> Iterator[None]:
    """FTP and TFTP servers outside and in the VM on h0."""
    outside = site.start_outside("python3", file_servers.__file__, REMOTE)
    with running([outside, site.vms["h0"].start("python3", file_servers.__file__, site.vms["h0"].address)]):
        yield


@pytest.mark.usefixtures("files")
def test_ftp_and_tftp_pass_translation_where_their_router_helps(site: Site) -> None:
    network, vms = site.cloud.network, site.vms.values()
    ftp, tftp = f"ftp://{REMOTE}/f", f"tftp://{REMOTE}/f"
    vm = site.vms["h1"]
    for options in PASSIVE.values():
        assert fetched(vm.run, ftp, *options) == site.gateway_ip
    assert fetched(vm.run, ftp, "-m", "3", *ACTIVE["PORT"]) == "", "the server is told an address of the tenant's"
    assert fetched(vm.run, tftp, "-m", "2") == "", "the answer comes from another port than the question went to"
    helpers = [
        network.create_conntrack_helper(site.router.id, helper=helper, protocol=protocol, port=port)
        for helper, protocol, port in (("ftp", "tcp", 21), ("tftp", "udp", 69))
    ]
    wait_until(lambda: all("alg=tftp" in site.flows(host) for host in site.gateway_hosts()), "hosts help")
    for vm in vms:
        for name, options in {**ACTIVE, **PASSIVE}.items():
            assert fetched(vm.run, ftp, *options) == site.gateway_ip, (vm.host.host.name, name)
        assert fetched(vm.run, tftp) == site.gateway_ip, vm.host.host.name
    floating = site.floating(site.vms["h0"])
    inside = f"ftp://{floating.floating_ip_address}/f"
    for name, options in {**ACTIVE, **PASSIVE}.items():
        assert fetched(site.cloud.outside, inside, *options) == PEER, name
        assert fetched(site.vms["h0"].run, ftp, *options) == floating.floating_ip_address, name
    assert fetched(site.cloud.outside, f"tftp://{floating.floating_ip_address}/f") == PEER
    network.delete_ip(floating)
    for helper in helpers:
        network.delete_conntrack_helper(helper, site.router.id)
    wait_until(lambda: not any("alg=" in site.flows(host) for host in site.cloud.hosts), "hosts help no more")


@pytest.mark.skipif(KERNELS, reason="the kernel gives a second ping with the same id another one: none is left over")
def test_of_what_cannot_be_translated_the_agent_tells(site: Site) -> None:
    """conntrack in userspace does not change ids of pings: of two VMs with one id, the second gets none."""
    host = site.cloud.hosts[site.gateway_host]
    id, (first, second, _) = "7777", site.vms.values()
    assert " 0% packet loss" in first.run("ping", "-e", id, "-c", "1", "-W", "2", REMOTE).stdout
    refused = second.run("ping", "-e", id, "-c", "2", "-i", "0.2", "-W", "1", REMOTE, check=False).stdout
    assert ", 100% packet loss" in refused
    line = f"router={site.router.id}"
    wait_until(lambda: any("no port" in told and line in told for told in host.log().splitlines()), "it is told")
    assert second.reaches(PEER)


@pytest.mark.parametrize("host", ["h0", "h2"])
def test_a_restart_of_the_agent_costs_no_packet(site: Site, host: str) -> None:
    floating = site.floating(site.vms[host])
    for restarted in {host, site.gateway_host}:
        got, lost = ping_during(site.vms[host], REMOTE, site.cloud.hosts[restarted].restart)
        assert got > 0.2 / PING_S
        assert lost <= 2
    assert site.reached(floating.floating_ip_address)
    site.cloud.network.delete_ip(floating)


@pytest.mark.usefixtures("web")
def test_without_snat_addresses_go_out_as_they_are(site: Site) -> None:
    network, vm = site.cloud.network, site.vms["h2"]
    gateway = {"network_id": site.external.id, "enable_snat": False}
    network.update_router(site.router, external_gateway_info=gateway)
    site.cloud.outside("ip", "route", "add", "10.5.0.0/24", "via", site.gateway_ip)
    wait_until(lambda: seen_as(vm) == vm.address, "the VM's own address is seen")
    assert site.reached(vm.address)
    network.update_router(site.router, external_gateway_info=gateway | {"enable_snat": True})
    wait_until(lambda: seen_as(vm) == site.gateway_ip, "the router's address is seen")
    site.cloud.outside("ip", "route", "del", "10.5.0.0/24")


def test_a_vswitchd_that_is_killed_on_the_gateway_host_translates_again(site: Site) -> None:
    host = site.cloud.hosts[site.gateway_host].host
    floating = site.floating(site.vms["h2"])  # which is central
    host.kill("ovs-vswitchd")
    host.start_vswitchd()
    assert site.vms["h2"].reaches(REMOTE, seconds=15)
    assert site.reached(floating.floating_ip_address)
    site.cloud.network.delete_ip(floating)


def test_a_planned_move_of_the_gateway(site: Site) -> None:
    """Whoever goes out as the router begins anew; a floating IP on a host with the bridge does not notice."""
    network, vm = site.cloud.network, site.vms["h2"]
    first = site.gateway_host
    other = next(name for name in ("h0", "h1") if name != first)
    floating = {name: site.floating(site.vms[name]) for name in (other, "h2")}
    vm_ping = Ping(site.vms[other], REMOTE)
    agent = next(a for a in network.agents() if a.host == first)
    network.update_agent(agent, admin_state_up=False)
    wait_until(lambda: site.gateway_hosts() == [other], "the gateway has moved", 15)
    assert vm.reaches(REMOTE)
    assert site.vms[first].reaches(REMOTE)
    for one in floating.values():
        assert site.reached(one.floating_ip_address)
    assert site.reached(site.gateway_ip)
    got, lost = vm_ping.end()
    assert got > 0.2 / PING_S
    assert lost <= 2
    network.update_agent(agent, admin_state_up=True)
    for one in floating.values():
        site.cloud.network.delete_ip(one)
    assert site.gateway_hosts() == [other]

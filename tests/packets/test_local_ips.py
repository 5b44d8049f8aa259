"""Local IPs: VMs on two hosts reach by one address the server of their own host."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud

pytestmark = pytest.mark.ovs
SERVE = """
import socketserver, sys
class Named(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(100):
            self.request.sendall(f'{sys.argv[1]} {self.client_address[0]}'.encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
server = Server(('', 8000), Named)
print('up', flush=True)
server.serve_forever()
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], 8000), timeout=3) as asking:
    asking.sendall(b'who')
    print(asking.recv(100).decode(), asking.getpeername()[0])
"""


class Site:
    """On h0 and h1 a client and a server each; an owner of the address on h1, whom it is when nobody else has it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.network = cloud.make_network("near", "10.5.0.0/24")
        group = cloud.network.create_security_group(name="open")
        cloud.network.create_security_group_rule(security_group_id=group.id, direction="ingress", ethertype="IPv4")
        self.groups = [group.id]
        self.clients = {host: self.vm(host) for host in cloud.hosts}
        self.servers = {host: self.vm(host) for host in cloud.hosts}
        self.owner = self.vm("h1")
        self.running = [self.serve(name, vm) for name, vm in {**self.servers, "owner": self.owner}.items()]
        self.local = cloud.network.create_local_ip(local_port_id=self.owner.port.id)
        self.address = self.owner.address

    def vm(self, host: str, **attributes: Any) -> Workload:
        return self.cloud.vm(host, self.network, security_groups=self.groups, **attributes)

    def serve(self, name: str, vm: Workload) -> "subprocess.Popen[str]":
        server = vm.start(sys.executable, "-c", SERVE, name)
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        return server

    def associate(self, local: Any, vm: Workload) -> None:
        self.cloud.network.create_local_ip_association(local, fixed_port_id=vm.port.id)

    def leave(self, local: Any, vm: Workload) -> None:
        self.cloud.network.delete_local_ip_association(local, vm.port.id)

    def ask(self, vm: Workload) -> str:
        """Who answers a client, what it takes the client to be, and whom the client takes it to be."""
        return vm.run(sys.executable, "-c", ASK, self.address, check=False).stdout.strip()

    def expect(self, answers: dict[str, str]) -> None:
        """Wait until the clients of the hosts are answered by these."""
        wanted = {host: f"{name} {self.clients[host].address} {self.address}" for host, name in answers.items()}
        wait_until(lambda: {host: self.ask(self.clients[host]) for host in answers} == wanted, f"answers of {answers}")


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Iterator[Site]:
    made = Site(make_cloud(module_lab_name()))
    yield made
    for server in made.running:
        server.kill()
        server.communicate(timeout=10)


def test_each_host_has_its_own_server_and_who_has_none_reaches_the_owner(site: Site) -> None:
    site.expect({"h0": "owner", "h1": "owner"})
    site.associate(site.local, site.servers["h0"])
    site.expect({"h0": "h0", "h1": "owner"})
    site.associate(site.local, site.servers["h1"])
    site.expect({"h0": "h0", "h1": "h1"})
    shown = {one.fixed_port_id: one for one in site.cloud.network.local_ip_associations(site.local)}
    assert {shown[vm.port.id].host for vm in site.servers.values()} == {"h0", "h1"}
    assert site.clients["h0"].reaches(site.servers["h1"].address), "by its own address a server is itself"
    for vm in site.servers.values():
        site.leave(site.local, vm)
    site.expect({"h0": "owner", "h1": "owner"})


def test_an_address_that_nobody_has_is_answered_where_a_port_has_it(site: Site) -> None:
    network = site.cloud.network
    local = network.create_local_ip(network_id=site.network.id)
    address = local.local_ip_address
    assert site.clients["h0"].never_reaches(address)
    site.associate(local, site.servers["h0"])
    assert site.clients["h0"].reaches(address)
    neighbours = site.clients["h0"].run("ip", "neigh", "show", address).stdout
    assert site.servers["h0"].mac in neighbours
    assert not site.clients["h1"].reaches(address, seconds=2), "no port on its host"
    assert network.get_port(local.local_port_id).device_owner == "network:local_ip"
    site.leave(local, site.servers["h0"])
    assert site.clients["h0"].never_reaches(address)
    network.delete_local_ip(local)


def test_a_restart_of_the_agent_keeps_a_connection_and_one_that_leads_elsewhere_ends(site: Site) -> None:
    site.associate(site.local, site.servers["h0"])
    site.expect({"h0": "h0"})
    script = ASK.replace("print(", "input(); asking.sendall(b'who'); print(")
    command = site.clients["h0"].command(sys.executable, "-c", f"{script}\n    input()", site.address)
    asking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert asking.stdin is not None
    assert asking.stdout is not None
    wait_until(lambda: site.address in site.cloud.hosts["h0"].host.run("ovs-appctl", "dpctl/dump-conntrack").stdout, "")
    site.cloud.hosts["h0"].restart()
    asking.stdin.write("\n")
    asking.stdin.flush()
    assert asking.stdout.readline().startswith("h0 ")
    site.leave(site.local, site.servers["h0"])
    site.expect({"h0": "owner"})
    translated = f"dst={site.address},"
    wait_until(
        lambda: (
            not any(
                translated in line and f"src={site.servers['h0'].address}," in line
                for line in site.cloud.hosts["h0"].host.run("ovs-appctl", "dpctl/dump-conntrack").stdout.splitlines()
            )
        ),
        "conntrack knows no more of it",
    )
    asking.kill()
    asking.communicate(timeout=10)


def test_passed_through_the_vm_has_the_address_itself(site: Site) -> None:
    network = site.cloud.network
    local = network.create_local_ip(network_id=site.network.id, ip_mode="passthrough")
    address = local.local_ip_address
    server = site.vm("h0", allowed_address_pairs=[{"ip_address": address}])
    server.ip("addr", "add", f"{address}/32", "dev", "lo")
    site.associate(local, server)
    assert site.clients["h0"].reaches(address)
    site.leave(local, server)
    network.delete_local_ip(local)


def test_trace_tells_whose_server_a_client_gets(site: Site) -> None:
    site.associate(site.local, site.servers["h0"])
    site.expect({"h0": "h0", "h1": "owner"})
    for client, receiver in (("h0", site.servers["h0"]), ("h1", site.owner)):
        argv = [sys.executable, "-m", "tunbridge", "trace", site.clients[client].tap, site.address, "--tcp", "8000"]
        where = f"lab:{site.cloud.lab.name}"
        text = subprocess.run([*argv, where], capture_output=True, text=True, timeout=60, check=False).stdout
        assert text.rstrip().endswith(f"{receiver.tap} receives it"), text
    site.leave(site.local, site.servers["h0"])

"""Two external networks and three routers: each to its own outside, and from one to the other by floating IPs.

The physical router outside joins both networks. Tenants' networks behind different routers have the same addresses.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tunbridge.agent.config import Provider
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs
REMOTE = "192.0.2.7"
"""A server behind the physical router, which serves as that too."""
NAMED = """
import socket, sys
s = socket.create_server((sys.argv[1], 7000))
print('up', flush=True)
while True:
    c, who = s.accept()
    c.sendall(f'{sys.argv[2]} {who[0]}'.encode())
    c.close()
"""
"""Tells its name, and by which address it was asked."""
ASK_ALL = """
import socket, sys
for address in sys.argv[1:]:
    try:
        with socket.create_connection((address, 7000), 3) as c:
            c.settimeout(20)
            print(c.recv(100).decode())
    except OSError as e:
        print(type(e).__name__)
"""
PING_ALL = 'for a in "$@"; do { ping -c1 -W20 $a >/dev/null && echo $a; } & done; wait'


class Side:
    """A router to an external network, with a network of its own and a VM of that on each host.

    The VM on h1 has no floating IP: outside it is the router.
    """

    def __init__(self, cloud: Cloud, name: str, external: Any, cidr: str) -> None:
        self.cloud, self.name, self.external = cloud, name, external
        network = cloud.network
        self.inside = cloud.make_network(f"{name}-inside", None)
        self.subnet = cloud.make_subnet(self.inside, cidr)
        self.router = network.create_router(name=name, external_gateway_info={"network_id": external.id})
        network.add_interface_to_router(self.router, subnet_id=self.subnet.id)
        group = network.create_security_group(name=name)
        network.create_security_group_rule(security_group_id=group.id, direction="ingress")
        self.vms = {host: self._vm(host, group.id) for host in cloud.hosts}
        self.floating = {
            host: network.create_ip(floating_network_id=external.id, port_id=self.vms[host].port.id)
            for host in ("h0", "h2")
        }

    def _vm(self, host: str, group: str) -> Workload:
        made = self.cloud.vm(host, self.inside, wait=False, security_groups=[group])
        made.ip("route", "add", "default", "via", self.subnet.gateway_ip)
        return made

    def wait(self) -> None:
        network = self.cloud.network
        for vm in self.vms.values():
            vm.wait_active()
        for one in self.floating.values():
            wait_until(lambda one=one: network.get_ip(one.id).status == "ACTIVE", "it is ACTIVE")  # type: ignore[misc]

    @property
    def gateway_ip(self) -> str:
        info = self.cloud.network.get_router(self.router.id).external_gateway_info
        return str(info["external_fixed_ips"][0]["ip_address"])

    def addresses(self) -> dict[str, str]:
        """Floating IP -> the name of its VM."""
        return {str(one.floating_ip_address): f"{self.name}-{host}" for host, one in self.floating.items()}

    def seen(self, host: str) -> str:
        """The address by which others know the VM of a host."""
        return str(self.floating[host].floating_ip_address) if host in self.floating else self.gateway_ip

    def move(self, host: str) -> None:
        """Have the gateway on a host."""
        network = self.cloud.network
        agents = {agent.host: agent for agent in network.agents() if agent.agent_type == "L3 agent"}
        if host not in self._active():
            network.add_router_to_agent(agents[host], self.router)
            wait_until(lambda: self._active() == [host], f"{host} has the gateway of {self.name}", 20)

    def _active(self) -> list[str]:
        def answers(host: str) -> bool:
            return f"arp_tpa={self.gateway_ip}," in self.cloud.hosts[host].ofctl("dump-flows", "br-int", "table=73")

        return [host for host in self.cloud.hosts if answers(host)]


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Hosts h0 and h1 have bridges to both external networks, h2 to none."""
    made = make_cloud(
        module_lab_name(), hosts=3, apart=["h2"], more={"physnet2": Provider(bridge="br-eth2", nics=["eth2"])}
    )
    made.outside("ip", "link", "set", "lo", "up")
    made.outside("ip", "addr", "add", f"{REMOTE}/32", "dev", "lo")
    namespaces.set_ipv4(made.lab.outside, "ip_forward", 1)
    yield made


@pytest.fixture(scope="module")
def sides(cloud: Cloud) -> Iterator[list[Side]]:
    """Two routers on the first external network, one on the second; the addresses behind two of them are equal."""

    def external(name: str, cidr: str, gateway: str) -> Any:
        flat = {"provider_network_type": "flat", "provider_physical_network": name}
        made = cloud.make_network(f"ext-{name}", None, is_router_external=True, **flat)
        cloud.make_subnet(made, cidr, gateway_ip=gateway, is_dhcp_enabled=False)
        return made

    first = external("physnet1", "203.0.113.0/24", "203.0.113.1")
    second = external("physnet2", "198.51.100.0/24", "198.51.100.1")
    made = [
        Side(cloud, "a", first, "10.5.0.0/24"),
        Side(cloud, "a2", first, "10.6.0.0/24"),
        Side(cloud, "b", second, "10.5.0.0/24"),
    ]
    for side in made:
        side.wait()
    servers = [
        vm.start(sys.executable, "-c", NAMED, vm.address, f"{side.name}-{host}")
        for side in made
        for host, vm in side.vms.items()
    ]
    command = ("ip", "netns", "exec", cloud.lab.outside, sys.executable, "-c", NAMED, REMOTE, "outside")
    servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    for server in servers:
        assert server.stdout is not None and server.stdout.readline().strip() == "up"
    yield made
    for server in servers:
        server.kill()
        server.communicate()


def _clients(sides: list[Side]) -> Iterator[tuple[str, str, Workload]]:
    """Name of a VM, the address by which it is known outside, and the VM."""
    for side in sides:
        for host, vm in side.vms.items():
            yield f"{side.name}-{host}", side.seen(host), vm


def _assert_everybody_reaches_everything(sides: list[Side]) -> None:
    """By TCP, with the sender's address outside as it shall be, and by ping."""
    targets = {address: name for side in sides for address, name in side.addresses().items()} | {REMOTE: "outside"}
    gateways = [side.gateway_ip for side in sides]
    for client, seen, vm in _clients(sides):
        said = vm.run(sys.executable, "-c", ASK_ALL, *targets).stdout.splitlines()
        assert said == [f"{name} {seen}" for name in targets.values()], client
        answered = vm.run("sh", "-c", PING_ALL, "sh", *targets, *gateways).stdout.split()
        silent = {address: targets.get(address, "gateway") for address in {*targets, *gateways} - {*answered}}
        assert not silent, f"{client}, known as {seen}, is not answered by these"


@pytest.mark.parametrize("place", [("h0", "h0", "h0"), ("h0", "h1", "h1"), ("h1", "h0", "h1")], ids="-".join)
def test_vms_reach_floating_ips_behind_any_router_and_the_outside(sides: list[Side], place: tuple[str, ...]) -> None:
    """Wherever the gateways are: all on one host, and each pair on two."""
    for side, host in zip(sides, place, strict=True):
        side.move(host)
    _assert_everybody_reaches_everything(sides)


def test_a_vm_behind_two_routers_goes_out_by_the_one_that_its_routes_name(cloud: Cloud, sides: list[Side]) -> None:
    first, second = sides[0], sides[2]
    network, vm = cloud.network, first.vms["h2"]
    port = cloud.make_port(first.inside, fixed_ips=[{"subnet_id": first.subnet.id, "ip_address": "10.5.0.254"}])
    router = network.create_router(name="both", external_gateway_info={"network_id": second.external.id})
    network.add_interface_to_router(router, port_id=port.id)
    (other,) = network.get_router(router.id).external_gateway_info["external_fixed_ips"]
    assert _asked(vm, REMOTE) == f"outside {first.seen('h2')}"
    vm.ip("route", "add", REMOTE, "via", "10.5.0.254")
    wait_until(lambda: _asked(vm, REMOTE) == f"outside {other['ip_address']}", "it goes out by the other router")
    assert vm.reaches(REMOTE)
    vm.ip("route", "del", REMOTE)
    assert _asked(vm, REMOTE) == f"outside {first.seen('h2')}"
    network.remove_interface_from_router(router, port_id=port.id)
    network.delete_router(router)


def _asked(vm: Workload, address: str) -> str:
    return vm.run(sys.executable, "-c", ASK_ALL, address).stdout.strip()

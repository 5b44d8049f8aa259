"""Routers and the outside: real VMs on hosts with and without a bridge to it, a router and a web server."""

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets.cloud import Cloud, Workload
from tests.packets.conftest import make_cloud
from tunbridge.lab.host import wait_until

pytestmark = pytest.mark.ovs
PEER, REMOTE = "203.0.113.1", "198.51.100.7"
"""The machine outside, whose first address every lab gives it."""
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
FETCH = "import urllib.request; print(urllib.request.urlopen('http://{}:8000/', timeout=4).read().decode())"


class Site:
    """A router from blue (VXLAN) to an external network that h0 and h1 have a bridge to and h2 has not."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        cloud.outside("ip", "link", "set", "lo", "up")
        cloud.outside("ip", "addr", "add", f"{REMOTE}/32", "dev", "lo")
        network = cloud.network
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
        self.external = cloud.make_network("ext", None, is_router_external=True, **flat)
        cloud.make_subnet(self.external, "203.0.113.0/24", gateway_ip=PEER, is_dhcp_enabled=False)
        self.blue = cloud.make_network("blue", None)
        subnet = cloud.make_subnet(self.blue, "10.5.0.0/24")
        self.router = network.create_router(
            name="r", external_gateway_info={"network_id": self.external.id, "enable_snat": True}
        )
        network.add_interface_to_router(self.router, subnet_id=subnet.id)
        self.group = network.create_security_group(name="open")
        network.create_security_group_rule(security_group_id=self.group.id, direction="ingress", ethertype="IPv4")
        self.vms = {host: self.vm(host) for host in cloud.hosts}

    @property
    def gateway_ip(self) -> str:
        """The router's own address outside."""
        router = self.cloud.network.get_router(self.router.id)
        return str(router.external_gateway_info["external_fixed_ips"][0]["ip_address"])

    @property
    def gateway_host(self) -> str:
        """The host that has the router's address."""
        return self.gateway_hosts()[0]

    def gateway_hosts(self) -> list[str]:
        """Hosts that translate for the router."""
        return [name for name in self.cloud.hosts if f"nat(src={self.gateway_ip})" in self.flows(name)]

    def flows(self, host: str) -> str:
        found = self.cloud.hosts[host].host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int").stdout
        return str(found)

    def vm(self, host: str) -> Workload:
        made = self.cloud.vm(host, self.blue, security_groups=[self.group.id])
        made.ip("route", "add", "default", "via", "10.5.0.1")
        return made

    def floating(self, vm: Workload | None) -> Any:
        """A new floating IP of a VM, that is ACTIVE."""
        network = self.cloud.network
        port = None if vm is None else vm.port.id
        made = network.create_ip(floating_network_id=self.external.id, port_id=port)
        if vm is not None:
            self.wait(made, "ACTIVE")
        return made

    def wait(self, floating: Any, status: str) -> None:
        wait_until(lambda: self.cloud.network.get_ip(floating.id).status == status, f"the floating IP is {status}")

    def lead(self, floating: Any, vm: Workload | None) -> None:
        self.cloud.network.update_ip(floating.id, port_id=None if vm is None else vm.port.id)
        self.wait(floating, "DOWN" if vm is None else "ACTIVE")

    def reached(self, address: str) -> bool:
        """Whether an address answers the physical router within some seconds."""
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            if self.cloud.outside("ping", "-c1", "-W1", "-I", REMOTE, address, check=False).returncode == 0:
                return True
        return False


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=3, preview=True, apart=["h2"])


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Site:
    return Site(cloud)


@pytest.fixture(scope="module")
def web(cloud: Cloud) -> Iterator[None]:
    """A web server outside that tells who asked."""
    command = ("ip", "netns", "exec", cloud.lab.outside, "python3", "-c", SERVE)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "up"
    yield
    server.kill()
    server.communicate()


def test_vms_on_every_host_reach_the_outside_by_their_router(site: Site) -> None:
    for vm in site.vms.values():
        assert vm.reaches(REMOTE)
        assert vm.reaches(PEER)

"""A site with an outside: a router to an external network that some hosts have a bridge to, and VMs on each host."""

import contextlib
import subprocess
import time
from collections.abc import Iterable, Iterator
from typing import Any

from tests.packets.cloud import SLOWNESS, Cloud, Workload, wait_until

SWITCH, PEER, REMOTE = "phys0", "203.0.113.1", "198.51.100.7"
PEER6, REMOTE6 = "2001:db8:f::1", "2001:db8:99::7"
"""The machine outside, whose first address every lab gives it."""


class Behind:
    """Blue (VXLAN, IPv4 and IPv6) behind a router, and a VM of it on each host that lets everything in."""

    def __init__(self, cloud: Cloud, router: Any, **six: Any) -> None:
        """`six`: more of the IPv6 subnet."""
        self.cloud, self.router = cloud, router
        self.blue = cloud.make_network("blue", None)
        slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        inside = [
            cloud.make_subnet(self.blue, "10.5.0.0/24"),
            cloud.make_subnet(self.blue, "2001:db8:5::/64", **slaac, **six),
        ]
        network = cloud.network
        self.group = network.create_security_group(name="open")
        for subnet in inside:
            network.add_interface_to_router(router, subnet_id=subnet.id)
            version = f"IPv{subnet.ip_version}"
            network.create_security_group_rule(security_group_id=self.group.id, direction="ingress", ethertype=version)
        self.vms = {host: self.vm(host) for host in cloud.hosts}

    def vm(self, host: str) -> Workload:
        made = self.cloud.vm(host, self.blue, address=False, security_groups=[self.group.id])
        made.ip("addr", "add", f"{made.address}/24", "dev", "eth0")
        made.ip("route", "add", "default", "via", "10.5.0.1")
        return made

    def flows(self, host: str) -> str:
        """Of br-int; "" while its Open vSwitch is down."""
        dump = ("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int")
        return str(self.cloud.hosts[host].host.run(*dump, check=False).stdout)

    def hosts_of(self, address: str) -> list[str]:
        """Hosts that answer for an address of the router; others may be ready to translate for it."""
        return [name for name in self.cloud.hosts if f"arp_tpa={address}," in self.flows(name)]

    def floating_on(self, external: Any, vm: Workload | None) -> Any:
        """A new floating IP of an external network, that is ACTIVE where a VM has it."""
        port = None if vm is None else vm.port.id
        made = self.cloud.network.create_ip(floating_network_id=external.id, port_id=port)
        if vm is not None:
            self.wait(made, "ACTIVE")
        return made

    def wait(self, floating: Any, status: str) -> None:
        wait_until(lambda: self.cloud.network.get_ip(floating.id).status == status, f"the floating IP is {status}")

    def start_outside(self, *argv: str) -> subprocess.Popen[str]:
        """Start a command on the machine outside; whoever starts it ends it."""
        command = ("ip", "netns", "exec", self.cloud.lab.outside, *argv)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Site(Behind):
    """A router from blue to an external network that h0 and h1 have a bridge to and h2 has not."""

    def __init__(self, cloud: Cloud) -> None:
        cloud.outside("ip", "link", "set", "lo", "up")
        cloud.outside("ip", "addr", "add", f"{REMOTE}/32", "dev", "lo")
        for address, device in ((f"{PEER6}/64", SWITCH), (f"{REMOTE6}/128", "lo")):
            cloud.outside("ip", "addr", "add", address, "dev", device, "nodad")
        network = cloud.network
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
        self.external = cloud.make_network("ext", None, is_router_external=True, **flat)
        cloud.make_subnet(self.external, "203.0.113.0/24", gateway_ip=PEER, is_dhcp_enabled=False)
        scope = network.create_address_scope(name="six", ip_version=6)
        pool = network.create_subnet_pool(name="six", prefixes=["2001:db8::/32"], address_scope_id=scope.id)
        both = {"subnet_pool_id": pool.id}
        cloud.make_subnet(self.external, "2001:db8:f::/64", gateway_ip=PEER6, is_dhcp_enabled=False, **both)
        gateway = {"network_id": self.external.id, "enable_snat": True}
        super().__init__(cloud, network.create_router(name="r", external_gateway_info=gateway), **both)

    @property
    def gateway_ip(self) -> str:
        """The router's own address outside."""
        return next(a for a in self.gateway_ips() if ":" not in a)

    def gateway_ips(self) -> list[str]:
        """The router's addresses outside, of both versions."""
        router = self.cloud.network.get_router(self.router.id)
        return [str(ip["ip_address"]) for ip in router.external_gateway_info["external_fixed_ips"]]

    @property
    def gateway_host(self) -> str:
        """The host that has the router's address."""
        return self.gateway_hosts()[0]

    def gateway_hosts(self) -> list[str]:
        """Hosts that have the router's address."""
        return self.hosts_of(self.gateway_ip)

    def floating(self, vm: Workload | None) -> Any:
        """A new floating IP of a VM, that is ACTIVE."""
        return self.floating_on(self.external, vm)

    def lead(self, floating: Any, vm: Workload | None) -> None:
        self.cloud.network.update_ip(floating.id, port_id=None if vm is None else vm.port.id)
        self.wait(floating, "DOWN" if vm is None else "ACTIVE")

    def reached(self, address: str) -> bool:
        """Whether an address answers the physical router within some seconds."""
        deadline = time.monotonic() + 4 * SLOWNESS
        while time.monotonic() < deadline:
            if self.cloud.outside("ping", "-c1", "-W1", "-I", REMOTE, address, check=False).returncode == 0:
                return True
        return False


@contextlib.contextmanager
def running(servers: Iterable[subprocess.Popen[str]]) -> Iterator[None]:
    """Wait until each of these processes has printed "up", and end them after the block."""
    started = list(servers)
    try:
        for server in started:
            assert server.stdout is not None and server.stdout.readline().strip() == "up"
        yield
    finally:
        for server in started:
            server.kill()
            server.communicate()

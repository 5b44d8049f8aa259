"""Routers: throughput and new connections a second, beside a Linux router in a namespace in the same place.

The Linux router forwards and does not translate; it has an interface in a plain bridge of h0 with one NORMAL flow, and
one in the provider bridge. So beside SNAT and floating IPs it is what they cost in addition, with all the rest.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from bench import traffic
from bench.figures import Figure
from tests.packets.cloud import Cloud, Workload
from tunbridge.lab import namespaces
from tunbridge.lab.host import wait_until

_PEER, _LINUX = "203.0.113.1", "203.0.113.250"
"""The machine outside, which every lab has, and the Linux router there."""


class _Outside:
    """The machine outside, as one end of a measurement."""

    address = _PEER

    def __init__(self, cloud: Cloud) -> None:
        self._prefix = ("ip", "netns", "exec", cloud.lab.outside)

    def run(self, *argv: str) -> Any:
        return namespaces.run(*self._prefix, *argv)

    def shell(self, script: str) -> str:
        return str(self.run("sh", "-c", script).stdout)

    def start(self, *argv: str) -> Any:
        return traffic.start([*self._prefix, *argv])


class _Named(NamedTuple):
    """A workload that is reached by another address."""

    vm: Workload
    address: str

    def start(self, *argv: str) -> Any:
        return self.vm.start(*argv)


def figures(cloud: Cloud, runs: int) -> Iterator[Figure]:
    """Routed on one host and across hosts, out by SNAT, and in by a floating IP."""
    network = cloud.network
    flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
    external = cloud.make_network("ext", None, is_router_external=True, **flat)
    cloud.make_subnet(external, "203.0.113.0/24", gateway_ip=_PEER, is_dhcp_enabled=False)
    router = network.create_router(name="routed", external_gateway_info={"network_id": external.id})
    group = network.create_security_group(name="routed")
    network.create_security_group_rule(security_group_id=group.id, direction="ingress", ethertype="IPv4")
    nets = [cloud.make_network(name, None) for name in ("left", "right")]
    for number, net in enumerate(nets, 41):
        network.add_interface_to_router(router, subnet_id=cloud.make_subnet(net, f"10.{number}.0.0/24").id)

    def vm(host: str, side: int) -> Workload:
        made = cloud.vm(host, nets[side], security_groups=[group.id])
        made.ip("route", "add", "default", "via", f"10.{41 + side}.0.1")
        return made

    gateway = _gateway_host(cloud, vm("h0", 0), vm("h1", 0))
    left, near, far = vm(gateway, 0), vm(gateway, 1), vm("h1" if gateway == "h0" else "h0", 1)
    linux = _Linux(cloud, gateway, nets[0])
    outside = _Outside(cloud)
    floating = network.create_ip(floating_network_id=external.id, port_id=left.port.id).floating_ip_address
    wait_until(lambda: _answers(outside, floating), "the floating IP answers", 20)
    for where, ours, theirs in (
        ("routed on one host", (left, near), (linux.left, linux.near)),
        ("routed across hosts", (left, far), (linux.left, linux.far)),
        ("in by a floating IP", (outside, _Named(left, floating)), (outside, linux.left)),
        ("out by SNAT", (near, outside), (linux.left, outside)),
    ):
        yield from traffic.compare(cloud, where, ours, theirs, runs, "a Linux router")


def _answers(outside: _Outside, address: str) -> bool:
    return "1 received" in outside.shell(f"ping -c1 -W1 {address}; true")


def _gateway_host(cloud: Cloud, *vms: Workload) -> str:
    """The host that has the router's address."""
    for vm in vms:
        assert vm.reaches(_PEER, seconds=10)
    flows = {h: w.host.run("ovs-ofctl", "dump-flows", "br-int", "table=73").stdout for h, w in cloud.hosts.items()}
    return next(name for name, text in flows.items() if any("priority=31,arp" in line for line in text.splitlines()))


class _Linux:
    """A Linux router in a namespace, on a host, with workloads of plain bridges on both sides of it."""

    def __init__(self, cloud: Cloud, host: str, network: Any) -> None:
        traffic.make_plain(cloud)
        other = next(name for name in cloud.hosts if name != host)

        def plain(where: str, address: str, via: str | None) -> traffic.Plain:
            made = traffic.Plain(cloud, cloud.hosts[where], cloud.make_port(network))
            made.ip("addr", "add", f"{address}/24", "dev", "eth0")
            if via is not None:
                made.ip("route", "add", "default", "via", via)
            made.named = address
            return made

        router = plain(host, "10.51.0.1", None)
        router.ip("addr", "add", "10.52.0.1/24", "dev", "eth0")
        tap = router.wire("eth1", cloud.hosts[host])
        cloud.hosts[host].host.vsctl("add-port", "br-eth1", tap)
        router.ip("link", "set", "eth1", "address", "02:00:00:00:51:01", "up")
        router.ip("addr", "add", f"{_LINUX}/24", "dev", "eth1")
        router.shell("echo 1 > /proc/sys/net/ipv4/ip_forward")
        for name in ("all", "default", "eth0"):
            router.shell(f"echo 0 > /proc/sys/net/ipv4/conf/{name}/send_redirects")
        cloud.outside("ip", "route", "add", "10.51.0.0/24", "via", _LINUX)
        self.left = plain(host, "10.51.0.2", "10.51.0.1")
        self.near = plain(host, "10.52.0.2", "10.52.0.1")
        self.far = plain(other, "10.52.0.3", "10.52.0.1")

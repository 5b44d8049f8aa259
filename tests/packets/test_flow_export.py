"""Records of traffic: a collector is told of a ping between two VMs, by each protocol."""

import socket
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.sockets import inside
from tunbridge.agent.config import FlowExport
from tunbridge.lab import namespaces
from tunbridge.lab.lab import UNDERLAY_SWITCH

pytestmark = pytest.mark.ovs
COLLECTOR, PORT = "10.0.0.201", 4739


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[tuple[Workload, Workload]]:
    network = cloud.make_network("shop", "10.71.0.0/24")
    yield cloud.vm("h0", network), cloud.vm("h0", network)


@pytest.mark.parametrize(("protocol", "version"), [("ipfix", b"\x00\x0a"), ("sflow", b"\x00\x00\x00\x05")])
def test_a_collector_hears_of_a_ping(
    cloud: Cloud, vms: tuple[Workload, Workload], protocol: Literal["ipfix", "sflow"], version: bytes
) -> None:
    near, far = vms
    host = cloud.hosts["h0"]

    def collector() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((COLLECTOR, PORT))
        made.settimeout(20)
        return made

    namespaces.run("ip", "-n", cloud.lab.underlay, "addr", "replace", f"{COLLECTOR}/24", "dev", UNDERLAY_SWITCH)
    with inside(cloud.lab.underlay, collector) as listening:
        host.configure(flow_export=FlowExport(protocol=protocol, targets=[f"{COLLECTOR}:{PORT}"], sampling=1))
        host.reload()
        wait_until(lambda: host.host.vsctl("get", "bridge", "br-int", protocol).strip() != "[]", "it is set")
        ping = near.start("ping", "-i", "0.1", far.address)
        try:
            addresses = [socket.inet_aton(vm.address) for vm in vms]
            while True:
                datagram = listening.recv(65535)
                assert datagram.startswith(version)
                if all(address in datagram for address in addresses):
                    break
        finally:
            ping.kill()
            ping.wait()
    host.configure(flow_export=None)
    host.reload()
    wait_until(lambda: host.host.vsctl("get", "bridge", "br-int", protocol).strip() == "[]", "it is taken back")

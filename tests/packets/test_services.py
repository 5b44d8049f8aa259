"""What the agents answer: real DHCPv6 clients, requests of a VM while another one floods, and a port that is wrong."""

import functools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RS, IPv6
from scapy.layers.l2 import Ether

from tests.agent.hosts import Wired
from tests.agent.test_metrics import ADDRESS, families, fetch
from tests.api.day.central import transact
from tests.packets.cloud import KERNELS, PING_S, Cloud, Ping, Workload, wait_until
from tests.packets.sockets import Wire, inside, wire
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.addresses import service_link_local
from tunbridge.dataplane.features.port_security import link_local

pytestmark = pytest.mark.ovs
FLOOD_PPS = 5_000
"""Fifty times what a VM may ask of the agent."""


def test_dhcpv6_gives_addresses_and_they_reach_across_hosts(cloud: Cloud) -> None:
    network = cloud.make_network("stateful", "10.80.0.0/24")
    mode = "dhcpv6-stateful"
    cloud.make_subnet(
        network, "2001:db8:80::/64", ipv6_ra_mode=mode, ipv6_address_mode=mode, dns_nameservers=["2001:db8:80::53"]
    )
    near, far = (cloud.vm(host, network, address=False) for host in ("h0", "h1"))
    for vm in (near, far):
        lease = vm.dhcp6()
        assert lease["new_ip6_address"] == vm.address6
        assert lease["new_dhcp6_name_servers"] == "2001:db8:80::53"
        vm.ip("-6", "route", "replace", "2001:db8:80::/64", "dev", "eth0")
    assert near.reaches(far.address6, "-6")
    assert far.reaches(near.address6, "-6")


def test_dhcpv6_gives_options_alone_where_addresses_are_made_of_advertisements(cloud: Cloud) -> None:
    network = cloud.make_network("stateless", None)
    mode = "dhcpv6-stateless"
    cloud.make_subnet(
        network, "2001:db8:81::/64", ipv6_ra_mode=mode, ipv6_address_mode=mode, dns_nameservers=["2001:db8:81::53"]
    )
    near, far = (cloud.vm(host, network, address=False) for host in ("h0", "h1"))
    for vm in (near, far):
        lease = vm.dhcp6("-S")
        assert lease["new_dhcp6_name_servers"] == "2001:db8:81::53"
        assert "new_ip6_address" not in lease
    assert near.reaches(far.address6, "-6", seconds=8)


def test_what_answers_say_is_taken_over_while_the_agent_runs(cloud: Cloud) -> None:
    vm = cloud.vm("h0", cloud.make_network("lease", "10.82.0.0/24"), address=False)
    host = cloud.hosts["h0"]
    before = host.config.dhcp_lease_duration
    assert vm.dhcp()["lease"] == str(before)
    try:
        host.configure(dhcp_lease_duration=777)
        host.reload()
        wait_until(lambda: vm.dhcp()["lease"] == "777", "the new lease time")
    finally:
        host.configure(dhcp_lease_duration=before)
        host.reload()


def test_a_client_whose_address_was_taken_away_is_told_when_it_renews(cloud: Cloud) -> None:
    """It renews from the address that it has, which port security lets nobody else hear."""
    network = cloud.make_network("renumbered", None)
    subnet = cloud.make_subnet(network, "10.83.0.0/24")
    old, new = ([{"subnet_id": subnet.id, "ip_address": f"10.83.0.{n}"}] for n in (10, 20))
    vm = cloud.vm("h0", network, address=False, fixed_ips=old)
    with wire(vm) as heard:
        for target in ("10.83.0.1", "255.255.255.255"):  # renewing, and rebinding
            cloud.network.update_port(vm.port.id, fixed_ips=old)
            wait_until(functools.partial(_renewal, heard, vm, target, "ack"), "renewed", 5)
            cloud.network.update_port(vm.port.id, fixed_ips=new)
            wait_until(functools.partial(_renewal, heard, vm, target, "nak"), "refused", 5)


def _renewal(heard: Wire, vm: Workload, target: str, answer: str) -> bool:
    """Whether the renewal of 10.83.0.10 gets this answer."""
    kinds = {"ack": 5, "nak": 6}
    options = [("message-type", "request"), "end"]
    asks = BOOTP(ciaddr="10.83.0.10", chaddr=bytes.fromhex(vm.mac.replace(":", ""))) / DHCP(options=options)
    heard.send(
        Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="10.83.0.10", dst=target) / UDP(sport=68, dport=67) / asks
    )
    told = bytes([0x63, 0x82, 0x53, 0x63, 53, 1, kinds[answer]])
    return any(told in frame for frame in heard.seen(lambda frame: told in frame, 0.5))


@contextmanager
def flood(vm: Workload, *frames: bytes) -> Iterator[list[int]]:
    """Send frames in turn, `FLOOD_PPS` of them a second, for a while. Gives how many were sent."""
    wire = inside(vm.namespace, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    wire.bind(("eth0", 0))
    ending = threading.Event()
    sent = [0]

    def run() -> None:
        began = time.monotonic()
        while not ending.is_set():
            while sent[0] < (time.monotonic() - began) * FLOOD_PPS:
                wire.send(frames[sent[0] % len(frames)])
                sent[0] += 1
            time.sleep(0.002)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        ending.set()
        thread.join()
        wire.close()


def requests(vm: Workload) -> list[bytes]:
    """What a VM can ask the agent for, again and again."""
    ether, chaddr = Ether(src=vm.mac, dst="ff:ff:ff:ff:ff:ff"), bytes.fromhex(vm.mac.replace(":", ""))
    discover = BOOTP(chaddr=chaddr) / DHCP(options=[("message-type", "discover"), "end"])
    dhcp = ether / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / discover
    solicitation = Ether(src=vm.mac, dst="33:33:00:00:00:02") / IPv6(src="::", dst="ff02::2", hlim=255) / ICMPv6ND_RS()
    service = service_link_local(vm.port.network_id)
    to_it = Ether(src=vm.mac, dst="33:33:ff:00:00:00") / IPv6(src=link_local(vm.mac), dst="ff02::1:ff00:0", hlim=255)
    return [bytes(dhcp), bytes(solicitation), bytes(to_it / ICMPv6ND_NS(tgt=service))]


def _dhcp_seconds(vm: Workload) -> float:
    began = time.monotonic()
    assert vm.dhcp()["ip"] == vm.address
    return time.monotonic() - began


@pytest.fixture(scope="module")
def host(cloud: Cloud) -> Iterator[Wired]:
    """Host h0, whose agent serves metrics."""
    found = cloud.hosts["h0"]
    found.configure(metrics=ADDRESS)
    found.restart()
    yield found


@pytest.mark.skipif(
    KERNELS, reason="an emulated processor does not answer the 100 requests a second that a VM may send"
)
def test_a_vm_that_floods_requests_delays_nobody_elses(cloud: Cloud, host: Wired) -> None:
    network = cloud.make_network("flooded", "10.82.0.0/24")
    cloud.make_subnet(network, "2001:db8:82::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    rude, polite = (cloud.vm("h0", network, address=False) for _ in range(2))
    alone = min(_dhcp_seconds(polite) for _ in range(2))
    began = time.monotonic()
    with flood(rude, *requests(rude)) as sent:
        time.sleep(1)
        beside = [_dhcp_seconds(polite) for _ in range(3)]
    seconds = time.monotonic() - began
    rate = sent[0] / seconds
    print(f"DHCP takes {alone * 1000:.0f} ms; while another VM sends {rate:.0f} requests a second: {beside}")
    # udhcpc asks again after a second: an answer that was lost, or came late, takes more than that.
    assert max(beside) < alone + 1
    kinds = {"dhcp4", "router", "neighbour"}
    wait_until(lambda: _answered(host).keys() >= kinds, "the agent tells what it has answered")
    # All that it answered in the meantime, also of the other VM; the meter lets some more through while it starts.
    answered = sum(_answered(host).values())
    assert answered < 2 * (pipeline.WORKLOAD_BURST + pipeline.WORKLOAD_PPS * seconds) < sent[0]


def _answered(host: Wired) -> dict[str, float]:
    """Kind of request -> how many of them were answered."""
    samples = families(fetch(host, "/metrics")[1])["tunbridge_packets"]
    return {s.labels["kind"]: s.value for s in samples if s.labels.get("result") == "answered"}


def test_a_port_that_cannot_be_carried_out_harms_no_other_and_is_told(cloud: Cloud, host: Wired) -> None:
    network = cloud.make_network("faulty", "10.83.0.0/24")
    good, bad, far = (cloud.vm(name, network, address=False) for name in ("h0", "h0", "h1"))
    for vm in (good, far):
        vm.configure()
    assert good.reaches(far.address)
    steady = Ping(good, far.address)
    # An option that cannot be sent is left out, and the port works without it.
    cloud.network.update_port(bad.port.id, extra_dhcp_opts=[{"opt_name": "ntp-server", "opt_value": "tomorrow"}])
    wait_until(lambda: "'tomorrow' is not an IPv4 address" in _told(host, bad), "the option is told")
    assert bad.dhcp()["ip"] == bad.address and bad.reaches(far.address)
    assert cloud.status(bad.port) == "ACTIVE" and _metric(host, "tunbridge_problems") == 1
    cloud.network.update_port(bad.port.id, extra_dhcp_opts=[{"opt_name": "ntp-server", "opt_value": None}])
    wait_until(lambda: _told(host, bad) == "" and _metric(host, "tunbridge_problems") == 0, "it is told no more")
    # What cannot be filtered for forwards nothing. The API would refuse such a pair.
    pairs = '[{"mac_address": "fa:16:3e:00:00:01", "ip_address": "10.83.0.300"}]'
    assert cloud.lab.server is not None
    where = [["_uuid", "==", ["uuid", bad.port.id]]]
    remote = f"unix:{cloud.lab.server.folder}/run/db.sock"
    transact(remote, {"op": "update", "table": "Port", "where": where, "row": {"allowed_address_pairs": pairs}})
    wait_until(lambda: cloud.status(bad.port) == "ERROR", "the port is in ERROR")
    wait_until(lambda: "10.83.0.300" in _told(host, bad), "and told why")
    assert _metric(host, "tunbridge_ports", status="ERROR") == 1
    assert any("10.83.0.300" in line and bad.port.id in line for line in host.log().splitlines())
    assert bad.never_reaches(far.address)
    answered, lost = steady.end()
    assert (answered > 1 / PING_S, lost) == (True, 0)
    assert cloud.status(good.port) == "ACTIVE" and good.dhcp()["ip"] == good.address
    cloud.network.update_port(bad.port.id, allowed_address_pairs=[])
    bad.wait_active()
    assert bad.reaches(far.address)


def _told(host: Wired, vm: Workload) -> str:
    """What the agent, and so `tunbridge host status`, says of a port."""
    status = host.answer().status
    return "\n".join(p.message for p in status.problems if p.subject == f"port {vm.port.id}")


def _metric(host: Wired, name: str, **labels: str) -> float:
    samples = families(fetch(host, "/metrics")[1])[name]
    return next(s.value for s in samples if s.labels.items() >= labels.items())

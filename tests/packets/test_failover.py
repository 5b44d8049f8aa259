"""A gateway host that dies, is cut off, or is taken out of service, under a ping each 10 ms from another host.

And under a TCP and a UDP stream each way: from outside to a floating IP on a host that stays, and through the router's
address; with new connections through that, one after the other.
"""

import functools
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from tests.agent.hosts import NIC
from tests.packets.cloud import KERNELS, PING_S, SLOWNESS, Cloud, Ping, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.site import PEER, REMOTE, Site
from tests.packets.sockets import inside
from tests.packets.streams import Dialling, Talk
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
UNDERLAY = "enunderlay0"
MOST_SILENT_S = 3.0 * SLOWNESS
MOST_LOST = MOST_SILENT_S / PING_S
"""Seconds, and pings: well above the third of a second that it takes, since machines with tests are busy."""
MOST_LOST_PLANNED = 5 * SLOWNESS
"""None, where the machine is not busy: an answer that is on its way when the new host announces the address is lost."""
KINDS: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=3, apart=["h2"])


class Reached(Site):
    """With floating IPs of the VMs on the hosts that reach the outside."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.floating_ips = {host: self.floating(self.vms[host]) for host in ("h0", "h1")}


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Reached:
    made = Reached(cloud)
    assert made.vms["h2"].reaches(REMOTE)
    wait_until(lambda: all(_sessions(made, host) == 2 for host in cloud.hosts), "all hosts have BFD sessions", 20)
    return made


def _sessions(site: Reached, host: str) -> int:
    shown = site.cloud.hosts[host].host.vsctl("--columns=bfd_status", "list", "interface")
    return str(shown).count('forwarding="true"')


def active(site: Reached) -> list[str]:
    """Hosts that answer the wire for the router's address."""
    found = []
    for name in ("h0", "h1"):
        dump = ("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int", "table=73")
        flows = site.cloud.hosts[name].host.run(*dump, check=False).stdout.splitlines()
        if any(f"arp_tpa={site.gateway_ip}" in flow and "priority=31" in flow for flow in flows):
            found.append(name)
    return found


class Streams:
    """What goes on meanwhile: by the floating IP of a VM on a host, and by the router's address from h2."""

    def __init__(self, site: Reached, host: str) -> None:
        outside, vm, far = site.cloud.lab.outside, site.vms[host], site.vms["h2"]
        address = str(site.floating_ips[host].floating_ip_address)
        self._kept = {kind: Talk(kind, outside, vm.namespace, address, 7100) for kind in KINDS}
        self._translated = {kind: Talk(kind, far.namespace, outside, REMOTE, 7200, REMOTE) for kind in KINDS}
        self._new = Dialling(far.namespace, outside, REMOTE, 7300)

    def end(self, what: str) -> None:
        """Prints for how long each was silent. Fails where a floating IP was, or no new connection came about."""
        kept, new = {kind: talk.end() for kind, talk in self._kept.items()}, self._new.end()
        translated = {kind: talk.end() for kind, talk in self._translated.items()}
        print(f"{what}: longest silence of a floating IP {kept}, through the router {translated}, of new ones {new}")
        for talk in self._kept.values():
            assert talk.error is None
        assert max(kept.values()) < MOST_SILENT_S, kept
        assert new < MOST_SILENT_S


def lost_during(site: Reached, what: str, action: Callable[[], object], expected: str, stays: str) -> int:
    """Pings that are lost from before an action until a host has the gateway, and two seconds more.

    `stays`: the host of the VM whose floating IP is not to notice.
    """
    ping, streams = Ping(site.vms["h2"], REMOTE), Streams(site, stays)
    time.sleep(0.3)
    action()
    wait_until(lambda: active(site) == [expected], f"{expected} has the gateway", 30)
    time.sleep(2)
    got, lost = ping.end()
    print(f"{what}: {lost} pings lost, one each {PING_S} s")
    streams.end(what)
    assert got > 1 / PING_S
    return lost


def other(host: str) -> str:
    return "h1" if host == "h0" else "h0"


def enable(site: Reached, host: str, up: bool) -> None:
    """Take a host's agent out of service, or back."""
    network = site.cloud.network
    agent = next(agent for agent in network.agents() if agent.host == host)
    network.update_agent(agent, admin_state_up=up)


def test_who_takes_over_knows_the_next_hop_before_a_packet_needs_it(site: Reached) -> None:
    host = site.cloud.hosts[other(active(site)[0])].host
    dump = ("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int", "table=68")
    wait_until(lambda: f"nw_dst={PEER}" in host.run(*dump).stdout, "it has asked for it")


def test_a_planned_move_loses_nothing(site: Reached) -> None:
    for _ in range(2):
        first = active(site)[0]
        move = functools.partial(enable, site, first, False)
        try:
            assert lost_during(site, "planned move", move, other(first), first) <= MOST_LOST_PLANNED
        finally:
            enable(site, first, True)
        time.sleep(4)  # it is ready again


def test_connections_to_forwarded_ports_go_on_when_the_vm_is_the_first_that_sends_again(site: Reached) -> None:
    vm, network, floating = site.vms["h2"], site.cloud.network, site.floating(None)
    there = {"internal_port_id": vm.port.id, "internal_ip_address": vm.address, "protocol": "tcp"}
    one = {"external_port": 7401, "internal_port": 7400}
    several = {"external_port_range": "7410:7419", "internal_port_range": "7510:7519"}
    made = [network.create_floating_ip_port_forwarding(floating, **there, **ports) for ports in (one, several)]
    site.wait(floating, "ACTIVE")
    outside, address = site.cloud.lab.outside, str(floating.floating_ip_address)
    connections = [connection(outside, vm.namespace, address, *ports) for ports in ((7401, 7400), (7415, 7515))]
    try:
        for _ in range(2):
            first = active(site)[0]
            enable(site, first, False)
            try:
                wait_until(lambda: active(site) == [other(first)], "the other host has the gateway", 30)  # noqa: B023
                for near, far in connections:
                    for sender, receiver in ((far, near), (near, far)):
                        sender.sendall(b"further")
                        assert receiver.recv(100) == b"further"
            finally:
                enable(site, first, True)
            time.sleep(4)  # it is ready again
    finally:
        for end in itertools.chain(*connections):
            end.close()
        for each in made:
            network.delete_floating_ip_port_forwarding(floating, each)
        network.delete_ip(floating)


def connection(client: str, server: str, address: str, port: int, inner: int) -> tuple[socket.socket, socket.socket]:
    """A TCP connection to a port that leads to another one: the ends of the client and the server, in namespaces."""
    with inside(server, lambda: socket.create_server(("", inner))) as listener:
        near = inside(client, lambda: socket.create_connection((address, port), 5 * SLOWNESS))
        far = listener.accept()[0]
    for end in (near, far):
        end.settimeout(10 * SLOWNESS)
    return near, far


def test_a_vswitchd_that_is_killed_and_comes_back(site: Reached) -> None:
    first = active(site)[0]
    host = site.cloud.hosts[first].host
    stays, killed = other(first), functools.partial(host.kill, "ovs-vswitchd")
    lost = lost_during(site, "vswitchd killed", killed, stays, stays)
    assert lost < MOST_LOST
    assert lost > 0 or KERNELS  # which forward without it, until the other host has taken over
    assert lost_during(site, "vswitchd is back", host.start_vswitchd, first, stays) < MOST_LOST


@pytest.mark.parametrize("device", [UNDERLAY, NIC])
def test_a_link_that_is_cut_and_comes_back(site: Reached, device: str) -> None:
    """Of the tunnels, or of the provider bridge: the host knows itself that it must not have the gateway."""
    first = active(site)[0]
    host = site.cloud.hosts[first].host
    stays = other(first)
    for state, expected in (("down", stays), ("up", first)):
        switch = functools.partial(host.run, "ip", "link", "set", device, state)
        assert lost_during(site, f"{device} {state}", switch, expected, stays) < MOST_LOST


def test_a_provider_bridge_that_takes_no_flows(site: Reached) -> None:
    first = active(site)[0]
    wired = site.cloud.hosts[first]

    def take_away() -> None:
        wired.stop()
        wired.host.run("mv", "/run/openvswitch/br-eth1.mgmt", "/run/openvswitch/br-eth1.away")
        wired.host.start_agent(agent_command(), wait=False)

    def bring_back() -> None:
        wired.host.run("mv", "/run/openvswitch/br-eth1.away", "/run/openvswitch/br-eth1.mgmt")

    stays = other(first)
    for action, expected in ((take_away, stays), (bring_back, first)):
        assert lost_during(site, action.__name__, action, expected, stays) < MOST_LOST


def test_two_hosts_that_lose_each_other_do_not_both_have_the_gateway(site: Reached) -> None:
    """The one that would take over asks the external network, where the other one answers; all others go on."""
    first = active(site)[0]
    ips = {"h0": "10.0.0.11", "h1": "10.0.0.12"}

    def cut(command: str, suffix: str) -> None:
        for here, there in ((first, other(first)), (other(first), first)):
            host = site.cloud.hosts[here].host
            if KERNELS:  # whose tunnels go by their own routes
                host.run("ip", "route", "del" if "del" in command else "add", "blackhole", ips[there])
            else:
                flow = f"priority=1000,ip,nw_src={ips[there]}{suffix}"
                host.run("ovs-ofctl", *command.split(), "br-phy", flow)

    ping = Ping(site.vms["h2"], REMOTE)
    cut("add-flow", ",actions=drop")
    wait_until(lambda: _sessions(site, first) == 1, "they have lost each other", 20)
    time.sleep(2)
    assert active(site) == [first]
    got, lost = ping.end()
    assert got > 1 / PING_S
    assert lost <= MOST_LOST_PLANNED
    cut("--strict del-flows", "")
    wait_until(lambda: _sessions(site, first) == 2, "they have found each other", 20)
    assert active(site) == [first]


def test_a_host_that_goes_dark(site: Reached) -> None:
    first = active(site)[0]
    off = functools.partial(power_off, site, first)
    assert lost_during(site, "power off", off, other(first), other(first)) < MOST_LOST


def power_off(site: Reached, name: str) -> None:
    for daemon in ("ovs-vswitchd", "agent", "ovsdb-server"):
        site.cloud.hosts[name].host.kill(daemon)


def test_a_host_that_starts_while_a_gateway_host_is_dark_sends_to_the_other(site: Reached) -> None:
    """Its session with the dark one never comes up."""
    if all(site.cloud.hosts[name].host.pid("agent") for name in ("h0", "h1")):  # else one is dark already
        power_off(site, active(site)[0])
    wait_until(lambda: site.vms["h2"].reaches(REMOTE), "the other host has taken over")
    host = site.cloud.hosts["h2"].host
    for daemon in ("agent", "ovs-vswitchd"):
        host.kill(daemon)
    host.start_vswitchd()
    site.cloud.hosts["h2"].restart()
    wait_until(lambda: site.vms["h2"].reaches(REMOTE), "it goes by the other host", 40)

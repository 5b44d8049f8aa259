"""A gateway host that dies, is cut off, or is taken out of service, under a ping each 10 ms from another host."""

import functools
import time
from collections.abc import Callable, Iterator

import pytest

from tests.agent.hosts import NIC
from tests.packets.cloud import Cloud, Ping
from tests.packets.conftest import make_cloud
from tests.packets.test_outside import REMOTE, Site
from tunbridge.lab.host import wait_until

pytestmark = pytest.mark.ovs
UNDERLAY = "enunderlay0"
MOST_LOST = 300
"""Pings at 10 ms: well above the third of a second that it takes, since machines that run tests are busy."""


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    yield make_cloud(module_lab_name(), hosts=3, apart=["h2"])


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Site:
    made = Site(cloud)
    assert made.vms["h2"].reaches(REMOTE)
    wait_until(lambda: all(_sessions(made, host) == 2 for host in cloud.hosts), "all hosts have BFD sessions", 20)
    return made


def _sessions(site: Site, host: str) -> int:
    shown = site.cloud.hosts[host].host.vsctl("--columns=bfd_status", "list", "interface")
    return str(shown).count('forwarding="true"')


def active(site: Site) -> list[str]:
    """Hosts that answer the wire for the router's address."""
    found = []
    for name in ("h0", "h1"):
        dump = ("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int", "table=73")
        flows = site.cloud.hosts[name].host.run(*dump, check=False).stdout.splitlines()
        if any(f"arp_tpa={site.gateway_ip}" in flow and "priority=31" in flow for flow in flows):
            found.append(name)
    return found


def lost_during(site: Site, action: Callable[[], object], expected: str) -> int:
    """Pings that are lost from before an action until a host has the gateway, and two seconds more."""
    ping = Ping(site.vms["h2"], REMOTE)
    time.sleep(0.3)
    action()
    wait_until(lambda: active(site) == [expected], f"{expected} has the gateway", 30)
    time.sleep(2)
    got, lost = ping.end()
    assert got > 100
    return lost


def other(host: str) -> str:
    return "h1" if host == "h0" else "h0"


def enable(site: Site, host: str, up: bool) -> None:
    """Take a host's agent out of service, or back."""
    network = site.cloud.network
    agent = next(agent for agent in network.agents() if agent.host == host)
    network.update_agent(agent, admin_state_up=up)


def test_a_planned_move_loses_nothing(site: Site) -> None:
    for _ in range(2):
        first = active(site)[0]
        assert lost_during(site, functools.partial(enable, site, first, False), other(first)) <= 2  # none, if not busy
        enable(site, first, True)
        time.sleep(4)  # it is ready again


def test_a_vswitchd_that_is_killed_and_comes_back(site: Site) -> None:
    first = active(site)[0]
    host = site.cloud.hosts[first].host
    assert 0 < lost_during(site, lambda: host.kill("ovs-vswitchd"), other(first)) < MOST_LOST
    assert lost_during(site, host.start_vswitchd, first) < MOST_LOST


@pytest.mark.parametrize("device", [UNDERLAY, NIC])
def test_a_link_that_is_cut_and_comes_back(site: Site, device: str) -> None:
    """Of the tunnels, or of the provider bridge: the host knows itself that it must not have the gateway."""
    first = active(site)[0]
    host = site.cloud.hosts[first].host
    assert lost_during(site, lambda: host.run("ip", "link", "set", device, "down"), other(first)) < MOST_LOST
    assert lost_during(site, lambda: host.run("ip", "link", "set", device, "up"), first) < MOST_LOST


def test_a_host_that_goes_dark(site: Site) -> None:
    first = active(site)[0]
    host = site.cloud.hosts[first].host

    def off() -> None:
        for daemon in ("ovs-vswitchd", "agent", "ovsdb-server"):
            host.kill(daemon)

    assert lost_during(site, off, other(first)) < MOST_LOST

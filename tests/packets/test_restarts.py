"""Nobody notices a restart: real packets every 10 ms across hosts and on one host, while everything is restarted."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.workloads import restart_command
from tests.packets.cloud import PING_S, Cloud, Ping, Stream, Workload, ping_during, wait_until
from tunbridge.agent.bridges import PATIENCE_S
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
AWAY_S = float(os.environ.get("TUNBRIDGE_TEST_AWAY_S", "3"))
"""How long the server and its database are away, at most 240 s."""


@pytest.fixture(scope="module")
def vms(cloud: Cloud) -> Iterator[tuple[Workload, Workload, Workload]]:
    """Two on one host, one on the other; they know each other's addresses already."""
    network = cloud.make_network("steady", "10.9.0.0/24")
    near, peer, far = (cloud.vm(host, network) for host in ("h0", "h0", "h1"))
    assert near.reaches(far.address)
    assert near.reaches(peer.address)
    yield near, peer, far


def start_agent(cloud: Cloud, host: str) -> None:
    cloud.hosts[host].host.start_agent(agent_command())


def restart_agent(cloud: Cloud, number: int) -> None:
    host = cloud.hosts["h0"].host
    host.kill("agent", number)
    time.sleep(0.3)
    start_agent(cloud, "h0")


def restart_ovsdb(cloud: Cloud) -> None:
    """Restart the host's database, and wait until vswitchd has it again.

    Without it vswitchd forwards nothing on the userspace datapath. What comes meanwhile waits in the socket of each
    port, which holds some hundred packets; vswitchd looks for the database after one second, then after two more.
    """
    host = cloud.hosts["h0"].host
    host.kill("ovsdb-server", signal.SIGTERM)
    host.start_ovsdb()
    host.vsctl("set", "open_vswitch", ".", f"external_ids:restarted={time.time()}")  # waits for vswitchd


def stop_server_for_a_while(cloud: Cloud) -> None:
    server = cloud.lab.server
    assert server is not None
    server.stop()
    time.sleep(1.5)
    server.start()


RESTARTS: dict[str, Callable[[Cloud], None]] = {
    "agent restarted": lambda cloud: restart_agent(cloud, signal.SIGTERM),
    "agent killed": lambda cloud: restart_agent(cloud, signal.SIGKILL),
    "server and central database away": stop_server_for_a_while,
    "ovsdb-server restarted": restart_ovsdb,
}


@pytest.mark.parametrize("what", RESTARTS)
def test_no_packet_is_lost_while_something_is_restarted(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload], what: str
) -> None:
    near, peer, far = vms
    beside = Ping(near, peer.address)
    answered, lost = ping_during(near, far.address, lambda: RESTARTS[what](cloud))
    answered_beside, lost_beside = beside.end()
    assert min(answered, answered_beside) > 0.5 / PING_S
    assert (lost, lost_beside) == (0, 0)


def test_connections_last_while_one_thing_after_the_other_is_restarted(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, peer, far = vms
    streams = [Stream(near, peer), Stream(near, far)]
    for restart in RESTARTS.values():
        for stream in streams:
            stream.goes_on()
        restart(cloud)
    for stream in streams:
        stream.goes_on()
        stream.end()


def agents_killed_while_server_is_away(cloud: Cloud) -> None:
    """Kill and start all agents in the middle of a time without server and central database."""
    server = cloud.lab.server
    assert server is not None
    before = _picture(cloud)
    server.stop()
    time.sleep(AWAY_S / 2)
    for host in cloud.hosts.values():
        host.host.kill("agent")
        host.host.start_agent(agent_command(), wait=False)
    time.sleep(AWAY_S / 2)
    assert _picture(cloud) == before
    server.start()
    time.sleep(2)


def test_agents_killed_while_server_and_central_database_are_away_delete_nothing(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, peer, far = vms
    beside = Ping(near, peer.address)
    answered, lost = ping_during(near, far.address, lambda: agents_killed_while_server_is_away(cloud))
    answered_beside, lost_beside = beside.end()
    print(f"away for {AWAY_S:g} s: of {answered + lost} and {answered_beside} pings {lost} and {lost_beside} lost")
    assert min(answered, answered_beside) > 1 / PING_S
    assert (lost, lost_beside) == (0, 0)
    for vm in vms:
        vm.wait_active()


def test_connections_last_while_agents_are_killed_without_server_and_central_database(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, peer, far = vms
    streams = [Stream(near, peer), Stream(near, far)]
    for stream in streams:
        stream.goes_on()
    agents_killed_while_server_is_away(cloud)
    for stream in streams:
        stream.goes_on()
        print(f"away for {AWAY_S:g} s: a stream stood still for {stream.longest_stall():.1f} s at most")
        stream.end()


def test_vms_get_addresses_and_names_while_the_central_database_is_away(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, peer, _ = vms
    server = cloud.lab.server
    assert server is not None
    name = "host-" + peer.address.replace(".", "-")
    server.stop()
    try:
        lease = near.dhcp()
        assert (lease["ip"], lease["dns"]) == (near.address, "10.9.0.1")
        assert peer.address in near.shell(f"dig +short +time=2 +tries=2 @{lease['dns']} {name}.{lease['domain']}")
    finally:
        server.start()
    assert near.reaches(peer.address)


@pytest.mark.usefixtures("vms")
def test_no_flow_is_younger_after_an_agents_restart(cloud: Cloud) -> None:
    host = cloud.hosts["h0"].host
    time.sleep(1.1)
    restart_agent(cloud, signal.SIGTERM)
    dump = host.run("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int").stdout
    ages = [float(word[9:-2]) for line in dump.splitlines() for word in line.split() if word.startswith("duration=")]
    assert len(ages) > 30
    assert min(ages) > 1.0


DRIFT = {
    "a flow deleted": ("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-int", "table=0"),
    "all flows deleted": ("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-tun"),
    "all meters deleted": ("ovs-ofctl", "-O", "OpenFlow14", "del-meters", "br-int"),
}


@pytest.mark.parametrize("what", DRIFT)
def test_what_is_changed_by_hand_is_repaired(cloud: Cloud, vms: tuple[Workload, Workload, Workload], what: str) -> None:
    near, _, far = vms
    before = _picture(cloud)
    cloud.hosts["h0"].host.run(*DRIFT[what])
    wait_until(lambda: _picture(cloud) == before, "flows and meters are as before")
    assert near.reaches(far.address)


def test_a_tag_changed_by_hand_is_set_again(cloud: Cloud, vms: tuple[Workload, Workload, Workload]) -> None:
    near, _, far = vms
    host = cloud.hosts["h0"].host
    tag = host.vsctl("get", "port", near.tap, "tag")
    host.vsctl("set", "port", near.tap, "tag=77", "other_config:segmentation_id=1")
    wait_until(lambda: host.vsctl("get", "port", near.tap, "tag") == tag, "tag is set again")
    assert near.reaches(far.address)


def _picture(cloud: Cloud) -> list[str]:
    host = cloud.hosts["h0"].host
    dumps = [
        host.run("ovs-ofctl", "-O", "OpenFlow14", *options, bridge).stdout
        for bridge in ("br-int", "br-tun")
        for options in (("--no-stats", "dump-flows"), ("dump-meters",))
    ]
    return sorted(line for dump in dumps for line in dump.splitlines() if "reply" not in line)


def test_a_killed_vswitchd_comes_back_with_all_flows(cloud: Cloud, vms: tuple[Workload, Workload, Workload]) -> None:
    near, _, far = vms
    before = _picture(cloud)
    host = cloud.hosts["h0"].host

    def kill() -> None:
        host.kill("ovs-vswitchd")
        host.start_vswitchd()

    answered, lost = ping_during(near, far.address, kill)
    print(f"ovs-vswitchd killed and started: {lost} pings lost, of 100 a second")
    assert answered > 1 / PING_S
    wait_until(lambda: _picture(cloud) == before, "flows and meters are as before", 15)
    assert near.reaches(far.address)


def test_a_planned_restart_of_open_vswitch_keeps_flows_and_connections(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, peer, far = vms
    before = _picture(cloud)
    wired = cloud.hosts["h0"]
    wired.configure(vswitchd_restart=restart_command(wired))
    wired.restart()
    streams = [Stream(near, peer), Stream(near, far)]
    for stream in streams:
        stream.goes_on()
    pid = wired.host.pid("ovs-vswitchd")
    restart = (*agent_command()[:3], "ovs", "restart")
    answered, lost = ping_during(near, far.address, lambda: wired.host.run(*restart))
    print(f"ovs-vswitchd restarted as planned: {lost} pings lost, of 100 a second")
    assert answered > 1 / PING_S and wired.host.pid("ovs-vswitchd") != pid
    wait_until(lambda: _picture(cloud) == before, "flows and meters are as before", 15)
    for stream in streams:
        stream.goes_on()
        stream.end()


def test_ports_stay_active_while_the_hosts_database_is_away(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload]
) -> None:
    near, _, far = vms
    host = cloud.hosts["h0"].host
    said = cloud.hosts["h0"].log().count("they are DOWN")
    host.kill("ovsdb-server", signal.SIGTERM)
    time.sleep(PATIENCE_S + 2)
    host.start_ovsdb()
    status = (*agent_command()[:-3], "host", "status")
    wait_until(lambda: host.run(*status, check=False).returncode == 0, "in sync", 20)
    assert near.reaches(far.address)
    assert cloud.hosts["h0"].log().count("they are DOWN") == said
    assert cloud.status(near.port) == "ACTIVE"


def test_ports_are_down_while_open_vswitch_stays_away(cloud: Cloud, vms: tuple[Workload, Workload, Workload]) -> None:
    near, peer, far = vms
    host = cloud.hosts["h0"].host
    host.kill("ovs-vswitchd")
    wait_until(lambda: {cloud.status(vm.port) for vm in (near, peer)} == {"DOWN"}, "their ports are down", 20)
    assert cloud.status(far.port) == "ACTIVE"
    host.start_vswitchd()
    for vm in (near, peer):
        vm.wait_active()
    assert near.reaches(far.address)


def test_a_restarted_agent_leaves_all_as_it_is_when_the_database_was_replaced_by_an_empty_one(
    cloud: Cloud, vms: tuple[Workload, Workload, Workload], tmp_path: Path
) -> None:
    near, _, far = vms
    cloud.db("backup", str(tmp_path / "backup"))
    host = cloud.hosts["h0"].host

    def replace() -> None:
        host.kill("agent")
        cloud.replace_database(None)
        host.start_agent(agent_command(), wait=False)
        wait_until(lambda: "not believed" in cloud.hosts["h0"].log(), "told")

    before = {name: host.log().count("connections cut") for name, host in cloud.hosts.items()}
    answered, lost = ping_during(near, far.address, replace)
    assert (answered > 1 / PING_S, lost) == (True, 0)
    time.sleep(2)
    assert {name: host.log().count("connections cut") for name, host in cloud.hosts.items()} == before
    status = host.run(*agent_command()[:-3], "host", "status", check=False).stdout
    assert "is another one than before" in status
    cloud.replace_database(tmp_path / "backup")
    near.wait_active()
    assert near.reaches(far.address)

"""From nothing to the two hosts of an OpenStack cloud, on real Open vSwitch."""

import json
import signal
import sys
import time

import pytest

from tests.agent.hosts import NIC, PHYSNET, Wired, example, normalised
from tests.conftest import MakeLab
from tunbridge.agent.config import Peer, Provider
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
KINDS = ("namespace", "vm")


@pytest.fixture
def network(make_lab: MakeLab) -> Wired:
    lab = make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27", compute0="10.0.0.25")
    return Wired(lab, "network0")


@pytest.fixture
def lone(make_lab: MakeLab) -> Wired:
    """One host, its peer only in the configuration: enough for all that does not need packets."""
    host = Wired(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"), "network0")
    host.configure(peers=[Peer(host="compute0", ip="10.0.0.25")])
    return host


def test_both_hosts_look_like_those_of_the_cloud(network: Wired) -> None:
    compute = Wired(network.lab, "compute0")
    for host, dump in ((compute, "compute0.txt"), (network, "network.txt")):
        host.start()
        host.until_connected()
        assert normalised(host.host.vsctl("show")) == normalised(example(dump))


def test_a_second_start_writes_nothing_and_changes_no_flow(lone: Wired) -> None:
    lone.start()
    before, size, flows = lone.picture(), lone.database_size(), durations(lone)
    lone.stop()
    lone.start()
    assert lone.database_size() == size
    assert lone.picture() == before
    assert all(new >= old for new, old in zip(durations(lone), flows, strict=True)), "a flow was made anew"
    assert lone.plan()[0] == 0


def durations(host: Wired) -> list[float]:
    """Ages of all flows in seconds: a flow that was replaced is young again."""
    ages = []
    for bridge in ("br-int", "br-tun", "br-eth1"):
        for line in sorted(
            host.ofctl("--no-names", "dump-flows", bridge).splitlines(), key=lambda s: s.split("table=")[-1]
        ):
            if "duration=" in line:
                ages.append(float(line.split("duration=")[1].split("s,")[0]))
    return ages


def test_stopping_leaves_the_host_as_it_is(lone: Wired) -> None:
    lone.start()
    flows = {b: lone.flows(b) for b in ("br-int", "br-tun", "br-eth1")}
    ports = lone.ports("br-tun")
    lone.stop()
    assert {b: lone.flows(b) for b in flows} == flows
    assert lone.ports("br-tun") == ports
    assert "event=stopped" in lone.log()


def test_what_is_configured_reaches_open_vswitch(lone: Wired) -> None:
    lone.start()
    for bridge in ("br-int", "br-tun", "br-eth1"):
        assert lone.host.vsctl("get", "bridge", bridge, "protocols") == "[OpenFlow10, OpenFlow13, OpenFlow14]"
        assert lone.host.vsctl("get", "bridge", bridge, "other_config:disable-in-band") == '"true"'
        assert lone.host.vsctl("get", "controller", bridge, "max_backoff") == "1000"
        assert lone.host.vsctl("get", "bridge", bridge, "external_ids:tunbridge-origin") == "created"


def test_the_hardened_form_has_no_manager_and_a_socket_that_only_root_can_use(lone: Wired) -> None:
    target = "unix:/var/run/openvswitch/tunbridge.sock"
    lone.configure(manager=False, controller=target)
    lone.start()
    assert lone.host.vsctl("get-manager") == ""
    assert lone.host.vsctl("get-controller", "br-int") == target
    lone.until_connected()
    assert lone.host.run("stat", "-c", "%a", "/run/openvswitch/tunbridge.sock").stdout.strip() in ("600", "700")
    lone.host.kill("agent", signal.SIGKILL)  # leaves its socket; the next start takes it over
    lone.start()
    picture = lone.picture()
    lone.ofctl("del-flows", "br-tun")
    lone.until_mended(picture)


def test_going_from_the_default_form_to_the_hardened_one_leaves_nothing_of_it(lone: Wired) -> None:
    lone.start()
    lone.stop()
    lone.configure(manager=False, controller="unix:/var/run/openvswitch/tunbridge.sock")
    lone.start()
    assert lone.host.vsctl("get-manager") == ""
    assert lone.host.vsctl("get-controller", "br-eth1") == "unix:/var/run/openvswitch/tunbridge.sock"


def test_an_ipv6_underlay_and_long_bridge_names(make_lab: MakeLab) -> None:
    providers = {
        "a": {"p1": Provider(bridge="br-datacentre", nics=["eth1"]), "p2": Provider(bridge="br-ex", nics=["eth2"])}
    }
    lab = make_lab(providers=providers, prefix_length=64, a="fd00::1", b="fd00::2")
    host = Wired(lab, "a")
    host.start()
    tunnel = next(p for p in host.ports("br-tun") if p.startswith("vxlan-"))
    assert len(tunnel) == 15
    assert host.host.vsctl("get", "interface", tunnel, "options:remote_ip") == '"fd00::2"'
    patches = {p for p in host.ports("br-int") if p.startswith("int-")}
    assert "int-br-ex" in patches
    assert all(len(p) <= 15 for p in patches)
    assert len(patches) == 2


def test_a_host_whose_port_6633_is_taken_is_left_alone_and_told_why(lone: Wired) -> None:
    lone.host.start("other.log", sys.executable, "-c",
        "import socket,time; s=socket.create_server(('127.0.0.1',6633)); time.sleep(60)")  # fmt: skip
    wait_until(lambda: "6633" in lone.host.run("ss", "-tln").stdout, "the other controller listens")
    size = lone.database_size()
    lone.start(wait=False)
    wait_until(lambda: lone.host.pid("agent") is None, "the agent ends")
    assert "tcp:127.0.0.1:6633: in use by another process" in lone.log()
    assert lone.database_size() == size


# The plan


def test_the_plan_tells_changes_and_makes_none(lone: Wired) -> None:
    lone.configure()
    size = lone.database_size()
    status, text = lone.plan()
    assert status == 3
    for part in (
        "create bridge br-int",
        "create bridge br-eth1",
        "vxlan-0a000019",
        f"add NIC {NIC}",
        "manager ptcp:6640",
    ):
        assert part in text
    assert lone.database_size() == size
    lone.start()
    assert lone.plan() == (0, "nothing to do: this host is as its configuration says\n")
    lone.stop()
    lone.ofctl("del-flows", "br-tun", "table=4")
    status, text = lone.plan()
    assert status == 3
    assert "flows of br-tun: add 1, delete 0" in text


def test_the_plan_as_json_holds_the_same(lone: Wired) -> None:
    lone.configure()
    done = lone.host.run(*agent_plan_json(), check=False)
    made = json.loads(done.stdout)
    assert done.returncode == 3
    assert any("create bridge br-int" in c for c in made["changes"])
    assert made["problems"] == []


def agent_plan_json() -> list[str]:
    return [*agent_command(), "--plan", "--format", "json"]


def test_the_plan_without_a_database_is_an_error_that_names_it(lone: Wired) -> None:
    lone.configure()
    lone.host.kill("ovsdb-server")
    status, text = lone.plan()
    assert status == 1
    assert "unix:/var/run/openvswitch/db.sock: no OVSDB answers there" in text


# Peers, while it runs


def test_peers_come_and_go_on_reload_and_nothing_else_moves(lone: Wired) -> None:
    lone.start()
    kept = lone.host.vsctl("get", "interface", "vxlan-0a000019", "_uuid")
    ages = durations(lone)
    lone.configure(peers=[Peer(host="compute0", ip="10.0.0.25"), Peer(host="compute1", ip="10.0.0.26")])
    lone.reload()
    wait_until(lambda: "vxlan-0a00001a" in lone.ports("br-tun"), "the tunnel to the new peer")
    wait_until(lambda: len(lone.flows("br-tun", "table=0")) == 4, "its flow")
    lone.configure(peers=[Peer(host="compute0", ip="10.0.0.25")])
    lone.reload()
    wait_until(lambda: lone.ports("br-tun") == {"patch-int", "vxlan-0a000019"}, "the tunnel goes with the peer")
    wait_until(lambda: len(lone.flows("br-tun", "table=0")) == 3, "its flow goes too")
    assert lone.host.vsctl("get", "interface", "vxlan-0a000019", "_uuid") == kept
    assert all(new >= old for new, old in zip(durations(lone), ages, strict=True))


def test_a_wrong_configuration_is_not_taken_on_reload(lone: Wired) -> None:
    lone.start()
    before = lone.picture()
    lone.host.run("sh", "-c", "echo 'localip = \"10.0.0.1\"' >> /etc/tunbridge/agent.toml")
    lone.reload()
    wait_until(lambda: "configuration not taken" in lone.log(), "the agent says so")
    assert lone.picture() == before


# Readiness


def test_the_watchdog_is_fed_while_nothing_happens(lone: Wired) -> None:
    with lone.host.machine.listen("notify2") as manager:
        manager.settimeout(10)
        lone.configure()
        environ = {"NOTIFY_SOCKET": "/run/notify2", "WATCHDOG_USEC": "1000000"}
        pid = lone.host.start("agent.log", *agent_command(), environ=environ)
        lone.host.run("sh", "-c", f"echo {pid} > /run/agent.pid")
        fed = 0
        deadline = time.monotonic() + 20
        while fed < 5 and time.monotonic() < deadline:
            fed += manager.recv(4096).count(b"WATCHDOG=1")
    assert fed >= 5

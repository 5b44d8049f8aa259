"""It keeps the host so: every kind of damage is mended, by event; a test says so, `make bench` says how fast."""

import subprocess

import pytest

from tests.agent.hosts import NIC, PHYSNET, Wired
from tests.conftest import MakeLab
from tunbridge.agent.config import Peer
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab

pytestmark = pytest.mark.ovs
KINDS = ("namespace", "vm")


class Kept:
    """The host of the last test, if it is to be the next one's: with how it was when it was in order."""

    host: Wired | None = None
    picture: object = None


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept()


@pytest.fixture
def wired(make_lab: MakeLab, make_lasting_lab: MakeLab, kind: str, kept: Kept) -> Wired:
    """A host in order: the last test's, if that left it so, since a host takes a while to come to that."""
    there = kept.host
    if there is not None and there.host.pid("agent") is not None and there.picture() == kept.picture:
        return there
    if kind == "vm":
        host = started(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"))
    else:
        host = started(make_lasting_lab("network0", "10.0.0.27", PHYSNET))
    kept.host, kept.picture = host, host.picture()
    return host


@pytest.fixture
def fresh(make_lab: MakeLab, kept: Kept) -> Wired:
    """A host in order, in whose log is nothing of other tests."""
    kept.host = None  # a kernel's hosts are taken for the next lab
    return started(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"))


def started(lab: Lab) -> Wired:
    host = Wired(lab, "network0")
    host.configure(peers=[Peer(host="compute0", ip="10.0.0.25"), Peer(host="compute1", ip="10.0.0.26")])
    host.start()
    return host


VSCTL_DAMAGE = {
    "deleted patch port": "del-port patch-tun",
    "deleted other end of a patch": "del-port phy-br-eth1",
    "deleted tunnel port": "del-port vxlan-0a000019",
    "deleted NIC port": f"del-port {NIC}",
    "deleted integration bridge": "del-br br-int",
    "deleted tunnel bridge": "del-br br-tun",
    "deleted provider bridge": "del-br br-eth1",
    "everything deleted": "del-br br-int -- del-br br-tun -- del-br br-eth1 -- del-manager",
    "changed remote address": "set interface vxlan-0a000019 options:remote_ip=10.9.9.9",
    "changed option": "set interface vxlan-0a000019 options:key=7",
    "removed option": "remove interface vxlan-0a000019 options in_key",
    "changed patch peer": "set interface patch-int options:peer=elsewhere",
    "tagged patch port": "set port patch-tun tag=5",
    "changed fail mode": "set-fail-mode br-int standalone",
    "removed fail mode": "del-fail-mode br-tun",
    "removed controller": "del-controller br-int",
    "removed protocols": "set bridge br-int protocols=OpenFlow10",
    "in-band control": "remove bridge br-tun other_config disable-in-band",
    "removed manager": "del-manager",
    "emptied database": "emer-reset -- del-br br-int",
}


@pytest.mark.parametrize("damage", VSCTL_DAMAGE.values(), ids=VSCTL_DAMAGE.keys())
def test_damage_in_the_database_is_mended(wired: Wired, damage: str) -> None:
    before = wired.picture()
    wired.host.vsctl(*damage.split())
    wired.until_mended(before)


def test_a_controller_that_replaced_ours_stays_beside_it(wired: Wired) -> None:
    wired.host.vsctl("set-controller", "br-int", "tcp:127.0.0.1:6699")
    both = {"tcp:127.0.0.1:6699", "tcp:127.0.0.1:6633"}
    wait_until(lambda: set(wired.host.vsctl("get-controller", "br-int").split()) == both, "ours is back, theirs stays")


FLOW_DAMAGE = {
    "all flows of br-int removed": ["del-flows", "br-int"],
    "all flows of br-tun removed": ["del-flows", "br-tun"],
    "all flows of the provider bridge removed": ["del-flows", "br-eth1"],
    "one flow removed": ["--strict", "del-flows", "br-tun", "table=22,priority=0"],
    "one flow changed": ["mod-flows", "br-tun", "table=22,actions=NORMAL"],
    "all flows changed": ["mod-flows", "br-int", "actions=NORMAL"],
    "a flow of ours too many": ["add-flow", "br-int", "cookie=0x7462000000000000,table=9,actions=drop"],
    "a flow of ours replaced": ["add-flow", "br-tun", "cookie=0x99,table=4,priority=0,actions=NORMAL"],
}


@pytest.mark.parametrize("damage", FLOW_DAMAGE.values(), ids=FLOW_DAMAGE.keys())
def test_damage_in_the_flows_is_mended(wired: Wired, damage: list[str]) -> None:
    before = wired.picture()
    wired.ofctl(*damage)
    wired.until_mended(before)


def test_a_flow_of_somebody_else_stays(wired: Wired) -> None:
    before = sorted(wired.flows("br-int", "table=0"))
    wired.ofctl("add-flow", "br-int", "cookie=0x5,table=7,priority=9,arp,actions=NORMAL")
    wired.ofctl("del-flows", "br-int", "table=0")
    wait_until(lambda: sorted(wired.flows("br-int", "table=0")) == before, "our flows are back")
    assert wired.flows("br-int", "table=7") == ["cookie=0x5, table=7, priority=9,arp actions=NORMAL"]


@pytest.mark.parametrize("pause", [0.0, 1.5])
def test_a_killed_switch_comes_back_with_its_flows(wired: Wired, pause: float) -> None:
    before = wired.picture()
    wired.host.kill("ovs-vswitchd")
    subprocess.run(["sleep", str(pause)], check=True)
    wired.host.start_vswitchd()
    wired.until_mended(before)


def test_a_switch_that_is_restarted_in_order_comes_back_with_its_flows(wired: Wired) -> None:
    before = wired.picture()
    wired.host.run("ovs-appctl", "exit")
    wait_until(lambda: wired.host.pid("ovs-vswitchd") is None, "the switch ends")
    wired.host.start_vswitchd()
    wired.until_mended(before)


def test_a_killed_database_server_is_found_again_and_damage_meanwhile_is_mended(wired: Wired) -> None:
    before = wired.picture()
    wired.host.kill("ovsdb-server")
    wired.host.start_ovsdb()
    wired.host.vsctl("--no-wait", "del-port", "patch-tun")
    wired.until_mended(before)
    wired.until_connected()
    wired.host.vsctl("del-port", "patch-tun")
    wired.until_mended(before)


@pytest.mark.kernel_too
def test_both_daemons_killed_at_once_come_back(wired: Wired) -> None:
    before = wired.picture()
    wired.host.kill("ovs-vswitchd")
    wired.host.kill("ovsdb-server")
    wired.host.start_ovs()
    wired.until_mended(before)


def test_a_host_that_lost_its_database_is_built_again(wired: Wired) -> None:
    before = wired.picture()
    wired.host.kill("ovs-vswitchd")
    wired.host.kill("ovsdb-server")
    wired.host.run("rm", "/etc/openvswitch/conf.db")
    wired.host.start_ovs()
    wired.until_mended(before)


def test_damage_while_the_agent_is_down_is_mended_at_its_start(wired: Wired) -> None:
    before = wired.picture()
    wired.host.kill("agent")
    wired.host.vsctl("del-port", "patch-tun", "--", "set", "interface", "vxlan-0a000019", "options:remote_ip=10.9.9.9")
    wired.ofctl("del-flows", "br-tun", "table=22")
    wired.start()
    wired.until_connected()
    wired.until_mended(before)


def test_damage_again_and_again_is_mended_each_time(wired: Wired) -> None:
    before = wired.picture()
    for _ in range(10):
        wired.host.vsctl("del-port", "patch-tun")
        wait_until(lambda: "patch-tun" in wired.ports("br-int"), "the patch port is back")
    wired.until_mended(before)


@pytest.mark.namespaces_only("a NIC of a kernel of its own stays until the kernel ends")
def test_the_device_of_a_nic_that_vanished_and_came_back_is_in_its_bridge(fresh: Wired) -> None:
    fresh.host.run("ip", "link", "del", NIC)
    fresh.host.vsctl("--no-wait", "del-port", NIC)
    wait_until(lambda: "no such network device" in fresh.log(), "the agent tells that the NIC is missing")
    fresh.host.attach(NIC, fresh.lab.outside, "phys0", "again")
    wait_until(lambda: NIC in fresh.ports("br-eth1"), "the NIC is taken when it appears")
    assert "problem solved" in fresh.log()


def test_an_agent_that_is_fought_says_so_and_slows_down_and_still_wins_in_the_end(fresh: Wired) -> None:
    before = fresh.picture()
    script = "for i in $(seq 300); do ovs-vsctl --no-wait --if-exists del-port patch-tun; done"
    fresh.host.run("sh", "-c", script)
    assert "another process keeps undoing" in fresh.log()
    fresh.until_mended(before)

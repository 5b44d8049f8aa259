"""The host is sacred: the operator's bridges, flows, ports, addresses stay; what was borrowed is given back."""

import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from tests.agent.hosts import NIC, PHYSNET, Wired
from tests.conftest import MakeLab
from tunbridge.agent.config import Peer, Provider
from tunbridge.lab.host import wait_until

pytestmark = pytest.mark.ovs
KINDS = ("namespace", "vm")

FLOW = "cookie=0x5, table=3, idle_timeout=3000, priority=7,arp actions=NORMAL"


@pytest.fixture
def host(make_lab: MakeLab) -> Wired:
    made = Wired(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"), "network0")
    made.configure(peers=[Peer(host="compute0", ip="10.0.0.25")])
    return made


@pytest.fixture
def theirs(host: Wired) -> Wired:
    """A host whose operator has made br-eth1 with the NIC, an address on it and flows of their own."""
    host.host.vsctl(
        "add-br", "br-eth1", "--", "set", "bridge", "br-eth1", *host.datapath, "external_ids:theirs=yes",
        "--", "add-port", "br-eth1", NIC,
    )  # fmt: skip
    host.host.run("ip", "addr", "add", "203.0.113.27/24", "dev", "br-eth1")
    host.host.run("ip", "link", "set", "br-eth1", "up")
    host.ofctl("add-flow", "br-eth1", FLOW.replace(" actions", ",actions").replace(", ", ","))
    host.ofctl("add-flow", "br-eth1", "table=0,priority=100,tcp,tp_dst=25,actions=drop")
    return host


def add_bridge(host: Wired, name: str) -> None:
    marked = ["--", "set", "bridge", name, *host.datapath] if host.datapath else []
    host.host.vsctl("add-br", name, *marked)


def foreign(host: Wired, bridge: str) -> set[str]:
    return {line for line in host.flows(bridge) if "cookie=0x7462" not in line}


def ping_outside(host: Wired, count: int = 1) -> subprocess.CompletedProcess[str]:
    return host.host.run("ping", "-c", str(count), "-i", "0.01", "-W", "2", "203.0.113.1", check=False)


# The operator's bridge


def test_an_operators_bridge_keeps_its_flows_its_address_and_its_marks(theirs: Wired) -> None:
    flows = {line for line in foreign(theirs, "br-eth1") if "NORMAL" not in line or "table=3" in line}
    assert len(flows) == 2
    uuid = theirs.host.vsctl("get", "bridge", "br-eth1", "_uuid")
    assert ping_outside(theirs).returncode == 0
    status, text = theirs.plan()
    assert status == 3
    assert "empties the flows of br-eth1" in text
    assert "the 2 that are not ours are saved" in text
    theirs.start()
    assert foreign(theirs, "br-eth1") == flows
    assert theirs.host.vsctl("get", "bridge", "br-eth1", "_uuid") == uuid
    assert theirs.host.vsctl("get", "bridge", "br-eth1", "external_ids:theirs") == "yes"
    assert theirs.host.vsctl("get", "bridge", "br-eth1", "external_ids:tunbridge-origin") == "adopted"
    assert theirs.host.vsctl("get", "port", NIC, "external_ids") == "{}"
    assert theirs.host.vsctl("get", "bridge", "br-eth1", "fail_mode") == "secure"
    assert ping_outside(theirs).returncode == 0
    assert theirs.plan()[0] == 0


def test_a_removed_mapping_gives_the_bridge_back_as_it_was(theirs: Wired) -> None:
    before = theirs.host.vsctl(
        "--columns=fail_mode,controller,protocols,other_config,external_ids", "list", "bridge", "br-eth1"
    )
    flows, ports = foreign(theirs, "br-eth1"), theirs.ports("br-eth1")
    theirs.start()
    theirs.configure(providers={})
    theirs.reload()
    wait_until(lambda: theirs.ports("br-eth1") == ports, "our patch port is gone")
    wait_until(lambda: not waiting(theirs), "flows restored")
    after = theirs.host.vsctl(
        "--columns=fail_mode,controller,protocols,other_config,external_ids", "list", "bridge", "br-eth1"
    )
    assert after == before
    assert set(theirs.flows("br-eth1")) == flows
    assert theirs.ports("br-int") == {"patch-tun"}
    assert ping_outside(theirs).returncode == 0


def test_a_bridge_of_ours_is_deleted_with_its_mapping_and_the_nic_is_free(host: Wired) -> None:
    host.start()
    host.configure(providers={})
    host.reload()
    wait_until(lambda: host.bridges() == {"br-int", "br-tun"}, "br-eth1 is gone")
    assert host.host.run("ip", "link", "show", NIC).returncode == 0


def test_another_mapping_of_the_same_nic_moves_it(host: Wired) -> None:
    host.start()
    host.configure(providers={"physnet1": Provider(bridge="br-other", nics=[NIC])})
    host.reload()
    wait_until(lambda: "br-other" in host.bridges() and NIC in host.ports("br-other"), "the NIC is in the other bridge")
    wait_until(lambda: "br-eth1" not in host.bridges(), "the first bridge is gone")
    wait_until(lambda: host.ports("br-int") == {"patch-tun", "int-br-other"}, "its patch pair too")


def test_traffic_of_the_operator_goes_on_while_the_agent_restarts(theirs: Wired) -> None:
    theirs.start()
    assert ping_outside(theirs).returncode == 0
    results: list[subprocess.CompletedProcess[str]] = []
    pinging = threading.Thread(target=lambda: results.append(ping_outside(theirs, count=500)))
    pinging.start()
    theirs.host.kill("agent")
    theirs.start()
    theirs.restart()
    pinging.join()
    assert "500 received, 0% packet loss" in results[0].stdout


def test_flows_that_somebody_put_into_a_bridge_without_controller_survive_its_mending(host: Wired) -> None:
    host.start()
    host.host.kill("agent")
    host.host.vsctl("del-controller", "br-int", "--", "del-fail-mode", "br-tun")
    for bridge in ("br-int", "br-tun"):
        host.ofctl("add-flow", bridge, "cookie=0x5,table=9,priority=3,arp,actions=drop")
    host.start()
    for bridge in ("br-int", "br-tun"):
        assert foreign(host, bridge) == {"cookie=0x5, table=9, priority=3,arp actions=drop"}
    assert host.plan()[0] == 0


# Everything else


@pytest.mark.timeout(600)
def test_what_is_not_ours_is_never_touched_while_it_is_changed_beside_us(host: Wired, tmp_path: Path) -> None:
    """Somebody adds and removes ports and keys in our bridges all the time, beside bring-up and repairs."""
    add_bridge(host, "br-int")
    add_bridge(host, "br-mine")
    script = tmp_path / "others.sh"
    script.write_text(OTHERS)
    others = subprocess.Popen(
        host.host.command("bash", str(script)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    host.start()
    for _ in range(5):
        host.host.vsctl("--if-exists", "del-port", "patch-tun", "--", "set", "bridge", "br-tun", "fail_mode=standalone")
        wait_until(lambda: "patch-tun" in host.ports("br-int"), "the patch port is back")
    output, _ = others.communicate(timeout=400)
    assert others.returncode == 0, output
    assert output.splitlines()[-1] == "kept 40 of 40"
    host.host.kill("agent", 15)
    assert {f"keep{i}" for i in range(1, 41)} <= host.ports("br-int")


OTHERS = """
set -e
for i in $(seq 40); do
    ovs-vsctl -- add-port br-int keep$i -- set interface keep$i type=internal
    ovs-vsctl -- add-port br-int go$i -- set interface go$i type=internal
    ovs-vsctl set bridge br-int external_ids:key$i=1 -- set Open_vSwitch . external_ids:key$i=1
    ovs-vsctl -- add-port br-mine mine$i -- set interface mine$i type=internal
    ovs-vsctl del-port go$i
done
kept=0
for i in $(seq 40); do
    [ "$(ovs-vsctl port-to-br keep$i) $(ovs-vsctl port-to-br mine$i)" = "br-int br-mine" ]
    [ "$(ovs-vsctl get bridge br-int external_ids:key$i)" = '"1"' ]
    [ "$(ovs-vsctl get Open_vSwitch . external_ids:key$i)" = '"1"' ]
    ! ovs-vsctl port-to-br go$i 2>/dev/null
    kept=$((kept + 1))
done
echo "kept $kept of 40"
"""


def test_other_bridges_are_as_before(host: Wired) -> None:
    add_bridge(host, "br-mine")
    host.ofctl("add-flow", "br-mine", "table=1,priority=5,arp,actions=drop")
    before = host.host.vsctl(
        "--columns=_uuid,fail_mode,controller,other_config,external_ids", "list", "bridge", "br-mine"
    )
    flows = host.flows("br-mine")
    links = host.host.run("ip", "-br", "addr", "show", "dev", host.underlay_device).stdout
    host.start()
    host.restart()
    after = host.host.vsctl(
        "--columns=_uuid,fail_mode,controller,other_config,external_ids", "list", "bridge", "br-mine"
    )
    assert after == before
    assert host.flows("br-mine") == flows
    assert host.host.run("ip", "-br", "addr", "show", "dev", host.underlay_device).stdout == links


# NICs


def test_saved_flows_that_cannot_be_read_do_not_end_the_agent(theirs: Wired) -> None:
    theirs.start()
    pid, folder = theirs.host.pid("agent"), f"{theirs.config.state_dir}/flows"
    theirs.host.run("sh", "-c", f"mkdir -p {folder} && echo nonsense > {folder}/br-eth1.flows")
    theirs.host.vsctl("clear", "bridge", "br-eth1", "fail_mode")
    wait_until(lambda: theirs.host.vsctl("get", "bridge", "br-eth1", "fail_mode") == "secure", "secure again")
    assert theirs.host.pid("agent") == pid
    assert theirs.read(f"{folder}/br-eth1.unreadable") == "nonsense\n"


def test_a_bridge_in_another_datapath_is_left_alone_and_told(host: Wired) -> None:
    other, right = ("netdev", "system") if host.host.datapath_type is None else ("system", "netdev")
    host.host.vsctl("--no-wait", "add-br", "br-eth1", "--", "set", "bridge", "br-eth1", f"datapath_type={other}")
    columns = "--columns=fail_mode,controller,protocols,other_config,external_ids,ports"
    before = host.host.vsctl(columns, "list", "bridge", "br-eth1")
    host.start()
    (problem,) = host.answer().status.problems
    assert (problem.code, problem.subject) == ("datapath-other", "br-eth1")
    assert f"is in datapath {other} and br-int in {right}" in problem.message
    assert host.host.vsctl(columns, "list", "bridge", "br-eth1") == before
    assert host.ports("br-int") == {"patch-tun"}
    host.host.vsctl("set", "bridge", "br-eth1", f"datapath_type={right}")
    wait_until(lambda: host.ports("br-int") == {"patch-tun", "int-br-eth1"}, "it is used")


def test_a_device_with_the_name_of_a_bridge_is_left_alone_and_told(host: Wired) -> None:
    host.host.run("ip", "link", "add", "br-eth1", "type", "veth", "peer", "name", "other")
    before = host.host.run("ip", "-o", "link", "show", "br-eth1").stdout
    host.start()
    wait_until(lambda: [p.code for p in host.answer().status.problems] == ["device-failed"], "it is told")
    (problem,) = host.answer().status.problems
    assert problem.subject == "bridge br-eth1" and "has no device of its own (could not" in problem.message
    assert host.host.run("ip", "-o", "link", "show", "br-eth1").stdout == before
    assert NIC in host.ports("br-eth1")


@pytest.mark.parametrize("address", ["192.0.2.10/24", "2001:db8::10/64"])
def test_a_nic_that_carries_an_address_is_refused_until_it_is_moved(host: Wired, address: str) -> None:
    host.host.run("ip", "addr", "add", address, "dev", NIC)
    status, text = host.plan()
    assert status == 1
    assert f"carries {address}" in text
    for tool in ("netplan", "systemd-networkd", "ifupdown"):
        assert tool in text
    host.start()
    assert host.ports("br-eth1") == {"phy-br-eth1"}
    assert address in host.host.run("ip", "addr", "show", "dev", NIC).stdout
    host.host.run("ip", "addr", "del", address, "dev", NIC)
    wait_until(lambda: NIC in host.ports("br-eth1"), "the NIC is taken once its address is gone")


def test_a_nic_with_the_default_route_is_refused(host: Wired) -> None:
    host.host.run("ip", "route", "add", "default", "dev", NIC)
    status, text = host.plan()
    assert status == 1
    assert "and the default route" in text
    host.start()
    assert host.ports("br-eth1") == {"phy-br-eth1"}


def test_an_address_that_came_back_on_a_nic_in_the_operators_bridge_keeps_us_out(theirs: Wired) -> None:
    theirs.host.run("ip", "addr", "add", "192.0.2.10/24", "dev", NIC)
    theirs.start()
    assert theirs.host.vsctl("get", "bridge", "br-eth1", "fail_mode") == "[]"
    assert theirs.ports("br-eth1") == {NIC}


# kill -9 at every step


CRASH = """
import inspect, os, signal, sys
from tunbridge.agent import local, saved
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.openflow import Switch
count = int(sys.argv.pop(1))
def tick():
    global count
    if (count := count - 1) == 0: os.kill(os.getpid(), signal.SIGKILL)
def step(owner, name):
    function = getattr(owner, name)
    def wrapped(*args, **kwargs):
        tick()
        result = function(*args, **kwargs)
        tick()
        return result
    async def awaited(*args, **kwargs):
        tick()
        result = await function(*args, **kwargs)
        tick()
        return result
    setattr(owner, name, awaited if inspect.iscoroutinefunction(function) else wrapped)
step(local.LocalOvsdb, "transact")
step(Switch, "apply")
step(Switch, "dump")
step(ofctl, "bundle")
step(ofctl, "dump_flows")
step(saved.SavedFlows, "save")
step(saved.SavedFlows, "done")
from tunbridge.cli.main import main
main()
"""


@pytest.mark.timeout(600)
@pytest.mark.namespaces_only("it takes minutes there; its steps are the same")
def test_an_agent_killed_at_every_step_of_its_first_start_loses_nothing(theirs: Wired, tmp_path: Path) -> None:
    """A step is each call that writes or reads flows, the database, or the saved flows: killed before and after it."""
    script = tmp_path / "crash.py"
    script.write_text(CRASH)
    flows = {line for line in foreign(theirs, "br-eth1") if "table=3" in line or "tp_dst" in line}
    theirs.configure()
    crashes = 0
    while True:
        argv = [str(Path(".venv/bin/python").absolute()), str(script), str(crashes + 1)]
        argv += ["agent", "--config", "/etc/tunbridge/agent.toml"]
        theirs.host.run("rm", "-f", "/var/log/openvswitch/agent.log")
        theirs.host.start_agent(argv, wait=False)
        if not killed(theirs):
            break
        crashes += 1
        assert flows <= foreign(theirs, "br-eth1") | waiting(theirs), f"lost at step {crashes}"
        give_back(theirs, flows)
    assert crashes >= 8
    wait_until(lambda: theirs.host.pid("agent") is None or theirs.plan()[0] == 0, "it ends as configured")
    theirs.restart()
    assert flows <= foreign(theirs, "br-eth1")
    assert theirs.plan()[0] == 0


def killed(host: Wired) -> bool:
    """Whether the agent was killed, and not in sync."""
    wait_until(lambda: host.host.pid("agent") is None or in_sync(host), "killed or in sync", 20)
    return host.host.pid("agent") is None


def in_sync(host: Wired) -> bool:
    return 'event="in sync"' in host.log()


def waiting(host: Wired) -> set[str]:
    """Saved flows that are not back yet, in the form of a dump."""
    text = host.host.run("sh", "-c", "cat /var/lib/tunbridge/flows/*.flows 2>/dev/null", check=False).stdout
    return {line.replace("cookie=0x0, ", "").replace("table=0, ", "") for line in text.splitlines()}


def give_back(host: Wired, flows: set[str]) -> None:
    """A clean start must finish; then the mapping is removed, so that the next try adopts the bridge again."""
    host.start()
    assert flows <= foreign(host, "br-eth1")
    mapped = host.config.providers
    host.configure(providers={})
    host.reload()
    wait_until(lambda: host.host.vsctl("get", "bridge", "br-eth1", "fail_mode") == "[]", "given back")
    wait_until(lambda: not waiting(host), "flows restored")
    host.host.kill("agent")
    for bridge in ("br-int", "br-tun"):
        host.host.vsctl("del-br", bridge)
    assert flows <= foreign(host, "br-eth1")
    host.config = msgspec.structs.replace(host.config, providers=mapped)
    host.configure()

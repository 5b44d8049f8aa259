"""`tunbridge ovs restart`: all flows are there afterwards, and the flag is cleared, whichever process is killed."""

import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.hosts import PHYSNET, Wired
from tests.agent.workloads import restart_command
from tests.kernels import EVERY_KERNEL_TEST, TAKES_LONG, Kernels
from tunbridge.agent import flow_restore_wait
from tunbridge.agent.config import Peer
from tunbridge.agent.status import answer
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab, agent_command
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import HostPlan, LabPlan, checked

THEIRS = {
    "add-group": "group_id=7,type=all,bucket=output:1",
    "add-meter": "meter=3,kbps,burst,stats,band=type=drop,rate=1000,burst_size=100",
    "add-flow": "cookie=0x5,table=5,idle_timeout=900,ip,nw_proto=2,actions=meter:3,group:7",
}
AWAIT_GO = "touch /run/waiting; while [ ! -e /run/go ]; do sleep 0.02; done"


@pytest.fixture(scope="module")
def made(module_lab_name: Callable[[], str]) -> Wired:
    lab = Lab(module_lab_name())
    plans = [HostPlan(name="network0", local_ip="10.0.0.27", providers=PHYSNET)]
    lab.up(checked(LabPlan(name=lab.name, hosts=plans, prefix_length=24)), lambda _part, _what: None, agents=False)
    host = Wired(lab, "network0")
    host.configure(peers=[Peer(host="compute0", ip="10.0.0.25")])
    return host


@pytest.fixture
def wired(made: Wired) -> Wired:
    """A host in sync, with a flow, a group and a meter of somebody else in a bridge of theirs and in one of ours."""
    made.host.kill("agent")
    for name in ("go", "waiting"):
        (made.host.folder / name).unlink(missing_ok=True)
    made.host.start_ovs()
    made.configure(vswitchd_restart=restart_command(made))
    made.start()
    for bridge in ("br-eth1", "br-phy"):
        made.ofctl("del-flows", bridge, "cookie=0x5/-1")
        made.ofctl("del-groups", bridge)
        made.ofctl("del-meters", bridge)
        for command, text in THEIRS.items():
            made.ofctl(command, bridge, text)
    return made


def everything(host: Wired) -> object:
    """All that is in all bridges."""
    return {
        bridge: [
            sorted(host.flows(bridge)),
            host.ofctl("dump-groups", bridge),
            sorted(meter.strip() for meter in host.ofctl("dump-meters", bridge).split("meter=")),  # in no order
        ]
        for bridge in sorted(host.bridges())
    }


def restart(host: Wired, *arguments: str) -> tuple[int, str]:
    done = host.host.run(*agent_command()[:3], "ovs", "restart", *arguments, check=False)
    return done.returncode, done.stdout + done.stderr


def flag_is_set(host: Wired) -> bool:
    return flow_restore_wait.FLAG in host.host.vsctl("get", "Open_vSwitch", ".", "other_config")


def marked(host: Wired) -> bool:
    return flow_restore_wait.MARK in host.host.vsctl("get", "Open_vSwitch", ".", "external_ids")


def in_sync(host: Wired) -> bool:
    return answer.ask(str(host.host.folder / "tunbridge-agent"), timeout=10).status.in_sync


def until_whole(host: Wired, before: object) -> None:
    """Wait until the restart is over, and everything in the bridges is as before."""
    wait_until(lambda: not marked(host), "the restart is over")
    assert not flag_is_set(host)
    with contextlib.suppress(LabError):
        wait_until(lambda: everything(host) == before, "everything is back")
    assert everything(host) == before
    wait_until(lambda: in_sync(host), "in sync")
    assert not (host.host.folder / "tunbridge" / "state" / "restart.json").exists()


def begin(host: Wired, first: str, then: str = "true") -> int:
    """Start a restart whose command does the first, waits until it may go on, and does the rest. Gives the process."""
    script = f"{first}; {AWAIT_GO}; {then}"
    host.configure(vswitchd_restart=["sh", "-c", script])
    pid = host.host.start("restart.log", *agent_command()[:3], "ovs", "restart")
    wait_until(lambda: (host.host.folder / "waiting").exists(), "the command waits")
    return pid


def go(host: Wired) -> None:
    (host.host.folder / "go").touch()


def kill(host: Wired, pid: int, number: int = signal.SIGKILL) -> None:
    host.host.machine.signal(pid, number)


def real(host: Wired) -> str:
    return restart_command(host)[2]


pytestmark = pytest.mark.ovs


def test_everybodys_flows_groups_and_meters_are_back_and_the_host_is_in_sync(wired: Wired) -> None:
    before, pid = everything(wired), wired.host.pid("ovs-vswitchd")
    status, text = restart(wired)
    assert status == 0, text
    wait_until(lambda: in_sync(wired), "in sync")
    assert wired.host.pid("ovs-vswitchd") != pid
    until_whole(wired, before)


def test_the_plan_tells_the_steps_and_changes_nothing(wired: Wired) -> None:
    size, pid = wired.database_size(), wired.host.pid("ovs-vswitchd")
    status, text = restart(wired, "--plan")
    assert status == 0
    assert "+ save br-eth1: 3 flows, 1 groups, 1 meters" in text
    assert f"+ run: {' '.join(restart_command(wired))}" in text.replace("\n", " ") or real(wired)[:40] in text
    assert (wired.database_size(), wired.host.pid("ovs-vswitchd")) == (size, pid)


def test_it_is_refused_where_nobody_would_finish_it(wired: Wired) -> None:
    wired.stop()
    status, text = restart(wired)
    assert status == 2
    assert "no agent runs here" in text
    assert not flag_is_set(wired)


def test_it_is_refused_while_somebody_else_restarts(wired: Wired) -> None:
    wired.host.vsctl("set", "Open_vSwitch", ".", f"other_config:{flow_restore_wait.FLAG}=true")
    try:
        status, text = restart(wired)
        assert status == 2
        assert "is set already, and not by us" in text
        assert flag_is_set(wired), "what is not ours is left alone"
    finally:
        wired.host.vsctl("remove", "Open_vSwitch", ".", "other_config", flow_restore_wait.FLAG)


def test_two_at_once_are_refused(wired: Wired) -> None:
    before = everything(wired)
    begin(wired, "true", real(wired))
    status, text = restart(wired)
    assert status == 2
    assert "another `tunbridge ovs restart` is at work" in text
    go(wired)
    until_whole(wired, before)


def test_it_is_refused_without_a_command_that_exists(wired: Wired) -> None:
    wired.configure(vswitchd_restart=["no-such-command"])
    status, text = restart(wired)
    assert status == 2
    assert "no-such-command is not installed" in text


@pytest.mark.parametrize(("command", "told"), [("echo no way >&2; exit 3", "no way"), ("true", "has not restarted")])
def test_a_command_that_fails_leaves_no_flag_and_nothing_lost(wired: Wired, command: str, told: str) -> None:
    before = everything(wired)
    wired.configure(vswitchd_restart=["sh", "-c", command])
    status, text = restart(wired)
    assert status == 1
    assert told in text
    assert not flag_is_set(wired)
    assert everything(wired) == before
    wired.host.run(*restart_command(wired))  # it comes after all
    until_whole(wired, before)


def test_a_signal_in_the_middle_ends_it_only_when_it_is_done(wired: Wired) -> None:
    before = everything(wired)
    pid = begin(wired, real(wired))
    kill(wired, pid, signal.SIGTERM)
    go(wired)
    until_whole(wired, before)


def test_killed_before_the_switch_ended_is_finished_by_the_agent_when_it_does(wired: Wired) -> None:
    before = everything(wired)
    pid = begin(wired, "true", real(wired))
    assert flag_is_set(wired)
    kill(wired, pid)
    wait_until(lambda: not flag_is_set(wired), "the agent clears the flag")
    go(wired)
    until_whole(wired, before)


def test_killed_while_the_new_switch_waits_is_finished_by_the_agent(wired: Wired) -> None:
    before = everything(wired)
    pid = begin(wired, real(wired))
    assert flag_is_set(wired)
    kill(wired, pid)
    until_whole(wired, before)


def test_killed_together_with_the_agent_is_finished_at_the_agents_next_start(wired: Wired) -> None:
    before = everything(wired)
    pid = begin(wired, real(wired))
    wired.host.kill("agent")
    kill(wired, pid)
    assert flag_is_set(wired)
    wired.start()
    until_whole(wired, before)


@pytest.mark.skipif(not EVERY_KERNEL_TEST, reason=TAKES_LONG)
def test_with_the_kernels_datapath_packets_go_on_meanwhile(kernels: Kernels) -> None:
    host = kernels.one_host()
    printed = host.run(
        "env", "-C", str(Path(__file__).parents[2]), sys.executable, "-m", "tests.agent.workloads", "stepped"
    ).stdout
    assert printed.splitlines() == ["down 20 20", "armed 20 20", "after 20 20"]

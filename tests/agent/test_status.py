"""`tunbridge host status` tells how a host stands, also when its agent is dead or hangs."""

import signal
import stat
from collections.abc import Callable

import pytest

from tests.agent.hosts import PHYSNET, Wired
from tunbridge.agent.config import DEFAULT_RUN_DIR, Peer, Provider
from tunbridge.agent.status import answer
from tunbridge.agent.status.document import Status, decode
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab, agent_command
from tunbridge.lab.plan import HostPlan, LabPlan, checked

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def made(module_lab_name: Callable[[], str]) -> Wired:
    lab = Lab(module_lab_name())
    plans = [HostPlan(name="network0", local_ip="10.0.0.27", providers=PHYSNET)]
    lab.up(checked(LabPlan(name=lab.name, hosts=plans, prefix_length=24)), lambda _part, _what: None, agents=False)
    return Wired(lab, "network0")


@pytest.fixture
def wired(made: Wired) -> Wired:
    """A host in sync; what a test before did to it is mended."""
    made.host.kill("agent")
    made.host.start_ovs()
    made.configure(
        local_ip="10.0.0.27", peers=[Peer(host="compute0", ip="10.0.0.25")], providers=PHYSNET, log_level="info",
        run_dir=DEFAULT_RUN_DIR,
    )  # fmt: skip
    made.start()
    return made


def ask(host: Wired, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `tunbridge host status` on the host."""
    done = host.host.run(*agent_command()[:3], "host", "status", *arguments, check=False)
    return done.returncode, done.stdout


def told(host: Wired) -> Status:
    """What the agent tells, asked on its socket."""
    return answer.ask(str(host.host.folder / "tunbridge-agent"), timeout=10).status


def test_a_host_in_sync_is_told_on_one_screen(wired: Wired) -> None:
    status, text = ask(wired)
    assert status == 0
    assert "network0    in sync since" in text
    assert "br-tun: connected, 12 flows" in text
    assert "1 of 1 with a vxlan tunnel: compute0 10.0.0.25" in text
    assert len(text.splitlines()) < 24
    assert decode(ask(wired, "--json")[1].encode()).status.in_sync


def test_a_repair_is_told_and_counted_by_kind_and_as_drift(wired: Wired) -> None:
    before = told(wired)
    wired.host.vsctl("del-port", "patch-tun")
    wait_until(lambda: told(wired).counts.repairs["port"] > before.counts.repairs["port"], "the repair is counted")
    wait_until(lambda: told(wired).in_sync, "in sync again")
    after = told(wired)
    assert any("add patch port patch-tun" in repair.what for repair in after.repairs)
    assert after.counts.drift == before.counts.drift + 1
    assert sum(after.counts.converged.counts) > sum(before.counts.converged.counts)


def test_what_a_new_configuration_asks_for_is_no_drift(wired: Wired) -> None:
    before = told(wired)
    wired.configure(peers=[*wired.config.peers, Peer(host="compute1", ip="10.0.0.26")])
    wired.host.run("kill", "-HUP", str(wired.host.pid("agent")))
    found: list[Status] = []

    def is_there() -> bool:
        """In sync when the port is written; Open vSwitch numbers it a moment later, and the host is looked at again."""
        found.append(told(wired))
        return found[-1].in_sync and [p.problem for p in found[-1].peers] == [None, None]

    wait_until(is_there, "the new peer has its tunnel")
    after = found[-1]
    assert after.counts.repairs["port"] > before.counts.repairs["port"]
    assert after.counts.drift == before.counts.drift


def test_a_refused_configuration_and_what_waits_for_a_restart_are_told(wired: Wired) -> None:
    wired.configure(log_level="debug")
    wired.host.run("kill", "-HUP", str(wired.host.pid("agent")))
    wait_until(lambda: told(wired).later == ["log_level"], "told what waits")
    wired.configure(local_ip="nonsense")
    wired.host.run("kill", "-HUP", str(wired.host.pid("agent")))
    wait_until(lambda: "nonsense" in (told(wired).refused or ""), "told why it was refused")


def test_without_the_switch_it_says_that_it_waits_for_it(wired: Wired) -> None:
    wired.host.kill("ovs-vswitchd")
    wait_until(lambda: not told(wired).in_sync, "no longer in sync")
    status, text = ask(wired)
    assert status == 1
    assert "not in sync since" in text
    assert "ovs-vswitchd" in text
    assert "systemctl status ovs-vswitchd" in text
    wired.host.start_vswitchd()
    wait_until(lambda: told(wired).in_sync, "in sync again")
    assert told(wired).counts.openflow_reconnects >= 3


def test_without_the_database_it_says_that_it_waits_for_it(wired: Wired) -> None:
    wired.host.kill("ovsdb-server")
    # Without its database vswitchd answers no OpenFlow: an agent that was just asking for flows waits for these.
    waiting = ("OVSDB unix:/var/run/openvswitch/db.sock: does not answer", "an answer of Open vSwitch, for ")
    wait_until(lambda: any(f"waits for   {what}" in ask(wired)[1] for what in waiting), "told what it waits for")
    assert ask(wired)[0] == 1
    wired.host.start_ovsdb()
    wait_until(lambda: ask(wired)[0] == 0, "in sync again")


def test_what_cannot_be_done_is_told_with_its_remedy(wired: Wired) -> None:
    wired.configure(providers={"physnet2": Provider(bridge="br-ex2", nics=["missing0"])})
    wired.host.run("kill", "-HUP", str(wired.host.pid("agent")))
    wait_until(lambda: ask(wired)[0] == 1 and told(wired).in_sync, "in sync, with a problem")
    assert "missing0 no such network device; it is added to br-ex2 when it appears" in ask(wired)[1]


def test_a_dead_agent_is_told_and_open_vswitch_looked_at_instead(wired: Wired) -> None:
    wired.host.kill("agent")
    status, text = ask(wired)
    assert status == 3
    assert "agent       not running" in text
    assert "answers, and is as the configuration says" in text
    wired.host.vsctl("del-port", "patch-tun")
    assert "an agent would make 1 change of the database" in ask(wired)[1]
    wired.host.kill("ovs-vswitchd")
    wired.host.kill("ovsdb-server")
    status, text = ask(wired)
    assert status == 3
    assert "is ovsdb-server running?" in text


def test_a_hung_agent_is_told_with_its_process(wired: Wired) -> None:
    pid = wired.host.pid("agent")
    assert pid is not None
    wired.host.machine.signal(pid, signal.SIGSTOP)
    try:
        status, text = ask(wired)
    finally:
        wired.host.machine.signal(pid, signal.SIGCONT)
    assert status == 4
    assert f"the agent (process {pid}) has not answered" in text
    assert "OVS         answers, and is as the configuration says" in text


def test_the_socket_is_roots_alone_and_goes_with_the_agent(wired: Wired) -> None:
    path = wired.host.folder / "tunbridge-agent" / "status.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    wired.stop()
    assert not path.exists()


def test_an_agent_that_cannot_have_its_socket_works_all_the_same(wired: Wired) -> None:
    wired.stop()
    wired.configure(run_dir="/proc/nowhere")
    wired.start()
    assert "no status socket" in wired.log()
    assert ask(wired)[0] == 3

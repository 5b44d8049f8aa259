"""A second `up` starts what does not run any more, and leaves alone what does; another plan is refused."""

import signal
import subprocess
from collections.abc import Callable

import pytest
from msgspec.structs import asdict

from tests.lab.commands import lab
from tunbridge.lab import namespaces
from tunbridge.lab.lab import Lab
from tunbridge.lab.machine import wait_until
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import from_numbers

pytestmark = pytest.mark.ovs
DAEMONS = ("ovsdb_server", "ovs_vswitchd", "agent")


def up(made: Lab) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    made.up(from_numbers(made.name, 1, 1), lambda part, what: told.append((part, what)))
    return told


def pids(made: Lab) -> dict[tuple[str, str], int | None]:
    return {(h.name, d): asdict(h)[d] for h in made.inspect().hosts for d in DAEMONS}


def reaches(made: Lab, one: str, other: str) -> bool:
    return made.host(one).run("ping", "-c", "1", "-W", "2", other, check=False).returncode == 0


def until_reached(made: Lab, one: str, other: str) -> None:
    wait_until(lambda: reaches(made, one, other), f"{one} reaches {other}")


@pytest.fixture
def whole(lab_name: Callable[[], str]) -> Lab:
    made = Lab(lab_name())
    up(made)
    return made


def test_up_of_a_running_lab_changes_nothing(whole: Lab) -> None:
    before = pids(whole)
    database = whole.host("compute0").folder / "etc" / "conf.db"
    size = database.stat().st_size
    told = up(whole)
    assert {what for _, what in told} == {"Open vSwitch runs already", "the agent runs already"}
    assert pids(whole) == before
    assert database.stat().st_size == size


@pytest.mark.parametrize("daemon", ["ovsdb-server", "ovs-vswitchd", "agent"])
def test_up_starts_the_one_daemon_that_was_killed(whole: Lab, daemon: str) -> None:
    before = pids(whole)
    whole.host("network0").kill(daemon, signal.SIGKILL)
    stopped = {key for key, pid in pids(whole).items() if pid is None}
    assert stopped == {("network0", daemon.replace("-", "_"))}
    told = lab("inspect", "--name", whole.name)
    assert told.returncode == 1
    assert "stopped" in told.stdout
    up(whole)
    after = pids(whole)
    assert {key for key, pid in after.items() if pid != before[key]} == stopped
    assert whole.inspect().running
    until_reached(whole, "compute0", "network0")


def test_up_makes_a_host_again_whose_namespaces_were_lost(whole: Lab) -> None:
    """All of its processes are killed, and the name of its namespace is deleted: its database file is what is left."""
    host = whole.host("network0")
    system = host.vsctl("get", "Open_vSwitch", ".", "_uuid")
    for pid in namespaces.processes([host.namespace]):
        subprocess.run(["kill", "-9", str(pid)], check=False)
    subprocess.run(["ip", "netns", "del", host.namespace], check=True)
    with pytest.raises(LabError, match=r"network0: is not running; `tunbridge lab up` starts it again"):
        host.run("true")
    up(whole)
    assert whole.inspect().running
    until_reached(whole, "compute0", "network0")
    assert host.vsctl("get", "Open_vSwitch", ".", "_uuid") == system


@pytest.mark.parametrize("part", ["underlay", "outside"])
def test_up_lays_a_network_again_that_was_lost(whole: Lab, part: str) -> None:
    subprocess.run(["ip", "netns", "del", namespaces.namespace(whole.name, part)], check=True)
    up(whole)
    until_reached(whole, "compute0", "network0")
    network = whole.host("network0")
    network.run("ip", "addr", "add", "203.0.113.9/24", "dev", "br-ex")
    network.run("ip", "link", "set", "br-ex", "up")
    assert reaches(whole, "network0", "203.0.113.1")


def test_another_plan_under_the_same_name_is_refused(whole: Lab) -> None:
    before = pids(whole)
    done = lab("up", "--name", whole.name, "--compute", "3")
    assert done.returncode == 1
    told = done.stderr.replace("\n", " ")
    assert f"lab {whole.name} is there with other hosts (compute0, network0)" in told
    assert f"`tunbridge lab down --name {whole.name}` removes it, or take another --name" in told
    assert pids(whole) == before

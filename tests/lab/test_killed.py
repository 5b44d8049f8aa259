"""Whatever `up` was doing when it was ended, `down` leaves nothing, and the machine itself is as it was."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.commands import EXAMPLES, REPOSITORY, argv, lab, traces
from tunbridge.lab.lab import Lab
from tunbridge.lab.machine import wait_until
from tunbridge.lab.plan import from_numbers

pytestmark = pytest.mark.ovs

MOMENTS = {
    "the networks are laid": "laying",
    "the first host is made": "compute0  making the host",
    "the first Open vSwitch runs": "compute0  started",
    "the second host is made": "network0  making the host",
    "the agents start": "starting the agent",
    "one host is wired": "wired in",
}


def files(folder: str) -> list[tuple[str, float]]:
    return sorted((str(p), p.lstat().st_mtime) for p in (Path(folder), *Path(folder).rglob("*")) if p.exists())


def machine() -> object:
    """What a lab must not touch: interfaces of the root namespace, the machine's own Open vSwitch, its name."""
    places = ("/run/openvswitch", "/etc/openvswitch", "/var/lib/openvswitch", "/var/log/openvswitch", "/etc/tunbridge")
    return sorted(p.name for p in Path("/sys/class/net").iterdir()), [files(p) for p in places], os.uname().nodename


@pytest.fixture(autouse=True)
def the_machine_itself_is_untouched() -> Iterator[None]:
    before = machine()
    yield
    assert machine() == before


def end_up(name: str, moment: str, number: int, out: Path) -> int:
    """Start `lab up`, and end it by a signal at this moment. Gives its exit status."""
    line = argv("up", "--name", name, "--out", str(out), *EXAMPLES)
    with subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        for text in up.stdout:
            if moment in text:
                break
        else:
            pytest.fail(f"never came to: {moment}")
        up.send_signal(number)
        up.communicate()
        return up.returncode


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_down_after_sigkill_leaves_nothing(moment: str, lab_name: Callable[[], str], tmp_path: Path) -> None:
    name = lab_name()
    assert end_up(name, moment, signal.SIGKILL, tmp_path) == -signal.SIGKILL
    assert traces(name)
    done = lab("down", "--name", name)
    assert (done.returncode, done.stdout) == (0, f"lab {name}: removed\n")
    assert traces(name) == []


@pytest.mark.parametrize("moment", ["compute0  making the host", "starting the agent"])
def test_up_after_ctrl_c_goes_on(moment: str, lab_name: Callable[[], str], tmp_path: Path) -> None:
    name = lab_name()
    assert end_up(name, moment, signal.SIGINT, tmp_path) == 130
    done = lab("up", "--name", name, "--out", str(tmp_path), *EXAMPLES)
    assert (done.returncode, done.stderr) == (0, "")
    assert Lab(name).inspect().running
    Lab(name).down()
    assert traces(name) == []


def test_up_after_sigkill_goes_on(lab_name: Callable[[], str], tmp_path: Path) -> None:
    name = lab_name()
    end_up(name, "network0  making the host", signal.SIGKILL, tmp_path)
    assert lab("up", "--name", name, "--out", str(tmp_path), *EXAMPLES).returncode == 0
    assert Lab(name).inspect().running


def test_down_removes_what_users_left_running_inside(lab_name: Callable[[], str]) -> None:
    made = Lab(lab_name())
    made.up(from_numbers(made.name, 1, 0), lambda _part, _what: None, agents=False)
    line = argv("exec", "--name", made.name, "compute0", "--", "unshare", "--net", "sleep", "1000")
    with subprocess.Popen(line, stdin=subprocess.DEVNULL) as left:
        inside = Path(f"/proc/{left.pid}/comm")
        wait_until(lambda: left.poll() is not None or inside.read_text() == "sleep\n", "sleep")
        made.down()
        assert left.wait() == -signal.SIGKILL
    assert traces(made.name) == []


def test_down_twice_says_that_there_was_nothing(lab_name: Callable[[], str]) -> None:
    made = Lab(lab_name())
    made.up(from_numbers(made.name, 1, 0), lambda _part, _what: None, agents=False)
    assert lab("down", "--name", made.name).stdout == f"lab {made.name}: removed\n"
    done = lab("down", "--name", made.name)
    assert (done.returncode, done.stdout) == (0, f"lab {made.name}: nothing to remove\n")
    assert traces(made.name) == []


def test_a_lab_whose_folder_or_state_is_lost_is_removed(lab_name: Callable[[], str]) -> None:
    made = Lab(lab_name())
    for damage in ("{", None):
        made.up(from_numbers(made.name, 1, 0), lambda _part, _what: None, agents=False)
        state = made.folder / "lab.json"
        state.unlink() if damage is None else state.write_text(damage)
        told = lab("inspect", "--name", made.name)
        assert told.returncode == 1
        assert f"tunbridge lab down --name {made.name}` removes it" in told.stderr.replace("\n", " ")
        assert lab("down", "--name", made.name).returncode == 0
        assert traces(made.name) == []

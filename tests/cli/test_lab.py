"""`tunbridge lab` as a user types it: what passes into a host and out of it, what is told, what is refused."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.lab.commands import argv, lab, traces
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import from_numbers

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def made(module_lab_name: Callable[[], str]) -> Iterator[Lab]:
    made = Lab(module_lab_name())
    made.up(from_numbers(made.name, 1, 1), lambda _part, _what: None)
    yield made
    made.down()
    assert traces(made.name) == []


def inside(made: Lab, host: str, *command: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return lab("exec", "--name", made.name, host, "--", *command, stdin=stdin, **{**os.environ, **environ})


@pytest.mark.parametrize("host", ["compute0", "network0"])
def test_plain_commands_of_open_vswitch_address_the_host(made: Lab, host: str) -> None:
    bridges = {"br-int", "br-phy", "br-tun"} | ({"br-ex"} if host == "network0" else set())
    if made.state().datapath.type == "system":
        bridges -= {"br-phy"}
    assert set(inside(made, host, "ovs-vsctl", "list-br").stdout.split()) == bridges
    assert inside(made, host, "ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:hostname").stdout == f"{host}\n"
    assert "cookie=" in inside(made, host, "ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int").stdout
    assert "br-int" in inside(made, host, "ovs-appctl", "dpif/show").stdout
    assert inside(made, host, "hostname").stdout == f"{host}\n"


@pytest.mark.parametrize("status", [0, 1, 3, 42])
def test_the_exit_status_passes_through(made: Lab, status: int) -> None:
    assert inside(made, "compute0", "sh", "-c", f"exit {status}").returncode == status


def test_a_command_that_is_not_there_is_127(made: Lab) -> None:
    done = inside(made, "compute0", "no-such-command")
    assert done.returncode == 127
    assert "no-such-command" in done.stderr


def test_standard_streams_pass_through(made: Lab) -> None:
    done = inside(made, "compute0", "sh", "-c", "cat; echo err >&2", stdin="one\ntwo\n")
    assert (done.stdout, done.stderr) == ("one\ntwo\n", "err\n")


def test_options_of_the_command_are_its_own(made: Lab) -> None:
    done = lab("exec", "--name", made.name, "compute0", "echo", "--name", "x", "--help", "--", "-n")
    assert done.stdout == "x".join(["--name ", " --help -- -n\n"])


def test_the_callers_own_open_vswitch_and_agent_are_not_seen_inside(made: Lab) -> None:
    elsewhere = {
        "OVS_RUNDIR": "/nowhere",
        "OVS_DBDIR": "/nowhere",
        "OVS_SYSCONFDIR": "/nowhere",
        "TUNBRIDGE_AGENT_HOST": "other",
        "NOTIFY_SOCKET": "/nowhere",
    }
    assert inside(made, "compute0", "ovs-vsctl", "list-br", **elsewhere).returncode == 0
    seen = inside(made, "compute0", "env", **elsewhere, KEPT="yes").stdout.splitlines()
    assert "KEPT=yes" in seen
    assert [line for line in seen if line.partition("=")[0] in elsewhere] == []


def test_hosts_find_each_other_by_name(made: Lab) -> None:
    assert inside(made, "compute0", "getent", "hosts", "network0").stdout.split() == ["10.0.0.22", "network0"]
    assert inside(made, "compute0", "ping", "-c", "1", "-W", "5", "network0").returncode == 0


def test_a_shell_is_inside_and_gives_its_exit_status(made: Lab) -> None:
    done = lab("shell", "--name", made.name, "network0", stdin="hostname; ovs-vsctl list-ports br-ex; exit 3\n")
    assert (done.returncode, done.stdout) == (3, "network0\neth1\nphy-br-ex\n")


@pytest.mark.parametrize("words", [("exec", "nohost", "--", "true"), ("shell", "nohost")])
def test_a_host_that_is_not_there_is_named_with_those_that_are(made: Lab, words: tuple[str, ...]) -> None:
    done = lab(words[0], "--name", made.name, *words[1:])
    assert done.returncode == 1
    assert "has no host 'nohost'; it has compute0, network0" in done.stderr.replace("\n", " ")


def test_a_lab_that_is_not_there_is_told_how_to_make_one() -> None:
    done = lab("inspect", "--name", "no-such-lab")
    assert done.returncode == 1
    assert "there is no lab 'no-such-lab'" in done.stderr
    assert "`tunbridge lab up` makes one" in done.stderr.replace("\n", " ")


def test_inspect_in_words_and_as_json(made: Lab) -> None:
    words = lab("inspect", "--name", made.name)
    assert words.returncode == 0
    for part in (made.name, "compute0", "10.0.0.22", "physnet1", "203.0.113.1/24", made.state().datapath.why):
        assert part in words.stdout
    document = json.loads(lab("inspect", "--name", made.name, "--format", "json").stdout)
    assert [h["name"] for h in document["hosts"]] == ["compute0", "network0"]
    for host in document["hosts"]:
        for daemon, program in (("ovsdb_server", "ovsdb-server"), ("ovs_vswitchd", "ovs-vswitchd"), ("agent", "agent")):
            assert program in Path(f"/proc/{host[daemon]}/cmdline").read_text()


def test_labs_are_listed_in_words_and_as_json(made: Lab) -> None:
    words = lab("list")
    assert (words.returncode, words.stderr) == (0, "")
    assert words.stdout.splitlines()[0].split() == ["lab", "state", "hosts", "datapath", "server"]
    row = [made.name, "running", "compute0,", "network0", made.state().datapath.type, "-"]
    assert row in [line.split() for line in words.stdout.splitlines()]
    listed = lab("list", "--format", "json")
    assert listed.returncode == 0
    assert {
        "name": made.name, "state": "running", "hosts": ["compute0", "network0"],
        "datapath": made.state().datapath.type, "server": None, "problem": None,
    } in json.loads(listed.stdout)  # fmt: skip


def test_a_lab_of_which_something_is_missing_is_listed_as_such(
    lab_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tunbridge.lab import lab as labs

    one = Lab(lab_name())
    monkeypatch.setattr(labs, "all_labs", lambda: [one.name])
    one.up(from_numbers(one.name, 1, 0), lambda _part, _what: None, agents=False)
    assert [(found.state, found.hosts) for found in labs.summaries()] == [("partly running", ["compute0"])]
    for daemon in ("ovs-vswitchd", "ovsdb-server"):
        one.host("compute0").kill(daemon, signal.SIGTERM)
    assert [found.state for found in labs.summaries()] == ["stopped"]
    (one.folder / "lab.json").unlink()
    [found] = labs.summaries()
    assert found.state == "incomplete"
    assert found.problem is not None and "`tunbridge lab down" in found.problem
    one.down()
    assert labs.summaries() == []


def test_the_hosts_of_a_lab_are_completed(made: Lab) -> None:
    line = f"tunbridge lab exec --name {made.name} net"
    environ = {**os.environ, "_TUNBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "5"}
    program = Path(sys.executable).with_name("tunbridge")
    done = subprocess.run([program], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["network0"]


# Refused


@pytest.mark.parametrize(
    "words",
    [
        ("up",),
        ("down",),
        ("inspect",),
        ("list",),
        ("exec", "compute0", "--", "true"),
        ("shell", "compute0"),
    ],
    ids=lambda words: words[0],
)
def test_others_than_root_are_told_what_to_do(made: Lab, words: tuple[str, ...]) -> None:
    # In a user namespace of its own a process is nobody, who yet can read the program wherever it is installed.
    name = () if words == ("list",) else ("--name", made.name)
    line = ["unshare", "--user", *argv(words[0], *name, *words[1:])]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a lab needs root" in done.stderr
    assert "sudo" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "package"), [("ovs-vsctl", "openvswitch-switch"), ("nsenter", "util-linux"), ("unshare", "util-linux")]
)
def test_a_program_that_is_not_installed_is_named_with_its_package(
    program: str, package: str, lab_name: Callable[[], str], tmp_path: Path
) -> None:
    for folder in ("/bin", "/usr/bin"):
        for path in Path(folder).iterdir():
            if path.name != program and not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
    name = lab_name()
    done = lab("up", "--name", name, **{**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 1
    told = done.stderr.replace("\n", " ")
    assert f"{program} is not installed (Debian, Ubuntu: apt-get install {package})" in told
    assert traces(name) == []


def test_up_beside_another_up_of_the_same_lab_is_refused(lab_name: Callable[[], str]) -> None:
    name = lab_name()
    with Lab(name).lock():
        for words in (("up",), ("down",)):
            done = lab(*words, "--name", name)
            assert done.returncode == 1
            assert "another `tunbridge lab` is changing it now" in done.stderr.replace("\n", " ")
    assert traces(name) == []


def test_dumps_and_numbers_do_not_go_together(lab_name: Callable[[], str]) -> None:
    done = lab("up", "--name", lab_name(), "--compute", "2", "--like", "examples/compute0.txt")
    assert done.returncode == 2
    assert "--like" in done.stderr


def test_up_waits_for_no_one(lab_name: Callable[[], str], tmp_path: Path) -> None:
    """A lab of one host from a shell without a terminal: a line for each step, the picture, what to try next."""
    name = lab_name()
    done = subprocess.run(
        argv("up", "--name", name, "--compute", "1", "--network", "0", "--out", str(tmp_path)),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith(f"lab {name}: 1 host\n")
    assert "datapath " in done.stdout
    assert f"lab down --name {name}" in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {f"lab-{name}.svg", f"lab-{name}.txt"}


def test_down_all_removes_each_lab_that_is_known(lab_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept to this test's own labs: others on this machine are somebody's."""
    from tunbridge.cli import lab as cli
    from tunbridge.lab import lab as labs

    names = [lab_name(), lab_name()]
    for name in names:
        Lab(name).up(from_numbers(name, 1, 0), lambda _part, _what: None, agents=False)
    (Lab(names[0]).folder / "lab.json").unlink()
    subprocess.run(["rm", "-r", Lab(names[1]).folder], check=True)
    known = labs.all_labs()
    assert set(names) <= set(known)
    monkeypatch.setattr(labs, "all_labs", lambda: [name for name in known if name in names])
    done = CliRunner().invoke(cli.app, ["down", "--all"])
    assert done.exit_code == 0
    assert done.output.splitlines() == [f"lab {name}: removed" for name in sorted(names)]
    assert [traces(name) for name in names] == [[], []]

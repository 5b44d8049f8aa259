"""`lab up --kernel uml`: hosts that are kernels of their own are like those of the cloud, and used like any other."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.agent.hosts import example, normalised
from tests.lab.commands import lab as command
from tests.lab.test_server import agents, free_port
from tunbridge.cli.labs import sockets
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.lab import namespaces, uml
from tunbridge.lab.lab import Lab, choose_kind
from tunbridge.lab.machine import wait_until
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import from_document

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def lab(module_lab_name: Callable[[], str]) -> Iterator[Lab]:
    package = uml.missing()
    if package is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{package} is not installed")
        pytest.skip(f"{package} is not installed")
    lab = Lab(module_lab_name())
    reading = read_sources(["examples/compute0.txt", "network0=examples/network.txt"], sockets)
    plan = from_document(lab.name, understand(reading.hosts))
    lab.up(msgspec.structs.replace(plan, server=f"127.0.0.1:{free_port()}"), quietly, kind="uml")
    yield lab
    lab.down()
    assert not namespaces.processes([], lab.name)
    assert not namespaces.names(lab.name)


def quietly(_part: str, _what: str) -> None:
    pass


@pytest.mark.parametrize(("host", "dump"), [("compute0", "compute0.txt"), ("network0", "network.txt")])
def test_the_hosts_look_like_those_of_the_cloud(lab: Lab, host: str, dump: str) -> None:
    def shown() -> str:
        return lab.host(host).vsctl("show")

    # Open vSwitch writes down every 5 s who is connected.
    wait_until(lambda: shown().count("is_connected: true") == example(dump).count("is_connected: true"), "connected")
    assert "datapath_type" not in shown()
    assert normalised(shown()) == normalised(example(dump))


def test_it_is_the_kernels_datapath_and_packets_cross_the_underlay(lab: Lab) -> None:
    datapath = lab.host("network0").run("ovs-dpctl", "show").stdout
    assert "system@ovs-system" in datapath
    assert "vxlan_sys_4789" in datapath
    assert "64 bytes from" in lab.host("network0").run("ping", "-c5", "-W5", "compute0").stdout


def test_streams_and_exit_status_of_a_command_cross_the_kernel(lab: Lab) -> None:
    done = lab.host("compute0").run("sh", "-c", 'cat; echo "$0" >&2; exit 3', "it's $HOME", stdin="in", check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("in", "it's $HOME\n", 3)


def test_its_database_is_read_from_outside(lab: Lab) -> None:
    socket = lab.host("compute0").folder / "openvswitch" / "db.sock"
    assert "br-tun" in namespaces.run("ovs-vsctl", f"--db=unix:{socket}", "list-br").stdout.split()


def test_its_files_are_in_its_folder_and_not_this_machines(lab: Lab) -> None:
    host = lab.host("compute0")
    assert (host.folder / "etc" / "conf.db").exists()
    host.run("touch", "/etc/openvswitch/of-this-host", "/var/lib/openvswitch/of-this-host")
    assert (host.folder / "etc" / "of-this-host").exists()
    assert not Path("/etc/openvswitch/of-this-host").exists()
    assert not Path("/var/lib/openvswitch/of-this-host").exists()


def test_damage_is_mended(lab: Lab) -> None:
    host = lab.host("compute0")
    host.vsctl("del-port", "patch-tun")
    wait_until(lambda: "patch-tun" in host.vsctl("list-ports", "br-int").split(), "mended")


def test_every_host_is_an_agent_of_the_labs_server(lab: Lab) -> None:
    wait_until(lambda: agents(lab) == {"compute0": True, "network0": True}, "both hosts registered")


def test_pause_holds_the_agent_and_resume_lets_it_mend(lab: Lab) -> None:
    host = lab.host("network0")
    assert command("pause", "--name", lab.name, "network0").returncode == 0
    host.vsctl("del-port", "patch-int")
    status = host.run("sh", "-c", f"grep State /proc/{host.pid('agent')}/status").stdout
    assert "stopped" in status
    assert "patch-int" not in host.vsctl("list-ports", "br-tun").split()
    resumed = command("resume", "--name", lab.name, "network0")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "patch-int" in host.vsctl("list-ports", "br-tun").split()


def test_another_kind_is_refused_and_no_kind_is_what_is_there(lab: Lab) -> None:
    before = pids(lab)
    with pytest.raises(LabError, match="its hosts are kernels of their own, not namespaces; `tunbridge lab down"):
        lab.up(lab.state().plan, quietly, kind="namespace")
    lab.up(lab.state().plan, quietly)
    assert pids(lab) == before
    shown = command("inspect", "--name", lab.name)
    assert shown.returncode == 0
    assert "each host is a kernel of its own" in shown.stdout


def pids(lab: Lab) -> list[tuple[int | None, ...]]:
    return [(host.ovsdb_server, host.ovs_vswitchd, host.agent) for host in lab.inspect().hosts]


def test_up_boots_a_kernel_again_that_was_killed(lab: Lab) -> None:
    kernels = [
        int(path.name)
        for path in Path("/proc").glob("[0-9]*")
        if f"uml_dir={lab.host('compute0').folder}/uml/".encode() in _command(path)
    ]
    for pid in kernels:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not lab.inspect().running
    lab.up(lab.state().plan, quietly)
    assert lab.inspect().running
    wait_until(
        lambda: lab.host("network0").run("ping", "-c5", "-W5", "compute0", check=False).returncode == 0, "they reach"
    )


def _command(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_auto_takes_kernels_where_namespaces_would_switch_in_userspace_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_module = Path("/sys/module/openvswitch").is_dir()
    assert choose_kind()[0] == ("namespace" if has_module else "uml")
    if not has_module:
        monkeypatch.setattr(uml, "missing", lambda: "user-mode-linux")
        kind, why = choose_kind()
        assert kind == "namespace"
        assert "no openvswitch module" in why
        assert why.endswith("kernel hosts need the package user-mode-linux")

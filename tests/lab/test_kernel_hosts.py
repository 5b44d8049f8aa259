"""`lab up --kernel vm`: hosts that are kernels of their own are like those of the cloud, and used like any other."""

import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.agent.hosts import Wired, example, normalised
from tests.kernels import require
from tests.lab.commands import lab as command
from tests.lab.test_server import agents, free_port
from tunbridge.cli.labs import sockets
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.lab import namespaces, qemu_machine
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab, choose_kind
from tunbridge.lab.machine import wait_until
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import UNDERLAY_DEVICE, from_document

pytestmark = [pytest.mark.ovs, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lab(module_lab_name: Callable[[], str]) -> Iterator[Lab]:
    require()
    lab = Lab(module_lab_name())
    reading = read_sources(["examples/compute0.txt", "network0=examples/network.txt"], sockets)
    plan = from_document(lab.name, understand(reading.hosts))
    lab.up(msgspec.structs.replace(plan, server=f"127.0.0.1:{free_port()}"), quietly, kind="vm")
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


def test_the_flows_are_those_of_the_userspace_datapath(lab: Lab, module_lab_name: Callable[[], str]) -> None:
    other = Lab(module_lab_name())
    plan = msgspec.structs.replace(lab.state().plan, name=other.name, server=None)
    other.up(plan, quietly, kind="namespace")
    for bridge in ("br-int", "br-tun", "br-eth1"):
        found, expected = (Wired(one, "network0").flows(bridge) for one in (lab, other))
        assert sorted(found) == sorted(expected)
    other.down()


def test_packets_and_connections_of_both_ip_versions_pass_between_hosts_and_to_the_outside(lab: Lab) -> None:
    compute, network = lab.host("compute0"), lab.host("network0")
    for host, address in ((compute, "fd00::25/64"), (network, "fd00::27/64")):
        host.run("ip", "addr", "add", address, "dev", UNDERLAY_DEVICE, "nodad")
    for receiver in ("10.0.0.27", "fd00::27"):
        network.start("sink.log", sys.executable, "-I", "-S", "-c", _SINK, receiver)
        wait_until(lambda: "7777" in network.run("ss", "-tln").stdout, "the receiver listens")
        done = compute.run(sys.executable, "-I", "-S", "-c", _SEND, receiver)
        assert done.stdout == "1000000\n"
        wait_until(lambda: "7777" not in network.run("ss", "-tln").stdout, "the receiver ends")


_SINK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], 7777), family=family) as server:
    peer, _ = server.accept()
    with peer:
        while (count := globals().get("count", 0) + len(peer.recv(65536))) < 1000000:
            pass
        peer.sendall(b"%d" % count)
"""
_SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], 7777)) as peer:
    peer.sendall(bytes(1000000))
    print(peer.recv(100).decode())
"""


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


def qemu(host: Host) -> int:
    """The process that is the host's kernel."""
    return int((host.folder / "qemu" / "pid").read_text())


def killed(host: Host) -> None:
    os.kill(qemu(host), signal.SIGKILL)


def panicked(host: Host) -> None:
    host.run("sh", "-c", "(sleep 0.5; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")


def test_kernels_that_ended_are_reported_with_the_end_of_their_console_and_booted_again(lab: Lab) -> None:
    told = {}
    for name, end in (("compute0", killed), ("network0", panicked)):
        host = lab.host(name)
        host.run("sh", "-c", "echo '<0>the last words' > /dev/kmsg")
        end(host)
        wait_until(lambda host=host: host.machine.problem() is not None, "the kernel ends")  # type: ignore[misc]
        with pytest.raises(LabError, match=rf"{name}: its kernel has ended") as raised:
            host.run("true", check=False)
        told[name] = str(raised.value)
    assert "the last words" in told["compute0"]
    assert "Kernel panic - not syncing: sysrq triggered crash" in told["network0"]
    shown = command("inspect", "--name", lab.name)
    assert shown.returncode == 1
    assert "compute0: its kernel has ended" in shown.stdout
    assert "sysrq triggered crash" in shown.stdout
    lab.up(lab.state().plan, quietly)
    assert lab.inspect().running
    assert lab.host("network0").run("ping", "-c5", "-W5", "compute0", check=False).returncode == 0


def test_a_network_that_was_lost_is_laid_again(lab: Lab) -> None:
    namespaces.run("ip", "netns", "del", lab.underlay)
    lab.up(lab.state().plan, quietly)
    assert lab.host("network0").run("ping", "-c5", "-W5", "compute0", check=False).returncode == 0


def test_auto_takes_kernels_where_namespaces_would_switch_in_userspace_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require()
    has_module = Path("/sys/module/openvswitch").is_dir()
    assert choose_kind()[0] == ("namespace" if has_module else "vm")
    if not has_module:
        monkeypatch.setattr(qemu_machine, "why_not", lambda: "kernel hosts need this and that")
        kind, why = choose_kind()
        assert kind == "namespace"
        assert "no openvswitch module" in why
        assert why.endswith("kernel hosts need this and that")


def test_all_packages_that_are_missing_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(qemu_machine, "_VIRTIOFSD", ())
    why = qemu_machine.why_not()
    assert why is not None
    for package in ("qemu-system-x86", "apt-get install", "busybox-static", "kmod", "openssh-client"):
        assert package in why


def test_other_processors_are_told_that_they_are_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert qemu_machine.why_not() == "kernel hosts need an x86_64 machine, and this one is aarch64"

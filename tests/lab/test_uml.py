"""`lab up --kernel uml`: hosts that are kernels of their own are like those of the cloud, and used like any other."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.agent.hosts import example, normalised
from tunbridge.cli.labs import sockets
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.lab import namespaces, uml
from tunbridge.lab.lab import Lab
from tunbridge.lab.machine import wait_until
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
    lab.up(plan, lambda _part, _what: None, kind="uml")
    yield lab
    lab.down()
    assert not namespaces.processes([], lab.name)
    assert not namespaces.names(lab.name)


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
    assert "64 bytes from" in lab.host("network0").run("ping", "-c1", "-W2", "compute0").stdout


def test_streams_and_exit_status_of_a_command_cross_the_kernel(lab: Lab) -> None:
    done = lab.host("compute0").run("sh", "-c", 'cat; echo "$0" >&2; exit 3', "it's $HOME", stdin="in", check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("in", "it's $HOME\n", 3)


def test_its_database_is_read_from_outside(lab: Lab) -> None:
    socket = lab.host("compute0").folder / "openvswitch" / "db.sock"
    assert "br-tun" in namespaces.run("ovs-vsctl", f"--db=unix:{socket}", "list-br").stdout.split()


def test_damage_is_mended(lab: Lab) -> None:
    host = lab.host("compute0")
    host.vsctl("del-port", "patch-tun")
    wait_until(lambda: "patch-tun" in host.vsctl("list-ports", "br-int").split(), "mended")

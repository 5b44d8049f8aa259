"""Hosts of a lab as hosts: what is inside, what joins them, and the whole `up` of two dumps."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeLab
from tests.lab.commands import EXAMPLES, lab, traces
from tunbridge.agent.config import Provider
from tunbridge.cli.labs import sockets
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.lab import namespaces
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import from_document, from_numbers

pytestmark = pytest.mark.ovs


def pings(host: Host, address: str) -> bool:
    """Whether an address answers; the first packet may be lost while the neighbour is looked for."""
    return host.run("ping", "-c", "3", "-i", "0.2", "-W", "1", address, check=False).returncode == 0


# What is inside


def test_a_host_finds_its_own_things_where_every_host_has_them(make_lab: MakeLab) -> None:
    made = make_lab(a="10.1.2.3", b="10.1.2.4")
    for name in ("a", "b"):
        host = made.host(name)
        assert host.run("hostname").stdout == f"{name}\n"
        host.vsctl("add-br", f"br-{name}", "--", "set", "bridge", f"br-{name}", "datapath_type=netdev")
        assert f"br-{name}" in host.run("ovs-appctl", "dpif/show").stdout
        assert "NORMAL" in host.run("ovs-ofctl", "dump-flows", f"br-{name}").stdout
        (host.folder / "tunbridge" / "agent.toml").write_text(name)
        assert host.run("cat", "/etc/tunbridge/agent.toml").stdout == name
        host.run("touch", f"/var/lib/tunbridge/{name}", "/var/log/openvswitch/x", "/run/y")
        assert "LOOPBACK,UP" in host.run("ip", "link", "show", "lo").stdout
    assert made.host("a").run("ls", "/var/lib/tunbridge").stdout == "a\n"
    assert "br-a" not in made.host("b").vsctl("list-br")
    assert {p.name for p in (made.folder / "a").iterdir()} >= {"openvswitch", "y"}
    assert (made.folder / "a" / "openvswitch" / "db.sock").is_socket()


def test_an_open_vswitch_of_the_caller_does_not_shine_through(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"):
        monkeypatch.setenv(variable, "/nowhere")
    host = make_lab(a="10.1.2.3").host("a")
    host.kill("ovs-vswitchd")
    host.start_vswitchd()
    assert "ovs_version" in host.vsctl("show")


# What joins them


def test_hosts_reach_each_other_by_tunnel_address_and_by_name(make_lab: MakeLab) -> None:
    addresses = {"compute0": "172.16.5.10", "compute1": "172.16.5.11", "compute2": "172.16.5.12"}
    addresses |= {"network0": "172.16.5.254", "network1": "172.16.5.1"}
    made = make_lab(**addresses)
    for host in made.hosts():
        for other, address in addresses.items():
            if other != host.name:
                assert pings(host, address), f"{host.name} to {address}"
    assert pings(made.host("compute2"), "network1")


def test_an_ipv6_underlay(make_lab: MakeLab) -> None:
    made = make_lab(prefix_length=64, a="fd00:9::a", b="fd00:9::b")
    assert pings(made.host("a"), "fd00:9::b")
    assert pings(made.host("b"), "a")


def test_each_nic_leads_to_its_own_physical_network(make_lab: MakeLab) -> None:
    both = {"p1": Provider(bridge="br-1", nics=["eth1", "spare"]), "p2": Provider(bridge="br-2", nics=["eno16777736"])}
    made = make_lab(providers={"a": both, "b": {"p2": both["p2"]}}, a="10.1.2.3", b="10.1.2.4")
    a, b = made.host("a"), made.host("b")
    status = made.inspect()
    first, second = status.outside["p1"], status.outside["p2"]
    assert (first, second) == ("203.0.113.1/24", "198.51.100.1/24")

    def with_address(host: Host, nic: str, address: str, target: str) -> bool:
        host.run("ip", "addr", "add", address, "dev", nic)
        answered = pings(host, target)
        host.run("ip", "addr", "del", address, "dev", nic)
        return answered

    assert with_address(a, "eth1", "203.0.113.9/24", "203.0.113.1")
    assert with_address(a, "eno16777736", "198.51.100.9/24", "198.51.100.1")
    assert with_address(b, "eno16777736", "198.51.100.8/24", "198.51.100.1")
    assert not with_address(a, "eth1", "198.51.100.9/24", "198.51.100.1"), "the networks are apart"
    assert not with_address(a, "spare", "203.0.113.9/24", "203.0.113.1"), "a second NIC would be a loop"


def test_a_restarted_switch_has_its_tunnel_address_again(make_lab: MakeLab) -> None:
    made = make_lab(a="10.1.2.3", b="10.1.2.4")
    a = made.host("a")
    for daemon in ("ovs-vswitchd", "ovsdb-server"):
        a.kill(daemon)
        assert a.pid(daemon) is None
    assert a.start_ovs() == ["ovsdb-server", "ovs-vswitchd"]
    assert a.start_ovs() == []
    assert pings(a, "10.1.2.4")


def test_labs_side_by_side_do_not_see_each_other(make_lab: MakeLab) -> None:
    first, second = make_lab(a="10.1.2.3", b="10.1.2.4"), make_lab(a="10.1.2.3", c="10.1.2.5")
    assert pings(first.host("a"), "10.1.2.4")
    assert pings(second.host("a"), "10.1.2.5")
    assert not pings(first.host("a"), "10.1.2.5")
    first.down()
    assert traces(first.name) == []
    assert pings(second.host("a"), "10.1.2.5")


def test_removing_a_lab_spares_one_whose_name_begins_alike(lab_name: Callable[[], str]) -> None:
    short = lab_name()
    longer = f"{short}-x"
    try:
        for name in (short, longer):
            Lab(name).up(from_numbers(name, 1, 0), lambda _part, _what: None, agents=False)
        Lab(short).down()
        assert traces(short) == []
        assert Lab(longer).host("compute0").vsctl("get-fail-mode", "br-phy") == ""
    finally:
        Lab(longer).down()
    assert traces(longer) == []


def test_two_that_change_one_lab_at_once(make_lab: MakeLab) -> None:
    made = make_lab(a="10.1.2.3")
    with made.lock():
        done = lab("down", "--name", made.name)
    assert done.returncode == 1
    assert f"lab {made.name}: another `tunbridge lab` is changing it now" in done.stderr
    assert made.host("a").vsctl("list-br")
    assert not list(made.folder.parent.glob(f".{made.name}.lock"))


# Errors


def test_others_than_root_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for action in (Lab("x").down, Lab("x").hosts, lambda: Lab("x").up(from_numbers("x", 1, 0), lambda _p, _w: None)):
        with pytest.raises(LabError, match="needs root"):
            action()


@pytest.mark.parametrize(("program", "package"), [("ovs-vswitchd", "openvswitch-switch"), ("ip", "iproute2")])
def test_a_missing_program_is_told_with_its_package(
    program: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=rf"{program} is not installed .*apt-get install {package}\)"):
        namespaces.require(program)


def test_an_agent_that_does_not_become_ready_is_told_with_the_end_of_its_log(make_lab: MakeLab) -> None:
    host = make_lab(a="10.1.2.3").host("a")
    with pytest.raises(LabError, match=r"(?s)a: the agent ended before it was ready.*agent\.log:\nthis is why"):
        host.start_agent(["sh", "-c", "echo this is why >&2; exit 1"])


# The whole


def test_a_lab_like_two_dumps_is_what_they_say(lab_name: Callable[[], str], tmp_path: Path) -> None:
    name = lab_name()
    done = lab("up", "--name", name, "--out", str(tmp_path), *EXAMPLES)
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        "compute0",
        "network0",
        "10.0.0.27",
        "eno16777736",
        f"lab exec --name {name} compute0 -- ovs-vsctl show",
    ):
        assert part in done.stdout
    assert "eno16777736" in (tmp_path / f"lab-{name}.svg").read_text()
    assert "eno16777736" in (tmp_path / f"lab-{name}.txt").read_text()

    reading = read_sources([f"lab:{name}"], sockets)
    assert from_document(name, understand(reading.hosts)) == Lab(name).state().plan, "read back, it is the same lab"
    assert pings(Lab(name).host("compute0"), "10.0.0.27")

    again = lab("up", "--name", name, "--out", str(tmp_path), *EXAMPLES)
    assert again.returncode == 0
    assert again.stdout.count("runs already") == 4

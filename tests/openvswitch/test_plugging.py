"""Plugging in real devices on a real Open vSwitch, and what is left when it fails: nothing."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import MakeLab
from tunbridge.lab.host import Host
from tunbridge.openvswitch.plugging import Device, PlugError, plug, plugged, unplug

pytestmark = pytest.mark.ovs
ID = "aaaaaaaa-0000-4000-8000-000000000001"
MAC = "fa:16:3e:00:00:09"


@pytest.fixture
def host(make_lab: MakeLab) -> Host:
    made = make_lab(compute0="10.0.0.21").host("compute0")
    made.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev")
    made.run("ip", "netns", "add", "guest")
    return made


def device(**more: Any) -> Device:
    return Device(**{"port_id": ID, "name": "eth0", "mac": MAC, "mtu": 1442, "vm": "vm-1", **more})


def links(host: Host, *where: str) -> dict[str, dict[str, Any]]:
    return {link["ifname"]: link for link in json.loads(host.run("ip", *where, "-j", "link").stdout)}


def test_a_veth_pair_has_the_ports_mac_and_mtu_and_goes_with_the_port(host: Host) -> None:
    before = links(host)
    done = plug(host.run, device(netns="guest"))
    assert (done.interface, done.bridge, done.made) == ("tapaaaaaaaa-00", "br-int", "veth")
    guest = links(host, "-n", "guest")["eth0"]
    assert (guest["address"], guest["mtu"], guest["operstate"]) == (MAC, 1442, "UP")
    assert links(host)[done.interface]["mtu"] == 1442
    ids = {
        key: host.vsctl("get", "Interface", done.interface, f"external_ids:{key}").strip('"')
        for key in ("iface-id", "attached-mac", "iface-status", "vm-uuid")
    }
    assert ids == {"iface-id": ID, "attached-mac": MAC, "iface-status": "active", "vm-uuid": "vm-1"}
    assert plugged(host.run, ID) == [done] == unplug(host.run, ID)
    assert links(host).keys() == before.keys() and "eth0" not in links(host, "-n", "guest")
    assert host.vsctl("list-ports", "br-int") == ""


def test_a_tap_is_made_for_a_hypervisor(host: Host) -> None:
    done = plug(host.run, device(name="tap0", tap=True))
    assert (done.interface, done.made, links(host)["tap0"]["mtu"]) == ("tap0", "tap", 1442)
    assert links(host)["tap0"]["address"] != MAC  # that is the guest's, on the other side
    unplug(host.run, ID)
    assert "tap0" not in links(host)


def test_a_device_of_another_program_stays_when_its_port_goes(host: Host) -> None:
    host.run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "other")
    assert plug(host.run, device(name="mine")).made == ""
    unplug(host.run, ID)
    assert "mine" in links(host) and host.vsctl("list-ports", "br-int") == ""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"netns": "nowhere"}, "there is no network namespace 'nowhere'"),
        ({}, "there is no device eth0; --tap makes a tap"),
        ({"netns": "guest", "bridge": "br-none"}, "has no bridge br-none"),
        ({"netns": "guest", "name": "a name that is too long"}, "is not a name of a network device"),
        ({"netns": "guest", "name": "lo"}, "there is a device lo in guest already"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_done(host: Host, more: dict[str, Any], message: str) -> None:
    before = links(host).keys()
    with pytest.raises(PlugError, match=message):
        plug(host.run, device(**more))
    assert links(host).keys() == before and host.vsctl("list-ports", "br-int") == ""


def test_what_was_made_is_removed_when_a_later_step_fails(host: Host) -> None:
    before = links(host).keys()

    def run(*argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        if "add-port" in argv:
            raise PlugError("the database went away")
        return host.run(*argv, **more)

    with pytest.raises(PlugError, match="went away"):
        plug(run, device(netns="guest"))
    assert links(host).keys() == before and "eth0" not in links(host, "-n", "guest")


def test_a_device_that_open_vswitch_cannot_use_is_taken_out_again(host: Host) -> None:
    host.run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "other")
    host.vsctl("add-br", "br-two", "--", "set", "bridge", "br-two", "datapath_type=netdev")
    host.vsctl("add-port", "br-two", "mine")
    with pytest.raises(Exception, match="mine"):
        plug(host.run, device(name="mine"))
    assert host.vsctl("iface-to-br", "mine") == "br-two"


def test_a_port_is_plugged_in_once(host: Host) -> None:
    plug(host.run, device(netns="guest"))
    with pytest.raises(PlugError, match="is plugged in already: tapaaaaaaaa-00 in br-int"):
        plug(host.run, device(name="eth1", netns="guest"))
    unplug(host.run, ID)
    with pytest.raises(PlugError, match="is not plugged in on this host"):
        unplug(host.run, ID)


def test_the_command_line_tells_what_it_did(host: Host) -> None:
    me = [sys.executable, "-m", "tunbridge", "port"]
    given = ["--mac", MAC.upper(), "--mtu", "1442"]
    shown = host.run(*me, "plug", ID, "--device", "eth0", "--netns", "guest", *given, "-f", "json").stdout
    assert json.loads(shown) == {
        "interface": "tapaaaaaaaa-00", "bridge": "br-int", "port_id": ID, "mac": MAC, "made": "veth",
    }  # fmt: skip
    assert host.run(*me, "unplug", ID).stdout == f"port {ID}: tapaaaaaaaa-00 taken out, br-int, {MAC}\n"
    again = host.run(*me, "unplug", ID, check=False)
    assert again.returncode == 1 and "is not plugged in on this host" in again.stderr
    both = host.run(*me, "plug", ID, "--device", "a", "--netns", "guest", "--tap", *given, check=False)
    assert both.returncode == 2 and "one of them" in both.stderr
    half = host.run(*me, "plug", ID, "--device", "a", "--tap", "--mac", MAC, check=False)
    assert half.returncode == 2 and "both, or none" in half.stderr

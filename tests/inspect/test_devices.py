"""What `ip` prints of a machine's devices, in both of its forms, and which of them are under the tunnels."""

import json
import shutil
import subprocess

import pytest

from tests.inspect.hosts import two
from tunbridge.inspect.devices import parse_json, parse_text, underlay_of, with_devices
from tunbridge.inspect.model import Device

TEXT = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 numtxqueues 1
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eno1: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 9000 qdisc mq state DOWN group default qlen 1000
    link/ether aa:bb:cc:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    inet 10.0.0.25/24 brd 10.0.0.255 scope global eno1
    inet6 fe80::a8bb:ccff:fe00:1/64 scope link
7: eno1.100@eno1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default
    link/ether aa:bb:cc:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.1.0.25 peer 10.1.0.1/32 scope global eno1.100
"""
ENO1 = Device(
    name="eno1", addresses=["10.0.0.25", "fe80::a8bb:ccff:fe00:1"], mac="aa:bb:cc:00:00:01", mtu=9000,
    admin_state="up", link_state="down",
)  # fmt: skip


def test_the_text_of_a_sosreport() -> None:
    lo, eno1, vlan = parse_text(TEXT)
    assert (lo.name, lo.link_state, lo.mtu) == ("lo", "up", 65536)
    assert eno1 == ENO1
    assert (vlan.name, vlan.addresses, vlan.admin_state) == ("eno1.100", ["10.1.0.25"], "down")


@pytest.mark.skipif(shutil.which("ip") is None, reason="iproute2 is not installed")
def test_both_forms_of_this_machine_s_ip_give_the_same() -> None:
    as_json, as_text = (
        subprocess.run(["ip", *form, "addr", "show", "lo"], capture_output=True, text=True, check=True).stdout
        for form in (["-j"], ["-d"])
    )
    assert parse_json(as_json) == parse_text(as_text) != []


@pytest.mark.parametrize("text", ["", "ip: command not found", "[1]", "{}", '[{"ifname": 1}]', "[" * 100000])
def test_what_is_no_answer_of_ip_is_unknown(text: str) -> None:
    assert not parse_json(text)
    assert parse_text(text) == []


def test_only_the_device_with_the_tunnel_address_is_under_the_tunnels() -> None:
    devices = parse_text(TEXT)
    assert underlay_of(devices, ["10.0.0.25"]) == [ENO1]
    assert underlay_of([Device(name="x", addresses=["fd00:0::1"])], ["fd00::1"]) != []
    assert underlay_of(devices, ["10.9.9.9"]) == []
    assert underlay_of(devices, []) is underlay_of(None, ["10.0.0.25"]) is None


def test_devices_without_the_bridges_of_this_open_vswitch_are_another_machine_s() -> None:
    host = two()[0]
    assert with_devices(host, parse_text(TEXT)).underlay is None
    own = [*parse_text(TEXT), *(parse_json(json.dumps([{"ifname": "br-int", "flags": [], "mtu": 1}])) or [])]
    assert ENO1 in (with_devices(host, own).underlay or [])

"""The network devices of a machine's own IP stack, as `ip` prints them, and which of them carry the tunnels."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Device, Host, UpDown
from tunbridge.inspect.tunnels import canonical

_HEAD = re.compile(r"\d+: (?P<name>[^\s:@]+)(?:@\S+)?: <(?P<flags>[A-Z0-9_,-]*)> mtu (?P<mtu>\d{1,9})\b(?P<rest>.*)")
_STATE = re.compile(r"\bstate (\w+)")
_MASTER = re.compile(r"\bmaster (\S+)")
_DATAPATH = "ovs-system"
"""The master of devices that Open vSwitch's own kernel datapath holds."""
_LINK = re.compile(r"\s+link/\S+ ([0-9a-f:]{17})\b")
_ADDRESS = re.compile(r"\s+inet6? ([0-9A-Fa-f.:]+)(?:/\d+)?\b")


def parse_json(text: str) -> list[Device] | None:
    """Read what `ip -j addr` prints; None when it is something else."""
    try:
        return [_device(entry) for entry in json.loads(text) if entry]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _device(entry: Any) -> Device:
    flags = set(entry["flags"])
    return Device(
        name=str(entry["ifname"]),
        addresses=[str(info["local"]) for info in entry.get("addr_info", []) if "local" in info],
        mac=str(entry["address"]) if "address" in entry else None,
        master=str(entry["master"]) if "master" in entry else None,
        mtu=int(entry["mtu"]),
        admin_state="up" if "UP" in flags else "down",
        link_state=_link_state(flags, str(entry.get("operstate", ""))),
    )


def _link_state(flags: Iterable[str], operstate: str) -> UpDown | None:
    """Tell the carrier: ip-link(8); devices without one (tap, dummy) are in state UNKNOWN and count as up."""
    if "NO-CARRIER" in flags or operstate in ("DOWN", "LOWERLAYERDOWN", "NOTPRESENT"):
        return "down"
    return "up" if operstate == "UP" or "LOWER_UP" in flags else None


def parse_text(text: str) -> list[Device]:
    """Read what `ip address` or `ip -d address` prints, as a sosreport keeps it."""
    devices: list[Device] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            flags = head["flags"].split(",")
            state = _STATE.search(head["rest"])
            up: UpDown = "up" if "UP" in flags else "down"
            link = _link_state(flags, state[1] if state else "")
            master = found[1] if (found := _MASTER.search(head["rest"])) else None
            devices.append(
                Device(name=head["name"], master=master, mtu=int(head["mtu"]), admin_state=up, link_state=link)
            )
        elif devices and (mac := _LINK.match(line)):
            devices[-1] = replace(devices[-1], mac=mac[1])
        elif devices and (address := _ADDRESS.match(line)):
            devices[-1].addresses.append(address[1])
    return devices


def with_devices(host: Host, devices: Sequence[Device]) -> Host:
    """Give the host with the devices of its machine that have an address, unless they are not of this Open vSwitch.

    They are when one of its internal interfaces is among them, with its MAC if that is known: an Open vSwitch in a
    container or another network namespace has other devices than the machine that was asked.
    """
    internal = {
        interface.name: interface.mac_in_use
        for bridge in host.bridges
        for port in bridge.ports
        for interface in port.interfaces
        if interface.type == "internal"
    }
    if not any(device.name in internal and internal[device.name] in (None, device.mac) for device in devices):
        return host
    told = [attribute for attribute in host.not_told if attribute != "underlay"]
    masters = {device.name: device.master for device in devices if device.master not in (None, _DATAPATH)}
    bridges = [_with_masters(bridge, masters) for bridge in host.bridges] if masters else host.bridges
    return replace(host, bridges=bridges, underlay=[device for device in devices if device.addresses], not_told=told)


def _with_masters(bridge: Bridge, masters: Mapping[str, str | None]) -> Bridge:
    """Note at internal interfaces which other device holds them: a Linux bridge, say."""
    ports = [
        replace(
            port,
            interfaces=[
                replace(i, master=masters[i.name]) if i.type == "internal" and i.name in masters else i
                for i in port.interfaces
            ],
        )
        for port in bridge.ports
    ]
    return replace(bridge, ports=ports)


def underlay_of(devices: Sequence[Device] | None, own: Iterable[str]) -> list[Device] | None:
    """Give those of the devices that hold one of the host's `own` tunnel addresses; None when these are not known."""
    wanted = {canonical(address) for address in own}
    if devices is None or not wanted:
        return None
    return [device for device in devices if any(canonical(address) in wanted for address in device.addresses)]

"""What the machine tells that no database holds, where its Open vSwitch runs on this one: devices and MAC tables.

Nothing of it must be there for a host to be seen: what cannot be had stays unknown.
"""

import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from tunbridge.inspect import devices, mappings
from tunbridge.inspect.model import Bridge, Device, Host
from tunbridge.openvswitch import unixctl

_ENTRIES = re.compile(r"Current/maximum MAC entries in the table\s*: (\d{1,9})/(\d{1,9})")
_BRIDGE = re.compile(r'Statistics for bridge "([^"\n]+)":\n')
_CREDENTIALS = struct.Struct("3i")
_TIMEOUT = 5.0


def with_machine(host: Host, database: Path) -> Host:
    """Give the host with what its machine tells; `database` is the socket of its ovsdb-server."""
    host = with_mac_tables(host, _mac_tables(database.parent, [bridge.name for bridge in host.bridges]))
    here = _is_here(_server(database))
    if here:
        host = mappings.with_files(host, mappings.of_this_machine())
    found = _devices(database)
    return devices.with_devices(host, found) if found is not None else host


def with_answers(host: Host, addresses: str, mac_tables: str, configurations: Iterable[str] = ()) -> Host:
    """Return the host with what was asked of another machine: `ip addr`, as JSON or not, the MAC tables, and what the
    files of Neutron's agent hold.
    """
    host = mappings.with_files(host, configurations)
    parts = _BRIDGE.split(mac_tables)
    host = with_mac_tables(host, dict(zip(parts[1::2], parts[2::2], strict=True)))
    found = devices.parse_json(addresses) if addresses.lstrip().startswith("[") else devices.parse_text(addresses)
    return devices.with_devices(host, found) if found else host


def with_mac_tables(host: Host, answers: dict[str, str]) -> Host:
    """Give the host with how full its MAC tables are: bridge -> what `ovs-appctl fdb/stats-show` says of it."""
    if not answers:
        return host
    told = [attribute for attribute in host.not_told if attribute != "mac_table_used"]
    return replace(host, bridges=[_with_table(b, answers.get(b.name, "")) for b in host.bridges], not_told=told)


def _with_table(bridge: Bridge, answer: str) -> Bridge:
    entries = _ENTRIES.search(answer)
    return replace(bridge, mac_table_used=int(entries[1]), mac_table_size=int(entries[2])) if entries else bridge


def _mac_tables(rundir: Path, bridges: list[str]) -> dict[str, str]:
    control = unixctl.control_socket(rundir, "ovs-vswitchd")
    if control is None:
        return {}
    answers = unixctl.ask(control, [("fdb/stats-show", name) for name in bridges])
    return {name: answer for name, answer in zip(bridges, answers, strict=True) if answer is not None}


def _devices(database: Path) -> list[Device] | None:
    """Ask for the devices where the process is that answers at the socket: perhaps in another network namespace."""
    pid = _server(database)
    here = _is_here(pid)
    if pid is None or here is None:
        return None
    enter = [] if here else ["nsenter", f"--net=/proc/{pid}/ns/net"]
    try:
        done = subprocess.run(
            [*enter, "ip", "-j", "addr"], capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = devices.parse_json(done.stdout)
    return [_with_speed(device) for device in found] if found is not None and here else found


def _is_here(pid: int | None) -> bool | None:
    """Whether a process is in the network namespace of this one; None where that cannot be told."""
    try:
        return pid is not None and Path(f"/proc/{pid}/ns/net").samefile("/proc/self/ns/net")
    except OSError:
        return None  # it is another user's process


def _server(database: Path) -> int | None:
    """Give the process that listens at a socket: unix(7), SO_PEERCRED. None when it cannot be told."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_TIMEOUT)
            client.connect(os.fspath(database))
            pid, _, _ = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    except OSError:
        return None
    return pid or None


def _with_speed(device: Device) -> Device:
    """Add the speed, which sysfs tells in Mbit/s, and only of this process's own network namespace."""
    try:
        speed = int(Path(f"/sys/class/net/{device.name}/speed").read_text())
    except (OSError, ValueError):
        return device  # it is down, or has none
    return replace(device, link_speed=speed * 1_000_000) if speed > 0 else device

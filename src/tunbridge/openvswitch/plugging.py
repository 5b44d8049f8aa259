"""Plug a device into the integration bridge as a hypervisor does: `external_ids` of the interface name the port.

    iface-id       the port's id: what the agent looks for
    attached-mac   the MAC address of who is behind the device
    iface-status   active
    vm-uuid        whose device it is
    tunbridge-made veth or tap, when the device was made here, and goes with the port

The commands (`ip`, `ovs-vsctl`, `ethtool`) run wherever `run` runs them: on this machine, or inside a host of a lab.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from msgspec import Struct

from tunbridge.errors import TunbridgeError

Run = Callable[..., subprocess.CompletedProcess[str]]
"""run(*argv): a command to its end; raises a TunbridgeError when it fails."""
MADE = "tunbridge-made"
BRIDGE = "br-int"
_VSCTL = ("ovs-vsctl", "--timeout=30")
_DEVICE = re.compile(r"[^\s/\x00-\x1f\x7f]{1,15}")


class PlugError(TunbridgeError):
    """A port cannot be plugged in or out; nothing half-done is left."""

    exit_status = 1


class Device(Struct, frozen=True, kw_only=True):
    """What is to be plugged in. `name` is the device that the guest gets, or that is there already.

    `netns`: make a veth pair, one end of which is `name` in this network namespace. `tap`: make a tap device. Neither:
    the device is there, another program's.
    """

    port_id: str
    name: str
    mac: str
    mtu: int
    vm: str
    netns: str | None = None
    tap: bool = False
    bridge: str = BRIDGE

    @property
    def interface(self) -> str:
        """The device that goes into the bridge; Neutron's name for the switch's end of a pair."""
        return f"tap{self.port_id[:11]}" if self.netns is not None else self.name


class Plugged(Struct, frozen=True):
    """An interface of a bridge that is plugged in for a port. `made`: `veth`, `tap`, or nothing."""

    interface: str
    bridge: str
    port_id: str
    mac: str
    made: str


def plug(run: Run, device: Device) -> Plugged:
    """Plug a device in. Raises a TunbridgeError, and undoes what was done."""
    _check(run, device)
    made = "veth" if device.netns is not None else "tap" if device.tap else ""
    with _undone_on_failure() as undo:
        if made:
            undo.append(lambda: run("ip", "link", "del", device.interface, check=False))
            _make(run, device)
        run("ip", "link", "set", device.interface, "mtu", str(device.mtu), "up")
        _without_offload(run, device)
        # Of this bridge: a port of that name in another one is not ours.
        undo.append(lambda: run(*_VSCTL, "--if-exists", "del-port", device.bridge, device.interface, check=False))
        _add_port(run, device, made)
    return Plugged(device.interface, device.bridge, device.port_id, device.mac, made)


def unplug(run: Run, port_id: str) -> list[Plugged]:
    """Take out whatever is plugged in for a port, and remove what was made for it. Raises PlugError when nothing is."""
    found = plugged(run, port_id)
    if not found:
        raise PlugError(f"port {port_id} is not plugged in on this host")
    for one in found:
        run(*_VSCTL, "--if-exists", "del-port", one.interface)
        if one.made:
            run("ip", "link", "del", one.interface, check=False)  # its other end may be gone, and it with it
    return found


def plugged(run: Run, port_id: str) -> list[Plugged]:
    """What is plugged in for a port."""
    done = run(
        *_VSCTL, "--format=json", "--columns=name,external_ids", "find", "Interface",
        f'external_ids:iface-id="{port_id}"',
    )  # fmt: skip
    found = []
    for name, (_, pairs) in msgspec.json.decode(done.stdout)["data"] if done.stdout.strip() else []:
        ids: dict[str, str] = dict(pairs)
        bridge = run(*_VSCTL, "iface-to-br", name, check=False).stdout.strip()
        found.append(Plugged(name, bridge, port_id, ids.get("attached-mac", ""), ids.get(MADE, "")))
    return found


@contextmanager
def _undone_on_failure() -> Iterator[list[Callable[[], Any]]]:
    steps: list[Callable[[], Any]] = []
    try:
        yield steps
    except BaseException:
        for step in reversed(steps):
            with suppress(TunbridgeError):
                step()
        raise


def _check(run: Run, device: Device) -> None:
    """What would fail half-way, told before anything is done."""
    if _DEVICE.fullmatch(device.name) is None:
        raise PlugError(f"{device.name!r} is not a name of a network device: 1 to 15 characters, no slash, no space")
    if run(*_VSCTL, "br-exists", device.bridge, check=False).returncode != 0:
        raise PlugError(
            f"Open vSwitch of this host has no bridge {device.bridge}, or does not answer; the agent makes the bridge"
        )
    if there := plugged(run, device.port_id):
        raise PlugError(f"port {device.port_id} is plugged in already: {there[0].interface} in {there[0].bridge}")
    exists = run("ip", "link", "show", device.interface, check=False).returncode == 0
    if device.netns is None and not device.tap and not exists:
        raise PlugError(f"there is no device {device.name}; --tap makes a tap, --netns a veth pair")
    if (device.netns is not None or device.tap) and exists:
        raise PlugError(f"there is a device {device.interface} already")
    if device.netns is not None:
        _check_namespace(run, device.netns, device.name)


def _check_namespace(run: Run, netns: str, name: str) -> None:
    shown = run("ip", "-n", netns, "-o", "link", "show", check=False)
    if shown.returncode != 0:
        raise PlugError(f"there is no network namespace {netns!r}; `ip netns add {netns}` makes it")
    if re.search(rf"^\d+: {re.escape(name)}[@:]", shown.stdout, re.MULTILINE):
        raise PlugError(f"there is a device {name} in {netns} already")


def _make(run: Run, device: Device) -> None:
    mtu = str(device.mtu)
    if device.netns is None:
        run("ip", "tuntap", "add", "dev", device.name, "mode", "tap")
        return
    run(
        "ip", "link", "add", device.interface, "mtu", mtu, "type", "veth",
        "peer", "name", device.name, "address", device.mac, "mtu", mtu, "netns", device.netns,
    )  # fmt: skip
    run("ip", "-n", device.netns, "link", "set", device.name, "up")


def _without_offload(run: Run, device: Device) -> None:
    """A datapath in userspace does not complete the checksums that a veth leaves to hardware."""
    if run(*_VSCTL, "get", "bridge", device.bridge, "datapath_type").stdout.strip() != "netdev":
        return
    if device.netns is not None:
        run("ip", "netns", "exec", device.netns, "ethtool", "-K", device.name, "tx", "off")
        run("ethtool", "-K", device.interface, "tx", "off")


def _add_port(run: Run, device: Device, made: str) -> None:
    ids = {"iface-id": device.port_id, "attached-mac": device.mac, "iface-status": "active", "vm-uuid": device.vm}
    if made:
        ids[MADE] = made
    settings = [f'external_ids:{key}="{value}"' for key, value in ids.items()]
    name = device.interface
    run(
        *_VSCTL, "add-port", device.bridge, name, "--", "set", "Interface", name, *settings,
    )  # fmt: skip
    error = run(*_VSCTL, "get", "Interface", name, "error").stdout.strip()
    if error != "[]":
        raise PlugError(f"Open vSwitch cannot use {name}: {error}")

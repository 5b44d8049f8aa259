"""`tunbridge port`: plug a port of the Networking API into this host, as a hypervisor does."""

import os
import re
import subprocess
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunbridge.cli import terminal
from tunbridge.cli.app import App
from tunbridge.cli.output import AsForm, Form, print_json
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.openvswitch.plugging import Plugged

app = App(
    no_args_is_help=True,
    help="Ports of the Networking API on this host: plug a namespace, a tap or a device in, and take it out again.",
    epilog="Needs root. What runs VMs itself (libvirt, Nova) needs none of it: see docs/libvirt.md.",
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

Port = Annotated[str, typer.Argument(metavar="PORT", help="Id of the port, or its name.")]
OsCloud = Annotated[
    str | None, typer.Option("--os-cloud", metavar="NAME", help="Cloud of clouds.yaml. (default: OS_CLOUD, OS_*)")
]


class UsageError(TunbridgeError):
    """The options do not go together."""


@app.command(
    epilog=(
        "Examples: `tunbridge port plug web --device eth0 --netns web`; `tunbridge port plug web --device tap0 --tap`"
        " for a QEMU with `-netdev tap,ifname=tap0,script=no`; `tunbridge port plug ID --device veth7 --mac"
        " fa:16:3e:00:00:07 --mtu 1442` plugs in a device that is there, and asks no API. Exit status: 1 when it"
        " cannot be done; then nothing is left of it."
    )
)
def plug(
    port: Port,
    device: Annotated[str, typer.Option(metavar="NAME", help="The guest's device.")],
    netns: Annotated[
        str | None,
        typer.Option(metavar="NS", help="Make the device in this network namespace, as one end of a veth pair."),
    ] = None,
    tap: Annotated[bool, typer.Option("--tap", help="Make the device, a persistent tap.")] = False,
    mac: Annotated[str | None, typer.Option(help="With --mtu: the port's, so that no API is asked.")] = None,
    mtu: Annotated[int | None, typer.Option(min=68, max=65535, help="With --mac: the network's.")] = None,
    os_cloud: OsCloud = None,
    form: AsForm = Form.text,
) -> None:
    """Plug a port in: the device with the port's MAC and MTU, and in br-int what names the port.

    Without --netns and --tap the device has to be there.
    """
    from tunbridge.openvswitch import plugging

    if netns is not None and tap:
        raise UsageError("--netns and --tap: one of them")
    values = _given(port, mac, mtu) if mac is not None or mtu is not None else _asked(port, os_cloud)
    done = plugging.plug(run, plugging.Device(name=device, netns=netns, tap=tap, **values))
    _tell([done], form, "plugged in")


@app.command(epilog="Examples: `tunbridge port unplug web`; `tunbridge port unplug ID -f json`.")
def unplug(port: Port, os_cloud: OsCloud = None, form: AsForm = Form.text) -> None:
    """Take a port out of br-int, and remove the device if `port plug` made it. The port stays in the API."""
    from tunbridge.openvswitch import plugging

    id = port if _UUID.fullmatch(port) else _asked(port, os_cloud)["port_id"]
    _tell(plugging.unplug(run, id), form, "taken out")


def run(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of this machine to its end. Raises PlugError when it fails, unless `check` is False."""
    from tunbridge.openvswitch.plugging import PlugError

    environ = {**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environ)
    except FileNotFoundError:
        raise PlugError(f"{argv[0]} is not installed") from None
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
        raise PlugError(f"{' '.join(argv)}: {said}")
    return done


def _given(port: str, mac: str | None, mtu: int | None) -> dict[str, Any]:
    """What the command line says of the port."""
    if mac is None or mtu is None:
        raise UsageError("--mac and --mtu: both, or none of them")
    if not _UUID.fullmatch(port):
        raise UsageError(f"{port!r} is not the id of a port; with --mac and --mtu no API is asked for its name")
    if not _MAC.fullmatch(mac.lower()):
        raise UsageError(f"{mac!r} is not a MAC address")
    return {"port_id": port, "mac": mac.lower(), "mtu": mtu, "vm": port}


def _asked(port: str, os_cloud: str | None) -> dict[str, Any]:
    """What the API says of the port."""
    from tunbridge.cloud import connect

    cloud = connect(os_cloud)
    found = cloud.find("ports", port)
    network = cloud.find("networks", found["network_id"])
    return {
        "port_id": found["id"], "mac": found["mac_address"], "mtu": network["mtu"],
        "vm": found["device_id"] or found["id"],
    }  # fmt: skip


def _tell(done: "list[Plugged]", form: Form, what: str) -> None:
    if form is Form.json:
        print_json(done[0] if len(done) == 1 else done)
        return
    for one in done:
        terminal.console().print(f"port {one.port_id}: {one.interface} {what}, {one.bridge or 'no bridge'}, {one.mac}")

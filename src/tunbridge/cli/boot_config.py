"""`tunbridge port boot-config`: what the metadata service tells a port's VM, kept by the Networking API."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tunbridge.cli import terminal
from tunbridge.cli.app import App
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.cloud import Cloud

app = App(
    no_args_is_help=True,
    help="What a port's VM is told when it boots, by the metadata service: host name, SSH keys, user data.",
    epilog="For clouds without Nova, which keeps all of it itself: see docs/metadata.md. Needs no root.",
)
_PATH = "boot-configs"

Port = Annotated[str, typer.Argument(metavar="PORT", help="Id of the port, or its name.")]
OsCloud = Annotated[
    str | None, typer.Option("--os-cloud", metavar="NAME", help="Cloud of clouds.yaml. (default: OS_CLOUD, OS_*)")
]


class FileError(TunbridgeError):
    """A file is not what it is given as."""

    exit_status = 2


@app.command(
    "set",
    epilog=(
        "Examples: `tunbridge port boot-config set web --hostname web.example.com --ssh-key ~/.ssh/id_ed25519.pub`;"
        " `tunbridge port boot-config set web --user-data cloud-config.yaml`. A VM that runs already asks again when it"
        " boots, or at `cloud-init clean --reboot`."
    ),
)
def set_(
    port: Port,
    hostname: Annotated[str | None, typer.Option(help="Host name, with a domain or without one.")] = None,
    ssh_key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Public keys, one a line; may be repeated."),
    ] = None,
    user_data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="As cloud-init takes it; some 48 KiB at most."),
    ] = None,
    os_cloud: OsCloud = None,
) -> None:
    """Set what is named; the rest stays as it is."""
    values: dict[str, Any] = {} if hostname is None else {"hostname": hostname}
    if ssh_key:
        values["public_keys"] = list(dict.fromkeys(key for path in ssh_key for key in _keys(path)))
    if user_data is not None:
        values["user_data"] = base64.b64encode(user_data.read_bytes()).decode()
    from tunbridge.cloud import connect

    with connect(os_cloud) as cloud:
        id = cloud.find("ports", port)["id"]
        there = _of(cloud, id)
        if there is None:
            cloud.create(_PATH, port_id=id, **values)
        elif values:
            cloud.update(_PATH, there["id"], **values)
    terminal.console().print(f"port {id}: {', '.join(sorted(values)) or 'boot configuration'} set")


@app.command(epilog="Examples: `tunbridge port boot-config show web`; `... show web | jq -r .user_data`.")
def show(port: Port, os_cloud: OsCloud = None) -> None:
    """Show it, as JSON; user data as text where it is text, else in base64."""
    from tunbridge.cloud import NotFoundError, connect

    with connect(os_cloud) as cloud:
        id = cloud.find("ports", port)["id"]
        there = _of(cloud, id)
    if there is None:
        raise NotFoundError(f"port {id} has no boot configuration")
    shown = {"port_id": id, **{name: there[name] for name in ("hostname", "public_keys")}, **_data(there["user_data"])}
    typer.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())


@app.command(epilog="Example: `tunbridge port boot-config unset web`.")
def unset(port: Port, os_cloud: OsCloud = None) -> None:
    """Remove it: the VM is told only what its port tells."""
    from tunbridge.cloud import connect

    with connect(os_cloud) as cloud:
        id = cloud.find("ports", port)["id"]
        if (there := _of(cloud, id)) is not None:
            cloud.delete(_PATH, there["id"])
    terminal.console().print(f"port {id}: boot configuration removed")


def _of(cloud: "Cloud", port_id: str) -> dict[str, Any] | None:
    return next(iter(cloud.list(_PATH, port_id=port_id)), None)


def _keys(path: Path) -> list[str]:
    """The public keys of a file. Raises FileError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = ""
    if "PRIVATE KEY" in text:
        raise FileError(f"{path}: is a private key; the public one is usually {path}.pub")
    keys = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not keys:
        raise FileError(f"{path}: has no public key")
    return keys


def _data(encoded: str) -> dict[str, str]:
    data = base64.b64decode(encoded)
    try:
        return {"user_data": data.decode()}
    except UnicodeDecodeError:
        return {"user_data_base64": encoded}

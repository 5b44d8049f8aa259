"""Where the labs of this machine keep their OVSDB sockets: what `lab:NAME` means as a SOURCE.

Only the layout of their directories is used, so that looking at a lab needs none of what builds one:
`/run/tunbridge/lab/NAME/HOST/openvswitch/db.sock`.
"""

from collections.abc import Sequence
from pathlib import Path

from tunbridge.errors import TunbridgeError

ROOT = Path("/run/tunbridge/lab")
DEFAULT = "default"
_SOCKET = Path("openvswitch/db.sock")
_CLOUDS_YAML = Path("server/auth/clouds.yaml")
CLOUD = "tunbridge"
"""Name of a lab's cloud in its clouds.yaml."""


class NoLabError(TunbridgeError):
    """There is no lab of that name, or it has no host."""


def names() -> list[str]:
    """Name the labs that there are."""
    try:
        return sorted(entry.name for entry in ROOT.iterdir() if entry.is_dir())
    except OSError:
        return []


def sockets(name: str) -> dict[str, str]:
    """Give host name -> OVSDB remote of the lab `name` ("" for the default one). Raises NoLabError."""
    name = name or DEFAULT
    if "/" in name or name in (".", ".."):
        raise NoLabError(f"lab:{name}: not the name of a lab")
    folder = ROOT / name
    try:
        found = {host.name: host / _SOCKET for host in sorted(folder.iterdir()) if (host / _SOCKET).exists()}
    except FileNotFoundError:
        there = names()
        raise NoLabError(
            f"lab:{name}: no such lab; "
            + (f"there are: {', '.join(there)}" if there else "`tunbridge lab up` makes one (as root)")
        ) from None
    except OSError as e:
        raise NoLabError(f"lab:{name}: {folder}: {e.strerror}; try as root") from None
    if not found:
        raise NoLabError(f"lab:{name}: none of its hosts has a running Open vSwitch; `tunbridge lab up` starts them")
    return {host: f"unix:{socket}" for host, socket in found.items()}


def host_of(remote: str) -> tuple[str, str] | None:
    """Give the lab and the host whose OVSDB this is; None for any other."""
    path = Path(remote.removeprefix("unix:"))
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    return (parts[0], parts[1]) if parts[2:] == _SOCKET.parts else None


def run(remote: str, argv: Sequence[str]) -> str:
    """Run a command on the host of a lab whose OVSDB this is, and give what it prints. Raises TunbridgeError.

    What a virtual machine runs is reached so; only its database is beside the others' files.
    """
    there = host_of(remote)
    if there is None:
        raise NoLabError(f"{remote}: no host of a lab, and its Open vSwitch is not reached from here")
    from tunbridge.lab.lab import Lab

    lab, name = there
    return str(Lab(lab).host(name).run(*argv).stdout)


def clouds_yaml(sources: Sequence[str]) -> list[Path]:
    """Give the clouds.yaml of the labs among the sources that have a server."""
    from tunbridge.inspect.sources import split_name

    targets = [split_name(source)[1] for source in sources]
    labs = {target.removeprefix("lab:") or DEFAULT for target in targets if target.startswith("lab:")}
    return [file for name in sorted(labs) if (file := ROOT / name / _CLOUDS_YAML).is_file()]

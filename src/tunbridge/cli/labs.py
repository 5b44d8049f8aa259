"""Where the labs of this machine keep their OVSDB sockets: what `lab:NAME` means as a SOURCE.

Only the layout of their directories is used, so that looking at a lab needs none of what builds one:
`/run/tunbridge/lab/NAME/HOST/openvswitch/db.sock`.
"""

from pathlib import Path

from tunbridge.errors import TunbridgeError

ROOT = Path("/run/tunbridge/lab")
DEFAULT = "default"
_SOCKET = Path("openvswitch/db.sock")


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

"""Write a host as `ovs-vsctl show` prints it, in the quoting of 2.11 and before ("old") or of later ones ("new").

The tests' own description of the format, taken from the database formatting rules in ovs-vsctl(8) and compared with a
real ovs-vsctl in test_live.py, so that the reader is not tested against itself.
"""

import json
import re
from typing import Literal

from tunbridge.inspect.model import Controller, Host, Manager

Quoting = Literal["old", "new"]

_BARE = {"old": re.compile(r"[A-Za-z_][A-Za-z_.-]*"), "new": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")}
_UUID = re.compile(r"[0-9a-fA-F]{8}-")


def atom(text: str, quoting: Quoting) -> str:
    if _BARE[quoting].fullmatch(text) and text not in ("true", "false") and not _UUID.match(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def show(host: Host, quoting: Quoting = "new") -> str:
    """The text; a type "system" is left out, as when none is set."""
    lines = [str(host.system_id)]
    for manager in host.managers:
        lines += _remote("Manager", manager, 1)
    for bridge in host.bridges:
        lines.append(f"    Bridge {atom(bridge.name, quoting)}")
        for controller in bridge.controllers:
            lines += _remote("Controller", controller, 2)
        for key, value in (("fail_mode", bridge.fail_mode), ("datapath_type", bridge.datapath_type)):
            if value is not None:
                lines.append(f"        {key}: {atom(value, quoting)}")
        for port in bridge.ports:
            lines.append(f"        Port {atom(port.name, quoting)}")
            if port.tag is not None:
                lines.append(f"            tag: {port.tag}")
            if port.trunks:
                lines.append(f"            trunks: [{', '.join(map(str, port.trunks))}]")
            for interface in port.interfaces:
                lines.append(f"            Interface {atom(interface.name, quoting)}")
                if interface.type != "system":
                    lines.append(f"                type: {atom(interface.type, quoting)}")
                if interface.options:
                    lines.append(f"                options: {_map(interface.options, quoting)}")
                if interface.error is not None:
                    lines.append(f"                error: {atom(interface.error, quoting)}")
                if interface.bfd_status:
                    lines.append(f"                bfd_status: {_map(interface.bfd_status, quoting)}")
    if host.ovs_version is not None:
        lines.append(f"    ovs_version: {json.dumps(host.ovs_version)}")
    return "\n".join(lines) + "\n"


def _map(pairs: dict[str, str], quoting: Quoting) -> str:
    return "{" + ", ".join(f"{atom(k, quoting)}={atom(v, quoting)}" for k, v in sorted(pairs.items())) + "}"


def _remote(kind: str, remote: Manager | Controller, depth: int) -> list[str]:
    lines = [f"{'    ' * depth}{kind} {json.dumps(remote.target)}"]
    if remote.is_connected:
        lines.append(f"{'    ' * (depth + 1)}is_connected: true")
    return lines

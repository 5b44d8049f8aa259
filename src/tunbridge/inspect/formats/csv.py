"""The ports as a table (RFC 4180): one row for each interface, for spreadsheets and scripts.

A spreadsheet takes a cell that begins with = + - or @ for a formula; such a cell gets an apostrophe in front.
Characters that are not plainly visible come out as escapes, as in the pictures.
"""

import csv
import io
from collections.abc import Iterator

from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.model import Bridge, Document, End, Host, Interface, Link, Port

COLUMNS = (
    "host",
    "bridge",
    "bridge_role",
    "port",
    "tag",
    "trunks",
    "interface",
    "type",
    "options",
    "peer_host",
    "peer_bridge",
    "peer_port",
    "remote_ip",
    "local_ip",
    "state",
    "error",
)
_FORMULA = ("=", "+", "-", "@")

_Ends = dict[tuple[str, str | None, str | None], tuple[Link, End | None]]


def render(document: Document) -> str:
    """Give the table, with a heading line; lines end with CR LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    ends = _ends(document)
    for host in document.hosts:
        for bridge in host.bridges:
            for port in bridge.ports:
                writer.writerows(_rows(host, bridge, port, ends))
    return text.getvalue()


def _ends(document: Document) -> _Ends:
    """Find the link of a port, and the link's other end."""
    ends: _Ends = {}
    for link in document.links:
        ends.setdefault((link.a.host, link.a.bridge, link.a.port), (link, link.b))
        if link.b is not None:
            ends.setdefault((link.b.host, link.b.bridge, link.b.port), (link, link.a))
    return ends


def _rows(host: Host, bridge: Bridge, port: Port, ends: _Ends) -> Iterator[list[str]]:
    link, far = ends.get((host.name, bridge.name, port.name), (None, None))
    for interface in port.interfaces:
        cells = [
            host.name,
            bridge.name,
            bridge.role,
            port.name,
            "" if port.tag is None else str(port.tag),
            " ".join(map(str, port.trunks)),
            interface.name,
            interface.type,
            " ".join(f"{key}={value}" for key, value in sorted(interface.options.items())),
            (far and far.host) or "",
            (far and far.bridge) or "",
            (far and far.port) or "",
            *_addresses(interface, link, is_near=link is not None and far is link.b),
            link.state if link else "",
            interface.error or "",
        ]
        yield [_cell(cell) for cell in cells]


def _addresses(interface: Interface, link: Link | None, is_near: bool) -> tuple[str, str]:
    """Give the remote and the local address: what the interface says, else what the link tells."""
    remote, local = interface.options.get("remote_ip"), interface.options.get("local_ip")
    if link is not None and link.kind == "tunnel":
        seen = (link.remote_address, link.local_address) if is_near else (link.local_address, link.remote_address)
        remote, local = remote or seen[0], local or seen[1]
    return remote or "", local or ""


def _cell(text: str) -> str:
    """Make a cell that is plain text to a spreadsheet, also behind blanks."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown

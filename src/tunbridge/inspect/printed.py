"""Read the output of `ovs-vsctl show` that nobody has touched, a port at a time.

Most texts are as Open vSwitch printed them, and large ones are: a pattern that takes a whole port reads them in a third
of the time that the line reader (`reader`) needs, which understands all that pasting does. Nothing is decided here: a
text with anything in it that is not literally as printed is left to the line reader, and both make the same drafts.
"""

import re

from tunbridge.inspect.drafts import HostDraft
from tunbridge.inspect.model import Interface, Port
from tunbridge.inspect.values import BadValueError, integer, integers, mapping, string

# Neither names nor texts hold anything that the line reader may take for markup, an elision or a trailing note.
_NAME = r'[\w./:@-]*[\w/-]|"[\w./:@ -]*[\w/-]"'
_TEXT = r'"[ !$%\'-;=?-\[\]-~]*"'
_MAP = rf"\{{(?:[\w-]+=(?:{_TEXT}|[\w.:/-]+)(?:, (?!\}})|(?=\}})))*\}}"
_PORT = re.compile(
    rf" {{8}}Port ({_NAME})\n"
    r"(?: {12}tag: (\d{1,4})\n)?"
    r"(?: {12}trunks: (\[[\d, ]*\])\n)?"
    rf" {{12}}Interface ({_NAME})\n"
    rf"(?: {{16}}type: ({_NAME})\n)?"
    rf"(?: {{16}}options: ({_MAP})\n)?"
    rf"(?: {{16}}error: ({_TEXT})\n)?"
    r"(?! {12})",
    re.ASCII,
)
"""A port with one interface, whole: a bond goes on with a line of the same depth."""
_OBJECT = re.compile(
    rf"(?: {{4}}(?:Bridge|Manager)| {{8}}(?:Port|Controller)| {{12}}Interface) (?:{_NAME})\n", re.ASCII
)
_ATTRIBUTE = re.compile(
    r"(?: {4}(?P<version>ovs_version)| {8}(?:fail_mode|datapath_type|is_connected)| {12}(?:tag|trunks|is_connected)"
    rf"| {{16}}(?:type|options|error|bfd_status)): (?:{_NAME}|{_TEXT}|{_MAP}|\[[\d, ]*\])\n",
    re.ASCII,
)
_HEAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")


def read_printed(text: str) -> list[HostDraft] | None:
    """Return the hosts of a text that is literally as printed, None for any other."""
    if not text.endswith("\n") or "stdout" in text:
        return None
    hosts: list[HostDraft] = []
    host: HostDraft | None = None
    position, line = 0, 1
    while position < len(text):
        match = _PORT.match(text, position) if host is not None else _HEAD.match(text, position)
        if match is None:
            match = _OBJECT.match(text, position) or _ATTRIBUTE.match(text, position)
            if match is None or host is None or not _take(host, match, line):
                return None
            line += 1
            if match.lastgroup == "version":
                host = None  # the last line of a host
        elif host is None:
            host = HostDraft(match[0][:-1], None, {"name": line, "system_id": line})
            hosts.append(host)
            line += 1
        else:
            host.add_port(_port(match, line))
            line += match[0].count("\n")
        position = match.end()
    return hosts or None


def _take(host: HostDraft, match: re.Match[str], line: int) -> bool:
    """Add what one line tells; whether that could be done."""
    text = match[0].strip()
    if match.re is _OBJECT:
        kind, _, name = text.partition(" ")
        name = string(name)
        if kind == "Bridge" and name in host.bridge_names:
            return False
        host.begin(kind, name, line)
        return True
    key, _, value = text.partition(": ")
    try:
        host.set(key, value, line)
    except BadValueError:
        return False
    return True


def _port(match: re.Match[str], line: int) -> Port:
    name, tag, trunks, interface, type_, options, error = match.groups()
    port_lines = {"name": line}
    if tag is not None:
        line += 1
        port_lines["tag"] = line
    if trunks is not None:
        line += 1
        port_lines["trunks"] = line
    line += 1
    lines = {"name": line}
    for key, value in (("type", type_), ("options", options), ("error", error)):
        if value is not None:
            line += 1
            lines[key] = line
    return Port(
        name=string(name),
        tag=integer(tag),
        trunks=integers(trunks),
        interfaces=[
            Interface(
                name=string(interface),
                type=string(type_) or "system",
                options=mapping(options),
                error=string(error) or None,
                lines=lines,
            )
        ],
        lines=port_lines,
    )

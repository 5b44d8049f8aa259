"""`tunbridge diff OLD NEW`: what was added, removed and changed between two sources or sets of sources."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from tunbridge.cli import fleet, terminal
from tunbridge.cli.app import Command
from tunbridge.cli.findings import STYLES, one_line
from tunbridge.cli.output import print_safely, write_out, write_whole
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.inspect.difference import Difference, DocumentChange
    from tunbridge.inspect.model import Document

EXIT_SAME, EXIT_DIFFER, EXIT_UNREADABLE = 0, 1, 2
_BETWEEN = "\0"
"""Stands for `--` among the arguments, where click would drop it; no argument of a command can hold it."""
_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}


class DiffFormat(StrEnum):
    """How a difference is written."""

    text = "text"
    json = "json"


class DiffUsageError(TunbridgeError):
    """It cannot be told which sources are the old ones and which the new ones."""


class _TwoSets(Command):
    """A command that tells the arguments before `--` from those after it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args = [*args[:at], _BETWEEN, "--", *args[at + 1 :]]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "diff",
        cls=_TwoSets,
        epilog="Examples: `tunbridge diff before.txt after.txt`; `tunbridge diff saved.json lab:`; `tunbridge diff "
        "monday/*.txt -- today/*.txt`; `tunbridge diff saved.json` (with the local Open vSwitch). Exit status: 0 no "
        "difference, 1 there is one, 2 a source could not be read.",
    )(diff)


def diff(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="OLD NEW | OLD... -- NEW...",
            show_default=False,
            help="Two SOURCEs, each as of draw and check, or two sets of them. Without NEW: the local Open vSwitch.",
        ),
    ],
    form: Annotated[DiffFormat | None, typer.Option("--format", "-f", help="Text or JSON.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write there: all of it, or nothing if it fails."),
    ] = None,
    timeout: fleet.Timeout = None,
) -> None:
    """Tell what was added, removed and changed: bridges, ports, options, states, links, and what `check` finds."""
    from tunbridge.inspect.difference import difference

    old, new = _sides(sources)
    documents = [_document(side, timeout) for side in (old, new)]
    if None in documents:
        raise typer.Exit(EXIT_UNREADABLE)  # what could not be read would look as if it had been removed
    before, after = (document for document in documents if document is not None)
    found = difference(before, after)
    if form is None:
        form = DiffFormat.json if output is not None and output.suffix.lower() == ".json" else DiffFormat.text
    _write(found, form, output)
    raise typer.Exit(EXIT_DIFFER if found.changes else EXIT_SAME)


def _sides(sources: list[str]) -> tuple[list[str], list[str]]:
    """Tell the old sources from the new ones; none means the local OVSDB. Raises DiffUsageError."""
    if _BETWEEN in sources:
        at = sources.index(_BETWEEN)
        return sources[:at], sources[at + 1 :]
    if len(sources) > 2:
        raise DiffUsageError("diff: more than two SOURCEs; put `--` between the old ones and the new ones")
    return sources[:1], sources[1:]


def _document(sources: list[str], timeout: float | None) -> "Document | None":
    """Read and check one side; None, after saying why, when any of it cannot be read."""
    from tunbridge.inspect.check import check
    from tunbridge.inspect.understand import understand

    reading = fleet.read(sources, timeout)
    for problem in reading.problems:
        terminal.error(str(problem))
    return None if reading.problems else check(understand(reading.hosts))


def _write(found: "Difference", form: DiffFormat, output: Path | None) -> None:
    if form is DiffFormat.json:
        from tunbridge.inspect.document import as_json

        text = as_json(found)
        if output is None:
            write_out(text)
        else:
            write_whole(output, text)
        return
    words = report(found)
    if output is None:
        print_safely(words)
    else:
        write_whole(output, words.plain)


def report(found: "Difference") -> Text:
    """Give the changes in words: a paragraph for each host, and a last line that counts."""
    text = Text()
    hosts = dict.fromkeys(change.host for change in found.changes)
    for host in hosts:
        text.append(f"{one_line(host)}\n", style="bold")
        for change in found.changes:
            if change.host == host:
                _line(text, change)
        text.append("\n")
    counts = {kind: sum(change.kind == kind for change in found.changes) for kind in _STYLES}
    if not found.changes:
        return text.append("no difference\n")
    return text.append(", ".join(f"{count} {kind}" for kind, count in counts.items()) + "\n")


def _line(text: Text, change: "DocumentChange") -> None:
    if change.what == "finding":
        known = change.new or change.old
        text.append("  found    " if change.kind == "added" else "  no more  ", style=_STYLES[_reverse(change.kind)])
        text.append(str(change.severity), style=STYLES[str(change.severity)])
        text.append(f" {change.code}: {one_line(known['message'])}\n")
        return
    text.append(f"  {change.kind:<7}  ", style=_STYLES[change.kind])
    text.append(one_line(f"{change.what} {change.name}"))
    if change.bridge and change.what in ("port", "interface", "controller"):
        text.append(one_line(f" of {change.bridge}"))
    if change.kind == "changed":
        text.append(one_line(f": {change.attribute} {_value(change.old)} -> {_value(change.new)}"))
    else:
        text.append(one_line(_details(change)))
    text.append("\n")


def _reverse(kind: str) -> str:
    """A finding that is new is bad news, and one that is gone good news."""
    return "removed" if kind == "added" else "added"


def _value(value: Any) -> str:
    if value is None or value == []:
        return "(none)"
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value)


def _details(change: "DocumentChange") -> str:
    """Say what an added or removed thing was, in a few words: a bridge's ports, a port's type, VLAN and options."""
    thing = change.new or change.old
    if change.what == "host":
        return f", with {len(thing['bridges'])} bridges"
    if change.what == "bridge":
        ports = [port["name"] for port in thing["ports"]]
        shown = ", ".join(ports[:8]) + (f" and {len(ports) - 8} more" if len(ports) > 8 else "")
        return f", with {shown}" if ports else ""
    if change.what == "port":
        return "".join(
            [f", tag {thing['tag']}" if thing["tag"] is not None else ""]
            + [_interface(i, i["name"] != thing["name"]) for i in thing["interfaces"]]
        )
    if change.what == "interface":
        return _interface(thing, named=False)
    return f", {thing['state']}" if change.what == "link" else ""


def _interface(interface: Any, named: bool) -> str:
    name = f" {interface['name']}" if named else ""
    kind = f" {interface['type']}" if interface["type"] != "system" else ""
    options = ", ".join(f"{key}={value}" for key, value in interface["options"].items())
    said = name + kind + (f" {{{options}}}" if options else "")
    return f",{said}" if said else ""

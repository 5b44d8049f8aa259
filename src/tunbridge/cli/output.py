"""Where the output of draw, explain and check goes: a file, whole or not at all, or standard output, made safe."""

import os
import stat
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from tunbridge import files
from tunbridge.cli import terminal
from tunbridge.errors import TunbridgeError


class Form(StrEnum):
    """How a command prints."""

    text = "text"
    json = "json"


AsForm = Annotated[Form, typer.Option("--format", "-f", help="Text for people, JSON for programs.")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as `--format json`.")]


class WriteError(TunbridgeError):
    """The output file cannot be written."""

    exit_status = 2


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`: a reader sees the old file or the new one, never half of it. Raises WriteError.

    What is not a regular file (`/dev/stdout`, a pipe) is written to as it is; a link stays a link.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as e:
        raise WriteError(f"{path}: cannot be written: {e.strerror or e}") from e


def _replace(path: Path, data: bytes) -> None:
    """Write a new file beside `path`, then put it into its place, with the mode of the old one or the usual one."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    files.write_whole(path, data, mode=mode)


def write_out(text: str) -> None:
    """Write text that is safe already to standard output; what its encoding lacks becomes visible as an escape."""
    _tolerate()
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Print what msgspec can encode, indented."""
    write_out(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, of which the first is the heading. Names and addresses are to be copied: no cell is ever cut."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        terminal.console().print(terminal.printable(line), style="bold" if number == 0 else None)


def print_safely(text: Text) -> None:
    """Print coloured text; if any control character is left in it, without colours and with all of them visible."""
    _tolerate()
    safe = terminal.printable(text.plain)
    if safe != text.plain:
        text = Text(safe)
    console, end = terminal.console(), "" if text.plain.endswith("\n") else "\n"
    if console.is_terminal:
        console.print(text, end=end)
    else:
        sys.stdout.write(text.plain + end)


def speaks_unicode() -> bool:
    """Say whether standard output can carry box-drawing characters."""
    try:
        "─┼╭".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _tolerate() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")

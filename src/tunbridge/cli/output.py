"""Where the output of draw, explain and check goes: a file, whole or not at all, or standard output, made safe."""

import os
import stat
import sys
from enum import StrEnum
from pathlib import Path

from rich.text import Text

from tunbridge import files
from tunbridge.cli import terminal
from tunbridge.errors import TunbridgeError


class Form(StrEnum):
    """How a command prints."""

    text = "text"
    json = "json"


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

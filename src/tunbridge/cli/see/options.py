"""Options that `draw`, `explain` and `check` share, and what a shell completes in them."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tunbridge.cli import labs, locale
from tunbridge.errors import TunbridgeError

_SOURCES = (
    "SOURCE is a file with the output of `ovs-vsctl show` (`-` for standard input), a conf.db, a sosreport, a JSON"
    " document of ours, `lab:` or `lab:NAME`, `unix:PATH`, `tcp:IP:PORT`, `ssl:IP:PORT` or `ssh:HOST`; `NAME=SOURCE`"
    " names the host. With none, the local Open vSwitch is read."
)


class UsageError(TunbridgeError):
    """An option or code that does not exist."""


def complete_source(incomplete: str) -> Iterator[str]:
    """Offer labs and files; after NAME=, files."""
    prefix, equals, rest = incomplete.partition("=")
    lead, rest = (prefix + equals, rest) if equals and "/" not in prefix else ("", incomplete)
    for name in labs.names():
        if f"lab:{name}".startswith(rest):
            yield f"{lead}lab:{name}"
    folder = Path(rest) if rest.endswith("/") else Path(rest).parent
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        text = f"{entry}/" if entry.is_dir() else str(entry)
        if text.startswith(rest):
            yield lead + text


def complete_code(incomplete: str) -> Iterator[tuple[str, str]]:
    from tunbridge.inspect.checks.registry import CODES

    return ((c.code, c.summary) for c in CODES.values() if c.code.startswith(incomplete))


Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", show_default=False, help=_SOURCES, autocompletion=complete_source),
]


LanguageOption = Annotated[
    locale.Language | None, typer.Option("--lang", help="English or Korean. (default: as LC_ALL or LANG says)")
]


Watch = Annotated[
    bool,
    typer.Option("--watch", "-w", help="Go on, and show again whenever a live source changes; Ctrl-C ends."),
]


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write there: all of it, or nothing if it fails."),
]


def known_code(code: str) -> str:
    """Give `code` if it exists. Raises UsageError with those like it."""
    from tunbridge.inspect.checks.registry import CODES

    if code in CODES:
        return code
    like = difflib.get_close_matches(code, CODES, n=3)
    raise UsageError(
        f"{code}: no such code; " + (f"did you mean {' or '.join(like)}? " if like else "") + "--list-codes lists them"
    )


def examples(*commands: str) -> str:
    return "Examples: " + "; ".join(f"`tunbridge {command}`" for command in commands) + "."

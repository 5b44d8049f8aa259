"""The sources of draw, explain, check and diff: those on the command line and those listed in a file, read together."""

import gc
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import labs, terminal
from tunbridge.cli.progress import working
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.inspect.content import Reading

HostsFile = Annotated[
    Path | None,
    typer.Option(
        "--hosts",
        metavar="FILE",
        help="Read these too: a SOURCE on each line, or a bare host name, which is read over ssh; `#` comments, `-` is"
        " standard input.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="For each live source. (default: 30 over ssh, else 5)"),
]
_MANY = 20
"""Files, the reading of which may take a while."""
_BARE = re.compile(r"(?:(?P<name>[^/=:]+)=)?(?P<host>(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9_][\w.-]*)", re.ASCII)


class HostsFileError(TunbridgeError):
    """The file of sources cannot be used."""

    exit_status = 2


def with_listed(sources: Sequence[str] | None, hosts: Path | None) -> list[str]:
    """Give the sources of the command line, then those of the file. Raises HostsFileError."""
    given = list(sources or ())
    if hosts is None:
        return given
    if str(hosts) == "-" and "-" in given:
        raise HostsFileError("--hosts -: standard input is a SOURCE already")
    try:
        text = sys.stdin.read() if str(hosts) == "-" else hosts.read_text(encoding="utf-8")
    except OSError as e:
        raise HostsFileError(f"{hosts}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise HostsFileError(f"{hosts}: not text in UTF-8: {e.reason} at byte {e.start}") from e
    found = [_source(line, f"{hosts}, line {number}") for number, line in enumerate(text.splitlines(), 1)]
    listed = [source for source in found if source]
    if not listed:
        raise HostsFileError(f"{hosts}: names no host")
    return given + listed


def _source(line: str, where: str) -> str:
    """Give the source that a line names, "" for none. Raises HostsFileError."""
    text = re.sub(r"(?:^|\s)#.*", "", line).strip()
    if not text:
        return ""
    if text == "-":
        raise HostsFileError(f"{where}: standard input is no host")
    bare = _BARE.fullmatch(text)
    if bare is not None and not Path(bare["host"]).exists():
        return f"{bare['name']}=ssh:{bare['host']}" if bare["name"] else f"ssh:{bare['host']}"
    if any(c.isspace() for c in text) and not Path(text.partition("=")[2] or text).exists():
        raise HostsFileError(f"{where}: {text!r}: one SOURCE on each line")
    return text


def read(sources: Sequence[str], timeout: float | None, confirm: bool = False) -> "Reading":
    """Read all sources, with a bar on a terminal while that takes; what failed is in `problems`.

    `confirm`: see `read_sources`.
    """
    from tunbridge.inspect.sources import is_live, read_sources, taken_apart

    # What is made now lives until the end, by the million for a big fleet, and holds no cycles: to look for some among
    # it again and again would take a third of the time.
    gc.disable()
    total = len(taken_apart(sources, labs.sockets))
    worth_it = total > 1 and (total > _MANY or any(map(is_live, sources)))
    if not worth_it or not sys.stderr.isatty():
        with working("reading"):
            return read_sources(sources, labs.sockets, timeout, confirm=confirm)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal.console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=total)

        def told(source: str) -> None:
            progress.update(task, advance=1, description=f"read {terminal.printable(source)[:40]}")

        return read_sources(sources, labs.sockets, timeout, told, confirm)

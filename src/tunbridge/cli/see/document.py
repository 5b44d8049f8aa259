"""Sources in, a document out, and how it is written: what `draw`, `explain` and `check` have in common."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tunbridge.cli import fleet, lab_names, silent, terminal
from tunbridge.cli.output import write_out, write_whole
from tunbridge.cli.progress import working

if TYPE_CHECKING:
    from tunbridge.inspect.model import Document, Host

EXIT_UNREADABLE = 2


def read_document(
    sources: list[str],
    timeout: float | None,
    ignored: Collection[str] = (),
    with_paths: bool = True,
    counters: float | None = None,
    confirm: bool = False,
) -> tuple["Document", bool]:
    """Read, understand, predict and check. What cannot be read is reported; ends when nothing could be.

    With `counters`, live sources are read again after so many seconds; for `confirm` see `read_sources`.
    """
    reading = fleet.read(sources, timeout, confirm)
    for problem in reading.problems:
        terminal.error(str(problem))
    if not reading.hosts:
        raise typer.Exit(EXIT_UNREADABLE)
    hosts = lab_names.with_names(silent.with_silent(reading.hosts), sources)
    if counters is not None:
        from tunbridge.inspect.counters import with_growth

        time.sleep(counters)
        hosts = with_growth(hosts, fleet.read(sources, timeout).hosts, counters)
    return understood(hosts, ignored, with_paths), bool(reading.problems)


def understood(hosts: "list[Host]", ignored: Collection[str] = (), with_paths: bool = True) -> "Document":
    """Give what hosts are together: links, paths, findings but for those ignored."""
    from msgspec.structs import replace

    from tunbridge.inspect.check import check as checked
    from tunbridge.inspect.explain import predict
    from tunbridge.inspect.understand import understand

    with working("checking"):
        document = understand(hosts)
        document = checked(predict(document) if with_paths else document)
    if not ignored:
        return document
    return replace(
        document,
        findings=[finding for finding in document.findings if finding.code not in ignored],
        not_checked=[entry for entry in document.not_checked if entry.code not in ignored],
    )


def write_json(document: "Document", output: Path | None) -> None:
    from tunbridge.inspect.document import to_json

    text = to_json(document)
    if output is not None:
        write_whole(output, text)
    else:
        write_out(text)


def print_text(text: str, output: Path | None) -> None:
    if output is not None:
        write_whole(output, text)
    else:
        write_out(terminal.printable(text))

"""`tunbridge check`: findings."""

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import fleet, locale
from tunbridge.cli.output import print_safely
from tunbridge.cli.see.document import EXIT_UNREADABLE, print_text, read_document, understood, write_json
from tunbridge.cli.see.options import (
    LanguageOption,
    Output,
    Sources,
    UsageError,
    Watch,
    complete_code,
    known_code,
)

if TYPE_CHECKING:
    from rich.text import Text

    from tunbridge.inspect.model import Document

EXIT_FINDINGS = 1


class WordFormat(StrEnum):
    """How words and findings are written."""

    text = "text"
    json = "json"


class FailOn(StrEnum):
    """The least severity that makes the exit status 1."""

    error = "error"
    warning = "warning"
    info = "info"
    never = "never"


def check(
    sources: Sources = None,
    lang: LanguageOption = None,
    form: Annotated[WordFormat | None, typer.Option("--format", "-f", help="Text or JSON.")] = None,
    output: Output = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
    watch: Watch = False,
    fail_on: Annotated[FailOn, typer.Option(help="The least severity that makes the exit status 1.")] = FailOn.error,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Leave findings of this code out; repeatable.", autocompletion=complete_code),
    ] = None,
    list_codes: Annotated[bool, typer.Option("--list-codes", help="List every code, and stop.")] = False,
    explain_code: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="CODE", help="Say what a code means, and stop.", autocompletion=complete_code
        ),
    ] = None,
    counters: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=5,
            help="Read twice, this long apart, and report drops and errors that grew. Open vSwitch counts every 5 s.",
        ),
    ] = None,
) -> None:
    """Find what is wrong: patch ports and tunnels that do not fit, devices that are gone, bridges joined to nothing."""
    from tunbridge.cli import findings

    if list_codes or explain_code is not None:
        spoken = locale.spoken(lang)
        print_safely(
            findings.code_list(spoken)
            if explain_code is None
            else findings.explanation(known_code(explain_code), spoken)
        )
        raise typer.Exit
    ignored = {known_code(part) for text in ignore or () for part in text.split(",") if part}
    as_json = _word_format(form, output) is WordFormat.json
    given = fleet.with_listed(sources, hosts)
    if watch:
        if counters is not None or output is not None:
            raise UsageError("--watch: goes neither with --counters nor with -o; -f json prints a line for each change")
        raise typer.Exit(_check_again(given, timeout, ignored, as_json, fail_on, lang))
    document, unreadable = read_document(given, timeout, ignored, with_paths=as_json, counters=counters, confirm=True)
    if as_json:
        write_json(document, output)
    else:
        text = findings.report(document, locale.spoken(lang))
        if output is not None:
            print_text(text.plain, output)
        else:
            print_safely(text)
    raise typer.Exit(EXIT_UNREADABLE if unreadable else _status(document, fail_on))


def _check_again(
    sources: list[str],
    timeout: float | None,
    ignored: Collection[str],
    as_json: bool,
    fail_on: FailOn,
    lang: locale.Language | None,
) -> int:
    """Show what comes and goes until the end; give the status of what is there then."""
    from tunbridge.cli import findings, watch

    def report(document: "Document") -> "Text":
        return findings.report(document, locale.spoken(lang))

    news = watch.News(lambda hosts: understood(hosts, ignored, with_paths=False), report, as_json)
    watch.follow(sources, timeout, news)
    return _status(news.document, fail_on) if news.document is not None else 0


def _status(document: "Document", fail_on: FailOn) -> int:
    severities = ["error", "warning", "info"]
    if fail_on is FailOn.never:
        return 0
    counted = severities[: severities.index(fail_on.value) + 1]
    return EXIT_FINDINGS if any(finding.severity in counted for finding in document.findings) else 0


def _word_format(form: WordFormat | None, output: Path | None) -> WordFormat:
    if form is not None:
        return form
    return WordFormat.json if output is not None and output.suffix.lower() == ".json" else WordFormat.text

"""`tunbridge draw | explain | check`: sources in, a picture, words or findings out. All three print the same JSON."""

import difflib
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import fleet, labs, locale, terminal
from tunbridge.cli.output import print_safely, speaks_unicode, write_out, write_whole
from tunbridge.cli.progress import working
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from rich.text import Text

    from tunbridge.inspect.model import Document, Host
    from tunbridge.inspect.paths import Ends

EXIT_FINDINGS, EXIT_UNREADABLE = 1, 2
OUTSIDE = "outside"
"""In --path: no host, but what is beyond the NICs."""
_SOURCES = (
    "SOURCE is a file with the output of `ovs-vsctl show` (`-` for standard input), a conf.db, a sosreport, a JSON"
    " document of ours, `lab:` or `lab:NAME`, `unix:PATH`, `tcp:IP:PORT`, `ssl:IP:PORT` or `ssh:HOST`; `NAME=SOURCE`"
    " names the host. With none, the local Open vSwitch is read."
)


class DrawFormat(StrEnum):
    """How a picture is written."""

    text = "text"
    svg = "svg"
    html = "html"
    png = "png"
    pdf = "pdf"
    json = "json"
    mermaid = "mermaid"
    dot = "dot"
    csv = "csv"


_BYTES = (DrawFormat.png, DrawFormat.pdf)


class Group(StrEnum):
    """Whether hosts that are alike are drawn as one."""

    auto = "auto"
    always = "always"
    never = "never"


class WordFormat(StrEnum):
    """How words and findings are written."""

    text = "text"
    json = "json"


class ProseFormat(StrEnum):
    """How an explanation is written."""

    text = "text"
    md = "md"
    json = "json"


class FailOn(StrEnum):
    """The least severity that makes the exit status 1."""

    error = "error"
    warning = "warning"
    info = "info"
    never = "never"


class UsageError(TunbridgeError):
    """An option or code that does not exist."""


def _complete_source(incomplete: str) -> Iterator[str]:
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


def _complete_code(incomplete: str) -> Iterator[tuple[str, str]]:
    from tunbridge.inspect.checks.registry import CODES

    return ((c.code, c.summary) for c in CODES.values() if c.code.startswith(incomplete))


Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", show_default=False, help=_SOURCES, autocompletion=_complete_source),
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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("draw", epilog=_examples("draw compute0.txt network.txt", "draw -o cloud.svg *.txt", "draw lab:"))(draw)
    app.command(
        "explain",
        epilog=_examples(
            "explain compute0.txt network.txt",
            "explain --brief lab:",
            "explain --path compute0 outside lab:",
            "explain --lang ko -o cloud.md lab:",
        ),
    )(explain)
    app.command(
        "check",
        epilog=_examples("check", "check --fail-on warning *.txt", "check --explain tunnel-one-way")
        + " Exit status: 0 nothing found at or above --fail-on, 1 something, 2 a source could not be read.",
    )(check)


def _examples(*commands: str) -> str:
    return "Examples: " + "; ".join(f"`tunbridge {command}`" for command in commands) + "."


def draw(
    sources: Sources = None,
    lang: LanguageOption = None,
    form: Annotated[
        DrawFormat | None,
        typer.Option("--format", "-f", help="How it is written. (default: by the name after -o, else text)"),
    ] = None,
    output: Output = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
    watch: Watch = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Use no characters outside of ASCII.")] = False,
    width: Annotated[
        int | None,
        typer.Option(
            min=40,
            max=10000,
            help="Columns of the text (default: the terminal's), or pixels of a picture (default: by its hosts).",
        ),
    ] = None,
    group: Annotated[
        Group, typer.Option(help="Draw hosts that are alike as one: with more than 24 hosts, always, or never.")
    ] = Group.auto,
    scale: Annotated[float, typer.Option(min=0.1, max=10, help="Pixels of a PNG for one of the SVG.")] = 2,
) -> None:
    """Draw hosts: their bridges, how these hang together, tunnels between hosts and wires to the outside."""
    form = form or _draw_format(output)
    if form in _BYTES and output is None and sys.stdout.isatty():
        raise UsageError(f"{form.upper()} is nothing for a terminal: name a file with -o, or pipe it to a program")
    given = fleet.with_listed(sources, hosts)

    def paint(document: "Document") -> None:
        from tunbridge.inspect import translation

        if form is DrawFormat.json:
            _write_json(document, output)
            return
        spoken: locale.Code = "en" if ascii_only else locale.spoken(lang)
        document = translation.document(document, spoken)
        with translation.speaking(spoken):
            if form is DrawFormat.text:
                _draw_text(document, output, width, ascii_only, group)
            elif form in _BYTES:
                _draw_bytes(document, form, output, group, scale, width)
            else:
                _draw_source(document, form, output, group, width)

    if watch:
        _draw_again(given, timeout, form, output, paint)
        raise typer.Exit
    document, unreadable = _document(given, timeout)
    paint(document)
    raise typer.Exit(EXIT_UNREADABLE if unreadable else 0)


def _draw_again(
    sources: list[str],
    timeout: float | None,
    form: DrawFormat,
    output: Path | None,
    paint: "Callable[[Document], None]",
) -> None:
    from tunbridge.cli import watch

    if output is None and form not in (DrawFormat.text, DrawFormat.json):
        raise UsageError(f"--watch: {form} goes to a file: name it with -o; it is written anew at each change")
    lines = form is DrawFormat.json and output is None
    show = watch.pictures(_understood, paint, as_lines=lines, to_screen=output is None)
    watch.follow(sources, timeout, show)


_SUFFIXES = {"": "text", "txt": "text", "log": "text", "gv": "dot", "mmd": "mermaid", "htm": "html"}
"""How a file's name may end, beside the forms' own names."""


def _draw_format(output: Path | None) -> DrawFormat:
    """Return the form that the name after -o asks for. Raises UsageError."""
    suffix = output.suffix.lower().removeprefix(".") if output else ""
    form = _SUFFIXES.get(suffix, suffix)
    if form not in set(DrawFormat):
        forms = ", ".join(f".{form}" for form in DrawFormat if form is not DrawFormat.text)
        raise UsageError(f"{output}: no form ends in .{suffix}: those are {forms} and .txt; or name the form with -f")
    return DrawFormat(form)


def _draw_source(document: "Document", form: DrawFormat, output: Path | None, group: Group, width: int | None) -> None:
    """Write a form that other programs show."""
    from tunbridge.inspect.draw import svg
    from tunbridge.inspect.formats import csv, dot, html, mermaid

    pens = {
        DrawFormat.svg: lambda: svg.render(document, group=group.value, width=width),
        DrawFormat.html: lambda: html.render(document, group.value, width),
        DrawFormat.mermaid: lambda: mermaid.render(document, group.value),
        DrawFormat.dot: lambda: dot.render(document, group.value),
        DrawFormat.csv: lambda: csv.render(document),
    }
    with working("drawing"):
        source = pens[form]()
    if output is not None:
        write_whole(output, source)
    else:
        write_out(source)  # every pen has made its names visible; CSV's CR LF is to stay


def _draw_bytes(
    document: "Document", form: DrawFormat, output: Path | None, group: Group, scale: float, width: int | None
) -> None:
    """Write a PNG or a PDF."""
    from tunbridge.inspect.formats import png

    with working("drawing"):
        if form is DrawFormat.pdf:
            drawn, boxes = png.render_pdf(document, group.value, width=width)
        else:
            drawn, boxes = png.render(document, group.value, scale=scale, width=width)
    if boxes:
        terminal.error(f"no font here has {boxes}: drawn as boxes; a package such as fonts-noto-cjk has them")
    if output is not None:
        write_whole(output, drawn)
    else:
        sys.stdout.buffer.write(drawn)


def _draw_text(document: "Document", output: Path | None, width: int | None, ascii_only: bool, group: Group) -> None:
    from tunbridge.inspect.draw import text

    columns = width or shutil.get_terminal_size((100, 24)).columns
    plain = ascii_only or (output is None and not speaks_unicode())
    with working("drawing"):
        drawn = text.render_rich(document, width=columns, ascii=plain, group=group.value)
    if output is not None:
        _print(drawn.plain, output)
    else:
        print_safely(drawn)


def explain(
    sources: Sources = None,
    lang: LanguageOption = None,
    form: Annotated[
        ProseFormat | None,
        typer.Option("--format", "-f", help="Text, Markdown or JSON. (default: by the name after -o, else text)"),
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", "-b", help="Only the overview and one path, without the places they rest on.")
    ] = False,
    path: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="HOST HOST", help="Only the path from the first to the second, or to `outside`."),
    ] = None,
    output: Output = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
) -> None:
    """Explain hosts in words: what each bridge is for, and the path that a workload's packet will take.

    Each sentence cites the line of the source that it rests on.
    """
    from tunbridge.inspect import explain as words

    document, unreadable = _document(fleet.with_listed(sources, hosts), timeout)
    ends = _ends(document, path) if path is not None else None
    form = form or _prose_format(output)
    if form is ProseFormat.json:
        _write_json(words.predict(document, ends) if ends else document, output)
    else:
        sections = words.explain(document, locale.spoken(lang), brief=brief, ends=ends)
        written = words.to_markdown if form is ProseFormat.md else words.to_text
        _print(written(sections, citations=not brief), output)
    raise typer.Exit(EXIT_UNREADABLE if unreadable else 0)


def _ends(document: "Document", path: tuple[str, str]) -> "Ends":
    """Return the hosts that --path names; None for the outside. Raises UsageError with those that there are."""
    names = [host.name for host in document.hosts]
    given = [host.name for host in document.hosts if host.known]
    source, destination = path
    for name, there in ((source, given), (destination, [*names, OUTSIDE])):
        if name not in there:
            like = difflib.get_close_matches(name, there, n=3) or there[:6]
            raise UsageError(f"--path: {name}: no such host; there are: {', '.join(like)}")
    if source == destination:
        raise UsageError(f"--path: from {source} to itself there is none to predict")
    return source, None if destination == OUTSIDE and OUTSIDE not in names else destination


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
        typer.Option(
            metavar="CODE", help="Leave findings of this code out; repeatable.", autocompletion=_complete_code
        ),
    ] = None,
    list_codes: Annotated[bool, typer.Option("--list-codes", help="List every code, and stop.")] = False,
    explain_code: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="CODE", help="Say what a code means, and stop.", autocompletion=_complete_code
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
        print_safely(findings.code_list() if explain_code is None else findings.explanation(_known_code(explain_code)))
        raise typer.Exit
    ignored = {_known_code(part) for text in ignore or () for part in text.split(",") if part}
    as_json = _word_format(form, output) is WordFormat.json
    given = fleet.with_listed(sources, hosts)
    if watch:
        if counters is not None or output is not None:
            raise UsageError("--watch: goes neither with --counters nor with -o; -f json prints a line for each change")
        raise typer.Exit(_check_again(given, timeout, ignored, as_json, fail_on, lang))
    document, unreadable = _document(given, timeout, ignored, with_paths=as_json, counters=counters, confirm=True)
    if as_json:
        _write_json(document, output)
    else:
        text = findings.report(document, locale.spoken(lang))
        if output is not None:
            _print(text.plain, output)
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

    news = watch.News(lambda hosts: _understood(hosts, ignored, with_paths=False), report, as_json)
    watch.follow(sources, timeout, news)
    return _status(news.document, fail_on) if news.document is not None else 0


def _status(document: "Document", fail_on: FailOn) -> int:
    severities = ["error", "warning", "info"]
    if fail_on is FailOn.never:
        return 0
    counted = severities[: severities.index(fail_on.value) + 1]
    return EXIT_FINDINGS if any(finding.severity in counted for finding in document.findings) else 0


def _prose_format(output: Path | None) -> ProseFormat:
    suffix = output.suffix.lower() if output is not None else ""
    return {".json": ProseFormat.json, ".md": ProseFormat.md}.get(suffix, ProseFormat.text)


def _word_format(form: WordFormat | None, output: Path | None) -> WordFormat:
    if form is not None:
        return form
    return WordFormat.json if output is not None and output.suffix.lower() == ".json" else WordFormat.text


def _document(
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
    hosts = labs.with_network_names(reading.hosts, sources)
    if counters is not None:
        from tunbridge.inspect.counters import with_growth

        time.sleep(counters)
        hosts = with_growth(hosts, fleet.read(sources, timeout).hosts, counters)
    return _understood(hosts, ignored, with_paths), bool(reading.problems)


def _understood(hosts: "list[Host]", ignored: Collection[str] = (), with_paths: bool = True) -> "Document":
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


def _write_json(document: "Document", output: Path | None) -> None:
    from tunbridge.inspect.document import to_json

    text = to_json(document)
    if output is not None:
        write_whole(output, text)
    else:
        write_out(text)


def _print(text: str, output: Path | None) -> None:
    if output is not None:
        write_whole(output, text)
    else:
        write_out(terminal.printable(text))


def _known_code(code: str) -> str:
    """Give `code` if it exists. Raises UsageError with those like it."""
    from tunbridge.inspect.checks.registry import CODES

    if code in CODES:
        return code
    like = difflib.get_close_matches(code, CODES, n=3)
    raise UsageError(
        f"{code}: no such code; " + (f"did you mean {' or '.join(like)}? " if like else "") + "--list-codes lists them"
    )

"""`tunbridge explain`: words."""

import difflib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import fleet, locale
from tunbridge.cli.see.document import EXIT_UNREADABLE, print_text, read_document, write_json
from tunbridge.cli.see.options import LanguageOption, Output, Sources, UsageError

if TYPE_CHECKING:
    from tunbridge.inspect.model import Document
    from tunbridge.inspect.paths import Ends
    from tunbridge.inspect.trace.report import Trace


_PATH = (
    "Only the path from one host to another, or to `outside`; of two ports of live hosts, also the one that their flows"
    " give a packet now, as `tunbridge trace` tells it."
)
OUTSIDE = "outside"
"""In --path: no host, but what is beyond the NICs."""


class ProseFormat(StrEnum):
    """How an explanation is written."""

    text = "text"
    md = "md"
    json = "json"


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
        typer.Option(metavar="A B", help=_PATH),
    ] = None,
    output: Output = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
) -> None:
    """Explain hosts in words: what each bridge is for, and the path that a workload's packet will take.

    Each sentence cites the line of the source that it rests on.
    """
    from tunbridge.inspect import explain as words

    given = fleet.with_listed(sources, hosts)
    document, unreadable = read_document(given, timeout)
    trace = _trace(document, given, path, timeout) if path is not None else None
    ends = _ends(document, path) if path is not None and trace is None else _hosts(trace) if trace else None
    form = form or _prose_format(output)
    if form is ProseFormat.json:
        write_json(words.predict(document, ends) if ends else document, output)
    else:
        on_one_host = ends is not None and ends[0] == ends[1]
        sections = [] if on_one_host else words.explain(document, locale.spoken(lang), brief=brief, ends=ends)
        written = words.to_markdown if form is ProseFormat.md else words.to_text
        text = written(sections, citations=not brief)
        if trace is not None:
            text += _actual(trace, document, locale.spoken(lang), form)
        print_text(text, output)
    raise typer.Exit(EXIT_UNREADABLE if unreadable else 0)


def _trace(document: "Document", sources: list[str], path: tuple[str, str], timeout: float | None) -> "Trace | None":
    """Trace a packet between ports; None where --path names hosts."""
    from tunbridge.cli.see.tracing import Asked, traced
    from tunbridge.inspect.sources import is_live

    if not {host.name for host in document.hosts}.isdisjoint(path) or not any(map(is_live, sources or [""])):
        return None
    return traced(document, sources, path, Asked(), None, timeout)


def _hosts(trace: "Trace") -> "Ends":
    """Give the hosts that a prediction beside the trace is between."""
    destination = trace.destination.place
    return trace.visit.at.host, destination.host if destination is not None else None


def _actual(trace: "Trace", document: "Document", lang: locale.Code, form: ProseFormat) -> str:
    """Write the trace, to stand behind the prediction."""
    from tunbridge.cli.see.tracing import written
    from tunbridge.inspect.translation import say, speaking

    with speaking(lang):
        title = say("What the hosts' flows do with the packet now")
    text = written(trace, document, lang)
    return f"\n## {title}\n\n```\n{text}```\n" if form is ProseFormat.md else f"\n{title}\n{'─' * len(title)}\n{text}"


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


def _prose_format(output: Path | None) -> ProseFormat:
    suffix = output.suffix.lower() if output is not None else ""
    return {".json": ProseFormat.json, ".md": ProseFormat.md}.get(suffix, ProseFormat.text)

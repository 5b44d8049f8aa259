"""`tunbridge draw`: a picture, in any of the forms that it has."""

import shutil
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import fleet, locale, terminal
from tunbridge.cli.output import print_safely, speaks_unicode, write_out, write_whole
from tunbridge.cli.progress import working
from tunbridge.cli.see.document import EXIT_UNREADABLE, print_text, read_document, understood, write_json
from tunbridge.cli.see.options import LanguageOption, Output, Sources, UsageError, Watch

if TYPE_CHECKING:
    from tunbridge.inspect.model import Document


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
            write_json(document, output)
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
    document, unreadable = read_document(given, timeout)
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
    show = watch.pictures(understood, paint, as_lines=lines, to_screen=output is None)
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
        print_text(drawn.plain, output)
    else:
        print_safely(drawn)

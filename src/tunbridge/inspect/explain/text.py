"""An explanation as plain text or Markdown: titles, sentences, and after each in brackets what it rests on."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter

from tunbridge.inspect.explain.statement import Citation, Section

WIDTH = 100
"""Columns; a Korean syllable takes two."""
PLACES_SHOWN = 12
"""More lines than this are not printed after one sentence; the JSON output has them all."""
OBJECTS_SHOWN = 3
"""The same for objects of a database: the sentence names most of them itself."""
_REMOTE = re.compile(r" (?:Manager|Controller) \S*$")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


def to_markdown(sections: list[Section], citations: bool = True) -> str:
    """Return the explanation as Markdown: a heading for each section, an item for each sentence. Names are escaped."""
    blocks = []
    for section in sections:
        lines = [f"## {_escaped(section.title)}", ""]
        for sentence in section.sentences:
            places = _places(sentence.citations) if citations else ""
            lines.append(f"* {_escaped(sentence.text)}" + (f" <sub>{_escaped(places)}</sub>" if places else ""))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def to_text(sections: list[Section], width: int = WIDTH, citations: bool = True) -> str:
    """Return the text, wrapped at `width` columns, with what each sentence rests on if `citations`.

    Names stay as they came, but for line breaks, which would pass for ours: make the rest printable before it reaches
    a terminal.
    """
    blocks = []
    for section in sections:
        title = _one_line(section.title)
        lines = [title, "─" * min(_columns(title), width)]
        for sentence in section.sentences:
            places = _places(sentence.citations) if citations else ""
            lines += _wrapped(_one_line(f"{sentence.text} {places}" if places else sentence.text), width)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _places(citations: list[Citation]) -> str:
    """Return `[network.txt:12-14,20; compute0.txt:3]`, and for what has no line `[compute0: br-int patch-tun]`."""
    numbers: dict[str, list[int]] = {}
    subjects: dict[str, None] = {}
    for citation in citations:
        if citation.line is None:
            subjects[citation.subject] = None
        else:
            numbers.setdefault(citation.source, []).append(citation.line)
    places: list[tuple[str, str]] = []
    for source, lines in numbers.items():
        places += ((source, part) for part in _ranges(sorted(set(lines))))
    places += (("", place) for place in _objects(subjects))
    if not places:
        return ""
    text, last = "", None
    for source, part in places[:PLACES_SHOWN]:
        if source and source == last:
            text += f",{part}"
        else:
            text += ("; " if text else "") + (f"{source}:{part}" if source else part)
        last = source
    return f"[{text}{'; …' if len(places) > PLACES_SHOWN else ''}]"


def _objects(subjects: Iterable[str]) -> Iterator[str]:
    """Name objects by host, `compute0: br-int, br-tun patch-int`; a remote, which the sentence names, by its bridge."""
    by_host: dict[str, dict[str, None]] = {}
    for subject in subjects:
        host, _, place = subject.partition(" ")
        place = _REMOTE.sub("", f" {place}").strip()
        by_host.setdefault(host, {})[place] = None
    shown = list(islice(((host, place) for host, found in by_host.items() for place in found), OBJECTS_SHOWN))
    for host, found in groupby(shown, key=itemgetter(0)):
        places = ", ".join(place for _, place in found if place)
        yield f"{host}: {places}" if places else host
    more = sum(map(len, by_host.values())) - len(shown)
    if more:
        yield f"+{more:,}"


def _ranges(lines: list[int]) -> Iterator[str]:
    start = end = lines[0]
    for line in lines[1:]:
        if line > end + 1:
            yield f"{start}-{end}" if end > start else str(start)
            start = line
        end = line
    yield f"{start}-{end}" if end > start else str(start)


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Wrap at spaces only: names and addresses stay whole, however long."""
    line = "•"
    for word in text.split(" "):
        if _columns(line) + 1 + _columns(word) > width and line.strip(" •"):
            yield line
            line = "  " + word
        else:
            line += " " + word
    yield line


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

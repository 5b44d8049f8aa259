"""An explanation as plain text: titles, sentences, and behind each sentence in brackets what it rests on."""

import unicodedata
from collections.abc import Iterator

from tunbridge.inspect.explain.statement import Citation, Section

WIDTH = 100
"""Columns; a Korean syllable takes two."""
PLACES_SHOWN = 12
"""More places than this are not printed behind one sentence; the data has them all."""


def to_text(sections: list[Section], width: int = WIDTH) -> str:
    """Give the text, wrapped at `width` columns.

    Names stay as they came, but for line breaks, which would pass for ours: make the rest printable before it reaches
    a terminal.
    """
    blocks = []
    for section in sections:
        title = _one_line(section.title)
        lines = [title, "─" * min(_columns(title), width)]
        for sentence in section.sentences:
            places = _places(sentence.citations)
            lines += _wrapped(_one_line(f"{sentence.text} {places}" if places else sentence.text), width)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _places(citations: list[Citation]) -> str:
    """Give `[network.txt:12-14,20; compute0.txt:3]`, and for what has no line `[compute0 br-int patch-tun]`."""
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
    places += (("", subject) for subject in subjects)
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

"""What an explanation is made of: sections of sentences, each with the lines it rests on; and how one is put in words.

The facts are found once, as `Fact`s: a message key, its values, its citations. A language is one file that has the
words for every key (`en.py`, `ko.py`), so that no language says more, or rests on other lines, than the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from string import Formatter as StringFormatter
from typing import Any, Literal

from msgspec import Struct

from tunbridge.inspect.explain.particles import PARTICLES, with_particle

NAMES_SHOWN = 6
"""More names than this are not listed in a sentence but counted. Their citations are all kept."""

Lang = Literal["en", "ko"]


class Citation(Struct, frozen=True, kw_only=True):
    """What a sentence rests on: a line (from 1) of a source, or for a live source (`line` null) the object itself."""

    source: str
    line: int | None = None
    subject: str


class Sentence(Struct, frozen=True, kw_only=True):
    """One statement. Names in `text` are as they came: make them printable before they reach a terminal."""

    text: str
    citations: list[Citation]


class Section(Struct, frozen=True, kw_only=True):
    """Sentences about one host, one bridge, or one way of a packet."""

    title: str
    sentences: list[Sentence]


class Term(Struct, frozen=True):
    """A value that each language has its own word for: the key of a message without values."""

    key: str


class Names(Struct, frozen=True):
    """A list of names as one value; beyond `NAMES_SHOWN` the rest are counted."""

    names: Sequence[str]


Value = str | int | Term | Names


class Fact(Struct, frozen=True):
    """A sentence before it is put in words."""

    key: str
    values: dict[str, Value]
    citations: list[Citation]


class Chapter(Struct, frozen=True):
    """A section before it is put in words. Its title rests on nothing: it only names."""

    title: Fact
    facts: list[Fact]


def fact(key: str, cites: Iterable[Citation] = (), **values: Value) -> Fact:
    """Make a fact; what it cites is cited once."""
    return Fact(key, values, list(dict.fromkeys(cites)))


class Speaker:
    """Puts facts in the words of one language: `messages` are its module's MESSAGES."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self.messages = messages
        self.formatter = Formatter()

    def section(self, chapter: Chapter) -> Section:
        """Put a chapter in words."""
        sentences = [Sentence(text=self.text(f), citations=f.citations) for f in chapter.facts]
        return Section(title=self.text(chapter.title), sentences=sentences)

    def text(self, said: Fact) -> str:
        """Put one fact in words. Names stay exactly as they came."""
        values = {name: self._word(value) for name, value in said.values.items()}
        return self.formatter.vformat(self.messages[said.key], (), values)

    def _word(self, value: Value) -> str:
        if isinstance(value, Term):
            return self.messages[value.key]
        if isinstance(value, Names):
            names = ", ".join(value.names[:NAMES_SHOWN])
            more = len(value.names) - NAMES_SHOWN
            if more <= 0:
                return names
            return self.formatter.format(self.messages["names.more"], names=names, count=f"{more:,}")
        return f"{value:,}" if isinstance(value, int) else value


class Formatter(StringFormatter):
    """`str.format`, and `{name:은}`: the name with the Korean particle that goes with its last sound."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in PARTICLES:
            return with_particle(str(value), format_spec)
        return str(super().format_field(value, format_spec))

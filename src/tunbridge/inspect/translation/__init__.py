"""Findings and pictures in another language than English.

A document holds its findings in English: it is read by programs, kept in files and given again as a source. They are
put into a person's language where they are printed, each by the template that it was made from:

    {name}       any text, which is a name, an address or a command and stays as it is
    {restart!}   any text that is translated by a template of its own

What no template fits stays English; a test holds every template of the checks against this. Matching goes from left to
right and never back, so its time grows with the length of the text alone, whatever stands in it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.inspect.checks.registry import Code
from tunbridge.inspect.explain.statement import Formatter, Lang
from tunbridge.inspect.model import Document, Finding, NotChecked
from tunbridge.inspect.translation import ko
from tunbridge.inspect.translation.ko import codes, lab, pieces, words

LONGEST = 10_000
"""Characters of a text that is translated: what is longer holds something hostile, and is shown as it is."""
_DEEPEST = 6
_PLACE = re.compile(r"\{(\w+)(!?)\}")
_formatter = Formatter()
_language: ContextVar[Lang] = ContextVar("language", default="en")


class _Template(Struct, frozen=True):
    """A text cut at its places: one literal more than there are places."""

    literals: tuple[str, ...]
    places: tuple[tuple[str, bool], ...]
    """Name, and whether what stands there is translated too."""
    translation: str

    def values(self, text: str) -> list[str] | None:
        """Return what stands at each place; None if the text is not of this template."""
        first, *rest = self.literals
        if not text.startswith(first):
            return None
        if not rest:
            return [] if text == first else None
        found: list[str] = []
        position = len(first)
        for literal in rest[:-1]:
            end = text.find(literal, position)
            if end < 0:
                return None
            found.append(text[position:end])
            position = end + len(literal)
        if len(text) - len(rest[-1]) < position or not text.endswith(rest[-1]):
            return None
        return [*found, text[position : len(text) - len(rest[-1])]]


def _template(english: str, translation: str) -> _Template:
    parts = _PLACE.split(english)
    places = tuple((name, mark == "!") for name, mark in zip(parts[1::3], parts[2::3], strict=True))
    return _Template(tuple(parts[::3]), places, translation)


def _templates(catalogue: Mapping[str, str]) -> tuple[_Template, ...]:
    return tuple(_template(english, translation) for english, translation in catalogue.items())


@lru_cache
def _of_code(code: str) -> tuple[_Template, ...]:
    return _templates(ko.FINDINGS.get(code, {}))


@lru_cache
def _pieces() -> tuple[_Template, ...]:
    return _templates(pieces.PIECES)


@lru_cache
def _reasons() -> tuple[_Template, ...]:
    return _templates(pieces.REASONS)


@lru_cache
def _of_lab() -> tuple[_Template, ...]:
    return _templates(lab.LAB)


def _translated(
    text: str, templates: tuple[_Template, ...], depth: int = 0, inner_ones: tuple[_Template, ...] | None = None
) -> str | None:
    if len(text) > LONGEST or depth > _DEEPEST:
        return None
    for template in templates:
        values = template.values(text)
        if values is None:
            continue
        found: dict[str, str] = {}
        for (name, is_text), value in zip(template.places, values, strict=True):
            inner = _translated(value, inner_ones or _pieces(), depth + 1, inner_ones) if is_text and value else value
            if inner is None:
                break
            found[name] = inner
        else:
            return _formatter.vformat(template.translation, (), found)
    return None


def finding(found: Finding, lang: Lang) -> Finding:
    """Return a finding with its message and its fix in `lang`."""
    if lang == "en":
        return found
    templates = (*_of_code(found.code), *_pieces())
    message = _translated(found.message, templates)
    fix = _translated(found.fix, templates)
    return replace(found, message=message or found.message, fix=fix or found.fix)


def not_checked(entry: NotChecked, lang: Lang) -> NotChecked:
    """Return what was not checked, with the reason in `lang`."""
    reason = None if lang == "en" else _translated(entry.reason, (*_reasons(), *_pieces()))
    return replace(entry, reason=reason) if reason is not None else entry


def code(entry: Code, lang: Lang) -> Code:
    """Return what a code means in `lang`."""
    return entry if lang == "en" else replace(entry, **codes.CODES[entry.code]._asdict())


def document(found: Document, lang: Lang) -> Document:
    """Return a document to be shown to people: all that was found in `lang`."""
    if lang == "en":
        return found
    return replace(
        found,
        findings=[finding(one, lang) for one in found.findings],
        not_checked=[not_checked(one, lang) for one in found.not_checked],
    )


def of_lab(text: str) -> str:
    """Return what a lab tells, in the language of the context."""
    if _language.get() == "en":
        return text
    return _translated(text, _of_lab(), inner_ones=_of_lab()) or text


@contextmanager
def speaking(lang: Lang) -> Iterator[None]:
    """Have `say` answer in `lang`."""
    token = _language.set(lang)
    try:
        yield
    finally:
        _language.reset(token)


def say(text: str, **values: str | int) -> str:
    """Return `text`, which is English, in the language of the context; counts get separators."""
    english = _language.get() == "en"
    template = text if english else words.WORDS.get(text, text)
    if not values:
        return template
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    return template.format_map(shown) if english else _formatter.vformat(template, (), shown)


def asset(name: str, text: str) -> str:
    """Return a part of the page, whose text is `text` in English, in the language of the context."""
    if _language.get() == "en":
        return text
    for english, korean in {"page.html": words.PAGE, "page.js": words.SCRIPT}.get(name, {}).items():
        text = text.replace(english, korean)
    return text

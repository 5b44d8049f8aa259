"""The document as JSON, and its JSON Schema: derived from the model, committed as docs/document.schema.json."""

import json
import re
from typing import Any

import msgspec

from tunbridge.inspect.model import VERSION, Document


def to_json(document: Document) -> str:
    """Write the document as indented JSON, with a newline at the end as a file is expected to have.

    It may go to a terminal: control characters beyond those that JSON escapes anyway, and bidi marks, are escaped too.
    """
    return as_json(document)


def as_json(thing: msgspec.Struct) -> str:
    """Write any of our structures in the same way."""
    text = msgspec.json.format(msgspec.json.encode(thing), indent=2).decode()
    return _NOT_ASCII.sub(_escaped, text) + "\n"


_NOT_ASCII = re.compile("[^\\x00-\\x7e]")
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() and char not in _BIDI else json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of the document. Further fields are allowed: they may come in a minor version."""
    derived = msgspec.json.schema(Document)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Tunbridge document, version {VERSION.partition('.')[0]}",
        **derived,
    }


def schema_text() -> str:
    """Give the schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"

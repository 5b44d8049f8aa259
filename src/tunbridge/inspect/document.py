"""The document as JSON, and its JSON Schema, which is derived from the model and committed as docs/document.schema.json."""

import json
from typing import Any

import msgspec

from tunbridge.inspect.model import VERSION, Document


def to_json(document: Document) -> str:
    """Write the document as indented JSON with a newline at the end, as a file is expected to be."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


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

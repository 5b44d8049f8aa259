"""The JSON Schemas for OpenAPI are valid, and do not promise what the checks refuse."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings

from tests.model import values
from tunbridge.model import catalog
from tunbridge.model.resource import Field, Resource
from tunbridge.model.validators import InvalidError

FIELDS = [(r, f) for r in catalog.RESOURCES for f in r.fields]
SHOWN_AS_TEXT = {f"subnetpool.{name}_prefixlen" for name in ("default", "min", "max")}
"""Kept as numbers, shown as Neutron does."""
WRITABLE = {f"{r.name}.{f.name}": f for r, f in FIELDS if (f.post or f.put) and (f.check or f.convert)}


@pytest.mark.parametrize(("resource", "field"), FIELDS, ids=[f"{r.name}.{f.name}" for r, f in FIELDS])
def test_schema_is_a_schema(resource: Resource, field: Field) -> None:
    for schema in (field.answer_schema, field.request_schema):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert field.answer_schema or not field.visible, f"{resource.name}.{field.name} says nothing of what it shows"


@pytest.mark.parametrize("name", WRITABLE)
def test_what_is_kept_is_as_answers_promise(name: str) -> None:
    field = WRITABLE[name]
    validator = jsonschema.Draft202012Validator(field.answer_schema)

    @settings(max_examples=20, deadline=None)
    @given(values.BY_KIND.get(field.check.name if field.check else "", values.SINGLE))
    def kept_as_promised(value: Any) -> None:
        try:
            kept = field.clean(value)
        except InvalidError:
            return
        assert list(validator.iter_errors(str(kept) if name in SHOWN_AS_TEXT else kept)) == []

    kept_as_promised()

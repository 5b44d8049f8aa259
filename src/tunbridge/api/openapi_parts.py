"""Pieces of the OpenAPI document: schemas of resources, answers, bodies, parameters."""

from typing import Any

from tunbridge.model.resource import REQUIRED, Field, Resource
from tunbridge.model.validators.base import Schema

STRING: Schema = {"type": "string"}


def error_schema() -> Schema:
    inside = {"type": STRING, "message": STRING, "detail": STRING}
    error = {"type": "object", "properties": inside, "required": list(inside)}
    # What has to do with who calls is answered in Keystone's form.
    return {"type": "object", "properties": {"NeutronError": error, "error": {"type": "object"}}}


def content(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def name(resource: Resource, suffix: str = "") -> str:
    return "".join(part.capitalize() for part in resource.name.split("_")) + suffix


def ref(resource: Resource, suffix: str = "") -> Schema:
    return {"$ref": f"#/components/schemas/{name(resource, suffix)}"}


def schemas_of(resource: Resource) -> dict[str, Schema]:
    """Give the schemas of a resource: what is answered, what a create and what an update takes."""
    shown = {name: field.answer_schema for field in resource.fields if field.visible for name in names_of(field)}
    posted = [field for field in resource.fields if field.post]
    required = [field.name for field in posted if field.default is REQUIRED]
    create = object_of({field.name: field.request_schema for field in posted}, required)
    update = object_of({field.name: field.request_schema for field in resource.fields if field.put}, [])
    return {
        name(resource): {"type": "object", "properties": shown},
        name(resource, "Create"): create,
        name(resource, "Update"): update,
    }


def names_of(field: Field) -> list[str]:
    return [field.name, field.alias] if field.alias else [field.name]


def object_of(properties: dict[str, Schema], required: list[str]) -> Schema:
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": required} if required else made


def wrapped(name: str, schema: Schema) -> Schema:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


def answers(ok: dict[str, Any], *errors: str) -> dict[str, Any]:
    return {**ok, **{status: {"$ref": f"#/components/responses/Error{status}"} for status in errors}}


def ok(status: str, text: str, schema: Schema | None) -> dict[str, Any]:
    return {status: {"description": text, **({} if schema is None else {"content": content(schema)})}}


def body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": content(schema)}


def parameter(name: str, place: str, schema: Schema, text: str) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, "description": text, "required": place == "path"}

"""OpenAPI 3.1 of what is offered, made from the declarations, and a page to read it."""

import html
from collections.abc import Mapping
from typing import Any

import msgspec

import tunbridge
from tunbridge.api import openapi_more
from tunbridge.api.controller import Controller
from tunbridge.api.offer import Offer
from tunbridge.api.openapi_parts import (
    STRING,
    answers,
    body,
    content,
    error_schema,
    names_of,
    object_of,
    ok,
    parameter,
    ref,
    schemas_of,
    wrapped,
)
from tunbridge.api.query import TAG_FILTERS
from tunbridge.model.gateway_order import MOST as MOST_GATEWAYS
from tunbridge.model.resource import Resource
from tunbridge.model.resources.router import GATEWAY
from tunbridge.model.validators.addresses import host_routes
from tunbridge.model.validators.base import Schema
from tunbridge.model.validators.ports import sub_ports
from tunbridge.rules import external_gateways

_ERRORS = {
    "400": "The request contradicts itself, or names something unknown.",
    "401": "Nobody, or a token that is not valid.",
    "403": "Policy does not let the caller do this.",
    "404": "There is no such thing, or the caller may not know of it.",
    "409": "It does not fit to what is there.",
    "412": "If-Match names another revision.",
    "503": "The database cannot be reached; try again.",
}


def document(offer: Offer, controllers: Mapping[str, Controller]) -> bytes:
    """Give the document as JSON."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Error": error_schema()}
    for controller in controllers.values():
        resource = controller.resource
        schemas |= schemas_of(resource)
        _add_paths(paths, controller, offer)
    openapi_more.add(paths, schemas, offer)
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenStack Networking API v2.0, by Tunbridge",
            "version": tunbridge.__version__,
            "description": "Extensions offered: " + ", ".join(e.alias for e in offer.extensions),
        },
        "servers": [{"url": "/v2.0"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                f"Error{status}": {"description": text, "content": content({"$ref": "#/components/schemas/Error"})}
                for status, text in _ERRORS.items()
            },
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    }
    return msgspec.json.encode(made)


def _filters(controller: Controller) -> list[dict[str, Any]]:
    resource = controller.resource
    many = {"type": "array", "items": STRING}
    names = [name for field in resource.fields if field.filter for name in names_of(field) if name not in TAG_FILTERS]
    names += [name for name in controller.rules.filters if name not in names]
    found = [parameter(name, "query", many, "One of these.") for name in names]
    if resource.tags:
        found += [parameter(name, "query", STRING, "Tags, separated by commas.") for name in TAG_FILTERS]
    sorts = [field.name for field in resource.fields if field.sort]
    found += [
        parameter("fields", "query", many, "Only these fields."),
        parameter("limit", "query", {"type": "integer", "minimum": 0}, "Things in a page."),
        parameter("marker", "query", STRING, "The last id of the page before."),
        parameter("page_reverse", "query", {"type": "boolean"}, "The page before the marker."),
    ]
    if sorts:
        found.append(parameter("sort_key", "query", {"type": "array", "items": {"enum": sorts}}, "Keys, in order."))
        ways = {"type": "array", "items": {"enum": ["asc", "desc"]}}
        found.append(parameter("sort_dir", "query", ways, "As many as there are keys."))
    return found


def _base(resource: Resource, offer: Offer) -> tuple[str, list[dict[str, Any]]]:
    """Give the path of a collection, and the parameters in it."""
    if resource.parent is None:
        return "/" + (resource.path or resource.collection.replace("_", "-")), []
    above, parameters = _base(offer.resources[resource.parent], offer)
    name = f"{resource.parent}_id"
    above_id = parameter(name, "path", STRING, f"The {resource.parent}'s id.")
    return f"{above}/{{{name}}}/{resource.collection}", [*parameters, above_id]


def _add_paths(paths: dict[str, Any], controller: Controller, offer: Offer) -> None:
    resource = controller.resource
    base, above = _base(resource, offer)
    one, many = resource.name, resource.collection
    tag = [many]
    item = wrapped(one, ref(resource))
    listed = {
        "type": "object",
        "properties": {many: {"type": "array", "items": ref(resource)}, f"{many}_links": {"type": "array"}},
        "required": [many],
    }
    collection: dict[str, Any] = {
        **({"parameters": above} if above else {}),
        "get": {
            "operationId": f"list_{many}",
            "tags": tag,
            "parameters": _filters(controller),
            "responses": answers(ok("200", f"The {many}.", listed), "400", "401", "404", "503"),
        },
    }
    if resource.has_post:
        created = {"anyOf": [item, wrapped(many, {"type": "array", "items": ref(resource), "minItems": 1})]}
        bulk = {"type": "array", "items": ref(resource, "Create"), "minItems": 1}
        wanted = {"anyOf": [wrapped(one, ref(resource, "Create")), wrapped(many, bulk)]}
        collection["post"] = {
            "operationId": f"create_{one}",
            "tags": tag,
            "requestBody": body(wanted),
            "responses": answers(ok("201", "Made.", created), "400", "401", "403", "404", "409", "503"),
        }
    if resource.has_list:
        paths[base] = collection
    id = parameter("id", "path", STRING, f"The {one}'s {resource.key}.")
    single: dict[str, Any] = {
        "parameters": [*above, id],
        "get": {
            "operationId": f"show_{one}",
            "tags": tag,
            "parameters": [parameter("fields", "query", {"type": "array", "items": STRING}, "Only these fields.")],
            "responses": answers(ok("200", f"The {one}.", item), *_show_errors(one)),
        },
    }
    match = parameter("If-Match", "header", STRING, "revision_number=N: only if it still has this revision.")
    if resource.has_put:
        single["put"] = {
            "operationId": f"update_{one}",
            "tags": tag,
            "parameters": [match],
            "requestBody": body(wrapped(one, ref(resource, "Update"))),
            "responses": answers(ok("200", "Changed.", item), "400", "401", "403", "404", "409", "412", "503"),
        }
    if resource.has_delete:
        single["delete"] = {
            "operationId": f"delete_{one}",
            "tags": tag,
            "parameters": [match],
            "responses": answers(ok("204", "Gone.", None), "400", "401", "403", "404", "409", "412", "503"),
        }
    paths[f"{base}/{{id}}"] = single
    for action, declared in controller.rules.actions.items():
        if declared.extension not in offer.waiting:
            paths[f"{base}/{{id}}/{action}"] = _action(controller, action, id, tag)
    if resource.tags:
        _add_tags(paths, base, resource, id, tag)


_ONBOARD = "onboard_network_subnets"


def _action(controller: Controller, action: str, id: dict[str, Any], tag: list[str]) -> dict[str, Any]:
    method = controller.rules.actions[action].method.lower()
    answer = {"type": "array" if action == _ONBOARD else "object"}
    told = answers(ok("200", "Done.", answer), "400", "401", "403", "404", "409", "503")
    operation = {"operationId": f"{action}_{controller.resource.name}", "tags": tag, "responses": told}
    if method != "get":
        operation["requestBody"] = body(_action_body(action))
    return {"parameters": [id], method: operation}


def _action_body(action: str) -> dict[str, Any]:
    """Give what an action takes."""
    if "subports" in action:
        return object_of({"sub_ports": sub_ports.schema}, ["sub_ports"])
    if action == _ONBOARD:
        return object_of({"network_id": STRING}, ["network_id"])
    if action in external_gateways.ACTIONS:
        gateways = {"type": "array", "items": GATEWAY.schema, "maxItems": MOST_GATEWAYS}
        return wrapped("router", object_of({external_gateways.FIELD: gateways}, []))
    if "router_interface" in action:
        return object_of({"subnet_id": STRING, "port_id": STRING}, [])
    if "extraroutes" in action:
        return wrapped("router", object_of({"routes": host_routes.schema}, ["routes"]))
    name = "prefixes" if "prefixes" in action else "addresses"
    return object_of({name: {"type": "array", "items": STRING, "minItems": 1}}, [name])


def _show_errors(resource: str) -> tuple[str, ...]:
    refused = ("403",) if resource == "rule_type" else ()  # which anybody may list, and only an admin see
    return ("400", "401", *refused, "404", "503")


def _add_tags(paths: dict[str, Any], base: str, resource: Resource, id: dict[str, Any], tag: list[str]) -> None:
    listed = wrapped("tags", {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}})
    errors = ("400", "401", "403", "404", "409", "503")
    one = resource.name
    paths[f"{base}/{{id}}/tags"] = {
        "parameters": [id],
        "get": {
            "operationId": f"list_tags_{one}",
            "tags": tag,
            "responses": answers(ok("200", "Its tags.", listed), "401", "404", "503"),
        },
        "put": {
            "operationId": f"set_tags_{one}",
            "tags": tag,
            "requestBody": body(listed),
            "responses": answers(ok("200", "Its tags.", listed), *errors),
        },
        "delete": {
            "operationId": f"remove_tags_{one}",
            "tags": tag,
            "responses": answers(ok("204", "It has none.", None), *errors),
        },
    }
    paths[f"{base}/{{id}}/tags/{{tag}}"] = {
        "parameters": [id, parameter("tag", "path", {"type": "string", "minLength": 1, "maxLength": 255}, "A tag.")],
        "get": {
            "operationId": f"has_tag_{one}",
            "tags": tag,
            "responses": answers(ok("204", "It has it.", None), "400", "401", "404", "503"),
        },
        "put": {
            "operationId": f"add_tag_{one}",
            "tags": tag,
            "responses": answers(ok("201", "It has it now.", None), *errors),
        },
        "delete": {
            "operationId": f"remove_tag_{one}",
            "tags": tag,
            "responses": answers(ok("204", "It has it no more.", None), *errors),
        },
    }


def page(content: bytes) -> bytes:
    """Give a page that shows the document: every operation with what it takes and gives, without any script."""
    found = msgspec.json.decode(content)
    by_tag: dict[str, list[str]] = {}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                by_tag.setdefault(operation["tags"][0], []).append(_shown(path, method, item, operation))
    schemas = [_schema_shown(name, schema) for name, schema in found["components"]["schemas"].items()]
    links = " ".join(f'<a href="#{html.escape(tag)}">{html.escape(tag)}</a>' for tag in by_tag)
    parts = [f'<h2 id="{html.escape(tag)}">{html.escape(tag)}</h2>{"".join(ops)}' for tag, ops in by_tag.items()]
    title = html.escape(found["info"]["title"])
    text = _PAGE.format(
        title=title,
        about=html.escape(found["info"]["description"]),
        links=links,
        parts="\n".join(parts),
        schemas="\n".join(schemas),
    )
    return text.encode()


def _shown(path: str, method: str, item: dict[str, Any], operation: dict[str, Any]) -> str:
    given = [*item.get("parameters", []), *operation.get("parameters", [])]
    rows = "".join(
        f"<tr><td><code>{html.escape(p['name'])}</code><td>{p['in']}<td>{html.escape(p['description'])}" for p in given
    )
    wanted = operation.get("requestBody")
    body = "" if wanted is None else f"<p>Body: {_types(wanted['content']['application/json']['schema'])}</p>"
    answers = ", ".join(operation["responses"])
    return (
        f"<details><summary><b>{method.upper()}</b> <code>/v2.0{html.escape(path)}</code></summary>{body}"
        f"<table>{rows}</table><p>Answers: {answers}</p></details>"
    )


def _types(schema: Schema) -> str:
    if "$ref" in schema:
        name = html.escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_types(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_types(schema.get('items', {}))}"
    if schema.get("type") == "object" and "properties" in schema:
        inside = ", ".join(f"{html.escape(n)}: {_types(s)}" for n, s in schema["properties"].items())
        return "{" + inside + "}"
    if "enum" in schema:
        return " | ".join(html.escape(msgspec.json.encode(one).decode()) for one in schema["enum"])
    kind = schema.get("type", "anything")
    return html.escape(" or ".join(kind) if isinstance(kind, list) else str(kind))


def _schema_shown(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{html.escape(field)}</code>{' (required)' if field in required else ''}<td>{_types(inner)}"
        for field, inner in schema.get("properties", {}).items()
    )
    return f'<h3 id="{html.escape(name)}">{html.escape(name)}</h3><table>{rows}</table>'


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
details {{ margin: .3rem 0 }} summary {{ cursor: pointer }} summary b {{ display: inline-block; width: 4.5rem }}
table {{ border-collapse: collapse }} td {{ padding: .1rem .8rem .1rem 0; vertical-align: top }}
nav a {{ margin-right: .6rem }}
</style>
<h1>{title}</h1>
<p>{about}. The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>
<nav>{links}</nav>
{parts}
<h2>Schemas</h2>
{schemas}
</html>
"""

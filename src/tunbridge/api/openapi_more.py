"""The part of the OpenAPI document that no resource's declaration gives: paths with answers of their own."""

from typing import Any

from tunbridge.api.offer import Offer
from tunbridge.api.openapi_parts import STRING, answers, body, object_of, ok, parameter, ref, schemas_of, wrapped
from tunbridge.model.resource import Resource


def add(paths: dict[str, Any], schemas: dict[str, Any], offer: Offer) -> None:
    """Add these paths, as far as they are offered."""
    _add_extensions(paths)
    for name, adding in _OF.items():
        if name in offer.resources:
            adding(paths, schemas, offer.resources[name])


def _add_extensions(paths: dict[str, Any]) -> None:
    alias = parameter("alias", "path", STRING, "The extension's alias.")
    listed = wrapped("extensions", {"type": "array", "items": {"type": "object"}})
    paths["/extensions"] = {
        "get": {
            "operationId": "list_extensions",
            "tags": ["extensions"],
            "responses": answers(ok("200", "What is offered.", listed), "401"),
        }
    }
    paths["/extensions/{alias}"] = {
        "parameters": [alias],
        "get": {
            "operationId": "show_extension",
            "tags": ["extensions"],
            "responses": answers(ok("200", "It is.", wrapped("extension", {"type": "object"})), "401", "404"),
        },
    }


def _add_quotas(paths: dict[str, Any], schemas: dict[str, Any], resource: Resource) -> None:
    schemas |= schemas_of(resource)
    project = parameter("project", "path", STRING, "A project's id.")
    tag = ["quotas"]
    found = wrapped("quota", {"type": "object"})
    paths["/quotas/{project}"] = {
        "parameters": [project],
        "get": {
            "operationId": "show_quota",
            "tags": tag,
            "responses": answers(ok("200", "Limits.", {"type": "object"}), "401", "403", "503"),
        },
        "put": {
            "operationId": "update_quota",
            "tags": tag,
            "requestBody": body(wrapped("quota", ref(resource, "Update"))),
            "responses": answers(ok("200", "Limits.", found), "400", "401", "403", "503"),
        },
        "delete": {
            "operationId": "delete_quota",
            "tags": tag,
            "responses": answers(ok("204", "The defaults again.", None), "401", "403", "404", "503"),
        },
    }
    for name, text in (("default", "Limits that nobody set."), ("details", "Limits, and what is in use.")):
        paths[f"/quotas/{{project}}/{name}"] = {
            "parameters": [project],
            "get": {
                "operationId": f"show_quota_{name}",
                "tags": tag,
                "responses": answers(ok("200", text, found), "401", "403", "503"),
            },
        }


def _add_topologies(paths: dict[str, Any], schemas: dict[str, Any], resource: Resource) -> None:
    schemas |= schemas_of(resource)
    dry = {"type": "array", "items": {"enum": ["dry-run"]}}
    path = f"/{resource.path}/{{project}}"
    paths[path] = {
        "parameters": [parameter("project", "path", STRING, "A project's id; None: that of the token.")],
        "get": {
            "operationId": f"show_{resource.name}",
            "tags": [resource.collection],
            "parameters": [parameter("fields", "query", dry, "Make nothing, and say whether it could be made.")],
            "responses": answers(
                ok("200", "The project's network.", wrapped(resource.name, ref(resource))),
                *("400", "401", "403", "404", "409", "503"),
            ),
        },
        "delete": {
            "operationId": f"delete_{resource.name}",
            "tags": [resource.collection],
            "responses": answers(ok("204", "It is gone.", None), "401", "403", "404", "409", "503"),
        },
    }


def _add_pools(paths: dict[str, Any], schemas: dict[str, Any], resource: Resource) -> None:
    schemas |= schemas_of(resource)
    _add_list(paths, resource, "Where floating IPs can be from.")


def _add_list(paths: dict[str, Any], resource: Resource, text: str) -> None:
    """A list that is all there is of a resource."""
    found = wrapped(resource.collection, {"type": "array", "items": ref(resource)})
    paths[f"/{resource.path}"] = {
        "get": {
            "operationId": f"list_{resource.collection}",
            "tags": [resource.collection],
            "parameters": [_FIELDS],
            "responses": answers(ok("200", text, found), "400", "401", "503"),
        }
    }


def _add_agents(paths: dict[str, Any], _schemas: dict[str, Any], resource: Resource) -> None:
    """Where gateways of routers are."""
    agent = parameter("id", "path", STRING, "The agent's id.")
    tag = [resource.collection]
    routers = {"type": "array", "items": {"type": "object"}}
    paths["/agents/{id}/l3-routers"] = {
        "parameters": [agent],
        "get": {
            "operationId": "list_routers_of_agent",
            "tags": tag,
            "parameters": [_FIELDS],
            "responses": answers(ok("200", "What it has.", wrapped("routers", routers)), *_NOT_SHOWN),
        },
        "post": {
            "operationId": "add_router_to_agent",
            "tags": tag,
            "requestBody": body({"type": "object", "properties": {"router_id": STRING}, "required": ["router_id"]}),
            "responses": answers(ok("201", "It has it.", {"type": "null"}), *_REFUSED),
        },
    }
    paths["/agents/{id}/l3-routers/{router}"] = {
        "parameters": [agent, parameter("router", "path", STRING, "A router's id.")],
        "delete": {
            "operationId": "remove_router_from_agent",
            "tags": tag,
            "responses": answers(ok("204", "Another one has it.", None), *_REFUSED),
        },
    }
    agents = wrapped("agents", {"type": "array", "items": {"type": "object"}})
    paths["/routers/{id}/l3-agents"] = {
        "parameters": [parameter("id", "path", STRING, "A router's id.")],
        "get": {
            "operationId": "list_agents_of_router",
            "tags": tag,
            "parameters": [_FIELDS],
            "responses": answers(ok("200", "Which have its gateway, or take over.", agents), *_NOT_SHOWN),
        },
    }


def _add_flavors(paths: dict[str, Any], _schemas: dict[str, Any], resource: Resource) -> None:
    """What stands below a flavor."""
    flavor, tag = parameter("id", "path", STRING, "The flavor's id."), [resource.collection]
    profile = object_of({"id": STRING}, ["id"])
    paths["/flavors/{id}/service_profiles"] = {
        "parameters": [flavor],
        "post": {
            "operationId": "add_service_profile",
            "tags": tag,
            "requestBody": body(wrapped("service_profile", profile)),
            "responses": answers(ok("201", "It has it.", wrapped("service_profile", profile)), *_REFUSED),
        },
    }
    paths["/flavors/{id}/service_profiles/{profile}"] = {
        "parameters": [flavor, parameter("profile", "path", STRING, "A profile's id.")],
        "delete": {
            "operationId": "remove_service_profile",
            "tags": tag,
            "responses": answers(ok("204", "It has it no more.", None), *_REFUSED),
        },
    }
    found = wrapped("next_providers", {"type": "array", "items": {"type": "object"}})
    paths["/flavors/{id}/next_providers"] = {
        "parameters": [flavor],
        "get": {
            "operationId": "list_next_providers",
            "tags": tag,
            "responses": answers(ok("200", "Who carries it out.", found), "401", "404", "503"),
        },
    }


def _add_providers(paths: dict[str, Any], schemas: dict[str, Any], resource: Resource) -> None:
    schemas |= schemas_of(resource)
    _add_list(paths, resource, "Who carries out what.")


_FIELDS = parameter("fields", "query", {"type": "array", "items": STRING}, "Only these fields.")
_NOT_SHOWN = ("400", "401", "403", "404", "503")
_REFUSED = ("400", "401", "403", "404", "409", "503")
_OF = {
    "quota": _add_quotas,
    "auto_allocated_topology": _add_topologies,
    "floatingip_pool": _add_pools,
    "router": _add_agents,
    "flavor": _add_flavors,
    "service_provider": _add_providers,
}
"""Name of a resource -> what adds the paths that come with it."""

"""What Neutron has, to hold the declarations against: `neutron-lib` itself, and what only Neutron has, as data.

Its modules are imported here only: they have no types.
"""

import importlib
import json
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from neutron_lib import constants, exceptions  # type: ignore[import-untyped]
from neutron_lib.api import attributes as library_attributes  # type: ignore[import-untyped]
from neutron_lib.api import converters, definitions, validators
from webob.exc import HTTPBadRequest  # type: ignore[import-untyped]

from tunbridge.model import catalog
from tunbridge.model.resource import REQUIRED, UNSET

__all__ = ["HTTPBadRequest", "attributes", "converters", "data", "exceptions", "library_attributes", "validators"]

DATA = Path(__file__).parent / "data"
OURS = frozenset({"boot-config", "event-stream"})
"""Extensions that are Tunbridge's own, which Neutron's declarations say nothing of."""
Attribute = dict[str, Any]


@cache
def data(name: str) -> Any:
    """Give a file of what was read out of Neutron; its source is in it."""
    return json.loads((DATA / name).read_text())


@cache
def library() -> dict[str, ModuleType]:
    """Give the modules of neutron-lib's API definitions, by alias."""
    found = (
        importlib.import_module(f"{definitions.__name__}.{module.name}")
        for module in pkgutil.iter_modules(definitions.__path__)
    )
    return {module.ALIAS: module for module in found if hasattr(module, "ALIAS")}


BASE = ("network", "subnet", "subnetpool", "port")
"""Definitions that are no extensions."""


@cache
def attributes() -> dict[tuple[str, str], Attribute]:
    """Give every attribute of what is offered, by collection and name; later extensions refine earlier ones."""
    found: dict[tuple[str, str], Attribute] = {}
    offered = [extension.alias for extension in catalog.EXTENSIONS]
    ours = {resource.collection for resource in catalog.RESOURCES}
    rest = data("neutron_extensions.json")
    for alias in (*BASE, *offered):
        maps = dict(rest["extensions"].get(alias, {}))
        if alias in library():
            module = library()[alias]
            maps.update(module.RESOURCE_ATTRIBUTE_MAP or {})
            for name, sub in (module.SUB_RESOURCE_ATTRIBUTE_MAP or {}).items():
                if sub.get("parent", {}).get("collection_name") == name:  # fields for the collection itself
                    found.update({(name, field): spec for field, spec in sub["parameters"].items()})
                    continue
                maps.setdefault(name, sub["parameters"])  # profiles below a flavor are named as those beside it
        for collection, members in maps.items():
            if collection in ours:
                found.update({(collection, name): spec for name, spec in members.items()})
    for members in rest["standard"].values():
        for collection in rest["has standard attributes"]:
            for name, spec in members.items():
                found.setdefault((collection, name), spec)
    for collection in rest["has tags"]:
        found[(collection, "tags")] = rest["tags of ports" if collection == "ports" else "tags"]["tags"]
    return found


def default(spec: Attribute) -> Any:
    """Give an attribute's default as ours are written."""
    if "default" not in spec:
        return REQUIRED
    value = spec["default"]
    return UNSET if value is constants.ATTR_NOT_SPECIFIED or value == "ATTR_NOT_SPECIFIED" else value


def conversion(spec: Attribute) -> str | None:
    """Give the name of an attribute's conversion."""
    value = spec.get("convert_to")
    return value if value is None or isinstance(value, str) else value.__name__

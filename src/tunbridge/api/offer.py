"""What this server offers: extensions whose data plane is there, and resources with the fields that these bring."""

from collections.abc import Iterable, Mapping

import msgspec

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Extension, Resource


class Offer(msgspec.Struct, frozen=True):
    """The part of the API that is there."""

    resources: Mapping[str, Resource]
    """By name; each with the fields that are offered."""
    extensions: tuple[Extension, ...]
    withheld: Mapping[str, str]
    """First parts of paths that are declared and not offered now -> alias of the extension that brings them."""
    waiting: frozenset[str]
    """Aliases of extensions that are declared and not offered now."""


def why_not(alias: str) -> str:
    """Give what a client is told of a thing that comes with an extension which is not offered."""
    return f"it comes with the extension {alias}, which networking.preview = true in the server's configuration offers"


def offer(
    resources: Iterable[Resource], extensions: Iterable[Extension], features: frozenset[str], preview: bool
) -> Offer:
    """Give what can be offered on a data plane with these features; with `preview` everything that is declared."""
    resources, extensions = tuple(resources), tuple(extensions)
    listed = tuple(e for e in extensions if preview or e.needs <= features)
    aliases = {None, *(e.alias for e in listed)}
    offered = (
        msgspec.structs.replace(
            resource,
            fields=tuple(f for f in resource.fields if f.extension in aliases),
            withheld={f.name: f.extension for f in resource.fields if f.extension and f.extension not in aliases},
            has_post=resource.has_post and resource.create_by is not Who.NOBODY,
            has_put=resource.has_put and resource.update_by is not Who.NOBODY,
            has_delete=resource.has_delete and resource.delete_by is not Who.NOBODY,
        )
        for resource in resources
        if resource.extension in aliases
    )
    withheld = {
        name: resource.extension
        for resource in resources
        if resource.extension not in aliases and resource.extension is not None and resource.parent is None
        for name in path_names(resource)
    }
    waiting = frozenset(e.alias for e in extensions) - aliases
    return Offer({resource.name: resource for resource in offered}, listed, withheld, waiting)


def path_names(resource: Resource) -> tuple[str, ...]:
    """Give the first parts of paths that lead to a resource: Neutron takes - and _ alike."""
    name = resource.path or resource.collection
    return tuple({name, name.replace("_", "-"), name.replace("-", "_")})

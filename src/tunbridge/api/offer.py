"""What this server offers: extensions whose data plane is there, and resources with the fields that these bring."""

from collections.abc import Iterable, Mapping

import msgspec

from tunbridge.model.resource import Extension, Resource
from tunbridge.model.who import Who


class Offer(msgspec.Struct, frozen=True):
    """The part of the API that is there."""

    resources: Mapping[str, Resource]
    """By name; each with the fields that are offered."""
    extensions: tuple[Extension, ...]


def offer(
    resources: Iterable[Resource], extensions: Iterable[Extension], features: frozenset[str], preview: bool
) -> Offer:
    """Give what can be offered on a data plane with these features; with `preview` everything that is declared."""
    listed = tuple(e for e in extensions if preview or e.needs <= features)
    aliases = {None, *(e.alias for e in listed)}
    offered = (
        msgspec.structs.replace(
            resource,
            fields=tuple(f for f in resource.fields if f.extension in aliases),
            has_post=resource.has_post and resource.create_by is not Who.NOBODY,
            has_put=resource.has_put and resource.update_by is not Who.NOBODY,
            has_delete=resource.has_delete and resource.delete_by is not Who.NOBODY,
        )
        for resource in resources
        if resource.extension in aliases
    )
    return Offer({resource.name: resource for resource in offered}, listed)

"""Fields that many resources have: id, name, owner, and Neutron's standard attributes."""

from typing import Any

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, integer, text
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Schema, containers, plain

NAME_LENGTH = 255
DESCRIPTION_LENGTH = 255
LONG_DESCRIPTION_LENGTH = 1024
MAX_TAG_LENGTH = 255
MAX_TAGS = 50
"""Most tags of one thing, as in Neutron."""

ID = Field("id", plain.uuid, post=False, put=False, filter=True, sort=True)
"""Has no column: it is the row's UUID."""
NAME = Field("name", plain.name(NAME_LENGTH), default="", filter=True, sort=True, column=text("name", indexed=True))
PROJECT = Field(
    "project_id",
    plain.string(255),
    default=UNSET,
    put=False,
    filter=True,
    sort=True,
    column=text("project_id", indexed=True),
    alias="tenant_id",
)
"""The owner. Left out, it is the project of the token; only an admin or a service user may name another one."""

DESCRIPTION = Field(
    "description",
    plain.string(DESCRIPTION_LENGTH),
    default="",
    filter=True,
    extension="standard-attr-description",
    column=text("description"),
)
_TIME = {"type": "string", "format": "date-time"}
STAMPS = (
    Field(
        "created_at",
        default=None,
        post=False,
        put=False,
        extension="standard-attr-timestamp",
        column=text("created_at"),
        schema=_TIME,
    ),
    Field(
        "updated_at",
        default=None,
        post=False,
        put=False,
        extension="standard-attr-timestamp",
        column=text("updated_at"),
        schema=_TIME,
    ),
    Field(
        "revision_number",
        default=None,
        post=False,
        put=False,
        filter=True,
        extension="standard-attr-revisions",
        column=integer("revision_number"),
        schema={"type": "integer"},
    ),
)
STANDARD = (DESCRIPTION, *STAMPS)
"""What Neutron calls standard attributes, but for tags: `tags`."""

TAG = plain.string(MAX_TAG_LENGTH)
TAGS = containers.list_of_unique_strings(MAX_TAG_LENGTH)


SHARES = integer("shares")
"""Of what RBAC policies are about: counts the policies that were made for it (rules/rbac.py)."""


def tags(set_by: Who, seen_by: Who, post: bool = False) -> Field:
    """Give the field of tags, which is changed at /COLLECTION/ID/tags; with `post` also given when creating."""
    return Field(
        "tags",
        TAGS,
        default=[],
        post=post,
        put=False,
        filter=True,
        extension="standard-attr-tag",
        column=Column("tags", Type.TEXT, Cardinality.SET, indexed=True),
        create_by=set_by if post else None,
        update_by=set_by,
        seen_by=seen_by,
    )


def computed(name: str, schema: Schema, extension: str | None = None, **more: Any) -> Field:
    """Give a field that only rules set."""
    return Field(name, default=UNSET, post=False, put=False, extension=extension, schema=schema, **more)


def flag(name: str, default: Any, extension: str | None = None, **more: Any) -> Field:
    """Give a field of a truth value, in any spelling that oslo.utils knows."""
    return Field(name, convert=convert.to_boolean, default=default, extension=extension, **more)

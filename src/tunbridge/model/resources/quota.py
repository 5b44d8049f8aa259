"""Quotas: limits of a project, by kind of thing; /quotas/PROJECT, /default and /details."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import common
from tunbridge.model.validators import plain

LIMITED = (
    "network",
    "subnet",
    "subnetpool",
    "port",
    "security_group",
    "security_group_rule",
    "rbac_policy",
    "address_group",
    "router",
    "floatingip",
    "trunk",
    "metering_label",
    "metering_label_rule",
)
"""Kinds of things that have a limit; -1 is none."""
_WITH = {
    "router": "router", "floatingip": "router", "trunk": "trunk",
    "metering_label": "metering", "metering_label_rule": "metering",
}  # fmt: skip
"""Kinds that an extension brings."""


def _limit(resource: str) -> Field:
    return Field(
        resource, plain.range_of(-1, plain.MAX_INTEGER), convert.to_int, post=False, extension=_WITH.get(resource)
    )


QUOTA = Resource(
    name="quota",
    collection="quotas",
    table="Quota",
    extension="quotas",
    key="project_id",
    stored=False,
    fields=(
        *map(_limit, LIMITED),
        common.flag("force", False, "quota-check-limit", post=False, visible=False),
        common.flag("check_limit", False, "quota-check-limit", post=False, visible=False),
    ),
    create_by=Who.NOBODY,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN_OR_MANAGER,
)

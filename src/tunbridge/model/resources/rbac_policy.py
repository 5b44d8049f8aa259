"""RBAC policies: what a project shares with another one, or with all."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import common
from tunbridge.model.tables import Column
from tunbridge.model.validators import plain, ports

RBAC_POLICY = Resource(
    name="rbac_policy",
    collection="rbac_policies",
    table="Rbac_Policy",
    extension="rbac-policies",
    fields=(
        Field("id", plain.uuid, post=False, put=False, filter=True),
        Field(
            "object_type",
            convert=convert.to_object_type,
            put=False,
            filter=True,
            column=Column("object_type", indexed=True),
            schema={"enum": list(convert.SHAREABLE)},
        ),
        Field("object_id", plain.uuid, put=False, filter=True, column=Column("object_id", indexed=True)),
        Field(
            "target_tenant",
            ports.target_project,
            filter=True,
            column=Column("target_project", indexed=True),
            create_by=Who.RBAC_TARGET,
            update_by=Who.RBAC_TARGET,
        ),
        Field(
            "project_id",
            plain.string(255),
            default=common.PROJECT.default,
            put=False,
            filter=True,
            column=common.PROJECT.column,
            alias="tenant_id",
        ),
        Field("action", plain.string(255), put=False, filter=True, column=Column("action")),
    ),
    indexes=(("object_type", "object_id", "action", "target_project"),),
    quota="rbac_policy",
)

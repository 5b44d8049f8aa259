"""What the server makes or finds for users by itself: a project's first network, and subnets with floating IPs."""

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality
from tunbridge.model.validators import plain

_TEXT = {"type": "string"}
_UUID = plain.UUID_SCHEMA

AUTO_ALLOCATED_TOPOLOGY = Resource(
    name="auto_allocated_topology",
    collection="auto_allocated_topologies",
    path="auto-allocated-topology",
    table="Auto_Allocated_Topology",
    extension="auto-allocated-topology",
    key="project_id",
    fields=(
        common.computed("id", _TEXT),
        Field(
            "project_id",
            post=False,
            put=False,
            alias="tenant_id",
            schema=_TEXT,
            column=text("project_id", indexed=True),
        ),
    ),
    columns=(
        ref("network", "Network", Cardinality.OPTIONAL, strong=False),
        ref("router", "Router", Cardinality.OPTIONAL, strong=False),
    ),
    indexes=(("project_id",),),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.ADMIN_OR_MEMBER,
    get_by=Who.ADMIN_OR_READER,
    has_list=False,
)

FLOATINGIP_POOL = Resource(
    name="floatingip_pool",
    collection="floatingip_pools",
    path="floatingip_pools",
    table="Subnet",
    extension="floatingip-pools",
    key="subnet_id",
    stored=False,
    fields=(
        common.computed("subnet_id", _UUID),
        common.computed("subnet_name", _TEXT),
        common.computed("network_id", _UUID),
        common.computed("cidr", _TEXT),
        Field("project_id", post=False, put=False, alias="tenant_id", schema=_TEXT),
    ),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.ADMIN_OR_READER,
)

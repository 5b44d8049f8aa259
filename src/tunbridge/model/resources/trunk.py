"""Trunks: a port whose VM sends and receives the packets of further ports, each with a VLAN tag of its own."""

from msgspec.structs import replace

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, boolean, json, ref
from tunbridge.model.resources import common
from tunbridge.model.validators import plain, ports

TRUNK = Resource(
    name="trunk",
    collection="trunks",
    table="Trunk",
    extension="trunk",
    fields=(
        replace(common.ID, sort=True),
        common.NAME,
        common.flag("admin_state_up", True, filter=True, sort=True, column=boolean("admin_state_up")),
        common.PROJECT,
        Field("port_id", plain.uuid, put=False, filter=True, sort=True, column=ref("port_id", "Port")),
        common.computed("status", {"type": "string"}, filter=True, sort=True),
        Field("sub_ports", ports.sub_ports, default=[], put=False, column=json("sub_ports")),
        *common.STANDARD,
        common.tags(Who.ADMIN_OR_MEMBER, Who.ADMIN_OR_READER),
    ),
    indexes=(("port_id",),),
    tags=True,
    quota="trunk",
)
"""Its sub-ports say for hosts whose they are: `trunk_parent` and `trunk_vlan` of table Port."""

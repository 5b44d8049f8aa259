"""Tap services and tap flows: what a port sends and receives, copied to another port. Their paths are below /taas."""

from msgspec.structs import replace

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, integer, ref, text
from tunbridge.model.resources import common
from tunbridge.model.resources.tap_mirror import DIRECTIONS
from tunbridge.model.tables import Cardinality
from tunbridge.model.validators import plain

_ID = replace(common.ID, sort=False)
_PROJECT = replace(common.PROJECT, check=plain.string(), sort=False)
_DESCRIPTION = Field("description", plain.string(), default="", column=text("description"))
_STATUS = common.computed("status", {"type": "string"})

TAP_SERVICE = Resource(
    name="tap_service",
    collection="tap_services",
    path="taas/tap_services",
    table="Tap_Service",
    extension="taas",
    get_by=Who.ADMIN_OR_MEMBER,
    columns=(
        # For hosts: the port's network, and the tunnel id that copies carry between hosts, in tunnels of any type.
        text("network_id"),
        integer("tunnel_id"),
        ref("segments", "Segment", Cardinality.SET),
    ),
    fields=(
        _ID,
        _PROJECT,
        replace(common.NAME, check=plain.name(), sort=False),
        _DESCRIPTION,
        Field("port_id", plain.uuid, put=False, filter=True, column=ref("port_id", "Port")),
        _STATUS,
    ),
)
TAP_FLOW = Resource(
    name="tap_flow",
    collection="tap_flows",
    path="taas/tap_flows",
    table="Tap_Flow",
    extension="taas",
    get_by=Who.ADMIN_OR_MEMBER,
    columns=(text("network_id"),),  # the source port's, by which hosts ask for the flows that they may come to need
    fields=(
        _ID,
        _PROJECT,
        replace(common.NAME, check=plain.string(), sort=False),
        _DESCRIPTION,
        Field("tap_service_id", plain.uuid, put=False, filter=True, column=ref("tap_service_id", "Tap_Service")),
        Field("source_port", plain.uuid, put=False, filter=True, column=ref("source_port", "Port")),
        Field("direction", plain.values(DIRECTIONS), put=False, filter=True, column=text("direction")),
        _STATUS,
    ),
)

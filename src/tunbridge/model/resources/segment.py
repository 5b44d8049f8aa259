"""Segments: the places on the wires that a network has, in the order in which hosts try them."""

from msgspec.structs import replace

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, integer, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import plain

SEGMENT = Resource(
    name="segment",
    collection="segments",
    table="Network_Segment",
    extension="segment",
    root=False,
    fields=(
        common.ID,
        Field("project_id", plain.string(255), default=UNSET, put=False, visible=False, alias="tenant_id"),
        Field("network_id", plain.uuid, put=False, filter=True, sort=True, column=text("network_id", indexed=True)),
        Field(
            "physical_network",
            plain.string(64),
            default=UNSET,
            put=False,
            filter=True,
            sort=True,
            column=text("physical_network", Cardinality.OPTIONAL),
            schema={"type": ["string", "null"]},
        ),
        Field(
            "network_type",
            plain.string(32),
            put=False,
            filter=True,
            sort=True,
            column=text("network_type", indexed=True),
        ),
        Field(
            "segmentation_id",
            convert=convert.to_int,
            default=UNSET,
            put=False,
            sort=True,
            column=Column("segmentation_id", Type.INTEGER, Cardinality.OPTIONAL),
            schema={"type": ["integer", "null"]},
        ),
        Field(
            "name",
            plain.name_or_none(common.NAME_LENGTH),
            default=UNSET,
            filter=True,
            sort=True,
            column=text("name", Cardinality.OPTIONAL, indexed=True),
        ),
        *(replace(field, extension="standard-attr-segment") for field in common.STANDARD),
    ),
    columns=(
        ref("place", "Segment", Cardinality.OPTIONAL),  # none of a local one
        integer("position"),  # in the network's order
    ),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN,
)

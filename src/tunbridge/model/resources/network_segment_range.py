"""Network segment ranges: VLANs and VNIs that networks are given."""

from msgspec import structs

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, boolean, integer, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality
from tunbridge.model.validators import plain


def _bound(name: str) -> Field:
    return Field(name, plain.range_of(1, 2**32 - 1), convert.to_int, column=integer(name))


def _without_times(field: Field) -> Field:
    """A range of the configuration has never been created: its times are null."""
    if field.name not in ("created_at", "updated_at"):
        return field
    return structs.replace(field, schema={"type": ["string", "null"], "format": "date-time"})


NETWORK_SEGMENT_RANGE = Resource(
    name="network_segment_range",
    collection="network_segment_ranges",
    table="Network_Segment_Range",
    extension="network-segment-range",
    path="network_segment_ranges",
    fields=(
        common.ID,
        common.NAME,
        common.flag("default", False, post=False, put=False, column=boolean("default")),
        common.flag("shared", True, put=False, column=boolean("shared")),
        common.PROJECT,
        Field(
            "network_type",
            plain.values(["vlan", "vxlan", "gre", "geneve"]),
            default=UNSET,
            put=False,
            filter=True,
            column=text("network_type"),
        ),
        Field(
            "physical_network",
            plain.string(64),
            default=UNSET,
            put=False,
            filter=True,
            column=text("physical_network", Cardinality.OPTIONAL),
            schema={"type": ["string", "null"]},
        ),
        _bound("minimum"),
        _bound("maximum"),
        common.computed("used", {"type": "object"}),
        common.computed("available", {"type": "array", "items": {"type": "integer"}}),
        *(_without_times(field) for field in common.STANDARD),
        common.tags(Who.ADMIN, Who.ADMIN),
    ),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN,
    tags=True,
)

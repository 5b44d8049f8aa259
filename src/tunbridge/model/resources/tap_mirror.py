"""Tap mirrors: packets of a port, copied in a GRE or ERSPAN tunnel to a collector. Their paths are below /taas."""

from msgspec.structs import replace

from tunbridge.model.resource import Field, Resource, json, ref, text
from tunbridge.model.resources import common
from tunbridge.model.validators import addresses, containers, plain
from tunbridge.model.validators.containers import Key

IN, OUT, BOTH = DIRECTIONS = ("IN", "OUT", "BOTH")
"""What the port receives, what it sends, and the two with one tunnel id."""
ERSPAN, GRE = TYPES = ("erspanv1", "gre")
LARGEST_ID = {ERSPAN: 2**10 - 1, GRE: 2**32 - 1}
"""The largest tunnel id: the session id of ERSPAN has 10 bits, the key of GRE 32 (RFC 2890)."""

TAP_MIRROR = Resource(
    name="tap_mirror",
    collection="tap_mirrors",
    path="taas/tap_mirrors",
    table="Tap_Mirror",
    extension="tap-mirror",
    columns=(text("network_id"),),  # the port's, by which hosts ask for the mirrors that they may come to need
    fields=(
        replace(common.ID, sort=False),
        common.PROJECT,
        replace(common.NAME, check=plain.name(), sort=False),
        Field("description", plain.string(), default="", column=text("description")),
        Field("port_id", plain.uuid, put=False, filter=True, column=ref("port_id", "Port")),
        Field(
            "directions",
            containers.dictionary({name: Key(plain.integer) for name in DIRECTIONS}),
            put=False,
            extension="tap-mirror-both-direction",
            column=json("directions"),
        ),
        Field("remote_ip", addresses.ip_address, put=False, filter=True, column=text("remote_ip")),
        Field("mirror_type", plain.values(TYPES), put=False, filter=True, column=text("mirror_type")),
    ),
)

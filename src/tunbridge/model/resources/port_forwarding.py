"""Port forwardings: TCP and UDP ports of a floating IP that lead to ports behind a router."""

from typing import Any

from msgspec.structs import replace

from tunbridge.model import convert
from tunbridge.model.resource import Field, Resource, integer, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality
from tunbridge.model.validators import addresses, plain

RANGES = "floating-ip-port-forwarding-port-ranges"
_PORT = plain.range_or_none(1, plain.MAX_PORT)
_RANGE = plain.port_range(1, plain.MAX_PORT)


def _port(name: str, **more: Any) -> Field:
    return Field(
        name, _PORT, convert.to_int_if_not_none, default=None, column=integer(name, Cardinality.OPTIONAL), **more
    )


def _range(name: str, **more: Any) -> Field:
    schema = {"type": ["string", "null"]}
    return Field(
        name,
        _RANGE,
        convert.to_string,
        default=None,
        extension=RANGES,
        column=text(name, Cardinality.OPTIONAL),
        schema=schema,
        **more,
    )


PORT_FORWARDING = Resource(
    name="port_forwarding",
    collection="port_forwardings",
    table="Port_Forwarding",
    extension="floating-ip-port-forwarding",
    parent="floatingip",
    fields=(
        replace(common.ID, sort=True),
        _port("external_port", filter=True, sort=True),
        _port("internal_port"),
        _range("external_port_range", filter=True, sort=True),
        _range("internal_port_range"),
        Field("internal_ip_address", addresses.ip_address, column=text("internal_ip_address")),
        Field(
            "protocol",
            plain.values(convert.IP_PROTOCOLS),
            convert.to_ip_protocol,
            filter=True,
            sort=True,
            column=text("protocol"),
        ),
        Field(
            "internal_port_id",
            plain.uuid,
            filter=True,
            sort=True,
            column=ref("internal_port_id", "Port"),
        ),
        Field(
            "description",
            plain.string(common.LONG_DESCRIPTION_LENGTH),
            default="",
            filter=True,
            extension="floating-ip-port-forwarding-description",
            column=text("description"),
        ),
    ),
    columns=(
        ref("floatingip_id", "Floating_Ip"),
        text("project_id"),
        *map(integer, ("external_first", "external_last", "internal_first", "internal_last")),  # for hosts
    ),
)

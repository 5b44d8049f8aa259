"""Conntrack helpers of routers: protocols that name addresses and ports in what they say, and get them translated."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from tunbridge.model import convert
from tunbridge.model.resource import Field, Resource, integer, ref, text
from tunbridge.model.resources import common
from tunbridge.model.validators import plain


class Carried(NamedTuple):
    """How hosts carry out a helper: Open vSwitch knows it on this port only."""

    protocol: str
    port: int


CARRIED: Mapping[str, Carried] = MappingProxyType({"ftp": Carried("tcp", 21), "tftp": Carried("udp", 69)})
"""The helpers that there are."""

CONNTRACK_HELPER = Resource(
    name="conntrack_helper",
    collection="conntrack_helpers",
    table="Conntrack_Helper",
    extension="l3-conntrack-helper",
    parent="router",
    fields=(
        replace(common.ID, sort=True),
        Field(
            "protocol",
            plain.values(convert.IP_PROTOCOLS),
            convert.to_ip_protocol,
            filter=True,
            sort=True,
            column=text("protocol"),
        ),
        Field(
            "port",
            plain.range_of(1, plain.MAX_PORT),
            convert.to_int,
            filter=True,
            sort=True,
            column=integer("port"),
        ),
        Field("helper", plain.string(64), convert.to_string, filter=True, sort=True, column=text("helper")),
    ),
    columns=(ref("router_id", "Router"), text("project_id")),
)

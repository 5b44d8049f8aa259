"""Flavors of routers, the service profiles behind them, and who carries them out: one provider, Tunbridge itself."""

from typing import Any

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, ref, text
from tunbridge.model.resources import common
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.model.validators import Check, InvalidError, containers, plain

SERVICE_TYPE = "L3_ROUTER_NAT"
"""Neutron's name of what routers do, the only service here whose things may have flavors."""
SERVICE_TYPES = (
    SERVICE_TYPE,
    "CONNTRACKHELPER",
    "CORE",
    "FLAVORS",
    "FLOATINGIPPOOL",
    "LOCAL_IP",
    "LOGGING",
    "METERING",
    "NDPPROXY",
    "NETWORK_SEGMENT_RANGE",
    "PORTFORWARDING",
    "PVLAN",
    "QOS",
)
"""Those for which a flavor may be made, as in Neutron: the services that there are."""
PROVIDER = "tunbridge"


def _refuse_service_type(value: Any) -> None:
    if value not in SERVICE_TYPES:
        raise InvalidError(f"Invalid service type: {value}.", "InvalidServiceType")


_TEXT = {"type": "string"}
_SERVICE_TYPE = Check("type:service_plugin_type", _refuse_service_type, {"enum": list(SERVICE_TYPES)})
_DESCRIPTION = Field(
    "description",
    plain.string_or_none(common.LONG_DESCRIPTION_LENGTH),
    default="",
    filter=True,
    sort=True,
    column=text("description", Cardinality.OPTIONAL),
)
_ENABLED = Field(
    "enabled",
    convert=convert.to_boolean_if_not_none,
    default=True,
    filter=True,
    sort=True,
    column=Column("enabled", Type.BOOLEAN, Cardinality.OPTIONAL),
)

FLAVOR = Resource(
    name="flavor",
    collection="flavors",
    table="Flavor",
    extension="flavors",
    fields=(
        common.ID,
        common.NAME,
        _DESCRIPTION,
        Field("service_type", _SERVICE_TYPE, put=False, filter=True, sort=True, column=text("service_type")),
        Field(
            "service_profiles",
            containers.uuid_list,
            default=[],
            column=ref("service_profiles", "Service_Profile", Cardinality.SET),
        ),
        _ENABLED,
    ),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.READER,
)

SERVICE_PROFILE = Resource(
    name="service_profile",
    collection="service_profiles",
    path="service_profiles",
    table="Service_Profile",
    extension="flavors",
    fields=(
        common.ID,
        _DESCRIPTION,
        Field(
            "driver",
            plain.string(common.LONG_DESCRIPTION_LENGTH),
            default="",
            filter=True,
            sort=True,
            column=text("driver"),
        ),
        Field("metainfo", plain.string(common.LONG_DESCRIPTION_LENGTH), default="", sort=True, column=text("metainfo")),
        _ENABLED,
    ),
    create_by=Who.ADMIN,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN,
)

SERVICE_PROVIDER = Resource(
    name="service_provider",
    collection="service_providers",
    path="service-providers",
    table="Flavor",
    extension="service-type",
    key="name",
    stored=False,
    fields=(
        common.computed("service_type", _TEXT, filter=True),
        common.computed("name", _TEXT, filter=True),
        common.computed("default", {"type": "boolean"}),
    ),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.READER,
)

"""How many addresses a network has, and how many are in use."""

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import common
from tunbridge.model.validators import plain

_COUNT = {"type": "integer", "minimum": 0}

NETWORK_IP_AVAILABILITY = Resource(
    name="network_ip_availability",
    collection="network_ip_availabilities",
    table="Network",
    extension="network-ip-availability",
    stored=False,
    key="network_id",
    fields=(
        common.computed("network_id", plain.UUID_SCHEMA, filter=True, sort=True),
        common.computed("network_name", {"type": "string"}, filter=True),
        Field("project_id", post=False, put=False, filter=True, alias="tenant_id", schema={"type": "string"}),
        common.computed("total_ips", _COUNT),
        common.computed("used_ips", _COUNT),
        common.computed("subnet_ip_availability", {"type": "array", "items": {"type": "object"}}),
        common.computed(
            "ip_availability_details",
            {"type": "object", "additionalProperties": _COUNT},
            "network-ip-availability-details",
        ),
        common.computed("ip_version", {"enum": [4, 6]}, visible=False, filter=True),
    ),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.SERVICE,
)

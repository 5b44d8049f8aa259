"""Agents: the hosts as Neutron shows them, and the availability zones that they are in."""

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import common
from tunbridge.model.validators import plain

_TEXT = {"type": "string"}

AGENT = Resource(
    name="agent",
    collection="agents",
    table="Host",
    extension="agent",
    stored=False,  # hosts write the rows: internal.py
    fields=(
        common.ID,
        *(common.computed(name, _TEXT, filter=True, sort=True) for name in ("agent_type", "binary", "topic", "host")),
        Field("admin_state_up", convert=convert.to_boolean, post=False, filter=True, sort=True),
        *(common.computed(name, _TEXT, sort=True) for name in ("created_at", "started_at", "heartbeat_timestamp")),
        common.computed("alive", {"type": "boolean"}, filter=True, sort=True, convert=convert.to_boolean),
        common.computed("configurations", {"type": "object"}),
        Field("description", plain.string_or_none(255), post=False, filter=True, sort=True),
        common.computed("availability_zone", {"type": ["string", "null"]}, "availability_zone", filter=True),
        common.computed("resources_synced", {"type": ["boolean", "null"]}, "agent-resources-synced"),
    ),
    create_by=Who.NOBODY,
    update_by=Who.ADMIN,
    delete_by=Who.ADMIN,
    get_by=Who.ADMIN,
)

AVAILABILITY_ZONE = Resource(
    name="availability_zone",
    collection="availability_zones",
    table="Host",
    extension="availability_zone",
    stored=False,
    path="availability_zones",
    key="name",
    fields=tuple(common.computed(name, _TEXT, filter=True) for name in ("name", "resource", "state")),
    create_by=Who.NOBODY,
    update_by=Who.NOBODY,
    delete_by=Who.NOBODY,
    get_by=Who.READER,
)

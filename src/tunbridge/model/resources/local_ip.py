"""Local IPs: an address of a network that is on each host another port's; and the ports that have it."""

from msgspec.structs import replace

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource, ref, text
from tunbridge.model.resources import common
from tunbridge.model.validators import addresses, plain

TRANSLATE, PASSTHROUGH = MODES = ("translate", "passthrough")
"""What is sent to the address gets the port's fixed IP, or the VM has the address itself."""

LOCAL_IP = Resource(
    name="local_ip",
    collection="local_ips",
    path="local_ips",
    table="Local_Ip",
    extension="local_ip",
    fields=(
        common.ID,
        common.NAME,
        replace(common.DESCRIPTION, check=plain.string(common.LONG_DESCRIPTION_LENGTH), sort=True, extension=None),
        common.PROJECT,
        Field(
            "local_port_id", plain.uuid, default=UNSET, put=False, filter=True, sort=True,
            column=ref("local_port_id", "Port"),
        ),
        Field(
            "network_id", plain.uuid, default=UNSET, put=False, filter=True, sort=True,
            column=ref("network_id", "Network"),
        ),
        Field(
            "local_ip_address", addresses.ip_address_or_none, default=UNSET, put=False, filter=True, sort=True,
            column=text("local_ip_address"),
        ),
        Field(
            "ip_mode", plain.values(MODES), default=TRANSLATE, put=False, filter=True, sort=True,
            column=text("ip_mode"),
        ),
        *common.STAMPS,
    ),
)  # fmt: skip

PORT_ASSOCIATION = Resource(
    name="port_association",
    collection="port_associations",
    table="Local_Ip_Association",
    extension="local_ip",
    parent="local_ip",
    key="fixed_port_id",
    has_put=False,
    update_by=Who.NOBODY,
    columns=(
        text("project_id"),
        text("network_id", indexed=True),  # by which hosts ask for it
        text("ip_mode"),  # for hosts
    ),
    indexes=(("local_ip_id", "fixed_port_id"),),
    fields=(
        Field(
            "local_ip_id", default=UNSET, post=False, put=False, column=ref("local_ip_id", "Local_Ip"),
            schema=plain.uuid.schema,
        ),
        Field(
            "local_ip_address", default=UNSET, post=False, put=False, filter=True, sort=True, column=text("address"),
            schema=addresses.ip_address.schema,
        ),
        Field(
            "fixed_port_id", plain.uuid, put=False, filter=True, sort=True, column=ref("fixed_port_id", "Port"),
        ),
        Field(
            "fixed_ip", addresses.ip_address_or_none, default=None, put=False, filter=True, sort=True,
            column=text("fixed_ip"),
        ),
        common.computed("host", {"type": "string"}, filter=True, sort=True),
    ),
)  # fmt: skip
"""It stands below its Local IP, by the id of the port."""

"""Tables that no user sees as such: addresses, segments, guards, and what hosts report.

Hosts write only the tables marked `hosts_only`, each its own rows.
"""

from tunbridge.model.resource import boolean, integer, json, ref, text
from tunbridge.model.tables import Cardinality, Column, Table, Type

ADDRESS = Table(
    "Address",
    (ref("subnet", "Subnet"), text("ip_address", indexed=True), ref("network", "Network")),
    indexes=(("subnet", "ip_address"),),
    root=False,
)
"""A fixed IP; it goes with the port that refers to it."""
SEGMENT = Table(
    "Segment",
    (text("network_type"), text("physical_network"), integer("segmentation_id")),
    indexes=(("network_type", "physical_network", "segmentation_id"),),
    root=False,
)
"""A place on the wires, taken by one network; "" and 0 where a type has no such part. Local networks have none."""

QUOTA = Table(
    "Quota",
    (text("project_id", indexed=True), text("resource"), integer("limit")),
    indexes=(("project_id", "resource"),),
)
"""A limit that an admin has set."""
QUOTA_USAGE = Table(
    "Quota_Usage",
    (
        text("project_id", indexed=True),
        text("resource"),
        integer("limit"),
        Column("free", Type.INTEGER, minimum=0),
        Column("debt", Type.INTEGER, minimum=0),
    ),
    indexes=(("project_id", "resource"),),
)
"""What a project still has of a limit: rules/quota.py tells how it is counted."""
DEFAULT_SECURITY_GROUP = Table(
    "Default_Security_Group",
    (text("project_id"), ref("security_group", "Security_Group")),
    indexes=(("project_id",),),
)
"""Which group is a project's default one; there cannot be two."""

DEFAULT_QOS_POLICY = Table(
    "Default_Qos_Policy",
    (text("project_id"), ref("policy", "Qos_Policy")),
    indexes=(("project_id",),),
)
"""Which policy networks of a project are made with; there cannot be two."""

GUARD = Table("Guard", (text("name"), integer("uses")), indexes=(("name",),))
"""Locks for what no index can hold: rules/locks.py."""

HOST = Table(
    "Host",
    (
        text("host", indexed=True),
        text("agent_type"),
        text("binary"),
        text("topic"),
        text("availability_zone", Cardinality.OPTIONAL, indexed=True),
        json("configurations"),
        text("created_at"),
        text("started_at"),
        text("resource_versions", Cardinality.MAP),
    ),
    indexes=(("host", "agent_type"),),
    hosts_only=True,
)
"""A host's agent, as it registers itself; times in ISO 8601, UTC."""
HOST_HEARTBEAT = Table(
    "Host_Heartbeat",
    (text("host"), text("agent_type"), text("heartbeat_at")),
    indexes=(("host", "agent_type"),),
    hosts_only=True,
)
"""When a host's agent last said that it is alive. Hosts do not watch this table: a heartbeat wakes only servers."""
AGENT_SETTING = Table(
    "Agent_Setting",
    (text("host"), text("agent_type"), boolean("admin_state_up"), text("description", Cardinality.OPTIONAL)),
    indexes=(("host", "agent_type"),),
)
"""What an admin has set of an agent."""
AGENT_PLACEMENT = Table(
    "Agent_Placement",
    (text("host"), text("agent_type"), boolean("synced"), text("version"), text("providers")),
    indexes=(("host", "agent_type"),),
)
"""Whether Placement was told what an agent's host has; `version` stands for what the agent said then.
`providers` are the UUIDs of the resource providers that Placement may have of it, with spaces, parents first."""
ALLOCATION_CHANGE = Table(
    "Allocation_Change",
    (text("consumer", indexed=True), integer("generation"), json("steps"), boolean("taken_back")),
    indexes=(("consumer",),),
)
"""Placement is being asked to change what a server has, for a transaction that deletes the row. Where that does not
happen, the change is `taken_back`: rules/allocation_changes.py. `generation` is of the server's allocation before."""
PORT_STATUS = Table(
    "Port_Status",
    (text("host", indexed=True), text("port_id", indexed=True), text("status")),
    indexes=(("host", "port_id"),),
    hosts_only=True,
)
"""What a host says of a port: ACTIVE when it forwards, DOWN, BUILD or ERROR. Likewise of a tap service or flow."""
ADDRESS_LOCATION = Table(
    "Address_Location",
    (
        text("host", indexed=True),
        text("network_id", indexed=True),
        text("address"),
        text("port_id"),
        text("mac_address"),
        integer("claim"),
    ),
    indexes=(("host", "network_id", "address"),),
    hosts_only=True,
)
"""A host has heard a port of its own announce an address that several may have. Of several hosts the one with the
highest `claim` is believed: each counts on from the highest that it knows of."""
MILESTONE = Table("Milestone", (text("name"), integer("number")), indexes=(("name",),))
"""One row, which a server changes after every so many transactions, and all hosts watch: api/milestone_chore.py."""

IDENTITY = Table("Identity", (text("name"), text("value")), indexes=(("name",),))
"""One row: the cloud's id, by which it finds what is its own in services that it tells."""

TABLES = (
    ADDRESS,
    SEGMENT,
    QUOTA,
    QUOTA_USAGE,
    DEFAULT_SECURITY_GROUP,
    DEFAULT_QOS_POLICY,
    GUARD,
    HOST,
    HOST_HEARTBEAT,
    AGENT_SETTING,
    AGENT_PLACEMENT,
    ALLOCATION_CHANGE,
    PORT_STATUS,
    ADDRESS_LOCATION,
    MILESTONE,
    IDENTITY,
)

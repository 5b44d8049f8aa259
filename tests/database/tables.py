"""Tables of every kind of column, small, for the tests of the database room."""

from tunbridge.model.tables import Cardinality, Column, Table, Type

NETWORK = Table(
    "Network",
    (
        Column("name"),
        Column("project_id", indexed=True),
        Column("shared", Type.BOOLEAN),
        Column("segmentation_id", Type.INTEGER, Cardinality.OPTIONAL),
        Column("tags", many=Cardinality.SET, indexed=True),
        Column("options", many=Cardinality.MAP),
        Column("details", Type.JSON),
    ),
)
PORT = Table(
    "Port",
    (
        Column("name"),
        Column("network_id", Type.REF, table="Network", indexed=True),
        Column("mac_address"),
        Column("device_id", many=Cardinality.OPTIONAL, indexed=True),
        Column("groups", Type.REF, Cardinality.SET, table="Group", strong=False, indexed=True),
        Column("revision", Type.INTEGER),
    ),
    indexes=(("network_id", "mac_address"),),
)
ADDRESS = Table(
    "Address",
    (Column("port_id", Type.REF, table="Port", indexed=True), Column("address")),
    indexes=(("address",),),
)
GROUP = Table("Group", (Column("name"),))
QUOTA = Table(
    "Quota",
    (Column("project_id"), Column("left", Type.INTEGER, minimum=0)),
    indexes=(("project_id",),),
)
TABLES = (NETWORK, PORT, ADDRESS, GROUP, QUOTA)

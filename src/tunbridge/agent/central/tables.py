"""The tables of the central database as a host's store keeps them: only with the columns that it reads."""

from msgspec.structs import replace

from tunbridge.agent.central.followed import FOLLOWED, Followed
from tunbridge.model import catalog
from tunbridge.model.tables import Table

_FOR_SERVERS = ("device_owner", "device_id", "project_id", "mac_address", "cidr", "segment_id")
"""Columns that are indexed, though no host finds rows by them."""


def _part(table: Table, followed: Followed) -> Table:
    def is_indexed(name: str, indexed: bool) -> bool:
        return (indexed or name in followed.found_by) and name not in _FOR_SERVERS

    columns = [table.column(name) for name in followed.columns]
    return Table(table.name, tuple(replace(c, indexed=is_indexed(c.name, c.indexed)) for c in columns))


_FOLLOWED = {followed.table: followed for followed in FOLLOWED}
TABLES = tuple(_part(table, _FOLLOWED[table.name]) for table in catalog.tables() if table.name in _FOLLOWED)

"""A server on a database of another version: a newer one, converted under it, or an older one, which it converts."""

import asyncio
import threading
import time
from pathlib import Path

from msgspec.structs import replace

from tests.api.crowd import check_rows, rows_of
from tests.api.serving import serving
from tests.api.test_crashes import UNLIMITED, check_made, creating
from tests.database.members import Member, member
from tests.database.test_connection import database
from tunbridge.database import upkeep
from tunbridge.database.store import Store
from tunbridge.database.transaction import Transaction
from tunbridge.model import catalog
from tunbridge.model.tables import Cardinality, Column, Table, Type
from tunbridge.rules import copies

NOW = tuple(catalog.tables())
NEWER = (
    *(
        replace(t, columns=(*t.columns, Column("to_come", many=Cardinality.SET))) if t.name == "Network" else t
        for t in NOW
    ),
    Table("Balancer", (Column("name"), Column("network_id", Type.REF, Cardinality.OPTIONAL, table="Network"))),
)
LATER = {"Port": ("fixed_ips",), "Port_Binding": ("port_id", "network_id", "claimed")}
"""Columns that the older version does not have, besides `tags`."""


def _older(table: Table) -> Table:
    later = {"tags", *LATER.get(table.name, ())}
    return replace(table, columns=tuple(column for column in table.columns if column.name not in later))


OLDER = tuple(_older(table) for table in NOW if table.name != "Guard")


def test_requests_go_on_while_the_database_is_converted_to_a_newer_version(tmp_path: Path) -> None:
    with serving(tmp_path, networking=UNLIMITED) as cloud:
        remotes = [cloud.database.remote]

        def convert(_over: threading.Event) -> None:
            done = asyncio.run(upkeep.upgrade(remotes, None, NEWER))
            assert done.added == ["Network.to_come", "Balancer"]

        found = creating(cloud.user(), convert)
        assert None not in found.values()
        check_made(cloud.user(), found)
        # What a newer server wrote stays when the older one changes the row.
        network = cloud.user().create("network", name="both")["id"]

        def add(txn: Transaction) -> None:
            txn.update("Network", network, {"to_come": ["kept"]})

        async def write() -> None:
            async with database(*remotes, tables=NEWER) as newer:
                await newer.commit(add)

        async def read() -> tuple[str, ...]:
            async with database(*remotes, tables=NEWER) as newer:
                row = newer.store.get("Network", network)
                assert row is not None and row.name == "renamed"
                return tuple(row.to_come)

        asyncio.run(write())
        cloud.user().update("network", network, name="renamed")
        assert asyncio.run(read()) == ("kept",)


def copy_as_older(rows: Store, made: Member) -> None:
    """Write rows as an older version would have: without what came later."""

    def write(txn: Transaction) -> None:
        for table in OLDER:
            for row in rows.all(table.name):
                txn.insert(table.name, {column.name: getattr(row, column.name) for column in table.columns}, row.id)

    async def run() -> None:
        async with database(made.remote, tables=OLDER) as older:
            await older.commit(write)

    asyncio.run(run())


def test_a_server_converts_an_older_database_and_loses_no_row(tmp_path: Path) -> None:
    with serving(tmp_path, networking=UNLIMITED) as cloud, member(OLDER) as made:
        networks = [cloud.user().create("network")["id"] for _ in range(5)]
        cloud.user().create("subnet", network_id=networks[0], ip_version=4, cidr="10.0.0.0/24")
        port = cloud.user().create("port", network_id=networks[0])
        copy_as_older(rows_of(cloud.database), made)
        cloud.kill()
        cloud.database, cloud.settings["remotes"] = made, [made.remote]
        cloud.start()
        user = cloud.user()
        assert {network["id"] for network in user.list("network")} == set(networks)
        assert user.show("port", port["id"]) == port
        assert user.put(f"/networks/{networks[0]}", {"network": {"name": "new"}}).is_success
        assert user.put(f"/networks/{networks[0]}/tags/new", None).is_success
        user.create("subnet", network_id=networks[0], ip_version=4, cidr="10.0.1.0/24")
        assert user.list("network", tags="new")[0]["id"] == networks[0]
        until_completed(made)
        # A server of the older version goes on for a while, and does not know what hosts need.
        address = write_as_older(made, port["id"])
        until_completed(made)
        check_rows(made)
        row = rows_of(made).get("Port", port["id"])
        assert row is not None and address in row.fixed_ips
        assert "completed" in cloud.log


def write_as_older(made: Member, port: str) -> str:
    """Give a port another address as a server of an older version does; give the address."""
    (subnet,) = [row for row in rows_of(made).all("Subnet") if row.cidr == "10.0.1.0/24"]

    def write(txn: Transaction) -> None:
        row = txn.get("Port", port)
        assert row is not None
        values = {"subnet": subnet.id, "network": subnet.network_id, "ip_address": "10.0.1.99"}
        txn.update("Port", port, {"addresses": (*row.addresses, txn.insert("Address", values))})

    async def run() -> None:
        async with database(made.remote, tables=OLDER) as older:
            await older.commit(write)

    asyncio.run(run())
    return "10.0.1.99"


def until_completed(made: Member) -> None:
    """Wait until a server has written what hosts need and the older version did not write."""
    deadline = time.monotonic() + 30
    while True:
        store = rows_of(made)
        if all(copies.are_right(store, port) for port in store.all("Port")):
            return
        assert time.monotonic() < deadline, "not completed"
        time.sleep(0.05)

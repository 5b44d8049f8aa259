"""Upgrade, copy and verification of a running database, and servers of two versions on one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.database.members import Member, member
from tests.database.tables import GROUP, NETWORK, TABLES
from tests.database.test_connection import database, insert
from tunbridge.database import files, records, upkeep
from tunbridge.database.connection import Database
from tunbridge.database.conversion import SchemaTooOldError
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.database.schema import missing
from tunbridge.model.tables import Cardinality, Column, Table, Type

NEWER = (
    Table(
        "Network", (*NETWORK.columns, Column("mtu", Type.INTEGER), Column("zones", many=Cardinality.SET, indexed=True))
    ),
    *TABLES[1:],
    Table("Router", (Column("name"), Column("network_id", Type.REF, Cardinality.OPTIONAL, table="Network"))),
)
OTHER = (*TABLES, Table("Trunk", (Column("name"),), indexes=(("name",),)))


@pytest.fixture
def server() -> Iterator[Member]:
    with member() as made:
        yield made


async def opened(server: Member, tables: tuple[Table, ...], convert: bool = False) -> Database:
    made = Database(tables, convert)
    await made.start([server.remote])
    return made


def test_an_upgrade_while_all_is_running_loses_no_row_and_both_versions_work_on_it(server: Member) -> None:
    async def run() -> None:
        async with database(server.remote) as old:
            acknowledged = [await old.commit(insert("Network", name=f"before-{n}", tags=["t"])) for n in range(50)]
            done = False

            async def client() -> None:
                while not done:
                    acknowledged.append(await old.commit(insert("Network", name="meanwhile")))
                    assert old.store.get("Network", acknowledged[-1]) is not None, "also just after the conversion"

            writing = asyncio.create_task(client())
            plan = await upkeep.upgrade([server.remote], None, NEWER, plan=True)
            assert plan.added == ["Network.mtu", "Network.zones", "Router"]
            assert old.stats.reconnects == 0
            made = await upkeep.upgrade([server.remote], None, NEWER)
            assert made.added == plan.added
            done = True
            await writing
            new = await opened(server, NEWER)
            await new.wait_ready(10)
            assert {row.id for row in new.store.all("Network")} == set(acknowledged)
            changed = acknowledged[0]
            await new.commit(lambda txn: txn.update("Network", changed, {"mtu": 9000, "zones": ["z"]}))
            await old.commit(lambda txn: txn.update("Network", changed, {"name": "renamed"}))
            await asyncio.gather(old.barrier(), new.barrier())
            row = new.store.get("Network", changed)
            assert row is not None
            assert (row.name, row.mtu, row.zones, row.tags) == ("renamed", 9000, ("z",), ("t",))
            old_row = old.store.get("Network", changed)
            assert old_row is not None and old_row.name == "renamed"
            assert (await upkeep.upgrade([server.remote], None, NEWER)).added == []
            await new.close()

    asyncio.run(run())


def test_a_server_on_an_older_schema_says_what_is_missing_and_comes_up_once_it_is_there(server: Member) -> None:
    async def run() -> None:
        new = await opened(server, NEWER)
        with pytest.raises(DatabaseUnavailable, match=r"lacks .* Network\.mtu, Network\.zones, Router; .*db upgrade"):
            await new.wait_ready(0.5)
        assert not new.ready
        await upkeep.upgrade([server.remote], None, NEWER)
        await new.wait_ready(10)
        await new.close()

    asyncio.run(run())


def test_servers_of_two_branches_that_convert_at_once_both_find_what_they_need(server: Member) -> None:
    async def run() -> None:
        for _ in range(3):
            both = [await opened(server, tables, convert=True) for tables in (NEWER, OTHER)]
            await asyncio.gather(*(db.wait_ready(10) for db in both))
            for db in both:
                await db.close()
        made = await upkeep.check([server.remote], None, (*NEWER, OTHER[-1]))
        assert made.problems == []

    asyncio.run(run())


def test_a_copy_holds_every_row_under_its_id_and_can_be_served(server: Member, tmp_path: Path) -> None:
    async def run() -> dict[str, object]:
        async with database(server.remote) as db:
            for number in range(20):
                network = await db.commit(insert("Network", name=f"n{number}", tags=["a"], options={"k": "v"}))
                await db.commit(insert("Port", network_id=network, mac_address="m"))
            contents = await upkeep.backup([server.remote], None, tmp_path / "copy")
            assert contents.rows["Network"] == contents.rows["Port"] == 20
            with pytest.raises(files.DatabaseFileError, match="nothing was changed"):
                await upkeep.backup([server.remote], None, tmp_path / "copy")
            return {row.id: msgspec.structs.asdict(row) for t in ("Network", "Port") for row in db.store.all(t)}

    async def look(remote: str) -> dict[str, object]:
        async with database(remote) as db:
            return {row.id: msgspec.structs.asdict(row) for t in ("Network", "Port") for row in db.store.all(t)}

    rows = asyncio.run(run())
    assert upkeep.check_file(tmp_path / "copy", TABLES).problems == []
    server.kill()
    (server.folder / "db").unlink()
    files.restore(server.folder / "db", tmp_path / "copy")
    server.start()
    assert asyncio.run(look(server.remote)) == rows
    server.kill()
    clustered = upkeep.check_file(server.folder / "db", TABLES)
    assert clustered.problems == []
    assert clustered.rows == {"Network": 20, "Port": 20}


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_copy_is_told(server: Member, tmp_path: Path, damage: str) -> None:
    async def run() -> None:
        async with database(server.remote) as db:
            await db.commit(insert("Network", name="some text to damage"))
        await upkeep.backup([server.remote], None, tmp_path / "copy")

    asyncio.run(run())
    data = (tmp_path / "copy").read_bytes()
    damaged = {
        "cut": data[:-20],
        "flip": data.replace(b"some text", b"same text"),
        "empty": b"",
        "other": b"#!/bin/sh\n",
    }
    (tmp_path / "damaged").write_bytes(damaged[damage])
    with pytest.raises(records.DamagedFileError):
        records.verify(tmp_path / "damaged")


def test_check_of_a_running_database_counts_rows_and_names_what_an_upgrade_would_add(server: Member) -> None:
    async def run() -> None:
        async with database(server.remote) as db:
            await db.commit(insert("Group", name="g"))
        made = await upkeep.check([server.remote], None, TABLES)
        assert made.problems == []
        assert made.rows["Group"] == 1
        newer = await upkeep.check([server.remote], None, NEWER)
        assert len(newer.problems) == 1 and "Network.mtu" in newer.problems[0]
        other = await upkeep.check([server.remote], None, (Table("Group", (Column("name", Type.BOOLEAN),)),))
        assert "another type" in other.problems[0] and "Group.name" in other.problems[0]

    asyncio.run(run())


def test_missing_names_nothing_for_a_server_that_knows_less() -> None:
    error = SchemaTooOldError("unix:x", {"version": "1.0.0"}, ["Router"])
    assert error.lacking == ["Router"]
    from tunbridge.database.schema import schema_of

    assert missing(schema_of(NEWER), (GROUP,)) == []

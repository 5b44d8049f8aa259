"""`tunbridge db` as it is typed: on the server's own database, running or not, and on one that runs elsewhere."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database.members import Member
from tunbridge.database.connection import Database
from tunbridge.database.server import Embedded
from tunbridge.database.transaction import Transaction
from tunbridge.model import catalog

OLDER = tuple(table for table in catalog.tables() if table.name != "Guard")


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tbdb") as folder:
        yield Path(folder)


def db(place: Path, *arguments: str | Path, status: int = 0) -> str:
    """Run `tunbridge db` with a configuration of its own; give what it printed."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("TUNBRIDGE_")}
    environ |= {"TUNBRIDGE_SERVER_STATE_DIR": f"{place}/state", "TUNBRIDGE_SERVER_RUN_DIR": f"{place}/run"}
    argv = [sys.executable, "-m", "tunbridge", "db", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def network(txn: Transaction) -> str:
    return txn.insert("Network", {"name": "kept"})


def test_a_database_is_made_copied_verified_and_made_anew_from_its_copy(place: Path) -> None:
    assert "there is no database; `tunbridge db create` makes one" in db(place, "check", status=2)
    db(place, "create")

    async def write() -> str:
        served = Embedded(place / "state", place / "run", catalog.tables())
        await served.start()
        database = Database(catalog.tables())
        await database.start([served.remote])
        id = await database.commit(network)
        # While a server serves it, the commands go to that server.
        await asyncio.to_thread(db, place, "backup", place / "copy")
        assert "nothing is wrong" in await asyncio.to_thread(db, place, "check")
        assert database.stats.reconnects == 0
        await database.close()
        await served.close()
        return id

    id = asyncio.run(write())
    assert "nothing was changed" in db(place, "restore", place / "copy", status=2)
    (place / "state" / "db").rename(place / "old")
    db(place, "restore", place / "copy")
    found = db(place, "check")
    assert re.search(r"^  Network +1$", found, re.MULTILINE)

    async def read() -> bool:
        served = Embedded(place / "state", place / "run", catalog.tables())
        await served.start()
        database = Database(catalog.tables())
        await database.start([served.remote])
        await database.wait_ready(10)
        there = database.store.get("Network", id) is not None
        await database.close()
        await served.close()
        return there

    assert asyncio.run(read())


def test_a_running_database_of_an_older_version_is_upgraded(place: Path) -> None:
    member = Member(place, OLDER)
    member.create()
    member.start()
    try:
        assert "+ Guard\n" in db(place, "upgrade", "--plan", "--database", member.remote, status=3)
        assert "+ Guard\n" in db(place, "upgrade", "--database", member.remote)
        assert "nothing to do" in db(place, "upgrade", "--database", member.remote)
    finally:
        member.stop()


def test_a_remote_that_is_misspelt_is_refused_at_once(place: Path) -> None:
    assert "expected unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT" in db(place, "check", "--database", "db", status=2)

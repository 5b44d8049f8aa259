"""The embedded database: made, served, started again, ended with its owner; a full disk; a folder in use."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.database.tables import TABLES
from tests.database.test_connection import database, insert
from tunbridge.database import server as embedded
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.database.server import Embedded, EmbeddedError


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tbdb") as made:  # pytest's own are too long for a socket
        yield Path(made, "central")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Embedded]:
    made = Embedded(folder, folder / "run", TABLES)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


def alive(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_rows_stay_over_a_restart_and_nobody_else_may_enter(folder: Path) -> None:
    async def run() -> None:
        async with running(folder) as server:
            assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / "db").stat().st_mode) == 0o600
            async with database(server.remote) as db:
                await db.commit(insert("Group", name="kept"))
            pid = server.pid
        assert not alive(pid)
        async with running(folder) as server, database(server.remote) as db:
            assert [row.name for row in db.store.all("Group")] == ["kept"]

    asyncio.run(run())


def test_a_killed_ovsdb_server_is_started_again(folder: Path) -> None:
    async def run() -> None:
        async with running(folder) as server, database(server.remote) as db:
            await db.commit(insert("Group", name="before"))
            for _ in range(3):
                pid = server.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                await db.commit(insert("Group", name="after"))
                assert server.pid != pid
            assert db.store.count("Group", "name", "after") == 3

    asyncio.run(run())


def test_a_second_server_on_the_same_folder_is_refused_and_disturbs_nothing(folder: Path) -> None:
    async def run() -> None:
        async with running(folder) as server, database(server.remote) as db:
            with pytest.raises(
                EmbeddedError, match=f"process {os.getpid()} serves the database.* --database {server.remote}"
            ):
                await Embedded(folder, folder / "other", TABLES).start()
            await db.commit(insert("Group", name="undisturbed"))
            assert db.stats.reconnects == 0

    asyncio.run(run())


_OWNER = """
import asyncio, sys
from pathlib import Path
from tests.database.tables import TABLES
from tunbridge.database.server import Embedded

async def run():
    server = Embedded(Path(sys.argv[1]), Path(sys.argv[1], "run"), TABLES)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(run())
"""


def test_it_ends_with_its_owner_also_when_that_is_killed(folder: Path) -> None:
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-c", _OWNER, str(folder)]
    with subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        # The owner's log is on standard output too; the number stands alone on its line.
        pid = next(int(line) for line in owner.stdout if line.strip().isdigit())
        assert alive(pid)
        owner.kill()
        owner.wait()

    async def run() -> None:
        async with running(folder) as server:
            assert server.pid != pid
            assert not alive(pid)

    asyncio.run(run())


def test_what_is_wrong_with_a_folder_is_said(folder: Path) -> None:
    async def refused(path: Path, words: str) -> None:
        with pytest.raises(EmbeddedError, match=words):
            await Embedded(path, path / "run", TABLES).start()

    async def run() -> None:
        await refused(folder / ("x" * 100), "too long for a Unix socket")
        folder.mkdir()
        (folder / "db").write_text("no database")
        await refused(folder, "ovsdb-server does not start: .*db")
        (folder / "file").write_text("")
        await refused(folder / "file", "the database cannot use it")

    asyncio.run(run())


def test_one_that_hangs_is_started_again_and_one_that_is_busy_is_not(folder: Path) -> None:
    async def run() -> None:
        async with running(folder) as server, database(server.remote) as db:
            await db.commit(insert("Group", name="before"))
            first = server.pid
            assert first is not None
            assert await server._what_is_wrong(first) is None
            os.kill(first, signal.SIGSTOP)
            while server.pid in (first, None):
                await asyncio.sleep(0.02)
            await db.commit(insert("Group", name="after"))
            assert sorted(row.name for row in db.store.all("Group")) == ["after", "before"]
            assert not Path(f"/proc/{first}").exists()

    asyncio.run(run())
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert embedded._processor_time(busy.pid) is None
    finally:
        busy.kill()
        busy.wait()


def test_all_its_files_are_its_users_only(folder: Path) -> None:
    async def run() -> dict[str, str]:
        async with running(folder) as server, database(server.remote) as db:
            await db.commit(insert("Group", name="x"))
            return {str(path.relative_to(folder)): f"{path.stat().st_mode & 0o077:o}" for path in folder.rglob("*")}

    found = asyncio.run(run())
    assert {"run/ovsdb-server.pid", "run/db.sock", "run/ctl"} <= found.keys()
    assert {name: mode for name, mode in found.items() if mode != "0"} == {}


@pytest.fixture
def tiny_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("needs root: it mounts a tmpfs")
        pytest.skip("needs root: it mounts a tmpfs")
    with tempfile.TemporaryDirectory(prefix="tbdb") as made:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", made], check=True)
        try:
            yield Path(made)
        finally:
            subprocess.run(["umount", "--lazy", made], check=True)


def test_on_a_full_disk_writes_are_refused_and_go_on_when_there_is_room(
    tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MINIMUM_FREE", 200_000)
    monkeypatch.setattr(embedded, "_WATCH_S", 0.01)

    async def run() -> None:
        async with running(tiny_disk) as server, database(server.remote) as db:
            server.writes_refused = db.refuse_writes
            acknowledged = 0
            with pytest.raises(DatabaseUnavailable, match="is full") as caught:
                while True:
                    await db.commit(insert("Group", name="x" * 1000))
                    acknowledged += 1
            assert not caught.value.outcome_unknown
            await db.barrier()
            assert len(db.store.all("Group")) == acknowledged > 10
            subprocess.run(["mount", "-o", "remount,size=4m", tiny_disk], check=True)
            while True:
                try:
                    await db.commit(insert("Group", name="again"))
                    break
                except DatabaseUnavailable:
                    await asyncio.sleep(0.01)
            assert db.stats.reconnects == 0

    asyncio.run(run())


def test_a_server_that_failed_on_a_full_disk_is_started_again_when_there_is_room(
    tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MINIMUM_FREE", 0)  # not seen coming
    monkeypatch.setattr(embedded, "_WATCH_S", 0.05)
    monkeypatch.setattr("tunbridge.database.connection.OUTCOME_S", 0.3)
    monkeypatch.setattr("tunbridge.database.connection.CONNECT_S", 0.3)

    async def run() -> None:
        async with running(tiny_disk) as server, database(server.remote) as db:
            acknowledged = 0
            with pytest.raises(DatabaseUnavailable):
                while True:
                    await db.commit(insert("Group", name=f"{acknowledged}" + "x" * 1000))
                    acknowledged += 1
            subprocess.run(["mount", "-o", "remount,size=4m", tiny_disk], check=True)
            await db.wait_ready(20)
            await db.commit(insert("Group", name="again"))
            names = [row.name for row in db.store.all("Group")]
            assert len(names) == len(set(names))
            assert acknowledged + 1 <= len(names) <= acknowledged + 2, "the one that was not acknowledged may be there"

    asyncio.run(run())

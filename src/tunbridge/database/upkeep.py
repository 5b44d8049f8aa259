"""What an operator does with a running database: upgrade, copy, verify. `tunbridge db` prints what these give."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tunbridge.database import conversion, files, leader, records
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.database.schema import COMMIT, NAME, Schema, different, merged, missing
from tunbridge.database.session import Session, SessionError, check_remote
from tunbridge.database.store import Store
from tunbridge.model.tables import Cardinality, Table, Type

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

_FIND_S = 15.0
_LOAD_S = 120.0


class Upgrade(msgspec.Struct):
    """What an upgrade adds, or has added."""

    old: str
    new: str
    added: list[str]


class Checked(msgspec.Struct):
    """What a database holds, and what is wrong with it."""

    version: str
    rows: dict[str, int]
    problems: list[str]


@asynccontextmanager
async def _leading(remotes: Sequence[str], tls: "Files | None") -> AsyncIterator[leader.Found]:
    """Give a connection to the leader. Raises DatabaseUnavailable when none is found in some seconds."""
    for remote in remotes:
        check_remote(remote)
    deadline = asyncio.get_running_loop().time() + _FIND_S
    while True:
        try:
            found = await leader.find(remotes, tls, (None, 0))
            break
        except SessionError as e:
            if asyncio.get_running_loop().time() > deadline:
                raise DatabaseUnavailable(str(e)) from e
            await asyncio.sleep(0.2)
    try:
        yield found
    finally:
        found.session.close("done")


async def upgrade(remotes: Sequence[str], tls: "Files | None", tables: Sequence[Table], plan: bool = False) -> Upgrade:
    """Add to the schema what these tables need, while all is running; with `plan` only say what."""
    async with _leading(remotes, tls) as found:
        lacking = missing(found.schema, tables)
        old = str(found.schema.get("version"))
        if plan or not lacking:
            return Upgrade(old, str(merged(found.schema, tables)["version"]) if lacking else old, lacking)
        await conversion.convert(found.session, tables)
    async with _leading(remotes, tls) as found:
        if still := missing(found.schema, tables):
            raise conversion.ConversionError(f"{found.session.remote}: the database still lacks {', '.join(still)}")
        return Upgrade(old, str(found.schema.get("version")), lacking)


async def backup(remotes: Sequence[str], tls: "Files | None", path: Path) -> records.Contents:
    """Copy all rows, as they are at one moment, into a file that `restore` takes; read it back to verify it."""
    if path.exists():
        raise files.DatabaseFileError(f"{path}: there is a file already; nothing was changed")
    async with _leading(remotes, tls) as found:
        return await asyncio.to_thread(_backup, found.session, tls, path)


def _backup(session: Session, tls: "Files | None", path: Path) -> records.Contents:
    argv = ["ovsdb-client", "--timeout=600"]
    if tls is not None:
        argv += [f"--private-key={tls.private_key}", f"--certificate={tls.certificate}", f"--ca-cert={tls.ca_cert}"]
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.absolute().parent) as folder:
        made = Path(folder) / "backup"
        with made.open("wb") as file:
            done = subprocess.run(
                [*argv, "backup", session.remote, NAME], stdout=file, stderr=subprocess.PIPE, check=False
            )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise files.DatabaseFileError(f"{session.remote}: no copy could be made: {said}")
        contents = records.verify(made)
        files.put(made, path)
    return contents


async def check(remotes: Sequence[str], tls: "Files | None", tables: Sequence[Table]) -> Checked:
    """Load everything as a server would, and verify what rows promise each other."""
    async with _leading(remotes, tls) as found:
        schema = found.schema
    problems = _schema_problems(schema, tables)
    known = [table for table in tables if not missing(schema, [table]) and not different(schema, [table])]
    database = Database(known)
    await database.start(remotes, tls)
    try:
        await database.wait_ready(_LOAD_S)
        rows = {table.name: len(database.store.all(table.name)) for table in known}
        return Checked(str(schema.get("version")), rows, problems + _row_problems(database.store, known))
    finally:
        await database.close()


def check_file(path: Path, tables: Sequence[Table]) -> Checked:
    """Verify a file: a backup, or a database that is not running. Raises DamagedFileError."""
    contents = records.verify(path)
    if contents.is_clustered:
        files.tool("check-cluster", path)
    rows = {table: number for table, number in contents.rows.items() if table != COMMIT.name}
    if contents.schema is None:
        return Checked("", rows, [f"{path}: has not joined its cluster yet"])
    return Checked(str(contents.schema.get("version")), rows, _schema_problems(contents.schema, tables))


def _schema_problems(schema: Schema, tables: Sequence[Table]) -> list[str]:
    problems = []
    if lacking := missing(schema, tables):
        problems.append(f"lacks {', '.join(lacking)}, which this version needs: run `tunbridge db upgrade`")
    if other := different(schema, tables):
        problems.append(f"has another type than this version expects in {', '.join(other)}")
    return problems


def _row_problems(store: Store, tables: Sequence[Table]) -> list[str]:
    """Say which references lead nowhere, and which values exist twice; ovsdb-server does not let it come to that."""
    problems = []
    for table in tables:
        references = [c for c in table.columns if c.type is Type.REF and c.many is not Cardinality.NUMBERED and c.table]
        for row in store.all(table.name):
            for column in references:
                for target in _targets(getattr(row, column.name)):
                    if column.table in store.makers and store.get(column.table, target) is None:
                        problems.append(f"{table.name} {row.id}: {column.name} refers to {target}, which is not there")
        for index in table.indexes:
            values = {tuple(getattr(row, name) for name in index) for row in store.all(table.name)}
            if len(values) != len(store.all(table.name)):
                problems.append(f"{table.name}: rows with the same {', '.join(index)}")
    return problems


def _targets(value: Any) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)

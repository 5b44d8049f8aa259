"""Database files, made and examined with `ovsdb-tool`; all of a file is there, or none of it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tunbridge.database.errors import DatabaseError
from tunbridge.database.schema import NAME, Schema, schema_of, text_of
from tunbridge.model.tables import Table

_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class DatabaseFileError(DatabaseError):
    """A database file cannot be made, read or written; the text says why."""


def require_programs() -> None:
    """Find the programs, also where only root's PATH leads. Raises DatabaseFileError."""
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM])
    for program, package in (("ovsdb-server", "openvswitch-common"), ("ovsdb-tool", "openvswitch-common"),
                             ("setpriv", "util-linux")):  # fmt: skip
        if shutil.which(program) is None:
            raise DatabaseFileError(f"{program} is not installed; on Debian and Ubuntu it is in the package {package}")


def tool(*arguments: str | Path) -> str:
    """Run ovsdb-tool and give what it prints. Raises DatabaseFileError with what it says."""
    done = subprocess.run(["ovsdb-tool", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DatabaseFileError(done.stderr.strip() or f"ovsdb-tool {arguments[0]} failed")
    return done.stdout


LOCAL = "unix:raft"
"""Address in its cluster of a member that is alone: nobody else can reach it."""


def create(path: Path, tables: Iterable[Table], local: str = LOCAL) -> None:
    """Make an empty database, the first member of a cluster, at `local` (`ssl:IP:PORT`, `tcp:IP:PORT`)."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_folder(path)) as folder:
        (Path(folder) / "schema").write_bytes(text_of(schema_of(tables)))
        tool("create-cluster", Path(folder) / "db", Path(folder) / "schema", local)
        put(Path(folder) / "db", path)


def join(path: Path, local: str, others: Sequence[str]) -> None:
    """Make a further member at `local` of the cluster of these others; it gets its rows when it is started."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_folder(path)) as folder:
        tool("join-cluster", Path(folder) / "db", NAME, local, *others)
        put(Path(folder) / "db", path)


def restore(path: Path, backup: Path, local: str = LOCAL) -> None:
    """Make a database with the rows of a backup, the first member of a new cluster."""
    name_of(backup)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_folder(path)) as folder:
        tool("create-cluster", Path(folder) / "db", backup, local)
        put(Path(folder) / "db", path)


def put(made: Path, path: Path) -> None:
    """Move a finished file to its place, where there must be none. Raises DatabaseFileError."""
    made.chmod(0o600)
    with made.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(made, path)  # unlike a rename, refuses to replace
    except FileExistsError:
        raise DatabaseFileError(f"{path}: there is a file already; nothing was changed") from None
    except OSError as e:
        raise DatabaseFileError(f"{path}: {e.strerror}") from e
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def name_of(path: Path) -> str:
    """Check that a file holds a database of ours; give its name. Raises DatabaseFileError."""
    name = tool("db-name", path).strip()
    if name != NAME:
        raise DatabaseFileError(f"{path}: holds the database {name}, not {NAME}")
    return name


def schema_in(path: Path) -> Schema:
    """Give the schema of a standalone database file, such as a backup."""
    name_of(path)
    with path.open("rb") as file:
        file.readline()
        schema: Schema = msgspec.json.decode(file.readline())
    return schema


def _folder(path: Path) -> Path:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise DatabaseFileError(f"{folder}: no such folder")
    return folder

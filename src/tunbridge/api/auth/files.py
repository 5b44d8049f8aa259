"""Files that only the server's user may read: read strictly, written whole or not at all, edited one at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunbridge import files
from tunbridge.errors import TunbridgeError


class PrivateFileError(TunbridgeError):
    """A file cannot be read or written, or others may read it."""


def make_directory(path: Path) -> None:
    """Make a directory that only its owner may enter; one that is there is left as it is. Raises PrivateFileError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise PrivateFileError(f"{path}: cannot be made: {e.strerror}") from e


def read_private(path: Path) -> bytes:
    """Read a file that holds a secret. Raises FileNotFoundError and PrivateFileError (also when others may read it)."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise PrivateFileError(f"{path}: others may read it (mode {mode & 0o777:04o}); chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        raise
    except OSError as e:
        raise PrivateFileError(f"{path}: cannot be read: {e.strerror}") from e


def write_private(path: Path, data: bytes, *, new: bool = False) -> bool:
    """Write a file of mode 0600, whole or not at all; a crash leaves the old one.

    With `new` one that is there (another process may just have made it) stays; says whether ours was written. The owner
    of a file that is replaced stays its owner, so that root's `tunbridge user` does not lock the server out.
    Raises PrivateFileError.
    """
    try:
        return files.write_whole(path, data, prepare=lambda descriptor: _keep_owner(path, descriptor), new=new)
    except OSError as e:
        raise PrivateFileError(f"{path}: cannot be written: {e.strerror}") from e


def _keep_owner(path: Path, descriptor: int) -> None:
    """Give the new file the owner of the old one, or of its directory."""
    if os.geteuid() != 0:
        return
    known = path if path.exists() else path.parent
    status = known.stat()
    os.fchown(descriptor, status.st_uid, status.st_gid)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of `path` (a file beside it) against other processes and threads. Raises PrivateFileError."""
    import fcntl  # not on every platform where hosts can be drawn

    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _keep_owner(lock, descriptor)
    except OSError as e:
        raise PrivateFileError(f"{lock}: cannot be opened: {e.strerror}") from e
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

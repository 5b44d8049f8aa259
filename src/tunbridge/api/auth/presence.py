"""Which servers use a directory of users now: each keeps a file there, locked for as long as its process lives."""

import fcntl
import itertools
import os
from contextlib import suppress
from pathlib import Path

from tunbridge.api.auth.files import PrivateFileError, make_directory

_PREFIX = ".used-by-"
_numbers = itertools.count()
"""A process may run several servers."""


class Presence:
    """Tells other processes that a server uses the directory, from `announce` until `close` or the process's end."""

    def __init__(self, directory: Path, url: str) -> None:
        self._path = directory / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        self._url = url
        self._descriptor: int | None = None

    def announce(self) -> None:
        """Begin. Raises PrivateFileError."""
        make_directory(self._path.parent)
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(self._descriptor, self._url.encode())
        except OSError as e:
            raise PrivateFileError(f"{self._path}: cannot be written: {e.strerror}") from e

    def close(self) -> None:
        """End."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def users_of(directory: Path) -> list[str]:
    """Give the URLs of the servers that use a directory; what a killed one left behind is removed."""
    found = []
    for path in sorted(directory.glob(f"{_PREFIX}*")):
        with suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(file.read(4096).decode(errors="replace"))
            else:
                path.unlink(missing_ok=True)
    return found

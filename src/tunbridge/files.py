"""Files written whole or not at all: a reader sees the old one or the new one, and so does who starts after a crash."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_whole(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o600,
    prepare: Callable[[int], None] = lambda _descriptor: None,
    new: bool = False,
) -> bool:
    """Write a file durably in place of the one that is there. Raises OSError; the old file stays then.

    `prepare` gets the descriptor before anything is written. With `new`, a file that is there (another process may just
    have made it) stays; gives whether ours was written.
    """
    made = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)  # which Windows does not have
    try:
        with os.fdopen(os.open(made, flags, 0o600), "wb") as file:
            prepare(file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        made.chmod(mode)
        if not new:
            made.replace(path)
        elif not _link(made, path):
            return False
    finally:
        with suppress(OSError):
            made.unlink()
    _sync(path.parent)
    return True


def _link(made: Path, path: Path) -> bool:
    try:
        os.link(made, path)
    except FileExistsError:
        return False
    return True


def _sync(folder: Path) -> None:
    """Make a folder's entries durable; where folders cannot be opened, the system does."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""Which database this host has believed last, kept over restarts of the agent: the id of its cluster, in one file."""

import contextlib
from pathlib import Path

from tunbridge import files

NAME = "central-database"


class Remembered:
    """The file `central-database` in the agent's `state_dir`. Who deletes it lets the agent believe any database."""

    def __init__(self, state_dir: str) -> None:
        self.path = Path(state_dir) / NAME

    def read(self) -> str | None:
        """The id of the cluster; None when nothing is remembered."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self.path.read_text(encoding="ascii").strip() or None
        return None

    def write(self, cluster: str | None) -> None:
        """Remember another one; None: nothing, since what has no id cannot be told from another. Raises OSError."""
        if cluster is None:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_whole(self.path, f"{cluster}\n".encode("ascii"))

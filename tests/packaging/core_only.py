"""Run `tunbridge` as where only its core is installed, on a platform without POSIX's own modules: for test_core.py."""

import sys
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

ABSENT = {
    # of the extras
    "argon2", "httptools", "httpx", "jwt", "prometheus_client", "starlette", "uvicorn",
    "uvloop", "yaml",
    # for live sources only
    "ovs",
    # not on Windows
    "fcntl", "grp", "pwd", "resource", "termios",
}  # fmt: skip


class Absent(MetaPathFinder):
    """Finds nothing in the place of what is absent."""

    def find_spec(self, name: str, _path: Any = None, _target: ModuleType | None = None) -> None:
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] in ABSENT:
            del sys.modules[loaded]
    sys.meta_path.insert(0, Absent())

    from tunbridge.cli.main import main

    main()

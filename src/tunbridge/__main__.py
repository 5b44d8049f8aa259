"""The `tunbridge` command, and `python -m tunbridge`.

As services, agent and server start without the command line's libraries: to import them takes as long as all the rest.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tunbridge.errors import TunbridgeError


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    if not _is_service(arguments):
        from tunbridge.cli.main import main as command_line

        command_line()
        return
    try:
        _serve(arguments[0], Path(arguments[2]) if arguments[2:] else None)
    except (TunbridgeError, ModuleNotFoundError, BrokenPipeError) as e:
        from tunbridge.cli.main import end

        end(e)


def _serve(what: str, path: Path | None) -> None:
    if what == "server":
        from tunbridge.api import service as server

        server.run(path)
    else:
        from tunbridge.agent import config, service

        service.run(config.config_path(path))


def _is_service(arguments: Sequence[str]) -> bool:
    """Whether this is `tunbridge agent` or `server` with nothing but a configuration, as a service manager calls it."""
    match arguments:
        case ["agent" | "server"]:
            return True
        case ["agent" | "server", "--config" | "-c", config]:
            return bool(config)
    return False


if __name__ == "__main__":
    main()

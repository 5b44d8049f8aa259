"""The `tunbridge` command, and `python -m tunbridge`.

As a service, the agent starts without the command line's libraries: to import them takes twice as long as all the rest.
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
        from tunbridge.agent import config, service

        service.run(config.config_path(Path(arguments[2]) if arguments[2:] else None))
    except (TunbridgeError, ModuleNotFoundError, BrokenPipeError) as e:
        from tunbridge.cli.main import end

        end(e)


def _is_service(arguments: Sequence[str]) -> bool:
    """Whether this is `tunbridge agent` with nothing but a configuration, as a service manager calls it."""
    match arguments:
        case ["agent"]:
            return True
        case ["agent", "--config" | "-c", config]:
            return bool(config)
    return False


if __name__ == "__main__":
    main()

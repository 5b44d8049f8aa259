"""The server as a process: what `tunbridge server` runs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import uvloop

from tunbridge.api import config
from tunbridge.api.server import run as serve
from tunbridge.configuration import server_config
from tunbridge.log import configure


def run(path: Path | None, options: Mapping[str, list[str]] | None = None) -> None:
    """Run until SIGTERM. Raises ConfigurationError, and what `serve` raises.

    `path` None: the usual file, if it is there. `options` stand above it and above the environment.
    """
    settings = config.load(server_config(path), options=options or {})
    log = configure(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, log))

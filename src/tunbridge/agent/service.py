"""The agent as a process: what `tunbridge agent` runs."""

import asyncio
import gc
from pathlib import Path

from tunbridge import log
from tunbridge.agent import config
from tunbridge.agent.engine import serve


def run(path: Path | None) -> None:
    """Run until SIGTERM. Raises ConfigurationError, and what `serve` raises."""
    settings = config.load(path)
    logger = log.configure(settings.log_format, settings.log_level)
    gc.freeze()  # classes and functions stay: no collection needs to look at them
    asyncio.run(serve(settings, logger, lambda: config.load(path)))

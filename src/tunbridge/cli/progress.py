"""A sign of life on a terminal for work that takes longer than a second."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tunbridge.cli import terminal

PATIENCE = 1.0
"""Seconds of silence."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show `what` with a spinner on standard error, if it is a terminal, from the first second on until it is done."""
    if not sys.stderr.isatty():
        yield
        return
    status = terminal.console(stderr=True).status(what)
    timer = threading.Timer(PATIENCE, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()

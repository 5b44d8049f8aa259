"""Structured log lines on standard output, for journald or any collector: logfmt for people, JSON for machines."""

import logging
import re
import sys
from typing import Any

import structlog

from tunbridge.agent.config import LogFormat, LogLevel

Log = structlog.stdlib.BoundLogger
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys or a line ends with: C0 and C1 controls, separators, changes of direction; half surrogates."""


def escaped(_logger: object, _method: str, line: Any) -> str:
    """Give a rendered line with what it must not hold in JSON's notation: names and addresses come from anywhere."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def configure(log_format: LogFormat, level: LogLevel) -> Log:
    """Set up logging for the process and give the logger."""
    renderer: structlog.types.Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
            escaped,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger()
    return log


def silence() -> None:
    """Keep the connections of a command that is no service from telling how they come and go."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

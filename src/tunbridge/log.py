"""Structured log lines on standard output, for journald or any collector: logfmt for people, JSON for machines.

On the standard library's logging, which asyncio loads anyway: a library for this took a quarter of the agent's start.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import Literal

Format = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warning", "error"]
_ROOT = "tunbridge"
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys or a line ends with: C0 and C1 controls, separators, changes of direction; half surrogates."""


class Log:
    """Writes lines of an event and its fields."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, *, exc_info: BaseException | bool | None = None, **fields: object) -> None:
        """Write an error, with the traceback of `exc_info`: an exception, or True for the one that is handled now."""
        self._write(logging.ERROR, event, fields, exc_info)

    def exception(self, event: str, **fields: object) -> None:
        """Write an error with the traceback of the exception that is handled now."""
        self._write(logging.ERROR, event, fields, True)

    def _write(
        self, level: int, event: str, fields: Mapping[str, object], exc_info: BaseException | bool | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event, extra={"fields": fields}, exc_info=exc_info)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "timestamp": f"{moment}.{int(record.created % 1 * 1e6):06}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return escaped(self.render(line))

    def render(self, line: Mapping[str, object]) -> str:
        raise NotImplementedError


class Logfmt(_Formatter):
    """`key=value`, with quotes around values that hold spaces."""

    def render(self, line: Mapping[str, object]) -> str:
        return " ".join(f"{key}={_logfmt(value)}" for key, value in line.items())


class Json(_Formatter):
    """An object in each line; what JSON has no form for is a text."""

    def render(self, line: Mapping[str, object]) -> str:
        return json.dumps(line, ensure_ascii=False, default=repr)


def _logfmt(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    quoted = any(char in text for char in ' ="')
    if quoted:
        text = text.replace("\\", "\\\\")
    text = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"' if quoted else text


def escaped(line: str) -> str:
    """Give a rendered line with what it must not hold in JSON's notation: names and addresses come from anywhere."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def get(name: str = _ROOT) -> Log:
    """The logger of a module of this package; before `configure` it writes only warnings and errors."""
    return Log(logging.getLogger(name))


def configure(log_format: Format, level: Level) -> Log:
    """Set up logging for the process and give the logger."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Json() if log_format == "json" else Logfmt())
    _use(handler, level.upper())
    return get()


def silence() -> None:
    """Keep the connections of a command that is no service from telling how they come and go."""
    _use(logging.NullHandler(), logging.CRITICAL)


def _use(handler: logging.Handler, level: int | str) -> None:
    root = logging.getLogger(_ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False

"""Reading a configuration: one TOML file, every setting also as an environment variable.

Unknown keys, unknown variables and wrong types are refused by name: a typing error must not silently become a default.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tunbridge.errors import TunbridgeError

T = TypeVar("T", bound=msgspec.Struct)
SERVER_CONFIG = Path("/etc/tunbridge/server.toml")


class ConfigurationError(TunbridgeError):
    """The configuration cannot be used; the text names the file or variable, the key, and what was expected."""

    exit_status = 2


def server_config(path: Path | None) -> Path | None:
    """The file of the server's configuration; where none is named, the usual one, if it is there."""
    return path if path is not None or not SERVER_CONFIG.exists() else SERVER_CONFIG


def load(kind: type[T], path: Path | None, prefix: str, environ: Mapping[str, str]) -> T:
    """Read settings from `path` (None: none), and from variables that begin with `prefix`, which go before.

    A variable's value is what would stand right of `=` in the file; a string needs no quotes. Raises
    ConfigurationError.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as e:
            raise ConfigurationError(f"{path}: cannot be read: {e.strerror}") from e
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise ConfigurationError(f"{path}: not TOML: {e}") from e
    origin = {key: f"{path}: {key}" for key in values}
    for variable, text in environ.items():
        if variable.startswith(prefix):
            key = variable.removeprefix(prefix).lower()
            values[key] = _from_environment(text)
            origin[key] = variable
    for key in values:
        if key not in kind.__struct_fields__:
            known = ", ".join(sorted(kind.__struct_fields__))
            raise ConfigurationError(f"{origin[key]}: no such setting; known are: {known}")
    return _convert(kind, values, origin, path, prefix)


def _from_environment(text: str) -> Any:
    """A TOML value, or else the text itself as a string."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _convert(kind: type[T], values: dict[str, Any], origin: Mapping[str, str], path: Path | None, prefix: str) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as e:
        what, _, where = str(e).partition(" - at `$")
        missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
        if missing and not where:
            raise ConfigurationError(
                f"{path or 'no configuration file'}: the required setting {missing[1]} is missing"
                f" (in the environment it would be {prefix}{missing[1].upper()})"
            ) from e
        key = where.strip("`.").split("[")[0].split(".")[0]
        place = origin.get(key, str(path) if path else "environment")
        raise ConfigurationError(f"{place}{where.rstrip('`').removeprefix('.' + key)}: {what}") from e

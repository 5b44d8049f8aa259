"""Values of options and arguments that are right as they are, or all but.

What Typer converts values with (Pydantic) takes longer to load than most commands run. So it is loaded for the other
values only, and for what is wrong: the errors are Typer's.
"""

import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

_OTHER = ("parser", "exists", "resolve_path", "allow_dash", "writable", "path_type", "clamp")
"""What may be asked of a value besides type, range, and that a file can be read."""
_CONVERT = object()


def light(parameter: Any) -> Any:
    """Have a parameter load Typer's conversion only for a value that needs it.

    Other versions of Typer, which have no such, convert all values themselves.
    """
    convert, descriptor = getattr(parameter, "get_runtime_param", None), getattr(parameter, "type_descriptor", None)
    is_known = hasattr(descriptor, "annotation") and hasattr(descriptor, "parameter_info")
    if convert is not None and is_known and not isinstance(convert, _Light):
        parameter.get_runtime_param = _Light(convert, descriptor)
    return parameter


class _Light:
    """Stands for Typer's own conversion of a parameter, which is made when it is needed."""

    def __init__(self, convert: Callable[[], Any], descriptor: Any) -> None:
        self._convert = convert
        self._wanted = descriptor.annotation
        self._info = descriptor.parameter_info

    def __call__(self) -> "_Light":
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Give the value as the command is to get it. Raises typer.BadParameter."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        found = _CONVERT if any(getattr(self._info, name, None) for name in _OTHER) else _plain(self._wanted, value)
        if found is _CONVERT or not self._is_in_range(found):
            return self._convert().coerce(value, param=param, ctx=ctx)
        return found

    def _is_in_range(self, value: Any) -> bool:
        least, most = getattr(self._info, "min", None), getattr(self._info, "max", None)
        return (least is None or value >= least) and (most is None or value <= most)


def _plain(wanted: Any, value: Any) -> Any:
    """Give the value in the type that is wanted where that is plain to see, else _CONVERT."""
    if wanted == list[str]:
        is_plain = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        return list(value) if is_plain else _CONVERT
    if not isinstance(wanted, type):
        return _CONVERT
    if isinstance(value, wanted):
        return value
    if wanted is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, str):
        return _CONVERT
    if wanted is Path:
        return Path(value) if os.access(value, os.R_OK) or not os.path.lexists(value) else _CONVERT
    if wanted is int and value.isascii() and value.isdecimal():
        return int(value)
    if issubclass(wanted, Enum):
        return next((one for one in wanted if one.value == value), _CONVERT)
    return _CONVERT

"""What could not be checked because the source of a host cannot hold it: a database file tells no errors."""

from collections.abc import Iterator

from tunbridge.inspect.checks.view import View
from tunbridge.inspect.model import NotChecked

_NEEDS = {
    "interface-error": "error",
}
"""Code -> the attribute that it is about."""


def not_told(view: View) -> Iterator[NotChecked]:
    """Say which checks had no input, host by host."""
    for host in view.given:
        for code, attribute in _NEEDS.items():
            if attribute in host.not_told:
                yield NotChecked(code=code, host=host.name, reason=f"its source does not tell `{attribute}`")

"""Where text goes: consoles that respect --color and NO_COLOR, and errors on standard error."""

import os
import sys
from enum import StrEnum

from rich.console import Console
from rich.text import Text


class Color(StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


_color = Color.auto


def set_color(color: Color) -> None:
    """Decide for the rest of the run."""
    global _color
    _color = color


def console(stderr: bool = False) -> Console:
    """Give a console for standard output (or error). It never interprets markup: what it prints may be hostile."""
    return Console(
        stderr=stderr,
        force_terminal=True if _color is Color.always else None,
        no_color=True if _color is Color.never else None,
        color_system=None if _color is Color.never else "auto",
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )


def printable(text: str) -> str:
    """Make `text` safe for a terminal: control characters, escape sequences and bidi overrides become visible."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or (c.isprintable() and c not in _BIDI) else _visible(c) for c in text)


_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _visible(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def error(text: str) -> None:
    """Print one error on standard error."""
    console(stderr=True).print(Text("tunbridge: error: ", style="bold red").append(printable(text), style="not bold"))


def silence() -> None:
    """Point standard output at /dev/null, so that the interpreter does not complain about a closed pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

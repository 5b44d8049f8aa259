"""Names made safe to show: a dump is hostile input, and a picture must not lie, break or reach the terminal's controls.

Whatever is invisible, changes the direction of text, combines with its neighbours or controls a terminal comes out as a
visible escape (`\\x1b`, `\\u202e`). What is left takes one or two cells per character, whatever stands next to it; so
widths can be summed, and a text can be cut anywhere.
"""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Mc", "Zl", "Zp"})
_JOINING = ((0x1100, 0x11FF), (0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))
"""Conjoining Hangul, flags and skin tones: what they look like, and how wide, depends on their neighbours."""


@lru_cache(maxsize=4096)
def _shown(char: str, is_ascii: bool) -> str:
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return char
    is_hidden = (
        is_ascii
        or unicodedata.category(char) in _HIDDEN
        or (char != " " and char.isspace())
        or cell_len(char) == 0
        or any(low <= code <= high for low, high in _JOINING)
    )
    if not is_hidden:
        return char
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str, is_ascii: bool = False) -> str:
    """Give `text` with everything that is not plainly visible escaped; with `is_ascii`, everything beyond ASCII too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char, is_ascii) for char in text)


@lru_cache(maxsize=16384)
def cells(text: str) -> int:
    """Give the number of terminal cells that `text`, already visible, takes."""
    return len(text) if text.isascii() else sum(cell_len(char) for char in text)


def shorten(text: str, limit: int, ellipsis: str = "…") -> str:
    """Cut the middle out of `text` so that it takes at most `limit` cells: both ends of a name tell it apart.

    `text` is already visible. A limit too small for the ellipsis gives the beginning only.
    """
    if cells(text) <= limit:
        return text
    room = limit - cells(ellipsis)
    if room < 2:
        return _head(text, max(limit, 0))
    tail = _head(text[::-1], room // 2)[::-1]
    return _head(text, room - cells(tail)) + ellipsis + tail


def clip(text: str, limit: int, ellipsis: str = "…") -> str:
    """Cut the end off `text` so that it takes at most `limit` cells: for a list, whose beginning matters most."""
    if cells(text) <= limit:
        return text
    room = limit - cells(ellipsis)
    return _head(text, room).rstrip() + ellipsis if room > 0 else _head(text, max(limit, 0))


def wrap(text: str, limit: int, most: int, ellipsis: str = "…") -> list[str]:
    """Break visible `text` between words into at most `most` lines of `limit` cells; the last may be cut."""
    lines: list[str] = []
    for word in text.split(" ") if text and limit > 0 else []:
        if lines and cells(lines[-1]) + 1 + cells(word) <= limit:
            lines[-1] += f" {word}"
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
            break
    return [clip(line, limit, ellipsis) for line in lines]


def _head(text: str, limit: int) -> str:
    taken = 0
    for index, char in enumerate(text):
        taken += cells(char)
        if taken > limit:
            return text[:index]
    return text

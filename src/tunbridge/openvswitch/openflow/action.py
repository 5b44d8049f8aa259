"""What every action is written with."""

import re
import struct

from tunbridge.openvswitch.openflow.fields import UnknownError
from tunbridge.openvswitch.openflow.wire import NICIRA

_MARK = re.compile(r"[(),]")


def split(text: str) -> list[str]:
    """Split at the commas that no parenthesis or bracket encloses. Raises UnknownError."""
    if "(" not in text:
        return text.split(",") if text else []
    parts, depth, start = [], 0, 0
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
        elif depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    if depth:
        raise UnknownError(f"parentheses do not close: {text!r}")
    return [*parts, text[start:]]


def integer(text: str, bits: int) -> int:
    """Read a number that fits into so many bits. Raises UnknownError."""
    try:
        found = int(text, 0)
    except ValueError:
        raise UnknownError(f"not a number: {text!r}") from None
    if found < 0 or found >> bits:
        raise UnknownError(f"{text} does not fit into {bits} bits")
    return found


def nicira(subtype: int, body: bytes) -> bytes:
    """Give one action of the Nicira extension: header, body, zeros up to a multiple of 8 bytes."""
    size = (10 + len(body) + 7) // 8 * 8
    return (struct.pack("!HHIH", 0xFFFF, size, NICIRA, subtype) + body).ljust(size, b"\0")

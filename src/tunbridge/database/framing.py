"""Where one JSON object ends and the next begins in a stream of them, which OVSDB sends without separators.

Braces are counted, without those in strings. Every step over the bytes is one call of `bytes`, so that a snapshot of
50 MB costs some 0.1 s in all, and no more than its chunk at a time. What is inside an object is left to the decoder.
"""

import re

_SPACE = b" \t\r\n"
_OTHERS = bytes(set(range(256)) - set(b'{}"'))
_BETWEEN = re.compile(rb"\}(?=[ \t\r\n]*\{)")
"""Where an object can end before the data does: inside of one, a comma would stand between (or it is in a string)."""
_OPEN = ord("{")


class FramingError(Exception):
    """What comes is no sequence of JSON objects."""


class Framer:
    """Cuts a stream into JSON objects."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        """Of the object that has begun."""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        """The last byte was a backslash that belongs with the next one."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; give the objects that are complete by now. Raises FramingError."""
        messages = []
        start = 0
        for end in self._ends(data):
            messages.append(self._begun(b"".join([*self._parts, data[start:end]])))
            self._parts.clear()
            start = end
        if start < len(data):
            rest = data[start:] if self._parts else data[start:].lstrip(_SPACE)
            if rest:
                self._parts.append(rest if self._parts else self._begun(rest))
        return messages

    def _begun(self, message: bytes) -> bytes:
        message = message.lstrip(_SPACE)
        if message[0] != _OPEN:
            raise FramingError(f"expected a JSON object, found {message[:40]!r}")
        return message

    def _ends(self, data: bytes) -> list[int]:
        """Give where in `data` objects end, and keep the state after it."""
        ends = []
        start = 0
        for end in (*(match.end() for match in _BETWEEN.finditer(data)), len(data)):
            braces, self._in_string, self._escaped = _braces(data[start:end], self._in_string, self._escaped)
            self._depth += braces.count(b"{") - braces.count(b"}")
            if self._depth < 0:
                raise FramingError("a closing brace too many")
            if self._depth == 0 and braces:
                ends.append(end)
            start = end
        return ends


def _braces(data: bytes, in_string: bool, escaped: bool) -> tuple[bytes, bool, bool]:
    """Give the braces outside of strings, and whether data ends in a string, and in the middle of an escape."""
    if escaped:
        data = data[1:]
        if not data:
            return b"", in_string, False
        escaped = False
    if b"\\" in data:
        escaped = bool((len(data) - len(data.rstrip(b"\\"))) % 2)
        if escaped:
            data = data[:-1]
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    # Two quotes side by side are a string without braces, or join two strings: either way they can go.
    pieces = data.translate(None, _OTHERS).replace(b'""', b"").split(b'"')
    outside = b"".join(pieces[1::2] if in_string else pieces[::2])
    return outside, in_string ^ (len(pieces) % 2 == 0), escaped

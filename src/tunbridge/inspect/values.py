"""The values that `ovs-vsctl show` prints: strings, bare or quoted as in JSON; integers, sets of them, and maps.

Source: ovsdb_atom_to_string() and ovsdb_datum_to_string() of Open vSwitch; they are described in ovs-vsctl(8) under
"Database Values". A value may have been cut off at the end of a line: what is whole of it is taken.
"""

import json
import re

_PAIR = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s=,{}"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,{}"]*)\s*(,|$)', re.DOTALL)
_PLAIN = re.compile(r'([\w-]+)=(?:"([^"\\]*)"|([\w.:/-]+))(?:, |\}$)')
"""A pair as printed: those that follow each other without a gap are read at once."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class BadValueError(Exception):
    """A value is not of the form that its key has; the text says what was expected."""


def string(text: str | None) -> str:
    """Read one string, bare or quoted; one whose closing quote was cut off is taken as far as it goes."""
    if not text:
        return ""
    if not text.startswith('"'):
        return text
    body = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return unescape(body) if "\\" in body else body


def unescape(body: str) -> str:
    """Resolve the escapes of a quoted string; unpaired surrogates, which no output could carry, are replaced."""
    try:
        plain: str = json.loads(f'"{body}"', strict=False)
    except ValueError:  # cut off, or not written by Open vSwitch: resolve what can be
        plain = _ESCAPED.sub(_resolve, body)
    return _SURROGATE.sub("\ufffd", plain)


def _resolve(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _CONTROL.get(code, code)


def integer(text: str | None) -> int | None:
    """Read an optional VLAN number. Raises BadValueError."""
    text = (text or "").strip("[] ")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 4095 and len(text) <= 6):
        raise BadValueError("a VLAN number from 0 to 4095")
    return int(text)


def integers(text: str | None) -> list[int]:
    """Read a set of VLAN numbers, `[1, 2]` or a single one. Raises BadValueError."""
    values = [integer(part) for part in (text or "").strip("[] ").split(",") if part.strip()]
    return [value for value in values if value is not None]


def mapping(text: str | None) -> dict[str, str]:
    """Read `{key=value, key="value"}`; a pair that was cut off at the end is left out. Raises BadValueError."""
    text = (text or "").strip()
    if not text.startswith("{"):
        if text:
            raise BadValueError("{key=value, ...}")
        return {}
    if (plain := _plain(text)) is not None:
        return plain
    cut = not text.endswith("}")
    body = text[1:] if cut else text[1:-1]
    pairs: dict[str, str] = {}
    position = 0
    while position < len(body):
        match = _PAIR.match(body, position)
        if match is None:
            if cut or not body[position:].strip(" ,"):
                break
            raise BadValueError("{key=value, ...}")
        if not (cut and match[3] != ","):
            pairs[string(match[1])] = string(match[2])
        position = match.end()
    return pairs


def _plain(text: str) -> dict[str, str] | None:
    """Return the pairs of a map that is as printed, without escapes; None for any other."""
    pairs: dict[str, str] = {}
    position = 1
    while match := _PLAIN.match(text, position):
        key, quoted, bare = match.groups()
        pairs[key] = quoted if bare is None else bare
        position = match.end()
    return pairs if position == len(text) and pairs else None

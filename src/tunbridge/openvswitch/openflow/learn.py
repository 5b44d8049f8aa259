"""The `learn` action: a flow that adds flows (`lib/learn.c`, ovs-actions(7))."""

import struct

from tunbridge.openvswitch.openflow.action import integer, nicira, split
from tunbridge.openvswitch.openflow.fields import BY_NAME, UnknownError, subfield, value

_NUMBERS = {
    "idle_timeout": 16, "hard_timeout": 16, "priority": 16, "cookie": 64, "table": 8, "fin_idle_timeout": 16,
    "fin_hard_timeout": 16, "limit": 32,
}  # fmt: skip
_FLAGS = {"send_flow_rem": 1, "delete_learned": 2}


def learn(inner: str) -> bytes:
    """Encode what stands between the parentheses. Raises UnknownError."""
    numbers, flags, specs, result = {"priority": 32768, "table": 1}, 0, b"", None
    for part in split(inner):
        name, _, text = part.partition("=")
        if name in _NUMBERS:
            numbers[name] = integer(text, _NUMBERS[name])
        elif part in _FLAGS:
            flags |= _FLAGS[part]
        elif name == "result_dst":
            result = subfield(text)
            flags |= 4
        else:
            specs += _spec(part)
    n = numbers.get
    body = struct.pack(
        "!HHHQHBxHH", n("idle_timeout", 0), n("hard_timeout", 0), n("priority"), n("cookie", 0), flags, n("table"),
        n("fin_idle_timeout", 0), n("fin_hard_timeout", 0),
    )  # fmt: skip
    if result is None and not n("limit"):
        return nicira(16, body + specs)
    body += struct.pack("!IH2x", n("limit", 0), result.offset if result else 0)
    return nicira(45, body + (result.field.header if result else b"") + specs)


_IMMEDIATE, _TO_LOAD, _TO_OUTPUT = 1 << 13, 1 << 11, 2 << 11


def _spec(part: str) -> bytes:
    """Encode one of `FIELD`, `FIELD=FIELD`, `FIELD=value`, `load:…->FIELD`, `output:FIELD`."""
    if part.startswith("output:"):
        source = subfield(part.removeprefix("output:"))
        return struct.pack("!H", source.bits | _TO_OUTPUT) + source.field.header + struct.pack("!H", source.offset)
    if part.startswith("load:"):
        text, _, name = part.removeprefix("load:").partition("->")
        return _copy(text, name, _TO_LOAD)
    name, equals, text = part.partition("=")
    return _copy(text if equals else name, name, 0)


def _copy(text: str, name: str, flag: int) -> bytes:
    destination = subfield(name)
    end = destination.field.header + struct.pack("!H", destination.offset)
    if text[:1].isalpha() and text.partition("[")[0] in BY_NAME:
        source = subfield(text)
        if source.bits != destination.bits:
            raise UnknownError(f"{text} and {name} differ in width")
        return struct.pack("!H", destination.bits | flag) + source.field.header + \
            struct.pack("!H", source.offset) + end  # fmt: skip
    whole = destination.bits == destination.field.bits and not flag
    number = value(destination.field, text)[0] if whole else integer(text, destination.bits)
    size = (destination.bits + 15) // 16 * 2
    return struct.pack("!H", destination.bits | flag | _IMMEDIATE) + number.to_bytes(size) + end

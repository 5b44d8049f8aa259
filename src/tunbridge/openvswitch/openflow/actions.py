"""Actions: from the canonical text of Open vSwitch to instructions on the wire (ovs-actions(7), `lib/ofp-actions.c`).

An action that is not known here raises UnknownError: `translate.py` then asks `ovs-ofctl` for its bytes.
"""

import functools
import struct
from collections.abc import Callable

from tunbridge.openvswitch.openflow.action import integer, nicira, split
from tunbridge.openvswitch.openflow.fields import BY_NAME, UnknownError, port, subfield, value
from tunbridge.openvswitch.openflow.learn import learn
from tunbridge.openvswitch.openflow.wire import PORTS, padded, prop

# Instructions, section 7.2.4
GOTO_TABLE, WRITE_METADATA, WRITE_ACTIONS, APPLY_ACTIONS, CLEAR_ACTIONS, METER = 1, 2, 3, 4, 5, 6
NO_TABLE = 0xFF
_INSTRUCTIONS = ("goto_table:", "write_metadata:", "write_actions(", "clear_actions", "meter:")
_PLAIN = {"pop_vlan": 18, "dec_mpls_ttl": 16}
_NICIRA_PLAIN = {"exit": 17, "pop_queue": 5, "ct_clear": 43}
_NUMBERED = {"group": 22, "set_queue": 21}
_ETHERTYPE = {"push_vlan": 17, "push_mpls": 19, "pop_mpls": 20}
REASONS = ("no_match", "action", "invalid_ttl", "action_set", "group", "packet_out")
_HASHES = (
    "eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3",
)  # fmt: skip
_ALGORITHMS = ("active_backup", "hrw")
_LINKS = ("modulo_n", "hash_threshold", "hrw", "iter_hash")
_ALGS = {"ftp": 21, "tftp": 69}


@functools.lru_cache(16384)
def instructions(text: str) -> bytes:
    """Give the instructions that the text after `actions=` stands for. Raises UnknownError."""
    if text == "drop":
        return b""
    parts = split(text)
    others = [part for part in parts if part.startswith(_INSTRUCTIONS)]
    if not others:
        return _with_actions(APPLY_ACTIONS, parts)
    found = [_instruction(part) for part in others]
    applied = [part for part in parts if part not in others]
    if applied:
        found.append((APPLY_ACTIONS, _with_actions(APPLY_ACTIONS, applied)))
    # The order in which a switch executes them
    order = (METER, APPLY_ACTIONS, CLEAR_ACTIONS, WRITE_ACTIONS, WRITE_METADATA, GOTO_TABLE)
    found.sort(key=lambda pair: order.index(pair[0]))
    return b"".join([data for _, data in found])


def _with_actions(kind: int, parts: list[str]) -> bytes:
    body = b"".join([_action(part) for part in parts])
    return struct.pack("!HH4x", kind, 8 + len(body)) + body


def _instruction(part: str) -> tuple[int, bytes]:
    name, _, argument = part.partition(":")
    if part.startswith("write_actions("):
        return WRITE_ACTIONS, _with_actions(WRITE_ACTIONS, split(_inner(part)))
    match name:
        case "goto_table":
            return GOTO_TABLE, struct.pack("!HHB3x", GOTO_TABLE, 8, integer(argument, 8))
        case "meter":
            return METER, struct.pack("!HHI", METER, 8, integer(argument, 32))
        case "write_metadata":
            number, slash, mask = argument.partition("/")
            bits = integer(mask, 64) if slash else 0xFFFFFFFFFFFFFFFF
            return WRITE_METADATA, struct.pack("!HH4xQQ", WRITE_METADATA, 24, integer(number, 64), bits)
        case _:
            return CLEAR_ACTIONS, struct.pack("!HH4x", CLEAR_ACTIONS, 8)


def encode(text: str) -> bytes:
    """Give a list of actions as on the wire. Raises UnknownError."""
    return b"".join([_action(part) for part in split(text)])


@functools.lru_cache(16384)
def _action(text: str) -> bytes:
    head = text.partition("(")[0]
    if len(head) < len(text) and ":" not in head:
        if head in _BRACKETED:
            return _BRACKETED[head](_inner(text))
        if text.startswith("check_pkt_larger("):
            return _check_pkt_larger(text)
        raise UnknownError(f"no action {head!r}")
    name, _, argument = text.partition(":")
    if name in _COLON:
        return _COLON[name](argument)
    if text == "ct":
        return _ct("")
    if name in _PLAIN:
        return struct.pack("!HH4x", _PLAIN[name], 8)
    if name in _NICIRA_PLAIN:
        return nicira(_NICIRA_PLAIN[name], bytes(6))
    if name == "dec_ttl":
        return struct.pack("!HH4x", 24, 8)
    if name in _NUMBERED:
        return struct.pack("!HHI", _NUMBERED[name], 8, integer(argument, 32))
    if name in _ETHERTYPE:
        return struct.pack("!HHH2x", _ETHERTYPE[name], 8, integer(argument, 16))
    if name in PORTS and name != "CONTROLLER":
        return output(PORTS[name])
    raise UnknownError(f"no action {text!r}")


def _inner(text: str) -> str:
    """Give what stands between the parentheses. Raises UnknownError."""
    if not text.endswith(")"):
        raise UnknownError(f"no action {text!r}")
    return text[text.index("(") + 1 : -1]


def output(number: int, max_len: int = 0) -> bytes:
    """Give the action that sends the packet to a port; `max_len` in bytes, for the controller."""
    return struct.pack("!HHIH6x", 0, 16, number, max_len)


def _output(argument: str) -> bytes:
    if argument[:1].isdigit() or argument in PORTS:
        return output(port(argument))
    source = subfield(argument)
    return nicira(15, struct.pack("!H", source.packed) + source.field.header + struct.pack("!H6x", 0xFFFF))


def _truncated(inner: str) -> bytes:
    given = dict(part.split("=", 1) for part in inner.split(",") if "=" in part)
    if given.keys() != {"port", "max_len"}:
        raise UnknownError(f"output({inner})")
    return nicira(39, struct.pack("!HI", port(given["port"]) & 0xFFFF, integer(given["max_len"], 32)))


def _resubmit_port(argument: str) -> bytes:
    return _resubmit(f"{argument},")


def _resubmit(inner: str) -> bytes:
    parts = inner.split(",")
    if len(parts) not in (2, 3) or parts[2:] not in ([], ["ct"]):
        raise UnknownError(f"resubmit({inner})")
    number = (port(parts[0]) if parts[0] else PORTS["IN_PORT"]) & 0xFFFF
    table = integer(parts[1], 8) if parts[1] else NO_TABLE
    return nicira(44 if len(parts) == 3 else 14, struct.pack("!HB3x", number, table))


def _set_field(argument: str) -> bytes:
    text, arrow, name = argument.rpartition("->")
    field = BY_NAME.get("in_port_oxm" if name == "in_port" else name)
    if not arrow or field is None or "/" in text:
        # With a mask it has the form of `load` in OpenFlow 1.4, and would not be read back as written.
        raise UnknownError(f"set_field:{argument}")
    number, _ = value(field, text)
    body = field.entry(number)
    size = (4 + len(body) + 7) // 8 * 8
    return (struct.pack("!HH", 25, size) + body).ljust(size, b"\0")


def _load(argument: str) -> bytes:
    text, _, name = argument.partition("->")
    destination = subfield(name)
    if destination.bits > 64:
        raise UnknownError(f"load:{argument}")
    return nicira(
        7, struct.pack("!H", destination.packed) + destination.field.header +
        integer(text, destination.bits).to_bytes(8)
    )  # fmt: skip


def _move(argument: str) -> bytes:
    left, _, right = argument.partition("->")
    source, destination = subfield(left), subfield(right)
    if source.bits != destination.bits:
        raise UnknownError(f"move:{argument}")
    head = struct.pack("!HHH", source.bits, source.offset, destination.offset)
    return nicira(6, head + source.field.header + destination.field.header)


def _stack(subtype: int, argument: str) -> bytes:
    bits = subfield(argument)
    return nicira(subtype, struct.pack("!H", bits.offset) + bits.field.header + struct.pack("!H6x", bits.bits))


def _controller_port(argument: str) -> bytes:
    return output(PORTS["CONTROLLER"], integer(argument, 16))


_MAX_LEN, _ID, _REASON, _USERDATA, _PAUSE, _METER = range(6)


def _controller(inner: str) -> bytes:
    properties = []
    for part in split(inner):
        name, _, text = part.partition("=")
        match name:
            case "max_len":
                properties.append((_MAX_LEN, struct.pack("!H2x", integer(text, 16))))
            case "id":
                properties.append((_ID, struct.pack("!H2x", integer(text, 16))))
            case "reason" if text in REASONS:
                properties.append((_REASON, bytes([REASONS.index(text)])))
            case "userdata":
                properties.append((_USERDATA, _bytes(text)))
            case "pause":
                properties.append((_PAUSE, b""))
            case "meter_id":
                properties.append((_METER, struct.pack("!I", integer(text, 32))))
            case _:
                raise UnknownError(f"controller({inner})")
    if all(kind <= _REASON for kind, _ in properties):
        given = dict(properties)
        head = (
            given.get(_MAX_LEN, b"\xff\xff")[:2] + given.get(_ID, bytes(2))[:2] + given.get(_REASON, b"\1") + bytes(1)
        )
        return nicira(20, head)
    properties.sort()
    return nicira(37, bytes(6) + b"".join(prop(kind, payload) for kind, payload in properties))


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(".", ""))
    except ValueError:
        raise UnknownError(f"not bytes: {text!r}") from None


def _note(argument: str) -> bytes:
    return nicira(8, _bytes(argument))


def _conjunction(inner: str) -> bytes:
    number, _, dimension = inner.partition(",")
    clause, _, count = dimension.partition("/")
    return nicira(34, struct.pack("!BBI", integer(clause, 8) - 1, integer(count, 8), integer(number, 32)))


def _clone(inner: str) -> bytes:
    return nicira(42, bytes(6) + encode(inner))


def _ct(inner: str) -> bytes:
    flags, table, alg, zone, nested = 0, NO_TABLE, 0, bytes(6), b""
    for part in split(inner):
        name, _, text = part.partition("=")
        if part in ("commit", "force"):
            flags |= 1 if part == "commit" else 2
        elif name == "table":
            table = integer(text, 8)
        elif name == "zone":
            zone = _zone(text)
        elif name == "alg":
            alg = _ALGS[text] if text in _ALGS else integer(text, 16)
        elif part == "nat" or part.startswith("nat("):
            nested += _nat("" if part == "nat" else _inner(part))
        elif part.startswith("exec("):
            nested += encode(_inner(part))
        elif part:
            raise UnknownError(f"ct({inner})")
    return nicira(35, struct.pack("!H", flags) + zone + struct.pack("!B3xH", table, alg) + nested)


def _zone(text: str) -> bytes:
    if text[:1].isdigit():
        return struct.pack("!IH", 0, integer(text, 16))
    source = subfield(text)
    return source.field.header + struct.pack("!H", source.packed)


def _nat(inner: str) -> bytes:
    flags, given = 0, ""
    for part in split(inner):
        name, _, text = part.partition("=")
        match name:
            case "src" | "dst":
                flags |= 1 if name == "src" else 2
                given = text
            case "persistent" | "hash" | "random":
                flags |= {"persistent": 4, "hash": 8, "random": 16}[name]
            case _:
                raise UnknownError(f"nat({inner})")
    present, ranges = _nat_range(given)
    return nicira(36, struct.pack("!2xHH", flags, present) + ranges)


def _nat_range(text: str) -> tuple[int, bytes]:
    """Read `A[-A][:P[-P]]`, with an IPv6 address in brackets where ports follow. Gives which are there, and all."""
    if not text:
        return 0, b""
    if "[" in text:
        addresses, _, ports = text.rpartition("]")
        addresses, ports = addresses.replace("[", "").replace("]", ""), ports.removeprefix(":")
    elif "." in text:
        addresses, _, ports = text.partition(":")
    else:
        addresses, ports = text, ""
    field, bit = (BY_NAME["ipv6_src"], 4) if ":" in addresses else (BY_NAME["ip_src"], 1)
    present, data = 0, b""
    for one in addresses.split("-"):
        data += value(field, one)[0].to_bytes(field.size)
        present |= bit
        bit <<= 1
    bit = 16
    for one in ports.split("-") if ports else ():
        data += integer(one, 16).to_bytes(2)
        present |= bit
        bit <<= 1
    return present, data


def _check_pkt_larger(text: str) -> bytes:
    left, _, right = text.partition("->")
    destination = subfield(right)
    head = struct.pack("!HH", integer(_inner(left), 16), destination.offset)
    return nicira(49, head + destination.field.header + bytes(6))


def _multipath(inner: str) -> bytes:
    parts = inner.split(",")
    if len(parts) != 6 or parts[0] not in _HASHES or parts[2] not in _LINKS:
        raise UnknownError(f"multipath({inner})")
    destination = subfield(parts[5])
    hashed = struct.pack("!HH2x", _HASHES.index(parts[0]), integer(parts[1], 16))
    link = struct.pack(
        "!HHI2xH", _LINKS.index(parts[2]), integer(parts[3], 16) - 1, integer(parts[4], 32), destination.packed
    )
    return nicira(10, hashed + link + destination.field.header)


def _bundle(inner: str) -> bytes:
    return _hashed(12, inner, bytes(6))


def _bundle_load(inner: str) -> bytes:
    first = inner.split(",")
    destination = subfield(first[4]) if len(first) > 4 else None
    if destination is None:
        raise UnknownError(f"bundle_load({inner})")
    rest = ",".join(first[:4] + first[5:])
    return _hashed(13, rest, struct.pack("!H", destination.packed) + destination.field.header)


def _hashed(subtype: int, inner: str, destination: bytes) -> bytes:
    head, members_word, members = inner.partition("members:")
    parts = head.rstrip(",").split(",")
    if not members_word or len(parts) != 4 or parts[0] not in _HASHES or parts[2] not in _ALGORITHMS:
        raise UnknownError(f"bundle({inner})")
    ports = [port(one) & 0xFFFF for one in members.split(",")]
    body = struct.pack("!HHH", _ALGORITHMS.index(parts[2]), _HASHES.index(parts[0]), integer(parts[1], 16))
    body += BY_NAME["in_port"].header + struct.pack("!H", len(ports)) + destination + bytes(4)
    return nicira(subtype, body + padded(struct.pack(f"!{len(ports)}H", *ports)))


def _fin_timeout(inner: str) -> bytes:
    given = dict(part.split("=", 1) for part in inner.split(",") if "=" in part)
    timeouts = [integer(given.pop(f"{kind}_timeout", "0"), 16) for kind in ("idle", "hard")]
    if given:
        raise UnknownError(f"fin_timeout({inner})")
    return nicira(19, struct.pack("!HH2x", *timeouts))


_BRACKETED: dict[str, Callable[[str], bytes]] = {
    "output": _truncated, "resubmit": _resubmit, "controller": _controller, "conjunction": _conjunction,
    "clone": _clone, "ct": _ct, "bundle": _bundle, "bundle_load": _bundle_load, "multipath": _multipath,
    "fin_timeout": _fin_timeout, "learn": learn, "nat": _nat,
}  # fmt: skip
_COLON: dict[str, Callable[[str], bytes]] = {
    "output": _output, "resubmit": _resubmit_port, "set_field": _set_field, "load": _load, "move": _move,
    "push": functools.partial(_stack, 27), "pop": functools.partial(_stack, 28), "CONTROLLER": _controller_port,
    "note": _note,
}  # fmt: skip

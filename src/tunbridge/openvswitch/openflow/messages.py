"""The messages that the agent sends and receives, without any I/O (OpenFlow 1.4.1, section 7.3)."""

import struct
from collections.abc import Iterator, Mapping
from typing import Literal

from tunbridge.openvswitch.openflow import match
from tunbridge.openvswitch.openflow.actions import REASONS, encode, instructions
from tunbridge.openvswitch.openflow.events import FlowChanged, FlowText, Meter, PacketIn
from tunbridge.openvswitch.openflow.fields import UnknownError, port
from tunbridge.openvswitch.openflow.wire import (
    ADD,
    ANY,
    BUNDLE_ADD_MESSAGE,
    BUNDLE_CONTROL,
    DELETE_STRICT,
    MULTIPART_FLOW_MONITOR,
    MULTIPART_REQUEST,
    NICIRA,
    NO_BUFFER,
    NXT_PACKET_IN2,
    PACKET_OUT,
    PORTS,
    SET_ASYNC,
    SET_CONFIG,
    message,
    prop,
    props,
)  # fmt: skip

_FLOW_MOD = struct.Struct("!QQBBHHHIIIHH")
_FLAGS = {"send_flow_rem": 1, "check_overlap": 2, "reset_counts": 4, "no_packet_counts": 8, "no_byte_counts": 16}
EXACT_COOKIE = 0xFFFFFFFFFFFFFFFF

# Bundles, section 7.3.9
OPEN, COMMIT, DISCARD = 0, 4, 6
OPENED, COMMITTED, DISCARDED = 1, 5, 7
ATOMIC_ORDERED = 3

# Meters, section 7.3.4.4, and groups, 7.3.4.3; OVS knows "add or modify" since 2.6
METER_ADD, METER_MODIFY, METER_DELETE = 0, 1, 2
ALL_METERS = struct.pack("!I4x", 0xFFFFFFFF)
_KBPS, _PKTPS, _BURST, _STATS, _DROP = 1, 2, 4, 8, 1
_UNITS: Mapping[int, Literal["pktps", "kbps"]] = {_PKTPS | _STATS: "pktps", _KBPS | _STATS: "kbps"}
GROUP_DELETE, GROUP_ADD_OR_MODIFY = 2, 0x8000
_GROUP_KINDS = {"all": 0, "select": 1, "indirect": 2, "ff": 3}


def flow_add(flow: FlowText) -> bytes:
    """Give the body of the flow mod that adds a flow. Raises UnknownError."""
    return flow_add_body(flow, match.encode(flow.match), instructions(flow.actions))


def flow_add_body(flow: FlowText, matching: bytes, doing: bytes) -> bytes:
    """Likewise, of a match and instructions on the wire."""
    idle = hard = importance = flags = 0
    for part in flow.extra.split(",") if flow.extra else ():
        name, _, number = part.partition("=")
        match name:
            case "idle_timeout":
                idle = int(number)
            case "hard_timeout":
                hard = int(number)
            case "importance":
                importance = int(number)
            case _ if part in _FLAGS:
                flags |= _FLAGS[part]
            case _:
                raise UnknownError(f"no property of a flow: {part!r}")
    head = _FLOW_MOD.pack(
        flow.cookie, 0, flow.table, ADD, idle, hard, flow.priority, NO_BUFFER, ANY, ANY, flags, importance
    )
    return head + matching + doing


def flow_delete(table: int, priority: int, cookie: int | None, matching: bytes) -> bytes:
    """Give the body of the flow mod that deletes one flow, if it has this cookie; `matching` on the wire."""
    mask = 0 if cookie is None else EXACT_COOKIE
    return _FLOW_MOD.pack(
        cookie or 0, mask, table, DELETE_STRICT, 0, 0, priority, NO_BUFFER, ANY, ANY, 0, 0
    ) + matching  # fmt: skip


def match_of(flow_mod: bytes) -> bytes:
    """Cut the match, with its padding, out of the body of a flow mod."""
    length = int.from_bytes(flow_mod[_FLOW_MOD.size + 2 : _FLOW_MOD.size + 4])
    return flow_mod[_FLOW_MOD.size : _FLOW_MOD.size + (length + 7) // 8 * 8]


def bundle_control(number: int, kind: int, xid: int) -> bytes:
    """Give the message that opens, commits or discards a bundle."""
    return message(BUNDLE_CONTROL, struct.pack("!IHH", number, kind, ATOMIC_ORDERED), xid)


def bundle_add(number: int, kind: int, body: bytes, xid: int) -> bytes:
    """Give the message that puts another one, of this kind and body, into a bundle."""
    inner = message(kind, body, xid)
    return message(BUNDLE_ADD_MESSAGE, struct.pack("!IHH", number, 0, ATOMIC_ORDERED) + inner, xid)


def meter_mod(command: int, number: int, meter: Meter | None) -> bytes:
    """Give the body of a meter mod; no meter for a deletion."""
    if meter is None:
        return struct.pack("!HHI", command, 0, number)
    flags = (_STATS | _PKTPS if meter.unit == "pktps" else _STATS | _KBPS) | (_BURST if meter.burst is not None else 0)
    return struct.pack("!HHI", command, flags, number) + struct.pack("!HHII4x", _DROP, 16, meter.rate, meter.burst or 0)


def meters(configs: bytes) -> dict[int, Meter | str]:
    """Read what MULTIPART_METER_CONFIG gives (section 7.3.5.14); a meter that is none of ours is text."""
    found: dict[int, Meter | str] = {}
    while configs:
        length, flags, number = struct.unpack_from("!HHI", configs)
        if not 8 <= length <= len(configs):
            raise ValueError("a meter's length is wrong")
        found[number] = _meter(flags, configs[8:length])
        configs = configs[length:]
    return found


def _meter(flags: int, bands: bytes) -> Meter | str:
    unit = _UNITS.get(flags & ~_BURST)
    if unit is None or len(bands) != 16 or struct.unpack_from("!HH", bands) != (_DROP, 16):
        return f"flags={flags:#x},bands={bands.hex()}"
    rate, burst = struct.unpack_from("!II", bands, 4)
    return Meter(rate, burst if flags & _BURST else None, unit)


def group_mod(command: int, number: int, group: str | None) -> bytes:
    """Give the body of a group mod; no group for a deletion. Raises UnknownError."""
    if group is None:
        return struct.pack("!HBxI", command, 0, number)
    head, *buckets = group.split(",bucket=")
    kind = head.removeprefix("type=")
    if kind not in _GROUP_KINDS:
        raise UnknownError(f"no kind of group: {head!r}")
    return struct.pack("!HBxI", command, _GROUP_KINDS[kind], number) + b"".join(_bucket(b, kind) for b in buckets)


def _bucket(text: str, kind: str) -> bytes:
    head, separator, actions = text.partition("actions=")
    if not separator:
        raise UnknownError(f"a bucket without actions: {text!r}")
    weight, watch_port, watch_group = 1 if kind == "select" else 0, ANY, ANY
    for part in head.split(","):
        name, _, number = part.partition(":")
        match name:
            case "":
                continue
            case "weight":
                weight = int(number)
            case "watch_port":
                watch_port = port(number)
            case "watch_group":
                watch_group = int(number)
            case _:
                raise UnknownError(f"no property of a bucket: {part!r}")
    body = b"" if actions == "drop" else encode(actions)
    return struct.pack("!HHII4x", 16 + len(body), weight, watch_port, watch_group) + body


def packet_out(data: bytes, actions: str, in_port: int, xid: int) -> bytes:
    """Give the message that sends a packet through actions. Raises UnknownError."""
    body = encode(actions)
    return message(PACKET_OUT, struct.pack("!IIH6x", NO_BUFFER, in_port, len(body)) + body + data, xid)


def asynchronous(xid: int) -> bytes:
    """Ask for packet-ins of every reason and nothing else: no port status, no flow removed (section 7.3.10)."""
    every = (1 << len(REASONS)) - 1
    masks = {0: 0, 1: every} | dict.fromkeys(range(2, 12), 0)
    return message(SET_ASYNC, b"".join(prop(kind, struct.pack("!I", mask)) for kind, mask in masks.items()), xid)


def whole_packets(xid: int, fragments: int) -> bytes:
    """Ask for packets in full length: without it a management connection gets no packet-in at all.

    `fragments` (0 normal, 1 drop, 3 nx-match) is for the whole bridge: whoever set it before loses it.
    """
    return message(SET_CONFIG, struct.pack("!HH", fragments, 0xFFFF), xid)


def flow_monitor(xid: int) -> bytes:
    """Ask to be told of added, removed and modified flows of all tables (section 7.3.5.17)."""
    added, removed, modified = 2, 4, 8
    body = struct.pack("!HH4x", MULTIPART_FLOW_MONITOR, 0)
    body += struct.pack("!IIIHBB", 1, ANY, ANY, added | removed | modified, 0xFF, 0)
    return message(MULTIPART_REQUEST, body + match.encode(""), xid)


_KINDS: Mapping[int, Literal["added", "removed", "modified"]] = {1: "added", 2: "removed", 3: "modified"}
_ABBREVIATED, _PAUSED, _RESUMED = 4, 5, 6
_UPDATE = struct.Struct("!HHBxHHH4xQ")


def flow_updates(bridge: str, body: bytes) -> Iterator[FlowChanged | Literal["paused", "resumed"] | UnknownError]:
    """Read the updates of one flow monitor message, without those that abbreviate our own changes.

    One whose match has no text here comes as UnknownError. Raises ValueError on lengths that cannot be.
    """
    at = 8
    while at + 8 <= len(body):
        length, event = struct.unpack_from("!HH", body, at)
        if length < 8 or at + length > len(body):
            raise ValueError("a flow update's length is wrong")
        if event in _KINDS:
            yield _flow_changed(bridge, _KINDS[event], body[at : at + length])
        elif event == _PAUSED:
            yield "paused"
        elif event == _RESUMED:
            yield "resumed"
        at += length


def _flow_changed(
    bridge: str, kind: Literal["added", "removed", "modified"], update: bytes
) -> FlowChanged | UnknownError:
    _, _, table, _, _, priority, cookie = _UPDATE.unpack_from(update)
    try:
        text = match.decode(update[_UPDATE.size :])
    except UnknownError as e:
        return e
    return FlowChanged(bridge, kind, table, priority, text, cookie)


_PACKET, _FULL_LEN, _BUFFER, _TABLE, _COOKIE, _REASON, _METADATA, _USERDATA = range(8)


def packet_in(bridge: str, body: bytes) -> PacketIn | None:
    """Read an experimenter message that is a packet-in of Nicira's second format. Raises ValueError."""
    if len(body) < 8 or struct.unpack_from("!II", body) != (NICIRA, NXT_PACKET_IN2):
        return None
    given = dict(props(body[8:]))
    fields = _metadata(given.get(_METADATA, b""))
    data = given.get(_PACKET, b"")
    reason = given.get(_REASON, b"\xff")[0]
    return PacketIn(
        bridge=bridge,
        in_port=fields.pop("in_port_oxm", PORTS["ANY"]),
        table=given.get(_TABLE, b"\0")[0],
        cookie=int.from_bytes(given.get(_COOKIE, b"")[4:]),
        reason=REASONS[reason] if reason < len(REASONS) else str(reason),
        userdata=given.get(_USERDATA, b""),
        data=data,
        total_len=int.from_bytes(given[_FULL_LEN]) if _FULL_LEN in given else len(data),
        fields=fields,
    )


def _metadata(data: bytes) -> dict[str, int]:
    try:
        return {name: number for name, (number, _) in match.read_fields(data, skip_unknown=True).items()}
    except UnknownError as e:
        raise ValueError(str(e)) from e

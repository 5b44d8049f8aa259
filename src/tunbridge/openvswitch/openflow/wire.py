"""OpenFlow 1.4 on the wire: message types, headers, properties (OpenFlow Switch Specification 1.4.1, section 7).

What Nicira added has experimenter id 0x2320; `nicira-ext.h` and `ofp-msgs.h` of Open vSwitch describe it.
"""

import struct
from collections.abc import Iterator

OFP14_VERSION = 0x05
HEADER = struct.Struct("!BBHI")
"""Version, type, length of the whole message in bytes, transaction id (xid)."""

# Message types, section 7.1.1
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER, FEATURES_REQUEST, FEATURES_REPLY = 0, 1, 2, 3, 4, 5, 6
SET_CONFIG, PACKET_OUT, FLOW_MOD, GROUP_MOD, MULTIPART_REQUEST, MULTIPART_REPLY = 9, 13, 14, 15, 18, 19
BARRIER_REQUEST, BARRIER_REPLY, SET_ASYNC, METER_MOD, BUNDLE_CONTROL, BUNDLE_ADD_MESSAGE = 20, 21, 28, 29, 33, 34
MULTIPART_GROUP_DESC, MULTIPART_METER_CONFIG, MULTIPART_FLOW_MONITOR = 7, 10, 16
MORE = 1
"""Flag of a multipart message: another one follows (section 7.3.5)."""

# Flow mod commands
ADD, DELETE_STRICT = 0, 4

# Ports, section 7.2.1
PORTS = {
    "IN_PORT": 0xFFFFFFF8,
    "TABLE": 0xFFFFFFF9,
    "NORMAL": 0xFFFFFFFA,
    "FLOOD": 0xFFFFFFFB,
    "ALL": 0xFFFFFFFC,
    "CONTROLLER": 0xFFFFFFFD,
    "LOCAL": 0xFFFFFFFE,
    "ANY": 0xFFFFFFFF,
    "NONE": 0xFFFFFFFF,
    "UNSET": 0xFFFFFFF7,
}
PORT_NAMES = {number: name for name, number in reversed(PORTS.items())}
ANY = 0xFFFFFFFF
NO_BUFFER = 0xFFFFFFFF

NICIRA = 0x00002320
NXT_SET_PACKET_IN_FORMAT, NXT_SET_CONTROLLER_ID, NXT_PACKET_IN2 = 16, 20, 30

# hello with a version bitmap (element type 1) that holds 1.4 only
HELLO_BODY = struct.pack("!HHI", 1, 8, 1 << OFP14_VERSION)


def message(kind: int, body: bytes = b"", xid: int = 0) -> bytes:
    """Give one OpenFlow 1.4 message."""
    return HEADER.pack(OFP14_VERSION, kind, HEADER.size + len(body), xid) + body


def nicira(subtype: int, body: bytes, xid: int) -> bytes:
    """Give one message of the Nicira extension."""
    return message(EXPERIMENTER, struct.pack("!II", NICIRA, subtype) + body, xid)


def padded(data: bytes) -> bytes:
    """Fill up with zeros to a multiple of 8 bytes."""
    return data + bytes(-len(data) % 8)


def prop(kind: int, payload: bytes) -> bytes:
    """Give one property: type, length without padding, payload, padding (section 7.1.3)."""
    return padded(struct.pack("!HH", kind, 4 + len(payload)) + payload)


def props(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give type and payload of each property. Raises ValueError on lengths that cannot be."""
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("!HH", data, at)
        if length < 4 or at + length > len(data):
            raise ValueError("a property's length is wrong")
        yield kind, data[at + 4 : at + length]
        at += (length + 7) // 8 * 8

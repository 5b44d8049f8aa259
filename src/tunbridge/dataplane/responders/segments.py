"""TCP segments (RFC 9293, 3.1) in Ethernet frames, read and written. What cannot be read raises MalformedError."""

import struct

from msgspec import Struct

from tunbridge.dataplane.responders.frames import (
    DEFAULT_TTL,
    Address,
    MalformedError,
    checksum,
    pseudo_header,
    read_ip,
    write_ip,
)

TCP = 6
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_HEADER = struct.Struct("!HHIIBBHHH")
_END, _PADDING, _MSS = 0, 1, 2
MODULUS = 1 << 32


class Segment(Struct, frozen=True, kw_only=True):
    """A TCP segment in an Ethernet frame. MAC addresses are 6 bytes; `mss` is the option, None for none."""

    eth_dst: bytes
    eth_src: bytes
    src: Address
    dst: Address
    sport: int
    dport: int
    seq: int
    ack: int = 0
    flags: int
    window: int = 0
    mss: int | None = None
    payload: bytes = b""

    @property
    def length(self) -> int:
        """Sequence numbers that it takes (SEG.LEN)."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    def reply(
        self, seq: int, ack: int, flags: int, window: int = 0, mss: int | None = None, payload: bytes = b""
    ) -> "Segment":
        """What goes back to the sender, from the address that it was sent to."""
        return Segment(
            eth_dst=self.eth_src, eth_src=self.eth_dst, src=self.dst, dst=self.src, sport=self.dport, dport=self.sport,
            seq=seq % MODULUS, ack=ack % MODULUS, flags=flags, window=window, mss=mss, payload=payload,
        )  # fmt: skip

    def reset(self) -> "Segment | None":
        """The answer where no connection is (RFC 9293, 3.10.7.1); None for what is a reset itself."""
        if self.flags & RST:
            return None
        if self.flags & ACK:
            return self.reply(self.ack, 0, RST)
        return self.reply(0, self.seq + self.length, RST | ACK)

    def encode(self) -> bytes:
        """The frame, with checksums."""
        options = b"" if self.mss is None else struct.pack("!BBH", _MSS, 4, self.mss)
        offset = (_HEADER.size + len(options)) // 4 << 4
        header = _HEADER.pack(self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.window, 0, 0)
        body = options + self.payload
        total = len(header) + len(body)
        sum_ = checksum(pseudo_header(self.src, self.dst, TCP, total) + header + body)
        segment = header[:16] + struct.pack("!H", sum_) + header[18:] + body
        return write_ip(self.eth_dst, self.eth_src, self.src, self.dst, TCP, DEFAULT_TTL, segment)


def read_tcp(frame: bytes) -> Segment:
    """Read a frame with a whole TCP segment, untagged. Raises MalformedError."""
    packet = read_ip(frame)
    data = packet.payload
    if packet.protocol != TCP or len(data) < _HEADER.size:
        raise MalformedError("not a TCP segment")
    sport, dport, seq, ack, offset, flags, window, _, _ = _HEADER.unpack_from(data)
    header = (offset >> 4) * 4
    if not _HEADER.size <= header <= len(data):
        raise MalformedError(f"TCP header of {header} in {len(data)} bytes")
    return Segment(
        eth_dst=packet.eth_dst, eth_src=packet.eth_src, src=packet.src, dst=packet.dst, sport=sport, dport=dport,
        seq=seq, ack=ack, flags=flags, window=window, mss=_mss(data[_HEADER.size : header]), payload=data[header:],
    )  # fmt: skip


def _mss(options: bytes) -> int | None:
    """The option Maximum Segment Size; options that make no sense are as none (RFC 9293, 3.1)."""
    at = 0
    while at < len(options) and options[at] != _END:
        if options[at] == _PADDING:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return None
        if options[at] == _MSS and length == 4:
            return int.from_bytes(options[at + 2 : at + 4])
        at += length
    return None

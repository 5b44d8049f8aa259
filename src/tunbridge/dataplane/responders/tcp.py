"""The serving end of TCP connections (RFC 9293), as far as short requests of a VM on this host need it.

    SYN --> SYN_RECEIVED --ACK--> ESTABLISHED --our FIN--> CLOSING --both FINs acknowledged, LINGER_S--> CLOSED
                 |                     |                      |       (at once when the VM's FIN came first)
                 +------------ RST, or no answer to RETRIES retransmissions, or IDLE_S of silence ----------> CLOSED

The link to a VM loses nothing but what a meter drops of the VM's own packets, so this is the plain protocol: a window
that begins with ten segments and grows with what is acknowledged (RFC 5681, RFC 6928), go-back-n after a timeout
(RFC 6298), no SACK, no time stamps, no window scaling, and segments out of order are asked for again.

No I/O and no clock: what comes in is given with the time in seconds, what goes out is in `take_output`, and `deadline`
says when `expire` is due.
"""

from collections.abc import Iterator
from enum import Enum

from tunbridge.dataplane.responders.segments import ACK, FIN, MODULUS, PSH, RST, SYN, Segment

WINDOW = 16384
"""Bytes that a VM may send ahead: requests are short."""
DEFAULT_MSS, LEAST_MSS = 536, 64
"""What a peer takes that names no maximum (RFC 9293, 3.7.1), and the least that is believed of one."""
FIRST_WINDOW = 10
RTO_S, RETRIES = 0.2, 7
"""First retransmission timeout, doubled with each retry; altogether some 25 s."""
HANDSHAKE_S, IDLE_S, LINGER_S = 5.0, 30.0, 1.0
_HALF = MODULUS >> 1


class State(Enum):
    """Where a connection is."""

    SYN_RECEIVED = "syn-received"
    ESTABLISHED = "established"
    CLOSING = "closing"
    CLOSED = "closed"


def distance(start: int, end: int) -> int:
    """How far `end` is ahead of `start` among sequence numbers; negative when it is behind."""
    found = (end - start) % MODULUS
    return found - MODULUS if found >= _HALF else found


class Connection:
    """One connection that a VM has opened. `mtu`: of its network, in bytes of an IP packet."""

    def __init__(self, syn: Segment, first: int, mtu: int, now: float) -> None:
        """`first` is the first sequence number of this end, which nobody shall be able to guess (RFC 6528)."""
        room = mtu - (60 if syn.src.version == 6 else 40)
        self.state = State.SYN_RECEIVED
        self.received = bytearray()
        """What the VM has sent, in order; whoever reads it takes it out."""
        self.peer_closed = False
        """Whether the VM has said that it sends no more."""
        self._closed_first = False
        """Whether our FIN was sent before the VM's came: only then may the VM send its FIN again (TIME-WAIT)."""
        self._syn = syn
        self._mss = max(min(syn.mss or DEFAULT_MSS, room), LEAST_MSS)
        self._own_mss = max(room, LEAST_MSS)
        self._expected = (syn.seq + 1) % MODULUS
        self._first = first
        self._acknowledged = first
        """The oldest sequence number that is not acknowledged (SND.UNA)."""
        self._next = (first + 1) % MODULUS
        self._unsent_from = 0
        """Bytes of `_data` that are under way."""
        self._data = bytearray()
        """What is not acknowledged, from `_acknowledged` on, once the connection is established."""
        self._highest = self._next
        """One more than the highest sequence number that was ever sent: after a timeout `_next` is behind it."""
        self._closes = False
        self._fin_sent = False
        self._fin_acknowledged = False
        self._window = syn.window
        self._congestion = FIRST_WINDOW * self._mss
        self._retries = 0
        self._heard = now
        self._timer: float | None = now + RTO_S
        self._closed_at: float | None = None
        self._output: list[Segment] = []
        self._answer_syn()

    # Used by whoever serves

    def send(self, data: bytes, now: float) -> None:
        """Send data in order."""
        self._data += data
        self._transmit(now)

    def close(self, now: float) -> None:
        """Say that nothing more is sent after what `send` was given."""
        self._closes = True
        self._transmit(now)

    def abort(self) -> None:
        """End it at once."""
        if self.state is not State.CLOSED:
            self._emit(RST | ACK, self._next)
            self.state = State.CLOSED

    def take_output(self) -> list[Segment]:
        """The segments to send out, once."""
        output, self._output = self._output, []
        return output

    @property
    def unsent(self) -> int:
        """Bytes that the VM has not acknowledged."""
        return len(self._data)

    @property
    def deadline(self) -> float:
        """When `expire` has something to do, in seconds on the clock of `now`."""
        if self._closed_at is not None:
            return self._closed_at
        silent = self._heard + (HANDSHAKE_S if self.state is State.SYN_RECEIVED else IDLE_S)
        return silent if self._timer is None else min(silent, self._timer)

    def expire(self, now: float) -> None:
        """Retransmit, or give up, when that is due."""
        if self.state is State.CLOSED or now < self.deadline:
            return
        if self._closed_at is not None:
            self.state = State.CLOSED
            return
        if self._timer is None or now < self._timer or self._retries >= RETRIES:
            self.abort()
            return
        self._retries += 1
        self._timer = now + RTO_S * 2**self._retries
        if self.state is State.SYN_RECEIVED:
            self._answer_syn()
            return
        self._congestion = self._mss
        self._unsent_from, self._fin_sent = 0, False
        self._next = self._acknowledged
        self._transmit(now, probes=True)

    @property
    def lingers(self) -> bool:
        """Whether both ends are done, and it only stays for a FIN that is sent again."""
        return self._closed_at is not None

    # What the VM sends

    def take(self, segment: Segment, now: float) -> None:
        """Take a segment of this connection."""
        if self.state is State.CLOSED:
            return
        if segment.flags & RST:
            # Only at the very place that is expected (RFC 5961, 3.2): who has to guess must not end it.
            if segment.seq == self._expected:
                self.state = State.CLOSED
            return
        if segment.flags & SYN:
            self._again(segment)
            return
        if not segment.flags & ACK or not self._acknowledge(segment, now):
            return
        self._heard = now
        if segment.length:
            self._accept(segment)
            self._emit(ACK, self._next)
        self._transmit(now)
        self._linger(now)

    def _again(self, segment: Segment) -> None:
        """A SYN: the first one again, or one that does not belong here (RFC 5961, 4.2)."""
        if self.state is State.SYN_RECEIVED and segment.seq == self._syn.seq:
            self._answer_syn()
        else:
            self._emit(ACK, self._next)

    def _acknowledge(self, segment: Segment, now: float) -> bool:
        """Take note of what has arrived; False when the segment is of no use."""
        ahead = distance(self._acknowledged, segment.ack)
        sent = distance(self._acknowledged, self._highest)
        if self.state is State.SYN_RECEIVED:
            if ahead != 1:
                self._output.extend(filter(None, [segment.reset()]))
                return False
            self.state = State.ESTABLISHED
            self._acknowledged = segment.ack
            self._settled(now)
        elif ahead > sent:
            self._emit(ACK, self._next)
            return False
        elif ahead > 0:
            self._arrived(ahead, now)
        if ahead >= 0:
            self._window = segment.window
        return True

    def _arrived(self, count: int, now: float) -> None:
        self._acknowledged = (self._acknowledged + count) % MODULUS
        data = min(count, len(self._data))
        del self._data[:data]
        self._unsent_from = max(0, self._unsent_from - data)
        if count > data:
            self._fin_sent = self._fin_acknowledged = True
        if distance(self._next, self._acknowledged) > 0:
            self._next = self._acknowledged
        self._congestion += data
        self._settled(now)

    def _settled(self, now: float) -> None:
        """The timer runs from the last progress, while something is under way (RFC 6298, 5)."""
        self._retries = 0
        self._timer = now + RTO_S if self._data or self._next != self._acknowledged else None

    def _accept(self, segment: Segment) -> None:
        """Keep what is new and in order, up to the window."""
        behind = distance(segment.seq, self._expected)
        if behind < 0 or behind > segment.length or self.peer_closed:
            return
        data = segment.payload[behind:]
        room = max(0, WINDOW - len(self.received))
        self.received += data[:room]
        self._expected = (self._expected + len(data[:room])) % MODULUS
        if segment.flags & FIN and len(data) <= room:
            self.peer_closed = True
            self._expected = (self._expected + 1) % MODULUS

    def _linger(self, now: float) -> None:
        """When both ends are done, stay a moment for a FIN that is sent again; not if the VM has closed first."""
        if self._closed_at is not None or not (self.peer_closed and self._fin_acknowledged):
            return
        if self._closed_first:
            self._closed_at = now + LINGER_S
        else:
            self.state = State.CLOSED

    # What goes out

    def _transmit(self, now: float, probes: bool = False) -> None:
        """Send what the windows allow; `probes`: a byte even where the VM takes none (RFC 9293, 3.8.6.1)."""
        if self.state not in (State.ESTABLISHED, State.CLOSING):
            return
        for piece in self._pieces(max(self._window, 1 if probes else 0)):
            seq, end = self._next, self._unsent_from == len(self._data)
            self._next = (self._next + len(piece)) % MODULUS
            self._emit(ACK | (PSH if end else 0), seq, piece)
        if self._closes and not self._fin_sent and self._unsent_from == len(self._data):
            self._fin_sent = True
            self._closed_first = self._closed_first or not self.peer_closed
            self.state = State.CLOSING
            self._emit(FIN | ACK, self._next)
            self._next = (self._next + 1) % MODULUS
        if distance(self._highest, self._next) > 0:
            self._highest = self._next
        if self._timer is None and (self._data or self._next != self._acknowledged):
            self._timer = now + RTO_S

    def _pieces(self, window: int) -> Iterator[bytes]:
        allowed = min(window, self._congestion)
        while self._unsent_from < min(len(self._data), allowed):
            end = min(self._unsent_from + self._mss, len(self._data), allowed)
            piece = bytes(self._data[self._unsent_from : end])
            self._unsent_from = end
            yield piece

    def _answer_syn(self) -> None:
        self._emit(SYN | ACK, self._first, mss=self._own_mss)

    def _emit(self, flags: int, seq: int, payload: bytes = b"", mss: int | None = None) -> None:
        window = max(0, WINDOW - len(self.received))
        self._output.append(self._syn.reply(seq, self._expected, flags, window, mss, payload))

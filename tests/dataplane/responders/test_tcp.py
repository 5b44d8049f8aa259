"""The serving end of TCP: what is sent when, and that data arrives whole whatever is lost on the way."""

import contextlib
import random
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tunbridge.dataplane.responders.frames import MalformedError
from tunbridge.dataplane.responders.segments import ACK, FIN, MODULUS, PSH, RST, SYN, Segment, read_tcp
from tunbridge.dataplane.responders.tcp import (
    FIRST_WINDOW,
    HANDSHAKE_S,
    IDLE_S,
    LINGER_S,
    RETRIES,
    RTO_S,
    WINDOW,
    Connection,
    State,
    distance,
)

FIRST, CLIENT_FIRST = MODULUS - 3, MODULUS - 700
"""Near the end of the sequence numbers, so that all of them wrap."""
MTU = 1442
HEAD = bytes(12) + b"\x08\x00"


def segment(
    seq: int, flags: int, ack: int = 0, window: int = 60000, payload: bytes = b"", mss: int | None = None
) -> Segment:
    return Segment(
        eth_dst=b"\2" * 6, eth_src=b"\4" * 6, src=ip_address("10.0.0.5"), dst=ip_address("169.254.169.254"),
        sport=40000, dport=80, seq=seq % MODULUS, ack=ack % MODULUS, flags=flags, window=window,
        payload=payload, mss=mss,
    )  # fmt: skip


class Client:
    """The VM's end: acknowledges what is in order."""

    def __init__(self, mss: int | None = 1460, window: int = 60000) -> None:
        self.now = 0.0
        self.window = window
        self.connection = Connection(segment(CLIENT_FIRST, SYN, window=window, mss=mss), FIRST, MTU, self.now)
        self.seq = CLIENT_FIRST + 1
        self.expected = FIRST + 1
        self.got = b""
        self.finished = False

    def state(self) -> State:
        return self.connection.state

    def out(self) -> list[Segment]:
        return self.connection.take_output()

    def say(self, flags: int = ACK, payload: bytes = b"", seq: int | None = None, ack: int | None = None) -> None:
        """Send a segment; without `seq` the next one in order."""
        sent = segment(
            self.seq if seq is None else seq, flags, self.expected if ack is None else ack, self.window, payload
        )
        if seq is None:
            self.seq += sent.length
        self.connection.take(sent, self.now)

    def open(self) -> "Client":
        (answer,) = self.out()
        assert (answer.flags, answer.seq, answer.ack) == (SYN | ACK, FIRST, self.seq % MODULUS)
        self.say()
        return self

    def read(self, segments: list[Segment]) -> None:
        """Take segments that are in order."""
        for one in segments:
            if distance(one.seq, self.expected) == 0:
                self.got += one.payload
                self.finished = self.finished or bool(one.flags & FIN)
                self.expected = (self.expected + one.length) % MODULUS

    def later(self, seconds: float) -> list[Segment]:
        self.now += seconds
        self.connection.expire(self.now)
        return self.out()


def test_a_connection_from_the_first_segment_to_the_last() -> None:
    client = Client().open()
    assert client.state() is State.ESTABLISHED
    client.say(ACK | PSH, b"GET / HTTP/1.1\r\n\r\n")
    assert bytes(client.connection.received) == b"GET / HTTP/1.1\r\n\r\n"
    (acknowledged,) = client.out()
    assert (acknowledged.flags, acknowledged.ack) == (ACK, client.seq % MODULUS)
    client.connection.send(b"answer", client.now)
    (answer,) = client.out()
    assert (answer.payload, answer.flags) == (b"answer", ACK | PSH)
    client.read([answer])
    client.say(ACK | FIN)
    assert client.connection.peer_closed
    assert [s.flags for s in client.out()] == [ACK]
    client.connection.close(client.now)
    (fin,) = client.out()
    client.read([fin])
    assert client.finished
    client.say()
    assert client.out() == []
    assert client.state() is State.CLOSED  # at once: the VM's FIN came first, and it has ours


def test_the_service_may_close_first_and_answers_a_repeated_fin() -> None:
    client = Client().open()
    client.connection.send(b"bye", client.now)
    client.connection.close(client.now)
    client.read(client.out())
    assert client.got == b"bye" and client.finished
    client.say()
    assert client.state() is State.CLOSING
    assert not client.connection.lingers
    client.say(ACK | FIN)
    assert client.connection.lingers
    assert [s.flags for s in client.out()] == [ACK]
    client.say(ACK | FIN, seq=client.seq - 1)  # our last acknowledgement was lost
    assert [s.flags for s in client.out()] == [ACK]
    client.later(LINGER_S)
    assert client.state() is State.CLOSED


@pytest.mark.parametrize(("mss", "largest"), [(1460, 1402), (1000, 1000), (None, 536), (1, 64)])
def test_segments_fit_what_the_client_and_the_network_take(mss: int | None, largest: int) -> None:
    client = Client(mss)
    (answer,) = client.out()
    assert answer.mss == MTU - 40
    client.say()
    client.connection.send(bytes(200_000), client.now)
    sizes = [len(s.payload) for s in client.out()]
    assert sizes == [largest] * FIRST_WINDOW


def test_no_more_is_sent_than_the_client_has_room_for() -> None:
    client = Client(window=3000).open()
    client.connection.send(bytes(10_000), client.now)
    assert sum(len(s.payload) for s in client.out()) == 3000


def test_a_closed_window_is_probed_and_data_goes_on_when_it_opens() -> None:
    client = Client(window=0).open()
    client.connection.send(b"x" * 5000, client.now)
    assert client.out() == []
    (probe,) = client.later(RTO_S)
    assert probe.payload == b"x"
    client.window = 60000
    client.read([probe])
    while len(client.got) < 5000:
        client.say()
        client.read(client.out())
    assert client.got == b"x" * 5000


def test_what_is_not_acknowledged_is_sent_again_with_pauses_that_double_until_it_is_given_up() -> None:
    client = Client().open()
    client.connection.send(b"lost", client.now)
    client.out()
    for retry in range(RETRIES):
        pause = RTO_S * 2**retry
        assert client.later(pause * 0.9) == []
        assert [s.payload for s in client.later(pause * 0.1 + 1e-6)] == [b"lost"]
    (reset,) = client.later(RTO_S * 2**RETRIES)
    assert reset.flags & RST
    assert client.state() is State.CLOSED


def test_a_syn_is_answered_again_and_forgotten_when_nothing_follows() -> None:
    client = Client()
    client.out()
    assert [s.flags for s in client.later(RTO_S)] == [SYN | ACK]
    client.connection.take(segment(CLIENT_FIRST, SYN, mss=1460), client.now)
    assert [s.flags for s in client.out()] == [SYN | ACK]
    while client.now < HANDSHAKE_S:
        client.later(RTO_S)
    assert client.state() is State.CLOSED


def test_a_silent_connection_ends() -> None:
    client = Client().open()
    assert client.connection.deadline == pytest.approx(client.now + IDLE_S)
    (reset,) = client.later(IDLE_S)
    assert reset.flags & RST
    assert client.state() is State.CLOSED


def test_only_a_reset_at_the_right_place_ends_a_connection() -> None:
    client = Client().open()
    client.say(RST, seq=client.seq + 1)
    assert client.state() is State.ESTABLISHED
    client.say(RST)
    assert client.state() is State.CLOSED


def test_a_new_syn_in_an_old_connection_gets_an_acknowledgement_to_reset_it_by() -> None:
    client = Client().open()
    client.connection.take(segment(12345, SYN), client.now)
    (answer,) = client.out()
    assert (answer.flags, answer.ack) == (ACK, client.seq % MODULUS)


def test_a_handshake_with_a_wrong_acknowledgement_is_reset() -> None:
    client = Client()
    client.out()
    client.say(ack=FIRST + 77)
    (reset,) = client.out()
    assert (reset.flags, reset.seq) == (RST, (FIRST + 77) % MODULUS)
    assert client.state() is State.SYN_RECEIVED


def test_data_that_was_never_sent_cannot_be_acknowledged() -> None:
    client = Client().open()
    client.say(ack=client.expected + 5)
    assert [s.flags for s in client.out()] == [ACK]
    client.connection.send(b"hello", client.now)
    assert [s.payload for s in client.out()] == [b"hello"]


def test_segments_out_of_order_repeated_or_beyond_the_window_do_no_harm() -> None:
    client = Client().open()
    client.say(ACK, b"later", seq=client.seq + 5)
    assert [s.ack for s in client.out()] == [client.seq % MODULUS]
    assert not client.connection.received
    client.say(ACK, b"early")
    client.say(ACK, b"earlylater", seq=client.seq - 5)
    assert bytes(client.connection.received) == b"earlylater"
    client.seq += 5
    client.say(ACK, bytes(WINDOW))
    assert len(client.connection.received) == WINDOW
    assert client.out()[-1].window == 0


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(0, 60_000), loss=st.floats(0, 0.4), seed=st.integers(0, 1 << 30), mss=st.sampled_from([300, 1460])
)
def test_all_data_arrives_once_and_in_order_whatever_is_lost(size: int, loss: float, seed: int, mss: int) -> None:
    chance = random.Random(seed)
    client = Client(mss).open()
    data = chance.randbytes(size)
    client.connection.send(data, client.now)
    client.connection.close(client.now)
    waiting: list[Segment] = []
    for _ in range(4000):
        waiting += client.out()
        if client.finished or client.state() is State.CLOSED:
            break
        if not waiting:
            waiting += client.later(max(0.0, client.connection.deadline - client.now))
            continue
        arrived, waiting = [s for s in waiting if chance.random() >= loss], []
        if chance.random() < 0.2:
            arrived += arrived[:3]  # twice
        client.read(arrived)
        if arrived and chance.random() >= loss:
            client.say()
    assert client.got == data[: len(client.got)]
    gave_up = client.state() is State.CLOSED
    assert client.finished or (gave_up and loss > 0.2)
    if client.finished:
        assert client.got == data


@pytest.mark.parametrize(
    ("network", "mine"),
    [
        (IP(src="169.254.169.254", dst="10.0.0.5"), "169.254.169.254"),
        (IPv6(src="fd00:ec2::254", dst="fe80::1"), "fd00:ec2::254"),
    ],
)  # fmt: skip
def test_frames_are_those_of_scapy(network: IP | IPv6, mine: str) -> None:
    expected = (
        Ether(dst="04:04:04:04:04:04", src="02:02:02:02:02:02")
        / network
        / TCP(sport=80, dport=40000, seq=7, ack=9, flags="SA", window=100, options=[("MSS", 1402)])
        / b"abc"
    )
    if isinstance(network, IP):
        expected[IP].id = 0
    frame = bytes(expected)
    read = read_tcp(frame)
    assert (str(read.src), read.sport, read.seq, read.ack, read.mss) == (mine, 80, 7, 9, 1402)
    assert (read.payload, read.flags, read.window) == (b"abc", SYN | ACK, 100)
    assert read.encode() == frame


def test_what_is_no_segment_is_malformed() -> None:
    good = segment(1, ACK, payload=b"x").encode()
    assert read_tcp(good).payload == b"x"
    for bad in (good[:40], good[:46] + b"\x10" + good[47:], good[:23] + b"\x11" + good[24:]):
        with pytest.raises(MalformedError):
            read_tcp(bad)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        read_tcp(HEAD + data)


def test_options_that_make_no_sense_are_as_none() -> None:
    def mss_of(options: bytes) -> int | None:
        header = bytes([*bytes(12), 6 << 4, SYN, *bytes(6)]) + options
        return read_tcp(HEAD + bytes(IP(src="10.0.0.5", dst="169.254.169.254", proto=6) / header)).mss

    assert mss_of(b"\x02\x04\x03\x84") == 900
    assert mss_of(b"\x00\x02\x04\x03") is None
    for options in (b"\x01\x02\x04\x05", b"\x02\x00\x00\x00", b"\x01\x01\x01\x02", b"\x05\xff\0\0"):
        assert mss_of(options) is None

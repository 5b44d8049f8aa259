"""The controller side of the OpenFlow channel, spoken to byte by byte."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunbridge.openvswitch.openflow import OpenFlowError, polled, wire
from tunbridge.openvswitch.openflow.polled import Channel, Listener
from tunbridge.openvswitch.openflow.wire import message

FEATURES = message(wire.FEATURES_REPLY, bytes.fromhex("0000724bd7d22545") + bytes(16))
MONITOR_EVENT = message(wire.MULTIPART_REPLY, struct.pack("!HH4x", wire.MULTIPART_FLOW_MONITOR, 0))


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, bridge = socket.socketpair()
    yield Channel(ours), bridge
    ours.close()
    bridge.close()


def received(bridge: socket.socket) -> list[tuple[int, int]]:
    """Types and transaction ids of what came."""
    data, found = bridge.recv(65536), []
    while data:
        _, kind, length, xid = wire.HEADER.unpack_from(data)
        found.append((kind, xid))
        data = data[length:]
    return found


def test_a_bridge_is_greeted_asked_who_it_is_and_monitored(ends: tuple[Channel, socket.socket]) -> None:
    channel, bridge = ends
    channel.run()
    assert [kind for kind, _ in received(bridge)] == [wire.HELLO, wire.FEATURES_REQUEST]
    bridge.send(message(wire.HELLO) + FEATURES)
    channel.run()
    assert channel.datapath_id == "0000724bd7d22545"
    assert [kind for kind, _ in received(bridge)] == [wire.MULTIPART_REQUEST]


def test_an_echo_is_answered_with_its_transaction_id_and_body(ends: tuple[Channel, socket.socket]) -> None:
    channel, bridge = ends
    channel.run()
    bridge.recv(65536)
    bridge.send(message(wire.ECHO_REQUEST, b"body", xid=77))
    channel.run()
    assert bridge.recv(65536) == message(wire.ECHO_REPLY, b"body", xid=77)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_messages_may_come_in_pieces(ends: tuple[Channel, socket.socket], size: int) -> None:
    channel, bridge = ends
    stream = message(wire.HELLO) + FEATURES + MONITOR_EVENT
    for start in range(0, len(stream), size):
        channel.changed = False
        bridge.send(stream[start : start + size])
        channel.run()
    assert channel.datapath_id == "0000724bd7d22545"
    assert channel.changed


def test_what_is_not_about_flows_is_no_change(ends: tuple[Channel, socket.socket]) -> None:
    channel, bridge = ends
    bridge.send(message(wire.HELLO) + message(12, bytes(72)))  # a port status
    channel.run()
    assert not channel.changed


@pytest.mark.parametrize(
    "wrong",
    [b"GET / HTTP/1.1\r\n\r\n", struct.pack("!BBHI", 1, wire.FEATURES_REPLY, 32, 0), bytes(8)],
    ids=["another protocol", "another version", "no length"],
)
def test_who_does_not_speak_openflow_1_4_is_hung_up_on(ends: tuple[Channel, socket.socket], wrong: bytes) -> None:
    channel, bridge = ends
    bridge.send(wrong)
    channel.run()
    assert channel.closed


def test_a_bridge_that_goes_is_told_once(tmp_path: Path) -> None:
    listener = Listener(f"unix:{tmp_path}/sock")
    bridge = socket.socket(socket.AF_UNIX)
    bridge.connect(f"{tmp_path}/sock")
    bridge.send(message(wire.HELLO) + FEATURES)
    assert listener.run() == {"0000724bd7d22545"}
    assert listener.datapath_ids == {"0000724bd7d22545"}
    bridge.close()
    assert listener.run() == {"0000724bd7d22545"}
    assert listener.run() == set()
    listener.close()
    assert not (tmp_path / "sock").exists()


def test_a_socket_of_a_killed_agent_is_taken_over_but_not_one_that_answers(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(f"{tmp_path}/sock")
    dead.close()
    first = Listener(f"unix:{tmp_path}/sock")
    with pytest.raises(OpenFlowError, match="in use by another process"):
        Listener(f"unix:{tmp_path}/sock")
    first.close()


def test_no_more_connections_are_kept_than_any_host_has_bridges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled, "MAX_CHANNELS", 3)
    listener = Listener(f"unix:{tmp_path}/sock")
    callers = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for caller in callers:
        caller.connect(f"{tmp_path}/sock")
    listener.run()
    assert len(listener.channels) == 3
    for caller in callers:
        caller.close()
    listener.close()

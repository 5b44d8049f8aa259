"""The passive endpoint: bridges find their controller there, and nobody else keeps it busy."""

import asyncio
import contextlib
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.openvswitch.dummy import Dummy
from tunbridge.openvswitch.openflow import OpenFlowError, listener, wire
from tunbridge.openvswitch.openflow.listener import Listener
from tunbridge.openvswitch.openflow.wire import message


@contextlib.asynccontextmanager
async def listening(target: str, changed: Callable[[], None] = lambda: None) -> AsyncIterator[Listener]:
    made = Listener(target, changed)
    await made.start()
    yield made
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_bridge_is_connected_and_its_going_is_told(ovs: Dummy, bridge: str, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        path = Path(ovs.rundir, f"{bridge}.controller")  # vswitchd takes no socket elsewhere
        target = f"unix:{path}" if kind == "unix" else f"tcp:127.0.0.1:{free.getsockname()[1]}"
    told: list[int] = []

    async def run() -> None:
        async with listening(target, lambda: told.append(len(made.datapath_ids))) as made:
            ovs.vsctl("set-controller", bridge, target)
            await until(lambda: bool(made.datapath_ids))
            assert ovs.vsctl("get", "bridge", bridge, "datapath_id").strip() == f'"{next(iter(made.datapath_ids))}"'
            row = ovs.vsctl("get", "bridge", bridge, "controller").strip(" []\n")
            ovs.vsctl("--timeout=30", "wait-until", "controller", row, "is_connected=true")
            ovs.vsctl("del-controller", bridge)
            await until(lambda: not made.datapath_ids)

    asyncio.run(run())
    assert told == [1, 0]
    assert not path.exists()


async def call(path: Path, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    return reader, writer


def test_an_echo_is_answered_even_in_pieces(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(f"unix:{tmp_path}/c"):
            reader, writer = await call(tmp_path / "c", b"")
            for byte in message(wire.HELLO) + message(wire.ECHO_REQUEST, b"body", xid=77):
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            expected = message(wire.HELLO, wire.HELLO_BODY) + message(wire.FEATURES_REQUEST)
            expected += message(wire.ECHO_REPLY, b"body", xid=77)
            assert await reader.readexactly(len(expected)) == expected
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong",
    [b"GET / HTTP/1.1\r\n\r\n", struct.pack("!BBHI", 1, wire.FEATURES_REPLY, 32, 0), bytes(8)],
    ids=["another protocol", "another version", "no length"],
)
def test_who_does_not_speak_openflow_1_4_is_hung_up_on(tmp_path: Path, wrong: bytes) -> None:
    async def run() -> None:
        async with listening(f"unix:{tmp_path}/c") as made:
            _, writer = await call(tmp_path / "c", b"")
            await until(lambda: made.connections == 1)
            writer.write(wrong)
            await until(lambda: made.connections == 0)
            writer.close()

    asyncio.run(run())


def test_no_more_connections_are_kept_than_any_host_has_bridges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_CHANNELS", 3)

    async def run() -> None:
        async with listening(f"unix:{tmp_path}/c") as made:
            calls = [await call(tmp_path / "c", b"") for _ in range(5)]
            ended = [reader for reader, _ in calls[3:]]
            for reader in ended:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            assert made.connections == 3
            for _, writer in calls:
                writer.close()

    asyncio.run(run())


def test_a_socket_of_a_killed_agent_is_taken_over_but_not_one_that_answers(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(f"{tmp_path}/c")
    dead.close()

    async def run() -> None:
        async with listening(f"unix:{tmp_path}/c"):
            assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o600
            with pytest.raises(OpenFlowError, match="in use by another process"):
                await Listener(f"unix:{tmp_path}/c").start()

    asyncio.run(run())


def test_a_port_of_another_controller_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        target = f"tcp:127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OpenFlowError, match="in use by another process"):
            asyncio.run(Listener(target).start())

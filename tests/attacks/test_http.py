"""Requests that nobody needs credentials for: heads without end, connections that never finish, names that are none.

What is asserted are answers and what the server has open, not times: how long others wait is what the long form prints.
"""

import asyncio
import contextlib
import re
import resource
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.api.serving import Cloud
from tunbridge.api import protocol

MIB = 1 << 20
Address = tuple[str, int]


def connect(cloud: Cloud, source: str = "127.0.0.1") -> socket.socket:
    host, port = cloud.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))


def answer(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def send(cloud: Cloud, *parts: bytes) -> bytes:
    """Send as much as the server takes, and give its answer."""
    with connect(cloud) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
        return answer(connection)


def status(found: bytes) -> int:
    assert found.startswith(b"HTTP/1.1 "), found[:200]
    return int(found.split()[1])


def memory(cloud: Cloud) -> int:
    """Give the resident memory of the server's process, bytes."""
    assert cloud.process is not None
    line = next(
        text for text in Path(f"/proc/{cloud.process.pid}/status").read_text().splitlines() if text.startswith("VmRSS")
    )
    return int(line.split()[1]) * 1024


HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
FILL = b"a" * MIB


@pytest.mark.parametrize(
    ("expected", "parts"),
    [
        (414, [b"GET /", *[FILL] * 20]),
        (414, [b"GET /" + b"a" * (protocol.MAX_URL + 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n"]),
        (431, [HEAD, b"X-Long: ", *[FILL] * 20]),
        (431, [HEAD, *[b"X-More: " + b"a" * 1000 + b"\r\n"] * 20_000]),
        (431, [HEAD, b"X-Long: " + b"a" * (protocol.MAX_HEADER + 1) + b"\r\n\r\n"]),
        (431, [HEAD, b"A: b\r\n" * (protocol.MAX_HEADERS + 1), b"\r\n"]),
        (431, [HEAD, b"a" * 20 * MIB]),
        (400, [b"\0\1\2\3\r\n\r\n"]),
    ],
    ids=["url", "long url", "header", "headers", "long header", "many headers", "name", "no http"],
)
def test_a_head_without_end_is_refused_and_not_kept(cloud: Cloud, expected: int, parts: list[bytes]) -> None:
    before = memory(cloud)
    found = send(cloud, *parts)
    assert status(found) == expected
    assert b'{"NeutronError":{"type":"HTTP' in found
    assert memory(cloud) - before < 8 * MIB


def test_what_fits_is_served(cloud: Cloud) -> None:
    ids = "&".join(f"id=00000000-0000-0000-0000-{number:012d}" for number in range(999))
    assert cloud.user("mia").request("GET", f"/networks?{ids}").json() == {"networks": []}
    found = send(
        cloud, HEAD, b"".join(b"X-%d: %s\r\n" % (n, b"a" * 500) for n in range(90)), b"Connection: close\r\n\r\n"
    )
    assert status(found) == 200


CHUNKED = b"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [[CHUNKED, b"5;", *[FILL] * 20], [CHUNKED, b"0\r\n", *[b"X-More: " + b"a" * 1000 + b"\r\n"] * 20_000]],
    ids=["chunk extension", "trailers"],
)
def test_framing_without_end_is_refused_and_not_kept(cloud: Cloud, parts: list[bytes]) -> None:
    before = memory(cloud)
    found = send(cloud, *parts)
    assert found == b"" or status(found) == 400  # an answer to the head may have been begun
    assert memory(cloud) - before < 8 * MIB


def test_small_chunks_and_pipelined_requests_are_served(cloud: Cloud) -> None:
    body = b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}}}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    end = HEAD + b"Connection: close\r\n\r\n"
    found = send(cloud, CHUNKED + chunks + (HEAD + b"\r\n") * 3 + end)
    assert re.findall(rb"HTTP/1.1 (\d+) ", found) == [b"404", *[b"200"] * 4]


def open_connections(cloud: Cloud) -> int:
    assert cloud.process is not None
    port = cloud.url.rpartition(":")[2]
    argv = ["ss", "-Htn", "state", "established", "sport", "=", f":{port}"]
    return len(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines())


def test_of_connections_that_never_finish_only_some_stay_and_new_clients_are_served(cloud: Cloud) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(1200):
            made = stack.enter_context(connect(cloud, f"127.0.0.{2 + number % 2}"))
            with contextlib.suppress(OSError):
                made.sendall((b"", b"GET / HT", HEAD, CHUNKED)[number % 4])
            if number % 100 == 0:
                assert cloud.http.get(f"{cloud.url}/healthz").status_code == 200
        assert status(send(cloud, HEAD, b"Connection: close\r\n\r\n")) == 200
        wait_for(lambda: open_connections(cloud) <= 2 * protocol.PER_ADDRESS + 20)


def test_the_limit_on_open_files_is_raised(cloud: Cloud) -> None:
    assert cloud.process is not None
    soft, hard = resource.prlimit(cloud.process.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 65536)


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(0.05)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request once its body is there."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", b""),
        (b"\r\n", b"HTTP/1.1 408 "),
        (b"GET /", b"HTTP/1.1 408 "),
        (HEAD, b"HTTP/1.1 408 "),
        (HEAD + b"\r\n" + b"GET /", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 408 "),
    ],
    ids=["nothing", "line feed", "line", "head", "second head"],
)
def test_a_head_has_a_time_in_which_it_must_end(sent: bytes, expected: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.2)

    async def run() -> bytes:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(_echo, lifespan="off", log_config=None, server_header=False, date_header=False)
        server = protocol.Server(config, protocol.Connections(10), lambda _address: False)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(sent)
        async with asyncio.timeout(10):
            found = b"" if sent else await reader.read()
            while sent and not found.endswith(b'""}}'):
                part = await reader.read(65536)
                assert part, found
                found += part
        writer.close()
        server.should_exit = True
        await serving
        return found

    found = asyncio.run(run())
    assert found.startswith(expected)
    assert (found == b"") == (sent == b"")

"""A cheap HTTP client for measuring: requests as bytes over connections kept open, and what they took.

A client library would take more time than the server that it measures.
"""

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_LIMIT = 1 << 24


@dataclass(frozen=True)
class Load:
    """What a series of requests took."""

    milliseconds: Sequence[float]
    """From sending each request to having its whole answer."""
    seconds: float
    """All of them together."""
    cpu: Sequence[float]
    """Milliseconds of CPU per request, of each process that was looked at."""
    last: bytes
    """The body of the last answer."""


def cpu_seconds(pid: int) -> float:
    """Give the CPU time that the threads of a process have used; /proc/PID/stat knows only hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def memory_mib(pid: int) -> float:
    """Give the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def request(method: str, path: str, token: str, content: bytes = b"") -> bytes:
    """Give a request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nX-Auth-Token: {token}\r\nContent-Length: {len(content)}\r\n"
    return (head + "Content-Type: application/json\r\n\r\n").encode() + content


def run(
    url: str, requests: Sequence[bytes], at_once: int, pids: Sequence[int], status: int = 200, rate: float = 0
) -> Load:
    """Send requests, so many at once, as fast as they are answered.

    With a `rate` each is due at its time, so many a second, and what it takes counts from then, also when no
    connection was free to send it. Raises RuntimeError at an answer with another status.
    """
    return asyncio.run(_run(url, requests, at_once, pids, status, rate))


async def _run(
    url: str, requests: Sequence[bytes], at_once: int, pids: Sequence[int], status: int, rate: float
) -> Load:
    where = urlsplit(url)
    waiting = iter(enumerate(requests))
    times: list[float] = []
    last = b""

    async def client() -> None:
        nonlocal last
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=_LIMIT)
        try:
            for number, one in waiting:
                due = time.perf_counter()
                if rate:
                    due = began + number / rate
                    await asyncio.sleep(due - time.perf_counter())
                writer.write(one)
                found, last = await _answer(reader)
                times.append((time.perf_counter() - due) * 1000)
                if found != status:
                    raise RuntimeError(f"{one.split(b' HTTP')[0]!r}: {found} {last[:300]!r}")
        finally:
            writer.close()

    before = [cpu_seconds(pid) for pid in pids]
    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    cpu = [(cpu_seconds(pid) - old) * 1000 / len(requests) for pid, old in zip(pids, before, strict=True)]
    return Load(times, seconds, cpu, last)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length is None:
        raise RuntimeError(f"an answer without a length: {head!r}")
    return int(head[9:12]), await reader.readexactly(int(length[1]))

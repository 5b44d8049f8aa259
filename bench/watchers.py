"""Connections that watch a database as hosts do, each its own ports: one process holds them all.

`python -m bench.watchers SOCKET COUNT`: port ids as JSON on standard input; prints a line once all of them watch,
and one for each update that one of them gets.
"""

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tunbridge.database.schema import NAME

_PROBE = b'"echo"'
_COLUMNS = ["name", "network_id", "mac_address", "admin_state_up", "security_groups", "addresses"]


async def _watch(socket: str, ids: Sequence[str], ready: asyncio.Semaphore) -> None:
    reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 24)
    where = [["_uuid", "==", ["uuid", id]] for id in ids]
    asked = {"Port": [{"columns": _COLUMNS, "where": where}]}
    params = [NAME, "watch", asked, "0" * 8 + "-0000-0000-0000-" + "0" * 12]
    call = {"id": 1, "method": "monitor_cond_since", "params": params}
    writer.write(json.dumps(call).encode())
    answered = False
    while data := await reader.read(1 << 16):
        if _PROBE in data:
            writer.write(b'{"id":"echo","result":[],"error":null}')
        elif not answered:
            answered = True
            ready.release()
        for _ in range(data.count(b'"update3"')):
            print("changed", flush=True)


async def _all(socket: str, ids: Sequence[str], count: int) -> None:
    ready = asyncio.Semaphore(0)
    each = max(1, len(ids) // count)
    tasks = []
    for n in range(count):
        tasks.append(asyncio.create_task(_watch(socket, ids[n * each : (n + 1) * each], ready)))
        await ready.acquire()
    print("watching", flush=True)
    await asyncio.gather(*tasks)


@contextlib.contextmanager
def watching(socket: Path, ids: Sequence[str], count: int) -> Iterator[Callable[[int], None]]:
    """Have so many connections, between which the ports are shared out; gives what waits for so many updates."""
    if not count:
        yield lambda _updates: None
        return
    argv = [sys.executable, "-m", "bench.watchers", str(socket), str(count)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(ids).encode())
        process.stdin.close()
        lines = process.stdout

        def wait_for(updates: int) -> None:
            for _ in range(updates):
                if not lines.readline():
                    raise RuntimeError("the watchers ended")

        wait_for(1)
        yield wait_for
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_all(sys.argv[1], json.load(sys.stdin), int(sys.argv[2])))

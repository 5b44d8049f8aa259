"""The whole server: requests, beside a bare starlette handler that gives the same bytes, and 50,000 ports.

The load is one more process on the same two cores; so CPU per request is told beside the time.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from bench import load, watchers
from bench.figures import Figure
from bench.many import fill
from tests.api.serving import Cloud, serving

_UNLIMITED = "{ network = -1, subnet = -1, port = -1 }"
_OFFERED = 400.0
"""Creates a second that are the aim."""
_BARE = "a bare starlette handler, same bytes"


def server(runs: int, many: int, connections: int) -> Iterator[Figure]:
    """Measure with few ports, with `many`, and with `connections` watchers; `runs` requests each."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tbbench"))
        cloud = stack.enter_context(serving(Path(folder), networking={"default_quotas": _UNLIMITED}))
        bench = _Bench(cloud)
        yield from bench.creates(runs)
        small = bench.network_with(1000)
        yield from bench.reads(runs, small, "")
        big = bench.network_with(many - 1000)
        yield from bench.restart(many)
        yield from bench.reads(runs, small, f", {many} ports there")
        yield from bench.creates_port(runs, f", {many} ports there")
        yield from bench.watched(big, connections, runs)


class _Bench:
    """A server under measurement."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.admin = cloud.user()
        self._networks = 0

    @property
    def pids(self) -> tuple[int, int]:
        """Of the server, and of its database."""
        assert self.cloud.process is not None and self.cloud.database.process is not None
        return self.cloud.process.pid, self.cloud.database.process.pid

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        return load.request(method, f"/v2.0{path}", self.admin.token, content)

    def _measure(self, name: str, requests: Sequence[bytes], at_once: int = 1, status: int = 200) -> Iterator[Figure]:
        done = load.run(self.cloud.url, requests, at_once, self.pids, status)
        bare = _bare(requests, at_once, status, done.last)
        yield Figure(name, "ms", done.milliseconds, _BARE, bare.milliseconds)
        yield Figure("  server's CPU per request", "ms", done.cpu[:1], _BARE, bare.cpu[:1])
        if status == 201:
            yield Figure("  database's CPU per request", "ms", [done.cpu[1]])
        if at_once > 1:
            rates = [len(requests) / one.seconds for one in (done, bare)]
            yield Figure("  requests per second", "/s", rates[:1], _BARE, rates[1:])

    def creates(self, runs: int) -> Iterator[Figure]:
        """Create networks, subnets, ports."""
        network = [self._request("POST", "/networks", {"network": {"name": f"n{n}"}}) for n in range(runs)]
        yield from self._measure("create network", network, status=201)
        yield from self._measure("create network, 16 at once", network, 16, 201)
        for at_once in (1, 16):
            ids = [self.admin.create("network", name="s")["id"] for _ in range(runs)]
            bodies = [{"subnet": {"network_id": id, "ip_version": 4, "cidr": "10.0.0.0/24"}} for id in ids]
            name = "create subnet" + (", 16 at once" if at_once > 1 else "")
            yield from self._measure(name, [self._request("POST", "/subnets", b) for b in bodies], at_once, 201)
        yield from self.creates_port(runs, "")

    def creates_port(self, runs: int, where: str) -> Iterator[Figure]:
        """Create ports, in a network of their own."""
        body = {"port": {"network_id": self._network(), "name": "p"}}
        requests = [self._request("POST", "/ports", body)] * runs
        yield from self._measure(f"create port{where}", requests, status=201)
        yield from self._measure(f"create port, 16 at once{where}", requests * 2, 16, 201)
        done = load.run(self.cloud.url, requests * 4, 16, self.pids, 201, _OFFERED)
        yield Figure(f"create port, {_OFFERED:g} a second come{where}", "ms", done.milliseconds)

    def _network(self) -> str:
        id: str = self.admin.create("network", name="many")["id"]
        self._networks += 1
        self.admin.create("subnet", network_id=id, ip_version=4, cidr=f"10.{self._networks}.0.0/16")
        return id

    def network_with(self, ports: int) -> str:
        """Give a network with so many ports, all like one that the API made."""
        id = self._network()
        first = [{"ip_address": f"10.{self._networks}.0.9"}]
        model = self.admin.create("port", network_id=id, name="p", device_id=str(uuid.uuid4()), fixed_ips=first)
        asyncio.run(fill(self.cloud.database.remote, model["id"], ports - 1))
        return id

    def reads(self, runs: int, network: str, where: str) -> Iterator[Figure]:
        """List and show."""
        ports = self.admin.list("port", network_id=network)
        path = f"/ports?network_id={network}"
        few = max(3, runs // 10)
        yield from self._measure(f"list {len(ports)} ports{where}", [self._request("GET", path)] * few)
        some = f"{path}&fields=id&fields=name"
        yield from self._measure(f"list {len(ports)} ports, two fields{where}", [self._request("GET", some)] * few)
        shows = [self._request("GET", f"/ports/{ports[n % len(ports)]['id']}") for n in range(runs)]
        yield from self._measure(f"show port{where}", shows)
        filters = [self._request("GET", f"/ports?device_id={ports[0]['device_id']}")] * runs
        yield from self._measure(f"list by device_id{where}", filters)

    def restart(self, ports: int) -> Iterator[Figure]:
        """Start again, with a client that asks /healthz all the time."""
        self.cloud.kill()
        began = time.monotonic()
        with _asking(self.cloud) as waits:
            self.cloud.start()
            ready = time.monotonic() - began
        yield Figure(f"start to ready, {ports} ports", "s", [ready])
        yield Figure("  longest wait for /healthz meanwhile", "ms", [max(waits, default=0.0)])
        self.admin.list("port", fields="id")
        yield Figure("  server's memory", "MiB", [load.memory_mib(self.pids[0])])
        yield Figure("  database's memory", "MiB", [load.memory_mib(self.pids[1])])

    def watched(self, network: str, connections: int, runs: int) -> Iterator[Figure]:
        """Change ports while hosts watch theirs."""
        ids = [port["id"] for port in self.admin.list("port", {"network_id": network, "fields": "id"})]
        each = len(ids) // connections  # so that each change is of another host's port
        for count in (0, connections):
            with watchers.watching(self.cloud.database.folder / "sock", ids, count) as wait_for:
                body = {"port": {"name": f"with {count}"}}
                changes = [self._request("PUT", f"/ports/{ids[n * each]}", body) for n in range(runs)]
                done = load.run(self.cloud.url, changes, 1, self.pids)
                wait_for(runs)
            yield Figure(f"change port, {count} watchers", "ms", done.milliseconds)
            yield Figure("  server's CPU per change", "ms", [done.cpu[0]])
            yield Figure("  database's CPU per change", "ms", [done.cpu[1]])


@contextlib.contextmanager
def _asking(cloud: Cloud) -> Iterator[list[float]]:
    """Ask /healthz in another thread from the moment that the server listens; gives the waits in ms."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.wait(0.002):
                if cloud.url:
                    began = time.perf_counter()
                    with contextlib.suppress(httpx.TransportError):
                        client.get(f"{cloud.url}/healthz")
                        waits.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()


def _bare(requests: Sequence[bytes], at_once: int, status: int, content: bytes) -> load.Load:
    """Send the same bodies to the bare handler."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="tbbare") as folder:
        (Path(folder) / "body").write_bytes(content)
        process = subprocess.Popen([sys.executable, "-m", "bench.bare", folder, str(port)])
        try:
            _until_listening(port)
            heads = [one.split(b" ", 2) for one in requests]
            same = [b"%s /%d/body %s" % (method, status, rest) for method, _, rest in heads]
            return load.run(f"http://127.0.0.1:{port}", same, at_once, [process.pid], status)
        finally:
            process.kill()
            process.wait()


def _until_listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return

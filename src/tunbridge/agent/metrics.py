"""/metrics for Prometheus and /healthz, over HTTP, when they are asked for (`metrics = "127.0.0.1:9697"`).

A thread of its own serves them. It never touches the agent: the loop puts one immutable `Status` after the other on the
`Bulletin`, and everything here is computed from the last one. Only imported when it is on.
"""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tunbridge.agent.status.bulletin import HUNG_S, Bulletin
from tunbridge.agent.status.document import Histogram, Status
from tunbridge.errors import TunbridgeError

REQUEST_S = 10.0

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class MetricsError(TunbridgeError):
    """The address for the metrics cannot be had."""

    exit_status = 1


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What /healthz tells, as JSON."""

    in_sync: bool
    since: str
    host: str
    version: str
    waits_for: list[str]
    problems: list[str]


def health(bulletin: Bulletin) -> tuple[bool, Health]:
    """Tell whether the host is in order, and what it waits for when it is not."""
    answer = bulletin.read()
    status, busy_s = answer.status, answer.busy_s
    waits = [f"{w.subject}: {w.message}" for w in status.waits_for]
    if busy_s > HUNG_S:
        waits.insert(0, f"agent: it hangs, in one step for {busy_s:.0f} s")
    well = status.in_sync and busy_s <= HUNG_S
    problems = [f"{p.subject}: {p.message}" for p in status.problems]
    return well, Health(
        in_sync=well, since=status.since, host=status.host, version=status.version, waits_for=waits, problems=problems,
    )  # fmt: skip


class StatusCollector(Collector):
    """The status as metric families."""

    def __init__(self, bulletin: Bulletin) -> None:
        self._bulletin = bulletin

    def collect(self) -> Iterable[Metric]:
        """Compute every family from one status."""
        status = self._bulletin.read().status
        yield from _state(status)
        yield from _per_bridge(status)
        yield _ports(status)
        yield from _metered(status)
        yield from _counters(status)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _state(status: Status) -> Iterator[Metric]:
    info = GaugeMetricFamily("tunbridge_agent_info", "Which agent this is; always 1.", labels=["version", "host"])
    info.add_metric([status.version, status.host], 1)
    yield info
    yield _gauge(
        "tunbridge_in_sync", "1 when the host is as it is wanted and every bridge is connected.", status.in_sync
    )
    yield _gauge("tunbridge_ovsdb_connected", "1 when the local OVSDB is connected.", status.ovsdb is not None)
    yield _gauge(
        "tunbridge_central_connected", "1 when the central database is connected and believed, or there is to be none.",
        status.central is None,
    )  # fmt: skip
    yield _gauge("tunbridge_problems", "Things that the agent cannot do; host status names them.", len(status.problems))
    yield _gauge("tunbridge_peers", "Hosts to have a tunnel to.", len(status.peers))
    broken = sum(peer.problem is not None for peer in status.peers)
    yield _gauge("tunbridge_peers_without_tunnel", "Peers whose tunnel port is missing or reported broken.", broken)


def _per_bridge(status: Status) -> Iterator[Metric]:
    connected = GaugeMetricFamily(
        "tunbridge_bridge_connected", "1 when the bridge is connected to the agent.", labels=["bridge"]
    )
    flows = GaugeMetricFamily("tunbridge_flows", "Flows of the agent, as last verified.", labels=["bridge"])
    for bridge in status.bridges:
        connected.add_metric([bridge.name], bridge.connected)
        flows.add_metric([bridge.name], bridge.flows)
    yield connected
    yield flows


def _ports(status: Status) -> Metric:
    ports = GaugeMetricFamily("tunbridge_ports", "Ports that are plugged in, by what the API shows.", labels=["status"])
    counts = Counter(workload.status for workload in status.workloads)
    for name in sorted({"ACTIVE", "BUILD", "DOWN", "ERROR", *counts}):
        ports.add_metric([name], counts[name])
    return ports


def _metered(status: Status) -> Iterator[Metric]:
    """Families are there also while nothing is metered, so that a first label is seen to begin at 0."""
    names = ("label", "name", "project", "router", "direction")
    packets, octets = (
        CounterMetricFamily(f"tunbridge_metered_{what}", f"{text} that metering labels count here.", labels=names)
        for what, text in (("packets", "Packets"), ("bytes", "Bytes of IP packets"))
    )
    for one in status.metered:
        where = [one.label, one.name, one.project, one.router, one.direction]
        packets.add_metric(where, one.packets)
        octets.add_metric(where, one.bytes)
    yield packets
    yield octets


def _packets(packets: Mapping[str, Mapping[str, int]]) -> Metric:
    family = CounterMetricFamily(
        "tunbridge_packets", "Requests of workloads to the agent, by kind and what became of them.",
        labels=["kind", "result"],
    )  # fmt: skip
    for kind, results in packets.items():
        for result, number in results.items():
            family.add_metric([kind, result], number)
    return family


def _counters(status: Status) -> Iterator[Metric]:
    counts = status.counts
    repairs = CounterMetricFamily("tunbridge_repairs", "Things that were brought in order, by kind.", labels=["kind"])
    for kind, number in sorted(counts.repairs.items()):
        repairs.add_metric([kind], number)
    yield repairs
    yield _packets(counts.packets)
    for name, text, value in (
        ("tunbridge_drift", "Times that a host in sync was found changed by another process.", counts.drift),
        ("tunbridge_passes", "Comparisons of the host with what is wanted.", counts.passes),
        ("tunbridge_failed_passes", "Those that ended with an error, and were tried again.", counts.failed_passes),
        ("tunbridge_ovsdb_reconnects", "Lost connections to the local OVSDB.", counts.ovsdb_reconnects),
        ("tunbridge_openflow_reconnects", "Bridges that connected again.", counts.openflow_reconnects),
        ("tunbridge_central_reconnects", "Lost connections to the central database.", counts.central_reconnects),
        ("tunbridge_connections_cut", "Connections that were no longer allowed.", counts.connections_cut),
    ):
        yield CounterMetricFamily(name, text, value=value)
    yield _histogram(
        "tunbridge_converge_seconds", "From an event to the host being in sync, when there was something to do.",
        counts.converged,
    )  # fmt: skip


def _histogram(name: str, text: str, seen: Histogram) -> Metric:
    total, buckets = 0, []
    for bound, count in zip((*map(str, seen.bounds), "+Inf"), seen.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=seen.sum)


def registry(bulletin: Bulletin) -> CollectorRegistry:
    """Give the registry of one agent: its status, and its process as Prometheus' clients tell it."""
    made = CollectorRegistry(auto_describe=False)
    made.register(StatusCollector(bulletin))
    ProcessCollector(registry=made)
    return made


def application(bulletin: Bulletin) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """Give the WSGI application: /metrics and /healthz, read only."""
    metrics = make_wsgi_app(registry(bulletin))

    def answer(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _plain(start, "405 Method Not Allowed", b"GET only\n", ("Allow", "GET, HEAD"))
        if environ["PATH_INFO"] == "/metrics":
            found: Iterable[bytes] = metrics(environ, start)
            return found
        if environ["PATH_INFO"] == "/healthz":
            well, told = health(bulletin)
            body = msgspec.json.encode(told) + b"\n"
            return _plain(start, "200 OK" if well else "503 Service Unavailable", body, kind="application/json")
        return _plain(start, "404 Not Found", b"/metrics and /healthz are here\n")

    return answer


def _plain(
    start: StartResponse, status: str, body: bytes, *headers: tuple[str, str], kind: str = "text/plain"
) -> list[bytes]:
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), *headers])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for the name of the address here; a host's agent must not wait for that.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_S

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests: the agent's log tells what happens on the host."""

    def handle(self) -> None:
        try:
            super().handle()
        except (TimeoutError, ConnectionError):
            self.close_connection = True


class MetricsServer:
    """The thread that serves. Raises MetricsError when the address is taken or not this host's."""

    def __init__(self, address: tuple[str, int], bulletin: Bulletin) -> None:
        try:
            self._server = _Server(address)
        except OSError as e:
            raise MetricsError(
                f"metrics {address[0]}:{address[1]}: cannot listen: {e.strerror}; set `metrics` to another address"
            ) from e
        self._server.set_app(application(bulletin))
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it serves on."""
        return self._server.server_port

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

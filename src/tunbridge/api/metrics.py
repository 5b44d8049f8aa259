"""Figures of the server for Prometheus. Labels have few values: methods, collections, statuses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily

if TYPE_CHECKING:
    from tunbridge.database.stats import Stats

REGISTRY = CollectorRegistry()
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUESTS = Counter(
    "tunbridge_server_requests", "Requests answered", ["method", "collection", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "tunbridge_server_request_seconds",
    "Time from a request's headers to the end of its answer",
    ["method", "collection"],
    buckets=_BUCKETS,
    registry=REGISTRY,
)
READY = Gauge("tunbridge_server_ready", "1 while the database is connected and its rows are here", registry=REGISTRY)
ROWS = Gauge("tunbridge_server_rows", "Rows in memory", ["table"], registry=REGISTRY)
NOVA_EVENTS = Counter(
    "tunbridge_server_nova_events", "Events about ports for Nova, by what became of them", ["result"], registry=REGISTRY
)
DNS_NAMES = Gauge(
    "tunbridge_server_dns",
    "Recordsets published in Designate; ports and floating IPs whose names wait, or were refused",
    ["state"],
    registry=REGISTRY,
)
TOLD = Gauge(
    "tunbridge_server_told",
    "What another service of the cloud has not been told yet: what waits, and what it refused, which is tried again",
    ["service", "state"],
    registry=REGISTRY,
)
TOLD_FAILS_SINCE = Gauge(
    "tunbridge_server_told_fails_since_seconds",
    "When telling another service failed first, in seconds since 1970; 0: it does not fail, or another server does it",
    ["service"],
    registry=REGISTRY,
)
STREAMS = Gauge("tunbridge_server_event_streams", "Clients that follow the stream of events", registry=REGISTRY)
_DATABASE = {
    "transactions": "Transactions that the central database has answered, whatever the answer",
    "conflicts": "Of those, the ones refused for what others wrote; they are built again",
    "resent": "Transactions sent again because the connection was lost before their reply",
    "barriers": "Empty transactions that make sure that the rows here are current",
    "updates": "Updates of rows received",
    "reconnects": "Connections to the central database that were lost",
    "resumes": "Connections that needed only what had changed",
    "loads": "Connections that loaded all rows",
}


class DatabaseFigures:
    """Shows the counters of the connection to the central database."""

    def __init__(self, stats: "Stats") -> None:
        self._stats = stats

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give each counter as it is now; `prometheus_client` calls this."""
        for name, value in msgspec.structs.asdict(self._stats).items():
            yield CounterMetricFamily(f"tunbridge_server_database_{name}", _DATABASE[name], value=value)

"""Figures of the server for Prometheus. Labels have few values: methods, collections, statuses."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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

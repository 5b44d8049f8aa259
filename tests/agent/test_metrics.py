"""Metrics and health over HTTP: off unless asked for, on loopback unless told so, true of the host."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.agent.hosts import PHYSNET, Wired
from tunbridge.agent import config
from tunbridge.agent.config import Peer
from tunbridge.agent.metrics import MetricsError, MetricsServer, application, registry
from tunbridge.agent.status.bulletin import Bulletin
from tunbridge.agent.status.document import MeteredStatus, Status, WorkloadStatus, utc_now
from tunbridge.agent.status.record import BOUNDS_S, Record
from tunbridge.configuration import ConfigurationError
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
ADDRESS = "127.0.0.1:9697"


def load(tmp_path: Path, text: str) -> config.AgentConfig:
    path = tmp_path / "agent.toml"
    path.write_text(f'local_ip = "10.0.0.1"\n{text}\n')
    return config.load(path, {})


def status(in_sync: bool = True, waits_for: list[Problem] | None = None, record: Record | None = None) -> Status:
    return Status(
        version="1", host="h", local_ip="10.0.0.1", tunnel_types=("vxlan",), pid=1, started=utc_now(), in_sync=in_sync,
        since=utc_now(), waits_for=waits_for or [], problems=[], ovsdb=None, bridges=[], workloads=[],
        central=None,
        peers=[], repairs=[], later=[],
        refused=None, counts=(record or Record()).counts(0),
    )  # fmt: skip


def get(bulletin: Bulletin, path: str, method: str = "GET") -> tuple[str, bytes]:
    answers: list[str] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""}
    body = b"".join(application(bulletin)(environ, lambda text, _headers: answers.append(text)))
    return answers[0], body


# Configuration


def test_nothing_is_served_unless_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, "").metrics is False


@pytest.mark.parametrize("address", ["127.0.0.1:9697", "[::1]:9697"])
def test_loopback_addresses_are_taken(tmp_path: Path, address: str) -> None:
    assert load(tmp_path, f'metrics = "{address}"').metrics == address


@pytest.mark.parametrize("address", ["0.0.0.0:9697", "10.0.0.1:9697", "[::]:9697", "localhost:9697", "9697", "::1:0"])
def test_other_addresses_are_refused_by_name(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match="metrics"):
        load(tmp_path, f'metrics = "{address}"')


def test_an_address_that_others_reach_must_be_allowed_in_so_many_words(tmp_path: Path) -> None:
    assert load(tmp_path, 'metrics = "0.0.0.0:9697"\nmetrics_anywhere = true').metrics == "0.0.0.0:9697"


# What is told


def test_a_host_that_is_not_in_sync_is_not_healthy_and_says_why() -> None:
    bulletin = Bulletin(
        status(in_sync=False, waits_for=[Problem(code=Code.OVSDB_SILENT, subject="OVSDB", message="does not answer")])
    )
    answer, body = get(bulletin, "/healthz")
    assert answer == "503 Service Unavailable"
    assert json.loads(body)["waits_for"] == ["OVSDB: does not answer"]


def test_a_loop_that_hangs_is_not_healthy_whatever_it_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    bulletin = Bulletin(status())
    assert get(bulletin, "/healthz")[0] == "200 OK"
    monkeypatch.setattr("tunbridge.agent.metrics.HUNG_S", -1.0)
    answer, body = get(bulletin, "/healthz")
    assert answer == "503 Service Unavailable"
    assert "it hangs, in one step for" in json.loads(body)["waits_for"][0]


def test_only_reading_is_answered_and_only_these_two_pages() -> None:
    bulletin = Bulletin(status())
    assert get(bulletin, "/metrics", "POST")[0] == "405 Method Not Allowed"
    assert get(bulletin, "/etc/passwd")[0] == "404 Not Found"


def test_durations_are_counted_in_their_buckets() -> None:
    record = Record()
    for took in (0.005, 0.2, 1000.0):
        record.flows("br-int", 1, 0, repair=True)
        record.in_sync(took)
    record.in_sync(5.0)  # nothing was to be done: not counted
    samples = families(get(Bulletin(status(record=record)), "/metrics")[1].decode())["tunbridge_converge_seconds"]
    buckets = {s.labels["le"]: s.value for s in samples if s.name.endswith("_bucket")}
    assert buckets["0.01"] == 1
    assert buckets["0.25"] == 2
    assert buckets[str(BOUNDS_S[-1])] == 2
    assert buckets["+Inf"] == 3


def test_ports_packets_and_the_central_database_are_told() -> None:
    told = status()
    workloads = [
        WorkloadStatus(port_id=str(n), device=f"tap{n}", network_id=None, status=state, reason="")
        for n, state in enumerate(("ACTIVE", "ERROR", "ACTIVE"))
    ]
    packets = {"dhcp4": {"answered": 3, "malformed": 1}, "unknown": {"ignored": 2}}
    counts = replace(told.counts, packets=packets, central_reconnects=4, connections_cut=5)
    metered = [
        MeteredStatus(label="l", name="web", project="p", router="r", direction=direction, packets=n, bytes=100 * n)
        for direction, n in (("egress", 7), ("ingress", 8))
    ]
    told = replace(told, workloads=workloads, counts=counts, central="is another one", metered=metered)
    found = families(get(Bulletin(told), "/metrics")[1].decode())
    assert {s.labels["status"]: s.value for s in found["tunbridge_ports"]} == {
        "ACTIVE": 2,
        "BUILD": 0,
        "DOWN": 0,
        "ERROR": 1,
    }
    assert {(s.labels["kind"], s.labels["result"]): s.value for s in found["tunbridge_packets"]} == {
        ("dhcp4", "answered"): 3, ("dhcp4", "malformed"): 1, ("unknown", "ignored"): 2,
    }  # fmt: skip
    assert [found[f"tunbridge_{name}"][0].value for name in ("central_connected", "central_reconnects")] == [0, 4]
    assert found["tunbridge_connections_cut"][0].value == 5
    assert [(s.labels["direction"], s.value) for s in found["tunbridge_metered_bytes"]] == [
        ("egress", 700), ("ingress", 800),
    ]  # fmt: skip
    assert found["tunbridge_metered_packets"][0].labels == {
        "label": "l", "name": "web", "project": "p", "router": "r", "direction": "egress",
    }  # fmt: skip


def families(text: str) -> dict[str, list[Sample]]:
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def test_the_page_lists_exactly_the_metrics_that_are_served() -> None:
    served = {
        family.name for family in registry(Bulletin(status())).collect() if not family.name.startswith("process_")
    }
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `tunbridge_")]
    names = {name.split("{")[0].removesuffix("_total") for name in rows}
    assert names == served


# On a host


@pytest.fixture(scope="module")
def wired(module_lab_name: Callable[[], str]) -> Iterator[Wired]:
    lab = Lab(module_lab_name())
    plans = [HostPlan(name="network0", local_ip="10.0.0.27", providers=PHYSNET)]
    lab.up(checked(LabPlan(name=lab.name, hosts=plans, prefix_length=24)), lambda _part, _what: None, agents=False)
    host = Wired(lab, "network0")
    host.configure(metrics=ADDRESS, peers=[Peer(host="compute0", ip="10.0.0.25")])
    host.start()
    yield host
    host.stop()


def fetch(host: Wired, path: str) -> tuple[int, str]:
    script = (
        "import sys, urllib.request, urllib.error\n"
        "try:\n    answer = urllib.request.urlopen(sys.argv[1], timeout=10)\n"
        "except urllib.error.HTTPError as e:\n    answer = e\n"
        "print(answer.status)\nprint(answer.read().decode(), end='')"
    )
    done = host.host.run("python3", "-c", script, f"http://{ADDRESS}{path}")
    first, _, rest = done.stdout.partition("\n")
    return int(first), rest


def value(host: Wired, name: str, **labels: str) -> float:
    samples = [s for family in families(fetch(host, "/metrics")[1]).values() for s in family]
    return next(s.value for s in samples if s.name == name and s.labels == labels)


@pytest.mark.ovs
def test_a_host_in_sync_is_healthy_and_its_metrics_say_what_it_has(wired: Wired) -> None:
    wait_until(lambda: fetch(wired, "/healthz")[0] == 200, "healthy")
    assert value(wired, "tunbridge_in_sync") == 1
    for bridge in ("br-int", "br-tun", "br-eth1"):
        ours = [line for line in wired.flows(bridge) if "cookie=0x7462" in line]
        assert value(wired, "tunbridge_flows", bridge=bridge) == len(ours)
        assert value(wired, "tunbridge_bridge_connected", bridge=bridge) == 1
    assert value(wired, "tunbridge_repairs_total", kind="bridge") >= 3
    assert value(wired, "tunbridge_peers") == 1
    assert value(wired, "process_resident_memory_bytes") > 1 << 20


@pytest.mark.ovs
def test_drift_and_its_repair_are_counted(wired: Wired) -> None:
    drift = value(wired, "tunbridge_drift_total")
    repairs = value(wired, "tunbridge_repairs_total", kind="flows")
    wired.ofctl("del-flows", "br-tun")
    wait_until(lambda: value(wired, "tunbridge_repairs_total", kind="flows") == repairs + 1, "the repair is counted")
    assert value(wired, "tunbridge_drift_total") == drift + 1


@pytest.mark.ovs
def test_without_the_switch_the_host_is_not_healthy(wired: Wired) -> None:
    wired.host.kill("ovs-vswitchd")
    wait_until(lambda: fetch(wired, "/healthz")[0] == 503, "not healthy")
    assert "ovs-vswitchd" in fetch(wired, "/healthz")[1]
    assert value(wired, "tunbridge_in_sync") == 0
    wired.host.start_vswitchd()
    wait_until(lambda: fetch(wired, "/healthz")[0] == 200, "healthy again")
    assert value(wired, "tunbridge_openflow_reconnects_total") >= 3


def test_a_taken_address_is_an_error_that_names_it() -> None:
    server = MetricsServer(("127.0.0.1", 0), Bulletin(status()))
    try:
        with pytest.raises(MetricsError, match=f"metrics 127.0.0.1:{server.port}: cannot listen"):
            MetricsServer(("127.0.0.1", server.port), Bulletin(status()))
    finally:
        server.close()

"""Two readings of one database, by `check --counters`: what grew between them is found, what is old is not."""

import json
import time

import pytest
from typer.testing import CliRunner

from tests.inspect.hosts import two
from tests.inspect.test_live import Database, database, pytestmark  # noqa: F401 - a fixture, and a mark
from tunbridge.cli.main import app
from tunbridge.inspect.counters import growth, with_growth


def test_check_reads_twice_and_reports_what_grew_meanwhile(
    database: Database,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_counters = ["set", "interface", "eth1"]
    database.vsctl("add-br", "br-ex", "--", "add-port", "br-ex", "eth1")
    database.vsctl(*set_counters, "statistics:rx_dropped=1000", "statistics:tx_errors=5")
    really_sleep = time.sleep

    def wait(seconds: float) -> None:
        if seconds != 8:
            really_sleep(seconds)  # somebody else's
            return
        database.vsctl(*set_counters, "statistics:rx_dropped=1007")

    monkeypatch.setattr(time, "sleep", wait)
    done = CliRunner().invoke(app, ["check", "--counters", "8", "-f", "json", database.remote])
    document = json.loads(done.stdout)
    (finding,) = [f for f in document["findings"] if f["code"] in ("drops-growing", "errors-growing")]
    assert "eth1 of br-ex drops packets: rx_dropped +7 in 8 s" in finding["message"]
    assert document["hosts"][0]["counted_over"] == 8.0


def test_a_counter_that_was_reset_grew_by_what_it_says() -> None:
    assert growth({"a": 5, "b": 5, "c": 5}, {"a": 7, "b": 2, "c": 5, "new": 9}) == {"a": 2, "b": 2}


def test_a_host_that_could_not_be_read_again_stays_as_it_was() -> None:
    hosts = two()
    assert with_growth(hosts, [], 6.0) == hosts

"""A host registers itself in the central database and stays alive there; without the database it works as well."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from tests.agent.hosts import PHYSNET, Wired
from tests.conftest import MakeLab
from tests.database.members import Member
from tunbridge.agent.central.registration import AGENT_TYPE
from tunbridge.lab.host import wait_until
from tunbridge.model import catalog

pytestmark = pytest.mark.ovs


class Central:
    """A central database in the host's own folder, which is /run inside."""

    def __init__(self, host: Wired) -> None:
        folder = host.host.folder / "central"
        folder.mkdir()
        self.member = Member(folder, catalog.tables())
        self.member.create()
        self.remote = "unix:/run/central/sock"

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Give the rows of a table, by a client of its own."""
        argv = ["ovsdb-client", "--format=json", "--data=json", "dump", self.member.remote, "Tunbridge", table]
        found = msgspec.json.decode(subprocess.run(argv, check=True, capture_output=True).stdout)
        return [dict(zip(found["headings"], row, strict=True)) for row in found["data"]]

    def host(self) -> dict[str, Any]:
        (row,) = self.rows("Host")
        return row

    def heartbeat(self) -> datetime:
        (row,) = self.rows("Host_Heartbeat")
        return datetime.fromisoformat(row["heartbeat_at"])


@pytest.fixture
def host(make_lab: MakeLab) -> Wired:
    return Wired(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"), "network0")


@pytest.fixture
def central(host: Wired) -> Iterator[Central]:
    made = Central(host)
    made.member.start()
    yield made
    made.member.stop()


def registered(host: Wired, times: int = 1) -> Callable[[], bool]:
    return lambda: host.log().count("event=registered") == times


def test_a_host_tells_what_neutrons_agent_tells(host: Wired, central: Central) -> None:
    host.configure(database=[central.remote], availability_zone="north")
    host.start()
    wait_until(registered(host), "registered")
    row = central.host()
    told = msgspec.json.decode(row["configurations"])
    assert (row["host"], row["agent_type"], row["availability_zone"]) == ("network0", AGENT_TYPE, "north")
    assert told["bridge_mappings"] == {"physnet1": "br-eth1"}
    assert told["tunnel_types"] == ["vxlan"]
    assert told["tunneling_ip"] == "10.0.0.27"
    assert central.heartbeat() >= datetime.fromisoformat(row["started_at"])


def test_heartbeats_change_no_other_table_and_a_restart_keeps_the_entry(host: Wired, central: Central) -> None:
    host.configure(database=[central.remote], report_interval=1)
    host.start()
    wait_until(registered(host), "registered")
    before, first = central.host(), central.heartbeat()
    wait_until(lambda: central.heartbeat() > first, "a heartbeat")
    assert central.host() == before
    host.restart()
    wait_until(registered(host, 2), "registered again")
    after = central.host()
    assert after["_uuid"] == before["_uuid"]
    assert after["created_at"] == before["created_at"]


def test_the_host_is_wired_without_the_database_and_registered_when_it_comes(host: Wired, central: Central) -> None:
    central.member.stop()
    host.configure(database=[central.remote], report_interval=1)
    host.start()
    assert "event=registered" not in host.log()
    central.member.start()
    wait_until(registered(host), "registered")
    central.member.kill()
    wait_until(lambda: "lost the connection to the central database" in host.log(), "the loss is told")
    beat = central_started_again(central)
    wait_until(lambda: central.heartbeat() > beat, "heartbeats go on; what was registered is there")


def central_started_again(central: Central) -> datetime:
    central.member.start()
    return central.heartbeat()


def test_a_reload_is_told_to_the_database(host: Wired, central: Central) -> None:
    host.configure(database=[central.remote])
    host.start()
    wait_until(registered(host), "registered")
    host.configure(availability_zone="south")
    host.host.machine.signal(host.host.pid("agent") or 0, 1)
    wait_until(lambda: central.host()["availability_zone"] == "south", "the zone is told")

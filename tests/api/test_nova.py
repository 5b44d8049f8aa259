"""Nova hears of its servers' ports: plugged, unplugged, changed, deleted; once, at once, and after Nova was away."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.crowd import two_servers
from tests.api.day.central import beat, register_host, transact
from tests.api.nova_double import NovaDouble, nova_double
from tests.api.serving import Cloud
from tunbridge.agent.config import AgentConfig
from tunbridge.lab.host import wait_until

HOST = "compute0"


@pytest.fixture(scope="module")
def nova() -> Iterator[NovaDouble]:
    with nova_double() as made:
        yield made


@pytest.fixture(scope="module")
def clouds(nova: NovaDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, Cloud]]:
    """Two servers on one database, which both are to tell Nova."""
    folder = tmp_path_factory.mktemp("nova")
    (folder / "password").write_text("of the service user\n")
    settings = f'{{ auth_url = "{nova.url}/identity", username = "neutron", password_file = "{folder}/password" }}'
    with two_servers(folder, top=[f"nova = {settings}", 'log_level = "debug"']) as both:
        register_host(both[0].database.remote, AgentConfig(host=HOST, local_ip="192.0.2.1"))
        beat(both[0].database.remote, HOST, "2100-01-01T00:00:00Z")
        yield both


class Server:
    """A server of Nova's with one port, bound to a host."""

    def __init__(self, cloud: Cloud, nova: NovaDouble, **values: Any) -> None:
        self.cloud = cloud
        self.nova = nova
        self.id = str(uuid4())
        self.admin = cloud.user()
        network = self.admin.create("network", name="of-servers")
        self.admin.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
        mine = {"device_id": self.id, "device_owner": "compute:nova", "binding:host_id": HOST}
        self.port: dict[str, Any] = self.admin.create("port", network_id=network["id"], **(mine | values))

    def report(self, status: str | None) -> None:
        """Say what the host's agent says of the port; None: it is not there any more."""
        port = self.port["id"]
        operations: list[dict[str, Any]] = [
            {"op": "delete", "table": "Port_Status", "where": [["port_id", "==", port]]}
        ]
        if status is not None:
            row = {"host": HOST, "port_id": port, "status": status}
            operations.append({"op": "insert", "table": "Port_Status", "row": row})
        transact(self.cloud.database.remote, *operations)

    @property
    def heard(self) -> list[tuple[str, str]]:
        """What Nova has heard of this server: names and statuses."""
        return [(e["name"], e["status"]) for e in self.nova.events if e["server_uuid"] == self.id]

    def hears(self, *expected: tuple[str, str]) -> None:
        """Wait until Nova has heard this, and no more."""
        wait_until(lambda: len(self.heard) >= len(expected), f"{len(expected)} events, not {self.heard}")
        assert self.heard == list(expected)
        assert {e["tag"] for e in self.nova.events if e["server_uuid"] == self.id} == {self.port["id"]}


PLUGGED = ("network-vif-plugged", "completed")
UNPLUGGED = ("network-vif-unplugged", "completed")
CHANGED = ("network-changed", "completed")
DELETED = ("network-vif-deleted", "completed")


def test_a_port_of_a_server_is_plugged_changed_unplugged_and_deleted(
    clouds: tuple[Cloud, Cloud], nova: NovaDouble
) -> None:
    server = Server(clouds[0], nova)
    server.report("BUILD")
    server.report("ACTIVE")
    server.hears(PLUGGED)
    server.admin.update("port", server.port["id"], name="of no interest to Nova")
    server.admin.update("port", server.port["id"], fixed_ips=[{"ip_address": "10.0.0.77"}])
    server.hears(PLUGGED, CHANGED)
    server.report(None)
    server.hears(PLUGGED, CHANGED, UNPLUGGED)
    server.admin.remove("port", server.port["id"])
    server.hears(PLUGGED, CHANGED, UNPLUGGED, DELETED)


def test_a_port_that_fails_is_told_as_failed(clouds: tuple[Cloud, Cloud], nova: NovaDouble) -> None:
    server = Server(clouds[1], nova)
    server.report("ERROR")
    server.hears(("network-vif-plugged", "failed"))


def test_a_floating_ip_changes_what_a_server_shows(clouds: tuple[Cloud, Cloud], nova: NovaDouble) -> None:
    server = Server(clouds[0], nova)
    admin = server.admin
    outside = admin.create("network", **{"router:external": True})
    admin.create("subnet", network_id=outside["id"], cidr="198.51.100.0/24", ip_version=4)
    router = admin.create("router", external_gateway_info={"network_id": outside["id"]})
    subnet = server.port["fixed_ips"][0]["subnet_id"]
    admin.put(f"/routers/{router['id']}/add_router_interface", {"subnet_id": subnet}).raise_for_status()
    made = admin.create("floatingip", floating_network_id=outside["id"], port_id=server.port["id"])
    server.hears(CHANGED)
    admin.update("floatingip", made["id"], port_id=None)
    server.hears(CHANGED, CHANGED)


@pytest.mark.parametrize("values", [{"device_owner": "network:dhcp"}, {"device_id": "not-a-server"}])
def test_ports_that_are_no_servers_are_none_of_novas_business(
    clouds: tuple[Cloud, Cloud], nova: NovaDouble, values: dict[str, str]
) -> None:
    stranger, after = Server(clouds[0], nova, **values), Server(clouds[0], nova)
    stranger.report("ACTIVE")
    after.report("ACTIVE")
    after.hears(PLUGGED)
    assert stranger.port["id"] not in {event["tag"] for event in nova.events}


def test_an_event_of_an_unknown_server_is_given_up_and_the_others_are_taken(
    clouds: tuple[Cloud, Cloud], nova: NovaDouble
) -> None:
    gone, after = Server(clouds[0], nova), Server(clouds[0], nova)
    nova.unknown.add(gone.id)
    gone.report("ACTIVE")
    after.report("ACTIVE")
    after.hears(PLUGGED)
    assert gone.heard == []


def test_an_event_that_nova_refuses_does_not_keep_the_others_from_it(
    clouds: tuple[Cloud, Cloud], nova: NovaDouble
) -> None:
    bad, good = Server(clouds[0], nova), Server(clouds[0], nova)
    nova.refused.add(bad.id)
    nova.down = True  # so that both are sent in one request
    try:
        bad.report("ACTIVE")
        good.report("ACTIVE")
        time.sleep(0.5)
    finally:
        nova.down = False
    good.hears(PLUGGED)
    assert bad.heard == []


def test_what_happens_while_nova_is_away_is_told_when_it_is_back(clouds: tuple[Cloud, Cloud], nova: NovaDouble) -> None:
    server = Server(clouds[0], nova)
    nova.down = True
    try:
        server.report("ACTIVE")
        wait_until(lambda: any("Nova cannot be told" in cloud.log for cloud in clouds), "told in the log")
    finally:
        nova.down = False
    server.hears(PLUGGED)


def test_the_service_user_logs_in_again_when_its_token_has_ended(clouds: tuple[Cloud, Cloud], nova: NovaDouble) -> None:
    Server(clouds[0], nova).report("ACTIVE")
    nova.tokens.clear()
    server = Server(clouds[0], nova)
    server.report("ACTIVE")
    server.hears(PLUGGED)
    password = nova.logins[-1]["identity"]["password"]["user"]
    assert (password["name"], password["password"]) == ("neutron", "of the service user")
    assert not any("of the service user" in cloud.log or "token-" in cloud.log for cloud in clouds)


def test_when_the_server_that_tells_nova_is_killed_the_other_one_does(
    clouds: tuple[Cloud, Cloud], nova: NovaDouble
) -> None:
    """Last, for it leaves only one."""
    told = f"port={_plugged(clouds, nova)}"
    wait_until(lambda: any(told in cloud.log for cloud in clouds), "told in the log")
    (telling,) = [cloud for cloud in clouds if told in cloud.log]
    (other,) = [cloud for cloud in clouds if cloud is not telling]
    server = Server(other, nova)
    telling.kill()
    server.report("ACTIVE")
    server.hears(PLUGGED)


def _plugged(clouds: tuple[Cloud, Cloud], nova: NovaDouble) -> str:
    """Plug in a port that Nova hears of; its id."""
    server = Server(clouds[0], nova)
    server.report("ACTIVE")
    server.hears(PLUGGED)
    return str(server.port["id"])


def test_settings_that_cannot_work_are_refused_at_the_start(tmp_path: Path) -> None:
    from tunbridge.api.auth.config import AuthConfigError
    from tunbridge.api.config import load

    path = tmp_path / "server.toml"
    path.write_text('[nova]\nauth_url = "http://keystone"\nusername = "neutron"\n')
    with pytest.raises(AuthConfigError, match=r"nova: give either username and password_file"):
        load(path, {})

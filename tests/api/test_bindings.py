"""Where ports are plugged in, for those who plug them: what a real Neutron's answers (neutron/) do not show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.day.central import beat
from tests.api.neutron.hosts import add_hosts, report
from tests.api.serving import Cloud, User, error, serving


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server with hosts whose agents tests let die."""
    folder: Path = tmp_path_factory.mktemp("hosted")
    with serving(folder) as cloud:
        add_hosts(cloud)
        yield cloud


@pytest.fixture
def nova(hosted: Cloud) -> User:
    return hosted.user("nova")


@pytest.fixture
def port(hosted: Cloud) -> str:
    """Give a port of an instance on host1."""
    network = hosted.user("mia").create("network")
    made = hosted.user().create("port", network_id=network["id"], device_owner="compute:nova")
    return str(hosted.user("nova").update("port", made["id"], **{"binding:host_id": "host1"})["id"])


def bind(nova: User, port: str, host: str, **more: object) -> None:
    reply = nova.post(f"/ports/{port}/bindings", {"binding": {"host": host, **more}})
    assert reply.status_code == 201, reply.text


def test_a_guest_that_has_moved_is_bound_there_though_the_agent_has_fallen_silent(
    hosted: Cloud, nova: User, port: str
) -> None:
    bind(nova, port, "host2")
    beat(hosted.database.remote, "host2", "2026-01-01T00:00:00Z")
    try:
        reply = nova.put(f"/ports/{port}/bindings/host2/activate", None)
        assert (reply.status_code, reply.json()["vif_type"]) == (200, "ovs")
        assert nova.show("port", port)["binding:host_id"] == "host2"
    finally:
        beat(hosted.database.remote, "host2", "2100-01-01T00:00:00Z")


def test_a_guest_that_comes_back_is_bound_again(nova: User, port: str) -> None:
    bind(nova, port, "host2")
    for host in ("host2", "host1"):
        assert nova.put(f"/ports/{port}/bindings/{host}/activate", None).status_code == 200
    shown = nova.show("port", port)
    assert (shown["binding:host_id"], shown["binding:vif_type"]) == ("host1", "ovs")


def test_a_second_binding_that_cannot_be_is_a_conflict_and_changes_nothing(nova: User, port: str) -> None:
    for host in ("dead1", "nowhere"):
        status, kind, _ = error(nova.post(f"/ports/{port}/bindings", {"binding": {"host": host}}))
        assert (status, kind) == (409, "PortBindingError")
    bind(nova, port, "host2")
    before = nova.get(f"/ports/{port}/bindings").json()
    for change in ({"host": "host1"}, {"host": "dead1"}, {"vnic_type": "direct"}):
        assert nova.put(f"/ports/{port}/bindings/host2", {"binding": change}).status_code == 409
    assert nova.get(f"/ports/{port}/bindings").json() == before


def test_a_binding_moves_to_another_host_and_keeps_its_profile(nova: User, port: str) -> None:
    bind(nova, port, "host2", profile={"a": 1})
    reply = nova.put(f"/ports/{port}/bindings/host2", {"binding": {"host": "host3"}})
    assert (reply.status_code, reply.json()["binding"]["host"], reply.json()["binding"]["profile"]) == (
        200,
        "host3",
        {"a": 1},
    )
    hosts = {one["host"] for one in nova.get(f"/ports/{port}/bindings").json()["bindings"]}
    assert hosts == {"host1", "host3"}


def test_a_port_that_is_down_on_its_host_is_down(hosted: Cloud, nova: User, port: str) -> None:
    for what, status in (("up", "ACTIVE"), ("down", "DOWN")):
        report(hosted, "host1", what, port)
        assert nova.show("port", port)["status"] == status


@pytest.mark.parametrize(("length", "status"), [(4095, 200), (4096, 400)])
def test_a_profile_has_at_most_4095_characters(nova: User, port: str, length: int, status: int) -> None:
    profile = {"k": "x" * (length - len('{"k": ""}'))}
    replies = [
        nova.put(f"/ports/{port}", {"port": {"binding:profile": profile}}),
        nova.put(f"/ports/{port}/bindings/host1", {"binding": {"profile": profile}}),
    ]
    assert [reply.status_code for reply in replies] == [status, status]
    if status == 400:
        message = "Invalid input for operation: binding:profile value too large."
        assert error(replies[0]) == error(replies[1]) == (400, "InvalidInput", message)


def test_tap_devices_are_asked_for_by_kind_of_vif(hosted: Cloud, nova: User) -> None:
    network = hosted.user("mia").create("network")["id"]
    switchdev = {"capabilities": ["switchdev"]}
    found = {}
    for kind, profile in (("normal", {}), ("vdpa", {}), ("direct", switchdev)):
        made = hosted.user("mia").create("port", network_id=network, **{"binding:vnic_type": kind})
        bound = nova.update("port", made["id"], **{"binding:host_id": "host1", "binding:profile": profile})
        assert bound["binding:vif_type"] == "ovs"
        found[kind] = bound["binding:vif_details"].get("ovs_create_tap")
    assert found == {"normal": True, "vdpa": True, "direct": None}

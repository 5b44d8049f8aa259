"""Routers and floating IPs where a recorded Neutron cannot tell: requests at the same time, and hosts that report."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.crowd import at_once, check_rows, no_failure, two_servers
from tests.api.day.central import transact
from tests.api.serving import Cloud, User, error

Pair = tuple[Cloud, Cloud]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory.mktemp("pair")) as clouds:
        yield clouds
        check_rows(clouds[0].database)


@pytest.fixture
def mias(pair: Pair) -> list[User]:
    return [cloud.user("mia") for cloud in pair]


def subnet(user: User, cidr: str, **network: Any) -> dict[str, Any]:
    made = user.create("network", **network)
    return user.create("subnet", network_id=made["id"], cidr=cidr, ip_version=4)


def attach(user: User, router: str, subnet: str, verb: str = "add") -> Any:
    return user.put(f"/routers/{router}/{verb}_router_interface", {"subnet_id": subnet})


@pytest.fixture
def behind(pair: Pair) -> dict[str, Any]:
    """An external network, a router to it, and a port behind the router."""
    admin, mia = pair[0].user(), pair[0].user("mia")
    external = subnet(admin, "198.51.100.0/24", **{"router:external": True})
    inner = subnet(mia, "10.0.0.0/24")
    gateway = {"network_id": external["network_id"]}
    router = mia.create("router", external_gateway_info=gateway)["id"]
    assert attach(mia, router, inner["id"]).status_code == 200
    port = mia.create("port", network_id=inner["network_id"])
    return {"external": external["network_id"], "router": router, "subnet": inner["id"], "port": port["id"]}


def test_of_overlapping_subnets_added_at_the_same_time_one_gets_in(mias: list[User]) -> None:
    router = mias[0].create("router")["id"]
    subnets = [subnet(mias[0], "10.1.0.0/16")["id"] for _ in range(8)]
    replies = no_failure(at_once(lambda number: attach(mias[number % 2], router, subnets[number]), range(8)))
    assert sorted(reply.status_code for reply in replies) == [200, *[400] * 7]
    assert len(mias[0].list("port", device_id=router)) == 1


def test_an_interface_is_not_taken_away_while_a_floating_ip_is_led_to_it(
    mias: list[User], behind: dict[str, Any]
) -> None:
    floating = mias[0].create("floatingip", floating_network_id=behind["external"])["id"]

    def one(number: int) -> Any:
        if number:
            return mias[1].put(f"/floatingips/{floating}", {"floatingip": {"port_id": behind["port"]}})
        return attach(mias[0], behind["router"], behind["subnet"], "remove")

    replies = no_failure(at_once(one, range(2)))
    assert sorted(reply.status_code for reply in replies) in ([200, 404], [200, 409])
    led = mias[0].show("floatingip", floating)["router_id"] is not None
    assert led == bool(mias[0].list("port", device_id=behind["router"], device_owner="network:router_interface"))


def test_a_port_has_one_floating_ip_of_a_network_however_many_are_asked_for(
    mias: list[User], behind: dict[str, Any]
) -> None:
    body = {"floatingip": {"floating_network_id": behind["external"], "port_id": behind["port"]}}
    replies = no_failure(at_once(lambda number: mias[number % 2].post("/floatingips", body), range(6)))
    assert sorted(reply.status_code for reply in replies) == [201, *[409] * 5]
    assert len(mias[0].list("floatingip", port_id=behind["port"])) == 1


def test_the_ipv4_address_of_a_routers_port_stays(mias: list[User], behind: dict[str, Any]) -> None:
    (port,) = mias[0].list("port", device_id=behind["router"], device_owner="network:router_interface")
    url, subnet_id = f"/ports/{port['id']}", behind["subnet"]
    address = port["fixed_ips"][0]["ip_address"]
    for same in ({"subnet_id": subnet_id}, {"ip_address": address}, {"subnet_id": subnet_id, "ip_address": address}):
        reply = mias[0].put(url, {"port": {"fixed_ips": [same]}})
        assert reply.status_code == 200, reply.text
        assert reply.json()["port"]["fixed_ips"] == port["fixed_ips"]
    one = {"subnet_id": subnet_id}
    for other in ([], [one, one], [{**one, "ip_address": "10.0.0.9"}], [one, {**one, "ip_address": "10.0.0.9"}]):
        status, _, message = error(mias[0].put(url, {"port": {"fixed_ips": other}}))
        assert (status, message) == (400, f"Bad ports request: IP updates for port {port['id']} are not allowed.")


def test_a_floating_ip_is_active_when_a_host_says_so(pair: Pair, mias: list[User], behind: dict[str, Any]) -> None:
    made = mias[0].create("floatingip", floating_network_id=behind["external"], port_id=behind["port"])
    assert made["status"] == "DOWN"
    (port,) = pair[0].user().list("port", device_owner="network:floatingip", device_id=made["id"])
    row = {"host": "host1", "port_id": port["id"], "status": "ACTIVE"}
    transact(pair[0].database.remote, {"op": "insert", "table": "Port_Status", "row": row})
    assert [cloud.user("mia").show("floatingip", made["id"])["status"] for cloud in pair] == ["ACTIVE"] * 2


def test_what_is_refused_because_of_a_router_is_still_whole(
    mias: list[User], behind: dict[str, Any], pair: Pair
) -> None:
    """Neutron has deleted the unused floating IPs of a network when it refuses to delete the network."""
    floating = mias[0].create("floatingip", floating_network_id=behind["external"])
    status, kind, _ = error(pair[0].user().delete(f"/networks/{behind['external']}"))
    assert (status, kind) == (409, "NetworkInUse")
    assert mias[0].show("floatingip", floating["id"]) == floating


def test_the_ports_of_a_router_count_and_are_not_refused(pair: Pair, mias: list[User]) -> None:
    admin, inner = pair[0].user(), subnet(mias[0], "10.7.0.0/24")
    project = mias[0].project_id
    used = admin.get(f"/quotas/{project}/details.json").json()["quota"]["port"]["used"]
    assert admin.put(f"/quotas/{project}", {"quota": {"port": used}}).status_code == 200
    router = mias[0].create("router")["id"]
    assert attach(mias[0], router, inner["id"]).status_code == 200
    assert admin.get(f"/quotas/{project}/details.json").json()["quota"]["port"]["used"] == used + 1
    assert attach(mias[0], router, inner["id"], "remove").status_code == 200
    assert admin.get(f"/quotas/{project}/details.json").json()["quota"]["port"]["used"] == used
    assert admin.delete(f"/quotas/{project}").status_code == 204


def test_an_admin_says_how_a_router_is_carried_out_and_changes_it_while_it_is_down(pair: Pair) -> None:
    admin, mia = pair[0].user(), pair[1].user("mia")
    for kind in ("distributed", "ha"):
        assert error(mia.post("/routers", {"router": {kind: True}}))[:2] == (403, "PolicyNotAuthorized")
    own = mia.create("router")
    assert {"distributed", "ha"}.isdisjoint(own)
    assert [admin.show("router", own["id"])[kind] for kind in ("distributed", "ha")] == [True, True]
    made = admin.create("router", distributed=False, ha=False, admin_state_up=False)
    assert (made["distributed"], made["ha"]) == (False, False)
    assert [admin.create("router", distributed=None)[kind] for kind in ("distributed", "ha")] == [True, True]
    changed = admin.update("router", made["id"], distributed=True)
    assert (changed["distributed"], changed["ha"]) == (True, False)
    admin.update("router", made["id"], admin_state_up=True, distributed=True)
    for body in ({"distributed": False}, {"distributed": False, "admin_state_up": False}):
        assert error(admin.put(f"/routers/{made['id']}", {"router": body})) == (
            400, "BadRequest", "Bad router request: Cannot change the 'distributed' attribute of active routers. Please"
            " set router admin_state_up to False prior to upgrade.",
        )  # fmt: skip
    assert error(admin.put(f"/routers/{made['id']}", {"router": {"ha": True}})) == (
        400, "BadRequest", "Bad router request: Cannot change HA attribute of active routers. Please set router"
        " admin_state_up to False prior to upgrade.",
    )  # fmt: skip
    assert admin.update("router", made["id"], admin_state_up=False, ha=True)["ha"] is True
    assert admin.update("router", made["id"], ha=None)["ha"] is True

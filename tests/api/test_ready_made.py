"""What the server makes for users by itself: a project's first network, and where floating IPs can be from."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.crowd import at_once, no_failure, two_servers
from tests.api.serving import Cloud, User, error

Pair = tuple[Cloud, Cloud]
PATH = "/auto-allocated-topology"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory.mktemp("pair")) as clouds:
        yield clouds


@pytest.fixture
def external(pair: Pair) -> Iterator[str]:
    """A default external network, and default pools of both IP versions that everybody may use."""
    admin = pair[0].user()
    network = admin.create("network", **{"router:external": True, "is_default": True})["id"]
    admin.create("subnet", network_id=network, cidr="198.51.100.0/24", ip_version=4, name="outside")
    admin.create("subnet", network_id=network, cidr="2001:db8::/64", ip_version=6)
    pools = [
        admin.create("subnetpool", name=prefix, prefixes=[prefix], is_default=True, shared=True, default_prefixlen=size)
        for prefix, size in (("10.64.0.0/16", 26), ("fd00:64::/48", 64))
    ]
    yield network
    for user in (admin, pair[0].user("mia")):
        assert user.delete(f"{PATH}/{user.project_id}").status_code == 204
    for pool in pools:
        admin.remove("subnetpool", pool["id"])
    admin.remove("network", network)


def ask(user: User, project: str = "", **query: str) -> Any:
    return user.get(f"{PATH}/{project or user.project_id}", **query)


def test_the_first_who_asks_gets_a_network_with_a_way_out_and_everybody_after_gets_the_same(
    pair: Pair, external: str
) -> None:
    mias = [cloud.user("mia") for cloud in pair]
    replies = no_failure(at_once(lambda number: ask(mias[number % 2]), range(6)))
    assert [reply.status_code for reply in replies] == [200] * 6
    [id] = {reply.json()["auto_allocated_topology"]["id"] for reply in replies}
    mia = mias[0]
    assert ask(mia, "None").json()["auto_allocated_topology"] == {
        "id": id, "project_id": mia.project_id, "tenant_id": mia.project_id,
    }  # fmt: skip
    network = mia.show("network", id)
    assert (network["name"], network["admin_state_up"], network["shared"]) == ("auto_allocated_network", True, False)
    subnets = {subnet["ip_version"]: subnet for subnet in mia.list("subnet", network_id=id)}
    assert {subnet["name"] for subnet in subnets.values()} == {"auto_allocated_subnet_v4", "auto_allocated_subnet_v6"}
    assert (subnets[4]["cidr"], subnets[6]["cidr"]) == ("10.64.0.0/26", "fd00:64::/64")
    [router] = mia.list("router", name="auto_allocated_router")
    assert router["external_gateway_info"]["network_id"] == external
    on = {ip["subnet_id"] for port in mia.list("port", device_id=router["id"]) for ip in port["fixed_ips"]}
    assert on >= {subnet["id"] for subnet in subnets.values()}


def test_a_dry_run_makes_nothing_and_says_what_is_missing(pair: Pair, external: str) -> None:
    admin, mia = pair[0].user(), pair[0].user("mia")
    before = len(mia.list("network"))
    reply = ask(mia, fields="dry-run")
    assert (reply.status_code, reply.json()["auto_allocated_topology"]["id"]) == (200, "dry-run=pass")
    assert len(mia.list("network")) == before
    assert error(ask(mia, fields="id")) == (
        400, "BadRequest", "Bad auto_allocate request: Unrecognized field.",
    )  # fmt: skip
    admin.update("network", external, is_default=False)
    for query in ({}, {"fields": "dry-run"}):
        assert error(ask(mia, **query)) == (
            409, "AutoAllocationFailure", "Deployment error: No default router:external network.",
        )  # fmt: skip
    admin.update("network", external, is_default=True)
    pools = admin.list("subnetpool", is_default=True)
    for pool in pools:
        admin.update("subnetpool", pool["id"], is_default=False)
    assert error(ask(mia, fields="dry-run"))[2] == "Deployment error: No default subnetpools defined."
    assert error(ask(mia))[2] == "Deployment error: Unable to provide project private network."
    assert len(mia.list("network")) == before, "what could not be finished left nothing behind"
    for pool in pools:
        admin.update("subnetpool", pool["id"], is_default=True)


@pytest.mark.usefixtures("external")
def test_a_topology_goes_as_a_whole_or_stays_as_a_whole(pair: Pair) -> None:
    mia = pair[0].user("mia")
    id = ask(mia).json()["auto_allocated_topology"]["id"]
    port = mia.create("port", network_id=id)["id"]
    refused = mia.delete(f"{PATH}/{mia.project_id}")
    assert error(refused)[:2] == (409, "NetworkInUse")
    assert len(mia.list("router", name="auto_allocated_router")) == 1
    mia.remove("port", port)
    assert mia.delete(f"{PATH}/{mia.project_id}").status_code == 204
    assert mia.get(f"/networks/{id}").status_code == 404
    assert mia.list("router", name="auto_allocated_router") == []
    again = ask(mia).json()["auto_allocated_topology"]["id"]
    assert again != id


@pytest.mark.usefixtures("external")
def test_one_whose_network_its_owner_has_removed_is_made_anew(pair: Pair) -> None:
    mia = pair[0].user("mia")
    id = ask(mia).json()["auto_allocated_topology"]["id"]
    router = mia.list("router", name="auto_allocated_router")[0]["id"]
    for subnet in mia.list("subnet", network_id=id):
        assert mia.put(f"/routers/{router}/remove_router_interface", {"subnet_id": subnet["id"]}).status_code == 200
    mia.remove("network", id)
    again = ask(mia).json()["auto_allocated_topology"]["id"]
    assert mia.show("network", again)["name"] == "auto_allocated_network"
    mia.remove("router", router)


@pytest.mark.usefixtures("external")
def test_others_projects_are_for_admins_and_a_reader_removes_nothing(pair: Pair) -> None:
    admin, mia, rita, otto = (pair[0].user(name) for name in ("admin", "mia", "rita", "otto"))
    made = ask(admin, mia.project_id).json()["auto_allocated_topology"]
    assert mia.show("network", made["id"])["project_id"] == mia.project_id
    assert error(ask(otto, mia.project_id)) == (403, "NotAuthorized", "Not authorized.")
    assert ask(rita).json()["auto_allocated_topology"]["id"] == made["id"]
    assert error(rita.delete(f"{PATH}/{rita.project_id}"))[:2] == (403, "PolicyNotAuthorized")
    assert mia.get(PATH).status_code == 404
    assert mia.post(PATH, {"auto_allocated_topology": {}}).status_code in (404, 405)


def test_pools_of_floating_ips_are_the_ipv4_subnets_outside_that_one_may_use(pair: Pair, external: str) -> None:
    admin, mia = pair[0].user(), pair[0].user("mia")
    hidden = admin.create("network", **{"router:external": True})["id"]
    [policy] = admin.list("rbac_policy", object_id=hidden)
    otto = {"object_type": "network", "object_id": hidden, "target_tenant": pair[0].user("otto").project_id}
    admin.create("rbac_policy", action="access_as_external", **otto)
    admin.remove("rbac_policy", policy["id"])
    admin.create("subnet", network_id=hidden, cidr="203.0.113.0/24", ip_version=4)
    found = mia.get("/floatingip_pools").json()["floatingip_pools"]
    [own] = [pool for pool in found if pool["network_id"] == external]
    [subnet] = mia.list("subnet", name="outside")
    assert own == {
        "subnet_id": subnet["id"], "subnet_name": "outside", "network_id": external, "cidr": "198.51.100.0/24",
        "project_id": mia.project_id, "tenant_id": mia.project_id,
    }  # fmt: skip
    assert hidden not in {pool["network_id"] for pool in found}
    assert hidden in {pool["network_id"] for pool in admin.get("/floatingip_pools").json()["floatingip_pools"]}
    assert {"cidr": "198.51.100.0/24"} in mia.get("/floatingip_pools", fields="cidr").json()["floatingip_pools"]
    assert mia.get("/floatingip_pools", colour="red").status_code == 400
    admin.remove("network", hidden)

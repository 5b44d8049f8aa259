"""Which host has a router's gateway, and where it goes when that one is disabled or dead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.day.central import beat, register_host, transact
from tests.api.external_networks import external_networks
from tests.api.serving import Cloud, User, error, serving
from tunbridge.agent.config import AgentConfig, Provider
from tunbridge.lab.host import wait_until

DOWN_S = 4
WITH = {"physnet1": Provider(bridge="br-ex")}
HOSTS = {"net1": WITH, "net2": WITH, "compute": {}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    settings = {"agent_down_time": DOWN_S}
    with serving(tmp_path_factory.mktemp("gateways"), networking=settings) as made:
        yield made


@pytest.fixture
def admin(cloud: Cloud) -> User:
    """An admin, with all hosts heard of just now and for the next hour."""
    for number, (name, providers) in enumerate(HOSTS.items(), 1):
        hear_of(cloud, AgentConfig(host=name, local_ip=f"10.0.0.{number}", providers=providers))
    user = cloud.user()
    assert user.put(f"/quotas/{user.project_id}", {"quota": {"router": -1}}).status_code == 200
    return user


def hear_of(cloud: Cloud, config: AgentConfig) -> None:
    register_host(cloud.database.remote, config)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    beat(cloud.database.remote, config.host, ahead.strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.fixture
def external(admin: User) -> Iterator[str]:
    with external_networks(admin, "198.51.100.0/24", physical_network="physnet1") as [network]:
        yield network


def router(admin: User, external: str) -> str:
    return str(admin.create("router", external_gateway_info={"network_id": external})["id"])


def agent_of(admin: User, host: str, kind: str = "Open vSwitch agent") -> str:
    [agent] = admin.list("agent", host=host, agent_type=kind)
    return str(agent["id"])


def standbys_of(cloud: Cloud, id: str) -> set[str]:
    column = "gateway_standbys"
    select = {"op": "select", "table": "Router", "where": [["_uuid", "==", ["uuid", id]]], "columns": [column]}
    found = transact(cloud.database.remote, select)[0]["rows"][0][column]
    return set(found[1]) if isinstance(found, list) else {found}


def host_of(cloud: Cloud, id: str) -> Any:
    select = {"op": "select", "table": "Router", "where": [["_uuid", "==", ["uuid", id]]], "columns": ["gateway_host"]}
    found = transact(cloud.database.remote, select)[0]["rows"][0]["gateway_host"]
    return None if found == ["set", []] else found


def test_gateways_are_spread_over_hosts_that_have_the_external_network(
    cloud: Cloud, admin: User, external: str
) -> None:
    found = {host_of(cloud, router(admin, external)) for _ in range(20)}
    assert found == {"net1", "net2"}
    assert host_of(cloud, admin.create("router")["id"]) is None


def test_the_gateway_s_port_names_its_host_and_is_found_by_it(cloud: Cloud, admin: User, external: str) -> None:
    def ports(**query: str) -> list[dict[str, Any]]:
        return admin.list("port", device_owner="network:router_gateway", **query)

    made = router(admin, external)
    host = host_of(cloud, made)
    [port] = ports(device_id=made)
    assert (port["binding:host_id"], port["binding:vif_type"]) == (host, "ovs")
    assert [one["id"] for one in ports(**{"binding:host_id": host, "device_id": made})] == [port["id"]]
    agent = agent_of(admin, host)
    admin.update("agent", agent, admin_state_up=False)
    other = ({"net1", "net2"} - {host}).pop()
    wait_until(lambda: ports(device_id=made)[0]["binding:host_id"] == other, "it names the other host")
    assert ports(**{"binding:host_id": host, "device_id": made}) == []
    admin.update("agent", agent, admin_state_up=True)


def test_a_router_of_a_zone_has_its_gateway_on_a_host_of_that_zone(cloud: Cloud, admin: User, external: str) -> None:
    zones = {"net1": "east", "net2": "west"}
    for number, (name, zone) in enumerate(zones.items(), 1):
        there = AgentConfig(host=name, local_ip=f"10.0.0.{number}", providers=WITH, availability_zone=zone)
        register_host(cloud.database.remote, there)
    made = [
        admin.create("router", external_gateway_info={"network_id": external}, availability_zone_hints=[zone])
        for zone in ("east", "west", "west", "east")
    ]
    assert [host_of(cloud, one["id"]) for one in made] == ["net1", "net2", "net2", "net1"]
    assert [one["availability_zones"] for one in made] == [["east"], ["west"], ["west"], ["east"]]
    agent = agent_of(admin, "net1")
    admin.update("agent", agent, admin_state_up=False)
    wait_until(lambda: host_of(cloud, router(admin, external)) == "net2", "the server has heard of it")
    assert host_of(cloud, made[0]["id"]) == "net1", "no host of another zone takes it"
    admin.update("agent", agent, admin_state_up=True)
    refused = admin.post("/routers", {"router": {"availability_zone_hints": ["nowhere"]}})
    assert refused.status_code == 404
    assert refused.json()["NeutronError"]["type"] == "AvailabilityZoneNotFound"


def test_a_router_that_loses_its_gateway_has_no_host(cloud: Cloud, admin: User, external: str) -> None:
    made = router(admin, external)
    admin.update("router", made, external_gateway_info={})
    assert host_of(cloud, made) is None
    assert standbys_of(cloud, made) == set()


def test_the_other_hosts_that_can_have_a_gateway_are_ready_to_take_over(
    cloud: Cloud, admin: User, external: str
) -> None:
    made = router(admin, external)
    assert {host_of(cloud, made)} | standbys_of(cloud, made) == {"net1", "net2"}
    first, (second,) = host_of(cloud, made), standbys_of(cloud, made)
    agent = next(a["id"] for a in admin.list("agent") if a["host"] == first)
    admin.update("agent", agent, admin_state_up=False)
    wait_until(lambda: host_of(cloud, made) == second, "the one that was ready has it")
    wait_until(lambda: standbys_of(cloud, made) == set(), "the one that had it is not used any more")
    admin.update("agent", agent, admin_state_up=True)
    wait_until(lambda: standbys_of(cloud, made) == {first}, "it is ready again")
    assert host_of(cloud, made) == second
    beat(cloud.database.remote, first, "2026-01-01T00:00:00Z")
    wait_until(lambda: standbys_of(cloud, made) == set(), "the dead are not counted on")


def test_a_disabled_host_gives_its_gateways_away_and_gets_none_back(cloud: Cloud, admin: User, external: str) -> None:
    made = [router(admin, external) for _ in range(8)]
    agent = agent_of(admin, "net1")
    admin.update("agent", agent, admin_state_up=False)
    wait_until(lambda: {host_of(cloud, one) for one in made} == {"net2"}, "all gateways are on the other host")
    assert host_of(cloud, router(admin, external)) == "net2"
    admin.update("agent", agent, admin_state_up=True)
    assert {host_of(cloud, one) for one in made} == {"net2"}


def test_a_dead_host_is_replaced_and_a_living_one_keeps_what_it_has(cloud: Cloud, admin: User, external: str) -> None:
    made = {one: host_of(cloud, one) for one in (router(admin, external) for _ in range(8))}
    beat(cloud.database.remote, "net2", "2026-01-01T00:00:00Z")
    wait_until(lambda: {host_of(cloud, one) for one in made} == {"net1"}, "the living one has all")
    # Where no host is alive they stay, for whoever comes back.
    beat(cloud.database.remote, "net1", "2026-01-01T00:00:00Z")
    beat(cloud.database.remote, "compute", "2026-01-01T00:00:00Z")
    assert {host_of(cloud, one) for one in made} == {"net1"}
    without = router(admin, external)
    assert host_of(cloud, without) is None
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    beat(cloud.database.remote, "net2", later)
    wait_until(lambda: host_of(cloud, without) == "net2", "the first host that can have it gets it")


def test_nobody_takes_over_for_a_router_without_ha_but_it_moves(cloud: Cloud, admin: User, external: str) -> None:
    made = admin.create("router", external_gateway_info={"network_id": external}, ha=False)["id"]
    assert standbys_of(cloud, made) == set()
    host = host_of(cloud, made)
    other = ({"net1", "net2"} - {host}).pop()
    agent = agent_of(admin, host)
    admin.update("agent", agent, admin_state_up=False)
    wait_until(lambda: host_of(cloud, made) == other, "it moves")
    admin.update("agent", agent, admin_state_up=True)
    admin.update("router", made, admin_state_up=False)
    admin.update("router", made, ha=True)
    assert standbys_of(cloud, made) == {host}
    admin.update("router", made, ha=False)
    assert (host_of(cloud, made), standbys_of(cloud, made)) == (other, set())


L3 = "L3 agent"


def states(admin: User, id: str) -> dict[str, str]:
    """The hosts that have a router's gateway or take over."""
    return {agent["host"]: agent["ha_state"] for agent in admin.get(f"/routers/{id}/l3-agents").json()["agents"]}


def test_l3_agents_are_on_all_hosts_and_live_as_their_hosts_do(admin: User) -> None:
    found = {agent["host"]: agent for agent in admin.list("agent", agent_type=L3)}
    assert set(found) == set(HOSTS)
    modes = {host: agent["configurations"]["agent_mode"] for host, agent in found.items()}
    assert modes == {"net1": "dvr_snat", "net2": "dvr_snat", "compute": "dvr_no_external"}
    assert all(agent["alive"] and agent["admin_state_up"] for agent in found.values())
    own = found["net1"]
    assert admin.show("agent", own["id"]) == own
    assert admin.update("agent", own["id"], description="rack 7")["description"] == "rack 7"
    assert admin.show("agent", agent_of(admin, "net1"))["description"] is None
    refused = admin.delete(f"/agents/{own['id']}")
    assert error(refused)[:2] == (409, "AgentInUse")


def test_a_disabled_l3_agent_has_no_gateways(cloud: Cloud, admin: User, external: str) -> None:
    made = router(admin, external)
    host = host_of(cloud, made)
    other = ({"net1", "net2"} - {host}).pop()
    assert states(admin, made) == {host: "active", other: "standby"}
    agent = agent_of(admin, host, L3)
    admin.update("agent", agent, admin_state_up=False)
    wait_until(lambda: states(admin, made) == {other: "active"}, "it moves")
    assert admin.show("agent", agent_of(admin, host))["admin_state_up"], "the host has ports still"
    assert states(admin, router(admin, external)) == {other: "active"}
    admin.update("agent", agent, admin_state_up=True)
    wait_until(lambda: states(admin, made) == {other: "active", host: "standby"}, "it is ready to take over again")


def test_an_admin_moves_a_gateway(cloud: Cloud, admin: User, external: str) -> None:
    made = router(admin, external)
    host = host_of(cloud, made)
    other = ({"net1", "net2"} - {host}).pop()
    here, there, plain = (agent_of(admin, one, L3) for one in (host, other, "compute"))
    assert [one["id"] for one in admin.get(f"/agents/{there}/l3-routers").json()["routers"]] == [made]
    added = admin.post(f"/agents/{there}/l3-routers", {"router_id": made})
    assert (added.status_code, added.json()) == (201, None)
    assert states(admin, made) == {other: "active", host: "standby"}
    assert admin.delete(f"/agents/{there}/l3-routers/{made}").status_code == 204
    assert states(admin, made) == {host: "active"}
    wait_until(lambda: standbys_of(cloud, made) == set(), "the host it was on lets go of it")
    assert error(admin.delete(f"/agents/{here}/l3-routers/{made}")) == (
        409, "RouterReschedulingFailed", f"Failed rescheduling router {made}: no eligible l3 agent found.",
    )  # fmt: skip
    assert admin.post(f"/agents/{there}/l3-routers", {"router_id": made}).status_code == 201
    assert states(admin, made) == {other: "active", host: "standby"}
    for verb, answer in (("POST", "assign a router to an"), ("DELETE", "remove a router from an")):
        path, body = f"/agents/{plain}/l3-routers", {"json": {"router_id": made}}
        reply = admin.request(verb, path if verb == "POST" else f"{path}/{made}", **(body if verb == "POST" else {}))
        assert error(reply)[2] == f"Not allowed to manually {answer} agent in 'dvr' mode."


def test_what_l3_agents_refuse(cloud: Cloud, admin: User, external: str) -> None:
    made, l3 = router(admin, external), agent_of(admin, "net1", L3)
    inner = admin.create("router")["id"]
    nobody = "00000000-0000-4000-8000-000000000000"

    def add(agent: str, body: dict[str, Any]) -> Any:
        return error(admin.post(f"/agents/{agent}/l3-routers", body))[:2]

    assert add(l3, {"router_id": inner}) == (409, "RouterDoesntSupportScheduling")
    assert add(agent_of(admin, "net1"), {"router_id": made}) == (404, "InvalidL3Agent")
    assert add(nobody, {"router_id": made}) == (404, "AgentNotFound")
    assert add(l3, {"router_id": nobody}) == (404, "RouterNotFound")
    assert add(l3, {"router_id": 7}) == add(l3, {"router_id": None}) == (404, "RouterNotFound")
    assert add(l3, {"router": made}) == (400, "HTTPBadRequest")
    assert admin.get(f"/routers/{inner}/l3-agents").json() == {"agents": []}
    assert error(admin.get(f"/routers/{nobody}/l3-agents"))[:2] == (404, "RouterNotFound")
    assert admin.get(f"/agents/{agent_of(admin, 'net1')}/l3-routers").json() == {"routers": []}
    assert error(admin.get(f"/agents/{nobody}/l3-routers"))[:2] == (404, "AgentNotFound")
    mia = cloud.user("mia")
    for path, rule in ((f"/routers/{made}/l3-agents", "get_l3-agents"), (f"/agents/{l3}/l3-routers", "get_l3-routers")):
        assert error(mia.get(path)) == (403, "PolicyNotAuthorized", f"rule:{rule} is disallowed by policy")
    admin.update("agent", l3, admin_state_up=False)
    assert add(l3, {"router_id": made}) == (404, "InvalidL3Agent")
    admin.update("agent", l3, admin_state_up=True)


def test_an_interface_is_active_while_its_router_is_up_and_a_host_has_the_network(cloud: Cloud, admin: User) -> None:
    def status(**network: object) -> tuple[str, str]:
        inner = admin.create("network", **network)["id"]
        subnet = admin.create("subnet", network_id=inner, cidr="10.8.0.0/24", ip_version=4)["id"]
        made = admin.create("router")["id"]
        reply = admin.put(f"/routers/{made}/add_router_interface", {"subnet_id": subnet})
        port = reply.json()["port_id"]
        return port, admin.show("port", port)["status"]

    port, now = status()
    assert now == "ACTIVE"
    assert port in {one["id"] for one in admin.list("port", status="ACTIVE")}
    for resource, id in (("router", admin.show("port", port)["device_id"]), ("port", port)):
        admin.update(resource, id, admin_state_up=False)
        assert admin.show("port", port)["status"] == "DOWN"
        admin.update(resource, id, admin_state_up=True)
        assert admin.show("port", port)["status"] == "ACTIVE"
    nowhere = {"provider:network_type": "vlan", "provider:physical_network": "physnet9", "provider:segmentation_id": 9}
    port, now = status(**nowhere)
    assert now == "DOWN"
    late = AgentConfig(host="late", local_ip="10.0.0.9", providers={"physnet9": Provider(bridge="br-late")})
    register_host(cloud.database.remote, late)
    wait_until(lambda: admin.show("port", port)["status"] == "ACTIVE", "the interface on the new host")


@pytest.fixture
def second(admin: User) -> Iterator[str]:
    """An external network that none of the hosts has a bridge to."""
    with external_networks(admin, "203.0.113.0/24", physical_network="physnet2") as [network]:
        yield network


def test_several_gateways_are_on_a_host_that_has_all_of_their_networks(
    cloud: Cloud, admin: User, external: str, second: str
) -> None:
    """As soon as there is one; until then where the first one's network is. All of their ports name the host."""
    made = router(admin, external)
    gateways = {"router": {"external_gateways": [{"network_id": second}]}}
    assert admin.put(f"/routers/{made}/add_external_gateways", gateways).status_code == 200
    assert host_of(cloud, made) in {"net1", "net2"}
    both = {"physnet1": Provider(bridge="br-ex"), "physnet2": Provider(bridge="br-eth2")}
    hear_of(cloud, AgentConfig(host="net3", local_ip="10.0.0.9", providers=both))
    try:
        wait_until(lambda: host_of(cloud, made) == "net3", "the host with both has them", 20)
        ports = admin.list("port", device_id=made, device_owner="network:router_gateway")
        assert [port["binding:host_id"] for port in ports] == ["net3", "net3"]
        assert admin.put(f"/routers/{made}/remove_external_gateways", gateways).status_code == 200
        assert host_of(cloud, made) == "net3", "it has the one that is left still"
        alone = admin.create("router")["id"]
        turned = {"router": {"external_gateways": [{"network_id": second}, {"network_id": external}]}}
        assert admin.put(f"/routers/{alone}/update_external_gateways", turned).status_code == 200
        assert host_of(cloud, alone) == "net3"
    finally:
        gone = {"op": "delete", "table": "Host", "where": [["host", "==", "net3"]]}
        transact(cloud.database.remote, gone)

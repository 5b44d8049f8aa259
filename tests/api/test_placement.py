"""A real Placement is told what hosts have, and gives it to a port that asks for it."""

import contextlib
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from neutron_lib.placement import utils as neutron  # type: ignore[import-untyped]

from tests.api.day.central import register_host
from tests.api.login_double import Service, login
from tests.api.placement_proxy import Proxy, Question, proxy
from tests.api.placement_service import Placement, placement
from tests.api.serving import Cloud, User, error, serving
from tests.api.test_qos import add, policy
from tunbridge.agent.config import AgentConfig, Provider, Rates
from tunbridge.api.placement import resources
from tunbridge.lab.host import wait_until

AGENT = "Open vSwitch agent"
NAMESPACE = resources.NAMESPACE
PHYSNET = {"CUSTOM_PHYSNET_PHYSNET1", "CUSTOM_VNIC_TYPE_NORMAL"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Placement]:
    with placement(tmp_path_factory.mktemp("placement")) as made:
        yield made


@pytest.fixture(scope="module")
def told(there: Placement, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A server that tells the Placement."""
    with telling(there, tmp_path_factory.mktemp("cloud")) as running:
        yield running


@contextlib.contextmanager
def telling(service: Service, folder: Path) -> Iterator[Cloud]:
    """A server whose Placement this is."""
    password = folder / "password"
    password.write_text("of the service user\n")
    with login(service) as url:
        user = f'{{ auth_url = "{url}", username = "neutron", password_file = "{password}" }}'
        with serving(folder, top=[f"placement = {user}"]) as running:
            yield running


@pytest.fixture
def between(there: Placement) -> Iterator[Proxy]:
    with proxy(there) as made:
        yield made


@pytest.fixture
def beside(between: Proxy, tmp_path: Path) -> Iterator[Cloud]:
    """A server that asks the Placement by the proxy."""
    with telling(between, tmp_path) as running:
        yield running


def host(name: str, egress: int | None = 1000, **more: Any) -> AgentConfig:
    rates = Rates(egress=egress, ingress=2000)
    settings: dict[str, Any] = {"resource_provider_bandwidths": {"br-eth1": rates}, **more}
    return AgentConfig(
        host=name, local_ip="192.0.2.1", providers={"physnet1": Provider(bridge="br-eth1", nics=[])}, **settings
    )


def synced(cloud: Cloud, name: str) -> bool | None:
    (agent,) = cloud.user().list("agent", host=name, agent_type=AGENT)
    found: bool | None = agent["resources_synced"]
    return found


def is_synced(cloud: Cloud, config: AgentConfig) -> None:
    register_host(cloud.database.remote, config)
    wait_until(lambda: synced(cloud, config.host) is True, f"Placement knows {config.host}", 30)


def total(of: dict[str, Any]) -> dict[str, int]:
    return {name: inventory["total"] for name, inventory in of["inventories"].items()}


def test_what_a_host_has_is_below_nova_s_provider_of_it(told: Cloud, there: Placement) -> None:
    root = there.make_root("compute0")
    is_synced(told, host("compute0", resource_provider_packet_processing_without_direction=50))
    tree = there.tree(root)
    agent, device = tree[f"compute0:{AGENT}"], tree[f"compute0:{AGENT}:br-eth1"]
    assert len(tree) == 2
    assert agent["uuid"] == str(neutron.agent_resource_provider_uuid(NAMESPACE, "compute0"))
    assert device["uuid"] == str(neutron.device_resource_provider_uuid(NAMESPACE, "compute0", "br-eth1"))
    assert (agent["parent"], device["parent"]) == ("compute0", f"compute0:{AGENT}")
    assert (agent["traits"], device["traits"]) == ({"CUSTOM_VNIC_TYPE_NORMAL"}, PHYSNET)
    assert total(agent) == {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 50}
    assert total(device) == {"NET_BW_EGR_KILOBIT_PER_SEC": 1000, "NET_BW_IGR_KILOBIT_PER_SEC": 2000}
    assert device["inventories"]["NET_BW_EGR_KILOBIT_PER_SEC"]["allocation_ratio"] == 1.0


def test_what_changes_is_told_and_what_is_no_more_goes(told: Cloud, there: Placement) -> None:
    root = there.make_root("compute1")
    tunnels: Any = {"resource_provider_bandwidths": {"br-eth1": Rates(egress=5), "rp_tunnelled": Rates(egress=7)}}
    is_synced(told, host("compute1", **tunnels))
    tree = there.tree(root)
    assert tree[f"compute1:{AGENT}:rp_tunnelled"]["traits"] == {
        "CUSTOM_NETWORK_TUNNEL_PROVIDER",
        "CUSTOM_VNIC_TYPE_NORMAL",
    }
    logins = there.logins
    packets = Rates(egress=4, ingress=6)
    is_synced(told, host("compute1", 3000, resource_provider_packet_processing_with_direction=packets))
    wait_until(lambda: len(there.names(root)) == 2, "the provider of tunnels is gone")
    tree = there.tree(root)
    assert total(tree[f"compute1:{AGENT}:br-eth1"])["NET_BW_EGR_KILOBIT_PER_SEC"] == 3000
    assert total(tree[f"compute1:{AGENT}"]) == {
        "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC": 4,
        "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC": 6,
    }
    assert there.logins == logins  # one token for all
    bare = AgentConfig(host="compute1", local_ip="192.0.2.1")
    is_synced(told, bare)
    wait_until(lambda: there.names(root) == set(), "nothing of the host is left")


def test_a_host_that_nova_does_not_know_yet_waits_for_it(told: Cloud, there: Placement) -> None:
    register_host(told.database.remote, host("later", resource_provider_default_hypervisor="later.example.org"))
    wait_until(lambda: synced(told, "later") is False, "it was tried", 30)
    root = there.make_root("later.example.org")
    wait_until(lambda: synced(told, "later") is True, "it is told once Nova knows the host", 40)
    assert set(there.tree(root)) == {f"later.example.org:{AGENT}", f"later.example.org:{AGENT}:br-eth1"}
    register_host(told.database.remote, AgentConfig(host="without", local_ip="192.0.2.1"))
    assert synced(told, "without") is None


def test_an_allocation_keeps_its_provider_and_the_host_is_told_as_not_in_sync(told: Cloud, there: Placement) -> None:
    there.make_root("compute2")
    is_synced(told, host("compute2"))
    device = str(neutron.device_resource_provider_uuid(NAMESPACE, "compute2", "br-eth1"))
    allocation = {"resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 10}}
    consumer = "6a2e0b8c-9c57-4f0e-a0a5-0a7b2e5f3d11"
    body = {"allocations": {device: allocation}, "project_id": "p", "user_id": "u", "consumer_generation": None,
            "consumer_type": "INSTANCE"}  # fmt: skip
    assert there.ask("PUT", f"/allocations/{consumer}", json=body).status_code == 204
    register_host(told.database.remote, AgentConfig(host="compute2", local_ip="192.0.2.1",
                  resource_provider_packet_processing_without_direction=1))  # fmt: skip
    wait_until(lambda: synced(told, "compute2") is False, "the provider is in use", 30)
    assert there.get(f"/allocations/{consumer}")["allocations"][device]["resources"] == allocation["resources"]


def test_placement_has_a_place_for_what_a_port_asks_for(told: Cloud, there: Placement) -> None:
    there.make_root("big")
    is_synced(told, host("big", 500_000, resource_provider_packet_processing_without_direction=900))
    admin = told.user()
    made = policy(admin)
    add(admin, made, "minimum_bandwidth", min_kbps=400_000)
    add(admin, made, "minimum_packet_rate", min_kpps=800, direction="any")
    network = admin.create("network", **{"provider:network_type": "flat", "provider:physical_network": "physnet1"})
    port = admin.create("port", network_id=network["id"], qos_policy_id=made["id"])
    request = port["resource_request"]
    query = "&".join(
        f"resources_{group['id']}={','.join(f'{k}:{v}' for k, v in group['resources'].items())}"
        f"&required_{group['id']}={','.join(group['required'])}"
        for group in request["request_groups"]
    )
    groups = ",".join(f"_{id}" for id in request["same_subtree"])
    found = there.get(f"/allocation_candidates?{query}&same_subtree={groups}&group_policy=none")
    (candidate,) = found["allocation_requests"]
    device = str(neutron.device_resource_provider_uuid(NAMESPACE, "big", "br-eth1"))
    assert candidate["allocations"][device] == {"resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 400_000}}
    assert len(candidate["allocations"]) == 2


class Server:
    """A server with a port that has what it asks for, as Nova makes it: 2 VCPU, and what the port's policy says."""

    def __init__(self, told: Cloud, there: Placement, host: str, *ports: dict[str, Any]) -> None:
        self.there, self.id = there, str(uuid.uuid4())
        self.device = str(neutron.device_resource_provider_uuid(NAMESPACE, host, "br-eth1"))
        self.agent = str(neutron.agent_resource_provider_uuid(NAMESPACE, host))
        given: dict[str, dict[str, int]] = {}
        for port in ports:
            allocation = {}
            for group in port["resource_request"]["request_groups"]:
                provider = self.device if "NET_BW_EGR_KILOBIT_PER_SEC" in group["resources"] else self.agent
                allocation[group["id"]] = provider
                for name, amount in group["resources"].items():
                    of = given.setdefault(provider, {})
                    of[name] = of.get(name, 0) + amount
            values = {
                "device_owner": "compute:nova",
                "device_id": self.id,
                "binding:profile": {"allocation": allocation},
            }
            told.user("nova").update("port", port["id"], **values)
        (root,) = there.get(f"/resource_providers?name={host}")["resource_providers"]
        self.root = root["uuid"]
        given[self.root] = {"VCPU": 2}
        body = {"allocations": {provider: {"resources": of} for provider, of in given.items()}, "project_id": "p",
                "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE"}  # fmt: skip
        reply = there.ask("PUT", f"/allocations/{self.id}", json=body)
        assert reply.status_code == 204, reply.text

    def has(self) -> dict[str, dict[str, int]]:
        """What it has of the agent's and the device's provider."""
        found = self.there.get(f"/allocations/{self.id}")["allocations"]
        assert found.pop(self.root)["resources"] == {"VCPU": 2}
        names = {self.device: "device", self.agent: "agent"}
        return {names[provider]: of["resources"] for provider, of in found.items()}


def host_for_servers(told: Cloud, there: Placement, name: str) -> None:
    root = there.make_root(name)
    body = {"inventories": {"VCPU": {"total": 64}}, "resource_provider_generation": 0}
    reply = there.ask("PUT", f"/resource_providers/{root}/inventories", json=body)
    assert reply.status_code == 200, reply.text
    is_synced(told, host(name, 1000, resource_provider_packet_processing_without_direction=50))


def minimums(user: User, kbps: int | None, kpps: int | None = None, direction: str = "any") -> str:
    """A policy with minimums; its id."""
    made = policy(user)
    if kbps is not None:
        add(user, made, "minimum_bandwidth", min_kbps=kbps)
    if kpps is not None:
        add(user, made, "minimum_packet_rate", min_kpps=kpps, direction=direction)
    return str(made["id"])


def flat(user: User, **more: Any) -> str:
    provider = {"provider:network_type": "flat", "provider:physical_network": f"net-{uuid.uuid4()}"[:20]}
    return str(user.create("network", **provider, **more)["id"])


def groups(user: User, port: str) -> tuple[list[str], list[str]]:
    """The request groups of a port, and those that its binding has a provider for."""
    shown = user.show("port", port)
    request = shown["resource_request"] or {"request_groups": []}
    return sorted(g["id"] for g in request["request_groups"]), sorted(shown["binding:profile"]["allocation"])


def test_the_allocation_of_a_port_follows_its_policy(told: Cloud, there: Placement) -> None:
    admin = told.user()
    host_for_servers(told, there, "moving")
    port = admin.create("port", network_id=flat(admin), qos_policy_id=minimums(admin, 300, 10))
    server = Server(told, there, "moving", port)
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 300},
                            "agent": {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 10}}  # fmt: skip
    admin.update("port", port["id"], qos_policy_id=minimums(admin, 700, 5))
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 700},
                            "agent": {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 5}}  # fmt: skip
    asked, allocated = groups(admin, port["id"])
    assert asked == allocated and len(asked) == 2
    admin.update("port", port["id"], qos_policy_id=minimums(admin, 200))
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 200}}
    asked, allocated = groups(admin, port["id"])
    assert asked == allocated and len(asked) == 1
    admin.update(
        "port", port["id"], qos_policy_id=minimums(admin, 100, 5)
    )  # packet rates were not asked for: hosts only
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 100}}
    assert len(groups(admin, port["id"])[1]) == 1
    admin.update("port", port["id"], qos_policy_id=None)
    assert server.has() == {}
    assert groups(admin, port["id"]) == ([], [])


def test_what_placement_has_no_room_for_is_refused_and_nothing_changes(told: Cloud, there: Placement) -> None:
    admin = told.user()
    host_for_servers(told, there, "full")
    small, large = minimums(admin, 300), minimums(admin, 1001)
    port = admin.create("port", network_id=flat(admin), qos_policy_id=small)
    server = Server(told, there, "full", port)
    reply = admin.put(f"/ports/{port['id']}", {"port": {"qos_policy_id": large}})
    assert error(reply)[:2] == (409, "QosPlacementAllocationUpdateConflict")
    assert f"{{'{server.device}': {{'NET_BW_EGR_KILOBIT_PER_SEC': 701}}}}" in error(reply)[2]
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 300}}
    assert admin.show("port", port["id"])["qos_policy_id"] == small
    rates = [minimums(admin, None, 10), minimums(admin, None, 10, "egress")]
    other = admin.create("port", network_id=flat(admin), qos_policy_id=rates[0])
    Server(told, there, "full", other)
    reply = admin.put(f"/ports/{other['id']}", {"port": {"qos_policy_id": rates[1]}})
    assert error(reply)[:2] == (501, "NotImplementedError")
    assert there.ask("DELETE", f"/allocations/{server.id}").status_code == 204
    reply = admin.put(f"/ports/{port['id']}", {"port": {"qos_policy_id": minimums(admin, 200)}})
    assert error(reply)[:2] == (400, "PlacementAllocationRemoved")


def test_what_was_granted_for_a_request_that_is_refused_is_taken_back(told: Cloud, there: Placement) -> None:
    admin = told.user()
    host_for_servers(told, there, "back")
    small = minimums(admin, 300)
    port = admin.create("port", network_id=flat(admin), qos_policy_id=small)
    server = Server(told, there, "back", port)
    body = {"qos_policy_id": minimums(admin, 500), "device_owner": "network:router_gateway"}
    assert error(admin.put(f"/ports/{port['id']}", {"port": body}))[0] == 409  # no host carries it out there
    assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 300}}
    assert admin.show("port", port["id"])["qos_policy_id"] == small


def test_the_allocations_of_a_network_s_ports_follow_its_policy_all_or_none(told: Cloud, there: Placement) -> None:
    admin = told.user()
    host_for_servers(told, there, "of-network")
    network = flat(admin, qos_policy_id=minimums(admin, 100))
    ports = [admin.create("port", network_id=network) for _ in range(2)]
    own = admin.create("port", network_id=network, qos_policy_id=minimums(admin, 50))
    servers = [Server(told, there, "of-network", port) for port in ports]
    Server(told, there, "of-network", own)
    admin.update("network", network, qos_policy_id=minimums(admin, 200))
    for server, port in zip(servers, ports, strict=True):
        assert server.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 200}}
        asked, allocated = groups(admin, port["id"])
        assert asked == allocated
    reply = admin.put(f"/networks/{network}", {"network": {"qos_policy_id": minimums(admin, 600)}})
    assert error(reply)[:2] == (409, "QosPlacementAllocationUpdateConflict")  # the first has room, the second none
    assert [server.has() for server in servers] == [{"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 200}}] * 2
    two = admin.create("port", network_id=flat(admin), qos_policy_id=minimums(admin, 20))
    three = admin.create("port", network_id=flat(admin), qos_policy_id=minimums(admin, 30))
    both = Server(told, there, "of-network", two, three)
    admin.update("port", two["id"], qos_policy_id=None)
    assert both.has() == {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": 30}}


def bandwidth(kbps: int) -> dict[str, dict[str, int]]:
    return {"device": {"NET_BW_EGR_KILOBIT_PER_SEC": kbps}}


def test_what_a_server_that_is_killed_left_half_done_is_taken_back(
    between: Proxy, beside: Cloud, there: Placement
) -> None:
    """Of three allocations one was changed, one is still being changed, and one was not asked for."""
    admin = beside.user()
    host_for_servers(beside, there, "killed")
    small, large = minimums(admin, 100), minimums(admin, 200)
    network = flat(admin, qos_policy_id=small)
    servers = [Server(beside, there, "killed", admin.create("port", network_id=network)) for _ in range(3)]
    asked: list[Question] = []

    def change(question: Question) -> httpx.Response | None:
        asked.append(question)
        if len(asked) == 1:
            return between.ask(question)
        beside.kill()
        return None

    between.change = change
    with pytest.raises(httpx.TransportError):
        admin.put(f"/networks/{network}", {"network": {"qos_policy_id": large}})
    between.change = between.ask
    assert sorted(server.has()["device"]["NET_BW_EGR_KILOBIT_PER_SEC"] for server in servers) == [100, 100, 200]
    beside.start()
    assert admin.show("network", network)["qos_policy_id"] == small
    reply = admin.put(f"/networks/{network}", {"network": {"qos_policy_id": large}})
    assert error(reply)[0] == 503 and "is being changed" in error(reply)[2]
    wait_until(lambda: beside.log.count("took back an allocation") == 3, "all is taken back", 120)
    assert between.ask(asked[1]).status_code == 409, "what comes as late as this is refused"
    assert [server.has() for server in servers] == [bandwidth(100)] * 3
    admin.update("network", network, qos_policy_id=large)
    assert [server.has() for server in servers] == [bandwidth(200)] * 3


def test_a_change_whose_answer_is_lost_is_taken_back_at_once(between: Proxy, beside: Cloud, there: Placement) -> None:
    admin = beside.user()
    host_for_servers(beside, there, "unheard")
    small, large = minimums(admin, 100), minimums(admin, 200)
    port = admin.create("port", network_id=flat(admin), qos_policy_id=small)
    server = Server(beside, there, "unheard", port)

    def change(question: Question) -> httpx.Response | None:
        between.change = between.ask
        assert between.ask(question).status_code == 204
        assert server.has() == bandwidth(200)
        return None

    between.change = change
    assert error(admin.put(f"/ports/{port['id']}", {"port": {"qos_policy_id": large}}))[0] == 503
    assert server.has() == bandwidth(100)
    assert admin.show("port", port["id"])["qos_policy_id"] == small
    admin.update("port", port["id"], qos_policy_id=large)
    assert server.has() == bandwidth(200)


def test_who_changes_the_same_server_s_allocation_waits(between: Proxy, beside: Cloud, there: Placement) -> None:
    admin = beside.user()
    host_for_servers(beside, there, "twice")
    small, large = minimums(admin, 100), minimums(admin, 200)
    ports = [admin.create("port", network_id=flat(admin), qos_policy_id=small) for _ in range(2)]
    server = Server(beside, there, "twice", *ports)
    asks, goes_on = threading.Event(), threading.Event()

    def change(question: Question) -> httpx.Response | None:
        between.change = between.ask
        asks.set()
        goes_on.wait(20)
        return between.ask(question)

    between.change = change
    changes = [
        threading.Thread(target=admin.update, args=("port", port["id"]), kwargs={"qos_policy_id": large})
        for port in ports
    ]
    changes[0].start()
    assert asks.wait(20)
    changes[1].start()
    assert not goes_on.wait(1)
    assert changes[1].is_alive()
    goes_on.set()
    for one in changes:
        one.join(60)
    assert server.has() == bandwidth(400)
    assert [admin.show("port", port["id"])["qos_policy_id"] for port in ports] == [large] * 2


def test_what_another_program_changes_meanwhile_stays(between: Proxy, beside: Cloud, there: Placement) -> None:
    """Nova gives the server a third VCPU after this server has looked: it looks again."""
    admin = beside.user()
    host_for_servers(beside, there, "meanwhile")
    port = admin.create("port", network_id=flat(admin), qos_policy_id=minimums(admin, 100))
    server = Server(beside, there, "meanwhile", port)

    def change(question: Question) -> httpx.Response | None:
        between.change = between.ask
        found = there.get(f"/allocations/{server.id}")
        found["allocations"][server.root]["resources"]["VCPU"] = 3
        assert there.ask("PUT", f"/allocations/{server.id}", json=found).status_code == 204
        return between.ask(question)

    between.change = change
    admin.update("port", port["id"], qos_policy_id=minimums(admin, 200))
    found = there.get(f"/allocations/{server.id}")["allocations"]
    assert found[server.root]["resources"] == {"VCPU": 3}
    assert found[server.device]["resources"] == {"NET_BW_EGR_KILOBIT_PER_SEC": 200}

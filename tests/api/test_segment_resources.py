"""A real Placement knows the addresses of a routed network's segments, and Nova (a double) who reaches them."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.day.central import register_host
from tests.api.login_double import login
from tests.api.nova_double import NovaDouble, nova_double
from tests.api.placement_service import Placement, placement
from tests.api.serving import Cloud, User, serving
from tunbridge.agent.config import AgentConfig, Provider
from tunbridge.api.placement import segments
from tunbridge.lab.host import wait_until

WAIT_S = 60
_vlans = itertools.count(100)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Placement]:
    with placement(tmp_path_factory.mktemp("placement")) as made:
        yield made


@pytest.fixture(scope="module")
def nova() -> Iterator[NovaDouble]:
    with nova_double() as made:
        made.aggregates.known |= {"rack1", "rack2"}
        yield made


@pytest.fixture(scope="module")
def cloud(there: Placement, nova: NovaDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    (folder / "password").write_text("of the service user\n")
    user = f'username = "neutron", password_file = "{folder}/password"'
    with login(there) as url:
        top = [
            f'placement = {{ auth_url = "{url}", {user} }}',
            f'nova = {{ auth_url = "{nova.url}/identity", {user} }}',
        ]
        with serving(folder, top=top) as made:
            for host, physical in (("rack1", "physnet1"), ("rack2", "physnet2")):
                add_host(made, host, physical)
            yield made


_addresses = itertools.count(1)


def add_host(cloud: Cloud, host: str, *physical: str) -> None:
    providers = {name: Provider(bridge=f"br-{name}") for name in physical}
    register_host(
        cloud.database.remote, AgentConfig(host=host, local_ip=f"192.0.2.{next(_addresses)}", providers=providers)
    )


class Routed:
    """A network with a segment in each rack, and a subnet of 14 addresses on each; the pools have 13."""

    def __init__(self, admin: User, net: int) -> None:
        vlans = [
            {
                "provider:network_type": "vlan",
                "provider:physical_network": name,
                "provider:segmentation_id": next(_vlans),
            }
            for name in ("physnet1", "physnet2")
        ]
        self.network = admin.create("network", segments=vlans)["id"]
        found = {s["physical_network"]: s["id"] for s in admin.list("segment", network_id=self.network)}
        self.segments = [found["physnet1"], found["physnet2"]]
        self.subnets = [
            admin.create(
                "subnet", network_id=self.network, cidr=f"10.{net}.{number}.0/28", ip_version=4, segment_id=segment
            )
            for number, segment in enumerate(self.segments)
        ]


def inventory(there: Placement, segment: str) -> tuple[int, int] | None:
    """The total and the reserved addresses of a segment; None: there is no provider of it."""
    reply = there.ask("GET", f"/resource_providers/{segment}/inventories")
    found = reply.json()["inventories"].get("IPV4_ADDRESS") if reply.status_code == 200 else None
    return None if found is None else (found["total"], found["reserved"])


def is_told(there: Placement, segment: str, numbers: tuple[int, int] | None) -> None:
    wait_until(lambda: inventory(there, segment) == numbers, f"Placement has {numbers}", WAIT_S)


def has_hosts(nova: NovaDouble, segment: str, hosts: set[str] | None) -> None:
    def there() -> set[str] | None:
        one = nova.aggregates.named(segments.name(segment))
        return None if one is None else set(one["hosts"])

    wait_until(lambda: there() == hosts, f"the aggregate has {hosts}", WAIT_S)


def test_a_segment_has_a_provider_with_its_addresses_in_an_aggregate_with_its_hosts(
    cloud: Cloud, there: Placement, nova: NovaDouble
) -> None:
    routed = Routed(cloud.user(), 1)
    for segment, host in zip(routed.segments, ("rack1", "rack2"), strict=True):
        is_told(there, segment, (14, 1))  # 13 of the pool, and the gateway's, which nobody can get
        has_hosts(nova, segment, {host})
        aggregate = nova.aggregates.named(f"Neutron segment id {segment}")
        assert aggregate is not None
        assert there.get(f"/resource_providers/{segment}/aggregates")["aggregates"] == [aggregate["uuid"]]
        provider = there.get(f"/resource_providers/{segment}")
        assert (provider["name"], provider["parent_provider_uuid"]) == (f"Neutron segment id {segment}", None)
        found = there.get(f"/resource_providers/{segment}/inventories")["inventories"]["IPV4_ADDRESS"]
        assert (found["min_unit"], found["max_unit"], found["allocation_ratio"]) == (1, 1, 1.0)


def test_ports_subnets_and_hosts_that_change_are_told(cloud: Cloud, there: Placement, nova: NovaDouble) -> None:
    admin = cloud.user()
    routed = Routed(admin, 2)
    one, two = routed.segments
    fixed = [{"subnet_id": routed.subnets[0]["id"]}]
    port = admin.create("port", network_id=routed.network, fixed_ips=fixed, device_owner="network:other")
    of_server = admin.create("port", network_id=routed.network, fixed_ips=fixed, device_owner="compute:nova")
    is_told(there, one, (14, 2))
    admin.update("port", of_server["id"], device_owner="")
    is_told(there, one, (14, 3))
    admin.remove("port", port["id"])
    admin.update("port", of_server["id"], device_owner="compute:nova")
    is_told(there, one, (14, 1))
    pools = [{"start": "10.2.1.2", "end": "10.2.1.5"}]
    admin.update("subnet", routed.subnets[1]["id"], allocation_pools=pools)
    is_told(there, two, (5, 1))
    more = admin.create("subnet", network_id=routed.network, cidr="10.2.9.0/28", ip_version=4, segment_id=two)
    is_told(there, two, (19, 2))
    add_host(cloud, "late", "physnet2")
    wait_until(lambda: "rack2" in (nova.aggregates.named(segments.name(two)) or {})["hosts"], "rack2 is there")
    nova.aggregates.known.add("late")  # its compute service starts after the agent
    has_hosts(nova, two, {"rack2", "late"})
    add_host(cloud, "late", "physnet1")
    has_hosts(nova, two, {"rack2"})
    has_hosts(nova, one, {"rack1", "late"})
    add_host(cloud, "late")
    has_hosts(nova, one, {"rack1"})
    for subnet in (more, routed.subnets[1]):
        admin.remove("subnet", subnet["id"])
    is_told(there, two, None)
    has_hosts(nova, two, None)
    admin.remove("port", of_server["id"])
    admin.remove("network", routed.network)
    is_told(there, one, None)
    has_hosts(nova, one, None)


def test_networks_without_subnets_on_segments_are_not_told(cloud: Cloud, there: Placement, nova: NovaDouble) -> None:
    admin = cloud.user()
    plain = admin.create("network")
    admin.create("subnet", network_id=plain["id"], cidr="10.3.0.0/24", ip_version=4)
    v6 = admin.create("network", **{"provider:network_type": "vlan", "provider:physical_network": "physnet1",
                                    "provider:segmentation_id": next(_vlans)})  # fmt: skip
    (segment,) = admin.list("segment", network_id=v6["id"])
    admin.create("subnet", network_id=v6["id"], cidr="2001:db8::/64", ip_version=6, segment_id=segment["id"])
    is_told(there, Routed(admin, 4).segments[1], (14, 1))
    assert inventory(there, segment["id"]) is None
    assert nova.aggregates.named(segments.name(segment["id"])) is None


def test_a_restart_corrects_what_others_changed_and_removes_only_its_own(
    cloud: Cloud, there: Placement, nova: NovaDouble
) -> None:
    routed = Routed(cloud.user(), 5)
    one, two = routed.segments
    is_told(there, one, (14, 1))
    has_hosts(nova, two, {"rack2"})
    mine: Any = nova.aggregates.named(segments.name(one))
    (cloud_id,) = mine["metadata"].values()
    cloud.kill()
    mine["hosts"][:] = ["rack2"]
    there.ask("DELETE", f"/resource_providers/{two}")
    gone, others = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
    nova.aggregates.make(segments.name(gone), tunbridge=cloud_id)
    nova.aggregates.make(segments.name(others))
    for id in (gone, others):
        there.ask("POST", "/resource_providers", json={"uuid": id, "name": segments.name(id)})
    cloud.start()
    has_hosts(nova, one, {"rack1"})
    is_told(there, two, (14, 1))
    has_hosts(nova, gone, None)
    assert there.ask("GET", f"/resource_providers/{gone}").status_code == 404
    has_hosts(nova, others, set())
    assert there.ask("GET", f"/resource_providers/{others}").status_code == 200


def test_a_segment_with_allocations_does_not_hold_up_others(cloud: Cloud, there: Placement, nova: NovaDouble) -> None:
    admin = cloud.user()
    routed = Routed(admin, 6)
    one = routed.segments[0]
    is_told(there, one, (14, 1))
    body = {"allocations": {one: {"resources": {"IPV4_ADDRESS": 1}}}, "project_id": "p", "user_id": "u",
            "consumer_generation": None, "consumer_type": "INSTANCE"}  # fmt: skip
    consumer = "6a2e0b8c-9c57-4f0e-a0a5-0a7b2e5f3d12"
    assert there.ask("PUT", f"/allocations/{consumer}", json=body).status_code == 204
    admin.remove("network", routed.network)
    wait_until(lambda: "cannot be told of segments" in cloud.log, "the log tells of it", WAIT_S)
    is_told(there, Routed(admin, 7).segments[0], (14, 1))
    assert inventory(there, one) == (14, 1)
    assert there.ask("DELETE", f"/allocations/{consumer}").status_code == 204
    is_told(there, one, None)
    has_hosts(nova, one, None)

"""Several servers on one database: what one acknowledged all show, and of two that want the same one gets it."""

import ipaddress
import os
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.api.serving import Cloud, error
from tests.api.two import at_once, no_failure, spread, two_servers

ROUNDS = int(os.environ.get("TUNBRIDGE_TEST_ROUNDS", "400"))
"""Things that are made on one server and looked for on the other; 10,000 take some minutes."""
UNLIMITED = "{ network = -1, subnet = -1, port = -1, security_group = -1, security_group_rule = -1 }"
Clouds = tuple[Cloud, Cloud]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    ranges = "[{ physical_network = 'physnet1', minimum = 100, maximum = 119 }]"
    networking = {"default_quotas": UNLIMITED, "vlan_ranges": ranges}
    with two_servers(tmp_path_factory.mktemp("two"), networking=networking) as both:
        yield both


def test_what_one_acknowledged_the_other_shows_and_deletes(clouds: Clouds) -> None:
    def round_trip(number: int) -> None:
        here, there = (cloud.user("mia") for cloud in (clouds if number % 2 else clouds[::-1]))
        id = here.create("network", name=f"seen-{number}")["id"]
        assert there.get(f"/networks/{id}").status_code == 200
        assert [n["id"] for n in there.list("network", name=f"seen-{number}")] == [id]
        assert there.delete(f"/networks/{id}").status_code == 204
        assert here.get(f"/networks/{id}").status_code == 404
        assert here.list("network", name=f"seen-{number}") == []

    at_once([lambda n=number: round_trip(n) for number in range(ROUNDS)])  # type: ignore[misc]


def test_no_address_and_no_mac_twice_and_a_full_pool_is_refused_by_name(clouds: Clouds) -> None:
    admin = clouds[0].user()
    network = admin.create("network")["id"]
    subnet = admin.create("subnet", network_id=network, ip_version=4, cidr="10.9.0.0/26")["id"]
    users = spread(clouds, "admin", 80)
    replies = at_once([lambda u=u: u.post("/ports", {"port": {"network_id": network}}) for u in users])  # type: ignore[misc]
    no_failure(replies)
    made = [reply.json()["port"] for reply in replies if reply.status_code == 201]
    addresses = {port["fixed_ips"][0]["ip_address"] for port in made}
    assert addresses == {str(a) for a in list(ipaddress.ip_network("10.9.0.0/26").hosts())[1:]}
    assert len({port["mac_address"] for port in made}) == len(made) == 61
    refused = {error(reply) for reply in replies if reply.status_code != 201}
    assert refused == {
        (409, "IpAddressGenerationFailure", f"No more IP addresses available for subnet {subnet}."),
    }
    admin.remove("port", made[0]["id"])
    again = clouds[1].user().create("port", network_id=network)
    assert again["fixed_ips"] == made[0]["fixed_ips"]


def test_one_address_that_all_want_is_had_once(clouds: Clouds) -> None:
    admin = clouds[0].user()
    network = admin.create("network")["id"]
    admin.create("subnet", network_id=network, ip_version=4, cidr="10.9.0.0/24")
    body = {"port": {"network_id": network, "fixed_ips": [{"ip_address": "10.9.0.77"}]}}
    replies = at_once([lambda u=u: u.post("/ports", body) for u in spread(clouds, "admin", 16)])  # type: ignore[misc]
    assert Counter(reply.status_code for reply in replies) == {201: 1, 409: 15}
    assert {error(r)[1] for r in replies if r.status_code == 409} == {"IpAddressAlreadyAllocated"}


def test_no_vlan_and_no_vni_twice(clouds: Clouds) -> None:
    def create(kind: str, count: int) -> list[httpx.Response]:
        body = {"network": {"provider:network_type": kind}}
        return at_once([lambda u=u: u.post("/networks", body) for u in spread(clouds, "admin", count)])  # type: ignore[misc]

    vlans = create("vlan", 24)
    no_failure([r for r in vlans if r.status_code != 503])
    taken = [r.json()["network"]["provider:segmentation_id"] for r in vlans if r.status_code == 201]
    assert sorted(taken) == list(range(100, 120))
    assert {error(r)[1] for r in vlans if r.status_code != 201} == {"NoNetworkAvailable"}
    vnis = create("vxlan", 64)
    assert len({r.json()["network"]["provider:segmentation_id"] for r in vnis}) == 64


def test_overlapping_subnets_are_never_both_made(clouds: Clouds) -> None:
    network = clouds[0].user().create("network")["id"]
    bodies = [
        {"subnet": {"network_id": network, "ip_version": 4, "cidr": f"10.9.0.0/{length}"}} for length in range(16, 32)
    ]
    users = spread(clouds, "admin", len(bodies))
    replies = at_once([lambda u=u, b=b: u.post("/subnets", b) for u, b in zip(users, bodies, strict=True)])  # type: ignore[misc]
    no_failure(replies)
    assert [r.status_code for r in replies].count(201) == 1


def test_prefixes_of_a_pool_are_cut_once(clouds: Clouds) -> None:
    admin = clouds[0].user()
    pool = admin.create("subnetpool", name="race", prefixes=["10.64.0.0/22"])["id"]
    networks = [admin.create("network")["id"] for _ in range(20)]
    users = spread(clouds, "admin", len(networks))

    def cut(number: int) -> httpx.Response:
        body = {"network_id": networks[number], "ip_version": 4, "subnetpool_id": pool, "prefixlen": 26}
        return users[number].post("/subnets", {"subnet": body})

    replies = at_once([lambda n=number: cut(n) for number in range(len(networks))])  # type: ignore[misc]
    no_failure(replies)
    found = [ipaddress.ip_network(r.json()["subnet"]["cidr"]) for r in replies if r.status_code == 201]
    assert len(found) == 16
    assert len(set(found)) == 16


def test_one_default_security_group_for_a_project(clouds: Clouds) -> None:
    replies = at_once([lambda u=u: u.get("/security-groups", name="default") for u in spread(clouds, "otto", 16)])  # type: ignore[misc]
    no_failure(replies)
    otto = clouds[0].user("otto")
    (group,) = otto.list("security_group", name="default")
    assert {r.json()["security_groups"][0]["id"] for r in replies} == {group["id"]}
    assert len(group["security_group_rules"]) == 4


def test_the_same_rule_is_made_once(clouds: Clouds) -> None:
    group = clouds[0].user("mia").create("security_group", name="race")["id"]
    body = {"security_group_rule": {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}}
    replies = at_once([lambda u=u: u.post("/security-group-rules", body) for u in spread(clouds, "mia", 16)])  # type: ignore[misc]
    assert Counter(reply.status_code for reply in replies) == {201: 1, 409: 15}


def test_a_quota_is_never_exceeded_also_by_bulks(clouds: Clouds) -> None:
    admin, otto = clouds[0].user(), clouds[0].user("otto")
    network = otto.create("network")["id"]
    assert admin.put(f"/quotas/{otto.project_id}", {"quota": {"port": 10}}).status_code == 200
    bulk = {"ports": [{"network_id": network}] * 3}
    replies = at_once([lambda u=u: u.post("/ports", bulk) for u in spread(clouds, "otto", 16)])  # type: ignore[misc]
    no_failure(replies)
    assert [r.status_code for r in replies].count(201) == 3
    assert len(otto.list("port", network_id=network)) == 9
    details = admin.get(f"/quotas/{otto.project_id}/details").json()["quota"]["port"]
    assert (details["used"], details["limit"]) == (9, 10)


def test_a_network_that_goes_takes_no_port_with_it_and_leaves_none(clouds: Clouds) -> None:
    admin = clouds[0].user()
    for _ in range(8):
        network = admin.create("network")["id"]
        admin.create("subnet", network_id=network, ip_version=4, cidr="10.9.0.0/24")
        users = spread(clouds, "admin", 8)
        body = {"port": {"network_id": network}}
        calls = [lambda u=u: u.post("/ports", body) for u in users[:6]]  # type: ignore[misc]
        calls.insert(3, lambda u=users[7], n=network: u.delete(f"/networks/{n}"))  # type: ignore[misc]
        replies = at_once(calls)
        no_failure(replies)
        made = {r.json()["port"]["id"] for r in replies if r.status_code == 201}
        there = clouds[1].user().get(f"/networks/{network}").status_code
        assert {p["id"] for p in admin.list("port", network_id=network)} == (made if there == 200 else set())
        assert there == 200 or made == set()


def test_of_two_that_change_the_same_revision_one_is_told(clouds: Clouds) -> None:
    network = clouds[0].user("mia").create("network")
    match = {"If-Match": f"revision_number={network['revision_number']}"}

    def rename(number: int) -> httpx.Response:
        user = clouds[number % 2].user("mia")
        return user.put(f"/networks/{network['id']}", {"network": {"name": f"name-{number}"}}, **match)

    replies = at_once([lambda n=number: rename(n) for number in range(8)])  # type: ignore[misc]
    assert Counter(reply.status_code for reply in replies) == {200: 1, 412: 7}
    assert {error(r)[1] for r in replies if r.status_code == 412} == {"RevisionNumberConstraintFailed"}
    (winner,) = [r.json()["network"] for r in replies if r.status_code == 200]
    assert clouds[1].user("mia").show("network", network["id"]) == winner


def test_no_update_is_lost(clouds: Clouds) -> None:
    group = clouds[0].user("mia").create("address_group", name="race", addresses=["10.0.0.0/24"])["id"]

    def add(number: int) -> int:
        user = clouds[number % 2].user("mia")
        body = {"addresses": [f"10.0.{number + 1}.0/24"]}
        return user.put(f"/address-groups/{group}/add_addresses", body).status_code

    assert set(at_once([lambda n=number: add(n) for number in range(24)])) == {200}  # type: ignore[misc]
    assert len(clouds[1].user("mia").show("address_group", group)["addresses"]) == 25

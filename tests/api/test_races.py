"""Sixteen clients on two servers of one database want the same at the same time: what is to be once is once."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.crowd import at_once, check_rows, made, no_failure, two_servers, unique
from tests.api.serving import Cloud, User

Pair = tuple[Cloud, Cloud]
QUOTAS = "{ network = -1, subnet = -1, port = -1, security_group = -1, security_group_rule = -1, rbac_policy = -1 }"
VLANS = "[{ physical_network = 'wire', minimum = 100, maximum = 119 }]"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    networking = {"default_quotas": QUOTAS, "vlan_ranges": VLANS}
    with two_servers(tmp_path_factory.mktemp("pair"), networking=networking) as clouds:
        yield clouds
        check_rows(clouds[0].database)


@pytest.fixture
def admins(pair: Pair) -> list[User]:
    return [cloud.user() for cloud in pair]


@pytest.fixture
def members(pair: Pair) -> list[User]:
    return [cloud.user("mia") for cloud in pair]


def race(users: list[User], times: int, path: str, body: Callable[[int], Any]) -> list[httpx.Response]:
    """POST on the servers in turn, many at the same time."""
    return no_failure(at_once(lambda number: users[number % 2].post(path, body(number)), range(times)))


def port_on(network: str, **more: Any) -> Callable[[int], dict[str, Any]]:
    return lambda _number: {"port": {"network_id": network, **more}}


def test_no_address_and_no_mac_twice_and_the_pool_is_used_to_its_end(members: list[User]) -> None:
    network = members[0].create("network")["id"]
    subnet = members[0].create("subnet", network_id=network, cidr="10.0.0.0/26", ip_version=4)["id"]
    replies = race(members, 80, "/ports", port_on(network))
    ports = made(replies, "port")
    assert len(ports) == 61  # 64 less network, broadcast and gateway
    unique((port["fixed_ips"][0]["ip_address"] for port in ports), "address")
    unique((port["mac_address"] for port in ports), "MAC")
    assert {ip["subnet_id"] for port in ports for ip in port["fixed_ips"]} == {subnet}
    refused = {reply.json()["NeutronError"]["type"] for reply in replies if reply.status_code != 201}
    assert refused == {"IpAddressGenerationFailure"}


def test_of_many_who_want_the_same_address_or_mac_one_gets_it(members: list[User]) -> None:
    network = members[0].create("network")["id"]
    members[0].create("subnet", network_id=network, cidr="10.0.0.0/24", ip_version=4)
    same_address = race(members, 16, "/ports", port_on(network, fixed_ips=[{"ip_address": "10.0.0.77"}]))
    assert sorted(reply.status_code for reply in same_address) == [201] + [409] * 15
    same_mac = race(members, 16, "/ports", port_on(network, mac_address="fa:16:3e:12:34:56"))
    assert sorted(reply.status_code for reply in same_mac) == [201] + [409] * 15


def test_bulk_creates_are_all_or_none_and_share_no_address(members: list[User]) -> None:
    network = members[0].create("network")["id"]
    members[0].create("subnet", network_id=network, cidr="10.0.0.0/26", ip_version=4)
    replies = race(members, 16, "/ports", lambda _number: {"ports": [{"network_id": network}] * 5})
    bulks = [reply.json()["ports"] for reply in replies if reply.status_code == 201]
    assert len(bulks) == 12  # of five each in 61 addresses
    unique((port["fixed_ips"][0]["ip_address"] for bulk in bulks for port in bulk), "address")
    assert len(members[0].list("port", network_id=network)) == 60


def test_no_vlan_and_no_vni_twice(admins: list[User]) -> None:
    vlan = {"network": {"provider:network_type": "vlan", "provider:physical_network": "wire"}}
    replies = at_once(lambda number: admins[number % 2].post("/networks", vlan), range(24))
    vlans = [reply.json()["network"]["provider:segmentation_id"] for reply in replies if reply.status_code == 201]
    assert {reply.json()["NeutronError"]["type"] for reply in replies if reply.status_code != 201} == {
        "NoNetworkAvailable"  # a 503 in Neutron
    }
    assert sorted(vlans) == list(range(100, 120))  # all that there are, each once
    vni = {"network": {"provider:network_type": "vxlan", "provider:segmentation_id": 4242}}
    assert len(made(race(admins, 16, "/networks", lambda _number: vni), "network")) == 1
    own = made(race(admins, 48, "/networks", lambda _number: {"network": {}}), "network")
    assert len(own) == 48
    unique((network["provider:segmentation_id"] for network in own), "VNI")


def test_every_port_has_an_address_on_a_subnet_that_came_with_it(members: list[User]) -> None:
    """Hosts make it themselves, so it is there whichever of the two was first."""
    automatic = {"ip_version": 6, "cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    for _ in range(5):
        network = members[0].create("network")["id"]
        members[0].create("subnet", network_id=network, cidr="10.0.0.0/24", ip_version=4)

        def create(number: int, network: str = network) -> httpx.Response:
            if number == 8:
                return members[0].post("/subnets", {"subnet": {"network_id": network, **automatic}})
            return members[number % 2].post("/ports", {"port": {"network_id": network}})

        assert {reply.status_code for reply in at_once(create, range(24))} == {201}
        ports = members[0].list("port", network_id=network)
        assert [port["fixed_ips"] for port in ports if len(port["fixed_ips"]) != 2] == []


def test_a_network_is_not_taken_back_from_a_project_that_begins_to_use_it(pair: Pair) -> None:
    mia, otto = pair[0].user("mia"), pair[1].user("otto")
    for _ in range(8):
        network = mia.create("network")["id"]
        shared = {"object_type": "network", "object_id": network, "action": "access_as_shared"}
        policy = mia.create("rbac_policy", target_tenant=otto.project_id, **shared)["id"]

        def act(number: int, network: str = network, policy: str = policy) -> httpx.Response:
            if number == 2:
                return mia.delete(f"/rbac-policies/{policy}")
            return otto.post("/ports", {"port": {"network_id": network}})

        replies = no_failure(at_once(act, range(6)))
        used = [port for port in mia.list("port", network_id=network) if port["project_id"] == otto.project_id]
        assert bool(used) == (replies[2].status_code == 409), "it is used, and not shared"


@pytest.mark.parametrize("bulk", [1, 3])
def test_a_quota_is_used_up_and_never_exceeded(pair: Pair, admins: list[User], bulk: int) -> None:
    users = [cloud.user("otto") for cloud in pair]
    project = users[0].project_id
    there = len(users[0].list("network", project_id=project))
    assert admins[0].put(f"/quotas/{project}", {"quota": {"network": there + 7}}).status_code == 200
    body = {"network": {"name": "one"}} if bulk == 1 else {"networks": [{"name": "one"}] * bulk}
    replies = race(users, 24, "/networks", lambda _number: body)
    assert sum(reply.status_code == 201 for reply in replies) == 7 // bulk
    assert {r.json()["NeutronError"]["type"] for r in replies if r.status_code != 201} == {"OverQuota"}
    assert len(users[1].list("network", project_id=project)) == there + 7 // bulk * bulk


def test_overlapping_subnets_are_never_both_made(members: list[User]) -> None:
    network = members[0].create("network")["id"]
    cidrs = itertools.cycle(["10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24", "10.0.0.0/8", "10.9.0.0/24"])
    bodies = [{"subnet": {"network_id": network, "ip_version": 4, "cidr": next(cidrs)}} for _ in range(30)]
    replies = race(members, 30, "/subnets", lambda number: bodies[number])
    assert made(replies, "subnet")
    assert {reply.status_code for reply in replies} == {201, 400}
    # `check_rows` looks at the subnets of each network at the end of this module


def test_the_first_users_of_a_project_get_one_default_group(pair: Pair) -> None:
    users = [cloud.user("nova", "service") for cloud in pair] + [cloud.user() for cloud in pair]
    project = "5a2e1f04c7d94bb5a3f0a1d2c3b4e5f6"
    admins = users[2:]
    networks = race(admins, 2, "/networks", lambda _number: {"network": {"project_id": project}})
    ids = [network["id"] for network in made(networks, "network")]
    ports = race(admins, 16, "/ports", lambda n: {"port": {"network_id": ids[n % 2], "project_id": project}})
    groups = {group for port in made(ports, "port") for group in port["security_groups"]}
    assert len(made(ports, "port")) == 16
    assert len(groups) == 1
    assert [group["name"] for group in admins[0].list("security_group", project_id=project)] == ["default"]


def test_a_default_subnet_pool_is_the_only_one(admins: list[User]) -> None:
    replies = race(
        admins,
        16,
        "/subnetpools",
        lambda number: {"subnetpool": {"name": f"p{number}", "prefixes": [f"10.{number}.0.0/16"], "is_default": True}},
    )
    assert len(made(replies, "subnetpool")) == 1
    assert len(admins[1].list("subnetpool", is_default=True)) == 1


def test_a_pool_gives_no_prefix_twice_and_all_that_it_has(admins: list[User]) -> None:
    pool = admins[0].create("subnetpool", name="pool", prefixes=["10.200.0.0/20"], default_prefixlen=24)["id"]
    networks = [admins[0].create("network")["id"] for _ in range(4)]
    replies = race(
        admins,
        20,
        "/subnets",
        lambda number: {"subnet": {"network_id": networks[number % 4], "subnetpool_id": pool, "ip_version": 4}},
    )
    cidrs = [subnet["cidr"] for subnet in made(replies, "subnet")]
    assert len(cidrs) == 16
    unique(cidrs, "prefix")


def test_pools_of_one_scope_never_overlap(admins: list[User]) -> None:
    scope = admins[0].create("address_scope", name="scope", ip_version=4)["id"]
    replies = race(
        admins,
        16,
        "/subnetpools",
        lambda n: {"subnetpool": {"name": f"s{n}", "prefixes": [f"10.77.{n % 4}.0/22"], "address_scope_id": scope}},
    )
    assert len(made(replies, "subnetpool")) == 1


def test_the_same_rule_is_never_there_twice(members: list[User]) -> None:
    group = members[0].create("security_group", name="group")["id"]
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp", "port_range_min": 22}
    replies = race(
        members, 16, "/security-group-rules", lambda _n: {"security_group_rule": {**rule, "port_range_max": 22}}
    )
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 15


def test_a_limit_that_changes_while_things_come_and_go_keeps_count(pair: Pair, admins: list[User]) -> None:
    users = [cloud.user("mara") for cloud in pair]
    project = users[0].project_id

    def step(number: int) -> list[httpx.Response]:
        user = users[number % 2]
        if number % 8 == 0:
            quota = {"quota": {"address_group": number % 5 + 2, "force": True}}
            reply = admins[number % 2].put(f"/quotas/{project}", quota)
            assert reply.status_code == 200, reply.text
            return [reply]
        reply = user.post("/address-groups", {"address_group": {"name": f"g{number}", "addresses": []}})
        if reply.status_code == 201 and number % 3:
            return [reply, user.delete(f"/address-groups/{reply.json()['address_group']['id']}")]
        return [reply]

    no_failure(reply for replies in at_once(step, range(64)) for reply in replies)
    check_rows(pair[0].database)


def gone_while_used(
    users: list[User], resource: str, thing: str, path: str, body: dict[str, Any]
) -> list[httpx.Response]:
    """Delete a thing on both servers while others are made that use it."""

    def step(number: int) -> httpx.Response:
        user = users[number % 2]
        if number in (5, 8, 12):
            return user.delete(f"/{resource}/{thing}")
        return user.post(path, body)

    return no_failure(at_once(step, range(16)))


def test_a_network_goes_while_ports_and_subnets_are_made_on_it(pair: Pair, members: list[User]) -> None:
    for number in range(12):
        network = members[0].create("network")["id"]
        bodies: list[tuple[str, dict[str, Any]]] = [
            ("/ports", {"port": {"network_id": network}}),
            ("/subnets", {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"}}),
        ]
        replies = gone_while_used(members, "networks", network, *bodies[number % 2])
        assert {reply.status_code for reply in replies} <= {201, 204, 400, 404, 409}
    check_rows(pair[0].database)


def test_a_subnet_goes_while_ports_take_addresses_of_it(pair: Pair, members: list[User]) -> None:
    for number in range(12):
        network = members[0].create("network")["id"]
        v6 = {"cidr": "2001:db8::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        v4 = {"cidr": "10.0.0.0/24", "ip_version": 4}
        subnet = members[0].create("subnet", network_id=network, **(v6 if number % 2 else v4))["id"]
        gone_while_used(members, "subnets", subnet, "/ports", {"port": {"network_id": network}})
    check_rows(pair[0].database)


def test_a_group_goes_while_ports_and_rules_name_it(pair: Pair, members: list[User]) -> None:
    network = members[0].create("network")["id"]
    for number in range(12):
        group, other = (members[0].create("security_group", name=name)["id"] for name in ("one", "other"))
        rule = {"security_group_id": other, "direction": "ingress", "remote_group_id": group}
        bodies: list[tuple[str, dict[str, Any]]] = [
            ("/ports", {"port": {"network_id": network, "security_groups": [group]}}),
            ("/security-group-rules", {"security_group_rule": rule}),
            ("/security-group-rules", {"security_group_rule": {**rule, "security_group_id": group}}),
        ]
        gone_while_used(members, "security-groups", group, *bodies[number % 3])
    check_rows(pair[0].database)


def test_a_thing_goes_while_it_is_shared(pair: Pair, members: list[User]) -> None:
    for _ in range(8):
        network = members[0].create("network")["id"]
        projects = itertools.count()
        policy = {"object_type": "network", "object_id": network, "action": "access_as_shared"}

        def step(
            number: int, network: str = network, policy: dict[str, Any] = policy, projects: Any = projects
        ) -> httpx.Response:
            if number in (5, 8):
                return members[number % 2].delete(f"/networks/{network}")
            body = {"rbac_policy": {**policy, "target_tenant": f"project{next(projects)}"}}
            return members[number % 2].post("/rbac-policies", body)

        no_failure(at_once(step, range(12)))
    check_rows(pair[0].database)


def test_a_project_has_one_default_qos_policy_and_a_policy_one_rule_of_a_kind(admins: list[User]) -> None:
    policies = made(race(admins, 16, "/qos/policies", lambda _: {"policy": {"is_default": True}}), "policy")
    assert len(policies) == 1
    path = f"/qos/policies/{policies[0]['id']}/bandwidth_limit_rules"
    limits = race(admins, 16, path, lambda n: {"bandwidth_limit_rule": {"max_kbps": n}})
    assert sorted(reply.status_code for reply in limits) == [201] + [409] * 15
    assert {reply.json()["NeutronError"]["type"] for reply in limits if reply.status_code == 409} == {
        "QoSRulesConflict"
    }
    admins[0].remove("policy", policies[0]["id"])


def test_a_qos_policy_is_not_deleted_from_under_what_begins_to_use_it(admins: list[User]) -> None:
    network = admins[0].create("network")["id"]
    for _ in range(8):
        policy = admins[0].create("policy")["id"]

        def ask(number: int, policy: str = policy) -> httpx.Response:
            user = admins[number % 2]
            if number == 1:
                return user.delete(f"/qos/policies/{policy}")
            return user.post("/ports", {"port": {"network_id": network, "qos_policy_id": policy}})

        replies = no_failure(at_once(ask, range(4)))
        gone, there = replies[1].status_code, {reply.status_code for reply in (replies[0], *replies[2:])}
        assert (gone, there) in ((204, {404}), (409, {201}))


def test_of_a_rule_and_a_port_that_cannot_have_it_one_is_refused(admins: list[User]) -> None:
    network = admins[0].create("network")["id"]
    for _ in range(8):
        policy = admins[0].create("policy")["id"]

        def ask(number: int, policy: str = policy) -> httpx.Response:
            if number:
                path, body = f"/qos/policies/{policy}/dscp_marking_rules", {"dscp_marking_rule": {"dscp_mark": 8}}
                return admins[1].post(path, body)
            odd = {"network_id": network, "qos_policy_id": policy, "binding:vnic_type": "macvtap"}
            return admins[0].post("/ports", {"port": odd})

        assert sorted(reply.status_code for reply in no_failure(at_once(ask, range(2)))) == [201, 409]


def _tagged(port: str, vlan: int) -> dict[str, Any]:
    return {"sub_ports": [{"port_id": port, "segmentation_type": "vlan", "segmentation_id": vlan}]}


def test_a_vlan_of_a_trunk_and_a_port_are_taken_once(admins: list[User]) -> None:
    network = admins[0].create("network")["id"]
    trunks = [admins[0].create("trunk", port_id=admins[0].create("port", network_id=network)["id"]) for _ in range(4)]
    ports = [admins[0].create("port", network_id=network)["id"] for _ in range(9)]

    def same_vlan(number: int) -> httpx.Response:
        return admins[number % 2].put(f"/trunks/{trunks[0]['id']}/add_subports", _tagged(ports[number], 5))

    def same_port(number: int) -> httpx.Response:
        return admins[number % 2].put(f"/trunks/{trunks[number % 4]['id']}/add_subports", _tagged(ports[8], 7 + number))

    for ask in (same_vlan, same_port):
        replies = no_failure(at_once(ask, range(8)))
        assert sorted(reply.status_code for reply in replies) == [200] + [409] * 7
    told = [admins[1].show("trunk", trunk["id"])["sub_ports"] for trunk in trunks]
    assert len([one for listed in told for one in listed]) == 2


def test_a_port_does_not_go_while_it_becomes_a_sub_port_or_a_parent(admins: list[User]) -> None:
    network = admins[0].create("network")["id"]
    for number in range(8):
        trunk = admins[0].create("trunk", port_id=admins[0].create("port", network_id=network)["id"])
        port = admins[0].create("port", network_id=network)["id"]

        def ask(what: int, trunk: str = trunk["id"], port: str = port, number: int = number) -> httpx.Response:
            if what == 0:
                return admins[0].delete(f"/ports/{port}")
            if number % 2:
                return admins[1].post("/trunks", {"trunk": {"port_id": port}})
            return admins[1].put(f"/trunks/{trunk}/add_subports", _tagged(port, 5))

        gone, taken = no_failure(at_once(ask, range(2)))
        assert (gone.status_code, taken.status_code) in ((204, 404), (409, 201 if number % 2 else 200))


def test_sub_ports_that_are_added_while_the_parent_is_bound_are_where_it_is(admins: list[User]) -> None:
    network = admins[0].create("network")["id"]
    for _ in range(8):
        parent, port = (admins[0].create("port", network_id=network)["id"] for _ in range(2))
        trunk = admins[0].create("trunk", port_id=parent)["id"]

        def ask(what: int, parent: str = parent, port: str = port, trunk: str = trunk) -> httpx.Response:
            if what == 0:
                return admins[0].put(f"/ports/{parent}", {"port": {"binding:host_id": "somewhere"}})
            return admins[1].put(f"/trunks/{trunk}/add_subports", _tagged(port, 5))

        replies = no_failure(at_once(ask, range(2)))
        assert [reply.status_code for reply in replies] == [200, 200]
        assert admins[0].show("port", port)["binding:host_id"] == "somewhere"

"""What one request must not do to others: take the server's time, another project's addresses, or a rule for all."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.crowd import at_once, no_failure
from tests.api.day import central
from tests.api.serving import Cloud, error, serving

NUL = "a\0b"
MANY = 4000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server of which these tests may change what holds for all projects; with hosts."""
    quotas = "{ security_group = -1, security_group_rule = -1 }"
    with serving(tmp_path_factory.mktemp("limits"), networking={"default_quotas": quotas}) as running:
        central.register(running)
        yield running


@pytest.mark.parametrize(
    ("resource", "values"),
    [
        ("network", {"description": NUL}),
        ("security_group", {"name": NUL}),
        ("address_group", {"description": NUL, "addresses": []}),
        ("subnetpool", {"name": NUL, "prefixes": ["10.0.0.0/8"]}),
    ],
)
def test_text_that_the_database_cannot_hold_is_refused(cloud: Cloud, resource: str, values: dict[str, Any]) -> None:
    reply = cloud.user("mia").post(f"/{resource.replace('_', '-')}s", {resource: values})
    assert error(reply)[:2] == (400, "HTTPBadRequest")
    assert "NUL" in error(reply)[2]


def test_no_tag_and_no_path_holds_nul(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    network = mia.create("network")["id"]
    assert mia.put(f"/networks/{network}/tags/a%00b", {}).status_code == 400
    assert mia.put(f"/networks/{network}/tags", {"tags": [NUL]}).status_code == 400
    assert cloud.user().put("/quotas/a%00b", {"quota": {"port": 5}}).status_code == 400
    assert mia.get("/networks/%00").status_code == 400
    literal = mia.create("network", description="\\u0000 spelled out")
    assert literal["description"] == "\\u0000 spelled out"


def test_long_lists_do_not_keep_others_waiting(cloud: Cloud) -> None:
    """Each took time by the square of its length: minutes at these lengths."""
    mia = cloud.user("mia")
    pool = mia.create("subnetpool", name="wide", prefixes=["2000::/8"], min_prefixlen=8)["id"]
    gone = [f"2001:{i:x}:2:3:4:5:6:7/128" for i in range(900)]
    refused = error(mia.put(f"/subnetpools/{pool}/remove_prefixes", {"prefixes": gone}))
    assert refused[0] == 400 and "at most 1000 prefixes" in refused[2]
    assert error(mia.put(f"/subnetpools/{pool}/remove_prefixes", {"prefixes": gone * 2}))[0] == 400
    wide = ["2000::/8", *(f"3000:{i:x}::/48" for i in range(0, 1800, 2))]
    reply = mia.put(f"/subnetpools/{pool}", {"subnetpool": {"prefixes": wide}})
    assert reply.status_code == 200, reply.text
    reply = mia.put(f"/subnetpools/{pool}/remove_prefixes", {"prefixes": wide[1:]})
    assert reply.json()["prefixes"] == ["2000::/8"]
    group = mia.create("address_group", addresses=[])["id"]
    addresses = [f"10.{i // 250}.{i % 250}.1/32" for i in range(MANY)]
    for action in ("add_addresses", "remove_addresses"):
        reply = mia.put(f"/address-groups/{group}/{action}", {"address_group": {"addresses": addresses}})
        assert reply.status_code == 200, reply.text
    network = mia.create("network")["id"]
    routes = [{"destination": one, "nexthop": "10.0.0.1"} for one in addresses]
    reply = mia.post(
        "/subnets",
        {"subnet": {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4, "host_routes": routes}},
    )
    assert error(reply)[0] == 400  # more than a subnet may have
    options = [{"opt_name": f"option-{i}", "opt_value": "x"} for i in range(MANY)]
    mia.post("/ports", {"port": {"network_id": network, "extra_dhcp_opts": options}})
    tags = mia.put(f"/networks/{network}/tags", {"tags": [f"t{i}" for i in range(MANY)]})
    assert error(tags)[0] == 400
    assert mia.post("/networks", {"network": {"description": "x" * 1_100_000}}).status_code == 413


def test_a_default_pool_is_its_owners_until_it_is_shared(own: Cloud) -> None:
    admin, mia = own.user(), own.user("mia")
    pool = admin.create("subnetpool", name="dp", prefixes=["10.100.0.0/16"], is_default=True, default_prefixlen=24)[
        "id"
    ]
    body = {"network_id": mia.create("network")["id"], "ip_version": 4, "use_default_subnetpool": True}
    reply = mia.post("/subnets", {"subnet": body})
    assert error(reply)[:2] == (400, "BadRequest")
    assert "No default subnetpool found for IPv4" in error(reply)[2]
    policy = {"object_type": "subnetpool", "object_id": pool, "action": "access_as_shared", "target_tenant": "*"}
    admin.create("rbac_policy", **policy)
    assert mia.create("subnet", **body)["subnetpool_id"] == pool


def test_a_template_whose_group_is_gone_stops_nobody(own: Cloud) -> None:
    admin, mia = own.user(), own.user("mia")
    template = {"direction": "ingress", "protocol": "tcp", "used_in_default_sg": True, "used_in_non_default_sg": True}
    for name, kind in (("remote_group_id", "security_group"), ("remote_address_group_id", "address_group")):
        absent = {**template, name: "11111111-2222-3333-4444-555555555555"}
        reply = admin.post("/default-security-group-rules", {"default_security_group_rule": absent})
        assert error(reply)[0] == 404
        more = {"addresses": ["10.0.0.0/8"]} if kind == "address_group" else {}
        there = admin.create(kind, name="there", **more)["id"]
        admin.create("default_security_group_rule", **{**template, name: there})
        admin.remove(kind, there)
    group = mia.create("security_group", name="web")
    assert {rule["direction"] for rule in group["security_group_rules"]} == {"egress"}


def test_an_mtu_is_no_smaller_than_what_the_subnets_need(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    network = mia.create("network")["id"]
    mia.create("subnet", network_id=network, ip_version=4, cidr="10.0.0.0/24")
    assert error(mia.put(f"/networks/{network}", {"network": {"mtu": 67}}))[:2] == (409, "NetworkMTUSubnetConflict")
    mia.create("subnet", network_id=network, ip_version=6, cidr="fd00::/64")
    refused = error(mia.put(f"/networks/{network}", {"network": {"mtu": 1279}}))
    assert refused == (
        409, "NetworkMTUSubnetConflict", f"MTU of {network} is not valid, subnet requires a minimum of 1280"
    )  # fmt: skip
    assert mia.update("network", network, mtu=1280)["mtu"] == 1280


def test_filters_that_there_are_not_are_refused_and_others_work(cloud: Cloud) -> None:
    admin = cloud.user()
    assert error(admin.get("/ports", allowed_address_pairs="ip_address=10.0.0.1"))[0] == 400
    assert error(admin.get("/agents", alive="x"))[0] == 400
    assert error(admin.put("/subnets/x", {"subnet": {"service_types": 7}}))[0] in (400, 404)


def test_a_vlan_without_a_number_wants_a_network_that_has_ranges(cloud: Cloud) -> None:
    wanted = {"provider:network_type": "vlan", "provider:physical_network": "nowhere"}
    assert error(cloud.user().post("/networks", {"network": wanted}))[0] == 400


def test_the_gateway_of_an_ipv6_subnet_from_a_pool_is_its_second_address(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    pool = mia.create("subnetpool", name="six", prefixes=["2001:db8:77::/48"], default_prefixlen=64)["id"]
    network = mia.create("network")["id"]
    cut = mia.create("subnet", network_id=network, ip_version=6, subnetpool_id=pool)
    first = cut["cidr"].removesuffix("/64")
    assert cut["gateway_ip"] == f"{first}1"
    assert cut["allocation_pools"][0]["start"] == f"{first}2"


def test_an_admin_finds_the_default_group_of_any_project(cloud: Cloud) -> None:
    admin = cloud.user()
    for project, path in (("brand-new", "/security-groups"), ("newer", "/security-group-rules")):
        (found,) = admin.get(path, project_id=project).json().values()
        assert len(found) == (1 if path == "/security-groups" else 4)


def test_ranges_that_are_made_at_once_do_not_overlap(own: Cloud) -> None:
    admin = own.user()
    for start in (70_000, 80_000, 90_000):
        number = itertools.count()

        def make(_: int, start: int = start, number: Any = number) -> Any:
            least = start + next(number)
            body = {"name": "r", "network_type": "vxlan", "minimum": least, "maximum": least + 20, "shared": True}
            return admin.post("/network-segment-ranges", {"network_segment_range": body})

        replies = no_failure(at_once(make, range(8)))
        assert [reply.status_code for reply in replies].count(201) == 1


def test_groups_of_a_port_stay_alike_while_one_changes(own: Cloud) -> None:
    mia = own.user("mia")
    network = mia.create("network")["id"]
    for _ in range(8):
        one, other = (mia.create("security_group", name=name)["id"] for name in ("a", "c"))
        port = {"port": {"network_id": network, "security_groups": [one, other]}}
        change = {"security_group": {"stateful": False}}

        def step(number: int, port: Any = port, change: Any = change, other: str = other) -> Any:
            return mia.put(f"/security-groups/{other}", change) if number else mia.post("/ports", port)

        made, changed = no_failure(at_once(step, range(2)))
        assert {made.status_code, changed.status_code} == {201, 409} or (made.status_code, changed.status_code) == (
            409, 200,
        )  # fmt: skip


def test_a_port_has_one_binding_to_a_host(own: Cloud) -> None:
    admin, nova = own.user(), own.user("nova")
    network = admin.create("network")["id"]
    port = admin.create("port", network_id=network, device_owner="compute:x", **{"binding:host_id": "compute1"})["id"]
    bindings = f"/ports/{port}/bindings"

    def there(**filters: str) -> list[tuple[str, str, str]]:
        found = nova.get(bindings, **filters).json()["bindings"]
        return sorted((one["host"], one["status"], one["vif_type"]) for one in found)

    assert nova.post(bindings, {"binding": {"host": "compute2"}}).status_code == 201
    assert there() == [("compute1", "ACTIVE", "ovs"), ("compute2", "INACTIVE", "ovs")]
    assert there(host="compute2") == [("compute2", "INACTIVE", "ovs")]
    assert nova.get(bindings, fields="host", status="ACTIVE").json() == {"bindings": [{"host": "compute1"}]}
    assert error(nova.get(bindings, nope="x"))[0] == 400
    assert error(nova.post(bindings, {"bindings": [{"host": "a"}, {"host": "b"}]}))[0] == 400
    admin.update("port", port, **{"binding:host_id": "compute2"})
    assert there() == [("compute2", "ACTIVE", "ovs")]
    assert nova.post(bindings, {"binding": {"host": "compute1"}}).status_code == 201
    reply = nova.put(f"{bindings}/compute1/activate", None)
    assert (reply.status_code, reply.json()["host"], reply.json()["status"]) == (200, "compute1", "ACTIVE")
    assert there() == [("compute1", "ACTIVE", "ovs"), ("compute2", "INACTIVE", "unbound")]
    assert error(nova.put(f"{bindings}/compute1/activate", None))[:2] == (409, "PortBindingAlreadyActive")
    assert nova.put(f"{bindings}/compute2/activate", None).json()["vif_type"] == "ovs"
    alive = {agent["host"] for agent in admin.list("agent", alive="true")}
    assert alive == {"compute1", "compute2"}
    assert {agent["host"] for agent in admin.list("agent", alive="false")} == {central.DEAD}

"""Requests of somebody who has a token: large ones, for what is not to be seen, in the wrong role."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.serving import Cloud, User, error
from tests.attacks.situations import ROLES
from tests.attacks.test_policy import neutron
from tests.database.test_connection import insert
from tunbridge.database.connection import Database
from tunbridge.model import catalog
from tunbridge.model.resource import MAX_ITEMS


def ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


NOBODY = "11111111-2222-3333-4444-555555555555"
LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "allocation_pools": ("subnet", {"allocation_pools": [{"start": ip(i), "end": ip(i)} for i in range(20_000)]}),
    "dns_nameservers": ("subnet", {"dns_nameservers": [ip(i) for i in range(40_000)]}),
    "host_routes": (
        "subnet", {"host_routes": [{"destination": f"{ip(i)}/32", "nexthop": "10.0.0.1"} for i in range(15_000)]}
    ),
    "service_types": ("subnet", {"service_types": [f"compute:{i}" for i in range(40_000)]}),
    "prefixes": ("subnetpool", {"name": "p", "prefixes": [f"{ip(i << 8)}/24" for i in range(40_000)]}),
    "fixed_ips": ("port", {"fixed_ips": [{"ip_address": ip(i)} for i in range(25_000)]}),
    "allowed_address_pairs": ("port", {"allowed_address_pairs": [{"ip_address": ip(i)} for i in range(25_000)]}),
    "security_groups": ("port", {"security_groups": [f"11111111-2222-3333-4444-{i:012d}" for i in range(20_000)]}),
    "extra_dhcp_opts": ("port", {"extra_dhcp_opts": [{"opt_name": f"o{i}", "opt_value": "x"} for i in range(20_000)]}),
    "tags": ("port", {"tags": [f"t{i}" for i in range(40_000)]}),
    "availability_zone_hints": ("network", {"availability_zone_hints": [f"t{i}" for i in range(40_000)]}),
    "segments": ("network", {"segments": [{"provider:network_type": "vxlan"} for _ in range(30_000)]}),
    "sub_ports": (
        "trunk",
        {"port_id": NOBODY, "sub_ports": [{"port_id": NOBODY[:1], "segmentation_id": i} for i in range(15_000)]},
    ),
    "service_profiles": (
        "flavor", {"service_type": "L3_ROUTER_NAT", "service_profiles": [f"{i:032x}" for i in range(20_000)]}
    ),
    "addresses": ("address_group", {"addresses": [f"{ip(i)}/32" for i in range(40_000)]}),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_a_list_is_counted_before_its_items_are_looked_at(cloud: Cloud, name: str) -> None:
    mia = cloud.user("mia")
    resource, values = LARGE[name]
    network = {"network_id": mia.create("network")["id"]} if resource in ("subnet", "port") else {}
    if resource == "subnet":
        network |= {"ip_version": 4, "cidr": "10.0.0.0/8"}
    reply = mia.post(f"/{resource.replace('_', '-')}s", {resource: {**network, **values}})
    most = catalog.resource(resource).field(name).most
    assert most >= MAX_ITEMS
    said = f"Invalid input for {name}. Reason: {len(values[name])} items are more than {most}."
    assert error(reply) == (400, "HTTPBadRequest", said)


OF_ROUTERS = ("routes", "external_gateway_info")


def test_lists_of_routers_are_counted_before_their_items_are_looked_at(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    router = mia.create("router")["id"]
    routes = [{"destination": f"{ip(i)}/32", "nexthop": "10.0.0.1"} for i in range(15_000)]
    said = f"Invalid input for routes. Reason: 15000 items are more than {MAX_ITEMS}."
    assert error(mia.put(f"/routers/{router}", {"router": {"routes": routes}})) == (400, "HTTPBadRequest", said)
    more = mia.put(f"/routers/{router}/add_extraroutes", {"router": {"routes": routes}})
    assert error(more) == (400, "HTTPBadRequest", said)
    gateway = {"network_id": router, "external_fixed_ips": [{"ip_address": ip(i)} for i in range(25_000)]}
    said = f"Invalid input for external_gateway_info. Reason: 25000 items are more than {MAX_ITEMS}."
    reply = mia.put(f"/routers/{router}", {"router": {"external_gateway_info": gateway}})
    assert error(reply) == (400, "HTTPBadRequest", said)


def test_every_list_that_a_request_may_hold_is_among_these() -> None:
    lists = {
        field.name
        for resource in catalog.RESOURCES
        for field in resource.fields
        if (field.post or field.put) and "array" in json.dumps(field.answer_schema.get("type", field.answer_schema))
    }
    of_few = {f.name for f in catalog.resource("boot_config").fields if f.most < MAX_ITEMS}
    assert of_few == {"public_keys"}
    assert lists - {"provider:network_type", *OF_ROUTERS, *of_few} <= LARGE.keys(), lists - LARGE.keys()


def test_a_large_bulk_over_its_quota_is_refused_before_its_things_are_looked_at(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    reply = mia.post("/ports", {"ports": [{"no such": "attribute"} for _ in range(10_000)]})
    assert error(reply)[:2] == (409, "OverQuota")
    reply = mia.post("/ports", {"ports": [{"no such": "attribute"} for _ in range(50)]})
    assert error(reply)[0] == 400


def test_tags_of_filters_and_names_in_errors_are_counted(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    assert error(mia.request("GET", "/networks?tags=" + ",".join(f"t{i}" for i in range(9000))))[0] == 400
    reply = mia.post("/networks", {"network": {f"colour{i}": i for i in range(50_000)}})
    assert error(reply)[0] == 400
    assert len(reply.content) < 1000
    network = mia.create("network")["id"]
    assert error(mia.put(f"/networks/{network}/tags", {"tags": [f"t{i}" for i in range(40_000)]}))[0] == 400


# What is not to be seen


def test_a_filter_tells_nothing_of_a_field_that_the_caller_may_not_see(cloud: Cloud) -> None:
    admin, mia = cloud.user(), cloud.user("mia")
    made = mia.create("network", name="secret segment")
    segment = admin.show("network", made["id"])
    for field in ("provider:network_type", "provider:segmentation_id"):
        asked = {"name": made["name"], field: str(segment[field])}
        assert [one["id"] for one in admin.list("network", asked)] == [made["id"]]
        assert mia.list("network", asked) == []
        assert mia.list("network", {"name": made["name"], field: "0"}) == []
    port = mia.create("port", network_id=made["id"])["id"]
    assert [one["id"] for one in admin.list("port", {"id": port, "binding:host_id": ""})] == [port]
    assert mia.list("port", {"id": port, "binding:host_id": ""}) == []
    mia.put(f"/networks/{made['id']}/tags", {"tags": ["colour"]})
    assert len(mia.list("network", tags="colour")) == 1
    assert cloud.user("nova").list("network", tags="colour") == [], (
        "a service sees no tags of others (Neutron's default)"
    )


def test_no_field_that_some_may_not_see_is_sorted_by() -> None:
    assert not [f.name for r in catalog.RESOURCES for f in r.fields if f.seen_by is not None and f.sort]


# Roles, as they come through the whole server

RELATIONS = {"own": "own", "another's": "another's", "shared": "another's, shared", "external": "another's, external"}
CALLERS = {"mara": "manager", "mia": "member", "rita": "reader", "nova": "service"}


@pytest.fixture(scope="module")
def networks(cloud: Cloud) -> dict[str, str]:
    """Give a network of the project demo, and of another one: private, shared, external."""
    admin, otto = cloud.user(), cloud.user("otto")
    foreign = {"project_id": otto.project_id}
    return {
        "own": cloud.user("mia").create("network", name="own")["id"],
        "another's": otto.create("network", name="private")["id"],
        "shared": admin.create("network", shared=True, **foreign)["id"],
        "external": admin.create("network", **{"router:external": True}, **foreign)["id"],
    }


def allowed(rule: str, role: str, relation: str) -> bool:
    found = neutron(rule)
    assert found is not None
    return (role, RELATIONS[relation]) in found


@pytest.mark.parametrize("name", CALLERS)
def test_what_a_role_may_do_with_a_network_and_in_it_is_what_neutron_lets_it(
    cloud: Cloud, networks: dict[str, str], name: str
) -> None:
    user, role = cloud.user(name), CALLERS[name]
    for relation, id in networks.items():
        if name == "nova" and relation == "own":
            continue  # the project's, which is not its own
        path = f"/networks/{id}"
        sees = allowed("get_network", role, relation)
        assert user.get(path).status_code == (200 if sees else 404), relation
        attempts: dict[str, tuple[bool, Callable[[], httpx.Response], int]] = {
            "update_network": (
                allowed("update_network", role, relation),
                partial(user.put, path, {"network": {"description": "x"}}),
                200,
            ),
            "update_network:tags": (
                allowed("update_network:tags", role, relation),
                partial(user.put, f"{path}/tags", {"tags": []}),
                200,
            ),
            "create_port": (
                _may_plug(role, relation),
                partial(user.post, "/ports", {"port": {"network_id": id}}),
                201,
            ),
            "create_subnet": (
                relation == "own" and allowed("create_subnet", role, "own"),
                partial(user.post, "/subnets", {"subnet": {"network_id": id, "ip_version": 4, "cidr": next_cidr()}}),
                201,
            ),
            "delete_network": (
                allowed("delete_network", role, relation) and relation != "own",
                partial(user.delete, path),
                204,
            ),
        }
        for action, (may, attempt, success) in attempts.items():
            if action == "delete_network" and relation == "own" and role != "reader":
                continue  # the others still need it
            reply = attempt()
            assert reply.status_code == success if may else reply.status_code in (403, 404), (
                f"{role} {action} {relation}: {reply.status_code} {reply.text}"
            )


def _may_plug(role: str, relation: str) -> bool:
    """Neutron's rule for ports looks at the network; a reader makes none here (test_policy.STRICTER)."""
    if relation in ("own", "shared"):
        return role in ("manager", "member", "service")
    return role == "service"


_cidrs = (f"10.{number}.0.0/24" for number in range(1, 250))


def next_cidr() -> str:
    return next(_cidrs)


def test_roles_are_those_of_the_table() -> None:
    assert set(CALLERS.values()) < ROLES.keys()


# What hosts write


def test_a_hosts_nonsense_hides_no_other_host(cloud: Cloud) -> None:
    nonsense = {
        "broken": {"configurations": "{", "started_at": "soon"},
        "list": {"configurations": "[1]", "started_at": "0001-01-01T00:00:00+14:00"},
        "types": {"configurations": '{"tunnel_types": 5, "bridge_mappings": "x"}', "started_at": ""},
    }

    async def write() -> None:
        db = Database(catalog.tables())
        await db.start([cloud.database.remote])
        try:
            await db.wait_ready(20)
            for host, columns in nonsense.items():
                row = {"host": host, "agent_type": "Open vSwitch agent", "binary": "x", "topic": "N/A", **columns}
                await db.commit(insert("Host", **row))
        finally:
            await db.close()

    asyncio.run(write())
    admin: User = cloud.user()
    listed = {agent["host"]: agent for agent in admin.list("agent")}
    assert nonsense.keys() <= listed.keys()
    assert not any(listed[host]["alive"] for host in nonsense)
    network = admin.create("network")["id"]
    for host in nonsense:
        made = admin.post("/ports", {"port": {"network_id": network, "binding:host_id": host}})
        assert made.status_code < 500

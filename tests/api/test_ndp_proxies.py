"""NDP proxies: addresses behind a router that its gateway answers for; the texts are those of Neutron's source."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error


@pytest.fixture
def admin(cloud: Cloud) -> User:
    user = cloud.user()
    demo = cloud.user("mia").project_id
    assert user.put(f"/quotas/{demo}", {"quota": {"router": -1, "subnetpool": -1}}).status_code == 200
    return user


@pytest.fixture
def site(cloud: Cloud, admin: User) -> Iterator[dict[str, Any]]:
    """An external network and one of mia's in an IPv6 address scope, a router between them, and a port of hers."""
    mia = cloud.user("mia")
    scope = admin.create("address_scope", name="six", ip_version=6, shared=True)["id"]
    pool = admin.create(
        "subnetpool",
        name="six",
        prefixes=["2001:db8:70::/48"],
        default_prefixlen=64,
        address_scope_id=scope,
        shared=True,
    )["id"]
    external = admin.create("network", **{"router:external": True})["id"]
    admin.create("subnet", network_id=external, ip_version=6, subnetpool_id=pool)
    inner = mia.create("network")["id"]
    subnet = mia.create("subnet", network_id=inner, ip_version=6, subnetpool_id=pool)["id"]
    router = mia.create("router", external_gateway_info={"network_id": external})["id"]
    assert mia.put(f"/routers/{router}/add_router_interface", {"subnet_id": subnet}).status_code == 200
    port = mia.create("port", network_id=inner)
    yield {
        "router": router, "subnet": subnet, "inner": inner, "external": external, "port": port["id"],
        "address": port["fixed_ips"][0]["ip_address"],
    }  # fmt: skip
    for proxy in mia.list("ndp_proxy"):
        mia.remove("ndp_proxy", proxy["id"])
    mia.put(f"/routers/{router}/remove_router_interface", {"subnet_id": subnet})
    mia.remove("router", router)
    for port in mia.list("port", network_id=inner):
        mia.remove("port", port["id"])
    mia.remove("network", inner)
    admin.remove("network", external)
    admin.remove("subnetpool", pool)
    admin.remove("address_scope", scope)


def test_a_gateway_answers_for_the_addresses_that_it_is_told(cloud: Cloud, site: dict[str, Any]) -> None:
    mia = cloud.user("mia")
    router, port = site["router"], site["port"]
    wanted = {"router_id": router, "port_id": port}
    assert error(mia.post("/ndp_proxies", {"ndp_proxy": wanted})) == (
        409, "RouterNDPProxyNotEnable",
        f"The enable_ndp_proxy parameter of router {router} must be set as True while create ndp proxy entry on it.",
    )  # fmt: skip
    assert mia.update("router", router, enable_ndp_proxy=True)["enable_ndp_proxy"] is True
    made = mia.create("ndp_proxy", **wanted, name="first", description="mine")
    assert (made["ip_address"], made["name"], made["revision_number"]) == (site["address"], "first", 0)
    assert error(mia.post("/ndp_proxies", {"ndp_proxy": {**wanted, "ip_address": site["address"]}}))[0] == 409
    assert mia.update("ndp_proxy", made["id"], name="second")["name"] == "second"
    assert error(mia.put(f"/routers/{router}", {"router": {"external_gateway_info": {}}}))[:2] == (
        409, "RouterGatewayInUseByNDPProxy",
    )  # fmt: skip
    assert error(mia.put(f"/routers/{router}/remove_router_interface", {"subnet_id": site["subnet"]}))[:2] == (
        409, "RouterInterfaceInUseByNDPProxy",
    )  # fmt: skip
    assert cloud.user("otto").get(f"/ndp_proxies/{made['id']}").status_code == 404
    mia.update("port", port, name="still here")
    assert mia.show("ndp_proxy", made["id"])["ip_address"] == site["address"]
    mia.update("port", port, fixed_ips=[])
    assert error(mia.get(f"/ndp_proxies/{made['id']}"))[:2] == (404, "NDPProxyNotFound")
    mia.update("port", port, fixed_ips=[{"subnet_id": site["subnet"], "ip_address": site["address"]}])
    again = mia.create("ndp_proxy", **wanted)["id"]
    mia.remove("port", port)
    assert error(mia.get(f"/ndp_proxies/{again}"))[:2] == (404, "NDPProxyNotFound")
    assert mia.update("router", router, external_gateway_info={})["enable_ndp_proxy"] is False


def test_what_no_gateway_can_answer_for_is_refused(cloud: Cloud, admin: User, site: dict[str, Any]) -> None:
    mia, router = cloud.user("mia"), site["router"]

    def refused(**values: Any) -> tuple[int, str, str]:
        return error(mia.post("/ndp_proxies", {"ndp_proxy": {"router_id": router, "port_id": site["port"], **values}}))

    plain = admin.create("network", **{"router:external": True})["id"]
    admin.create("subnet", network_id=plain, ip_version=4, cidr="198.51.100.0/24")
    body: dict[str, Any] = {"router": {"enable_ndp_proxy": True}}
    assert error(mia.post("/routers", body))[:2] == (409, "RouterGatewayNotValid")
    body["router"]["external_gateway_info"] = {"network_id": plain}
    assert "has no IPv6 subnets or has no IPv6 address scope" in error(mia.post("/routers", body))[2]
    body["router"]["external_gateway_info"] = {"network_id": site["external"]}
    made = mia.post("/routers", body)
    assert (made.status_code, made.json()["router"]["enable_ndp_proxy"]) == (201, True)
    mia.remove("router", made.json()["router"]["id"])
    mia.update("router", router, enable_ndp_proxy=True)
    assert refused(ip_address="2001:db8:70:9::9") == (
        400, "InvalidAddress",
        "The address 2001:db8:70:9::9 is invalid, reason: This address not belong to the port"
        f" {site['port']}.",
    )  # fmt: skip
    elsewhere = mia.create("network")["id"]
    mia.create("subnet", network_id=elsewhere, ip_version=6, cidr="fd00:71::/64")
    alone = mia.create("port", network_id=elsewhere)["id"]
    assert refused(port_id=alone)[:2] == (409, "PortUnreachableRouter")
    subnet = mia.list("subnet", network_id=elsewhere)[0]["id"]
    assert mia.put(f"/routers/{router}/add_router_interface", {"subnet_id": subnet}).status_code == 200
    assert refused(port_id=alone)[:2] == (409, "AddressScopeConflict")
    assert mia.put(f"/routers/{router}/remove_router_interface", {"subnet_id": subnet}).status_code == 200
    mia.remove("port", alone)
    mia.remove("network", elsewhere)
    admin.remove("network", plain)

"""Routers with several external gateways: what the three actions do and refuse, as Neutron's OVN has them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.external_networks import external_networks
from tests.api.serving import Cloud, User, error

Gateway = dict[str, Any]


@pytest.fixture
def admin(cloud: Cloud) -> User:
    user = cloud.user()
    for project in (user.project_id, cloud.user("mia").project_id):
        assert user.put(f"/quotas/{project}", {"quota": {"router": -1, "floatingip": -1}}).status_code == 200
    return user


@pytest.fixture
def outsides(admin: User) -> Iterator[tuple[str, str]]:
    """Two external networks: 198.51.100.0/24 and 203.0.113.0/24."""
    with external_networks(admin, "198.51.100.0/24", "203.0.113.0/24") as [one, two]:
        yield one, two


def act(user: User, router: str, verb: str, *gateways: Gateway | str) -> Any:
    given = [{"network_id": one} if isinstance(one, str) else one for one in gateways]
    return user.put(f"/routers/{router}/{verb}_external_gateways", {"router": {"external_gateways": given}})


def done(user: User, router: str, verb: str, *gateways: Gateway | str) -> dict[str, Any]:
    answer = act(user, router, verb, *gateways)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["router"])


def networks(router: dict[str, Any]) -> list[str]:
    """Those of its gateways, in order; the first one is shown twice."""
    found = [gateway["network_id"] for gateway in router["external_gateways"]]
    info = router["external_gateway_info"]
    assert (info and info["network_id"]) == (found[0] if found else None)
    assert (info and info["external_fixed_ips"]) == (
        router["external_gateways"][0]["external_fixed_ips"] if found else None
    )
    return found


def addresses(router: dict[str, Any]) -> list[str]:
    return [ip["ip_address"] for gateway in router["external_gateways"] for ip in gateway["external_fixed_ips"]]


def at(network: str, *addresses: str, **more: Any) -> Gateway:
    return {"network_id": network, "external_fixed_ips": [{"ip_address": one} for one in addresses], **more}


def ports(admin: User, router: str) -> list[dict[str, Any]]:
    return admin.list("port", device_id=router, device_owner="network:router_gateway")


def test_gateways_are_added_in_order_and_removed_by_their_network(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    mia_s = admin.create("router")
    assert mia_s["external_gateways"] == []
    made = done(admin, mia_s["id"], "add", one)
    assert networks(made) == [one]
    before = made["revision_number"]
    made = done(admin, made["id"], "add", two)
    assert networks(made) == [one, two] and made["revision_number"] > before
    assert networks(admin.show("router", made["id"])) == [one, two]
    assert {port["network_id"] for port in ports(admin, made["id"])} == {one, two}
    made = done(admin, made["id"], "remove", one)
    assert networks(made) == [two], "the next one is the first now"
    assert networks(done(admin, made["id"], "remove", two)) == []
    assert not ports(admin, made["id"])


def test_several_are_added_at_once_and_go_with_the_router(admin: User, outsides: tuple[str, str]) -> None:
    router = admin.create("router")["id"]
    assert networks(done(admin, router, "add", *outsides)) == list(outsides)
    admin.remove("router", router)
    assert not ports(admin, router)


def test_the_first_gateway_goes_by_its_old_name_too(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router", external_gateway_info={"network_id": one})["id"]
    done(admin, router, "add", two)
    kept = admin.update("router", router, external_gateway_info={"network_id": one, "enable_snat": False})
    assert networks(kept) == [one, two] and not kept["external_gateway_info"]["enable_snat"]
    left = admin.update("router", router, external_gateway_info={})
    assert networks(left) == [two]
    assert not left["external_gateway_info"]["enable_snat"], "what was said of the router stays"
    assert networks(admin.update("router", router, external_gateway_info={"network_id": one})) == [one]
    assert networks(admin.update("router", router, external_gateway_info=None)) == []


def test_an_update_keeps_what_is_there_and_gives_the_order(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    before = done(admin, router, "add", one, two)
    turned = done(admin, router, "update", two, one)
    assert networks(turned) == [two, one]
    assert set(addresses(turned)) == set(addresses(before)), "no port was made anew"
    assert networks(done(admin, router, "update", one)) == [one]
    [port] = ports(admin, router)
    assert addresses(done(admin, router, "update", at(one, "198.51.100.77"))) == ["198.51.100.77"]
    assert [one["id"] for one in ports(admin, router)] == [port["id"]], "it has other addresses now"
    assert networks(done(admin, router, "update")) == []
    assert not ports(admin, router)


def test_two_gateways_on_one_network_are_told_apart_by_their_addresses(admin: User, outsides: tuple[str, str]) -> None:
    one, _ = outsides
    router = admin.create("router")["id"]
    made = done(admin, router, "add", at(one, "198.51.100.10"), at(one, "198.51.100.20"))
    assert addresses(made) == ["198.51.100.10", "198.51.100.20"]
    status, kind, message = error(act(admin, router, "remove", one))
    assert (status, kind) == (400, "UnableToMatchGateways")
    assert f"multiple gateway ports are attached to the same network {one}" in message
    status, kind, _ = error(act(admin, router, "remove", at(one, "198.51.100.30")))
    assert (status, kind) == (400, "UnableToMatchGateways")
    assert addresses(done(admin, router, "remove", at(one, "198.51.100.10"))) == ["198.51.100.20"]
    with_more = done(admin, router, "update", at(one, "198.51.100.20", "198.51.100.21"))
    assert set(addresses(with_more)) == {"198.51.100.20", "198.51.100.21"}


def test_an_address_that_is_taken_is_no_gateway_s(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    done(admin, router, "add", at(one, "198.51.100.10"))
    status, kind, _ = error(act(admin, router, "add", two, at(one, "198.51.100.10")))
    assert (status, kind) == (409, "IpAddressAlreadyAllocated")
    assert networks(admin.show("router", router)) == [one], "all are added, or none"
    assert len(ports(admin, router)) == 1


def test_a_network_with_a_floating_ip_keeps_its_gateway(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    inner = admin.create("network")["id"]
    subnet = admin.create("subnet", network_id=inner, cidr="10.0.0.0/24", ip_version=4)["id"]
    assert admin.put(f"/routers/{router}/add_router_interface", {"subnet_id": subnet}).status_code == 200
    port = admin.create("port", network_id=inner)["id"]
    done(admin, router, "add", one, two)
    floating = admin.create("floatingip", floating_network_id=two, port_id=port)
    assert floating["router_id"] == router, "of any network that the router has a gateway to"
    for verb, gateways in (("remove", [two]), ("update", [one]), ("update", [])):
        status, kind, message = error(act(admin, router, verb, *gateways))
        assert (status, kind) == (409, "RouterExternalGatewayInUseByFloatingIp")
        assert f"a gateway to external network {two} is required" in message
    assert networks(done(admin, router, "update", two, one)) == [two, one]
    assert networks(done(admin, router, "remove", one)) == [two], "that one needs it not"
    more = done(admin, router, "add", at(two, "203.0.113.99"))
    assert networks(more) == [two, two]
    assert addresses(done(admin, router, "remove", more["external_gateways"][0])) == ["203.0.113.99"]
    done(admin, router, "add", one)
    status, kind, message = error(
        admin.post("/floatingips", {"floatingip": {"floating_network_id": one, "port_id": port}})
    )
    assert (status, kind) == (409, "FloatingIPPortAlreadyAssociated")
    assert "by which all that it sends leaves" in message
    admin.remove("port", port)


def test_ports_of_a_floating_ip_lead_behind_a_further_gateway(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    inner = admin.create("network")["id"]
    subnet = admin.create("subnet", network_id=inner, cidr="10.0.0.0/24", ip_version=4)["id"]
    assert admin.put(f"/routers/{router}/add_router_interface", {"subnet_id": subnet}).status_code == 200
    port = admin.create("port", network_id=inner)
    done(admin, router, "add", one, two)
    floating = admin.create("floatingip", floating_network_id=two)["id"]
    forwarding = {
        "protocol": "tcp", "external_port": 8080, "internal_port": 80, "internal_port_id": port["id"],
        "internal_ip_address": port["fixed_ips"][0]["ip_address"],
    }  # fmt: skip
    made = admin.post(f"/floatingips/{floating}/port_forwardings", {"port_forwarding": forwarding})
    assert made.status_code == 201, made.text
    assert admin.show("floatingip", floating)["router_id"] == router
    assert error(act(admin, router, "remove", two))[:2] == (409, "RouterExternalGatewayInUseByFloatingIp")
    admin.remove("port", port["id"])


def test_routes_lead_to_next_hops_of_every_external_network(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    done(admin, router, "add", one, two)
    route = {"destination": "192.0.2.0/24", "nexthop": "203.0.113.99"}
    assert admin.update("router", router, routes=[route])["routes"] == [route]
    status, kind, message = error(act(admin, router, "remove", two))
    assert (status, kind) == (400, "InvalidRoutes") and "not connected with router" in message
    assert networks(done(admin, router, "remove", one)) == [two]


def test_what_overlaps_is_refused(admin: User, outsides: tuple[str, str]) -> None:
    one, _ = outsides
    same = admin.create("network", **{"router:external": True})["id"]
    admin.create("subnet", network_id=same, cidr="198.51.100.0/25", ip_version=4)
    router = admin.create("router")["id"]
    done(admin, router, "add", one)
    status, kind, message = error(act(admin, router, "add", same))
    assert (status, kind) == (400, "BadRequest") and "overlaps with cidr 198.51.100.0/24" in message
    inner = admin.create("network")["id"]
    subnet = admin.create("subnet", network_id=inner, cidr="203.0.113.0/25", ip_version=4)["id"]
    assert admin.put(f"/routers/{router}/add_router_interface", {"subnet_id": subnet}).status_code == 200
    status, kind, message = error(act(admin, router, "add", outsides[1]))
    assert (status, kind) == (400, "BadRequest") and "overlaps with cidr" in message
    admin.put(f"/routers/{router}/remove_router_interface", {"subnet_id": subnet})
    admin.remove("network", inner)
    admin.remove("network", same)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("x", "'x' is not a list"),
        ([7], "'7' is not a dictionary"),
        ([{}], "'{}' is not a dictionary"),
        ([{"enable_snat": True}], "Validation of dictionary's keys failed"),
        ([{"network_id": "x"}], "'x' is not a valid UUID"),
        ([{"network_id": "x", "mtu": 7}], "Unexpected keys supplied: mtu"),
        ([{"network_id": "x"}] * 17, "17 items are more than 16"),
    ],
)
def test_what_is_no_list_of_gateways_is_refused(admin: User, given: Any, reason: str) -> None:
    router = admin.create("router")["id"]
    for verb in ("add", "update", "remove"):
        answer = admin.put(f"/routers/{router}/{verb}_external_gateways", {"router": {"external_gateways": given}})
        status, _, message = error(answer)
        assert status == 400 and reason in message
    assert error(admin.put(f"/routers/{router}/add_external_gateways", {"name": "x"}))[0] == 400
    admin.remove("router", router)


def test_a_request_that_names_none_changes_nothing(admin: User, outsides: tuple[str, str]) -> None:
    """openstackclient sends an empty dictionary, also for an unset of something else."""
    router = admin.create("router")["id"]
    before = done(admin, router, "add", *outsides)
    for verb in ("add", "remove"):
        answer = admin.put(f"/routers/{router}/{verb}_external_gateways", {"router": {"external_gateways": {}}})
        assert answer.status_code == 200 and answer.json()["router"] == before
    assert admin.put(f"/routers/{router}/update_external_gateways", {"router": {}}).json()["router"] == before


def test_what_belongs_to_the_router_is_said_of_the_first_gateway(admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    router = admin.create("router")["id"]
    policy = admin.create("policy", name="slow")["id"]
    first = {"network_id": one, "enable_snat": False, "qos_policy_id": policy}
    made = done(admin, router, "update", first, {"network_id": two, "enable_snat": False})
    assert made["external_gateway_info"]["enable_snat"] is False
    assert made["external_gateway_info"]["qos_policy_id"] == policy
    status, kind, message = error(act(admin, router, "update", first, {"network_id": two, "enable_snat": True}))
    assert (status, kind) == (400, "BadRequest") and "enable_snat of a further gateway" in message
    other = admin.create("policy", name="slower")["id"]
    status, kind, message = error(act(admin, router, "update", first, {"network_id": two, "qos_policy_id": other}))
    assert (status, kind) == (400, "BadRequest") and "QoS policy" in message
    left = done(admin, router, "remove", one)
    assert "qos_policy_id" not in left["external_gateway_info"]
    for id in (policy, other):
        admin.remove("policy", id)


def test_who_may(cloud: Cloud, admin: User, outsides: tuple[str, str]) -> None:
    one, two = outsides
    mia = cloud.user("mia")
    router = mia.create("router")["id"]
    assert networks(done(mia, router, "add", one, two)) == [one, two]
    for verb in ("add", "update"):
        assert error(act(mia, router, verb, at(one, "198.51.100.50")))[:2] == (403, "PolicyNotAuthorized")
        assert error(act(mia, router, verb, {"network_id": one, "enable_snat": False}))[0] == 403
    own = mia.show("router", router)["external_gateways"][1]
    assert networks(done(mia, router, "remove", own)) == [one], "there the addresses only tell which one"
    assert error(act(cloud.user("otto"), router, "remove", one))[0] == 404
    assert error(act(mia, router, "add", "11111111-2222-3333-4444-555555555555"))[:2] == (404, "NetworkNotFound")
    inner = mia.create("network")["id"]
    status, _, message = error(act(mia, router, "add", inner))
    assert status == 400 and f"Network {inner} is not an external network" in message
    mia.remove("network", inner)
    admin.remove("router", router)


def test_default_routes_are_shared_where_an_admin_says_so(cloud: Cloud, admin: User) -> None:
    router = admin.create("router", enable_default_route_ecmp=True)
    assert router["enable_default_route_ecmp"] is True
    assert admin.update("router", router["id"], enable_default_route_ecmp=None)["enable_default_route_ecmp"] is True
    assert admin.update("router", router["id"], enable_default_route_ecmp=False)["enable_default_route_ecmp"] is False
    admin.remove("router", router["id"])
    mia = cloud.user("mia")
    own = mia.create("router")
    assert own["enable_default_route_ecmp"] is False
    body = {"router": {"enable_default_route_ecmp": True}}
    assert error(mia.put(f"/routers/{own['id']}", body))[:2] == (403, "PolicyNotAuthorized")
    mia.remove("router", own["id"])


def test_gateways_get_an_address_on_the_first_subnet_of_an_ip_version(admin: User, outsides: tuple[str, str]) -> None:
    """As in Neutron when a network is given IPv6 later; a second subnet of a version changes nothing."""
    one, two = outsides
    router = admin.create("router", external_gateway_info={"network_id": one})
    router = done(admin, router["id"], "add", two, at(two, "203.0.113.77"))
    made = admin.create("subnet", network_id=one, cidr="2001:db8:f::/64", ip_version=6)
    shown = admin.show("router", router["id"])
    assert shown["revision_number"] > router["revision_number"]
    first, *others = addresses(shown)
    assert [first, *others[1:]] == addresses(router)
    added = shown["external_gateway_info"]["external_fixed_ips"][1]
    assert added == {"subnet_id": made["id"], "ip_address": others[0]} and others[0].startswith("2001:db8:f:")
    admin.create("subnet", network_id=one, cidr="2001:db8:e::/64", ip_version=6)
    admin.create("subnet", network_id=one, cidr="198.51.101.0/24", ip_version=4)
    assert admin.show("router", router["id"])["external_gateways"] == shown["external_gateways"]
    admin.create("subnet", network_id=two, cidr="2001:db8:d::/64", ip_version=6)
    gateways = admin.show("router", router["id"])["external_gateways"]
    assert [len(gateway["external_fixed_ips"]) for gateway in gateways] == [2, 2, 2]
    # One whose addresses hosts make counts for none, and the gateways of that network have one on it.
    modes = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    admin.create("subnet", network_id=two, cidr="2001:db8:c::/64", ip_version=6, **modes)
    gateways = admin.show("router", router["id"])["external_gateways"]
    assert [len(gateway["external_fixed_ips"]) for gateway in gateways] == [2, 3, 3]

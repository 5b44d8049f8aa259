"""Networks that carry VLAN tags of VMs' own: which may, and what they are from then on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error

NO_TAGS = (
    400,
    "VlanTransparencyDriverError",
    "Backend does not support VLAN Transparency: a VLAN tag in a flat network would be a VLAN of its physical network;"
    " use a tunnelled or a VLAN network.",
)
BOTH = "Attributes 'vlan_transparent' and 'qinq' can not be set to True for the same network."
VLAN = {"provider:network_type": "vlan", "provider:physical_network": "physnet1"}


@pytest.fixture
def admin(cloud: Cloud) -> Iterator[User]:
    user = cloud.user("admin")
    before = {network["id"] for network in user.list("network")}
    yield user
    for network in user.list("network"):
        if network["id"] not in before:
            user.remove("network", network["id"])


def refused(user: User, **values: Any) -> tuple[int, str, str]:
    return error(user.post("/networks", {"network": values}))


def test_a_network_carries_tags_only_where_that_is_asked_for(admin: User) -> None:
    plain = admin.create("network")
    assert (plain["vlan_transparent"], plain["qinq"], plain["mtu"]) == (False, False, 1450)
    tagged = admin.create("network", vlan_transparent=True)
    assert (tagged["vlan_transparent"], tagged["qinq"], tagged["mtu"]) == (True, False, 1446)
    assert admin.show("network", tagged["id"])["vlan_transparent"] is True
    outer = admin.create("network", qinq=True, **VLAN, **{"provider:segmentation_id": 70})
    assert (outer["vlan_transparent"], outer["qinq"], outer["mtu"]) == (False, True, 1492)
    found = {network["id"] for network in admin.list("network", vlan_transparent="true")}
    assert found == {tagged["id"]}
    assert {network["id"] for network in admin.list("network", qinq="true")} == {outer["id"]}


@pytest.mark.parametrize("name", ["vlan_transparent", "qinq"])
def test_it_is_said_when_the_network_is_made_and_stays(admin: User, name: str) -> None:
    network = admin.create("network")
    answer = error(admin.put(f"/networks/{network['id']}", {"network": {name: True}}))
    assert answer == (400, "HTTPBadRequest", f"Cannot update read-only attribute {name}")


def test_types_of_networks_that_have_no_room_for_a_tag_are_refused(admin: User) -> None:
    flat = {"provider:network_type": "flat", "provider:physical_network": "physnet9"}
    assert refused(admin, vlan_transparent=True, **flat) == NO_TAGS
    for values, kind in ((flat, "flat"), ({}, "vxlan")):
        told = (
            f"Backend does not support VLAN QinQ in a network of type {kind}: its outer tag is the segment of a VLAN"
            " network (provider:network_type vlan)."
        )
        assert refused(admin, qinq=True, **values) == (400, "VlanQinqDriverError", told)
    both = {"vlan_transparent": True, "qinq": True, "provider:segmentation_id": 72}
    assert refused(admin, **VLAN, **both) == (400, "BadRequest", f"Bad network request: {BOTH}")
    local = admin.create("network", vlan_transparent=True, **{"provider:network_type": "local"})
    assert local["vlan_transparent"] is True


def test_a_flat_segment_comes_to_no_such_network(admin: User) -> None:
    network = admin.create("network", vlan_transparent=True, **VLAN, **{"provider:segmentation_id": 71})
    segment = {"network_id": network["id"], "network_type": "flat", "physical_network": "physnet9"}
    assert error(admin.post("/segments", {"segment": segment})) == NO_TAGS


def test_the_tag_takes_four_bytes_of_the_mtu(admin: User) -> None:
    told = "Invalid input for operation: Requested MTU is too big, maximum is 1446."
    assert refused(admin, vlan_transparent=True, mtu=1450) == (400, "InvalidInput", told)
    network = admin.create("network", vlan_transparent=True, mtu=1400)
    answer = error(admin.put(f"/networks/{network['id']}", {"network": {"mtu": 1450}}))
    assert answer == (400, "InvalidInput", told)
    assert admin.update("network", network["id"], mtu=0)["mtu"] == 1446


def test_the_extensions_are_listed(admin: User) -> None:
    aliases = {extension["alias"] for extension in admin.get("/extensions").json()["extensions"]}
    assert {"vlan-transparent", "qinq"} <= aliases

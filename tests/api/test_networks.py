"""Networks through the API."""

from tests.api.serving import Cloud, error


def test_a_network_has_a_segment_and_an_mtu_of_its_type(cloud: Cloud) -> None:
    network = cloud.user().create("network", name="blue")
    assert network["provider:network_type"] == "vxlan"
    assert 1 <= network["provider:segmentation_id"] < 2**24
    assert network["mtu"] == 1450
    assert network["status"] == "ACTIVE"
    assert network["revision_number"] == 1


def test_members_do_not_see_where_their_network_is(cloud: Cloud) -> None:
    network = cloud.user("mia").create("network", name="blue")
    assert not [name for name in network if name.startswith("provider:")]


def test_members_may_not_name_a_vlan(cloud: Cloud) -> None:
    reply = cloud.user("mia").post("/networks", {"network": {"provider:network_type": "vlan"}})
    assert error(reply)[:2] == (403, "PolicyNotAuthorized")


def test_a_network_of_another_project_is_not_there(cloud: Cloud) -> None:
    network = cloud.user("mia").create("network", name="blue")
    otto = cloud.user("otto")
    assert error(otto.get(f"/networks/{network['id']}"))[:2] == (404, "NetworkNotFound")
    assert error(otto.delete(f"/networks/{network['id']}"))[0] == 404
    assert otto.list("network", id=network["id"]) == []


def test_a_vlan_is_had_once(cloud: Cloud) -> None:
    admin = cloud.user()
    wanted = {
        "provider:network_type": "vlan",
        "provider:physical_network": "physnet1",
        "provider:segmentation_id": 77,
    }
    network = admin.create("network", **wanted)
    reply = admin.post("/networks", {"network": wanted})
    assert error(reply) == (
        409,
        "VlanIdInUse",
        "Unable to create the network. The VLAN 77 on physical network physnet1 is in use.",
    )
    admin.remove("network", network["id"])
    admin.remove("network", admin.create("network", **wanted)["id"])


def test_a_bulk_is_all_or_nothing(cloud: Cloud) -> None:
    admin = cloud.user()
    wanted = {"provider:network_type": "flat", "provider:physical_network": "physnet-bulk"}
    reply = admin.post("/networks", {"networks": [{"name": "bulk-1"}, wanted, wanted]})
    assert error(reply)[:2] == (409, "FlatNetworkInUse")
    assert admin.list("network", name="bulk-1") == []


def test_numbers_and_yes_or_no_are_filtered_by_as_such(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    four = mia.create("subnetpool", name="four", prefixes=["10.99.0.0/16"])
    six = mia.create("subnetpool", name="six", prefixes=["fd99::/48"])
    for version, pool in (("4", four), ("6", six)):
        found = mia.list("subnetpool", ip_version=version, is_default="False")
        assert {one["name"] for one in found} & {"four", "six"} == {pool["name"]}
    assert error(mia.get("/subnetpools", ip_version="four"))[0] == 400
    for pool in (four, six):
        mia.remove("subnetpool", pool["id"])


def test_counts_of_ip_versions_that_there_are_not_are_none(cloud: Cloud) -> None:
    admin = cloud.user()
    for version in ("five", "4 ", "5"):
        assert admin.list("network_ip_availability", ip_version=version) == []

"""Private VLANs through the API, where Neutron's recorded answers say nothing: routers, what is changed at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error


@pytest.fixture
def mia(cloud: Cloud) -> User:
    return cloud.user("mia")


@pytest.fixture
def network(mia: User) -> Iterator[str]:
    id = mia.create("network", pvlan=True)["id"]
    yield id
    for port in mia.list("port", network_id=id):
        if not port["device_owner"].startswith("network:router"):
            mia.remove("port", port["id"])
    mia.remove("network", id)


def kinds(user: User, network: str) -> dict[str, tuple[str | None, str | None]]:
    return {p["id"]: (p["pvlan_type"], p["pvlan_community"]) for p in user.list("port", network_id=network)}


def change(user: User, port: str, **values: Any) -> tuple[int, str, str]:
    return error(user.put(f"/ports/{port}", {"port": values}))


def test_a_network_that_becomes_private_or_no_longer_is_takes_its_ports_along(mia: User, network: str) -> None:
    plain = mia.create("port", network_id=network)
    other = mia.create("port", network_id=network, pvlan_type="community", pvlan_community="web")
    mia.update("network", network, pvlan=False)
    assert set(kinds(mia, network).values()) == {(None, None)}
    assert mia.show("port", plain["id"])["revision_number"] == plain["revision_number"] + 1
    mia.update("network", network, pvlan=True)
    assert kinds(mia, network) == {plain["id"]: ("promiscuous", None), other["id"]: ("promiscuous", None)}
    assert mia.update("network", network, pvlan=True)["pvlan"] is True
    assert mia.show("port", plain["id"])["revision_number"] == plain["revision_number"] + 2


def test_no_port_without_port_security_is_in_a_private_network(mia: User) -> None:
    """Neutron makes it private all the same, and leaves such a port, and those that come after it, as they were."""
    network = mia.create("network")["id"]
    secured = mia.create("port", network_id=network)["id"]
    port = mia.create("port", network_id=network, port_security_enabled=False, security_groups=[])["id"]
    refused = error(mia.put(f"/networks/{network}", {"network": {"pvlan": True}}))
    told = f"Port security is disabled for port {port}, cannot set PVLAN."
    assert refused == (400, "PVLANPortSecurityDisabled", told)
    assert mia.show("network", network)["pvlan"] is False
    assert set(kinds(mia, network).values()) == {(None, None)}
    mia.remove("port", port)
    mia.update("network", network, pvlan=True)
    refused = error(mia.put(f"/networks/{network}", {"network": {"port_security_enabled": False}}))
    assert refused[:2] == (400, "PVLANNetworkPortSecurityDisabled")
    mia.remove("port", secured)
    mia.remove("network", network)


def test_ports_of_routers_are_promiscuous(mia: User, network: str) -> None:
    subnet = mia.create("subnet", network_id=network, ip_version=4, cidr="10.79.0.0/24")["id"]
    router = mia.create("router")["id"]
    isolated = mia.create("port", network_id=network, pvlan_type="isolated", security_groups=[])["id"]
    path = f"/routers/{router}/add_router_interface"
    refused = error(mia.put(path, {"port_id": isolated}))
    told = f"Unsupported PVLAN type isolated for port {isolated}."
    assert refused == (400, "PVLANUnsupportedType", told)
    assert mia.put(path, {"subnet_id": subnet}).status_code == 200
    (interface,) = mia.list("port", device_id=router)
    assert interface["pvlan_type"] == "promiscuous"
    assert change(mia, interface["id"], pvlan_type="isolated")[:2] == (400, "PVLANUnsupportedType")
    assert mia.put(f"/routers/{router}/remove_router_interface", {"subnet_id": subnet}).status_code == 200
    mia.remove("router", router)


def test_ports_made_while_their_network_changes_are_as_it_is_in_the_end(mia: User, network: str) -> None:
    def turn(private: bool) -> int:
        return mia.put(f"/networks/{network}", {"network": {"pvlan": private}}).status_code

    def make(_number: int) -> int:
        return mia.post("/ports", {"port": {"network_id": network}}).status_code

    with ThreadPoolExecutor(6) as pool:
        made = pool.map(make, range(20))
        turned = pool.map(turn, (False, True, False, True, False))
        assert set(turned) == {200}
        assert set(made) == {201}
    wanted = ("promiscuous", None) if mia.show("network", network)["pvlan"] else (None, None)
    found = kinds(mia, network)
    assert set(found.values()) == {wanted}
    assert len(found) == 20

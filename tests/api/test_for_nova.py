"""Attributes of ports that Nova acts on: kept as they are given, and checked as Neutron does."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Cloud, error, serving


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with serving(tmp_path_factory.mktemp("for-nova"), preview=False) as made:
        yield made


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> str:
    return str(cloud.user("mia").create("network")["id"])


def test_they_are_offered(cloud: Cloud) -> None:
    offered = {e["alias"] for e in cloud.user("mia").get("/extensions").json()["extensions"]}
    assert {"port-device-profile", "port-numa-affinity-policy", "port-numa-affinity-policy-socket"} <= offered


def test_they_are_null_unless_they_are_given(cloud: Cloud, network: str) -> None:
    port = cloud.user("mia").create("port", network_id=network)
    assert (port["device_profile"], port["numa_affinity_policy"]) == (None, None)


def test_they_are_kept(cloud: Cloud, network: str) -> None:
    mia = cloud.user("mia")
    port = mia.create("port", network_id=network, device_profile="gpu", numa_affinity_policy="socket")
    assert (port["device_profile"], port["numa_affinity_policy"]) == ("gpu", "socket")
    mia.update("port", port["id"], numa_affinity_policy="required")
    shown = mia.show("port", port["id"])
    assert (shown["device_profile"], shown["numa_affinity_policy"]) == ("gpu", "required")
    assert mia.update("port", port["id"], numa_affinity_policy=None)["numa_affinity_policy"] is None


@pytest.mark.parametrize("values", [{"numa_affinity_policy": "near"}, {"device_profile": "x" * 256}])
def test_other_values_are_refused(cloud: Cloud, network: str, values: dict[str, Any]) -> None:
    reply = cloud.user("mia").post("/ports", {"port": {"network_id": network, **values}})
    assert error(reply)[:2] == (400, "HTTPBadRequest")
    assert next(iter(values)) in error(reply)[2]


def test_a_device_profile_cannot_be_changed(cloud: Cloud, network: str) -> None:
    mia = cloud.user("mia")
    port = mia.create("port", network_id=network, device_profile="gpu")
    reply = mia.put(f"/ports/{port['id']}", {"port": {"device_profile": "other"}})
    assert error(reply)[:2] == (400, "HTTPBadRequest")
    assert mia.show("port", port["id"])["device_profile"] == "gpu"

"""Quotas: what is counted is what is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Cloud, User, error, serving


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder: Path = tmp_path_factory.mktemp("small")
    with serving(folder, networking={"default_quotas": "{ network = 2, rbac_policy = 2, port = 3 }"}) as cloud:
        yield cloud


def used(cloud: Cloud, user: User, resource: str) -> int:
    reply = cloud.user().get(f"/quotas/{user.project_id}/details")
    found: int = reply.json()["quota"][resource]["used"]
    return found


def test_no_more_networks_than_the_quota_says(small: Cloud) -> None:
    mia = small.user("mia")
    made = [mia.create("network")["id"] for _ in range(2)]
    reply = mia.post("/networks", {"network": {}})
    assert error(reply) == (409, "OverQuota", "Quota exceeded for resources: ['network'].")
    mia.remove("network", made[0])
    made[0] = mia.create("network")["id"]
    for id in made:
        mia.remove("network", id)
    assert used(small, mia, "network") == 0


def test_a_bulk_over_the_quota_makes_nothing(small: Cloud) -> None:
    otto = small.user("otto")
    network = otto.create("network")["id"]
    ports = [{"network_id": network} for _ in range(4)]
    assert error(otto.post("/ports", {"ports": ports}))[1] == "OverQuota"
    assert used(small, otto, "port") == 0
    assert otto.list("port", network_id=network) == []
    otto.remove("network", network)


def test_policies_that_come_with_shared_are_counted_and_given_back(small: Cloud) -> None:
    admin = small.user()
    before = used(small, admin, "rbac_policy")
    network = admin.create("network", shared=True, **{"router:external": True})["id"]
    assert used(small, admin, "rbac_policy") == before + 2 == len(admin.list("rbac_policy"))
    another = admin.create("network", shared=True)["id"]
    assert used(small, admin, "rbac_policy") == before + 3
    admin.update("network", another, shared=False)
    admin.update("network", network, **{"router:external": False})
    assert used(small, admin, "rbac_policy") == before + 1
    (policy,) = admin.list("rbac_policy", object_id=network)
    admin.remove("rbac_policy", policy["id"])
    assert used(small, admin, "rbac_policy") == before
    for id in (network, another):
        admin.remove("network", id)


def test_a_limit_below_what_is_there_lets_nothing_in_until_as_much_has_gone(small: Cloud) -> None:
    mia, admin = small.user("mia"), small.user()
    made = [mia.create("network")["id"] for _ in range(2)]
    path = f"/quotas/{mia.project_id}"
    assert admin.put(path, {"quota": {"network": 1, "force": True}}).status_code == 200
    assert used(small, mia, "network") == 2
    mia.remove("network", made.pop())
    assert error(mia.post("/networks", {"network": {}}))[1] == "OverQuota"
    mia.remove("network", made.pop())
    made.append(mia.create("network")["id"])
    assert error(mia.post("/networks", {"network": {}}))[1] == "OverQuota"
    assert admin.delete(path).status_code == 204
    made.append(mia.create("network")["id"])
    assert used(small, mia, "network") == 2
    for id in made:
        mia.remove("network", id)


def test_members_see_their_own_quota_and_do_not_set_it(small: Cloud) -> None:
    mia, mara = small.user("mia"), small.user("mara")
    assert mia.get(f"/quotas/{mia.project_id}").json()["quota"]["network"] == 2
    assert error(mia.get("/quotas/another"))[0] == 403
    assert mara.get(f"/quotas/{mara.project_id}").json()["quota"]["network"] == 2
    assert error(mara.put(f"/quotas/{mara.project_id}", {"quota": {"network": 9}}))[:2] == (403, "PolicyNotAuthorized")

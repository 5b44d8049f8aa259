"""Whether new security groups are stateful: what a project has set counts before what is set for all."""

from typing import Any

import pytest

from tests.api.serving import Cloud, User, error

NAME = "security_groups_default_statefulness"
PATH = "/security-groups-default-statefulness"


def put(user: User, **values: Any) -> dict[str, Any]:
    reply = user.post(PATH, {NAME: values})
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()[NAME]
    return found


@pytest.fixture
def admin(cloud: Cloud) -> Any:
    user = cloud.user("admin")
    yield user
    for one in user.get(PATH).json()[NAME]:
        assert user.delete(f"{PATH}/{one['id']}").status_code == 204


def test_new_groups_are_as_their_project_or_everybody_has_set(cloud: Cloud, admin: User) -> None:
    mia = cloud.user("mia")
    group = mia.create("security_group", name="before")
    assert group["stateful"] is True
    project = group["project_id"]
    whole = put(admin, project_id=None, stateful=False)
    assert whole == {"id": whole["id"], "project_id": None, "tenant_id": None, "stateful": False}
    assert mia.create("security_group", name="all")["stateful"] is False
    own = put(admin, project_id=project, stateful=True)
    assert mia.create("security_group", name="own")["stateful"] is True
    assert admin.put(f"{PATH}/{own['id']}", {NAME: {"stateful": False}}).json()[NAME]["stateful"] is False
    assert mia.create("security_group", name="changed")["stateful"] is False
    assert mia.create("security_group", name="asked", stateful=True)["stateful"] is True
    assert mia.show("security_group", group["id"])["stateful"] is True  # one that is there stays


def test_each_project_has_one_and_so_have_all_together(cloud: Cloud, admin: User) -> None:
    project = cloud.user("mia").create("network")["project_id"]
    for owner, told in ((None, "system-wide"), (project, project)):
        put(admin, project_id=owner)
        assert error(admin.post(PATH, {NAME: {"project_id": owner}})) == (
            409, "SecurityGroupDefaultStatefulnessAlreadyExists",
            f"A security group default statefulness setting already exists for project '{told}'.",
        )  # fmt: skip
    assert [one["project_id"] for one in admin.get(PATH, project_id=project).json()[NAME]] == [project]


def test_members_see_their_own_and_set_none(cloud: Cloud, admin: User) -> None:
    mia, otto = cloud.user("mia"), cloud.user("otto")
    project = mia.create("network")["project_id"]
    put(admin, project_id=None)
    own = put(admin, project_id=project)
    assert [one["id"] for one in mia.get(PATH).json()[NAME]] == [own["id"]]
    assert otto.get(PATH).json()[NAME] == []
    assert mia.post(PATH, {NAME: {}}).status_code == 403
    assert mia.put(f"{PATH}/{own['id']}", {NAME: {"stateful": False}}).status_code == 403
    assert error(otto.get(f"{PATH}/{own['id']}"))[:2] == (404, "SecurityGroupDefaultStatefulnessNotFound")

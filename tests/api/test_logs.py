"""Logs of security groups through the API: who may, what they may be about, and that they go with that."""

import uuid
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error


def make(user: User, **values: Any) -> dict[str, Any]:
    reply = post(user, **values)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["log"]
    return made


def post(user: User, **values: Any) -> Any:
    return user.post("/log/logs", {"log": {"resource_type": "security_group", **values}})


def port_of(user: User, **values: Any) -> dict[str, Any]:
    return user.create("port", network_id=user.create("network")["id"], **values)


def test_an_admin_makes_changes_lists_and_removes_one(cloud: Cloud) -> None:
    admin = cloud.user("admin")
    port = port_of(admin)
    made = make(admin, name="web", target_id=port["id"], event="DROP", description="who knocks")
    assert {name: made[name] for name in ("resource_type", "resource_id", "target_id", "event", "enabled")} == {
        "resource_type": "security_group", "resource_id": None, "target_id": port["id"], "event": "DROP",
        "enabled": True,
    }  # fmt: skip
    assert (made["project_id"], made["name"], made["description"]) == (port["project_id"], "web", "who knocks")
    assert admin.get("/log/logs", target_id=port["id"]).json()["logs"] == [made]
    changed = admin.put(f"/log/logs/{made['id']}", {"log": {"enabled": False, "name": "off"}}).json()["log"]
    assert (changed["enabled"], changed["name"], changed["revision_number"]) == (False, "off", 1)
    assert admin.put(f"/log/logs/{made['id']}", {"log": {"event": "ALL"}}).status_code == 400
    assert admin.delete(f"/log/logs/{made['id']}").status_code == 204
    gone = f"Log resource {made['id']} could not be found."
    assert error(admin.get(f"/log/logs/{made['id']}")) == (404, "LogResourceNotFound", gone)


def test_what_can_be_logged_is_told(cloud: Cloud) -> None:
    admin, mia = cloud.user("admin"), cloud.user("mia")
    assert admin.get("/log/loggable-resources").json() == {"loggable_resources": [{"type": "security_group"}]}
    assert mia.get("/log/loggable-resources").json() == {"loggable_resources": []}


def test_members_may_not(cloud: Cloud) -> None:
    admin, mia = cloud.user("admin"), cloud.user("mia")
    assert error(post(mia))[:2] == (403, "PolicyNotAuthorized")
    made = make(admin, project_id=port_of(mia)["project_id"])
    assert mia.get("/log/logs").json() == {"logs": []}
    for reply in (
        mia.get(f"/log/logs/{made['id']}"),
        mia.put(f"/log/logs/{made['id']}", {"log": {"enabled": False}}),
        mia.delete(f"/log/logs/{made['id']}"),
    ):
        assert reply.status_code == 404
    admin.delete(f"/log/logs/{made['id']}")


def test_what_is_not_there_or_does_not_belong_together_is_refused(cloud: Cloud) -> None:
    admin = cloud.user("admin")
    nobody, group = str(uuid.uuid4()), admin.create("security_group", name="other")["id"]
    port = port_of(admin)["id"]
    assert error(post(admin, resource_type="snat")) == (
        400, "InvalidLogResourceType", "Invalid log resource_type: snat.",
    )  # fmt: skip
    assert error(post(admin, resource_id=nobody)) == (
        404, "ResourceNotFound", f"Resource {nobody} could not be found.",
    )  # fmt: skip
    assert error(post(admin, target_id=nobody)) == (
        404, "TargetResourceNotFound", f"Target resource {nobody} could not be found.",
    )  # fmt: skip
    assert error(post(admin, resource_id=group, target_id=port)) == (
        400,
        "InvalidResourceConstraint",
        f"Invalid resource constraint between resource (security_group {group}) and target resource (port {port}).",
    )
    direct = port_of(admin, **{"binding:vnic_type": "direct", "binding:host_id": "nowhere"})["id"]
    assert error(post(admin, target_id=direct))[:2] == (409, "LoggingTypeNotSupported")
    assert post(admin, event="REJECT").status_code == 400
    assert admin.post("/log/logs", {"log": {}}).status_code == 400


@pytest.mark.parametrize("about", ["port", "security_group"])
def test_it_goes_with_what_it_is_about_and_does_not_keep_it(cloud: Cloud, about: str) -> None:
    admin = cloud.user("admin")
    if about == "port":
        thing = port_of(admin)
        made = make(admin, target_id=thing["id"])
    else:
        thing = admin.create("security_group", name="short-lived")
        made = make(admin, resource_id=thing["id"])
    admin.remove(about, thing["id"])
    assert admin.get(f"/log/logs/{made['id']}").status_code == 404

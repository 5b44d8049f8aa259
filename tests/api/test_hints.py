"""Hints of ports: an admin's, of the one kind that Neutron takes."""

from typing import Any

import pytest

from tests.api.serving import Cloud, error

HASH = {"openvswitch": {"other_config": {"tx-steering": "hash"}}}


def test_an_admin_gives_changes_and_takes_them_and_nobody_else_sees_them(cloud: Cloud) -> None:
    admin, mia = cloud.user("admin"), cloud.user("mia")
    network = mia.create("network")["id"]
    port = admin.create("port", network_id=network, project_id=mia.show("network", network)["project_id"], hints=HASH)
    assert port["hints"] == HASH
    assert "hints" not in mia.show("port", port["id"])
    thread = {"openvswitch": {"other_config": {"tx-steering": "thread"}}}
    assert admin.update("port", port["id"], hints=thread)["hints"] == thread
    assert admin.update("port", port["id"], hints=None)["hints"] is None
    assert mia.put(f"/ports/{port['id']}", {"port": {"hints": HASH}}).status_code == 403
    assert mia.post("/ports", {"port": {"network_id": network, "hints": HASH}}).status_code == 403
    assert admin.show("port", mia.create("port", network_id=network)["id"])["hints"] is None


@pytest.mark.parametrize(
    "wrong",
    [{"linuxbridge": {}}, {"openvswitch": {"options": {}}}, "hash", {"openvswitch": {"other_config": {"a": "b"}}},
     {"openvswitch": {"other_config": {"tx-steering": "xps"}}}, {"openvswitch": None}],
)  # fmt: skip
def test_other_hints_are_refused(cloud: Cloud, wrong: Any) -> None:
    admin = cloud.user("admin")
    reply = admin.post("/ports", {"port": {"network_id": admin.create("network")["id"], "hints": wrong}})
    assert error(reply)[:2] == (400, "HTTPBadRequest")

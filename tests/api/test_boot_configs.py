"""Boot configurations through the API: whose they are, what they may hold, and that they go with their port."""

import base64
from typing import Any

import pytest

from tests.api.serving import Cloud, User, error

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKqLsB1qkmHyOV2p7xh7xWdT9JHxvhVHcVwUuZ7kXq1 mia@example.com"
DATA = base64.b64encode(b"#cloud-config\n").decode()


def make(user: User, port: dict[str, Any], **values: Any) -> dict[str, Any]:
    return user.create("boot_config", port_id=port["id"], **values)


def port_of(user: User, **values: Any) -> dict[str, Any]:
    return user.create("port", network_id=user.create("network")["id"], **values)


def test_a_port_s_owner_sets_shows_and_removes_it(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port = port_of(mia)
    made = make(mia, port, hostname="Web.example.com", public_keys=[KEY], user_data=DATA)
    assert (made["hostname"], made["public_keys"], made["user_data"]) == ("web.example.com", [KEY], DATA)
    assert made["project_id"] == port["project_id"]
    assert mia.get("/boot-configs", port_id=port["id"]).json()["boot_configs"] == [made]
    changed = mia.put(f"/boot-configs/{made['id']}", {"boot_config": {"public_keys": []}}).json()["boot_config"]
    assert (changed["public_keys"], changed["user_data"], changed["revision_number"]) == ([], DATA, 1)
    mia.remove("boot_config", made["id"])
    assert error(mia.get(f"/boot-configs/{made['id']}"))[:2] == (404, "BootConfigNotFound")
    empty = make(mia, port)
    assert (empty["hostname"], empty["public_keys"], empty["user_data"]) == ("", [], "")
    cleared = mia.put(f"/boot-configs/{empty['id']}", {"boot_config": {"public_keys": None}}).json()["boot_config"]
    assert cleared["public_keys"] == []


def test_a_port_has_one(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port = port_of(mia)
    make(mia, port)
    words = f"Port {port['id']} already has a boot configuration."
    reply = mia.post("/boot-configs", {"boot_config": {"port_id": port["id"]}})
    assert error(reply) == (409, "BootConfigExists", words)


def test_it_goes_with_its_port_and_does_not_keep_it(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    port = port_of(mia)
    made = make(mia, port)
    mia.remove("port", port["id"])
    assert mia.get(f"/boot-configs/{made['id']}").status_code == 404


def test_other_projects_neither_make_nor_see_nor_change_it(cloud: Cloud) -> None:
    mia, otto, admin = cloud.user("mia"), cloud.user("otto"), cloud.user("admin")
    network = mia.create("network")
    admin.create("rbac_policy", object_type="network", object_id=network["id"], action="access_as_shared",
                 target_tenant="*")  # fmt: skip
    port = mia.create("port", network_id=network["id"])
    refused = otto.post("/boot-configs", {"boot_config": {"port_id": port["id"]}})
    assert error(refused)[:2] == (404, "PortNotFound")
    named = otto.post("/boot-configs", {"boot_config": {"port_id": port["id"], "project_id": port["project_id"]}})
    assert named.status_code == 400
    made = make(mia, port, user_data=DATA)
    assert otto.get("/boot-configs").json() == {"boot_configs": []}
    for reply in (
        otto.get(f"/boot-configs/{made['id']}"),
        otto.put(f"/boot-configs/{made['id']}", {"boot_config": {"hostname": "evil"}}),
        otto.delete(f"/boot-configs/{made['id']}"),
    ):
        assert error(reply)[:2] == (404, "BootConfigNotFound")
    others = port_of(otto)
    assert make(admin, others)["project_id"] == others["project_id"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hostname", "no_name"), ("hostname", "a b"), ("public_keys", ["not a key"]), ("public_keys", "ssh-rsa AAAA"),
        ("public_keys", [f'command="x" {KEY}']), ("public_keys", [f"{KEY}\nssh-rsa AAAA"]), ("public_keys", [KEY, KEY]),
        ("public_keys", [KEY + str(n) for n in range(65)]), ("user_data", "no base64!"), ("user_data", 7),
        ("user_data", base64.b64encode(bytes(49152)).decode()), ("port_id", "web"),
    ],
)  # fmt: skip
def test_what_no_vm_could_be_told_is_refused(cloud: Cloud, name: str, value: Any) -> None:
    mia = cloud.user("mia")
    body = {"port_id": port_of(mia)["id"], name: value}
    assert mia.post("/boot-configs", {"boot_config": body}).status_code == 400

"""Metering labels and their rules: the texts are those of Neutron's source."""

import uuid
from typing import Any

from tests.api.serving import Cloud, User, error

LABELS, RULES = "/metering/metering-labels", "/metering/metering-label-rules"


def label(user: User, **values: Any) -> Any:
    return user.post(LABELS, {"metering_label": values})


def rule(user: User, label: str, **values: Any) -> Any:
    return user.post(RULES, {"metering_label_rule": {"metering_label_id": label, "direction": "egress", **values}})


def manager(cloud: Cloud) -> User:
    return cloud.user("mara")


def test_a_label_is_made_listed_and_removed_with_its_rules(cloud: Cloud) -> None:
    mara = manager(cloud)
    reply = label(mara, name="web", description="what the web servers send")
    assert reply.status_code == 201, reply.text
    made = reply.json()["metering_label"]
    assert made == {
        "id": made["id"], "name": "web", "description": "what the web servers send", "shared": False,
        "project_id": mara.project_id, "tenant_id": mara.project_id,
    }  # fmt: skip
    reply = rule(mara, made["id"], source_ip_prefix="10.0.0.5", excluded="true")
    assert reply.status_code == 201, reply.text
    one = reply.json()["metering_label_rule"]
    assert one == {
        "id": one["id"], "metering_label_id": made["id"], "direction": "egress", "excluded": True,
        "remote_ip_prefix": None, "source_ip_prefix": "10.0.0.5/32", "destination_ip_prefix": None,
        "project_id": mara.project_id, "tenant_id": mara.project_id,
    }  # fmt: skip
    assert mara.get(RULES, metering_label_id=made["id"], excluded="True").json()["metering_label_rules"] == [one]
    assert mara.get(LABELS, name="web").json()["metering_labels"] == [made]
    assert mara.get(f"{RULES}/{one['id']}").json() == {"metering_label_rule": one}
    for path in (f"{LABELS}/{made['id']}", f"{RULES}/{one['id']}"):
        assert mara.put(path, {path.split("/")[2][:-1].replace("-", "_"): {}}).status_code == 405
    assert mara.delete(f"{LABELS}/{made['id']}").status_code == 204
    assert error(mara.get(f"{LABELS}/{made['id']}")) == (
        404, "MeteringLabelNotFound", f"Metering label '{made['id']}' does not exist.",
    )  # fmt: skip
    assert error(mara.get(f"{RULES}/{one['id']}")) == (
        404, "MeteringLabelRuleNotFound", f"Metering label rule '{one['id']}' does not exist.",
    )  # fmt: skip


def test_what_a_rule_may_say(cloud: Cloud) -> None:
    mara = manager(cloud)
    made = label(mara).json()["metering_label"]["id"]
    none = (
        "You must define at least one of the following parameters 'remote_ip_prefix', or 'source_ip_prefix' or "
        "'destination_ip_prefix'."
    )
    both = "Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'."
    assert error(rule(mara, made)) == (400, "Invalid", none)
    assert error(rule(mara, made, remote_ip_prefix="10.0.0.0/8", source_ip_prefix="10.0.0.0/8")) == (
        400,
        "Invalid",
        both,
    )
    assert error(rule(mara, made, source_ip_prefix="10.0.0.0/33"))[2].startswith(
        "source_ip_prefix: 10.0.0.0/33 is invalid ["
    )
    assert error(rule(mara, made, source_ip_prefix="10.0.0.0/8", destination_ip_prefix="2001:db8::/32"))[0] == 400
    assert rule(mara, made, direction="sideways", source_ip_prefix="10.0.0.0/8").status_code == 400
    assert rule(mara, made, source_ip_prefix=7).status_code == 400
    assert rule(mara, made, source_ip_prefix="::/0", destination_ip_prefix="2001:db8::/32").status_code == 201
    assert error(rule(mara, str(uuid.UUID(int=7)), source_ip_prefix="10.0.0.0/8"))[1] == "MeteringLabelNotFound"

    assert rule(mara, made, remote_ip_prefix="10.0.0.0/8").status_code == 201
    assert error(rule(mara, made, remote_ip_prefix="10.1.0.0/16")) == (
        409, "MeteringLabelRuleOverlaps",
        "Metering label rule with remote_ip_prefix '10.1.0.0/16' overlaps another.",
    )  # fmt: skip
    assert rule(mara, made, remote_ip_prefix="10.1.0.0/16", excluded=True).status_code == 201
    assert rule(mara, made, remote_ip_prefix="10.1.0.0/16", direction="ingress").status_code == 201
    assert rule(mara, made, remote_ip_prefix="2001:db8::/32").status_code == 201
    mara.delete(f"{LABELS}/{made}")


def test_labels_are_for_managers_of_their_project_and_shared_ones_for_admins(cloud: Cloud) -> None:
    mara, mia, rita, otto, admin = (cloud.user(name) for name in ("mara", "mia", "rita", "otto", "admin"))
    made = label(mara).json()["metering_label"]["id"]
    one = rule(mara, made, source_ip_prefix="10.0.0.0/8").json()["metering_label_rule"]["id"]
    for reader in (mia, rita):
        assert reader.get(f"{LABELS}/{made}").status_code == 200
        assert reader.get(f"{RULES}/{one}").status_code == 200
        assert label(reader).status_code == 403
        assert rule(reader, made, source_ip_prefix="10.0.0.0/8").status_code == 403
        assert reader.delete(f"{LABELS}/{made}").status_code == 403
        assert reader.delete(f"{RULES}/{one}").status_code == 403
    assert otto.get(f"{LABELS}/{made}").status_code == 404
    assert otto.get(f"{RULES}/{one}").status_code == 404
    assert otto.get(RULES).json() == {"metering_label_rules": []}
    assert label(mara, shared=True).status_code == 403
    shared = label(admin, shared=True).json()["metering_label"]
    assert shared["shared"] is True
    assert mara.get(f"{LABELS}/{shared['id']}").status_code == 404, "as in Neutron, its owner's alone"
    assert error(rule(mara, shared["id"], source_ip_prefix="10.0.0.0/8"))[1] == "MeteringLabelNotFound"
    added = rule(admin, made, source_ip_prefix="10.9.0.0/16").json()["metering_label_rule"]
    assert added["project_id"] == mara.project_id, "a rule belongs to its label's project"
    for id in (made, shared["id"]):
        assert admin.delete(f"{LABELS}/{id}").status_code == 204


def test_a_project_has_a_quota_of_both(cloud: Cloud) -> None:
    mara, admin = manager(cloud), cloud.user("admin")
    limits = {"metering_label": 1, "metering_label_rule": 2}
    assert admin.put(f"/quotas/{mara.project_id}", {"quota": limits}).status_code == 200
    made = label(mara).json()["metering_label"]["id"]
    assert error(label(mara)) == (409, "OverQuota", "Quota exceeded for resources: ['metering_label'].")
    for _ in range(2):
        assert rule(mara, made, source_ip_prefix="10.0.0.0/8").status_code == 201
    assert error(rule(mara, made, source_ip_prefix="10.0.0.0/8"))[1] == "OverQuota"
    assert mara.delete(f"{LABELS}/{made}").status_code == 204
    used = admin.get(f"/quotas/{mara.project_id}/details.json").json()["quota"]
    assert [used[name]["used"] for name in limits] == [0, 0]
    assert admin.delete(f"/quotas/{mara.project_id}").status_code == 204

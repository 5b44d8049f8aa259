"""Quality of service through the API: policies and their rules, who may use them, what keeps them from going."""

from typing import Any

import pytest

from tests.api.serving import Cloud, User, error

LIMIT = {"max_kbps": 10_000, "max_burst_kbps": 800, "direction": "egress"}


def policy(user: User, **values: Any) -> dict[str, Any]:
    return user.create("policy", name="gold", **values)


def add(user: User, policy: dict[str, Any], kind: str, **values: Any) -> dict[str, Any]:
    reply = user.post(f"/qos/policies/{policy['id']}/{kind}_rules", {f"{kind}_rule": values})
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()[f"{kind}_rule"]
    return found


def test_a_policy_shows_its_rules_and_each_of_them_counts_its_revision_up(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara, description="for the shop")
    assert made["rules"] == [] and (made["is_default"], made["shared"], made["revision_number"]) == (False, False, 0)
    limit = add(mara, made, "bandwidth_limit", **LIMIT)
    assert limit == {"id": limit["id"], **LIMIT}
    mark = add(mara, made, "dscp_marking", dscp_mark="26")
    assert mark == {"id": mark["id"], "dscp_mark": 26}
    rate = add(mara, made, "packet_rate_limit", max_kpps=3)
    assert rate == {"id": rate["id"], "max_kpps": 3, "max_burst_kpps": 0, "direction": "egress"}
    shown = mara.show("policy", made["id"])
    assert shown["revision_number"] == 3
    assert {rule["type"]: rule for rule in shown["rules"]} == {
        "bandwidth_limit": {**limit, "type": "bandwidth_limit", "qos_policy_id": made["id"]},
        "dscp_marking": {**mark, "type": "dscp_marking", "qos_policy_id": made["id"]},
        "packet_rate_limit": {**rate, "type": "packet_rate_limit", "qos_policy_id": made["id"]},
    }
    path = f"/qos/policies/{made['id']}/bandwidth_limit_rules"
    assert mara.get(path).json() == {"bandwidth_limit_rules": [limit]}
    assert mara.get(path, direction="ingress").json() == {"bandwidth_limit_rules": []}
    assert mara.get(f"{path}/{limit['id']}").json() == {"bandwidth_limit_rule": limit}
    changed = mara.put(f"{path}/{limit['id']}", {"bandwidth_limit_rule": {"max_kbps": 5}})
    assert changed.json() == {"bandwidth_limit_rule": {**limit, "max_kbps": 5}}
    assert mara.delete(f"{path}/{limit['id']}").status_code == 204
    after = mara.show("policy", made["id"])
    assert (len(after["rules"]), after["revision_number"]) == (2, 5)
    mara.remove("policy", made["id"])
    assert error(mara.get(f"/qos/policies/{made['id']}"))[:2] == (404, "QosPolicyNotFound")


def test_a_policy_has_one_rule_of_a_kind_in_a_direction(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    first = add(mara, made, "bandwidth_limit", **LIMIT)
    other = add(mara, made, "bandwidth_limit", max_kbps=1, direction="ingress")
    path = f"/qos/policies/{made['id']}/bandwidth_limit_rules"
    words = f"Rule bandwidth_limit conflicts with rule {first['id']} which already exists in QoS Policy {made['id']}."
    assert error(mara.post(path, {"bandwidth_limit_rule": LIMIT})) == (409, "QoSRulesConflict", words)
    reply = mara.put(f"{path}/{other['id']}", {"bandwidth_limit_rule": {"direction": "egress"}})
    assert error(reply) == (409, "QoSRulesConflict", words)
    add(mara, made, "dscp_marking", dscp_mark=0)
    reply = mara.post(f"/qos/policies/{made['id']}/dscp_marking_rules", {"dscp_marking_rule": {"dscp_mark": 8}})
    assert error(reply)[:2] == (409, "QoSRulesConflict")
    reply = mara.post(f"/qos/policies/{made['id']}/dscp_marking_rules", {"dscp_marking_rule": {"dscp_mark": 7}})
    assert error(reply)[0] == 400


def test_a_rule_is_only_below_its_own_policy(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made, another = policy(mara), policy(mara)
    limit = add(mara, made, "bandwidth_limit", **LIMIT)
    words = f"QoS rule {limit['id']} for policy {another['id']} could not be found."
    path = f"/qos/policies/{another['id']}/bandwidth_limit_rules/{limit['id']}"
    for reply in (mara.get(path), mara.delete(path), mara.put(path, {"bandwidth_limit_rule": {"max_kbps": 5}})):
        assert error(reply) == (404, "QosRuleNotFound", words)
    nowhere = f"/qos/policies/{limit['id']}/bandwidth_limit_rules"
    for reply in (mara.get(nowhere), mara.post(nowhere, {"bandwidth_limit_rule": LIMIT})):
        assert error(reply)[:2] == (404, "QosPolicyNotFound")


def test_a_rule_is_also_had_by_its_id_alone(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    limit = add(mara, made, "bandwidth_limit", **LIMIT)
    path = f"/qos/alias-bandwidth-limit-rules/{limit['id']}"
    assert mara.get(path).json() == {"alias_bandwidth_limit_rule": limit}
    changed = mara.put(path, {"alias_bandwidth_limit_rule": {"max_kbps": 77}})
    assert changed.json() == {"alias_bandwidth_limit_rule": {**limit, "max_kbps": 77}}
    assert mara.show("policy", made["id"])["rules"][0]["max_kbps"] == 77
    assert error(mara.get("/qos/alias-bandwidth-limit-rules"))[0] in (404, 405)
    assert error(cloud.user("otto").get(path))[0] == 404
    assert mara.delete(path).status_code == 204
    assert mara.show("policy", made["id"])["rules"] == []


def test_members_use_what_managers_make(cloud: Cloud) -> None:
    mara, mia, otto = cloud.user("mara"), cloud.user("mia"), cloud.user("otto")
    assert error(mia.post("/qos/policies", {"policy": {"name": "gold"}}))[:2] == (403, "PolicyNotAuthorized")
    made = policy(mara)
    assert error(otto.get(f"/qos/policies/{made['id']}"))[:2] == (404, "QosPolicyNotFound")
    path = f"/qos/policies/{made['id']}/bandwidth_limit_rules"
    assert error(mia.post(path, {"bandwidth_limit_rule": LIMIT}))[:2] == (403, "PolicyNotAuthorized")
    assert error(otto.post(path, {"bandwidth_limit_rule": LIMIT}))[:2] == (403, "PolicyNotAuthorized")
    limit = add(mara, made, "bandwidth_limit", **LIMIT)
    assert mia.get(f"{path}/{limit['id']}").status_code == 200
    network = mia.create("network")
    port = mia.create("port", network_id=network["id"], qos_policy_id=made["id"])
    assert port["qos_policy_id"] == made["id"]
    theirs = otto.create("network")
    reply = otto.put(f"/networks/{theirs['id']}", {"network": {"qos_policy_id": made["id"]}})
    assert error(reply)[:2] == (404, "QosPolicyNotFound")


def test_a_shared_policy_stays_while_another_project_uses_it(cloud: Cloud) -> None:
    mara, otto = cloud.user("mara"), cloud.user("otto")
    made = policy(mara)
    rbac = mara.create(
        "rbac_policy", object_type="qos_policy", object_id=made["id"], action="access_as_shared",
        target_tenant=otto.project_id,
    )  # fmt: skip
    assert otto.show("policy", made["id"])["shared"] is True
    assert made["id"] in {one["id"] for one in otto.list("policy", shared="True")}
    network = otto.create("network", qos_policy_id=made["id"])
    assert error(mara.delete(f"/rbac-policies/{rbac['id']}"))[:2] == (409, "RbacPolicyInUse")
    otto.update("network", network["id"], qos_policy_id=None)
    mara.remove("rbac_policy", rbac["id"])
    assert error(otto.get(f"/qos/policies/{made['id']}"))[0] == 404
    mara.update("policy", made["id"], shared=True)
    assert otto.show("policy", made["id"])["shared"] is True
    mara.remove("policy", made["id"])


def test_who_may_not_use_a_policy_does_not_take_it_off_either(cloud: Cloud) -> None:
    admin, otto = cloud.user(), cloud.user("otto")
    made = policy(admin)
    network = otto.create("network")
    admin.update("network", network["id"], qos_policy_id=made["id"])
    reply = otto.put(f"/networks/{network['id']}", {"network": {"qos_policy_id": None}})
    words = f"Failed to remove provided policy {made['id']} because you are not authorized."
    assert error(reply) == (403, "PolicyRemoveAuthorizationError", words)
    assert otto.update("network", network["id"], name="other")["qos_policy_id"] == made["id"]


def test_a_policy_in_use_stays(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    network = mara.create("network", qos_policy_id=made["id"])
    words = f"QoS Policy {made['id']} is used by network {network['id']}."
    assert error(mara.delete(f"/qos/policies/{made['id']}")) == (409, "QosPolicyInUse", words)
    port = mara.create("port", network_id=network["id"])
    assert (port["qos_policy_id"], port["qos_network_policy_id"]) == (None, made["id"])
    before = mara.update("port", port["id"], qos_policy_id=made["id"])["revision_number"]
    mara.update("network", network["id"], qos_policy_id=None)
    assert mara.show("port", port["id"])["qos_network_policy_id"] is None
    words = f"QoS Policy {made['id']} is used by port {port['id']}."
    assert error(mara.delete(f"/qos/policies/{made['id']}")) == (409, "QosPolicyInUse", words)
    freed = mara.update("port", port["id"], qos_policy_id=None)
    assert (freed["qos_policy_id"], freed["revision_number"]) == (None, before + 1)
    mara.remove("policy", made["id"])


def test_floating_ips_have_policies(cloud: Cloud) -> None:
    admin, mara, otto = cloud.user("admin"), cloud.user("mara"), cloud.user("otto")
    bronze, gold = policy(admin), policy(mara)
    external = admin.create("network", **{"router:external": True, "qos_policy_id": bronze["id"]})
    admin.create("subnet", network_id=external["id"], ip_version=4, cidr="203.0.113.0/24")
    made = mara.create("floatingip", floating_network_id=external["id"], qos_policy_id=gold["id"])
    assert (made["qos_policy_id"], made["qos_network_policy_id"]) == (gold["id"], bronze["id"])
    words = f"QoS Policy {gold['id']} is used by fip {made['id']}."
    assert error(mara.delete(f"/qos/policies/{gold['id']}")) == (409, "QosPolicyInUse", words)
    other = otto.create("floatingip", floating_network_id=external["id"])
    assert other["qos_policy_id"] is None
    refused = otto.put(f"/floatingips/{other['id']}", {"floatingip": {"qos_policy_id": gold["id"]}})
    assert error(refused)[:2] == (404, "QosPolicyNotFound")
    freed = mara.update("floatingip", made["id"], qos_policy_id=None)
    assert freed["qos_policy_id"] is None
    admin.update("network", external["id"], qos_policy_id=None)
    assert mara.show("floatingip", made["id"])["qos_network_policy_id"] is None
    mara.remove("policy", gold["id"])
    for user, floating in ((mara, made), (otto, other)):
        user.remove("floatingip", floating["id"])


def test_the_gateway_of_a_router_has_a_policy(cloud: Cloud) -> None:
    admin, mara = cloud.user("admin"), cloud.user("mara")
    gold = policy(mara)
    external = admin.create("network", **{"router:external": True})
    admin.create("subnet", network_id=external["id"], ip_version=4, cidr="203.0.113.0/24")
    info = {"network_id": external["id"], "qos_policy_id": gold["id"]}
    made = mara.create("router", external_gateway_info=info)
    assert made["external_gateway_info"]["qos_policy_id"] == gold["id"]
    words = f"QoS Policy {gold['id']} is used by router {made['id']}."
    assert error(mara.delete(f"/qos/policies/{gold['id']}")) == (409, "QosPolicyInUse", words)
    kept = mara.update("router", made["id"], external_gateway_info={"network_id": external["id"]})
    assert kept["external_gateway_info"]["qos_policy_id"] == gold["id"]
    none = {"network_id": external["id"], "qos_policy_id": None}
    freed = mara.update("router", made["id"], external_gateway_info=none)
    assert "qos_policy_id" not in freed["external_gateway_info"]
    mara.update("router", made["id"], external_gateway_info=info)
    assert mara.update("router", made["id"], external_gateway_info=None)["external_gateway_info"] is None
    mara.remove("policy", gold["id"])
    mara.remove("router", made["id"])


def test_networks_are_made_with_the_default_policy_of_their_project(cloud: Cloud) -> None:
    mara, mia = cloud.user("mara"), cloud.user("mia")
    made = policy(mara, is_default=True)
    another = policy(mara)
    words = f"A default QoS policy exists for project {mara.project_id}."
    reply = mara.put(f"/qos/policies/{another['id']}", {"policy": {"is_default": True}})
    assert error(reply) == (409, "QoSPolicyDefaultAlreadyExists", words)
    assert [one["id"] for one in mara.list("policy", is_default="true")] == [made["id"]]
    assert mia.create("network")["qos_policy_id"] == made["id"]
    assert mia.create("network", qos_policy_id=another["id"])["qos_policy_id"] == another["id"]
    assert cloud.user("otto").create("network")["qos_policy_id"] is None
    changed = mara.update("policy", made["id"], is_default=False)
    assert (changed["is_default"], changed["revision_number"]) == (False, made["revision_number"] + 1)
    assert mia.create("network")["qos_policy_id"] is None


@pytest.mark.parametrize("of_network", [False, True])
def test_a_rule_that_no_host_can_carry_out_for_a_port_is_refused(cloud: Cloud, of_network: bool) -> None:
    admin = cloud.user()
    made = policy(admin)
    add(admin, made, "bandwidth_limit", **LIMIT)
    network = admin.create("network", **({"qos_policy_id": made["id"]} if of_network else {}))
    wanted = {"network_id": network["id"], "binding:vnic_type": "macvtap"}
    if not of_network:
        wanted["qos_policy_id"] = made["id"]
    reply = admin.post("/ports", {"port": wanted})
    assert error(reply)[:2] == (409, "QosRuleNotSupported")
    assert error(reply)[2].startswith("Rule bandwidth_limit is not supported by port ")
    assert admin.list("port", network_id=network["id"]) == []
    normal = admin.create("port", **{**wanted, "binding:vnic_type": "normal"})
    reply = admin.put(f"/ports/{normal['id']}", {"port": {"binding:vnic_type": "macvtap"}})
    assert error(reply)[:2] == (409, "QosRuleNotSupported")
    plain = policy(admin)
    other = admin.create("network", qos_policy_id=plain["id"])
    odd = admin.create("port", **{"network_id": other["id"], "binding:vnic_type": "macvtap"})
    reply = admin.post(f"/qos/policies/{plain['id']}/dscp_marking_rules", {"dscp_marking_rule": {"dscp_mark": 8}})
    words = f"Rule dscp_marking is not supported by port {odd['id']}"
    assert error(reply) == (409, "QosRuleNotSupported", words)


def test_a_second_binding_that_cannot_carry_out_the_port_s_rules_is_refused(cloud: Cloud) -> None:
    admin, nova = cloud.user(), cloud.user("nova")
    made = policy(admin)
    add(admin, made, "dscp_marking", dscp_mark=8)
    network = admin.create("network")
    port = admin.create("port", network_id=network["id"], qos_policy_id=made["id"], device_owner="compute:nova")
    binding = {"binding": {"host": "elsewhere", "vnic_type": "direct"}}
    reply = nova.post(f"/ports/{port['id']}/bindings", binding)
    words = f"Rule dscp_marking is not supported by port {port['id']}"
    assert error(reply) == (409, "QosRuleNotSupported", words)


def test_rule_types_are_those_that_hosts_carry_out(cloud: Cloud) -> None:
    admin, mia = cloud.user(), cloud.user("mia")
    kinds = {"bandwidth_limit", "packet_rate_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate"}
    for filters in ({}, {"all_rules": "True"}, {"all_supported": "True"}):
        assert {one["type"] for one in mia.list("rule_type", **filters)} == kinds
        assert all(set(one) == {"type"} for one in mia.list("rule_type", **filters))
    assert mia.list("rule_type", fields="drivers") == admin.list("rule_type")
    assert error(mia.get("/qos/rule-types/bandwidth_limit")) == (403, "NotAuthorized", "Not authorized.")
    found = admin.get("/qos/rule-types/bandwidth_limit").json()["rule_type"]
    (driver,) = found["drivers"]
    assert (found["type"], driver["name"]) == ("bandwidth_limit", "openvswitch")
    parameters = driver["supported_parameters"]
    assert {p["parameter_name"]: (p["parameter_type"], p["parameter_values"]) for p in parameters} == {
        "max_kbps": ("range", {"start": 0, "end": 2**31 - 1}),
        "max_burst_kbps": ("range", {"start": 0, "end": 2**31 - 1}),
        "direction": ("choices", ["egress", "ingress"]),
    }  # fmt: skip
    (driver,) = admin.get("/qos/rule-types/minimum_packet_rate").json()["rule_type"]["drivers"]
    choices = {"parameter_name": "direction", "parameter_type": "choices"}
    assert {**choices, "parameter_values": ["egress", "ingress", "any"]} in driver["supported_parameters"]
    assert error(admin.get("/qos/rule-types/maximum_delay"))[0] == 404


def test_a_policy_has_tags(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    assert mara.put(f"/qos/policies/{made['id']}/tags", {"tags": ["red"]}).status_code == 200
    assert mara.show("policy", made["id"])["tags"] == ["red"]
    assert [one["id"] for one in mara.list("policy", tags="red")] == [made["id"]]
    assert mara.get(f"/policies/{made['id']}/tags").json() == {"tags": ["red"]}, "as Neutron has them"
    assert mara.put(f"/policies/{made['id']}/tags/blue", None).status_code == 201
    assert sorted(mara.show("policy", made["id"])["tags"]) == ["blue", "red"]
    assert mara.get(f"/policies/{made['id']}").status_code == 404


def test_an_update_for_another_revision_is_refused(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    add(mara, made, "bandwidth_limit", **LIMIT)
    reply = mara.request(
        "PUT", f"/qos/policies/{made['id']}", json={"policy": {"name": "x"}}, headers={"If-Match": "revision_number=0"}
    )
    assert error(reply)[:2] == (412, "RevisionNumberConstraintFailed")

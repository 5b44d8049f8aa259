"""Minimum bandwidth and packet rate through the API: what excludes what, and what a port asks of Placement."""

from typing import Any
from uuid import UUID

import pytest
from neutron_lib.placement import utils as neutron  # type: ignore[import-untyped]

from tests.api.serving import Cloud, User, error
from tests.api.test_qos import add, policy

REFUSED = "Cannot update QoS policies/rules backed by resources tracked in Placement"


def path(policy: dict[str, Any], kind: str, id: str = "") -> str:
    return f"/qos/policies/{policy['id']}/{kind}_rules" + (f"/{id}" if id else "")


def wanting(user: User) -> dict[str, Any]:
    """A policy that guarantees all that there is."""
    made = policy(user)
    add(user, made, "minimum_bandwidth", min_kbps=1000)
    add(user, made, "minimum_bandwidth", min_kbps=2000, direction="ingress")
    add(user, made, "minimum_packet_rate", min_kpps=3, direction="any")
    return made


def test_minimums_are_rules_like_others(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    bandwidth = add(mara, made, "minimum_bandwidth", min_kbps="1000")
    assert bandwidth == {"id": bandwidth["id"], "min_kbps": 1000, "direction": "egress"}
    rate = add(mara, made, "minimum_packet_rate", min_kpps=3, direction="any")
    assert rate == {"id": rate["id"], "min_kpps": 3, "direction": "any"}
    shown = {rule["type"]: rule for rule in mara.show("policy", made["id"])["rules"]}
    assert shown["minimum_bandwidth"] == {**bandwidth, "type": "minimum_bandwidth", "qos_policy_id": made["id"]}
    for kind, rule in (("minimum_bandwidth", bandwidth), ("minimum_packet_rate", rate)):
        alias = f"/qos/alias-{kind.replace('_', '-')}-rules/{rule['id']}"
        assert mara.get(alias).json() == {f"alias_{kind}_rule": rule}
        value = "min_kbps" if kind == "minimum_bandwidth" else "min_kpps"
        changed = mara.put(alias, {f"alias_{kind}_rule": {value: 7}}).json()[f"alias_{kind}_rule"]
        assert mara.get(path(made, kind, rule["id"])).json() == {f"{kind}_rule": changed}
        assert mara.delete(alias).status_code == 204
    assert mara.show("policy", made["id"])["rules"] == []
    reply = mara.post(path(made, "minimum_bandwidth"), {"minimum_bandwidth_rule": {"min_kbps": 1, "direction": "any"}})
    assert error(reply)[0] == 400


def test_a_minimum_is_at_most_the_limit_of_its_direction(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    limit = add(mara, made, "bandwidth_limit", max_kbps=1000)
    words = (
        f"Unable to add the rule with value 1001 to the policy {made['id']} as the existing rule of type"
        " bandwidth_limit has value 1000."
    )
    minimums = path(made, "minimum_bandwidth")
    reply = mara.post(minimums, {"minimum_bandwidth_rule": {"min_kbps": 1001}})
    assert error(reply) == (409, "QoSRuleParameterConflict", words)
    received = add(mara, made, "minimum_bandwidth", min_kbps=1001, direction="ingress")
    sent = add(mara, made, "minimum_bandwidth", min_kbps=1000)
    too_low = mara.put(path(made, "bandwidth_limit", limit["id"]), {"bandwidth_limit_rule": {"max_kbps": 999}})
    assert error(too_low)[:2] == (409, "QoSRuleParameterConflict")
    too_high = mara.put(path(made, "minimum_bandwidth", sent["id"]), {"minimum_bandwidth_rule": {"min_kbps": 1002}})
    assert error(too_high)[:2] == (409, "QoSRuleParameterConflict")
    assert mara.delete(path(made, "minimum_bandwidth", sent["id"])).status_code == 204
    turned = {"minimum_bandwidth_rule": {"direction": "egress"}}
    assert error(mara.put(path(made, "minimum_bandwidth", received["id"]), turned))[0] == 409


def test_packet_rates_are_of_both_directions_together_or_of_each(cloud: Cloud) -> None:
    mara = cloud.user("mara")
    made = policy(mara)
    rules, kind = path(made, "minimum_packet_rate"), "minimum_packet_rate_rule"
    first = add(mara, made, "minimum_packet_rate", min_kpps=1, direction="any")
    words = (
        f"Unable to add the rule with value ingress to the policy {made['id']} as the existing rule of type"
        " minimum_packet_rate has value any."
    )
    reply = mara.post(rules, {kind: {"min_kpps": 1, "direction": "ingress"}})
    assert error(reply) == (409, "QoSRuleParameterConflict", words)
    assert mara.put(f"{rules}/{first['id']}", {kind: {"direction": "egress"}}).status_code == 200
    add(mara, made, "minimum_packet_rate", min_kpps=1, direction="ingress")
    reply = mara.put(f"{rules}/{first['id']}", {kind: {"direction": "any"}})
    assert error(reply)[:2] == (409, "QoSRuleParameterConflict")


@pytest.mark.parametrize("of", ["port", "network"])
def test_what_placement_gave_a_server_s_port_does_not_change(cloud: Cloud, of: str) -> None:
    admin = cloud.user()
    made = wanting(admin)
    rule = next(rule for rule in made_rules(admin, made) if rule["type"] == "minimum_packet_rate")
    there = path(made, "minimum_packet_rate", rule["id"])
    network = admin.create("network", **({"qos_policy_id": made["id"]} if of == "network" else {}))
    more = {"qos_policy_id": made["id"]} if of == "port" else {}
    port = admin.create("port", network_id=network["id"], **more)
    assert admin.put(there, {"minimum_packet_rate_rule": {"min_kpps": 4}}).status_code == 200
    admin.update("port", port["id"], device_owner="compute:nova")
    for reply in (
        admin.put(there, {"minimum_packet_rate_rule": {"min_kpps": 5}}),
        admin.delete(there),
        admin.put(
            f"/qos/alias-minimum-packet-rate-rules/{rule['id']}", {"alias_minimum_packet_rate_rule": {"min_kpps": 5}}
        ),
    ):
        assert error(reply) == (501, "NotImplementedError", REFUSED)
    add(admin, made, "bandwidth_limit", max_kbps=10_000)
    admin.remove("port", port["id"])
    assert admin.delete(there).status_code == 204


def made_rules(user: User, policy: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user.show("policy", policy["id"])["rules"]
    return found


def test_an_allocation_stays_what_its_port_asked_for(cloud: Cloud) -> None:
    admin, nova = cloud.user(), cloud.user("nova")
    made, free, plain = wanting(admin), policy(admin), wanting(admin)
    network = admin.create("network", qos_policy_id=made["id"])
    allocated = {"device_owner": "compute:nova", "binding:profile": {"allocation": {made["id"]: network["id"]}}}
    mine = nova.create("port", network_id=network["id"], qos_policy_id=made["id"], **allocated)
    by_network = nova.create("port", network_id=network["id"], **allocated)
    for path, body in (
        (f"/ports/{mine['id']}", {"port": {"qos_policy_id": free["id"]}}),
        (f"/ports/{by_network['id']}", {"port": {"qos_policy_id": plain["id"]}}),
        (f"/networks/{network['id']}", {"network": {"qos_policy_id": None}}),
    ):
        assert error(admin.put(path, body))[:2] == (501, "NotImplementedError")
    assert admin.update("port", mine["id"], qos_policy_id=None)["qos_policy_id"] is None  # its network has the same
    unplugged = {"device_owner": "", "binding:profile": {}}
    for port in (mine, by_network):
        nova.update("port", port["id"], **unplugged)
    assert admin.update("network", network["id"], qos_policy_id=free["id"])["qos_policy_id"] == free["id"]


class Rule:
    """A rule, as neutron-lib reads it."""

    def __init__(self, id: str) -> None:
        self.id = id


def test_a_port_asks_for_what_neutron_s_asks_for(cloud: Cloud) -> None:
    admin, mara = cloud.user(), cloud.user("mara")
    made = wanting(admin)
    network = admin.create("network", **{"provider:network_type": "flat", "provider:physical_network": "physnet1"})
    port = admin.create("port", network_id=network["id"], qos_policy_id=made["id"])
    ids = {kind: sorted(r["id"] for r in made_rules(admin, made) if r["type"] == kind) for kind in
           ("minimum_bandwidth", "minimum_packet_rate")}  # fmt: skip
    groups = {
        kind: str(neutron.resource_request_group_uuid(UUID(port["id"]), [Rule(id) for id in found]))
        for kind, found in ids.items()
    }
    vnic = neutron.vnic_type_trait("normal")
    assert port["resource_request"] == {
        "request_groups": [
            {
                "id": groups["minimum_bandwidth"],
                "required": [neutron.physnet_trait("physnet1"), vnic],
                "resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 1000, "NET_BW_IGR_KILOBIT_PER_SEC": 2000},
            },
            {
                "id": groups["minimum_packet_rate"],
                "required": [vnic],
                "resources": {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 3},
            },
        ],
        "same_subtree": list(groups.values()),
    }
    tunnelled = mara.create("network")
    theirs = mara.create("port", network_id=tunnelled["id"])
    assert "resource_request" not in theirs
    assert admin.show("port", theirs["id"])["resource_request"] is None
    admin.update("network", tunnelled["id"], qos_policy_id=made["id"])
    (bandwidth, _) = admin.show("port", theirs["id"])["resource_request"]["request_groups"]
    assert bandwidth["required"] == ["CUSTOM_NETWORK_TUNNEL_PROVIDER", "CUSTOM_VNIC_TYPE_NORMAL"]
    rate = ids["minimum_packet_rate"][0]
    admin.put(path(made, "minimum_packet_rate", rate), {"minimum_packet_rate_rule": {"min_kpps": 9}})
    (_, rates) = admin.show("port", theirs["id"])["resource_request"]["request_groups"]
    assert rates["resources"] == {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 9}
    (_, rates) = admin.show("port", port["id"])["resource_request"]["request_groups"]
    assert rates["resources"] == {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 9}

"""Every rule of every role in every situation, against a table of Neutron's own decisions (record_policy.py)."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.situations import OTHER, OWN, ROLES, SITUATIONS
from tunbridge.api import policy
from tunbridge.api.policy import Target
from tunbridge.model import catalog
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import qos
from tunbridge.rules.caller import Caller
from tunbridge.rules.rulebook import rulebook
from tunbridge.rules.settings import NetworkingSettings

RECORDED = json.loads(Path(__file__).with_name("neutron_policy.json").read_text())
SHARED_ON = {name for name, one in SITUATIONS.items() if one.get("shared")}
STRICTER: dict[str, str] = {
    "create_port": "on a shared network Neutron lets anybody make ports, readers too: here a member or a service",
}
"""Where less is allowed than in Neutron, on purpose -> why. What is allowed is never more."""
_QOS = ("policy", *(f"policy_{rule.name}" for rule in qos.RULES), *(rule.name for rule in qos.ALIASES))
ASKED_AS = {
    "update_port_binding": "get_port_binding",  # Neutron has no rule for it; as recorded, an admin may as well
    # These are of the same text (tests/model/test_policies.py), with the project of the QoS policy for a rule's.
    "onboard_network_subnets": "add_prefixes",
    "get_policy": "get_subnetpool",
    "get_policy:tags": "get_subnetpool:tags",
    "get_rule_type": "get_availability_zone",
    **{f"{verb}_{name}": "get_quota" for verb in ("create", "update", "delete") for name in _QOS},
    **{f"{verb}_policy:tags": "get_quota" for verb in ("update", "delete")},
    **{f"get_{rule}": "get_router" for rule in _QOS if rule != "policy"},
    **{f"{verb}_service_profile": "update_agent" for verb in ("create", "update", "delete", "get")},
    **{f"{verb}_flavor": "update_agent" for verb in ("create", "update", "delete")},
    "get_flavor": "get_availability_zone",
    "get_service_provider": "get_availability_zone",
    **{f"{verb}_ndp_proxy": f"{verb}_router" for verb in ("create", "update", "delete", "get")},
    "get_auto_allocated_topology": "get_router",
    "delete_auto_allocated_topology": "delete_router",
    "get_floatingip_pool": "get_router",
}
NAMES = {"binding": "port_binding", **{rule.name: f"policy_{rule.name}" for rule in qos.RULES}}
Case = tuple[str, str, str]
Decision = Callable[[Caller, Target, dict[str, object]], bool]


@cache
def neutron(rule: str) -> frozenset[tuple[str, str]] | None:
    """Give the roles and situations in which Neutron's rule says yes; None where it has no such rule."""
    found = RECORDED["rules"].get(ASKED_AS.get(rule, rule))
    if found is None:
        return None
    return frozenset(
        (role, told)
        for roles, listed in found.items()
        for role in roles.split()
        for told in (SITUATIONS if listed == ["all"] else listed)
    )


def caller(role: str) -> Caller:
    return Caller("somebody", "somebody", OWN, OWN, frozenset(ROLES[role]))


def target(situation: dict[str, Any]) -> Target:
    return Target(
        project_id=situation["project"],
        network_project_id=situation["network"],
        group_project_id=situation["group"],
        shared=situation.get("shared", False),
        external=situation.get("external", False),
        device_owner=situation.get("device_owner", ""),
    )


def who(rule: Who | None) -> Decision:
    return lambda c, t, _: policy.may(rule, c, t)


def sets(rule: Who | None, parts: dict[str, Who], field: Field) -> Decision:
    """Decide whether the value that the situation has for a field may be given."""

    def decide(c: Caller, t: Target, situation: dict[str, Any]) -> bool:
        values = {"device_owner": t.device_owner, "target_tenant": situation.get("target", "1" * 32)}
        return policy.may_set(rule, parts, c, t, values.get(field.name, "x"))

    return decide


def rules_of(resource: Resource) -> Iterator[tuple[str, tuple[str, ...], list[Decision]]]:
    """Give names of actions, the rules of Neutron that all must say yes, and the decisions here that must."""
    name = NAMES.get(resource.name, resource.name)
    for verb, rule in (
        ("create", resource.create_by), ("update", resource.update_by),
        ("delete", resource.delete_by), ("get", resource.get_by),
    ):  # fmt: skip
        if rule is Who.NOBODY:
            continue
        action = f"{verb}_{name}"
        yield action, (action,), [who(rule)]
        if verb == "delete":
            continue
        for field in resource.fields:
            mine = {"create": field.create_by, "update": field.update_by, "get": field.seen_by}[verb]
            asked = f"{action}:{field.name}"
            is_asked = verb == "get" or f"{name}:{field.name}" in RECORDED["enforced"]
            if field.name == "tags" and verb != "get":
                continue  # below: they have paths of their own
            theirs = (asked,) if is_asked and neutron(asked) is not None else ()
            if theirs or mine is not None:
                decision = who(mine) if verb == "get" else sets(mine, {}, field)
                yield asked, (action, *theirs), [who(rule), decision]
            for part, by in ({} if verb == "get" else getattr(field, f"part_{verb}_by")).items():
                yield f"{asked}:{part}", (action, f"{asked}:{part}"), [who(rule), who(by)]
    if resource.tags:
        tags = resource.field("tags")
        yield f"update_{name}:tags", (f"update_{name}:tags",), [who(tags.update_by)]
        yield f"delete_{name}:tags", (f"delete_{name}:tags",), [who(resource.delete_tags_by or tags.update_by)]
    rules = rulebook(catalog.RESOURCES, NetworkingSettings()).get(resource.name)
    for action, declared in (rules.actions if rules else {}).items():
        yield action, (action,), [who(declared.who)]


ELSEWHERE = {
    *("boot_config", "port_forwarding", "conntrack_helper", "trunk", "log", "loggable_resource", "tap_mirror"),
    *("local_ip", "port_association"),
    *("metering_label", "metering_label_rule"),
    *("tap_service", "tap_flow"),
    *("security_groups_default_statefulness", "segment", "create_subnet:segment_id", "update_subnet:segment_id"),
}  # fmt: skip
"""Tunbridge's own, and what the recorded Neutron ran without; all have tests in tests/api."""
ALL = [
    one for each in catalog.RESOURCES if each.name not in ELSEWHERE for one in rules_of(each) if one[0] not in ELSEWHERE
]


def different(theirs: tuple[str, ...], mine: list[Decision]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Give the roles and situations in which more is allowed here than in Neutron, and in which less is."""
    allowed = [neutron(rule) or frozenset() for rule in theirs]
    there = frozenset.intersection(*allowed)
    here = {
        (role, told)
        for role in ROLES
        for told, situation in SITUATIONS.items()
        if all(decide(caller(role), target(situation), situation) for decide in mine)
    }
    return here - there, {*there} - here


@pytest.mark.parametrize(("action", "theirs", "mine"), ALL, ids=[one[0] for one in ALL])
def test_a_rule_allows_what_neutrons_does(action: str, theirs: tuple[str, ...], mine: list[Decision]) -> None:
    assert not [rule for rule in theirs if neutron(rule) is None], "Neutron has no such rule"
    more, less = different(theirs, mine)
    assert not more
    if action.split(":")[0] not in STRICTER:
        assert not less


def test_on_a_shared_network_members_make_ports_and_readers_do_not() -> None:
    """The one place where Neutron's default lets who may only read write."""
    _, less = different(*next((theirs, mine) for action, theirs, mine in ALL if action == "create_port"))
    nobody = set(ROLES) - {"admin", "manager", "member", "service"}
    assert less == {(role, told) for role in nobody for told in SHARED_ON}


def test_the_table_is_of_every_rule_that_neutron_has_for_what_is_here() -> None:
    covered = {rule for _, theirs, _ in ALL for rule in theirs}
    known = {field.name for resource in catalog.RESOURCES for field in resource.fields}
    absent = [rule for rule in RECORDED["rules"] if rule not in covered and rule.split(":", 1)[-1] in {*known, "tags"}]
    assert all(rule.endswith(":tags") or rule.partition(":")[2] not in RECORDED["enforced"] for rule in absent), absent
    assert len(covered) > 120


def test_nobody_writes_who_may_only_read() -> None:
    """Whatever the table says: a reader, and a role that means nothing here, change nothing."""
    for action, _, mine in ALL:
        if action.startswith("get_"):
            continue
        for role in ("reader", "other"):
            for told, situation in SITUATIONS.items():
                allowed = all(decide(caller(role), target(situation), situation) for decide in mine)
                assert not allowed, f"{role} may {action} what is {told}"


def test_the_table_is_no_table_of_yes() -> None:
    """The record tells apart what it is about."""
    assert neutron("create_port") != neutron("create_network")
    assert ("reader", "another's, shared") in (neutron("create_port") or ())
    assert ("member", "another's, external") in (neutron("get_network") or ())
    assert ("member", "another's") not in (neutron("get_network") or ())
    assert OTHER != OWN

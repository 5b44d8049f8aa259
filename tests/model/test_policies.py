"""Who may is as Neutron's default policy: each rule of it is one of ours, and each of ours is one of it."""

import re
from collections.abc import Iterator

import pytest

from tests.model import reference
from tunbridge.model import catalog
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources import qos

RULES: dict[str, str] = reference.data("neutron_policies.json")["rules"]

_MEMBER = "(rule:admin_only) or (role:member and project_id:%(project_id)s)"
_READER = "(rule:admin_only) or (role:reader and project_id:%(project_id)s)"
_ABOVE = "rule:ext_parent_owner"
"""What stands below another thing belongs to the project of that one."""
_SUBNET = "rule:shared or rule:external_network or (rule:admin_only) or (role:reader and rule:network_owner)"
_NET_OWNER = "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner"
_STAR = "not field:rbac_policy:target_project=*"
MEANING: dict[Who, set[str]] = {
    Who.READER: {"role:reader"},
    Who.ADMIN: {"rule:admin_only"},
    Who.SERVICE: {"(rule:admin_only) or (rule:service_api)"},
    Who.SERVICE_ONLY: {"rule:service_api"},
    Who.ADMIN_OR_MEMBER: {_MEMBER, f"(rule:admin_only) or (role:member and {_ABOVE})"},
    Who.ADMIN_OR_READER: {_READER, f"(rule:admin_only) or (role:reader and {_ABOVE})"},
    Who.ADMIN_OR_MANAGER: {
        "(rule:admin_only) or (role:manager and project_id:%(project_id)s)",
        f"(rule:admin_only) or (role:manager and {_ABOVE})",
    },
    Who.READER_OR_SHARED: {
        f"{_READER} or rule:shared_{kind}" for kind in ("subnetpools", "address_groups", "security_group", "qos_policy")
    }
    | {"rule:admin_only or role:reader and project_id:%(project_id)s or rule:shared_address_scopes"},
    Who.NETWORK_READER: {f"{_READER} or rule:service_api or rule:shared or rule:external or rule:context_is_advsvc"},
    Who.NETWORK_TAGS_READER: {f"{_READER} or rule:shared or rule:external or rule:context_is_advsvc"},
    Who.ADMIN_OR_NET_OWNER: {"(rule:admin_only) or (role:member and rule:network_owner)"},
    Who.ADMIN_OR_NET_OR_OWNER: {
        "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)"
    },
    Who.SUBNET_READER: {f"role:reader and project_id:%(project_id)s or {_SUBNET} or rule:service_api"},
    Who.SUBNET_TAGS_READER: {f"role:reader and project_id:%(project_id)s or {_SUBNET}"},
    Who.MEMBER_OR_SERVICE: {
        f"{_MEMBER} or rule:service_api",
        "(rule:admin_only) or (rule:service_api) or role:member and project_id:%(project_id)s",
    },
    Who.MEMBER_OR_ADVSVC: {f"{_MEMBER} or rule:context_is_advsvc"},
    Who.NET_OWNER_OR_SERVICE: {
        _NET_OWNER,
        "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api",
    },
    Who.NET_OWNER_OR_SERVICE_OR_SHARED: {f"{_NET_OWNER} or rule:shared"},
    Who.NET_MANAGER_OR_SERVICE: {"(rule:admin_only) or (rule:service_api) or role:manager and rule:network_owner"},
    Who.NET_OWNER_FOR_NETWORK_DEVICE: {f"not rule:network_device or {_NET_OWNER}"},
    Who.PORT_READER: {
        "(rule:admin_only) or (rule:service_api) or role:reader and rule:network_owner or "
        "role:reader and project_id:%(project_id)s"
    },
    Who.PORT_TAGS_READER: {
        "rule:context_is_advsvc or (rule:admin_only) or (role:reader and rule:network_owner) or "
        "role:reader and project_id:%(project_id)s"
    },
    Who.PORT_TAGS_DELETER: {
        "rule:context_is_advsvc or role:member and project_id:%(project_id)s or (rule:admin_only) or "
        "(role:member and rule:network_owner)"
    },
    Who.PORT_DELETER: {
        "(rule:admin_only) or (rule:service_api) or (service_roles:service and (role:member and rule:network_owner or "
        "role:member and project_id:%(project_id)s)) or (not rule:compute_device and not rule:baremetal_device and "
        "not rule:manila_device and (role:member and rule:network_owner or role:member and project_id:%(project_id)s))"
    },
    Who.DATA_PLANE_INTEGRATOR: {"rule:admin_only or role:data_plane_integrator"},
    Who.ADMIN_OR_GROUP_OWNER: {"(rule:admin_only) or (role:member and rule:sg_owner)"},
    Who.ADMIN_OR_GROUP_READER: {"(rule:admin_only) or (role:reader and rule:sg_owner)"},
    Who.RBAC_TARGET: {f"rule:admin_only or (not field:rbac_policy:target_tenant=* and {_STAR})"},
}
"""What each of our rules is in Neutron's words."""

NOT_OFFERED = (
    *("leak_routes", "trusted"),  # extensions that are not here
    *("dhcp-", "l3-", "create_agent", "target_project"),
)
NEUTRON_FORGETS = tuple(
    f"{verb}_{name}"
    for verb in ("create", "update")
    for name in ("subnet:service_types", "network:pvlan", "port:pvlan_type", "port:pvlan_community")
)
"""Rules that it has and never asks: the attribute has no enforce_policy (recorded in tests/api/neutron)."""
ACTIONS = (
    *("add_prefixes", "remove_prefixes", "onboard_network_subnets", "add_addresses", "remove_addresses", "activate"),
    *("add_router_interface", "remove_router_interface", "add_extraroutes", "remove_extraroutes"),
    *("add_external_gateways", "update_external_gateways", "remove_external_gateways"),
    *(f"{verb}_external_gateways:external_gateways" for verb in ("add", "update", "remove")),
    *(
        f"{verb}_external_gateways:external_gateways:{part}"
        for verb in ("add", "update")
        for part in ("network_id", "enable_snat", "external_fixed_ips")
    ),
    *("add_subports", "remove_subports", "get_subports"),
)
"""Members' actions: who may is declared beside their rules."""
NAMES = {
    "binding": "port_binding",
    "port_forwarding": "floatingip_port_forwarding",
    "conntrack_helper": "router_conntrack_helper",
    "port_association": "local_ip_port_association",
    **{rule.name: f"policy_{rule.name}" for rule in qos.RULES},
}
"""Resources whose policies have another name."""
NEUTRON_LACKS = {
    "create_metering_label:shared": "any manager may; here an admin, since it counts for the routers of all projects",
    "update_port_binding": "it has no rule of its own, so that any owner of the port may; as create and delete here",
}


def declared(resource: Resource) -> Iterator[tuple[str, Who]]:
    """Give the policy rules that a declaration stands for."""
    name = NAMES.get(resource.name, resource.name)
    yield f"create_{name}", resource.create_by
    yield f"update_{name}", resource.update_by
    yield f"delete_{name}", resource.delete_by
    yield f"get_{name}", resource.get_by
    if resource.tags:
        yield f"delete_{name}:tags", resource.delete_tags_by or resource.field("tags").update_by or resource.update_by
    for field in resource.fields:
        yield from _of_field(name, field)


def _of_field(resource: str, field: Field) -> Iterator[tuple[str, Who]]:
    rules = {"create": field.create_by, "update": field.update_by, "get": field.seen_by}
    if field.name == "tags":  # a resource's tags are given by PUT /tags also where POST does not take them
        rules["create"] = field.update_by
    for verb, who in rules.items():
        if who is not None:
            yield f"{verb}_{resource}:{field.name}", who
    for verb, parts in (("create", field.part_create_by), ("update", field.part_update_by)):
        for part, who in parts.items():
            yield f"{verb}_{resource}:{field.name}:{part}", who


NEUTRONS = [resource for resource in catalog.RESOURCES if resource.extension not in reference.OURS]
DECLARED = {rule: who for resource in NEUTRONS for rule, who in declared(resource)}
HELD = sorted(rule for rule, who in DECLARED.items() if who is not Who.NOBODY and rule not in NEUTRON_LACKS)


@pytest.mark.parametrize("rule", HELD)
def test_rule_is_neutrons(rule: str) -> None:
    asked = RULES[rule]
    while asked.removeprefix("rule:") in RULES:  # that of the same rule below its policy
        asked = RULES[asked.removeprefix("rule:")]
    assert _plain(asked) in {_plain(text) for text in MEANING[DECLARED[rule]]}


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_no_rule_of_neutron_is_left_out() -> None:
    left = {
        rule
        for rule in RULES
        if rule not in (*DECLARED, *ACTIONS, *NEUTRON_FORGETS) and not any(part in rule for part in NOT_OFFERED)
    }
    assert left == set()


def test_nobody_is_said_only_where_neutron_has_no_such_request() -> None:
    assert {rule for rule, who in DECLARED.items() if who is Who.NOBODY and rule in RULES} <= {"create_agent"}


def test_every_rule_in_use_has_its_meaning() -> None:
    assert set(DECLARED.values()) - {Who.NOBODY} <= set(MEANING)

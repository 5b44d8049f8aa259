"""Record what Neutron's default policy allows: python -m tests.attacks.record_policy OUT, with Neutron's interpreter.

Every registered rule of the resources that Tunbridge has is asked for each role in each situation; the file holds the
situations in which it says yes. `enforced` names the attributes whose rules Neutron asks when a request sets them.
"""

import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from tests.attacks.situations import ACTIONS, OWN, ROLES, SITUATIONS

RESOURCES = (
    "network", "subnet", "port", "subnetpool", "address_scope", "address_group", "security_group",
    "security_group_rule", "rbac_policy", "agent", "availability_zone", "network_ip_availability",
    "network_segment_range", "default_security_group_rule", "quota", "port_binding", "router", "floatingip",
)  # fmt: skip
MORE = (
    "add_prefixes", "remove_prefixes", "add_addresses", "remove_addresses", "activate", "add_router_interface",
    "remove_router_interface", "add_extraroutes", "remove_extraroutes", "add_external_gateways",
    "update_external_gateways", "remove_external_gateways",
)  # fmt: skip
COLLECTIONS = {"rbac_policy": "rbac_policies", "network_ip_availability": "network_ip_availabilities"}


def target(situation: dict[str, object]) -> dict[str, object]:
    """Give what Neutron's checks look at."""
    shared, external = bool(situation.get("shared")), bool(situation.get("external"))
    owner = str(situation.get("device_owner", ""))
    asked = situation.get("target", "11111111111111111111111111111111")
    return {
        "project_id": situation["project"],
        "tenant_id": situation["project"],
        "network:project_id": situation["network"],
        "security_group:project_id": situation["group"],
        "shared": shared,
        "router:external": external,
        "device_owner": owner,
        "target_tenant": asked,
        "target_project": asked,
    }


def main(out: Path) -> None:
    """Ask Neutron's enforcer."""
    rbac, attributes, definitions = map(
        import_module, ("neutron.extensions.rbac", "neutron_lib.api.attributes", "neutron_lib.api.definitions")
    )
    for one in (*definitions._ALL_API_DEFINITIONS, rbac):  # before the rules are read: they convert values by this
        for collection, fields in getattr(one, "RESOURCE_ATTRIBUTE_MAP", {}).items():
            attributes.RESOURCES.setdefault(collection, {}).update(fields)
    policy, config, context, cfg, oslo = map(
        import_module,
        ("neutron.policy", "neutron.common.config", "neutron_lib.context", "oslo_config.cfg", "oslo_policy.policy"),
    )
    config.register_common_config_options()
    cfg.CONF([], project="neutron")
    cfg.CONF.set_override("enforce_new_defaults", True, group="oslo_policy")
    policy.init()
    enforcer = policy._ENFORCER
    names = [
        name
        for name in sorted(enforcer.registered_rules)
        if name in MORE or any(name.split(":")[0] == f"{verb}_{one}" for verb in ACTIONS for one in RESOURCES)
    ]

    def allowed(name: str, roles: tuple[str, ...], situation: dict[str, object]) -> bool:
        who = context.Context(user_id="somebody", project_id=OWN, roles=list(roles), is_admin="admin" in roles)
        return bool(oslo.RuleCheck("rule", name)(target(situation), who.to_policy_values(), enforcer, name))

    rules = {
        name: {
            role: [told for told, situation in SITUATIONS.items() if allowed(name, roles, situation)]
            for role, roles in ROLES.items()
        }
        for name in names
    }
    enforced = sorted(
        f"{resource}:{name}"
        for resource in RESOURCES
        for name, spec in attributes.RESOURCES.get(COLLECTIONS.get(resource, f"{resource}s"), {}).items()
        if spec.get("enforce_policy")
    )
    head = json.dumps({"source": f"Neutron {version('neutron')}", "enforced": enforced})
    lines = [f"{json.dumps(name)}: {json.dumps(_short(told))}" for name, told in rules.items()]
    out.write_text(head[:-1] + ', "rules": {\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{len(rules)} rules")


def _short(by_role: dict[str, list[str]]) -> dict[str, list[str]]:
    """Give the situations for all roles together that have the same; none for those that have none."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for role, told in by_role.items():
        alike.setdefault(tuple(told), []).append(role)
    everywhere = tuple(SITUATIONS)
    return {" ".join(roles): ["all"] if told == everywhere else [*told] for told, roles in alike.items() if told}


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Every attribute of every extension offered is as in neutron-lib, but for what is listed here with its reason."""

from typing import Any

import pytest

from tests.model import reference
from tunbridge.model import catalog
from tunbridge.model.resource import Field, Resource


def _is_neutrons(resource: Resource) -> bool:
    return resource.name != "quota" and resource.extension not in reference.OURS


NEUTRONS = [extension for extension in catalog.EXTENSIONS if extension.alias not in reference.OURS]
FIELDS = {(r.collection, f.name): f for r in catalog.RESOURCES for f in r.fields if _is_neutrons(r)}

RENAMED = {"tenant_id": "project_id"}
"""Neutron's maps have the old name; its bodies have both."""

OWN = {
    ("bindings", "project_id"): "as Neutron's, under the name that our fields have",
}
NO_DEFAULT = {
    "project_id": "Neutron has none, and fills in the token's project: for us that is a default",
}
DIFFERENCES: dict[tuple[str, str, str], str] = {
    ("bindings", "host", "check"): "Neutron checks nothing here and fails later",
    ("ports", "binding:host_id", "check"): "likewise",
    ("rbac_policies", "object_type", "default"): "Neutron's default, null, breaks its conversion",
    ("ports", "mac_address", "check"): "null asks for another address; Neutron makes one in the conversion",
    (
        "ports",
        "mac_address",
        "convert",
    ): "the address that null asks for is chosen by rules, which know which are taken",
    ("security_group_rules", "remote_group_id", "check"): "likewise",
    ("security_group_rules", "remote_address_group_id", "check"): "likewise",
    ("default_security_group_rules", "remote_group_id", "check"): "Neutron fails in its database on what is no string",
    ("default_security_group_rules", "remote_address_group_id", "check"): "likewise",
    ("default_security_group_rules", "project_id", "there"): "never seen, and templates belong to nobody",
    **{
        (f"alias_{kind}_rules", "project_id", "there"): "never seen: a rule of Neutron's has no project"
        for kind in ("bandwidth_limit", "dscp_marking", "minimum_bandwidth")
    },
    **{
        ("rule_types", name, what): "Neutron lets a request set it, and has no such request"
        for name in ("all_rules", "all_supported")
        for what in ("post", "put")
    },
    **{
        ("service_providers", name, "filter"): "Neutron does filter by it: recorded in tests/api/neutron"
        for name in ("name", "service_type")
    },
    ("ports", "extra_dhcp_opts", "convert"): "Neutron's check makes ip_version a number by the way",
    ("port_forwardings", "project_id", "there"): "never seen: it is the floating IP's",
    ("conntrack_helpers", "project_id", "there"): "never seen: it is the router's",
    ("port_associations", "project_id", "there"): "never seen: it is the Local IP's",
    **{
        ("port_forwardings", f"{side}_port{what}", "convert"): "Neutron's database makes a number, or text, of it"
        for side in ("internal", "external")
        for what in ("", "_range")
    },
    **{
        ("tap_mirrors", name, "filter"): "Neutron declares no filters of mirrors, and filters by whatever is asked"
        for name in ("id", "name", "port_id", "remote_ip", "mirror_type")
    },
    **{("tap_services", name, "filter"): "likewise" for name in ("id", "project_id", "name", "port_id")},
    **{
        ("tap_flows", name, "filter"): "likewise"
        for name in ("id", "project_id", "name", "tap_service_id", "source_port", "direction")
    },
    **{
        ("metering_label_rules", f"{end}_ip_prefix", "check"): "Neutron fails in its database on what is no string"
        for end in ("remote", "source", "destination")
    },
    ("ndp_proxies", "description", "filter"): "standard-attr-description extends it, and makes it one",
    ("service_profiles", "metainfo", "check"): "Neutron fails in its database on what is no string",
    ("routers", "flavor_id", "check"): "Neutron fails in its database on what is no string",
    ("subnets", "segment_id", "sort"): "the order of a list would tell what the caller may not see",
    ("security_groups", "stateful", "default"): "with a default of its own, what a project has set could never count",
    ("routers", "external_gateway_info", "convert"): "Neutron's check makes enable_snat a boolean by the way",
}


def ours(key: tuple[str, str]) -> Field | None:
    collection, name = key
    return FIELDS.get((collection, RENAMED.get(name, name)))


KEYS = sorted(k for k in reference.attributes() if (k[0], RENAMED.get(k[1], k[1]), "there") not in DIFFERENCES)
IDS = ["-".join(key) for key in KEYS]


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_attribute_is_as_neutron_has_it(key: tuple[str, str]) -> None:
    spec, field = reference.attributes()[key], ours(key)
    assert field is not None, "not declared"
    expected: dict[str, Any] = {
        "post": spec.get("allow_post", False),
        "put": spec.get("allow_put", False),
        "visible": spec.get("is_visible", False),
        "filter": spec.get("is_filter", False),
        "sort": spec.get("is_sort_key", False),
    }
    writable = expected["post"] or expected["put"]
    if expected["post"] and field.name not in NO_DEFAULT:
        expected["default"] = reference.default(spec)
    if writable:  # else only the server sets it: what a client's value would have to be does not matter
        expected["check"] = _validator(spec)
        expected["convert"] = reference.conversion(spec)
    actual = {name: _value(field, name) for name in expected}
    known = {name for name in expected if (key[0], field.name, name) in DIFFERENCES}
    assert {n: v for n, v in actual.items() if n not in known} == {n: v for n, v in expected.items() if n not in known}
    for name in known:
        assert actual[name] != expected[name], f"{name} is as Neutron's after all: take it off the list"


def _value(field: Field, name: str) -> Any:
    value = getattr(field, name)
    return value.name if name in ("check", "convert") and value is not None else value


def _validator(spec: dict[str, Any]) -> str | None:
    names = list(spec.get("validate") or {})
    assert len(names) < 2
    return names[0] if names else None


def test_nothing_is_declared_that_neutron_does_not_have() -> None:
    known = {(collection, RENAMED.get(name, name)) for collection, name in reference.attributes()}
    extra = {key for key in FIELDS if key not in known and key not in OWN}
    assert extra == set()


def test_quota_limits_are_as_neutrons() -> None:
    spec = reference.data("neutron_extensions.json")["quota limit"]
    low, high = spec["validate"]["type:range"]
    for field in catalog.resource("quota").fields:
        if field.extension is None:
            assert (field.post, field.put, field.visible) == (False, True, True)
            assert field.check is not None and field.check.schema == {
                "type": "integer",
                "minimum": low,
                "maximum": high,
            }


@pytest.mark.parametrize("extension", NEUTRONS, ids=lambda e: e.alias)
def test_extension_is_named_as_in_neutron(extension: Any) -> None:
    module = reference.library().get(extension.alias)
    if module is not None and extension.alias == "l3-ndp-proxy":  # names of its fields have overwritten its own
        assert (module.NAME, module.DESCRIPTION) == ("name", "description")
        expected = [extension.name, extension.description, module.UPDATED_TIMESTAMP]
    elif module is not None:
        expected = [module.NAME, module.DESCRIPTION, module.UPDATED_TIMESTAMP]
    else:
        expected = reference.data("neutron_extensions.json")["named"][extension.alias]
    assert [extension.name, extension.description, extension.updated] == [text.strip() for text in expected]


def test_every_declared_alias_is_one_of_neutrons() -> None:
    named = reference.data("neutron_extensions.json")["named"]
    assert {e.alias for e in NEUTRONS} <= {*reference.library(), *named}


def test_library_has_the_attributes_that_the_declarations_are_held_against() -> None:
    assert len(KEYS) > 150
    assert set(reference.library_attributes.RESOURCES) >= {"networks", "subnets", "ports", "subnetpools"}

"""Filters of lists: what a query says as text is compared as what the field holds."""

from typing import Any

import pytest

from tests.api.serving import Cloud, error
from tunbridge.api import query
from tunbridge.model import catalog
from tunbridge.model.resource import Field, Resource

_SPELLINGS: dict[str, dict[str, Any]] = {
    "boolean": {"True": True, "False": False, "true": True, "false": False, "1": True, "0": False},
    "integer": {"0": 0, "4": 4},
}


def _kinds(field: Field) -> set[str]:
    """Give the JSON types that values of a field have in answers, found in its schema by hand."""
    schema = field.answer_schema
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    names = {bool: "boolean", int: "integer"}
    return found | {names[type(value)] for value in schema.get("enum", ()) if type(value) in names}


CASES = [
    (resource, field, kind)
    for resource in catalog.RESOURCES
    for field in resource.fields
    for kind in _SPELLINGS
    if field.filter and kind in _kinds(field)
]


@pytest.mark.parametrize(("resource", "field", "kind"), CASES, ids=[f"{r.name}.{f.name}" for r, f, _ in CASES])
def test_a_filter_is_of_the_type_of_its_field(resource: Resource, field: Field, kind: str) -> None:
    for text, value in _SPELLINGS[kind].items():
        found = query.parse(resource, f"{field.name}={text}").filters[field.name]
        assert found == [value]
        assert type(found[0]) is type(value)


def test_there_are_filters_of_both_types() -> None:
    assert {"security_group.shared", "network_ip_availability.ip_version"} <= {
        f"{r.name}.{f.name}" for r, f, _ in CASES
    }


def test_what_is_no_truth_value_is_refused_for_a_computed_field_too(cloud: Cloud) -> None:
    message = "Invalid input for operation: 'maybe' cannot be converted to boolean."
    assert error(cloud.user("mia").get("/security-groups", shared="maybe")) == (400, "InvalidInput", message)


@pytest.mark.parametrize("version", [4, 6])
def test_availability_is_listed_by_the_version_of_its_subnets(cloud: Cloud, version: int) -> None:
    mia, admin = cloud.user("mia"), cloud.user()
    network = mia.create("network", name="versions")
    mia.create("subnet", network_id=network["id"], ip_version=4, cidr="10.77.0.0/24")
    mia.create("subnet", network_id=network["id"], ip_version=6, cidr="2001:db8:77::/64")
    (found,) = admin.list("network_ip_availability", network_id=network["id"], ip_version=version)
    assert [subnet["ip_version"] for subnet in found["subnet_ip_availability"]] == [version]
